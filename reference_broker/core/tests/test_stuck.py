"""The consumption monitor: QUEUE_STUCK and its end."""

from __future__ import annotations

import re

import pytest

from reference_broker.core.tests.pair import World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    MEM_URI,
    configure,
    confirms,
    numbers_of,
    open_queue,
    puts,
    reader_of,
    subscribe,
    subscription,
    with_properties,
    writer_of,
)
from reference_broker.wire import put_event
from reference_broker.wire.properties import Property, PropertyType


def world_of(idle: int = 3, **options: object) -> World:
    kinds = [
        domain("test.mem", maxIdleTime=idle, **options),  # type: ignore[arg-type]
        domain("test.file", storage="fileBacked", maxIdleTime=idle),
        domain("test.fan", mode="fanout", apps=("foo", "bar"), maxIdleTime=idle),
    ]
    return World(kinds)


def stuck(world: World) -> list[str]:
    return [text for text in world.alarms() if text.startswith("ALARM [QUEUE_STUCK] ")]


def recovered(world: World) -> list[str]:
    return [text for text in world.logs() if "no longer appears" in text]


# The alarm.


def test_a_queue_without_consumers_is_stuck_after_its_time():
    world = world_of()
    writer_of(world).send(puts(1))
    world.advance(2.9)
    assert stuck(world) == []
    world.advance(0.1)
    (alarm,) = stuck(world)
    assert alarm.split("\n")[0] == (
        "ALARM [QUEUE_STUCK] Queue 'bmq://test.mem/q' Messages [current: 1 / 1,000], Bytes "
        "[current: 4  B / 1.00 MB], max idle time 3.00 s appears to be stuck. "
        "It currently has 0 consumers."
    )
    world.advance(60)
    assert len(stuck(world)) == 1


def test_the_whole_record():
    world = world_of()
    producer, consumer = writer_of(world), world.session()
    open_queue(consumer, read=1)
    subscribe(consumer, subscription(1, "x == 1"))
    zero, one = ([Property("x", PropertyType.INT32, value)] for value in (0, 1))
    aside = with_properties(1, zero)
    producer.send(put_event([aside, with_properties(2, one)]))
    world.advance(3)
    (alarm,) = stuck(world)
    size = len(aside.data)
    shape = [
        (
            r"ALARM \[QUEUE_STUCK\] Queue 'bmq://test.mem/q' Messages \[current: 2 / 1,000\], Bytes "
            rf"\[current: {2 * size}  B / 1.00 MB\], max idle time 3.00 s appears to be stuck\. "
            r"It currently has 1 consumers\."
        ),
        r"  1\. raw:1 @ 127\.0\.0\.1:\d+",
        r"    Handle Parameters \.+: \[ .* readCount = 1 .*\]",
        r"    Number of unconfirmed messages \.+: 1",
        r"    UnconfirmedMonitors \.+:",
        r"",
        r"For appId: __default",
        r"",
        r"Put aside list size: 1",
        r"Redelivery list size: 0",
        r"Number of messages: 2",
        rf"Number of bytes: {2 * size}  B",
        r"",
        r"Consumer subscription expressions: ",
        r"x == 1",
        r"",
        r"Oldest message in the 'Put aside' list:",
        r"GUID +Size +Timestamp \(UTC\)",
        rf"40000000000000000000000000000001 +{size}  B  \S+",
        r"Message Properties: \[ x \(INT32\) = 0 \]",
        r"",
        r"10 oldest messages in the queue:",
        rf"Printing 2 message\(s\) \[0-1 / 2\] \(total: {2 * size}  B\)",
        rf"40000000000000000000000000000001 +{size}  B \S+",
        rf"40000000000000000000000000000002 +{size}  B \S+",
    ]
    lines = alarm.split("\n")
    for line, pattern in zip(lines, shape, strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)


def test_the_age_is_that_of_the_oldest_undelivered_message():
    world = world_of()
    producer, consumer = writer_of(world), reader_of(world, messages=1)
    producer.send(puts(1))
    world.advance(2)
    producer.send(puts(2))
    world.advance(2.9)  # 1 is delivered and not confirmed, which does not count
    assert stuck(world) == []
    world.advance(0.2)
    assert len(stuck(world)) == 1
    assert numbers_of(consumer.events()) == [1]


def test_nobody_is_stuck_whose_consumers_get_everything():
    world = world_of()
    producer, _ = writer_of(world), reader_of(world)
    for number in range(10):
        producer.send(puts(number))
        world.advance(2)
    assert stuck(world) == []


