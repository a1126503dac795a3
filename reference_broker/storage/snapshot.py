"""Snapshots: everything a partition holds, in one file, so that a recovery need not read its log.

::

    SNAPSHOT FILE = magic "BMQGSNP4" | SNAPSHOT | SEALED | PART | PART | ... | SNAPSHOT_END
    PART = QUEUE | APP ... | MESSAGES ... | CONFIRMS ... | HISTORY ...      of one queue

The records are those of `bodies`, with indices from 1. CONFIRMS has here what an app does not need
although others do. A snapshot without its end, or with a damaged record, is not used: the log has
all that it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reference_broker.base import GUID_SIZE
from reference_broker.base.limits import MIB
from reference_broker.storage.bodies import (
    SNAPSHOT_BODY_SIZE,
    SealedRecord,
    SnapshotEndRecord,
    SnapshotRecord,
    app_body,
    confirms_body,
    decode_body,
    history_body,
    messages_body,
    queue_body,
    sealed_body,
    snapshot_body,
)
from reference_broker.storage.columns import cut_columns
from reference_broker.storage.names import SNAPSHOT_SERIAL_MAX
from reference_broker.storage.records import (
    MAGIC_SIZE,
    RECORD_HEADER_SIZE,
    SNAPSHOT_MAGIC,
    RecordError,
    RecordKind,
    encode_record,
    is_record_cut,
    read_record,
)
from reference_broker.storage.replay import Replay
from reference_broker.storage.stored import StoredQueue

#: The magic and the SNAPSHOT record: what a look at the position needs.
SNAPSHOT_PREFIX_SIZE: Final = MAGIC_SIZE + RECORD_HEADER_SIZE + SNAPSHOT_BODY_SIZE
#: Messages, ordinals or GUIDs in one record.
_PART_COUNT: Final = 65_536
#: Bytes of log that are cheap to read again, whatever the snapshot's size.
_LOG_BYTES_MIN: Final = 256 * MIB
#: How many times its own size must be logged before a snapshot is worth writing again: it adds a
#: fourth to what is written at most.
_LOG_FACTOR: Final = 4
#: The same of segments that wait to be removed: it adds half of them at most.
_DEAD_FACTOR: Final = 2


def is_snapshot_due(log_bytes: int, snapshot_bytes: int) -> bool:
    """Return whether a new snapshot is worth its cost.

    Args:
        log_bytes: logged since the last one.
        snapshot_bytes: size of the last one.
    """
    return log_bytes > max(_LOG_BYTES_MIN, _LOG_FACTOR * snapshot_bytes)


def is_worth_removing(dead_bytes: int, segment_bytes: int, snapshot_bytes: int) -> bool:
    """Return whether segments that wait for a snapshot are worth one.

    Args:
        dead_bytes: of these segments.
        segment_bytes: what one usually has.
        snapshot_bytes: size of the last snapshot.
    """
    return dead_bytes >= max(segment_bytes, _DEAD_FACTOR * snapshot_bytes)


def encode_snapshot(
    position: SnapshotRecord, sealed: Sequence[int], queues: Sequence[StoredQueue]
) -> list[bytes]:
    """Return the chunks of a snapshot file.

    Args:
        position: where in the log it holds.
        sealed: sizes of the segments before that one, from the oldest needed on.
        queues: all queues of the partition.
    """
    chunks = [SNAPSHOT_MAGIC]
    for index, (kind, body) in enumerate(_records(position, sealed, queues), 1):
        chunks += encode_record(kind, index, body)
    return chunks


def _records(
    position: SnapshotRecord, sealed: Sequence[int], queues: Sequence[StoredQueue]
) -> Iterator[tuple[RecordKind, list[bytes]]]:
    yield RecordKind.SNAPSHOT, snapshot_body(position)
    yield RecordKind.SEALED, sealed_body(position.oldest, sealed)
    for queue in queues:
        number = queue.number
        yield RecordKind.QUEUE, queue_body(number, queue.next_ordinal, queue.uri)
        for app in queue.apps.values():
            body = app_body(number, app.number, app.app_id, app.first_ordinal, is_registered=True)
            yield RecordKind.APP, body
        for start in range(0, len(queue), _PART_COUNT):
            columns = cut_columns(queue.columns, start, start + _PART_COUNT)
            yield RecordKind.MESSAGES, messages_body(number, columns)
        for app in queue.apps.values():
            for start in range(0, len(app.done), _PART_COUNT):
                done = app.done[start : start + _PART_COUNT]
                yield RecordKind.CONFIRMS, confirms_body(number, app.number, done)
        for start in range(0, len(queue.history), _PART_COUNT * GUID_SIZE):
            guids = queue.history[start : start + _PART_COUNT * GUID_SIZE]
            yield RecordKind.HISTORY, history_body(number, guids)
    yield RecordKind.SNAPSHOT_END, []


def is_foreign(data: bytes) -> bool:
    """Return whether a file that starts so is not a snapshot, not even an unfinished one."""
    beginning = data[:MAGIC_SIZE]
    return any(beginning) and not SNAPSHOT_MAGIC.startswith(beginning)


def decode_position(data: bytes, partition: int) -> SnapshotRecord:
    """Return where in the log of a partition a snapshot that starts so holds.

    Raises:
        RecordError: it is not there, of another partition, or no place that anybody writes down.
    """
    body = decode_body(read_record(data, MAGIC_SIZE))
    if not isinstance(body, SnapshotRecord) or body.partition != partition:
        raise RecordError(f"{body} where the place in the log of partition {partition} should be")
    if not body.next_index or body.oldest > max(body.segment, 1):
        raise RecordError(f"{body} is no place in a log")
    if body.serial >= SNAPSHOT_SERIAL_MAX:
        rule = f"the next one must not be above {SNAPSHOT_SERIAL_MAX}"
        raise RecordError(f"serial {body.serial}, but {rule}")
    return body


class SnapshotReader:
    """Read a snapshot in pieces.

    Attributes:
        replay: what it says.
        sealed: sizes of segments by number, as it says.
        offset: of the record at hand, in the file.
    """

    def __init__(self) -> None:
        self.replay = Replay()
        self.sealed: dict[int, int] = {}
        self.offset = 0
        self._rest = b""
        self._index = 1
        self._is_complete = False

    def feed(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            RecordError: a record is damaged.
        """
        data = self._rest + data
        offset = 0
        if not self.offset and len(data) >= MAGIC_SIZE:
            self.offset = offset = MAGIC_SIZE
        while self.offset and not is_record_cut(data, offset):
            record = read_record(data, offset)
            if record.log_index != self._index or self._is_complete:
                raise RecordError(f"record {record.log_index} where {self._index} should be")
            body = decode_body(record)
            if isinstance(body, SnapshotEndRecord):
                self._is_complete = True
            elif isinstance(body, SealedRecord):
                self.sealed = dict(enumerate(body.sizes, body.first))
            elif not isinstance(body, SnapshotRecord):
                self.replay.apply(body, 0)
            self._index += 1
            self.offset += record.end - offset
            offset = record.end
        self._rest = data[offset:]

    def check_end(self) -> None:
        """Look whether that was all of it.

        Raises:
            RecordError: it is incomplete.
        """
        if self._rest or not self._is_complete:
            raise RecordError("the file ends before the snapshot does")
