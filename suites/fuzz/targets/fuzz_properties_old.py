"""Properties of the old style are read the same by all readers and survive encoding, or are refused.

An input is application data: an area whose headers hold the lengths of values, and a payload. What
must hold is written in `areas` and in `bodies`.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from suites.fuzz.oracles.areas import check_properties


def test_one_input(data: bytes) -> None:
    """Read the properties in front of the payload.

    Raises:
        Exception: a statement does not hold, or something unexpected was raised.
    """
    check_properties(data, is_new_style=False)
