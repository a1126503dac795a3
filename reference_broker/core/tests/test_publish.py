"""What becomes of PUT messages."""

from __future__ import annotations

import zlib

import pytest

from reference_broker.base import UNSET_GUID
from reference_broker.core.tests.pair import Wire, World, domain, identity_of
from reference_broker.core.tests.shapes import (
    ACK,
    PROPERTIES,
    acks,
    configure,
    guid,
    open_queue,
    payloads,
    pushes,
    put,
    puts,
    statuses,
)
from reference_broker.wire import (
    AckStatus,
    EventType,
    Put,
    confirm_event,
    correlation_guid,
    event_header,
    put_event,
    put_message,
)
from reference_broker.wire.control import GuidInfo
from reference_broker.wire.options import encode_message_group_id
from reference_broker.wire.properties import SCHEMA_NEW_STYLE, encode_properties

UNKNOWN = AckStatus.UNKNOWN


def both(world: World | None = None) -> Wire:
    """Return a client that writes and reads one queue under id 0."""
    wire = (world or World()).session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    return wire


def raw_event(*messages: bytes) -> bytes:
    body = b"".join(messages)
    return event_header(EventType.PUT, len(body)) + body


def stored(wire: Wire) -> int:
    return wire.world.broker.statistics().messages


# Acknowledgements.


def test_a_stored_message_is_acknowledged_and_pushed():
    wire = both()
    wire.send(put_event([put(1, b"hello")]))
    events = wire.events()
    assert acks(events) == [(0, 0, guid(1), 0)]
    assert payloads(events) == [b"hello"]


def test_without_the_flag_there_is_no_acknowledgement():
    wire = both()
    wire.send(put_event([put(1, flags=0), put(2), put(3, flags=0)]))
    events = wire.events()
    assert acks(events) == [(0, 0, guid(2), 0)]
    assert len(payloads(events)) == 3


def test_a_negative_acknowledgement_needs_no_flag():
    wire = both()
    wire.send(put_event([put(1, flags=0, q_id=9)]))
    assert acks(wire.events()) == [(UNKNOWN, 0, guid(1), 9)]


def test_messages_of_several_queues_in_one_event():
    world = World()
    wire = both(world)
    open_queue(wire, "bmq://test.mem/other", 5, write=1)
    wire.send(put_event([put(1), put(2, q_id=5), put(3, q_id=9), put(4), put(5, q_id=5)]))
    found = sorted(acks(wire.events()), key=lambda ack: ack[2])
    assert [(status, queue) for status, _, _, queue in found] == [
        (0, 0), (0, 5), (5, 9), (0, 0), (0, 5),
    ]  # fmt: skip


# What is wrong with a message.


def test_a_queue_that_is_not_open():
    wire = World().session()
    wire.send(puts(1, 2, q_id=3))
    assert acks(wire.events()) == [(UNKNOWN, 0, guid(1), 3), (UNKNOWN, 0, guid(2), 3)]


def test_a_queue_that_is_open_for_reading_only():
    wire = World().session()
    open_queue(wire, read=1)
    wire.send(puts(1))
    assert statuses(wire.events()) == [UNKNOWN]


def test_an_unset_guid():
    wire = both()
    wire.send(put_event([Put(0, UNSET_GUID, b"x", ACK), put(1)]))
    assert sorted(statuses(wire.events())) == [0, UNKNOWN]


def test_options_that_cannot_be_read():
    wire = both()
    wire.send(put_event([put(1, options=bytes(4)), put(2)]))
    assert sorted(statuses(wire.events())) == [0, UNKNOWN]


def test_options_that_can_be_read_are_nothing_special():
    wire = both()
    wire.send(put_event([put(1, options=encode_message_group_id("group"))]))
    events = wire.events()
    assert (statuses(events), payloads(events)) == ([0], [b"data"])


def test_a_wrong_crc_is_refused():
    wire = both()
    wire.send(raw_event(put_message(put(1), crc=1), put_message(put(2))))
    events = wire.events()
    assert sorted(acks(events)) == [(0, 0, guid(2), 0), (UNKNOWN, 0, guid(1), 0)]
    assert [push.guid for push in pushes(events)] == [guid(2)]


@pytest.mark.parametrize("compression", range(2, 8))
def test_a_compression_that_does_not_exist(compression: int):
    wire = both()
    wire.send(put_event([put(1, compression=compression)]))
    events = wire.events()
    assert (statuses(events), payloads(events)) == ([UNKNOWN], [])


@pytest.mark.parametrize(
    "broken",
    [
        b"\x10\0\0\x0a" + put_message(put(2))[4:36] + b"\4\4\4\4",  # no data
        put_message(put(2))[:-1] + b"\0",  # padding
        b"\x1f\xff\xff\xff" + put_message(put(2))[4:],
        put_message(put(2))[:20],
        put_message(put(2, b"no zlib stream", flags=ACK | PROPERTIES, compression=1)),
    ],
)
def test_a_message_that_cannot_be_parsed_takes_the_rest_with_it_unanswered(broken: bytes):
    wire = both()
    wire.send(raw_event(put_message(put(1)), broken, put_message(put(3))))
    assert acks(wire.events()) == [(0, 0, guid(1), 0)]
    wire.send(puts(4))
    assert acks(wire.events()) == [(0, 0, guid(4), 0)]


def test_malformed_properties_are_stored_and_delivered():
    wire = both()
    wire.send(put_event([put(1, b"\xff" * 20, flags=ACK | PROPERTIES, schema=3)]))
    events = wire.events()
    assert (statuses(events), payloads(events)) == ([0], [b"\xff" * 20])


