from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from suites.chaos.recorder import Recorder
from suites.chaos.schedule import Action
from suites.harness.history import EventType, Function, HistoryWriter, read_history
from suites.harness.report import Band

QUEUE = "bmq://gauntlet.mem/q"
MS = 1_000_000


class Clock:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(tmp_path: Path, clock: Clock) -> Iterator[Recorder]:
    with HistoryWriter(tmp_path / "run.jsonl", clock=clock) as history:
        yield Recorder(history)


def put_and_ack(recorder: Recorder, value: str) -> None:
    recorder.note(Function.PUT, EventType.INVOKE, "p0", queue=QUEUE, value=value)
    recorder.note(Function.ACK, EventType.OK, "p0", queue=QUEUE, value=value)


def fault(recorder: Recorder, action: Action, event_type: EventType = EventType.OK) -> None:
    recorder.note(Function.FAULT, event_type, "nemesis", value=action)


def test_a_note_reaches_the_file_and_the_checker(tmp_path, recorder):
    put_and_ack(recorder, "p0:1")
    assert recorder.checker.counts.acknowledged == 1
    recorder._history.__exit__(None, None, None)
    functions = [event.function for event in read_history(tmp_path / "run.jsonl")]
    assert functions == [Function.PUT, Function.ACK]


def test_the_chart_shows_rates_and_faults(clock, recorder):
    for value, at_ms in [("p0:1", 0), ("p0:2", 199), ("p0:3", 400)]:
        clock.now_ns = at_ms * MS
        put_and_ack(recorder, value)
    fault(recorder, Action.CUT, EventType.INVOKE)
    clock.now_ns = 500 * MS
    fault(recorder, Action.CUT)
    fault(recorder, Action.CUT)
    clock.now_ns = 700 * MS
    fault(recorder, Action.HEAL)
    clock.now_ns = 900 * MS
    fault(recorder, Action.KILL)
    clock.now_ns = 1_000 * MS
    chart = recorder.chart("title")
    acks, deliveries = chart.series
    assert acks.points == ((0.0, 10.0), (0.2, 0.0), (0.4, 5.0), (0.6, 0.0), (0.8, 0.0))
    assert [value for _, value in deliveries.points] == [0.0] * 5
    assert chart.bands == (Band(0.5, 0.7, "cut"), Band(0.9, 1.0, "kill"))


def test_recovery_ends_with_the_first_acknowledgement(clock, recorder):
    put_and_ack(recorder, "p0:1")
    fault(recorder, Action.CUT)
    put_and_ack(recorder, "p0:2")
    assert recorder.recovery_s is None
    clock.now_ns = 2_000 * MS
    fault(recorder, Action.HEAL)
    clock.now_ns = 2_250 * MS
    put_and_ack(recorder, "p0:3")
    clock.now_ns = 3_000 * MS
    put_and_ack(recorder, "p0:4")
    assert recorder.recovery_s == 0.25


def test_waiting_ends_when_the_condition_holds(recorder: Recorder) -> None:
    counts = recorder.checker.counts
    seen: list[int] = []

    def condition() -> bool:
        seen.append(counts.acknowledged)
        return counts.acknowledged == 2

    async def run() -> bool:
        loop = asyncio.get_running_loop()
        for delay, value in [(0.01, "p0:1"), (0.05, "p0:2")]:
            loop.call_later(delay, put_and_ack, recorder, value)
        return await recorder.wait_until(condition, stall_s=30, limit_s=30)

    assert asyncio.run(run())
    assert seen == [0, 1, 2]  # asked after what happens, and not all the time


@pytest.mark.parametrize(("stall_s", "limit_s"), [(0.01, 30), (30, 0.01), (30, 0)])
def test_waiting_gives_up(recorder, stall_s, limit_s):
    is_there = asyncio.run(recorder.wait_until(lambda: False, stall_s=stall_s, limit_s=limit_s))
    assert not is_there


def test_waiting_for_what_is_there_already(recorder):
    assert asyncio.run(recorder.wait_until(lambda: True, stall_s=0, limit_s=0))
