"""Latencies in HdrHistogram, and a value a second for the plots.

All values are recorded, in microseconds, with three significant digits (two in the plots).
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final, NamedTuple

from hdrh.histogram import HdrHistogram

from suites.stress.schedule import NANOSECONDS

#: An hour; what took longer counts as an hour.
VALUE_US_MAX: Final = 3_600_000_000
#: Points kept of each plot: the last hour.
POINTS_MAX: Final = 3600
#: A last interval shorter than this says too little about a rate.
_LAST_INTERVAL_NS_MIN: Final = NANOSECONDS // 2


class Kind(StrEnum):
    """What is measured, and the name of Locust's events for it."""

    ACK = "ack"  # from the intended send to the acknowledgement
    END_TO_END = "end-to-end"  # from the intended send to the consumer
    SLIP = "slip"  # from the intended send to the send


class Percentiles(NamedTuple):
    """A histogram in a row: values, and times in milliseconds; all 0 if it is empty."""

    total: int
    p50: float
    p90: float
    p99: float
    p999: float
    maximum: float


class Point(NamedTuple):
    """A second of a plot.

    Attributes:
        at_s: its middle, in seconds since the start.
        rate: messages a second.
        p99_ms: None if there was no message.
    """

    at_s: float
    rate: float
    p99_ms: float | None


class _Timeline:
    """Rate and p99 of each second since the start."""

    def __init__(self, start_ns: int) -> None:
        self.points: deque[Point] = deque(maxlen=POINTS_MAX)
        self._start_ns = start_ns
        self._second_ns = start_ns
        self._values = HdrHistogram(1, VALUE_US_MAX, 2)
        self._is_open = True

    def record(self, value_us: int, count: int, now_ns: int) -> None:
        if not self._is_open:
            return
        self._advance(now_ns)
        self._values.record_value(value_us, count)

    def close(self, now_ns: int) -> None:
        """Take no more; the last point covers what there is of its second."""
        if not self._is_open:
            return
        self._advance(now_ns)
        if now_ns - self._second_ns >= _LAST_INTERVAL_NS_MIN:
            self._end_second(now_ns - self._second_ns)
        self._is_open = False

    def _advance(self, now_ns: int) -> None:
        # Empty seconds that would fall out of the plot again need no point.
        horizon_ns = now_ns - (POINTS_MAX + 1) * NANOSECONDS
        if self._second_ns < horizon_ns:
            self._end_second(NANOSECONDS)
            self._second_ns += (horizon_ns - self._second_ns) // NANOSECONDS * NANOSECONDS
        while now_ns - self._second_ns >= NANOSECONDS:
            self._end_second(NANOSECONDS)

    def _end_second(self, length_ns: int) -> None:
        values = self._values
        middle_s = (self._second_ns - self._start_ns + length_ns / 2) / NANOSECONDS
        count = values.get_total_count()
        p99_ms = values.get_value_at_percentile(99) / 1000 if count else None
        self.points.append(Point(middle_s, count * NANOSECONDS / length_ns, p99_ms))
        if count:
            values.reset()
        self._second_ns += length_ns


class Latencies:
    """All the values of a run.

    Args:
        start_ns: when the run began.
    """

    def __init__(self, start_ns: int) -> None:
        self._histograms = {kind: HdrHistogram(1, VALUE_US_MAX, 3) for kind in Kind}
        self._timelines = {kind: _Timeline(start_ns) for kind in Kind}

    def record(self, kind: Kind, value_ns: int, count: int, now_ns: int) -> None:
        """Record the same value for `count` messages.

        Args:
            kind: what was measured.
            value_ns: nanoseconds, not negative.
            count: how many messages.
            now_ns: when, for the plot.
        """
        assert value_ns >= 0, value_ns
        value_us = min(value_ns // 1000, VALUE_US_MAX)
        is_recorded = self._histograms[kind].record_value(value_us, count)
        assert is_recorded, value_us
        self._timelines[kind].record(value_us, count, now_ns)

    def close_timelines(self, now_ns: int) -> None:
        """End the plots; histograms go on."""
        for timeline in self._timelines.values():
            timeline.close(now_ns)

    def percentiles(self, kind: Kind) -> Percentiles:
        """Return a histogram in a row."""
        histogram = self._histograms[kind]
        count = histogram.get_total_count()
        if not count:
            return Percentiles(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        p50, p90, p99, p999 = (
            histogram.get_value_at_percentile(percentile) / 1000
            for percentile in (50, 90, 99, 99.9)
        )
        return Percentiles(count, p50, p90, p99, p999, histogram.get_max_value() / 1000)

    def points(self, kind: Kind) -> tuple[Point, ...]:
        """Return the seconds that are complete."""
        return tuple(self._timelines[kind].points)