def test_an_undecodable_payload_of_the_new_style_is_stored_and_delivered():
    wire = both()
    area = encode_properties({"x": 1}, new_style=True)
    data = area + b"no zlib stream"
    wire.send(put_event([put(1, data, flags=3, schema=1, compression=1)]))
    (push,) = pushes(wire.events())
    assert (push.data, push.compression, push.schema) == (data, 1, 1)


# Duplicates and limits.


def test_a_duplicate_is_acknowledged_and_not_stored_again():
    wire = both()
    wire.send(puts(1))
    wire.take()
    wire.send(puts(1, 2, 2))
    events = wire.events()
    assert statuses(events) == [0, 0, 0]  # one for each PUT that asked
    assert [push.guid for push in pushes(events)] == [guid(2)]
    assert stored(wire) == 2


def test_a_duplicate_that_wants_no_acknowledgement_gets_none():
    wire = both()
    wire.send(puts(1))
    wire.take()
    wire.send(put_event([put(1, flags=0)]))
    assert wire.events() == []


def test_exactly_one_message_more_than_the_limit_is_stored():
    wire = both(World([domain("test.mem", limits=(3, 1_000))]))
    wire.send(puts(1), puts(2, 3, 4), puts(5), puts(6))
    assert statuses(wire.events()) == [0, 0, 0, 0, 1, 1]


def test_the_byte_limit_may_be_exceeded_by_one_message():
    wire = both(World([domain("test.mem", limits=(1_000, 100))]))
    wire.send(puts(1, 2, 3, 4, data=b"x" * 40))
    assert sorted(statuses(wire.events())) == [0, 0, 0, AckStatus.LIMIT_BYTES]


def test_the_domains_limit_counts_all_its_queues():
    wire = both(World([domain("test.mem", domain_limits=(1, 1_000))]))
    open_queue(wire, "bmq://test.mem/other", 1, write=1)
    wire.send(puts(1), puts(2, q_id=1), puts(3), puts(4, q_id=1))
    assert statuses(wire.events()) == [0, 0, AckStatus.LIMIT_MESSAGES, AckStatus.LIMIT_MESSAGES]


def test_a_guid_may_come_again_after_the_deduplication_time():
    world = World([domain("test.mem", deduplicationTimeMs=1_000)])
    wire = both(world)
    wire.send(puts(1))
    wire.send(confirm_event([(0, guid(1), 0)]))
    wire.take()
    world.advance(2)
    wire.send(puts(1))
    assert len(payloads(wire.events())) == 1


# Producers that make no GUIDs.


def correlation_client(world: World) -> Wire:
    wire = world.connect()
    wire.negotiate(identity_of(guid_info=GuidInfo()))
    open_queue(wire, read=1, write=1)
    configure(wire)
    return wire


def test_a_correlation_id_is_echoed_with_a_guid_of_ours():
    wire = correlation_client(World(guid_client_id=b"broker"))
    wire.send(put_event([Put(0, correlation_guid(0xABCDEF), b"corr", 0)]))
    events = wire.events()
    ((status, correlation, made, queue_id),) = acks(events)
    assert (status, correlation, queue_id) == (0, 0xABCDEF, 0)
    assert made.endswith(b"broker")
    assert [push.guid for push in pushes(events)] == [made]


def test_correlation_id_zero_is_not_acknowledged_even_with_the_flag():
    wire = correlation_client(World())
    wire.send(put_event([Put(0, correlation_guid(0), b"corr", ACK)]))
    events = wire.events()
    assert (acks(events), payloads(events)) == ([], [b"corr"])


def test_a_refused_correlation_id_is_echoed():
    wire = correlation_client(World())
    wire.send(put_event([Put(9, correlation_guid(5), b"corr", ACK)]))
    assert acks(wire.events()) == [(UNKNOWN, 5, UNSET_GUID, 9)]


def test_every_message_gets_a_guid_of_its_own():
    wire = correlation_client(World())
    wire.send(put_event([Put(0, correlation_guid(n), b"x", 0) for n in range(1, 50)]))
    assert len({push.guid for push in pushes(wire.events())}) == 49


# Properties and compression.


def test_old_style_compressed_data_are_stored_plain():
    wire = both()
    area = encode_properties({"x": 1}, new_style=False)
    wire.send(put_event([put(1, zlib.compress(area + b"payload"), flags=3, compression=1), put(2)]))
    first, second = pushes(wire.events())
    assert (first.data, first.compression, first.flags) == (area + b"payload", 0, PROPERTIES)
    assert second.data == b"data"


def test_compressed_data_without_properties_go_through():
    wire = both()
    data = zlib.compress(b"payload" * 10)
    wire.send(put_event([put(1, data, compression=1)]))
    (push,) = pushes(wire.events())
    assert (push.data, push.compression) == (data, 1)


def test_the_schema_id_of_the_producer_becomes_none_to_remember():
    wire = both()
    area = encode_properties({"x": 1}, new_style=True)
    for number, schema in enumerate([1, 3, 2, 7, 65535]):
        wire.send(put_event([put(number, area + b"p", flags=3, schema=schema)]))
    assert {push.schema for push in pushes(wire.events())} == {SCHEMA_NEW_STYLE}


def test_application_data_reach_the_consumer_byte_for_byte():
    wire = both()
    payload = bytes(range(256)) * 300
    for size in (1, 2, 3, 4, 5, 70_000):
        wire.send(put_event([put(size, payload[:size])]))
    assert [len(data) for data in payloads(wire.events())] == [1, 2, 3, 4, 5, 70_000]
