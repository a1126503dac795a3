"""What the records of a partition say, and their bytes.

::

    QUEUE         | queue, u32 | next ordinal, u64 | canonical URI, UTF-8 |
    APP           | queue, u32 | app, u32 | registered, u8 | first ordinal, u64 | app id, UTF-8 |
    PUTS          | queue, u32 | wall clock ns, u64 | first ordinal, u64 | messages |
    CONFIRMS      | queue, u32 | app, u32 | ordinals |
    MOVED         | queue, u32 | count, u32 | done, u32 | ordinals | arrivals |
                  | done times (app, u32 | ordinal, u64) | messages |
    PURGE         | queue, u32 | app or FFFFFFFF, u32 | upto ordinal, u64 | reason, u8 |
    REMOVED       | queue, u32 |
    TRIMMED       | oldest segment still needed, u64 |

    SNAPSHOT      | partition, u32 | serial, u64 | segment, u64 | offset, u64 | next index, u64 |
                  | oldest segment still needed, u64 |
    MESSAGES      | queue, u32 | count, u32 | ordinals | GUIDs | locations | sizes | arrivals |
                  | coding words |
    HISTORY       | queue, u32 | GUIDs |
    SEALED        | first segment, u64 | sizes in bytes, u64 each |
    SNAPSHOT_END  |

Numbers are big-endian, but columns (ordinals, arrivals and locations of 8 bytes, sizes and coding
words of 4) are little-endian, see `columns`; so are the sizes of sealed segments. A message is a PUT
message of the wire protocol without options: 36 bytes of header, the data, 1 to 4 bytes of padding.
Its CRC-32C is the producer's.

A queue's number, and an app's number in its queue, are private to a log. A message is needed by
the apps whose first ordinal is not above its own, until they have confirmed it.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from reference_broker.base import GUID_SIZE, PeerError, QueueUri
from reference_broker.storage.columns import Columns, numbers_from_bytes, numbers_to_bytes
from reference_broker.storage.records import LogRecord, RecordError, RecordKind

ALL_APPS: Final = 0xFFFF_FFFF

_QUEUE: Final = struct.Struct(">IQ")
_APP: Final = struct.Struct(">II?Q")
_PUTS: Final = struct.Struct(">IQQ")
_TWO: Final = struct.Struct(">II")
_THREE: Final = struct.Struct(">III")
_DONE: Final = struct.Struct(">IQ")
_PURGE: Final = struct.Struct(">IIQB")
_NUMBER: Final = struct.Struct(">I")
_LONG_NUMBER: Final = struct.Struct(">Q")
_SNAPSHOT: Final = struct.Struct(">IQQQQQ")
#: Bytes of a PUTS record's body before its messages.
PUTS_PREFIX_SIZE: Final = _PUTS.size
SNAPSHOT_BODY_SIZE: Final = _SNAPSHOT.size
#: Bytes that a message takes in a MESSAGES record.
_MESSAGE_SIZE: Final = 8 + GUID_SIZE + 8 + 4 + 8 + 4


class PurgeReason(IntEnum):
    """Why messages are gone that nobody has confirmed."""

    PURGE = 1
    EXPIRY = 2


class QueueRecord(NamedTuple):
    """A queue exists under a number; its ordinals up to `next_ordinal` are used."""

    queue: int
    next_ordinal: int
    uri: QueueUri


class AppRecord(NamedTuple):
    """An app of a queue exists and needs messages from an ordinal on, or it needs none any more."""

    queue: int
    app: int
    is_registered: bool
    first_ordinal: int
    app_id: str


class PutsRecord(NamedTuple):
    """A batch of messages was stored; their ordinals follow one another.

    Attributes:
        queue: which queue.
        wall_ns: wall-clock time of arrival, nanoseconds since the epoch.
        first_ordinal: of the first message.
        messages: encoded PUT messages.
    """

    queue: int
    wall_ns: int
    first_ordinal: int
    messages: memoryview


class ConfirmsRecord(NamedTuple):
    """An app has done with messages."""

    queue: int
    app: int
    ordinals: array[int]


class MovedRecord(NamedTuple):
    """Messages of an old segment are here now.

    Attributes:
        queue: their queue.
        ordinals: of the messages.
        arrivals: of the messages, nanoseconds since the epoch.
        done: (app, ordinal) pairs: who does not need which any more.
        messages: encoded PUT messages, in the order of `ordinals`.
        prefix_size: bytes of the body before the messages.
    """

    queue: int
    ordinals: array[int]
    arrivals: array[int]
    done: list[tuple[int, int]]
    messages: memoryview
    prefix_size: int


class PurgeRecord(NamedTuple):
    """Everything below an ordinal is gone, for one app, or with `ALL_APPS` for all."""

    queue: int
    app: int
    upto: int
    reason: int


class RemovedRecord(NamedTuple):
    """A queue is gone."""

    queue: int


class TrimmedRecord(NamedTuple):
    """Segments older than this one are no longer needed."""

    oldest: int


class SnapshotRecord(NamedTuple):
    """Where in the log a snapshot holds.

    Attributes:
        partition: whose log.
        serial: grows by one with each snapshot of a partition.
        segment: the segment that it goes on in; 0 while there is none.
        offset: in that segment.
        next_index: of the next record.
        oldest: the oldest segment that is still needed.
    """

    partition: int
    serial: int
    segment: int
    offset: int
    next_index: int
    oldest: int


class SealedRecord(NamedTuple):
    """The sizes of segments that are written no more, from the first one on."""

    first: int
    sizes: array[int]


class MessagesRecord(NamedTuple):
    """Messages that a queue holds."""

    queue: int
    columns: Columns


class HistoryRecord(NamedTuple):
    """GUIDs of messages that a queue no longer holds, joined, the newest last."""

    queue: int
    guids: bytes


class SnapshotEndRecord(NamedTuple):
    """A snapshot is complete."""


Body: TypeAlias = (
    QueueRecord
    | AppRecord
    | PutsRecord
    | ConfirmsRecord
    | MovedRecord
    | PurgeRecord
    | RemovedRecord
    | TrimmedRecord
    | SnapshotRecord
    | SealedRecord
    | MessagesRecord
    | HistoryRecord
    | SnapshotEndRecord
)


# Writing.


def queue_body(queue: int, next_ordinal: int, uri: QueueUri) -> list[bytes]:
    """Return the chunks of a QUEUE record's body."""
    return [_QUEUE.pack(queue, next_ordinal), uri.canonical.encode()]


