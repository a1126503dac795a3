from __future__ import annotations

import pytest

from reference_broker.wire.properties import Property, PropertyType, encode_properties
from suites.fuzz.oracles.areas import check_properties

PROPERTIES = [
    Property("b", PropertyType.BOOL, value=True),
    Property("c", PropertyType.CHAR, b"\x80"),
    Property("i", PropertyType.INT32, -5),
    Property("s", PropertyType.STRING, "é"),
    Property("y", PropertyType.BINARY, b"\0"),
    Property("zé", PropertyType.STRING, ""),
]


@pytest.mark.parametrize("is_new_style", [False, True])
@pytest.mark.parametrize("payload", [b"", b"payload"])
def test_all_types_pass_in_both_styles(is_new_style, payload):
    check_properties(
        encode_properties(PROPERTIES, new_style=is_new_style) + payload, is_new_style=is_new_style
    )


@pytest.mark.parametrize("data", [b"", b"\0" * 6, b"\x1b\0\0\1\0\1", b"\x1b\0\0\2\0\0\2\2"])
def test_what_is_refused_passes_too(data):
    check_properties(data, is_new_style=False)
    check_properties(data, is_new_style=True)
