"""Subscriptions with expressions: which consumer gets what, and what waits."""

from __future__ import annotations

import zlib

import pytest

from reference_broker.core.tests.pair import Wire, World
from reference_broker.core.tests.shapes import (
    confirms,
    guid,
    numbers_of,
    open_queue,
    pushes,
    put,
    puts,
    reader_of,
    subscribe,
    subscription,
    with_properties,
    writer_of,
)
from reference_broker.wire import Event, put_event
from reference_broker.wire.properties import encode_properties


def reader(world: World) -> Wire:
    wire = world.session()
    open_queue(wire, read=1)
    return wire


def numbered(*numbers: int) -> bytes:
    """Return a PUT event whose messages have their number as property `n`."""
    return put_event([with_properties(number, {"n": number}) for number in numbers])


def shares(events: list[Event]) -> dict[int, list[int]]:
    """Return which numbers came for which subscription."""
    found: dict[int, list[int]] = {}
    for push in pushes(events):
        found.setdefault(push.ids[0], []).append(push.guid[-1])
    return found


# Who gets what.


@pytest.mark.parametrize("is_new_style", [True, False])
def test_a_property_decides_in_both_encodings(*, is_new_style: bool):
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(7, 'who == "x"'), subscription(9, "n >= 5"))
    messages = [
        with_properties(1, {"who": "x", "n": 1}, is_new_style=is_new_style),
        with_properties(2, {"who": "y", "n": 5}, is_new_style=is_new_style),
        with_properties(3, {"who": "x", "n": 9}, is_new_style=is_new_style),
        with_properties(4, {"who": "y", "n": 1}, is_new_style=is_new_style),
    ]
    producer.send(put_event(messages))
    found = shares(consumer.events())
    assert found == {7: [1, 3], 9: [2]}


@pytest.mark.parametrize("is_new_style", [True, False])
def test_a_property_decides_in_compressed_messages(*, is_new_style: bool):
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(1, "n == 1"))
    messages = []
    for n in range(3):
        area = encode_properties({"n": n}, new_style=is_new_style)
        whole = area + zlib.compress(b"x") if is_new_style else zlib.compress(area + b"x")
        messages.append(put(n, whole, flags=3, schema=int(is_new_style), compression=1))
    producer.send(put_event(messages))
    assert numbers_of(consumer.events()) == [1]


def test_the_consumers_of_a_queue_have_different_wishes():
    world = World()
    producer, low, high = writer_of(world), reader(world), reader(world)
    subscribe(low, subscription(1, "n < 3"))
    subscribe(high, subscription(1, "n >= 3"))
    producer.send(numbered(*range(6)))
    assert [numbers_of(wire.events()) for wire in (low, high)] == [[0, 1, 2], [3, 4, 5]]


def test_the_higher_priority_is_asked_first():
    world = World()
    producer, picky, rest = writer_of(world), reader(world), reader(world)
    subscribe(picky, subscription(1, "n == 2", priority=2))
    subscribe(rest, subscription(1, priority=1))
    producer.send(numbered(1, 2, 3))
    assert [numbers_of(wire.events()) for wire in (picky, rest)] == [[2], [1, 3]]


def test_a_message_does_not_go_to_a_lower_priority_because_the_higher_one_is_full():
    world = World()
    producer, picky, rest = writer_of(world), reader(world), reader(world)
    subscribe(picky, subscription(1, "n > 1", priority=2, messages=1))
    subscribe(rest, subscription(1, priority=1))
    producer.send(numbered(1, 2, 3, 4))
    assert [numbers_of(wire.events()) for wire in (picky, rest)] == [[2], [1]]
    picky.send(confirms(2))
    assert [(p.guid, p.flags & 4) for p in pushes(picky.events())] == [(guid(3), 4)]


def test_consumers_with_the_same_expression_take_turns():
    world = World()
    producer, wires = writer_of(world), [reader(world) for _ in range(2)]
    for wire in wires:
        subscribe(wire, subscription(1, "n > 0"))
    producer.send(numbered(*range(1, 5)))
    assert [numbers_of(wire.events()) for wire in wires] == [[1, 3], [2, 4]]


