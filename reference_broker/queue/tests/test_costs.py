"""What an operation costs with many streams and many messages, counted and not timed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from reference_broker.base import Instant
from reference_broker.queue import Message, Queue
from reference_broker.queue import queue as queue_module
from reference_broker.queue.tests.shapes import Bench, guid, number, spec

MANY = 400


class CountedDeque(deque[Any]):
    """A deque that counts how many messages were looked at by going through it."""

    looks = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            CountedDeque.looks += 1
            yield item


@pytest.fixture(autouse=True)
def _count_from_zero() -> None:
    CountedDeque.looks = 0


def counted(bench: Bench) -> CountedDeque:
    """Watch the messages that wait in a queue for the first time."""
    watched = bench.queue._fresh = CountedDeque(bench.queue._fresh)
    CountedDeque.looks = 0
    return watched


# Streams that go.


def test_turns_are_worked_out_once_for_many_streams(monkeypatch: pytest.MonkeyPatch):
    calls: list[int] = []
    real = Queue._refresh

    def refresh(queue: Queue) -> None:
        calls.append(len(queue.streams))
        real(queue)

    monkeypatch.setattr(Queue, "_refresh", refresh)
    bench = Bench()
    streams = [bench.reader(spec(1), connection=n) for n in range(MANY)]
    bench.post(*range(MANY))
    assert len(bench.deliver()) == MANY
    assert calls == [MANY]
    for stream in streams[:-1]:
        assert bench.queue.detach(stream) == 1
    bench.configure(streams[-1], spec())
    assert bench.numbers() == list(range(MANY - 1))
    assert calls == [MANY, 1]


@pytest.mark.parametrize("is_backwards", [False, True])
def test_what_many_lost_streams_held_is_sorted_once(
    monkeypatch: pytest.MonkeyPatch, is_backwards: bool
):
    sorted_in: list[int] = []

    def ordinal(message: Message) -> int:
        sorted_in.append(message[5])
        return message[5]

    monkeypatch.setattr(queue_module, "_ordinal", ordinal)
    bench = Bench()
    streams = [bench.reader(spec(1), connection=n) for n in range(MANY)]
    bench.post(*range(MANY))
    bench.deliver()
    for stream in reversed(streams) if is_backwards else streams:
        bench.queue.detach(stream)
    bench.reader(spec(), connection=MANY)
    assert bench.numbers() == list(range(MANY))
    assert len(sorted_in) == MANY


# Messages that are confirmed while they wait.


def test_a_guid_that_comes_again_does_not_scan_those_that_wait():
    bench = Bench(deduplication_ns=0)
    stream = bench.reader(spec(0))
    bench.post(*range(MANY))
    fresh = counted(bench)
    again = range(10, 60)
    for n in again:
        assert bench.confirm(stream, n) == [n]
        bench.queue.expire_history(Instant(bench.now + 1))
        assert bench.post(n) == [str(n)]
    assert bench.queue._fresh is fresh
    assert CountedDeque.looks == 0
    bench.configure(stream, spec())
    rest = [n for n in range(MANY) if n not in again]
    assert all_numbers(bench) == [*rest, *again]  # the copies of before are never delivered


def test_the_same_guid_again_and_again_is_delivered_once():
    bench = Bench(deduplication_ns=0)
    stream = bench.reader(spec(0))
    bench.post(*range(10))
    for _ in range(30):
        assert bench.confirm(stream, 5) == [5]
        assert bench.post(5) == ["5"]
    assert bench.queue.statistics()[:2] == (10, 10)
    bench.configure(stream, spec())
    assert all_numbers(bench) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 5]
    assert bench.queue._withdrawn == set()


def test_a_returned_message_whose_guid_comes_again_is_delivered_once_and_unflagged():
    bench = Bench(deduplication_ns=0)
    lost = bench.reader(spec(4), connection=1)
    bench.post(*range(8))
    bench.deliver()
    waiting = bench.reader(spec(0), connection=2)
    bench.queue.detach(lost)
    assert bench.confirm(waiting, 1, 6) == [1, 6]
    assert bench.post(1, 6) == ["1", "6"]
    bench.configure(waiting, spec())
    found: list[tuple[int, int]] = []
    while deliveries := bench.deliver():
        found += [(number(m), m[1]) for d in deliveries for m in d.messages]
    assert found == [(0, 4), (2, 4), (3, 4), (4, 0), (5, 0), (7, 0), (1, 0), (6, 0)]


def test_confirming_all_that_waits_looks_at_each_a_few_times():
    bench = Bench()
    stream = bench.reader(spec(0))
    bench.post(*range(MANY))
    fresh = counted(bench)
    for n in reversed(range(MANY)):
        assert bench.confirm(stream, n) == [n]
        if bench.queue._fresh is not fresh:  # it was copied, as most of it was to be skipped
            fresh = bench.queue._fresh = CountedDeque(bench.queue._fresh)
    assert CountedDeque.looks <= 6 * MANY
    assert bench.queue.statistics()[:2] == (0, 0)
    bench.configure(stream, spec())
    assert bench.numbers() == []
    assert not bench.queue._fresh
    assert bench.queue._messages.get(guid(0)) is None


def all_numbers(bench: Bench) -> list[int]:
    """Deliver until nothing is left."""
    found: list[int] = []
    while now := bench.numbers():
        found += now
    return found
