"""Records: what one entry of the log, a snapshot or the ledger looks like.

::

    | length of the body, u32            |   RECORD header, 28 bytes, big-endian
    | CRC-32C of all that follows, u32   |   kind to the end of the body
    | kind, u8 | zero, 3 bytes           |
    | term, u64                          |   1 on a single node
    | index, u64                         |   consecutive in the log, from 1
    | body                               |   see `bodies`

    SEGMENT = HEAD | RECORD | RECORD | ...

    | magic "BMQGLOG2"                   |   HEAD of a segment, 40 bytes
    | partition, u32                     |
    | number of the segment, u64         |
    | index of its first record, u64     |
    | oldest segment still needed, u64   |   when this one was begun
    | CRC-32C of the head so far, u32    |

Every file begins with a magic of its own. A record says for itself whether it is whole.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from reference_broker.base import OperatorError
from reference_broker.base.limits import LOG_RECORD_BYTES_MAX
from reference_broker.wire import checksum

SEGMENT_MAGIC: Final = b"BMQGLOG2"
SNAPSHOT_MAGIC: Final = b"BMQGSNP3"
LEDGER_MAGIC: Final = b"BMQGCSL2"
MAGIC_SIZE: Final = 8
RECORD_HEADER_SIZE: Final = 28
SEGMENT_HEAD_SIZE: Final = 40

_HEADER: Final = struct.Struct(">IIB3xQQ")
_CHECKED: Final = struct.Struct(">B3xQQ")
_SEGMENT_HEAD: Final = struct.Struct(">8sIQQQ")
_CRC: Final = struct.Struct(">I")
#: What the checksum covers starts here in a record.
_CHECKED_START: Final = 8
#: The term of a single node.
TERM: Final = 1
#: What every record header has in its middle: three zero bytes and the term.
TERM_MARK: Final = bytes(3) + TERM.to_bytes(8, "big")
TERM_MARK_OFFSET: Final = 9
_CANDIDATES_MAX: Final = 10_000


class RecordKind(IntEnum):
    """What a record says."""

    QUEUE = 1
    APP = 2
    PUTS = 3
    CONFIRMS = 4
    MOVED = 5
    PURGE = 6
    REMOVED = 7
    TRIMMED = 8
    # in snapshots only
    SNAPSHOT = 16
    MESSAGES = 17
    HISTORY = 18
    SNAPSHOT_END = 19
    SEALED = 20
    # in the ledger only
    LEDGER = 32
    ASSIGN = 33
    UPDATE = 34
    UNASSIGN = 35
    LEDGER_READY = 36


class RecordError(Exception):
    """A record is not what was written: cut short, changed, or not a record at all."""


class StorageCorruptionError(OperatorError):
    """A log file is damaged in a way that no crash explains; says which, where and what."""


class LogRecord(NamedTuple):
    """A record whose checksum is right.

    Attributes:
        kind: a `RecordKind` as a plain integer.
        term: the leader's term that wrote it.
        log_index: its place in the log.
        body: its content, a view of the bytes that it was read from.
        start: offset of its header in those bytes.
        end: offset just after it.
    """

    kind: int
    term: int
    log_index: int
    body: memoryview
    start: int
    end: int


class SegmentHead(NamedTuple):
    """What a segment says of itself.

    Attributes:
        partition: whose log it belongs to.
        number: its number.
        first_index: index of its first record.
        oldest: the oldest segment that was needed when this one was begun.
    """

    partition: int
    number: int
    first_index: int
    oldest: int


def encode_record(kind: RecordKind, index: int, chunks: list[bytes]) -> list[bytes]:
    """Return the chunks of a record: its header, then `chunks`, which make the body."""
    size = sum([len(chunk) for chunk in chunks])
    assert size <= LOG_RECORD_BYTES_MAX, size
    crc = checksum(_CHECKED.pack(kind, TERM, index))
    for chunk in chunks:
        crc = checksum(chunk, crc)
    return [_HEADER.pack(size, crc, kind, TERM, index), *chunks]


def read_record(data: bytes, offset: int) -> LogRecord:
    """Return the record at `offset`.

    Raises:
        RecordError: it is cut short, too large, or its checksum is wrong.
    """
    left = len(data) - offset
    if left < RECORD_HEADER_SIZE:
        raise RecordError(f"{left} bytes where a header of {RECORD_HEADER_SIZE} should be")
    size, crc, kind, term, index = _HEADER.unpack_from(data, offset)
    body_start = offset + RECORD_HEADER_SIZE
    end = body_start + size
    if size > LOG_RECORD_BYTES_MAX:
        raise RecordError(f"body of {size} bytes, but at most {LOG_RECORD_BYTES_MAX} are written")
    if end > len(data):
        raise RecordError(f"body of {size} bytes, but {left - RECORD_HEADER_SIZE} are left")
    view = memoryview(data)
    if checksum(view[offset + _CHECKED_START : end]) != crc:
        raise RecordError(f"checksum of the record of {size} bytes is wrong")
    return LogRecord(kind, term, index, view[body_start:end], offset, end)


def is_record_cut(data: bytes, offset: int) -> bool:
    """Return whether the record at `offset` goes on behind the end of `data`."""
    left = len(data) - offset
    if left < RECORD_HEADER_SIZE:
        return True
    size: int = _HEADER.unpack_from(data, offset)[0]
    return left - RECORD_HEADER_SIZE < size <= LOG_RECORD_BYTES_MAX


def encode_segment_head(head: SegmentHead) -> bytes:
    """Return the first 40 bytes of a segment."""
    data = _SEGMENT_HEAD.pack(SEGMENT_MAGIC, *head)
    return data + _CRC.pack(checksum(data))


def decode_segment_head(data: bytes) -> SegmentHead:
    """Return what a segment says of itself.

    Raises:
        RecordError: these are not the first bytes of a segment.
    """
    if len(data) < SEGMENT_HEAD_SIZE:
        raise RecordError(f"{len(data)} bytes where a head of {SEGMENT_HEAD_SIZE} should be")
    magic, *fields = _SEGMENT_HEAD.unpack_from(data)
    if magic != SEGMENT_MAGIC:
        raise RecordError(f"it starts with {magic!r}, not with {SEGMENT_MAGIC!r}")
    (crc,) = _CRC.unpack_from(data, _SEGMENT_HEAD.size)
    if checksum(data[: _SEGMENT_HEAD.size]) != crc:
        raise RecordError("checksum of the segment's head is wrong")
    return SegmentHead(*fields)


def is_torn_tail(data: bytes, offset: int) -> bool:
    """Return whether damage at `offset` is the unfinished end of what was written.

    It is not if a whole record starts anywhere behind it: a crash tears only the end. Records are
    found by the zero bytes and the term in their header; content that imitates thousands of
    headers is not searched for ever but taken for corruption, which loses nothing.
    """
    found = data.find(TERM_MARK, offset)
    for _ in range(_CANDIDATES_MAX):
        if found < 0:
            return True
        candidate = found - TERM_MARK_OFFSET
        if candidate > offset:
            try:
                read_record(data, candidate)
            except RecordError:
                pass
            else:
                return False
        found = data.find(TERM_MARK, found + 1)
    return False
