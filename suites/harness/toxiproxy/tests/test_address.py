from __future__ import annotations

import pytest

from suites.harness.toxiproxy.address import Address, parse_loopback
from suites.harness.toxiproxy.errors import ToxiproxyError


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80), "127.0.0.1:80"),
        ("127.9.8.7:0", ("127.9.8.7", 0), "127.9.8.7:0"),
        ("localhost:65535", ("127.0.0.1", 65535), "127.0.0.1:65535"),
        ("[::1]:80", ("::1", 80), "[::1]:80"),
    ],
)
def test_loopback_addresses_are_read_and_shown(text, address, shown):
    parsed = parse_loopback("listen", text)
    assert parsed == Address(*address)
    assert str(parsed) == shown


@pytest.mark.parametrize(
    ("field", "text", "status"),
    [
        ("listen", "", 500),
        ("listen", "127.0.0.1", 500),
        ("listen", "127.0.0.1:", 500),
        ("listen", "127.0.0.1:x", 500),
        ("listen", "127.0.0.1:-1", 500),
        ("listen", "127.0.0.1:²", 500),
        ("listen", "127.0.0.1:65536", 400),
        ("listen", "127.0.0.1:" + "9" * 10_000, 400),
        ("listen", ":80", 400),
        ("listen", "0.0.0.0:80", 400),
        ("listen", "[::]:80", 400),
        ("listen", "[::ffff:192.0.2.1]:80", 400),
        ("upstream", "127.0.0.1", 400),
        ("upstream", "127.0.0.1:0", 400),
        ("upstream", "broker:80", 400),
        ("upstream", "128.0.0.1:80", 400),
    ],
)
def test_other_addresses_are_refused_with_the_field_named(field, text, status):
    with pytest.raises(ToxiproxyError, match=f"^{field} ") as caught:
        parse_loopback(field, text)
    assert caught.value.status == status