def app_body(
    queue: int, app: int, app_id: str, first_ordinal: int, *, is_registered: bool
) -> list[bytes]:
    """Return the chunks of an APP record's body."""
    return [_APP.pack(queue, app, is_registered, first_ordinal), app_id.encode()]


def puts_body(queue: int, wall_ns: int, first_ordinal: int, messages: list[bytes]) -> list[bytes]:
    """Return the chunks of a PUTS record's body."""
    return [_PUTS.pack(queue, wall_ns, first_ordinal), *messages]


def confirms_body(queue: int, app: int, ordinals: Sequence[int]) -> list[bytes]:
    """Return the chunks of a CONFIRMS record's body."""
    return [_TWO.pack(queue, app), numbers_to_bytes(array("Q", ordinals))]


def moved_body(
    queue: int,
    ordinals: Sequence[int],
    arrivals: Sequence[int],
    done: Sequence[tuple[int, int]],
    messages: Sequence[bytes],
) -> list[bytes]:
    """Return the chunks of a MOVED record's body; the messages are the last ones."""
    prefix = b"".join(
        [
            _THREE.pack(queue, len(ordinals), len(done)),
            numbers_to_bytes(array("Q", ordinals)),
            numbers_to_bytes(array("Q", arrivals)),
            *[_DONE.pack(app, ordinal) for app, ordinal in done],
        ]
    )
    return [prefix, *messages]


def purge_body(queue: int, app: int, upto: int, reason: PurgeReason) -> list[bytes]:
    """Return the chunks of a PURGE record's body."""
    return [_PURGE.pack(queue, app, upto, reason)]


def removed_body(queue: int) -> list[bytes]:
    """Return the chunks of a REMOVED record's body."""
    return [_NUMBER.pack(queue)]


def trimmed_body(oldest: int) -> list[bytes]:
    """Return the chunks of a TRIMMED record's body."""
    return [_LONG_NUMBER.pack(oldest)]


def snapshot_body(record: SnapshotRecord) -> list[bytes]:
    """Return the chunks of a SNAPSHOT record's body."""
    return [_SNAPSHOT.pack(*record)]


def sealed_body(first: int, sizes: Sequence[int]) -> list[bytes]:
    """Return the chunks of a SEALED record's body."""
    return [_LONG_NUMBER.pack(first), numbers_to_bytes(array("Q", sizes))]


def messages_body(queue: int, columns: Columns) -> list[bytes]:
    """Return the chunks of a MESSAGES record's body."""
    return [
        _TWO.pack(queue, len(columns.ordinals)),
        numbers_to_bytes(columns.ordinals),
        columns.guids,
        numbers_to_bytes(columns.locations),
        numbers_to_bytes(columns.sizes),
        numbers_to_bytes(columns.arrivals),
        numbers_to_bytes(columns.codings),
    ]


def history_body(queue: int, guids: bytes) -> list[bytes]:
    """Return the chunks of a HISTORY record's body."""
    return [_NUMBER.pack(queue), guids]


# Reading.


