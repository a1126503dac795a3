"""A queue URI is parsed exactly if it is of the grammar, and prints as it was written.

An input is the text of a URI as it comes in BER: octets that are not UTF-8 are kept. The witness is
one regular expression. For any text:

- it is accepted if and only if the witness matches, and the parts are those of the witness;
- it prints as it was written, and its canonical form is a URI of the same queue;
- the same name in the queue's own domain is the same queue;
- a refusal has a code of the peer's, and a text that is not much longer than the input.

Accepted rejections: `UriError`.
"""

from __future__ import annotations

import re
from typing import Final

from reference_broker.base import QueueUri, UriError
from reference_broker.base.uri import QUEUE_NAME_TOO_LONG, URI_CHARS_MAX, URI_TOO_LONG, WRONG_SCHEME

_WITNESS: Final = re.compile(
    r"""
    bmq://
    (?P<domain> [A-Za-z0-9._-]+ )
    (?: [.]~ (?P<tier> [A-Za-z0-9-]+ ) )?
    / (?P<queue> [A-Za-z0-9._-]{1,64} )
    (?: [?]id= (?P<app> [A-Za-z0-9._-]+ ) )?
    """,
    re.VERBOSE,
)
_REFUSAL_CHARS_MAX: Final = 100


def test_one_input(data: bytes) -> None:
    """Parse `data` as a URI.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    text = data.decode("utf-8", "surrogateescape")
    expected = _WITNESS.fullmatch(text) if len(text) <= URI_CHARS_MAX else None
    try:
        uri = QueueUri.parse(text)
    except UriError as error:
        _check_refusal(error, text, is_right=expected is not None)
        return
    assert expected is not None, f"{text!r} is accepted as {uri!r}"
    parts = tuple(part or "" for part in expected.group("domain", "tier", "queue", "app"))
    said = (uri.domain, uri.tier, uri.queue, uri.app_id)
    assert said == parts, f"{text!r} is parsed as {uri!r}"
    assert str(uri) == text, f"{text!r} is printed as {uri}"
    canonical = QueueUri.parse(uri.canonical)
    assert canonical == QueueUri(uri.domain, uri.tier, uri.queue, ""), f"{uri} became {canonical}"
    assert canonical.canonical == uri.canonical, f"{uri} became {canonical}"
    same = uri.in_domain(uri.qualified_domain)
    assert same == uri, f"{uri} in its own domain is {same}"


def _check_refusal(error: UriError, text: str, *, is_right: bool) -> None:
    assert not is_right, f"{text!r} is refused: {error}"
    assert URI_TOO_LONG <= error.code <= WRONG_SCHEME, f"code {error.code}: {error}"
    assert (error.code == URI_TOO_LONG) == (len(text) > URI_CHARS_MAX), f"{error}: {text!r}"
    assert error.code != QUEUE_NAME_TOO_LONG or len(text) > 64, f"{error}: {text!r}"
    assert 0 < len(str(error)) <= len(text) + _REFUSAL_CHARS_MAX, f"{error}: {text!r}"
