"""Messages that are lost with their consumers again and again."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.config.cluster import ThrottleConfig
from reference_broker.core.tests.pair import Wire, World, cluster, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    MEM_URI,
    close_queue,
    confirms,
    guid,
    numbers_of,
    pushes,
    puts,
    reader_of,
    writer_of,
)
from reference_broker.ports import Stop
from reference_broker.wire.control import Disconnect

#: No pause before a redelivery.
QUICK = ThrottleConfig(low_threshold=0, high_threshold=0)


def world_of(
    attempts: int, throttle: ThrottleConfig = QUICK, storage: str = "inMemory", **parameters: Any
) -> World:
    name = "test.mem" if storage == "inMemory" else "test.file"
    kind = domain(name, storage=storage, maxDeliveryAttempts=attempts, **parameters)
    return World([kind], cluster=cluster(throttle=throttle, shutdown_timeout_ms=1_000))


def poison_alarms(world: World) -> list[str]:
    return [text for text in world.alarms() if "POISON" in text]


def crash(wire: Wire) -> list[int]:
    """Break a consumer's connection; returns what it held."""
    held = numbers_of(wire.events())
    wire.close()
    return held


# Counting.


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_a_message_is_dropped_after_so_many_lost_consumers(attempts: int):
    world = world_of(attempts)
    writer_of(world).send(puts(1))
    for number in range(attempts):
        assert poison_alarms(world) == []
        assert world.broker.statistics().messages == 1
        consumer = reader_of(world)
        (push,) = pushes(consumer.events())
        assert push.flags & 4 == (4 if number else 0)
        consumer.close()
    assert world.broker.statistics()[2:] == (0, 0, 0)
    (alarm,) = poison_alarms(world)
    assert alarm == (
        "ALARM [QUEUE_POISON_MESSAGE] 1 message(s) of queue 'bmq://test.mem/q' dropped for appId "
        f"'__default': delivered {attempts} time(s) to consumers that were lost (first GUID "
        f"{guid(1).hex().upper()})"
    )
    assert numbers_of(reader_of(world).events()) == []


def test_without_a_limit_nothing_is_dropped():
    world = world_of(0)
    writer_of(world).send(puts(1))
    for _ in range(20):
        assert crash(reader_of(world)) == [1]
    assert world.broker.statistics().messages == 1


def test_what_was_confirmed_or_not_delivered_is_not_dropped():
    world = world_of(1)
    writer_of(world).send(puts(1, 2, 3, 4))
    consumer = reader_of(world, messages=2)
    assert numbers_of(consumer.events()) == [1, 2]
    consumer.send(confirms(2))
    assert crash(consumer) == [3]
    assert world.broker.statistics().messages == 1
    assert numbers_of(reader_of(world).events()) == [4]


@pytest.mark.parametrize("how", ["close", "disconnect"])
def test_a_consumer_that_goes_gracefully_does_not_count(how: str):
    world = world_of(1)
    writer_of(world).send(puts(1))
    for _ in range(3):
        consumer = reader_of(world)
        assert numbers_of(consumer.events()) == [1]
        if how == "close":
            close_queue(consumer, read=1)
        else:
            consumer.request(Disconnect())
        consumer.close()
    assert world.broker.statistics().messages == 1
    assert poison_alarms(world) == []


def test_a_consumer_that_breaks_the_protocol_counts_as_lost():
    world = world_of(1)
    writer_of(world).send(puts(1))
    consumer = reader_of(world)
    consumer.send(bytes(8))
    assert consumer.is_closed
    assert world.broker.statistics().messages == 0


def test_a_stop_of_the_broker_does_not_count():
    world = world_of(1, storage="fileBacked")
    writer_of(world, FILE_URI).send(puts(1))
    reader_of(world, FILE_URI)
    world.step(Stop())
    world.advance(1)
    assert world.has_stopped()
    assert poison_alarms(world) == []
    after = world.restarted(cluster=cluster(throttle=QUICK))
    assert numbers_of(reader_of(after, FILE_URI).events()) == [1]


def test_each_app_counts_for_itself():
    kind = domain("test.fan", mode="fanout", apps=("foo", "bar"), maxDeliveryAttempts=1)
    world = World([kind])
    writer_of(world, FANOUT_URI).send(puts(1))
    assert crash(reader_of(world, FANOUT_URI, "foo")) == [1]
    assert world.broker.statistics().messages == 1
    assert numbers_of(reader_of(world, FANOUT_URI, "foo").events()) == []
    assert numbers_of(reader_of(world, FANOUT_URI, "bar").events()) == [1]
    assert "appId 'foo'" in poison_alarms(world)[0]


def test_a_dropped_message_does_not_come_back():
    world = world_of(1, storage="fileBacked")
    writer_of(world, FILE_URI).send(puts(1, 2))
    consumer = reader_of(world, FILE_URI, messages=1)
    assert crash(consumer) == [1]
    after = world.restarted()
    assert numbers_of(reader_of(after, FILE_URI).events()) == [2]


def test_a_dropped_message_counts_as_rejected():
    world = world_of(1)
    writer_of(world).send(puts(1, 2))
    crash(reader_of(world))
    counters = world.broker._context.queues[MEM_URI].counters
    assert counters.reject_messages == 2


def test_a_purged_message_that_its_consumer_is_lost_with_is_forgotten():
    world = world_of(1, storage="fileBacked")
    writer_of(world, FILE_URI).send(puts(1))
    consumer = reader_of(world, FILE_URI)
    world.admin("DOMAINS DOMAIN test.file PURGE")
    consumer.close()
    assert poison_alarms(world) == []
    assert world.restarted().broker.statistics().messages == 0


# Pausing.


def test_the_closer_a_message_is_to_the_end_the_longer_is_the_pause():
    slow = ThrottleConfig(
        low_threshold=2, high_threshold=4, low_interval_ms=1_000, high_interval_ms=3_000
    )
    world = world_of(6, slow)
    writer_of(world).send(puts(1))
    pauses: list[float] = []
    for _ in range(6):
        consumer = reader_of(world)
        waited = 0.0
        while not (found := numbers_of(consumer.events())):
            world.advance(0.5)
            waited += 0.5
            assert waited < 10
        assert found == [1]
        pauses.append(waited)
        consumer.close()
    # 6 attempts left, 5, 4, 3, 2, 1; the first redelivery has nothing to keep away from.
    assert pauses == [0, 0, 1, 1, 3, 3]
    assert world.broker.statistics().messages == 0


def test_other_messages_wait_behind_a_pause():
    world = world_of(2, ThrottleConfig())
    writer_of(world).send(puts(1, 2))
    crash(reader_of(world))
    consumer = reader_of(world)
    assert numbers_of(consumer.events()) == [1]
    world.advance(2.9)
    assert numbers_of(consumer.events()) == []
    world.advance(0.1)
    assert numbers_of(consumer.events()) == [2]


def test_a_confirm_ends_the_pause():
    world = world_of(2, ThrottleConfig())
    writer_of(world).send(puts(1, 2))
    crash(reader_of(world))
    consumer = reader_of(world)
    assert numbers_of(consumer.events()) == [1]
    world.advance(0.5)
    consumer.send(confirms(1))
    assert numbers_of(consumer.events()) == [2]


def test_messages_that_were_never_lost_are_not_slowed_down():
    world = world_of(5, ThrottleConfig())
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(puts(*range(10)))
    assert numbers_of(consumer.events()) == list(range(10))
