"""Compressed messages that are much larger than they look."""

from __future__ import annotations

import zlib

import pytest

from reference_broker.base.limits import DELIVERY_INFLATIONS_MAX, EVENT_DECOMPRESSED_BYTES_MAX
from reference_broker.core import publish
from reference_broker.core.tests.pair import Wire, World, domain, identity_of
from reference_broker.core.tests.shapes import (
    FILE_URI,
    MEM_URI,
    acks,
    configure,
    guid,
    open_queue,
    payloads,
    pushes,
    put,
    statuses,
)
from reference_broker.ports import Effect, Received, Send, Write
from reference_broker.storage.records import SEGMENT_MAGIC, RecordKind, read_record
from reference_broker.storage.segments import SegmentFile
from reference_broker.wire import AckStatus, Event, Put, confirm_event, decompress, put_event
from reference_broker.wire.properties import encode_properties

UNKNOWN = AckStatus.UNKNOWN
OLD_FEATURES = "PROTOCOL_ENCODING:BER,JSON"
ROOMY = (1_000, 1 << 40)


def bomb(number: int, size: int) -> Put:
    """Return an old-style message whose properties and payload are compressed together."""
    return put(number, zlib.compress(bytes(size)), flags=3, compression=1)


def writer(world: World, uri: str) -> Wire:
    wire = world.session()
    open_queue(wire, uri, write=1)
    return wire


def reader(world: World, uri: str) -> Wire:
    wire = world.session()
    open_queue(wire, uri, read=1)
    configure(wire)
    return wire


# Bombs of one event.


@pytest.mark.slow
def test_one_event_decompresses_to_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch):
    inflated: list[int] = []
    real = decompress

    def counting(data: bytes, limit: int) -> bytes:
        plain = real(data, limit)
        inflated.append(len(plain))
        return plain

    monkeypatch.setattr(publish, "decompress", counting)
    world = World([domain("test.file", storage="fileBacked", limits=ROOMY, domain_limits=ROOMY)])
    wire = writer(world, FILE_URI)
    event = [bomb(n, EVENT_DECOMPRESSED_BYTES_MAX) for n in range(3)]
    wire.send(put_event([*event, put(9)]))
    assert sorted(acks(wire.events()), key=lambda ack: ack[2]) == [
        (0, 0, guid(0), 0),
        (UNKNOWN, 0, guid(1), 0),
        (UNKNOWN, 0, guid(2), 0),
        (0, 0, guid(9), 0),  # what is not compressed is not concerned
    ]
    assert inflated == [EVENT_DECOMPRESSED_BYTES_MAX]
    assert not wire.is_closed
    del inflated[:]
    wire.send(put_event([bomb(4, 1_000)]))  # the next event has its own allowance
    assert (statuses(wire.events()), inflated) == ([0], [1_000])


