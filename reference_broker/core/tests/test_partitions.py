"""Several partitions: who goes where, and that each keeps its own log."""

from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from reference_broker.core.tests.pair import FILE, MEM, STRONG, Wire, World, cluster
from reference_broker.core.tests.shapes import (
    configure,
    confirms,
    guid,
    numbers_of,
    open_queue,
    puts,
    reader_of,
    statuses,
)
from reference_broker.ports import Received, Sync
from reference_broker.wire import confirm_event

FOUR = cluster(partitions=4)


def uri(number: int) -> str:
    return f"bmq://test.file/q{number}"


def filled(world: World, count: int) -> Wire:
    """Post one message to each of so many queues."""
    wire = world.session()
    for number in range(count):
        open_queue(wire, uri(number), number, write=1)
        wire.send(puts(number, q_id=number))
        wire.take()
    return wire


def partitions(world: World) -> list[int]:
    return [entry.partition for entry in world.broker._context.queues.values()]


def test_queues_are_dealt_round_robin():
    world = World(cluster=FOUR)
    filled(world, 6)
    assert partitions(world) == [0, 1, 2, 3, 0, 1]


def test_memory_queues_take_a_place_too():
    world = World([MEM, FILE], cluster=FOUR)
    wire = world.session()
    open_queue(wire, write=1)
    open_queue(wire, uri(0), 1, write=1)
    assert partitions(world) == [0, 1]


def test_each_partition_has_files_of_its_own():
    world = World(files={}, cluster=FOUR)
    filled(world, 4)
    segments = sorted(name for name in world.files if name.endswith(".bmq_data"))
    assert segments == [f"bmq_{n}.000000000001.bmq_data" for n in range(4)]


def test_all_come_back_to_where_they_were():
    world = World(files={}, cluster=FOUR)
    filled(world, 6)
    after = world.restarted(cluster=FOUR)
    assert after.is_ready
    found = {e.queue.uri.queue: e.partition for e in after.broker._context.queues.values()}
    assert found == {f"q{n}": n % 4 for n in range(6)}
    for number in range(6):
        assert numbers_of(reader_of(after, uri(number)).events()) == [number]


def test_new_queues_go_where_fewest_are_after_a_restart():
    world = World(files={}, cluster=FOUR)
    filled(world, 2)
    after = world.restarted(cluster=FOUR)
    wire = after.session()
    for number in range(2, 5):
        open_queue(wire, uri(number), number, write=1)
        wire.send(puts(number, q_id=number))
        wire.take()
    assert partitions(after) == [0, 1, 2, 3, 0]
    again = after.restarted(cluster=FOUR)
    assert again.broker.statistics()[1:3] == (5, 5)


def test_one_step_syncs_every_partition_and_answers_once():
    world = World([STRONG], cluster=FOUR)
    wire = world.session()
    for number in range(3):
        open_queue(wire, f"bmq://test.strong/q{number}", number, read=1, write=1)
        configure(wire, number)
    wire.take()
    world.finishes_syncs = False
    effects = world.step(Received(wire.number, b"".join(puts(n, q_id=n) for n in range(3))))
    syncs = [effect for effect in effects if isinstance(effect, Sync)]
    assert len({sync.name for sync in syncs}) == 3
    assert [bool(sync.token) for sync in syncs] == [False, False, True]
    assert wire.take() == b""
    world.finish_syncs()
    assert statuses(events := wire.events()) == [0, 0, 0]
    assert numbers_of(events) == [0, 1, 2]


def test_confirms_go_to_the_right_log():
    world = World(files={}, cluster=FOUR)
    filled(world, 4)
    wire = world.session()
    for number in range(4):
        open_queue(wire, uri(number), number, read=1)
        configure(wire, number)
    wire.send(confirm_event([(n, guid(n), 0) for n in (1, 3)]))
    after = world.restarted(cluster=FOUR)
    counts = [len(e.queue.store) for e in after.broker._context.queues.values()]
    assert sorted(counts) == [0, 0, 1, 1]
    assert numbers_of(reader_of(after, uri(1)).events()) == []
    assert numbers_of(reader_of(after, uri(2)).events()) == [2]


def test_fewer_partitions_than_before_are_refused():
    world = World(files={}, cluster=FOUR)
    filled(world, 4)
    with pytest.raises(OperatorError, match="numPartitions is 2; set it to 3 or more"):
        world.restarted(cluster=cluster(partitions=2))


def test_more_partitions_than_before_are_good():
    world = World(files={}, cluster=cluster(partitions=2))
    filled(world, 4)
    after = world.restarted(cluster=FOUR)
    wire = filled(after, 6)
    assert not wire.is_closed
    assert after.broker.statistics()[1:3] == (6, 6)
    assert partitions(after)[4:] == [2, 3]


def test_a_rollover_of_one_partition_or_of_all():
    world = World(files={}, cluster=FOUR)
    wire = filled(world, 4)
    for partition, count in ((2, 1), ("ALL", 4), (-1, 4)):
        before = len(world.logs())
        command = f"CLUSTERS CLUSTER local STORAGE PARTITION {partition} ROLLOVER"
        assert world.admin(command).text == "SUCCESS"
        lines = [text for text in world.logs()[before:] if "'ROLLOVER COMPLETE'" in text]
        assert len(lines) == count
    for partition in (-2, 4):
        command = f"CLUSTERS CLUSTER local STORAGE PARTITION {partition} ROLLOVER"
        assert world.admin(command).rc == -2
    wire.send(puts(9))
    after = world.restarted(cluster=FOUR)
    consumer = reader_of(after, uri(0))
    assert numbers_of(consumer.events()) == [0, 9]
    consumer.send(confirms(0, 9))
    assert after.broker.statistics().messages == 3
