"""Histograms and timelines, in virtual time."""

from __future__ import annotations

import pytest

from suites.stress.latency import POINTS_MAX, VALUE_US_MAX, Kind, Latencies, Percentiles
from suites.stress.schedule import NANOSECONDS

MS = 1_000_000


def test_every_message_counts_with_microseconds() -> None:
    latencies = Latencies(0)
    for value_us in range(1, 1001):
        latencies.record(Kind.ACK, value_us * 1000, 10, 0)
    found = latencies.percentiles(Kind.ACK)
    assert found == Percentiles(10_000, 0.5, 0.9, 0.99, 0.999, 1.0)
    assert latencies.percentiles(Kind.END_TO_END) == Percentiles(0, 0, 0, 0, 0, 0)


def test_three_digits_are_kept() -> None:
    latencies = Latencies(0)
    latencies.record(Kind.SLIP, 123_456 * MS, 1, 0)
    assert latencies.percentiles(Kind.SLIP).p50 == pytest.approx(123_456, rel=1e-3)


def test_a_tail_of_one_in_a_thousand_is_seen() -> None:
    latencies = Latencies(0)
    latencies.record(Kind.ACK, MS, 9_980, 0)
    latencies.record(Kind.ACK, 1000 * MS, 20, 0)
    found = latencies.percentiles(Kind.ACK)
    assert found.p99 == pytest.approx(1, rel=1e-3)
    assert found.p999 == pytest.approx(1000, rel=1e-3)
    assert found.maximum == pytest.approx(1000, rel=1e-3)


def test_beyond_an_hour_counts_as_an_hour() -> None:
    latencies = Latencies(0)
    latencies.record(Kind.ACK, 2 * VALUE_US_MAX * 1000, 1, 0)
    found = latencies.percentiles(Kind.ACK)
    assert found.total == 1
    assert found.maximum == pytest.approx(VALUE_US_MAX / 1000, rel=1e-3)


def test_nothing_takes_less_than_no_time() -> None:
    with pytest.raises(AssertionError):
        Latencies(0).record(Kind.ACK, -1, 1, 0)


def test_a_point_a_second() -> None:
    start_ns = 5 * NANOSECONDS
    latencies = Latencies(start_ns)
    for second, value_ms in enumerate((1, 20, 3)):
        at_ns = start_ns + second * NANOSECONDS + 300 * MS
        latencies.record(Kind.ACK, value_ms * MS, 100, at_ns)
        latencies.record(Kind.ACK, value_ms * MS, 100, at_ns + 600 * MS)
    latencies.close_timelines(start_ns + 3 * NANOSECONDS)
    points = latencies.points(Kind.ACK)
    assert [(point.at_s, point.rate) for point in points] == [(0.5, 200), (1.5, 200), (2.5, 200)]
    assert [point.p99_ms for point in points] == [
        pytest.approx(value, rel=1e-2) for value in (1, 20, 3)
    ]


def test_a_silent_second_has_no_p99() -> None:
    latencies = Latencies(0)
    latencies.record(Kind.ACK, MS, 1, 0)
    latencies.record(Kind.ACK, MS, 1, 2 * NANOSECONDS)
    latencies.close_timelines(2 * NANOSECONDS + NANOSECONDS // 2)
    points = latencies.points(Kind.ACK)
    assert [point.rate for point in points] == [1, 0, 2]
    assert [point.p99_ms is None for point in points] == [False, True, False]


def test_a_sliver_of_a_second_is_no_point() -> None:
    latencies = Latencies(0)
    latencies.record(Kind.ACK, MS, 1, 0)
    latencies.record(Kind.ACK, MS, 1, NANOSECONDS + 1)
    latencies.close_timelines(NANOSECONDS + 100 * MS)
    assert len(latencies.points(Kind.ACK)) == 1


def test_what_comes_after_the_load_is_only_in_the_histogram() -> None:
    latencies = Latencies(0)
    latencies.close_timelines(NANOSECONDS)
    latencies.record(Kind.ACK, MS, 1, 2 * NANOSECONDS)
    latencies.close_timelines(3 * NANOSECONDS)
    assert len(latencies.points(Kind.ACK)) == 1
    assert latencies.percentiles(Kind.ACK).total == 1


def test_an_hour_of_points_is_kept() -> None:
    latencies = Latencies(0)
    latencies.record(Kind.ACK, MS, 1, 0)
    latencies.record(Kind.ACK, MS, 1, 1_000_000 * NANOSECONDS)
    latencies.close_timelines(1_000_001 * NANOSECONDS)
    points = latencies.points(Kind.ACK)
    assert len(points) == POINTS_MAX
    assert points[-1].at_s == 1_000_000.5
    assert points[-2].at_s == 999_999.5