def test_without_a_limit_there_is_no_alarm():
    world = world_of(0)
    writer_of(world).send(puts(1))
    world.advance(100)
    assert stuck(world) == []


def test_messages_that_came_back_are_old_at_once():
    world = world_of()
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(puts(1))
    world.advance(10)
    assert stuck(world) == []
    consumer.close()
    world.advance(0.1)
    (alarm,) = stuck(world)
    assert "\nRedelivery list size: 1\n" in alarm


def test_each_app_of_a_fanout_queue_by_its_name():
    world = world_of()
    producer, _ = writer_of(world, FANOUT_URI), reader_of(world, FANOUT_URI, "bar")
    producer.send(puts(1))
    world.advance(5)
    (alarm,) = stuck(world)
    assert "Queue 'bmq://test.fan/q?id=foo' " in alarm
    assert "\nFor appId: foo\n" in alarm
    reader_of(world, FANOUT_URI, "foo")
    assert recovered(world) == ["Queue 'bmq://test.fan/q?id=foo' no longer appears to be stuck."]


def test_broadcast_queues_are_never_stuck():
    world = world_of(mode="broadcast")
    writer_of(world).send(puts(1))
    world.advance(10)
    assert stuck(world) == []


def test_after_a_restart_it_is_told_anew_when_consumers_have_had_their_time():
    world = world_of()
    writer_of(world, FILE_URI).send(puts(1))
    world.advance(5)
    assert len(stuck(world)) == 1
    after = world.restarted()
    after.advance(0.5)
    assert not stuck(after)
    after.advance(5)
    assert len(stuck(after)) == 1


# Its end.


@pytest.mark.parametrize(
    "how", ["a consumer comes", "purge", "the consumer takes more", "the consumer confirms"]
)
def test_it_is_told_at_once_that_a_queue_goes_on(how: str):
    world = world_of()
    producer, consumer = writer_of(world), reader_of(world, messages=1)
    producer.send(puts(1, 2))
    world.advance(3)
    assert len(stuck(world)) == 1
    match how:
        case "a consumer comes":
            reader_of(world)
        case "purge":
            world.admin("DOMAINS DOMAIN test.mem PURGE")
        case "the consumer takes more":
            configure(consumer, messages=10)
        case _:
            consumer.send(confirms(1))
    world.advance(0)
    assert recovered(world) == ["Queue 'bmq://test.mem/q' no longer appears to be stuck."]
    world.advance(100)
    assert len(recovered(world)) == 1


def test_it_is_told_when_its_messages_expire():
    world = world_of(messageTtl=10)
    writer_of(world).send(puts(1))
    world.advance(16)
    assert (len(stuck(world)), len(recovered(world))) == (1, 1)


def test_a_queue_can_be_stuck_again():
    world = world_of()
    producer = writer_of(world)
    for number in range(3):
        producer.send(puts(number))
        world.advance(4)
        consumer = reader_of(world)
        consumer.send(confirms(number))
        consumer.close()
    assert (len(stuck(world)), len(recovered(world))) == (3, 3)


# Another limit.


def reconfigured(world: World, idle: int) -> None:
    world.domains["test.mem"] = domain("test.mem", maxIdleTime=idle)
    world.admin("DOMAINS RECONFIGURE test.mem")
    world.advance(0)


def test_a_shorter_time_is_looked_at_at_once():
    world = world_of(100)
    writer_of(world).send(puts(1))
    world.advance(10)
    reconfigured(world, 5)
    assert len(stuck(world)) == 1


def test_a_time_begins_to_count_when_it_is_given():
    world = world_of(0)
    writer_of(world).send(puts(1))
    world.advance(10)
    reconfigured(world, 20)
    assert stuck(world) == []
    world.advance(9.9)
    assert stuck(world) == []
    world.advance(0.2)
    assert len(stuck(world)) == 1


def test_a_longer_time_ends_it():
    world = world_of(5)
    writer_of(world).send(puts(1))
    world.advance(6)
    assert len(stuck(world)) == 1
    reconfigured(world, 100)
    assert len(recovered(world)) == 1


def test_no_time_ends_the_watch():
    world = world_of(5)
    writer_of(world, MEM_URI).send(puts(1))
    reconfigured(world, 0)
    world.advance(100)
    assert stuck(world) == []
