"""Broadcast mode: to all who are there, once, and to nobody later."""

from __future__ import annotations

import pytest

from reference_broker.core.tests.pair import World, domain
from reference_broker.core.tests.shapes import (
    MEM_URI,
    confirms,
    kinds,
    numbers_of,
    pushes,
    put,
    puts,
    reader_of,
    statuses,
    subscribe,
    subscription,
    with_properties,
    writer_of,
)
from reference_broker.ports import Congested, Drained
from reference_broker.wire import put_event


def broadcast(storage: str = "inMemory", consistency: str = "eventual") -> World:
    kind = domain("test.mem", mode="broadcast", storage=storage, consistency=consistency)
    return World([kind])


@pytest.mark.parametrize("storage", ["inMemory", "fileBacked"])
def test_everybody_gets_it_and_nothing_is_stored(storage: str):
    world = broadcast(storage)
    world.finishes_syncs = False
    producer = writer_of(world)
    readers = [reader_of(world) for _ in range(3)]
    producer.send(puts(1, 2))
    assert statuses(producer.events()) == [0, 0]
    assert [numbers_of(wire.events()) for wire in readers] == [[1, 2]] * 3
    assert world.broker.statistics()[2:] == (0, 0, 0)
    assert world.files == {}


def test_who_comes_later_gets_nothing():
    world = broadcast()
    writer_of(world).send(puts(1))
    late = reader_of(world)
    assert kinds(late.events()) == ["CONTROL"]


def test_strong_consistency_waits_for_nothing():
    world = broadcast("fileBacked", consistency="strong")
    world.finishes_syncs = False
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(puts(1))
    assert statuses(producer.events()) == [0]
    assert numbers_of(consumer.events()) == [1]


def test_only_the_highest_priority_gets_it():
    world = broadcast()
    producer = writer_of(world)
    low, high, high_too = (reader_of(world, priority=n) for n in (1, 2, 2))
    producer.send(puts(1))
    assert [numbers_of(wire.events()) for wire in (low, high, high_too)] == [[], [1], [1]]
    high.close()
    high_too.close()
    producer.send(puts(2))
    assert numbers_of(low.events()) == [2]


def test_nothing_need_be_confirmed():
    world = broadcast()
    producer, consumer = writer_of(world), reader_of(world, messages=1)
    for number in range(3):
        producer.send(puts(number))
    assert numbers_of(consumer.events()) == [0, 1, 2]
    consumer.send(confirms(1))
    assert not consumer.is_closed


def test_who_does_not_read_misses_it():
    world = broadcast()
    producer, consumer = writer_of(world), reader_of(world)
    consumer.take()
    world.step(Congested(consumer.number))
    producer.send(puts(1))
    world.step(Drained(consumer.number))
    producer.send(puts(2))
    assert numbers_of(consumer.events()) == [2]


def test_expressions_choose():
    world = broadcast()
    producer = writer_of(world)
    even, odd, both = reader_of(world), reader_of(world), reader_of(world)
    subscribe(even, subscription(1, "n % 2 == 0"))
    subscribe(odd, subscription(1, "n % 2 == 1"))
    subscribe(both, subscription(1, "n < 2"), subscription(2, "n > 0"))
    producer.send(put_event([with_properties(n, {"n": n}) for n in range(3)]))
    assert numbers_of(even.events()) == [0, 2]
    assert numbers_of(odd.events()) == [1]
    found = [(push.guid[-1], push.ids) for push in pushes(both.events())]
    assert found == [(0, (1,)), (1, (1,)), (2, (2,))]  # each client gets it once


def test_a_duplicate_is_acknowledged_and_not_sent_again():
    world = broadcast()
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(puts(1, 1), puts(1, 2))
    assert statuses(producer.events()) == [0, 0, 0, 0]
    assert numbers_of(consumer.events()) == [1, 2]


def test_limits_do_not_matter():
    world = World([domain("test.mem", mode="broadcast", limits=(1, 10))])
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(put_event([put(n, bytes(100)) for n in range(5)]))
    assert statuses(producer.events()) == [0] * 5
    assert numbers_of(consumer.events()) == [0, 1, 2, 3, 4]
    assert world.alarms() == []


def test_a_stop_waits_for_nobody():
    world = broadcast()
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(puts(1))
    assert numbers_of(consumer.events()) == [1]
    assert world.broker.statistics().unconfirmed == 0


def test_it_is_there_again_after_a_restart():
    world = World([domain("test.mem", mode="broadcast", storage="fileBacked")], files={})
    producer, consumer = writer_of(world, MEM_URI), reader_of(world)
    producer.send(puts(1))
    assert numbers_of(consumer.events()) == [1]
    after = world.restarted()
    assert after.is_ready
    producer, consumer = writer_of(after), reader_of(after)
    producer.send(puts(1))
    assert numbers_of(consumer.events()) == [1]