@pytest.mark.parametrize("expression", ["", "n > 0"])
@pytest.mark.parametrize("again", [(1, 2), (3, 4), (1,), (1, 2, 3)])
def test_subscriptions_with_the_same_expression_keep_what_they_hold(
    expression: str, again: tuple[int, ...]
):
    """A stream's subscriptions, two of a kind, are configured again as so many of that kind."""
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, *[subscription(s_id, expression) for s_id in (1, 2)])
    producer.send(numbered(1, 2, 3, 4))
    assert shares(consumer.events()) == {1: [1, 3], 2: [2, 4]}
    subscribe(consumer, *[subscription(s_id, expression) for s_id in again])
    assert world.broker.statistics().unconfirmed == 4
    consumer.send(confirms(1, 2))
    assert world.broker.statistics().messages == 2
    consumer.close()
    assert sorted(numbers_of(reader_of(world).events())) == [3, 4]


# What waits.


def test_what_nobody_wants_is_put_aside_and_later_delivered():
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(1, "n > 5"))
    producer.send(numbered(1, 6, 2, 7))
    assert numbers_of(consumer.events()) == [6, 7]
    events = subscribe(consumer, subscription(1, "n > 5"), subscription(2, "n < 2"))
    assert shares(events) == {2: [1]}
    other = reader_of(world)
    found = pushes(other.events())
    assert [(push.guid[-1], push.flags & 4) for push in found] == [(2, 4)]


def test_a_message_without_properties_matches_no_expression():
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(1, "n > 0"))
    producer.send(puts(1))
    assert consumer.take() == b""
    assert numbers_of(reader_of(world).events()) == [1]


@pytest.mark.parametrize("expression", ["n > 1", "missing == 1", "!(n == 1)", "n / 0 == 1"])
def test_an_error_of_evaluation_counts_as_false(expression: str):
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(1, expression))
    producer.send(put_event([with_properties(1, {"n": "text"})]))
    assert consumer.take() == b""


def test_malformed_properties_match_nothing_and_are_delivered_to_who_takes_all():
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(1, "n > 0"))
    producer.send(put_event([put(1, b"\xff" * 9, flags=3, schema=1), with_properties(2, {"n": 2})]))
    assert numbers_of(consumer.events()) == [2]
    assert numbers_of(reader_of(world).events()) == [1]


def test_a_full_subscription_does_not_hold_up_the_others():
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(1, "n < 10", messages=1), subscription(2, "n >= 10"))
    producer.send(numbered(1, 2, 11, 3, 12))
    assert shares(consumer.events()) == {1: [1], 2: [11, 12]}
    consumer.send(confirms(1))
    assert shares(consumer.events()) == {1: [2]}
    consumer.send(confirms(2))
    assert shares(consumer.events()) == {1: [3]}


# Expressions that are none.


@pytest.mark.parametrize(
    "expression", ["n >", "n = 1", "1 == 1", "n" * 129, "99999999999999999999 > n"]
)
def test_an_expression_that_does_not_compile_is_true(expression: str):
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(1, expression))
    producer.send(numbered(1), puts(2))
    assert numbers_of(consumer.events()) == [1, 2]
    assert any("taken as true" in text for text in world.logs())


def test_there_is_a_line_when_nobody_has_room():
    world = World()
    producer, _ = writer_of(world), reader_of(world, messages=1)
    producer.send(puts(1))
    assert early_exits(world) == []
    producer.send(puts(2))
    producer.send(puts(3))
    (line,) = early_exits(world)
    assert line == (
        "[THROTTLED] Queue 'bmq://test.mem/q', appId = '__default' does not have any subscription "
        f"capacity; early exits delivery at {guid(2).hex().upper()}"
    )


def test_there_is_no_such_line_when_messages_merely_do_not_match():
    world = World()
    producer, consumer = writer_of(world), reader(world)
    subscribe(consumer, subscription(1, "n > 5"))
    producer.send(numbered(1, 2))
    assert early_exits(world) == []


def early_exits(world: World) -> list[str]:
    return [text for text in world.logs() if "early exits delivery" in text]
