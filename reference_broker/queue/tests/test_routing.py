"""Which subscription gets a message, with expressions."""

from __future__ import annotations

import pytest

from reference_broker.queue import QueueMode, Stream, SubscriptionSpec
from reference_broker.queue.routing import Group, Router
from reference_broker.queue.tests.shapes import (
    OUT_OF_ORDER,
    Bench,
    message,
    number,
    properties,
    spec,
)


def router(*specs: SubscriptionSpec) -> Router:
    """Return a router with one stream for each subscription."""
    streams = [Stream(index, 0, 0) for index in range(len(specs))]
    for stream, wanted in zip(streams, specs, strict=True):
        stream.configure((wanted,))
    found = Router()
    found.rebuild(streams)
    assert found.look() is found.has_capacity()
    return found


def by_push_id(bench: Bench) -> dict[int, list[int]]:
    """Deliver and return the numbers of the messages by the subscription that got them."""
    found: dict[int, list[int]] = {}
    for delivery in bench.deliver():
        numbers = found.setdefault(delivery.subscription.spec.push_id, [])
        numbers += [number(m) for m in delivery.messages]
    return found


# Groups.


def test_subscriptions_without_expressions_are_one_group_and_nothing_is_asked():
    found = router(spec(), spec())
    assert found.only is found.groups[0]
    assert found.expressions() == []


@pytest.mark.parametrize(
    "specs", [[], [spec(wants="x > 1")], [spec(), spec(wants="x > 1")], [spec(0), spec(size=0)]]
)
def test_otherwise_messages_must_be_looked_at(specs: list[SubscriptionSpec]):
    assert router(*specs).only is None


def test_groups_are_ordered_by_priority_then_as_they_come():
    found = router(
        spec(wants="x > 1"),
        spec(wants="x > 2", priority=2),
        spec(wants="x > 3"),
        spec(wants="x > 1", priority=1),
    )
    assert found.expressions() == ["x > 2", "x > 1", "x > 3"]
    assert [len(group.subscriptions) for group in found.groups] == [1, 1, 1]


def test_a_message_is_looked_at_once_for_all_expressions():
    found = router(spec(wants="x < 0"), spec(wants="x < 1"), spec(wants="x < 2"))
    looks: list[int] = []

    def lookup(seen):
        looks.append(number(seen))
        return properties(seen)

    assert found.route(message(5, 0), lookup) == []
    assert looks == [5]


def test_no_message_is_looked_at_for_a_group_that_takes_everything():
    found = router(spec(priority=1), spec(wants="x < 0"))

    def lookup(_):
        raise AssertionError

    target = found.route(message(5, 0), lookup)
    assert isinstance(target, Group)
    assert target.text == ""


# Routing.


def test_non_overlapping_expressions():
    bench = Bench()
    bench.reader(spec(wants="x <= 2", push_id=1), spec(wants="x > 2", push_id=2, key="1/0"))
    bench.post(*range(5))
    assert by_push_id(bench) == {1: [0, 1, 2], 2: [3, 4]}


def test_the_first_group_that_matches_gets_it():
    bench = Bench()
    bench.reader(spec(wants="x >= 0", push_id=1), spec(wants="x >= 1", push_id=2, key="1/0"))
    bench.post(0, 1, 2)
    assert by_push_id(bench) == {1: [0, 1, 2]}


def test_at_one_level_a_group_with_room_gets_what_a_full_one_cannot_take():
    bench = Bench()
    bench.reader(spec(1, wants="x >= 0", push_id=1), spec(wants="x >= 1", push_id=2, key="1/0"))
    bench.post(0, 1, 2)
    assert by_push_id(bench) == {1: [0], 2: [1, 2]}


def test_a_message_never_spills_to_a_lower_level():
    bench = Bench()
    stream = bench.reader(
        spec(1, wants="x < 5", push_id=1, priority=1), spec(wants="x >= 0", push_id=2, key="1/0")
    )
    bench.post(0, 1, 7)
    assert by_push_id(bench) == {1: [0], 2: [7]}
    bench.confirm(stream, 0)
    assert by_push_id(bench) == {1: [1]}


def test_in_a_group_only_the_highest_priority_is_served():
    bench = Bench()
    high = bench.reader(spec(5, wants="x >= 0", priority=20), connection=1)
    low = bench.reader(spec(15, wants="x >= 0", priority=1), connection=2)
    bench.post(*range(15))
    assert bench.turns() == [(high, n) for n in range(5)]
    bench.confirm(high, *range(5))
    assert bench.turns() == [(high, n) for n in range(5, 10)]
    bench.configure(low, spec(15, wants="x >= 0", priority=400))
    bench.confirm(high, *range(5, 10))
    assert bench.turns() == [(low, n) for n in range(10, 15)]


def test_turns_inside_a_group_have_weights():
    bench = Bench()
    a = bench.reader(spec(weight=2, wants="x >= 0"), connection=1)
    b = bench.reader(spec(wants="x >= 0"), connection=2)
    bench.post(*range(6))
    assert [stream for stream, _ in bench.turns()] == [a, a, b, a, a, b]


