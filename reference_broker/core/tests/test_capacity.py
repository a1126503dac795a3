"""Alarms of queues and domains that get full."""

from __future__ import annotations

import re

from reference_broker.core.tests.pair import World, domain
from reference_broker.core.tests.shapes import (
    confirms,
    numbers_of,
    open_queue,
    put,
    puts,
    reader_of,
    statuses,
    subscribe,
    subscription,
    with_properties,
    writer_of,
)
from reference_broker.wire import put_event
from reference_broker.wire.properties import Property, PropertyType


def world_of(messages: int, size: int = 1_048_576, **options: object) -> World:
    return World([domain("test.mem", limits=(messages, size), **options)])  # type: ignore[arg-type]


def heads(world: World) -> list[str]:
    """Return the first lines of the capacity alarms."""
    return [text.split("\n")[0] for text in world.alarms() if "CAPACITY" in text]


def test_each_level_is_told_once_on_the_way_up():
    world = world_of(10)
    producer = writer_of(world)
    for number in range(7):
        producer.send(puts(number))
    assert heads(world) == []
    producer.send(puts(7))
    assert heads(world) == [
        (
            "ALARM [CAPACITY_STATE_HIGH_WATERMARK] for 'bmq://test.mem/q': [Messages "
            "(STATE_HIGH_WATERMARK): 8 (limit: 10), Bytes (STATE_NORMAL): 32  B (limit: 1.00 MB)]"
        )
    ]
    producer.send(puts(8), puts(9))
    assert heads(world)[1:] == [
        (
            "ALARM [CAPACITY_STATE_FULL] for 'bmq://test.mem/q': [Messages (STATE_FULL): 10 "
            "(limit: 10), Bytes (STATE_NORMAL): 40  B (limit: 1.00 MB)]"
        )
    ]
    producer.send(puts(10), puts(11))
    assert statuses(producer.events())[-2:] == [0, 1]
    assert len(heads(world)) == 2


def test_a_level_that_was_passed_over_is_not_told():
    world = world_of(2)
    writer_of(world).send(puts(1, 2))
    (head,) = heads(world)
    assert "CAPACITY_STATE_FULL" in head
    assert "Messages (STATE_FULL): 2 (limit: 2)" in head


def test_bytes_count_too():
    world = world_of(1_000, 100)
    producer = writer_of(world)
    producer.send(put_event([put(1, bytes(85))]))
    producer.send(put_event([put(2, bytes(15))]))
    assert [re.findall(r"Bytes \((\w+)\): (\d+)  B", head) for head in heads(world)] == [
        [("STATE_HIGH_WATERMARK", "85")],
        [("STATE_FULL", "100")],
    ]


def test_it_is_told_again_after_the_queue_was_nearly_empty():
    world = world_of(10)
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(puts(*range(8)))
    consumer.send(confirms(*range(3)))
    producer.send(puts(*range(10, 13)))
    assert len(heads(world)) == 1
    consumer.send(confirms(*range(3, 7)))
    producer.send(puts(*range(20, 24)))
    assert len(heads(world)) == 2


def test_a_domain_is_told_of_by_its_own_name():
    world = World([domain("test.mem", domain_limits=(3, 1_000_000))])
    wire = world.session()
    for number in range(3):
        open_queue(wire, f"bmq://test.mem/q{number}", number, write=1)
        wire.send(puts(number, q_id=number))
        wire.take()
    assert [head.split("'")[1] for head in heads(world)] == ["bmq://test.mem"]
    assert heads(world)[0].startswith("ALARM [CAPACITY_STATE_FULL] for 'bmq://test.mem': ")


def test_the_alarm_tells_what_the_queue_waits_for():
    world = world_of(2)
    producer, consumer = writer_of(world), world.session()
    open_queue(consumer, read=1)
    subscribe(consumer, subscription(1, "x == 1"))
    zero = [Property("x", PropertyType.INT32, 0)]
    producer.send(put_event([with_properties(1, zero)]))
    producer.send(put_event([with_properties(2, zero)]))
    (alarm,) = [text for text in world.alarms() if "CAPACITY_STATE_FULL" in text]
    lines = alarm.split("\n")
    found = [line for line in lines if line]
    expected = [
        "For appId: __default",
        "Put aside list size: 1",
        "Redelivery list size: 0",
        "Consumer subscription expressions: ",
        "x == 1",
        "Oldest message in the 'Put aside' list:",
        "Message Properties: [ x (INT32) = 0 ]",
    ]
    places = [found.index(line) for line in expected]
    assert places == sorted(places)


def test_a_lower_limit_is_told_with_the_next_message():
    world = world_of(100)
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(puts(*range(10)))
    world.domains["test.mem"] = domain("test.mem", limits=(10, 1_000_000))
    world.admin("DOMAINS RECONFIGURE test.mem")
    producer.send(puts(10))
    assert "CAPACITY_STATE_FULL" in heads(world)[0]
    assert numbers_of(consumer.events()) == list(range(11))
