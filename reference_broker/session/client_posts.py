"""Posted messages, from the call until their acknowledgement.

A message that wants an acknowledgement is kept until that comes, so that it can be sent again on
the next connection, with its GUID. One older than the queue's de-duplication time is given up
instead: the broker might no longer know that it has stored it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from reference_broker.base import GuidGenerator, Instant, milliseconds
from reference_broker.base.limits import APPLICATION_DATA_BYTES_MAX, MIB
from reference_broker.session.client_queue import Ack, ClientQueue, QueueState
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    PUT_HEADER_SIZE,
    AckStatus,
    Compression,
    Event,
    Features,
    PutFields,
    compress,
    iter_acks,
    put_event,
)
from reference_broker.wire.properties import (
    SCHEMA_NEW_STYLE,
    SCHEMA_OLD_STYLE,
    PropertiesLike,
    encode_properties,
)

#: The SDK compresses nothing smaller.
COMPRESSION_BYTES_MIN: Final = 1024
#: Application data kept for retransmission; a post beyond it is refused.
RETAINED_BYTES_MAX: Final = 256 * MIB
#: PUT events that a batch is cut into.
_PUT_EVENT_BYTES_MAX: Final = 4 * MIB
_ACK_STATUSES: Final = {int(status): status for status in AckStatus}
_new: Final = tuple.__new__  # a NamedTuple without the call of its constructor

#: A message to send, its queue, and when it was posted.
_Retained: TypeAlias = tuple[PutFields, ClientQueue, Instant]


class PostOffice:
    """The posted messages of one session.

    Args:
        client_id: 6 bytes, the end of every GUID.
    """

    def __init__(self, client_id: bytes) -> None:
        self._guids = GuidGenerator(client_id)
        self._retained: dict[bytes, _Retained] = {}
        self._retained_bytes = 0

    def __len__(self) -> int:
        """Return how many messages wait for their acknowledgement."""
        return len(self._retained)

    def prepare(
        self,
        now: Instant,
        queue: ClientQueue,
        payloads: Iterable[bytes],
        properties: PropertiesLike | None,
        compression: Compression,
        features: Features,
        *,
        wants_ack: bool,
    ) -> tuple[list[PutFields], list[bytes]]:
        """Make messages, and keep them if they want an acknowledgement.

        Returns:
            What to send, and the GUIDs.

        Raises:
            ValueError, TypeError: a payload is empty, too large or no bytes, or properties break
                a limit.
            BufferError: more would be kept than `RETAINED_BYTES_MAX`.
        """
        area, schema, flags = _encode_area(properties, features)
        flags |= FLAG_ACK_REQUESTED * wants_ack
        queue_id = queue.queue_id
        is_plain = not area and compression is Compression.NONE
        checked = [_checked(payload) for payload in payloads]
        guids = self._guids.next_many(now, len(checked))
        puts: list[PutFields] = []
        size = 0
        for guid, payload in zip(guids, checked, strict=True):
            if is_plain:
                put: PutFields = (queue_id, guid, payload, flags, 0, 0, b"")
            else:
                data, used = _assemble(area, payload, compression, is_new=schema != 0)
                put = (queue_id, guid, data, flags, used, schema, b"")
            puts.append(put)
            size += len(put[2])
        if wants_ack:
            if self._retained_bytes + size > RETAINED_BYTES_MAX:
                text = f"{self._retained_bytes} bytes wait for acknowledgement; with {size} more"
                raise BufferError(f"{text} the limit of {RETAINED_BYTES_MAX} is exceeded")
            self._retained_bytes += size
            retained = self._retained
            for put in puts:
                retained[put[1]] = (put, queue, now)
        return puts, guids

    def acknowledge(self, event: Event, queues: Iterable[ClientQueue]) -> list[Ack]:
        """Return what an ACK event says, and let go of the messages concerned.

        Raises:
            WireError: the event is malformed.
        """
        acks: list[Ack] = []
        pop = self._retained.pop
        for status, _, guid, queue_id in iter_acks(event.buffer, event.start, event.end):
            kept = pop(guid, None)
            if kept is not None:
                put, queue, _ = kept
                self._retained_bytes -= len(put[2])
                known = _ACK_STATUSES.get(status, AckStatus.UNKNOWN)
                acks.append(_new(Ack, (guid, known, queue)))
            elif status:  # refused, although nothing was asked
                acks += [Ack(guid, AckStatus.UNKNOWN, q) for q in queues if q.queue_id == queue_id]
        return acks

    def to_send_again(self, now: Instant) -> tuple[list[PutFields], list[Ack]]:
        """Return what to send on a new connection, and what is too late for that."""
        puts: list[PutFields] = []
        late: list[Ack] = []
        for guid, (put, queue, posted_at) in list(self._retained.items()):
            age_max = milliseconds(queue.deduplication_ms)
            if queue.state is QueueState.CLOSED or now - posted_at > age_max:
                late.append(Ack(guid, AckStatus.UNKNOWN, queue))
                self._retained_bytes -= len(put[2])
                del self._retained[guid]
            else:
                puts.append(put)
        return puts, late

    def give_up(self) -> list[Ack]:
        """Let go of everything, and say so."""
        acks = [Ack(guid, AckStatus.UNKNOWN, kept[1]) for guid, kept in self._retained.items()]
        self._retained.clear()
        self._retained_bytes = 0
        return acks


def put_events(puts: Sequence[PutFields]) -> list[bytes]:
    """Return messages as PUT events, as few as the size limit allows."""
    size = sum([len(put[2]) for put in puts]) + len(puts) * (PUT_HEADER_SIZE + 4)
    if size <= _PUT_EVENT_BYTES_MAX:
        return [put_event(puts)] if puts else []
    events: list[bytes] = []
    batch: list[PutFields] = []
    size = 0
    for put in puts:
        length = len(put[2]) + PUT_HEADER_SIZE + 4
        if batch and size + length > _PUT_EVENT_BYTES_MAX:
            events.append(put_event(batch))
            batch, size = [], 0
        batch.append(put)
        size += length
    events.append(put_event(batch))
    return events


def _checked(payload: bytes) -> bytes:
    if type(payload) is not bytes:
        payload = bytes(memoryview(payload))  # a str raises TypeError here
    if not 0 < len(payload) <= APPLICATION_DATA_BYTES_MAX:
        limit = APPLICATION_DATA_BYTES_MAX
        raise ValueError(f"a payload has 1 to {limit} bytes, this one has {len(payload)}")
    return payload


def _encode_area(properties: PropertiesLike | None, features: Features) -> tuple[bytes, int, int]:
    if not properties:
        return b"", SCHEMA_OLD_STYLE, 0
    is_new = features.message_properties_ex
    area = encode_properties(properties, new_style=is_new)
    return area, SCHEMA_NEW_STYLE if is_new else SCHEMA_OLD_STYLE, FLAG_MESSAGE_PROPERTIES


def _assemble(
    area: bytes, payload: bytes, compression: Compression, *, is_new: bool
) -> tuple[bytes, Compression]:
    """Return application data and the compression used, by the SDK's rules."""
    compressible = payload if is_new else area + payload
    if compression is Compression.ZLIB and len(compressible) >= COMPRESSION_BYTES_MIN:
        packed = compress(compressible)
        if len(packed) < len(compressible):
            return (area + packed if is_new else packed), compression
    if len(area) + len(payload) > APPLICATION_DATA_BYTES_MAX:
        size, limit = len(area) + len(payload), APPLICATION_DATA_BYTES_MAX
        raise ValueError(f"properties and payload have {size} bytes together; {limit} at most")
    return area + payload, Compression.NONE
