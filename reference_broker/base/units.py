"""Time as integers.

`Instant` is nanoseconds on a monotonic axis whose zero means nothing; `Duration` is the difference
of two. Wall-clock time is always a separate, explicit argument called `wall_ns` and serves only
for stamps that people and other machines read.
"""

from __future__ import annotations

from typing import NewType

Instant = NewType("Instant", int)
Duration = NewType("Duration", int)


def seconds(count: float) -> Duration:
    """Return `count` seconds as a duration in nanoseconds."""
    return Duration(round(count * 1_000_000_000))


def milliseconds(count: float) -> Duration:
    """Return `count` milliseconds as a duration in nanoseconds."""
    return Duration(round(count * 1_000_000))