def decode_body(record: LogRecord) -> Body:
    """Return what a record of a segment or of a snapshot says.

    Raises:
        RecordError: the kind is unknown or the body malformed, although the checksum is right.
    """
    decode = _DECODERS.get(record.kind)
    if decode is None:
        raise RecordError(f"record {record.log_index} has the unknown kind {record.kind}")
    try:
        return decode(record.body)
    except (struct.error, ValueError, PeerError) as error:
        raise RecordError(f"record {record.log_index} of kind {record.kind}: {error}") from error


def _queue(body: memoryview) -> QueueRecord:
    queue, next_ordinal = _QUEUE.unpack_from(body)
    return QueueRecord(queue, next_ordinal, QueueUri.parse(str(body[_QUEUE.size :], "utf-8")))


def _app(body: memoryview) -> AppRecord:
    queue, app, is_registered, first_ordinal = _APP.unpack_from(body)
    app_id = str(body[_APP.size :], "utf-8")
    return AppRecord(queue, app, is_registered, first_ordinal, app_id)


def _puts(body: memoryview) -> PutsRecord:
    queue, wall_ns, first_ordinal = _PUTS.unpack_from(body)
    return PutsRecord(queue, wall_ns, first_ordinal, body[_PUTS.size :])


def _confirms(body: memoryview) -> ConfirmsRecord:
    queue, app = _TWO.unpack_from(body)
    return ConfirmsRecord(queue, app, numbers_from_bytes("Q", body[_TWO.size :]))


def _moved(body: memoryview) -> MovedRecord:
    queue, count, done = _THREE.unpack_from(body)
    arrivals = _THREE.size + count * 8
    pairs = arrivals + count * 8
    messages = pairs + done * _DONE.size
    if messages > len(body):
        raise ValueError(f"{len(body)} bytes for {count} messages and {done} marks")
    return MovedRecord(
        queue,
        numbers_from_bytes("Q", body[_THREE.size : arrivals]),
        numbers_from_bytes("Q", body[arrivals:pairs]),
        list(_DONE.iter_unpack(body[pairs:messages])),
        body[messages:],
        messages,
    )


def _purge(body: memoryview) -> PurgeRecord:
    return PurgeRecord(*_PURGE.unpack(body))


def _removed(body: memoryview) -> RemovedRecord:
    return RemovedRecord(*_NUMBER.unpack(body))


def _trimmed(body: memoryview) -> TrimmedRecord:
    return TrimmedRecord(*_LONG_NUMBER.unpack(body))


def _snapshot(body: memoryview) -> SnapshotRecord:
    return SnapshotRecord(*_SNAPSHOT.unpack(body))


def _sealed(body: memoryview) -> SealedRecord:
    (first,) = _LONG_NUMBER.unpack_from(body)
    return SealedRecord(first, numbers_from_bytes("Q", body[_LONG_NUMBER.size :]))


def _messages(body: memoryview) -> MessagesRecord:
    queue, count = _TWO.unpack_from(body)
    if len(body) != _TWO.size + count * _MESSAGE_SIZE:
        raise ValueError(f"{len(body)} bytes for {count} messages")
    parts: list[memoryview] = []
    start = _TWO.size
    for width in (8, GUID_SIZE, 8, 4, 8, 4):
        parts.append(body[start : start + count * width])
        start += count * width
    columns = Columns(
        numbers_from_bytes("Q", parts[0]),
        bytes(parts[1]),
        numbers_from_bytes("Q", parts[2]),
        numbers_from_bytes("I", parts[3]),
        numbers_from_bytes("Q", parts[4]),
        numbers_from_bytes("I", parts[5]),
    )
    return MessagesRecord(queue, columns)


def _history(body: memoryview) -> HistoryRecord:
    (queue,) = _NUMBER.unpack_from(body)
    guids = bytes(body[_NUMBER.size :])
    if len(guids) % GUID_SIZE:
        raise ValueError(f"{len(guids)} bytes of GUIDs, not a multiple of {GUID_SIZE}")
    return HistoryRecord(queue, guids)


def _snapshot_end(_body: memoryview) -> SnapshotEndRecord:
    return SnapshotEndRecord()


_DECODERS: Final[dict[int, Callable[[memoryview], Body]]] = {
    RecordKind.QUEUE: _queue,
    RecordKind.APP: _app,
    RecordKind.PUTS: _puts,
    RecordKind.CONFIRMS: _confirms,
    RecordKind.MOVED: _moved,
    RecordKind.PURGE: _purge,
    RecordKind.REMOVED: _removed,
    RecordKind.TRIMMED: _trimmed,
    RecordKind.SNAPSHOT: _snapshot,
    RecordKind.SEALED: _sealed,
    RecordKind.MESSAGES: _messages,
    RecordKind.HISTORY: _history,
    RecordKind.SNAPSHOT_END: _snapshot_end,
}
