"""Intended times do not depend on what happens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from suites.stress.schedule import NANOSECONDS, Schedule


def take_all(schedule: Schedule, now_ns: int) -> list[int]:
    taken = []
    while (intended_ns := schedule.take(now_ns)) is not None:
        taken.append(intended_ns)
    return taken


def test_batches_are_due_at_a_constant_rate() -> None:
    schedule = Schedule(1000, rate=2000, batch=10)
    assert take_all(schedule, 1000) == [1000]
    assert schedule.next_ns == 5_001_000
    assert schedule.take(5_000_999) is None
    assert take_all(schedule, 15_001_000) == [5_001_000, 10_001_000, 15_001_000]


@given(st.lists(st.integers(0, 10**9), max_size=20), st.integers(1, 10**6), st.integers(1, 1000))
def test_stalls_do_not_move_it(pauses_ns: list[int], rate: int, batch: int) -> None:
    calm, stalled = Schedule(7, rate, batch), Schedule(7, rate, batch)
    got: list[int] = []
    now_ns, limit = 7, 50
    for pause_ns in pauses_ns:
        now_ns += pause_ns
        while len(got) < limit and (intended_ns := stalled.take(now_ns)) is not None:
            got.append(intended_ns)
    assert got == [calm.take(2**62) for _ in got]


def test_rounding_does_not_add_up() -> None:
    schedule = Schedule(0, rate=7, batch=3)
    for _ in range(7 * 1000):
        schedule.take(2**62)
    assert schedule.next_ns == 3 * 1000 * NANOSECONDS
