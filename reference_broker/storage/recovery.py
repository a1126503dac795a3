"""Recovery: from the files found at the start back to a log and what it says.

The rules of this file:

- segments must follow one another without a gap, and record indices too;
- a damaged record at the very end of the last segment is what a crash leaves: it is cut off and
  reported, for nothing after the last whole record was acknowledged as durable;
- damage anywhere else is corruption: it is named, and the broker refuses to start on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from reference_broker.base import OperatorError
from reference_broker.storage.log import PartitionLog, SegmentFile, parse_segment_name
from reference_broker.storage.records import (
    SEGMENT_MAGIC,
    TERM_MARK,
    TERM_MARK_OFFSET,
    Body,
    LogRecord,
    QueueRecord,
    RecordError,
    decode_body,
    read_record,
)

_CANDIDATES_MAX: Final = 10_000


class StorageCorruptionError(OperatorError):
    """A log file is damaged in a way that no crash explains."""


@dataclass(slots=True)
class RecoveredLog:
    """What the files say.

    Attributes:
        log: ready to append to.
        entries: (segment number, body) of every record, in order.
        cut: (file name, size to keep, reason) where a torn tail must be cut off.
    """

    log: PartitionLog
    entries: list[tuple[int, Body]] = field(default_factory=list)
    cut: tuple[str, int, str] | None = None


def recover_log(
    partition: int, files: Sequence[tuple[str, bytes]], segment_bytes_max: int
) -> RecoveredLog:
    """Read the segments of one partition, oldest first.

    Args:
        partition: which.
        files: (name, content) of each segment.
        segment_bytes_max: for the log that goes on.

    Raises:
        StorageCorruptionError: a segment is missing or damaged before its end.
    """
    recovered = RecoveredLog(PartitionLog(partition, segment_bytes_max))
    log = recovered.log
    introduced: set[int] = set()
    for position, (name, content) in enumerate(files):
        segment = _next_segment(log, partition, name)
        is_last = position == len(files) - 1
        introduced.clear()
        offset = _check_magic(name, content, is_last=is_last)
        first_index = None if not position else log.next_index
        try:
            for record in _records(content, offset, first_index):
                body = decode_body(record)
                if isinstance(body, QueueRecord):
                    log.queues[body.queue_number] = body.uri
                    introduced.add(body.queue_number)
                recovered.entries.append((segment.number, body))
                offset = record.end
                log.next_index = record.log_index + 1
        except RecordError as error:
            if not is_last or not _is_torn_tail(content, offset):
                raise StorageCorruptionError(
                    f"log file {name} is damaged at byte {offset}: {error}; restore the file "
                    "from a copy, or remove the storage folder to start empty"
                ) from error
            recovered.cut = (name, offset, str(error))
        segment.size = offset
    log.resume(introduced)
    return recovered


def _next_segment(log: PartitionLog, partition: int, name: str) -> SegmentFile:
    parsed = parse_segment_name(name)
    expected = log.segments[-1].number + 1 if log.segments else None
    if parsed is None or parsed[0] != partition or (expected and parsed[1] != expected):
        raise StorageCorruptionError(
            f"log file {name} is out of place in partition {partition}: "
            f"segment {expected or 'of that partition'} should be next"
        )
    segment = SegmentFile(parsed[1], name)
    log.segments.append(segment)
    return segment


def _check_magic(name: str, content: bytes, *, is_last: bool) -> int:
    if content.startswith(SEGMENT_MAGIC):
        return len(SEGMENT_MAGIC)
    if is_last and SEGMENT_MAGIC.startswith(content):
        return 0  # created just before a crash
    raise StorageCorruptionError(
        f"log file {name} does not start with {SEGMENT_MAGIC.decode()}: "
        f"it starts with {content[: len(SEGMENT_MAGIC)]!r}"
    )


def _records(content: bytes, offset: int, first_index: int | None) -> Iterator[LogRecord]:
    expected = first_index
    while offset < len(content):
        record = read_record(content, offset)
        if expected is not None and record.log_index != expected:
            raise RecordError(f"record {record.log_index} where {expected} should be")
        yield record
        expected = record.log_index + 1
        offset = record.end


def _is_torn_tail(content: bytes, offset: int) -> bool:
    """Return whether damage at `offset` is the unfinished end of the file.

    It is not if a whole record starts anywhere behind it: a crash tears only the end. Records are
    found by the zero bytes and the term in their header; content that imitates thousands of
    headers is not searched for ever but taken for corruption, which loses nothing.
    """
    found = content.find(TERM_MARK, offset)
    for _ in range(_CANDIDATES_MAX):
        if found < 0:
            return True
        candidate = found - TERM_MARK_OFFSET
        if candidate > offset:
            try:
                read_record(content, candidate)
            except RecordError:
                pass
            else:
                return False
        found = content.find(TERM_MARK, found + 1)
    return False