def test_the_allowance_is_one_for_all_queues_of_an_event(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(publish, "EVENT_DECOMPRESSED_BYTES_MAX", 1_000)
    world = World()
    wire = writer(world, FILE_URI)
    open_queue(wire, MEM_URI, 1, write=1)
    messages = [bomb(n, 500)._replace(queue_id=n % 2) for n in range(5)]
    wire.send(put_event(messages))
    found = sorted(acks(wire.events()), key=lambda ack: ack[2])
    assert [status for status, *_ in found] == [0, 0, UNKNOWN, UNKNOWN, UNKNOWN]
    assert sum("messages refused" in text for text in world.logs()) == 1


# Several large messages in one run.


def records(effects: list[Effect], kind: RecordKind) -> list[int]:
    """Return the sizes of the bodies of the log records of one kind."""
    written = [b"".join(effect.chunks) for effect in effects if isinstance(effect, Write)]
    found = [read_record(data, 0) for data in written if not data.startswith(SEGMENT_MAGIC)]
    return [len(record.body) for record in found if record.kind == kind]


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_long_run_goes_to_the_log_in_several_records(
    monkeypatch: pytest.MonkeyPatch, is_compressed: bool
):
    monkeypatch.setattr(publish, "RUN_BYTES_MAX", 1_000)
    world = World(segment_bytes_max=1_000)
    wire = writer(world, FILE_URI)
    sizes = [400, 400, 400, 1_200, 100, 100, 900, 400]
    messages = [
        bomb(n, size) if is_compressed else put(n, bytes(size)) for n, size in enumerate(sizes)
    ]
    effects = wire.send(put_event(messages))
    assert statuses(wire.events()) == [0] * len(sizes)
    logged = records(effects, RecordKind.PUTS)
    assert len(logged) == 6  # 2 x 400; 400; 1200; 2 x 100; 900; 400
    assert max(logged) < 1_200 + 100
    numbers = {file.number: file.live for file in segments(world)}
    assert sum(numbers.values()) == len(sizes)
    assert len(numbers) >= 2
    after = world.restarted(segment_bytes_max=1_000)
    recovered = {file.number: file.live for file in segments(after)}
    assert recovered == numbers  # each message was counted in the segment that holds it
    assert [len(data) for data in payloads(read_all(after))] == sizes


def segments(world: World) -> list[SegmentFile]:
    """Return the segments of the only partition."""
    (log,) = world.broker._context.logs
    return log.segments.files


def read_all(world: World) -> list[Event]:
    wire = world.session()
    open_queue(wire, FILE_URI, read=1)
    return configure(wire)


def test_segments_of_long_runs_go_when_all_is_confirmed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(publish, "RUN_BYTES_MAX", 1_000)
    world = World(segment_bytes_max=1_500)
    consumer, producer = reader(world, FILE_URI), writer(world, FILE_URI)
    for first in (0, 10, 20):
        producer.send(put_event([put(first + n, bytes(900)) for n in range(5)]))
    delivered = [push.guid for push in pushes(consumer.events())]
    assert len(delivered) == 15
    assert len(world.files) > 5
    for one in delivered[:-1]:
        consumer.send(confirm_event([(0, one, 0)]))
        assert sum(file.live for file in segments(world)) == world.broker.statistics().messages
        assert all(file.live >= 0 for file in segments(world))
    survivors = payloads(read_all(world.restarted(segment_bytes_max=1_500)))
    assert len(survivors) == 1
    consumer.send(confirm_event([(0, delivered[-1], 0)]))
    world.advance(6)  # a snapshot comes first, which knows the GUIDs
    assert sum(name.endswith(".bmq_data") for name in world.files) == 1


def test_duplicates_in_a_long_run_are_counted_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(publish, "RUN_BYTES_MAX", 1_000)
    world = World(segment_bytes_max=1_500)
    wire = writer(world, FILE_URI)
    wire.send(put_event([put(n % 3, bytes(700)) for n in range(7)]))
    assert statuses(wire.events()) == [0] * 7
    assert [file.live for file in segments(world)] == [2, 1]
    assert len(payloads(read_all(world.restarted(segment_bytes_max=1_500)))) == 3


# Consumers that must be given the old style.

PROPERTIES = {"name": "value"}


def new_style_bomb(number: int, size: int) -> Put:
    """Return a new-style message: the properties are plain, the payload is compressed."""
    data = encode_properties(PROPERTIES, new_style=True) + zlib.compress(bytes(size))
    return put(number, data, flags=3, schema=1, compression=1)


def old_reader(world: World, **options: int) -> Wire:
    wire = world.connect()
    wire.negotiate(identity_of(features=OLD_FEATURES))
    open_queue(wire, read=1)
    configure(wire, **options)
    return wire


def sent_by_steps(world: World, *first: Received) -> dict[int, list[int]]:
    """Step until the broker wants no more; returns the bytes sent in each step, by connection."""
    sizes: dict[int, list[int]] = {number: [] for number in world.wires}
    inputs = list(first)
    for _ in range(100):
        effects = world.broker.step(world.now, inputs)
        inputs = []
        for number, found in sizes.items():
            sends = [e for e in effects if isinstance(e, Send) and e.connection == number]
            found.append(sum(len(chunk) for send in sends for chunk in send.chunks))
            for send in sends:
                world.wires[number].deliver(send)
        if world.broker.next_deadline() != world.now:
            return sizes
    raise AssertionError("the broker does not come to rest")


def test_what_is_decompressed_for_a_consumer_goes_out_a_few_a_step():
    world = World()
    producer, old = writer(world, MEM_URI), old_reader(world)
    size, count = 100_000, 3 * DELIVERY_INFLATIONS_MAX
    event = put_event([new_style_bomb(n, size) for n in range(count)])
    sizes = sent_by_steps(world, Received(producer.number, event))
    assert len(sizes[old.number]) >= 3
    assert max(sizes[old.number]) < DELIVERY_INFLATIONS_MAX * size + 1_000
    found = pushes(old.events())
    assert [push.guid for push in found] == [guid(n) for n in range(count)]
    area = encode_properties(PROPERTIES, new_style=False)
    assert {push.data for push in found} == {area + bytes(size)}


def test_the_queue_says_that_it_has_more():
    world = World()
    producer, _ = writer(world, MEM_URI), old_reader(world)
    (entry,) = world.broker._context.queues.values()
    event = put_event([new_style_bomb(n, 1_000) for n in range(DELIVERY_INFLATIONS_MAX + 1)])
    world.broker.step(world.now, [Received(producer.number, event)])
    found = [(entry.queue.has_more, world.broker.next_deadline() == world.now)]
    world.broker.step(world.now, [])
    found.append((entry.queue.has_more, world.broker.next_deadline() == world.now))
    assert found == [(True, True), (False, False)]


def test_two_old_consumers_share_the_allowance_of_a_step():
    world = World()
    producer = writer(world, MEM_URI)
    readers = [old_reader(world), old_reader(world)]
    count = 2 * DELIVERY_INFLATIONS_MAX + 2
    event = put_event([new_style_bomb(n, 50_000) for n in range(count)])
    sizes = sent_by_steps(world, Received(producer.number, event))
    both = [a + b for a, b in zip(*(sizes[wire.number] for wire in readers), strict=True)]
    assert max(both) < DELIVERY_INFLATIONS_MAX * 50_000 + 1_000
    assert [len(pushes(wire.events())) for wire in readers] == [count // 2, count // 2]


def test_a_consumer_of_the_new_style_gets_all_at_once():
    world = World()
    producer, new = writer(world, MEM_URI), reader(world, MEM_URI)
    event = put_event([new_style_bomb(n, 100_000) for n in range(6)])
    sizes = sent_by_steps(world, Received(producer.number, event))
    assert [bool(size) for size in sizes[new.number]] == [True]
    assert len(pushes(new.events())) == 6


def test_plain_messages_go_to_an_old_consumer_together():
    world = World()
    producer, old = writer(world, MEM_URI), old_reader(world)
    event = put_event([put(n) for n in range(6)])
    sizes = sent_by_steps(world, Received(producer.number, event))
    assert [bool(size) for size in sizes[old.number]] == [True]


def test_a_message_that_is_too_large_in_the_old_style_is_delivered_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
):
    area = len(encode_properties(PROPERTIES, new_style=False))
    monkeypatch.setattr("reference_broker.core.deliver.APPLICATION_DATA_BYTES_MAX", area + 5_000)
    world = World()
    producer, old = writer(world, MEM_URI), old_reader(world)
    fits, too_large = new_style_bomb(1, 5_000), new_style_bomb(2, 5_001)
    producer.send(put_event([fits, too_large]))
    first, second = pushes(old.events())
    assert (first.compression, first.schema, len(first.data)) == (0, 0, area + 5_000)
    assert (second.compression, second.schema, second.data) == (1, 1, too_large.data)
    assert sum("not converted" in text for text in world.logs()) == 1
    old.send(confirm_event([(0, guid(2), 0)]))
    assert world.broker.statistics().messages == 1
