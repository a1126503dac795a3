from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from suites.fuzz.core import words
from suites.fuzz.core.app_model import Message
from suites.fuzz.core.queue_model import OUT_OF_ORDER, DomainModel, Posted, QueueModel

PRIORITY, SYNCED, FANOUT, BROADCAST, AGING, SMALL = range(6)
POISON = 7
S = 1_000_000_000


class Bench:
    """A queue, and short words for what happens to it."""

    def __init__(self, number: int) -> None:
        spec = words.QUEUES[number]
        self.queue = QueueModel(spec, DomainModel(spec.domain_limit))
        self.numbers = count(1)

    def post(self, **others: Any) -> Message:
        message = self.message(**others)
        assert self.queue.post(message, 0) is Posted.STORED
        return message

    def message(self, guid: bytes | None = b"", at: int = 0) -> Message:
        order = next(self.numbers)
        guid = order.to_bytes(16, "big") if guid == b"" else guid
        return Message(order, b"%d" % order, 0, (0, False), at, guid)

    def reader(self, connection: int = 2, sub_id: int = 0, flow: int = 0):
        reader = self.queue.attach(connection, sub_id, is_old=False, is_paused=False)
        reader.configure(words.FLOWS[flow])
        return reader

    def push(self, reader, message, flags=0, data=None):
        data = message.data if data is None else data
        self.queue.pushed(reader, message.guid, flags, message.coding, data)

    def done(self) -> None:
        self.queue.step_done()
        self.queue.settled()


@pytest.fixture
def bench(request):
    return Bench(getattr(request, "param", PRIORITY))


def test_posted_delivered_confirmed(bench):
    reader = bench.reader()
    one, two = bench.post(), bench.post()
    bench.push(reader, one)
    bench.push(reader, two)
    bench.done()
    assert (bench.queue.counts(), bench.queue.held()) == ((2, 2, True), 2)
    bench.queue.confirm(reader, one.guid, 0)
    assert (bench.queue.counts(), bench.queue.held()) == ((1, 1, True), 1)


def test_who_has_room_does_not_wait(bench):
    bench.reader()
    bench.post()
    with pytest.raises(AssertionError, match="has room"):
        bench.done()


def test_nobody_is_passed_over(bench):
    reader = bench.reader()
    bench.post()
    bench.push(reader, bench.post())
    with pytest.raises(AssertionError, match="which is older"):
        bench.done()


@pytest.mark.parametrize(
    ("again", "match"), [(0, "connection 2 holds it"), (OUT_OF_ORDER, "connection 2 holds it")]
)
def test_nothing_is_held_twice(bench, again, match):
    one, two = bench.reader(2), bench.reader(3)
    message = bench.post()
    bench.push(one, message)
    with pytest.raises(AssertionError, match=match):
        bench.push(two, message, again)


def test_what_comes_back_is_flagged_and_goes_first(bench):
    one = bench.reader(2)
    first, second = bench.post(), bench.post()
    bench.push(one, first)
    bench.push(one, second)
    bench.queue.detach(one, is_lost=False, now=0)
    two = bench.reader(3)
    with pytest.raises(AssertionError, match="not flagged"):
        bench.push(two, first)
    two = bench.reader(4)
    bench = Bench(PRIORITY)
    one, first, second = bench.reader(2), bench.post(), bench.post()
    bench.push(one, first)
    bench.queue.detach(one, is_lost=False, now=0)
    two = bench.reader(3)
    bench.push(two, second)
    with pytest.raises(AssertionError, match="waits to be delivered again"):
        bench.queue.step_done()


def test_confirmed_never_comes_again(bench):
    reader = bench.reader()
    message = bench.post()
    bench.push(reader, message)
    bench.queue.confirm(reader, message.guid, 0)
    with pytest.raises(AssertionError, match="is done with it"):
        bench.push(reader, message, OUT_OF_ORDER)


def test_nothing_is_made_up_or_changed(bench):
    reader = bench.reader()
    with pytest.raises(AssertionError, match="never posted"):
        bench.push(reader, bench.message())
    with pytest.raises(AssertionError, match="other data"):
        bench.push(reader, bench.post(), data=b"other")
    with pytest.raises(AssertionError, match="flags"):
        bench.push(reader, bench.post(), flags=1)
    with pytest.raises(AssertionError, match="as if it had been delivered before"):
        bench.push(reader, bench.post(), OUT_OF_ORDER)


def test_windows(bench):
    reader = bench.reader(flow=2)  # of five
    for _ in range(5):
        bench.push(reader, bench.post())
    waiting = bench.post()
    bench.done()
    with pytest.raises(AssertionError, match="has enough"):
        bench.push(reader, waiting)
    bench.queue.confirm(reader, next(iter(reader.held)), 0)
    with pytest.raises(AssertionError, match="has room"):
        bench.done()


