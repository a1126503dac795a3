"""What an operation costs with many streams and many messages, counted and not timed."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import Instant
from reference_broker.queue import Message, Stream
from reference_broker.queue.routing import Router
from reference_broker.queue.store import MessageStore
from reference_broker.queue.tests.shapes import Bench, number, properties, spec

MANY = 400


class Count:
    """How often something was done."""

    def __init__(self) -> None:
        self.calls = 0
        self.items = 0


@pytest.fixture
def rebuilt(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return, for each time that turns were worked out, with how many streams."""
    calls: list[int] = []
    real = Router.rebuild

    def rebuild(router: Router, streams: dict[Stream, None]) -> None:
        calls.append(len(streams))
        real(router, streams)

    monkeypatch.setattr(Router, "rebuild", rebuild)
    return calls


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Count:
    """Count the messages that were looked up one by one."""
    count = Count()
    real = MessageStore.get

    def get(store: MessageStore, ordinal: int) -> Message | None:
        count.items += 1
        return real(store, ordinal)

    monkeypatch.setattr(MessageStore, "get", get)
    return count


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Count:
    """Count the messages that were read in runs."""
    count = Count()
    real = MessageStore.run

    def run(store: MessageStore, start: int, most: int) -> tuple[list[Message], int]:
        messages, end = real(store, start, most)
        count.calls += 1
        count.items += len(messages)
        return messages, end

    monkeypatch.setattr(MessageStore, "run", run)
    return count


class CountedLookups:
    """What expressions see, and how often they looked."""

    def __init__(self, bench: Bench) -> None:
        self.count = 0
        self._real = properties
        for app in bench.queue.apps.values():
            app._lookup = self

    def __call__(self, message: Message) -> Any:
        self.count += 1
        return self._real(message)


# Streams that go.


def test_turns_are_worked_out_once_for_many_streams(rebuilt: list[int]):
    bench = Bench()
    streams = [bench.reader(spec(1), connection=n) for n in range(MANY)]
    bench.post(*range(MANY))
    assert len(bench.deliver()) == MANY
    assert rebuilt == [MANY]
    for stream in streams[:-1]:
        assert bench.detach(stream) == 1
    bench.configure(streams[-1], spec())
    assert bench.numbers() == list(range(MANY - 1))
    assert rebuilt == [MANY, 1]


@pytest.mark.parametrize("is_backwards", [False, True])
def test_what_many_lost_streams_held_is_fetched_once(fetched: Count, is_backwards: bool):
    bench = Bench()
    streams = [bench.reader(spec(1), connection=n) for n in range(MANY)]
    bench.post(*range(MANY))
    bench.deliver()
    for stream in reversed(streams) if is_backwards else streams:
        bench.detach(stream)
    bench.reader(spec(), connection=MANY)
    assert bench.numbers() == list(range(MANY))
    assert fetched.items == MANY


def test_a_full_consumer_is_not_shown_what_it_cannot_take(read: Count):
    bench = Bench()
    stream = bench.reader(spec(10))
    bench.post(*range(MANY))
    bench.numbers()
    for n in range(MANY - 10):
        bench.confirm(stream, n)
        bench.numbers()
    assert read.items <= MANY


# Messages that are confirmed while they wait.


def test_a_guid_that_comes_again_does_not_scan_those_that_wait(fetched: Count, read: Count):
    bench = Bench(deduplication_ns=0)
    stream = bench.reader(spec(0))
    bench.post(*range(MANY))
    again = range(10, 60)
    for n in again:
        assert bench.confirm(stream, n) == [n]
        bench.queue.expire_history(Instant(bench.now + 1))
        assert bench.post(n) == [str(n)]
        bench.deliver()
    assert (fetched.items, read.items) == (0, 0)
    bench.configure(stream, spec())
    rest = [n for n in range(MANY) if n not in again]
    assert bench.all_numbers() == [*rest, *again]  # the copies of before are never delivered


def test_the_same_guid_again_and_again_is_delivered_once():
    bench = Bench(deduplication_ns=0)
    stream = bench.reader(spec(0))
    bench.post(*range(10))
    for _ in range(30):
        assert bench.confirm(stream, 5) == [5]
        assert bench.post(5) == ["5"]
    assert bench.queue.statistics()[:2] == (10, 10)
    bench.configure(stream, spec())
    assert bench.all_numbers() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 5]
    (app,) = bench.queue.apps.values()
    assert len(app.skipped) == 0


def test_a_returned_message_whose_guid_comes_again_is_delivered_once_and_unflagged():
    bench = Bench(deduplication_ns=0)
    lost = bench.reader(spec(4), connection=1)
    bench.post(*range(8))
    bench.deliver()
    waiting = bench.reader(spec(0), connection=2)
    bench.detach(lost)
    assert bench.confirm(waiting, 1, 6) == [1, 6]
    assert bench.post(1, 6) == ["1", "6"]
    bench.configure(waiting, spec())
    found: list[tuple[int, int]] = []
    while deliveries := bench.deliver():
        found += [(number(m), m[1]) for d in deliveries for m in d.messages]
    assert found == [(0, 4), (2, 4), (3, 4), (4, 0), (5, 0), (7, 0), (1, 0), (6, 0)]


def test_confirming_all_that_waits_looks_at_none(read: Count, fetched: Count):
    bench = Bench()
    stream = bench.reader(spec(0))
    bench.post(*range(MANY))
    for n in reversed(range(MANY)):
        assert bench.confirm(stream, n) == [n]
    assert (read.items, fetched.items) == (0, 0)
    assert bench.queue.statistics()[:2] == (0, 0)
    bench.configure(stream, spec())
    assert bench.numbers() == []
    (app,) = bench.queue.apps.values()
    assert len(app.skipped) == 0


# Messages that were put aside.


def test_each_message_is_asked_about_once_until_the_subscriptions_change():
    bench = Bench()
    stream = bench.reader(spec(1, wants="x >= 0"), spec(wants="x < 0", key="1/0"))
    lookups = CountedLookups(bench)
    bench.post(*range(MANY))
    got = bench.numbers()
    for n in range(MANY):  # each time the group has room again, and all others wait
        assert got == [n]
        bench.confirm(stream, n)
        got = bench.numbers()
    assert lookups.count == MANY


def test_what_nobody_wants_is_not_asked_about_again():
    bench = Bench()
    bench.reader(spec(wants="x < 0"))
    lookups = CountedLookups(bench)
    for n in range(MANY):
        bench.post(n)
        assert bench.numbers() == []
    assert lookups.count == MANY


def test_one_delivery_asks_about_a_bounded_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.queue.stream.ROUTING_LOOKS_MAX", 300)
    bench = Bench()
    stream = bench.reader(spec(wants="x < 0"))
    lookups = CountedLookups(bench)
    bench.post(*range(2_000))
    for _ in range(2):
        lookups.count = 0
        counts: list[int] = []
        while not counts or bench.queue.has_more:
            before = lookups.count
            assert bench.numbers() == []
            counts.append(lookups.count - before)
        assert max(counts) == 300
        assert sum(counts) == 2_000
        bench.configure(stream, spec(wants="x < -1"))


# Many messages at once.


def test_a_consumer_alone_gets_one_delivery_for_many_messages():
    bench = Bench()
    bench.reader(spec())
    bench.post(*range(1_000))
    (delivery,) = bench.deliver()
    assert [number(m) for m in delivery.messages] == list(range(1_000))
