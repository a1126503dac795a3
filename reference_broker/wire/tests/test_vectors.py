"""Every recorded byte decodes, and our encoders write the same bytes again.

The exceptions are listed with their reasons; one that is no exception any more fails the test, and
so does a file that no test looks at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from reference_broker.base import WireError
from reference_broker.wire import (
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    Event,
    EventReader,
    EventType,
    Put,
    ack_event,
    confirm_event,
    encoding_bits,
    event_header,
    iter_acks,
    iter_confirms,
    iter_puts,
    pad,
    put_event,
)
from reference_broker.wire.control import Encoding, decode_message, encode_message
from reference_broker.wire.control.tests import recordings, test_recordings
from reference_broker.wire.control.tests.recordings import VECTORS, Recorded
from reference_broker.wire.options import (
    SubQueueInfo,
    decode_options,
    encode_sub_queue_ids_old,
    encode_sub_queue_infos,
)
from reference_broker.wire.push import iter_pushes, push_message

_LIMIT: Final = 2**24

_CPP_FILE: Final = "a storage file of the C++ broker: we keep a log of our own"
_LEDGER: Final = "a bare ledger record: it is read inside a CLUSTER_STATE event"
_BARE_BER: Final = "a bare BER message: `control` re-encodes it"

#: Files that hold no event.
NO_EVENTS: Final = {
    "real_file_bmq_csl": _CPP_FILE,
    "real_file_bmq_data": _CPP_FILE,
    "real_file_bmq_journal": _CPP_FILE,
    "real_file_bmq_journal_after_rollover": _CPP_FILE,
    "real_file_bmq_qlist": _CPP_FILE,
    "constructed_csl_record_snapshot": _LEDGER,
    "ref_ber_clusterMessage_leaderAdvisory": _BARE_BER,
    "ref_ber_clusterMessage_leaderAdvisoryAck": _BARE_BER,
}

#: Events that our reader refuses.
REFUSED: Final = {
    "session_heartbeat_and_unexpected_events:8B": "an event type that does not exist, sent to see "
    "what the SDK makes of it",
}

#: Events whose body we do not speak: it goes through as it is.
OPAQUE: Final = {
    EventType.CLUSTER_STATE: "between brokers: a ledger record",
    EventType.STORAGE: "between brokers: replication",
    EventType.RECOVERY: "between brokers: file chunks",
    EventType.PARTITION_SYNC: "between brokers: replication",
    EventType.REPLICATION_RECEIPT: "between brokers: replication",
}

#: Events that decode and that we write in another way.
WRITTEN_OTHERWISE: Final = {
    **dict.fromkeys(test_recordings.EXCEPTIONS, "see `control.tests.test_recordings`"),
}

READABLE: Final = [event for event in recordings.ALL if event.name not in REFUSED]


def read(data: bytes) -> Event:
    """Return the one event in `data`."""
    (event,) = EventReader(_LIMIT).feed(data)
    return event


def rewrite_schema(event: Event, recorded: Recorded) -> bytes:
    message: object = decode_message(recorded.message_type, event.encoding, event.body, 8)
    payload = pad(encode_message(message, Encoding(event.encoding)))
    event_type = EventType(event.type)
    return event_header(event_type, len(payload), encoding_bits(event.encoding)) + payload


def rewrite_puts(event: Event, _recorded: Recorded) -> bytes:
    return put_event(
        Put(queue, guid, event.buffer[start:end], flags, cat, schema, event.buffer[options:start])
        for flags, cat, queue, guid, _, schema, options, start, end, _, _ in iter_puts(
            event.buffer, event.start, event.end
        )
    )


def rewrite_pushes(event: Event, _recorded: Recorded) -> bytes:
    messages = []
    position = event.start
    for flags, cat, queue, guid, schema, options, start, _, end in iter_pushes(
        event.buffer, event.start, event.end
    ):
        message = push_message(
            queue,
            guid,
            event.buffer[start:end],
            options=rewrite_options(event.buffer[options:start]),
            flags=flags,
            compression=cat,
            schema=schema,
            header_words=(options - position) // 4,
        )
        messages.append(message)
        position = end
    body = b"".join(messages)
    return event_header(EventType.PUSH, len(body)) + body


def rewrite_options(area: bytes) -> bytes:
    infos = decode_options(area, 0, len(area)).sub_queue_infos
    if not infos:
        return b""
    is_old = area[0] >> 2 == 1
    if is_old:
        assert all(info == SubQueueInfo(info.id) for info in infos)
        return encode_sub_queue_ids_old([info.id for info in infos])
    return encode_sub_queue_infos(infos)


def rewrite_acks(event: Event, _recorded: Recorded) -> bytes:
    return ack_event(iter_acks(event.buffer, event.start, event.end))


def rewrite_confirms(event: Event, _recorded: Recorded) -> bytes:
    confirms = iter_confirms(event.buffer, event.start, event.end)
    return confirm_event(confirms, EventType(event.type))


def rewrite_opaque(event: Event, _recorded: Recorded) -> bytes:
    return event_header(EventType(event.type), len(event.body), event.specific) + event.body


REWRITERS: Final[dict[int, Callable[[Event, Recorded], bytes]]] = {
    EventType.CONTROL: rewrite_schema,
    EventType.ELECTOR: rewrite_schema,
    EventType.AUTHENTICATION: rewrite_schema,
    EventType.PUT: rewrite_puts,
    EventType.PUSH: rewrite_pushes,
    EventType.ACK: rewrite_acks,
    EventType.CONFIRM: rewrite_confirms,
    EventType.REJECT: rewrite_confirms,
    EventType.HEARTBEAT_REQ: lambda event, _: HEARTBEAT_REQUEST + event.body,
    EventType.HEARTBEAT_RSP: lambda event, _: HEARTBEAT_RESPONSE + event.body,
    **dict.fromkeys(OPAQUE, rewrite_opaque),
}


def by_name(names: dict[str, str]) -> list[Recorded]:
    return [event for event in recordings.ALL if event.name in names]


def test_every_file_is_looked_at():
    hexes = {path.stem for path in VECTORS.glob("*.hex")}
    transcripts = {path.name for path in VECTORS.glob("*.transcript.txt")}
    read_transcripts = {event.name.split(":")[0] for event in recordings.ALL if ":" in event.name}
    assert hexes == {e.name for e in recordings.ALL if ":" not in e.name} | set(NO_EVENTS)
    assert {name.removesuffix(".transcript.txt") for name in transcripts} == read_transcripts
    assert (len(hexes), len(transcripts), len(recordings.ALL)) == (172, 35, 1420)


def test_how_much_was_recorded():
    assert Counter(EventType(event.event_type).name for event in READABLE) == {
        "CONTROL": 707,
        "ELECTOR": 133,
        "STORAGE": 96,
        "CLUSTER_STATE": 89,
        "PUSH": 84,
        "PUT": 79,
        "CONFIRM": 58,
        "AUTHENTICATION": 55,
        "ACK": 48,
        "HEARTBEAT_RSP": 23,
        "HEARTBEAT_REQ": 21,
        "RECOVERY": 12,
        "REPLICATION_RECEIPT": 7,
        "REJECT": 5,
        "PARTITION_SYNC": 2,
    }


@pytest.mark.parametrize("recorded", READABLE, ids=lambda event: event.name)
def test_an_event_is_written_again_as_it_was(recorded: Recorded):
    again = REWRITERS[recorded.event_type](read(recorded.data), recorded)
    assert (again == recorded.data) is (recorded.name not in WRITTEN_OTHERWISE)


def test_an_event_is_the_same_byte_by_byte_and_with_bytes_behind_it():
    for recorded in READABLE:
        whole = read(recorded.data)
        reader = EventReader(_LIMIT)
        single = [event for byte in recorded.data for event in reader.feed(bytes([byte]))]
        trailing = list(reader.feed(recorded.data + recorded.data[:7]))
        assert reader.buffered_bytes == 7, recorded.name
        for events in (single, trailing):
            contents = [(event.type, event.specific, event.body) for event in events]
            assert contents == [(whole.type, whole.specific, whole.body)], recorded.name


def test_all_recordings_in_one_stream():
    stream = b"".join(event.data for event in READABLE)
    events: list[Event] = []
    reader = EventReader(_LIMIT)
    for position in range(0, len(stream), 1000):
        events += reader.feed(stream[position : position + 1000])
    assert [event.type for event in events] == [event.event_type for event in READABLE]
    assert reader.buffered_bytes == 0


@pytest.mark.parametrize("recorded", by_name(REFUSED), ids=lambda event: event.name)
def test_an_event_that_we_refuse_is_refused(recorded: Recorded):
    with pytest.raises(WireError, match=r"eventHeader\.type is 63"):
        read(recorded.data)


@pytest.mark.parametrize("table", [REFUSED, WRITTEN_OTHERWISE])
def test_an_exception_is_a_recording(table: dict[str, str]):
    assert len(by_name(table)) == len(table)
    assert all(table.values())


@pytest.mark.parametrize("name", sorted(NO_EVENTS))
def test_a_file_without_events_is_there_and_is_no_event(name: str):
    data = recordings.read_hex(name)
    assert int.from_bytes(data[:4], "big") != len(data)
