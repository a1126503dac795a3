"""However many messages of one event are wrong, the operator is told once."""

from __future__ import annotations

from reference_broker.core.tests.pair import Wire, World
from reference_broker.core.tests.shapes import (
    ACK,
    PROPERTIES,
    configure,
    guid,
    open_queue,
    put,
    puts,
    statuses,
)
from reference_broker.ports import Effect, Log, Severity
from reference_broker.wire import AckStatus, EventType, confirm_event, event_header, put_message
from reference_broker.wire.put import put_event

MANY = 1_000


def logs(effects: list[Effect]) -> list[Log]:
    """Return the records among effects."""
    return [effect for effect in effects if isinstance(effect, Log)]


def both(world: World) -> Wire:
    """Return a client that writes and reads one queue under id 0."""
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    return wire


def test_refused_messages_of_one_event_make_one_record():
    wire = World().session()
    (record,) = logs(wire.send(puts(*range(MANY), q_id=7)))
    assert statuses(wire.events()) == [AckStatus.UNKNOWN] * MANY
    assert record.severity == Severity.WARN
    assert f"{MANY} messages refused" in record.message
    assert "the first: the queue is not open for writing" in record.message
    assert dict(record.fields) == {"guid": guid(0).hex().upper(), "queue_id": 7}


def test_messages_that_are_refused_for_different_reasons_make_one_record():
    wire = both(World())
    body = b"".join(
        message
        for n in range(0, MANY, 4)
        for message in (
            put_message(put(n)),
            put_message(put(n + 1), crc=1),
            put_message(put(n + 2, compression=5)),
            put_message(put(n + 3, options=bytes(4))),
        )
    )
    (record,) = logs(wire.send(event_header(EventType.PUT, len(body)) + body))
    assert sorted(statuses(wire.events())) == [0] * (MANY // 4) + [AckStatus.UNKNOWN] * 750
    assert "750 messages refused; the first: CRC-32C" in record.message


def test_two_events_make_two_records():
    wire = World().session()
    assert len(logs(wire.send(puts(1, 2), puts(3, 4)))) == 2


def test_an_event_without_a_mistake_makes_no_record():
    wire = both(World())
    assert logs(wire.send(puts(1, 2), confirm_event([(0, guid(1), 0)]))) == []


def test_stray_confirms_of_one_event_make_one_record():
    wire = both(World())
    # Neighbours differ in queue id and subId, so that none of them makes a run.
    strays = [(1 + n % 5, guid(n), n % 3) for n in range(MANY)]
    (record,) = logs(wire.send(confirm_event(strays)))
    assert record.severity == Severity.WARN
    assert f"{MANY} CONFIRMs for queues that are not open for reading" in record.message


def test_confirms_of_unknown_sub_queues_count_as_strays():
    wire = both(World())
    strays = [(0, guid(n), 1 + n) for n in range(MANY)]
    (record,) = logs(wire.send(confirm_event(strays)))
    assert f"{MANY} CONFIRMs for queues that are not open" in record.message


def test_confirms_of_messages_that_are_not_stored_make_one_quiet_record():
    world = World()
    wire = both(world)
    open_queue(wire, "bmq://test.mem/other", 1, read=1)
    wire.send(puts(1))
    confirms = [(n % 2, guid(n), 0) for n in range(1, MANY)]
    (record,) = logs(wire.send(confirm_event(confirms)))
    assert record.severity == Severity.DEBUG
    # The queue is told by the id: message 1 is in queue 0, its CONFIRM names queue 1.
    assert f"{MANY - 1} CONFIRMs for messages not stored" in record.message
    assert world.broker.statistics().messages == 1


def test_an_undecodable_message_and_refused_ones_make_one_record_each():
    wire = both(World())
    broken = put(2, b"no zlib stream", flags=ACK | PROPERTIES, compression=1)
    found = logs(wire.send(put_event([put(0, q_id=8), put(1, q_id=8), broken, put(3)])))
    assert len(found) == 2
