"""Records: what one entry of the log, a snapshot or the ledger looks like.

::

    | length of the body, u32            |   RECORD header, 32 bytes, big-endian
    | kind, u8 | zero, 3 bytes           |
    | term, u64                          |   1 on a single node
    | index, u64                         |   consecutive in the log, from 1
    | CRC-32C of the body, u32           |
    | CRC-32C of the header so far, u32  |
    | body                               |   see `bodies`

    SEGMENT = HEAD | RECORD | RECORD | ...

    | magic "BMQGLOG3"                   |   HEAD of a segment, 40 bytes
    | partition, u32                     |
    | number of the segment, u64         |
    | index of its first record, u64     |
    | oldest segment still needed, u64   |   when this one was begun
    | CRC-32C of the head so far, u32    |

Every file begins with a magic of its own. A record says for itself whether it is whole. Its header
has a checksum of its own, so that the length of a record that was cut short can be believed: what
its body holds, which peers choose, then says nothing about where the log ends.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from reference_broker.base import OperatorError
from reference_broker.base.limits import LOG_RECORD_BYTES_MAX
from reference_broker.wire import checksum

SEGMENT_MAGIC: Final = b"BMQGLOG3"
SNAPSHOT_MAGIC: Final = b"BMQGSNP4"
LEDGER_MAGIC: Final = b"BMQGCSL3"
MAGIC_SIZE: Final = 8
RECORD_HEADER_SIZE: Final = 32
SEGMENT_HEAD_SIZE: Final = 40

_HEADER: Final = struct.Struct(">IB3xQQI")
_SEGMENT_HEAD: Final = struct.Struct(">8sIQQQ")
_CRC: Final = struct.Struct(">I")
#: The term of a single node.
TERM: Final = 1
#: What every record header has in its middle: three zero bytes and the term.
TERM_MARK: Final = bytes(3) + TERM.to_bytes(8, "big")
_TERM_MARK_OFFSET: Final = 5
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
    """A record whose checksums are right.

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


class _Header(NamedTuple):
    """A header whose checksum is right."""

    size: int
    kind: int
    term: int
    log_index: int
    crc: int


def encode_record(kind: RecordKind, index: int, chunks: list[bytes]) -> list[bytes]:
    """Return the chunks of a record: its header, then `chunks`, which make the body."""
    size = sum([len(chunk) for chunk in chunks])
    assert size <= LOG_RECORD_BYTES_MAX, size
    crc = 0
    for chunk in chunks:
        crc = checksum(chunk, crc)
    header = _HEADER.pack(size, kind, TERM, index, crc)
    return [header + _CRC.pack(checksum(header)), *chunks]


def read_record(data: bytes, offset: int) -> LogRecord:
    """Return the record at `offset`.

    Raises:
        RecordError: it is cut short, too large, or a checksum is wrong.
    """
    header = _read_header(data, offset)
    body_start = offset + RECORD_HEADER_SIZE
    end = body_start + header.size
    if end > len(data):
        left = len(data) - body_start
        raise RecordError(f"body of {header.size} bytes, but {left} are left")
    body = memoryview(data)[body_start:end]
    if checksum(body) != header.crc:
        raise RecordError(f"checksum of the record of {header.size} bytes is wrong")
    return LogRecord(header.kind, header.term, header.log_index, body, offset, end)


def _read_header(data: bytes, offset: int) -> _Header:
    """Return the header at `offset`.

    Raises:
        RecordError: it is cut short, its checksum is wrong, or it tells of too large a body.
    """
    left = len(data) - offset
    if left < RECORD_HEADER_SIZE:
        raise RecordError(f"{left} bytes where a header of {RECORD_HEADER_SIZE} should be")
    (crc,) = _CRC.unpack_from(data, offset + _HEADER.size)
    if checksum(memoryview(data)[offset : offset + _HEADER.size]) != crc:
        raise RecordError("checksum of the record's header is wrong")
    header = _Header(*_HEADER.unpack_from(data, offset))
    if header.size > LOG_RECORD_BYTES_MAX:
        what = f"body of {header.size} bytes, but at most {LOG_RECORD_BYTES_MAX} are written"
        raise RecordError(what)
    return header


def is_record_cut(data: bytes, offset: int) -> bool:
    """Return whether the record at `offset` goes on behind the end of `data`."""
    if len(data) - offset < RECORD_HEADER_SIZE:
        return True
    try:
        header = _read_header(data, offset)
    except RecordError:
        return False
    return offset + RECORD_HEADER_SIZE + header.size > len(data)


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


def is_torn_tail(data: bytes, offset: int, index: int | None) -> bool:
    """Return whether damage at `offset` is the unfinished end of what was written.

    A header that is right says where its record ends. If that is the end of the data, or behind it,
    nothing was written after it, whatever its body holds. Otherwise damage is no end if a whole
    record starts behind it whose index is one that a record there can have: a crash tears only the
    end. Records are found by the zero bytes and the term in their header; content that imitates
    thousands of fitting headers is not searched for ever but taken for corruption, which loses
    nothing.

    Args:
        data: from the log, up to its end.
        offset: of the damage: there is no whole record with the index `index`.
        index: that the record there should have; None if nothing tells.
    """
    start = offset + 1
    try:
        header = _read_header(data, offset)
    except RecordError:
        pass
    else:
        if header.log_index == index:
            start = offset + RECORD_HEADER_SIZE + header.size
    left = _CANDIDATES_MAX
    found = data.find(TERM_MARK, start + _TERM_MARK_OFFSET)
    while found >= 0:
        candidate = found - _TERM_MARK_OFFSET
        if _can_follow(data, candidate, index, (candidate - offset) // RECORD_HEADER_SIZE):
            left -= 1
            if not left or _is_whole(data, candidate):
                return False
        found = data.find(TERM_MARK, found + 1)
    return True


def _can_follow(data: bytes, offset: int, index: int | None, distance_max: int) -> bool:
    """Return whether a header at `offset` has an index up to `distance_max` after `index`."""
    try:
        header = _read_header(data, offset)
    except RecordError:
        return False
    return index is None or 0 < header.log_index - index <= distance_max


def _is_whole(data: bytes, offset: int) -> bool:
    try:
        read_record(data, offset)
    except RecordError:
        return False
    return True
