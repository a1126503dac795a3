"""Log records: what one entry of a partition's log looks like.

::

    SEGMENT = magic "BMQGLOG1" | RECORD | RECORD | ...

    | length of the body, u32            |   RECORD header, 28 bytes
    | CRC-32C of all that follows, u32   |   kind to the end of the body
    | kind, u8 | zero, 3 bytes           |
    | term, u64                          |   1 on a single node
    | index, u64                         |   consecutive in the log, from 1
    | body                               |

    QUEUE     | queue number, u32 | canonical URI, UTF-8          |
    PUTS      | queue number, u32 | wall clock ns, u64 | PUT messages as on the wire |
    CONFIRMS  | queue number, u32 | sub-stream, u32    | GUIDs, 16 bytes each        |

A PUTS record holds a whole batch: the messages of one PUT event for one queue, byte for byte as
the producer sent them, so that storing costs no work per message. Queue numbers are private to a
log; every segment starts with QUEUE records for the queues that exist, so that old segments can
go. The sub-stream of CONFIRMS is 0 until queues have several app ids.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from reference_broker.base import GUID_SIZE, PeerError, QueueUri
from reference_broker.base.limits import LOG_RECORD_BYTES_MAX
from reference_broker.wire import checksum

SEGMENT_MAGIC: Final = b"BMQGLOG1"
RECORD_HEADER_SIZE: Final = 28

_HEADER: Final = struct.Struct(">IIB3xQQ")
_CHECKED: Final = struct.Struct(">B3xQQ")
_QUEUE_NUMBER: Final = struct.Struct(">I")
_PUTS: Final = struct.Struct(">IQ")
_CONFIRMS: Final = struct.Struct(">II")
#: What the checksum covers starts here in a record.
_CHECKED_START: Final = 8
#: The term of a single node.
TERM: Final = 1
#: What every record header has in its middle: three zero bytes and the term.
TERM_MARK: Final = bytes(3) + TERM.to_bytes(8, "big")
TERM_MARK_OFFSET: Final = 9


class RecordKind(IntEnum):
    """What a record says."""

    QUEUE = 1
    PUTS = 2
    CONFIRMS = 3


class LogRecord(NamedTuple):
    """A record whose checksum is right.

    Attributes:
        kind: a `RecordKind` as a plain integer.
        term: the leader's term that wrote it.
        log_index: its place in the log.
        body: its content.
        end: offset in the segment just after it.
    """

    kind: int
    term: int
    log_index: int
    body: bytes
    end: int


class QueueRecord(NamedTuple):
    """A queue exists under a number."""

    queue_number: int
    uri: QueueUri


class PutRecord(NamedTuple):
    """A batch of messages was stored.

    Attributes:
        queue_number: which queue.
        wall_ns: wall-clock time of arrival, nanoseconds since the epoch.
        messages: encoded PUT messages.
    """

    queue_number: int
    wall_ns: int
    messages: bytes


class ConfirmRecord(NamedTuple):
    """Messages are gone."""

    queue_number: int
    sub_stream: int
    guids: list[bytes]


Body: TypeAlias = QueueRecord | PutRecord | ConfirmRecord


class RecordError(Exception):
    """A record is not what was written: cut short, changed, or not a record at all."""


def encode_record(kind: RecordKind, term: int, index: int, chunks: list[bytes]) -> list[bytes]:
    """Return the chunks of a record: its header, then `chunks`, which make the body."""
    size = sum([len(chunk) for chunk in chunks])
    assert size <= LOG_RECORD_BYTES_MAX, size
    crc = checksum(_CHECKED.pack(kind, term, index))
    for chunk in chunks:
        crc = checksum(chunk, crc)
    return [_HEADER.pack(size, crc, kind, term, index), *chunks]


def queue_body(queue_number: int, uri: QueueUri) -> list[bytes]:
    """Return the chunks of a QUEUE record's body."""
    return [_QUEUE_NUMBER.pack(queue_number), uri.canonical.encode()]


def puts_body(queue_number: int, wall_ns: int, messages: list[bytes]) -> list[bytes]:
    """Return the chunks of a PUTS record's body."""
    return [_PUTS.pack(queue_number, wall_ns), *messages]


def confirms_body(queue_number: int, guids: list[bytes]) -> list[bytes]:
    """Return the chunks of a CONFIRMS record's body."""
    return [_CONFIRMS.pack(queue_number, 0), b"".join(guids)]


def read_record(segment: bytes, offset: int) -> LogRecord:
    """Return the record at `offset`.

    Raises:
        RecordError: it is cut short, too large, or its checksum is wrong.
    """
    left = len(segment) - offset
    if left < RECORD_HEADER_SIZE:
        raise RecordError(f"{left} bytes where a header of {RECORD_HEADER_SIZE} should be")
    size, crc, kind, term, index = _HEADER.unpack_from(segment, offset)
    end = offset + RECORD_HEADER_SIZE + size
    if size > LOG_RECORD_BYTES_MAX:
        raise RecordError(f"body of {size} bytes, but at most {LOG_RECORD_BYTES_MAX} are written")
    if end > len(segment):
        raise RecordError(f"body of {size} bytes, but {left - RECORD_HEADER_SIZE} are left")
    if checksum(memoryview(segment)[offset + _CHECKED_START : end]) != crc:
        raise RecordError(f"checksum of the record of {size} bytes is wrong")
    return LogRecord(kind, term, index, segment[offset + RECORD_HEADER_SIZE : end], end)


def decode_body(record: LogRecord) -> Body:
    """Return what a record says.

    Raises:
        RecordError: the kind is unknown or the body malformed, although the checksum is right.
    """
    body = record.body
    try:
        match record.kind:
            case RecordKind.QUEUE:
                (number,) = _QUEUE_NUMBER.unpack_from(body)
                return QueueRecord(number, QueueUri.parse(body[4:].decode()))
            case RecordKind.PUTS:
                number, wall_ns = _PUTS.unpack_from(body)
                return PutRecord(number, wall_ns, body[_PUTS.size :])
            case RecordKind.CONFIRMS:
                number, sub_stream = _CONFIRMS.unpack_from(body)
                return ConfirmRecord(number, sub_stream, _guids(body[_CONFIRMS.size :]))
            case _:
                raise RecordError(f"record {record.log_index} has the unknown kind {record.kind}")
    except (struct.error, UnicodeDecodeError, PeerError) as error:
        raise RecordError(f"record {record.log_index} of kind {record.kind}: {error}") from error


def _guids(data: bytes) -> list[bytes]:
    if len(data) % GUID_SIZE:
        raise RecordError(f"{len(data)} bytes of GUIDs, not a multiple of {GUID_SIZE}")
    return [data[i : i + GUID_SIZE] for i in range(0, len(data), GUID_SIZE)]