def test_priorities(bench):
    low, high = bench.reader(2), bench.reader(3, flow=3)
    with pytest.raises(AssertionError, match="its priority is 1"):
        bench.push(low, bench.post())
    bench.push(high, bench.post())


def test_names_that_the_broker_gives(bench):
    message = bench.message(guid=None)
    assert bench.queue.post(message, 0) is Posted.STORED
    bench.queue.pushed(bench.reader(), b"n" * 16, 0, (0, False), message.data)
    assert message.guid == b"n" * 16
    other = bench.message(guid=None)
    bench.queue.post(other, 0)
    with pytest.raises(AssertionError, match="given to two messages"):
        bench.queue.name(other, b"n" * 16)


def test_guids_that_come_again(bench):
    message = bench.post()
    again = bench.message(guid=message.guid)
    assert bench.queue.post(again, 0) is Posted.DUPLICATE
    bench.queue.purge("*", 0)
    assert bench.queue.post(again, 10 * S) is Posted.DUPLICATE
    assert bench.queue.post(again, 10_000 * S) is Posted.UNSURE
    assert bench.queue.counts()[2] is False


@pytest.mark.parametrize("bench", [SMALL], indirect=True)
def test_one_more_than_the_limit_fits(bench):
    outcomes = [bench.queue.post(bench.message(), 0) for _ in range(4)]
    assert outcomes == [Posted.STORED] * 3 + [Posted.FULL]
    bench.queue.domain.stored = bench.queue.domain.limit + 1
    bench.queue.purge("*", 0)
    assert bench.queue.post(bench.message(), 0) is Posted.STORED


@pytest.mark.parametrize("bench", [FANOUT], indirect=True)
def test_each_app_needs_each_message(bench):
    foo, bar = bench.reader(2, 1), bench.reader(3, 2)
    stranger = bench.reader(4, 3)
    message = bench.post()
    bench.push(foo, message)
    bench.push(bar, message)
    bench.queue.confirm(foo, message.guid, 0)
    assert bench.queue.counts() == (1, 1, True)
    with pytest.raises(AssertionError, match="unknown"):
        bench.push(stranger, message)
    bench.queue.purge("bar", 0)
    assert bench.queue.counts() == (0, 0, True)
    assert bench.queue.held() == 1  # what is gone may still be confirmed


@pytest.mark.parametrize("bench", [BROADCAST], indirect=True)
def test_broadcast(bench):
    one, two = bench.reader(2), bench.reader(3)
    message = bench.post()
    bench.push(one, message)
    with pytest.raises(AssertionError, match="a second time"):
        bench.push(one, message)
    with pytest.raises(AssertionError, match="connection 3 missed"):
        bench.done()
    bench.push(two, message)
    bench.done()
    with pytest.raises(AssertionError, match="posted before"):
        bench.push(two, message)


@pytest.mark.parametrize("bench", [POISON], indirect=True)
def test_poison(bench):
    message = bench.post()
    for left, flags in ((1, 0), (0, OUT_OF_ORDER)):
        reader = bench.reader()
        bench.push(reader, message, flags)
        bench.queue.detach(reader, is_lost=True, now=0)
        assert bench.queue.counts() == (left, left, True)


@pytest.mark.parametrize("bench", [AGING], indirect=True)
def test_age(bench):
    bench.post(at=0)
    bench.post(at=5 * S)
    for seconds, counts in ((5, (2, 2)), (7, (1, 2)), (13, (0, 1)), (30, (0, 0))):
        bench.queue.age(seconds * S, 0)
        assert bench.queue.counts()[:2] == counts, seconds


@pytest.mark.parametrize("bench", [SYNCED], indirect=True)
@pytest.mark.parametrize(("is_power_lost", "counts"), [(False, (2, 2, True)), (True, (1, 3, True))])
def test_restart(bench, is_power_lost, counts):
    reader = bench.reader()
    promised, confirmed, _ = bench.post(), bench.post(), bench.post()
    promised.is_promised = confirmed.is_promised = True
    bench.push(reader, promised)
    bench.push(reader, confirmed)
    bench.queue.confirm(reader, confirmed.guid, 0)
    after = bench.queue.restart(is_power_lost=is_power_lost)
    assert (after.counts(), after.held()) == (counts, 0)


def test_memory_is_gone_after_a_restart(bench):
    bench.post()
    after = bench.queue.restart(is_power_lost=False)
    assert (after.counts(), after.domain.stored) == ((0, 0, True), 0)
