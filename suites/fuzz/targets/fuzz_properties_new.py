"""Properties of the new style are read the same by all readers, survive conversion, or are refused.

An input is application data: an area whose headers hold the offsets of names, and a payload. What
must hold is written in `areas` and in `bodies`, and of an area that is refused:

- if its sizes do not agree it cannot be converted to the old style, for the same reason;
- if they agree it can, and is refused in the old style for the same reason.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from reference_broker.base import WireError
from reference_broker.wire.properties import convert_to_old_style, decode_properties
from suites.fuzz.oracles.areas import check_properties
from suites.fuzz.oracles.bodies import check_rejection


def test_one_input(data: bytes) -> None:
    """Read the properties in front of the payload, and convert them.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if check_properties(data, is_new_style=True):
        return
    before = _refusal(data, is_new_style=True)
    try:
        old = convert_to_old_style(data)
    except WireError as error:
        _check_refusal(error, before, data)
        return
    after = _refusal(old, is_new_style=False)
    assert before == after, f"in the new style: {before}, in the old one: {after}"


def _check_refusal(error: WireError, refused: str, data: bytes) -> None:
    check_rejection(error, len(data))
    assert str(error) == refused, f"converting: {error}, decoding: {refused}"


def _refusal(data: bytes, *, is_new_style: bool) -> str:
    """Return why an area is refused; nothing if it is not."""
    try:
        decode_properties(data, new_style=is_new_style)
    except WireError as error:
        return str(error)
    return ""
