"""Values as the peer prints them."""

from __future__ import annotations

from typing import Final

#: Units of time, with their size in those before.
_UNITS: Final = (
    ("us", 1_000),
    ("ms", 1_000),
    ("s", 1_000),
    ("m", 60),
    ("h", 60),
    ("d", 24),
    ("w", 7),
)


def pretty_time(nanoseconds: int) -> str:
    """Return a duration in its largest unit, with two decimals: `1.50 s`."""
    unit, size = "ns", 1
    for larger, factor in _UNITS:
        if nanoseconds < size * factor:
            break
        unit, size = larger, size * factor
    if size == 1:
        return f"{nanoseconds} ns"
    return f"{nanoseconds / size:.2f} {unit}"