def test_the_observed_overtaking():
    bench = Bench()
    stream = bench.reader(
        spec(2, wants="x > 5", push_id=1), spec(wants="x <= 5", push_id=2, key="1/0")
    )
    bench.post(1, 10, 2, 11, 12, 13, 3)
    assert by_push_id(bench) == {1: [10, 11], 2: [1, 2, 3]}
    bench.configure(stream, spec(20, wants="x > 5", push_id=3, key="2/0"))
    assert bench.flagged() == [(12, OUT_OF_ORDER), (13, OUT_OF_ORDER)]
    bench.post(4)
    assert bench.flagged() == []
    bench.configure(stream, spec(20, push_id=4, key="3/0"))
    assert bench.flagged() == [(4, OUT_OF_ORDER)]


def test_what_waits_for_a_group_goes_out_in_order_when_it_has_room():
    bench = Bench()
    stream = bench.reader(spec(2, wants="x < 9"), spec(wants="x >= 9", key="1/0"))
    bench.post(*range(6), 9)
    assert bench.numbers() == [0, 1, 9]
    bench.confirm(stream, 0, 1)
    assert bench.flagged() == [(2, OUT_OF_ORDER), (3, OUT_OF_ORDER)]
    bench.post(6)
    bench.confirm(stream, 2, 3)
    assert bench.numbers() == [4, 5]
    bench.confirm(stream, 4, 5)
    assert bench.numbers() == [6]


def test_what_was_looked_at_again_goes_before_what_was_not_yet():
    bench = Bench()
    odd = bench.reader(spec(1, wants="x % 2 == 1"), connection=1)
    bench.reader(spec(wants="x < 0"), connection=2)
    bench.post(7, *range(6))
    assert bench.numbers() == [7]  # the others are put aside
    even = bench.reader(spec(2, wants="x % 2 == 0"), connection=3)
    bench.configure([*bench.queue.streams][1])
    assert bench.turns() == [(even, 0), (even, 2)]  # 1 waits, 3 and later are not looked at
    bench.confirm(odd, 7)
    assert bench.turns() == [(odd, 1)]
    bench.confirm(odd, 1)
    bench.confirm(even, 0, 2)
    assert bench.turns() == [(odd, 3), (even, 4)]


def test_a_message_that_waits_for_two_groups_is_delivered_once():
    bench = Bench()
    a = bench.reader(spec(1, wants="x >= 0"), connection=1)
    b = bench.reader(spec(1, wants="x >= 1"), connection=2)
    bench.reader(spec(wants="x < 0"), connection=3)  # so that what is full does not stop all
    bench.post(0, 1, 2, 3)
    assert bench.turns() == [(a, 0), (b, 1)]
    bench.confirm(b, 1)
    assert bench.turns() == [(b, 2)]
    bench.confirm(a, 0)
    assert bench.turns() == [(a, 3)]
    bench.confirm(a, 3)
    bench.confirm(b, 2)
    assert bench.turns() == []
    assert bench.queue.usage.messages == 0


# Broadcast.


def test_broadcast_goes_to_everybody_of_the_highest_priority():
    bench = Bench(mode=QueueMode.BROADCAST)
    a = bench.reader(spec(priority=2), connection=1)
    b = bench.reader(spec(priority=2), connection=2)
    bench.reader(spec(priority=1), connection=3)
    assert bench.post(1, 2) == ["1", "2"]
    assert bench.turns() == [(a, 1), (a, 2), (b, 1), (b, 2)]
    assert bench.queue.statistics()[:3] == (0, 0, 0)


def test_broadcast_asks_expressions_and_takes_the_highest_of_each():
    bench = Bench(mode=QueueMode.BROADCAST)
    bench.reader(spec(wants="x >= 0"), connection=1)
    every = bench.reader(spec(wants="x >= 0", priority=1), connection=2)
    less = bench.reader(spec(wants="x < 3", priority=1), connection=3)
    more = bench.reader(spec(wants="x >= 3", priority=1), connection=4)
    bench.post(2, 3)
    assert bench.turns() == [(every, 2), (every, 3), (less, 2), (more, 3)]


def test_a_stream_gets_a_broadcast_message_once():
    bench = Bench(mode=QueueMode.BROADCAST)
    bench.reader(spec(wants="x < 2", push_id=1), spec(wants="x >= 0", push_id=2, key="1/0"))
    bench.post(0, 1, 2, 3)
    deliveries = [(d.subscription.spec.push_id, len(d.messages)) for d in bench.deliver()]
    assert deliveries == [(1, 2), (2, 2)]


def test_who_comes_later_or_does_not_read_misses_broadcast_messages():
    bench = Bench(mode=QueueMode.BROADCAST)
    bench.post(1)
    assert bench.numbers() == []
    stream = bench.reader(spec())
    assert bench.numbers() == []
    stream.is_paused = True
    bench.post(2)
    assert bench.numbers() == []
    stream.is_paused = False
    bench.post(3)
    assert bench.numbers() == [3]
    assert bench.confirm(stream, 3) == []
