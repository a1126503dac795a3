"""Recovery: from the files found at the start back to a log and what it says.

The rules of this file:

- the newest complete snapshot is taken, and of the log only what comes behind it is read; an
  incomplete or damaged snapshot is reported and not used, for the log says the same;
- segments must follow one another without a gap, from the oldest that is needed to the last, and
  record indices too; older ones are what a crash left of removing them, and go;
- a damaged record at the very end of the last segment is what a crash leaves: it is cut off and
  reported, for nothing after the last whole record was acknowledged as durable;
- damage anywhere else is corruption: it is named, and the broker refuses to start on it.

One segment, or a part of the snapshot, is in memory at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reference_broker.base.limits import MIB
from reference_broker.ports import Effect, RemoveFile, TruncateFile
from reference_broker.storage.bodies import SnapshotRecord, decode_body
from reference_broker.storage.columns import location_of
from reference_broker.storage.log import LoggedApp, LoggedQueue, PartitionLog
from reference_broker.storage.names import (
    FoundFile,
    PartitionFiles,
    segment_name,
    snapshot_serial_of,
)
from reference_broker.storage.reading import FileReading, ReadSteps
from reference_broker.storage.records import (
    RECORD_HEADER_SIZE,
    SEGMENT_HEAD_SIZE,
    SEGMENT_MAGIC,
    LogRecord,
    RecordError,
    RecordKind,
    StorageCorruptionError,
    decode_segment_head,
    is_torn_tail,
    read_record,
)
from reference_broker.storage.replay import Replay
from reference_broker.storage.snapshot import (
    SNAPSHOT_PREFIX_SIZE,
    SnapshotReader,
    decode_position,
    is_foreign,
)
from reference_broker.storage.stored import StoredQueue

#: How much of a snapshot is read at a time.
_PIECE_BYTES: Final = 64 * MIB
_NO_SNAPSHOT: Final = SnapshotRecord(0, 0, 0, 0, 0, 1)
_INTRODUCTIONS: Final = (RecordKind.QUEUE, RecordKind.APP)


@dataclass(slots=True)
class RecoveredPartition:
    """What the files say.

    Attributes:
        log: ready to append to.
        queues: what they hold, by number.
        highest_queue: the highest queue number found; new queues must have higher ones.
        effects: to carry out before anything is appended.
        notes: what the operator should know, one sentence each.
    """

    log: PartitionLog
    queues: dict[int, StoredQueue]
    highest_queue: int
    effects: list[Effect]
    notes: list[str]

    @property
    def message_count(self) -> int:
        """How many messages there are."""
        return sum(len(queue) for queue in self.queues.values())


class Recovery(FileReading):
    """Read the files of one partition.

    Give `feed` what `next_read` asks for until it asks for nothing, then call `finish`.

    Args:
        partition: its number.
        files: what was found of it.
        segment_bytes_max: for the log that goes on.
    """

    def __init__(self, partition: int, files: PartitionFiles, segment_bytes_max: int) -> None:
        super().__init__(self._read_all())
        self._files = files
        self._log = PartitionLog(partition, segment_bytes_max)
        self._replay = Replay()
        self._position = _NO_SNAPSHOT
        self._snapshot: FoundFile | None = None
        self._sealed: dict[int, int] = {}
        self._effects: list[Effect] = []
        self._notes: list[str] = []

    def _read_all(self) -> ReadSteps:
        yield from self._read_snapshots()
        yield from self._read_segments()

    def _damage(self, name: str, offset: int, what: object) -> StorageCorruptionError:
        return StorageCorruptionError(
            f"log file {name} is damaged at byte {offset}: {what}; restore the file from a copy, "
            f"or remove all files bmq_{self._log.partition}.* to start the partition empty"
        )

    # Snapshots.

    def _read_snapshots(self) -> ReadSteps:
        """Take the newest snapshot that is complete."""
        candidates: list[tuple[SnapshotRecord, FoundFile]] = []
        for file in self._files.snapshots:
            # No name is given twice, not even that of a file that cannot be read.
            serial = snapshot_serial_of(file.name)
            self._log.snapshot_serial = max(self._log.snapshot_serial, serial)
            (data,) = yield file.name, ((0, min(file.size, SNAPSHOT_PREFIX_SIZE)),)
            if is_foreign(data):
                what = "it is no snapshot of this broker; move it away"
                raise StorageCorruptionError(f"{file.name} has {data[:8]!r} at byte 0: {what}")
            try:
                position = decode_position(data, self._log.partition)
            except RecordError as error:
                self._reject(file, 0, error)
                continue
            candidates.append((position, file))
            self._log.snapshot_serial = max(self._log.snapshot_serial, position.serial)
        for position, file in sorted(candidates, reverse=True):
            if self._snapshot is None:
                yield from self._read_snapshot(position, file)

    def _read_snapshot(self, position: SnapshotRecord, file: FoundFile) -> ReadSteps:
        reader = SnapshotReader()
        try:
            for start in range(0, file.size, _PIECE_BYTES):
                size = min(file.size - start, _PIECE_BYTES)
                (data,) = yield file.name, ((start, size),)
                reader.feed(data)
            reader.check_end()
        except RecordError as error:
            self._reject(file, reader.offset, error)
            return
        self._replay = reader.replay
        self._replay.oldest = position.oldest
        self._position = position
        self._sealed = reader.sealed
        self._snapshot = file

    def _reject(self, file: FoundFile, offset: int, error: RecordError) -> None:
        text = f"snapshot {file.name} is damaged at byte {offset} and not used: {error}"
        self._notes.append(text)

    # Segments.

    def _read_segments(self) -> ReadSteps:
        segments = self._files.segments
        last = max(segments, default=0)
        first = last
        while first - 1 in segments:
            first -= 1
        if self._position.segment < first:
            self._forget_snapshot()
        start = self._position.segment or first
        self._log.next_index = max(self._position.next_index, 1)
        if start and not first <= start <= last:
            raise self._missing(start if start > last else first - 1)
        for number in range(start, last + 1) if start else ():
            file = segments[number]
            offset = self._position.offset if number == self._position.segment else 0
            if offset > file.size:
                what = f"it ends here, but the snapshot says that byte {offset} was written"
                raise self._damage(file.name, file.size, what)
            (data,) = yield file.name, ((offset, file.size - offset),)
            self._read_segment(number, file, data, offset)
        if first > self._replay.oldest:
            raise self._missing(first - 1)
        for number in range(self._replay.oldest, start):
            file, size = segments[number], self._sealed.get(number)
            if file.size != size:
                what = f"it has {file.size} bytes, but the snapshot says {size}"
                raise self._damage(file.name, file.size, what)

    def _forget_snapshot(self) -> None:
        """Do without a snapshot because the segment that it goes on in is no longer needed.

        The log alone says it all, but for the GUIDs of messages that are gone.
        """
        oldest = self._replay.oldest
        histories = self._replay.histories()
        self._replay = Replay(histories)
        self._replay.oldest = oldest
        self._position = _NO_SNAPSHOT

    def _missing(self, number: int) -> StorageCorruptionError:
        partition = self._log.partition
        seen = "".join(f" ({note})" for note in self._notes)
        if self._files.segments:
            last = max(self._files.segments.items())[1]
            seen = f", and {last.name} of {last.size} bytes does not say it may be{seen}"
        return StorageCorruptionError(
            f"log file {segment_name(partition, number)} is missing{seen}; restore it from a "
            f"copy, or remove all files bmq_{partition}.* to start the partition empty"
        )

    def _read_segment(self, number: int, file: FoundFile, data: bytes, base: int) -> None:
        """Read one segment, or with `base` what comes after that byte of it."""
        log, replay = self._log, self._replay
        segment = log.segments.begin(number)
        is_last = number == max(self._files.segments)
        offset = 0
        if base:
            replay.introduced = replay.introduced_so_far()
        else:
            replay.introduced.clear()
            if not self._read_head(number, file, data, is_last=is_last):
                return
            offset = SEGMENT_HEAD_SIZE
        is_preamble = not base
        while offset < len(data):
            try:
                record = read_record(data, offset)
            except RecordError as error:
                if not is_last or not is_torn_tail(data, offset, log.next_index):
                    raise self._damage(file.name, base + offset, error) from error
                self._cut(file, base + offset, error)
                break
            self._apply(record, number, file, base)
            offset = record.end
            is_preamble = is_preamble and record.kind in _INTRODUCTIONS
            if is_preamble:
                segment.preamble = offset
        segment.size = base + offset
        log.bytes_since_snapshot += offset

    def _apply(self, record: LogRecord, number: int, file: FoundFile, base: int) -> None:
        """Take what one record of a segment says."""
        log = self._log
        if record.log_index != log.next_index:
            what = f"record {record.log_index} where {log.next_index} should be"
            raise self._damage(file.name, base + record.start, what)
        location = location_of(number, base + record.start + RECORD_HEADER_SIZE)
        try:
            self._replay.apply(decode_body(record), location)
        except RecordError as error:
            raise self._damage(file.name, base + record.start, error) from error
        log.next_index += 1

    def _read_head(self, number: int, file: FoundFile, data: bytes, *, is_last: bool) -> bool:
        """Take a segment's head; return False if a crash cut it short."""
        log = self._log
        try:
            head = decode_segment_head(data)
        except RecordError as error:
            beginning = data[: len(SEGMENT_MAGIC)]
            is_ours = SEGMENT_MAGIC.startswith(beginning) or not any(beginning)
            # Of the first segment that is read only the head says which records it has.
            index = None if len(log.segments.files) == 1 else log.next_index - 1
            if not (is_last and is_ours and is_torn_tail(data, 0, index)):
                raise self._damage(file.name, 0, error) from error
            if data:
                self._cut(file, 0, error)
            return False
        if (head.partition, head.number) != (log.partition, number):
            what = f"it is segment {head.number} of partition {head.partition}"
            raise self._damage(file.name, 0, what)
        if not head.first_index or head.oldest > number:
            what = (
                f"record {head.first_index} is its first, segment {head.oldest} the oldest needed"
            )
            raise self._damage(file.name, 0, what)
        if len(log.segments.files) == 1:
            log.next_index = head.first_index
        elif head.first_index != log.next_index:
            before = log.segments.files[-2]
            what = f"its next record is {log.next_index}, but {file.name} begins with "
            raise self._damage(before.name, before.size, f"{what}{head.first_index}")
        self._replay.oldest = max(self._replay.oldest, head.oldest)
        return True

    def _cut(self, file: FoundFile, offset: int, error: RecordError) -> None:
        self._effects.append(TruncateFile(file.name, offset))
        self._notes.append(
            f"log file {file.name}: the unfinished end was cut off at byte {offset} of "
            f"{file.size}: {error}"
        )

    # The end.

    def finish(self, wall_ns: int) -> RecoveredPartition:
        """Return what was found; nothing is left to be read.

        Args:
            wall_ns: for a snapshot, if there is none; nanoseconds since the epoch.
        """
        log, replay = self._log, self._replay
        self._complete_segments()
        queues: dict[int, StoredQueue] = {}
        for number in list(replay.queues):
            queue = replay.queues.pop(number).settle()  # popped: it is large
            queues[number] = queue
            try:
                log.segments.count_live(queue.columns)
            except KeyError as error:
                raise self._missing(error.args[0]) from error
            apps = {n: LoggedApp(app.app_id, app.first_ordinal) for n, app in queue.apps.items()}
            log.queues[number] = LoggedQueue(queue.uri, queue.next_ordinal, apps)
        self._effects += log.introduce_again(replay.introduced)
        if self._snapshot is not None:
            log.snapshot_segment = self._position.segment
        self._effects += log.release([])
        self._take_up_snapshots(list(queues.values()), wall_ns)
        return RecoveredPartition(log, queues, replay.highest_queue, self._effects, self._notes)

    def _complete_segments(self) -> None:
        """Add the segments that were not read, and let go of those that are not needed."""
        log = self._log
        log.oldest = self._replay.oldest
        read = {segment.number: segment for segment in log.segments.files}
        log.segments.files.clear()
        for number, file in self._files.segments.items():
            if number < log.oldest:
                self._effects.append(RemoveFile(file.name))
                self._notes.append(f"log file {file.name} is no longer needed and removed")
                continue
            segment = log.segments.begin(number)
            segment.size = file.size
            if number in read:
                segment.size, segment.preamble = read[number].size, read[number].preamble
            log.segments.total_bytes += segment.size - segment.preamble

    def _take_up_snapshots(self, queues: list[StoredQueue], wall_ns: int) -> None:
        log = self._log
        names = [file.name for file in self._files.snapshots]
        # A crash came between the record that lets segments go and the snapshot that knows them.
        is_behind = any(
            self._position.segment <= number < log.oldest for number in self._files.segments
        )
        if self._snapshot is None or is_behind:
            log.snapshots = names
            self._effects += log.write_snapshot(queues, wall_ns)
            return
        log.snapshots = [self._snapshot.name]
        log.snapshot_bytes = self._snapshot.size
        self._effects += [RemoveFile(name) for name in names if name != self._snapshot.name]
