"""A GUID that was seen is acknowledged and not stored again."""

from __future__ import annotations

import pytest

from reference_broker.core.tests.pair import Wire, World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    MEM_URI,
    configure,
    confirms,
    numbers_of,
    open_queue,
    put,
    puts,
    reader_of,
    statuses,
    writer_of,
)
from reference_broker.ports import Stop
from reference_broker.wire import put_event

WINDOW_S = 20


def windowed(storage: str = "inMemory", mode: str = "priority") -> World:
    name = {MEM_URI: "test.mem", FILE_URI: "test.file", FANOUT_URI: "test.fan"}
    uri = FANOUT_URI if mode == "fanout" else MEM_URI if storage == "inMemory" else FILE_URI
    kind = domain(
        name[uri],
        storage=storage,
        mode=mode,
        messageTtl=100_000,
        deduplicationTimeMs=WINDOW_S * 1_000,
    )
    return World([kind])


def both(world: World, uri: str) -> Wire:
    wire = world.session()
    open_queue(wire, uri, read=1, write=1)
    configure(wire)
    return wire


@pytest.mark.parametrize(("storage", "uri"), [("inMemory", MEM_URI), ("fileBacked", FILE_URI)])
def test_a_guid_is_known_while_it_is_stored_and_a_while_longer(storage: str, uri: str):
    world = windowed(storage)
    wire = both(world, uri)
    wire.send(puts(1))
    world.advance(10 * WINDOW_S)  # however long it is stored
    wire.take()
    wire.send(puts(1, 1))
    assert statuses(wire.events()) == [0, 0]
    wire.send(confirms(1))
    world.advance(WINDOW_S - 1)
    wire.send(puts(1))
    assert statuses(wire.events()) == [0]
    assert world.broker.statistics().messages == 0
    world.advance(2)
    wire.send(puts(1))
    assert (statuses(events := wire.events()), numbers_of(events)) == ([0], [1])


def test_no_ack_without_the_wish():
    world = windowed()
    wire = writer_of(world)
    wire.send(put_event([put(1, flags=0), put(1, flags=0)]))
    assert wire.take() == b""
    assert world.broker.statistics().messages == 1


def test_two_producers_with_one_guid():
    world = windowed()
    first, second = writer_of(world), writer_of(world)
    first.send(puts(1, data=b"first"))
    second.send(puts(1, data=b"second"))
    assert (statuses(first.events()), statuses(second.events())) == ([0], [0])
    assert world.broker.statistics()[2:4] == (1, 5)


def test_a_guid_of_another_queue_is_another_message():
    world = windowed()
    wire = writer_of(world)
    open_queue(wire, "bmq://test.mem/other", 1, write=1)
    wire.send(puts(1), puts(1, q_id=1))
    assert world.broker.statistics().messages == 2


def test_duplicates_count_against_no_limit():
    world = World([domain("test.mem", limits=(1, 100))])
    wire = writer_of(world)
    wire.send(puts(1, 2))
    wire.send(puts(1, 2, 3))
    assert sorted(statuses(wire.events())) == [0, 0, 0, 0, 1]


def test_in_fanout_mode_a_guid_is_gone_when_all_apps_have_confirmed_it():
    world = windowed(mode="fanout")
    producer = writer_of(world, FANOUT_URI)
    readers = [reader_of(world, FANOUT_URI, app) for app in ("foo", "bar", "baz")]
    producer.send(puts(1))
    world.advance(WINDOW_S)
    for reader in readers:
        reader.send(confirms(1, sub_id=1))
        producer.send(puts(1))
    assert world.broker.statistics().messages == 0
    world.advance(WINDOW_S + 1)
    producer.send(puts(1))
    assert world.broker.statistics().messages == 1


def test_the_window_goes_on_after_a_restart():
    world = windowed("fileBacked")
    wire = both(world, FILE_URI)
    wire.send(puts(1, 2), confirms(1))
    after = world.restarted()
    wire = writer_of(after, FILE_URI)
    wire.send(puts(1, 2))
    assert (statuses(wire.events()), after.broker.statistics().messages) == ([0, 0], 1)
    after.advance(WINDOW_S + 1)
    wire.send(puts(1, 2))
    assert after.broker.statistics().messages == 2


@pytest.mark.parametrize("is_confirmed_again", [False, True])
def test_a_guid_that_was_stored_twice_is_one_guid_after_a_restart(*, is_confirmed_again: bool):
    world = windowed("fileBacked")
    wire = both(world, FILE_URI)
    wire.send(puts(1), confirms(1))
    world.advance(WINDOW_S + 1)
    wire.send(puts(1))
    if is_confirmed_again:
        wire.send(confirms(1))
    after = world.restarted()
    assert after.broker.statistics().messages == (0 if is_confirmed_again else 1)
    after.advance(2 * 60)  # what is remembered is forgotten meanwhile
    wire = both(after, FILE_URI)
    wire.send(confirms(1))
    assert after.broker.statistics().messages == 0
    after.advance(2 * 60)
    wire.take()
    wire.send(puts(1))
    assert numbers_of(wire.events()) == [1]


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_guid_outlives_the_segment_that_had_its_message(*, is_stopped: bool):
    world = windowed("fileBacked")
    world = world.restarted(segment_bytes_max=3_000)
    wire = both(world, FILE_URI)
    wire.send(puts(1), confirms(1))
    for number in range(100, 160):
        wire.send(put_event([put(number, bytes(500))]), confirms(number))
        if number % 20 == 0:
            world.advance(2)  # less than the window, but segments go
    names = [name for name in world.files if name.endswith(".bmq_data")]
    assert min(names) > "bmq_0.000000000002"
    if is_stopped:
        wire.close()
        world.step(Stop())
    for _ in range(2):
        world = world.restarted(segment_bytes_max=3_000)
        wire = writer_of(world, FILE_URI)
        wire.send(puts(1), puts(*range(100, 160)))
        assert set(statuses(wire.events())) == {0}
        assert world.broker.statistics().messages == 0


@pytest.mark.slow
def test_a_stop_keeps_all_guids_that_memory_keeps():
    count = 150_000
    world = windowed("fileBacked")
    wire = both(world, FILE_URI)
    for first in range(0, count, 1_000):
        numbers = range(first, first + 1_000)
        wire.send(puts(*numbers), confirms(*numbers))
        wire.take()
    wire.close()
    world.step(Stop())
    world = world.restarted()
    wire = writer_of(world, FILE_URI)
    wire.send(puts(0, count // 2, count - 1))
    assert (statuses(wire.events()), world.broker.statistics().messages) == ([0, 0, 0], 0)
