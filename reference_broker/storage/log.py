"""A partition's log: append records, roll over segments, let go of dead ones, take snapshots.

The rules of this file:

- a segment is a file that only grows; when it has reached its size limit the next record opens a
  new one, which starts with QUEUE and APP records for all that exists;
- segments go from the oldest on, see `segments`; before they do a TRIMMED record says so, so that
  a segment that is missing for another reason is noticed;
- they go when a snapshot knows what was in them: the GUIDs of messages that are gone, which
  recognise duplicates, stand nowhere else;
- a snapshot says what the log says up to a place in it, so that a recovery reads only what comes
  behind; there is exactly one, and a new one takes the place of the old.

The answers are effects in order; this class does no I/O. What was asked for is written before what
is asked for later only if the effects are carried out in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from reference_broker.base import QueueUri
from reference_broker.base.limits import MIB, RUN_BYTES_MAX
from reference_broker.ports import CreateFile, Effect, RemoveFile, Sync, Write
from reference_broker.storage.bodies import (
    ALL_APPS,
    PUTS_PREFIX_SIZE,
    PurgeReason,
    SnapshotRecord,
    app_body,
    confirms_body,
    moved_body,
    purge_body,
    puts_body,
    queue_body,
    removed_body,
    trimmed_body,
)
from reference_broker.storage.columns import SEGMENT_SHIFT
from reference_broker.storage.names import snapshot_name
from reference_broker.storage.records import (
    RECORD_HEADER_SIZE,
    SEGMENT_HEAD_SIZE,
    RecordKind,
    SegmentHead,
    encode_record,
    encode_segment_head,
)
from reference_broker.storage.segments import Removed, SegmentFile, Segments
from reference_broker.storage.snapshot import encode_snapshot, is_snapshot_due, is_worth_removing
from reference_broker.storage.stored import StoredQueue

SEGMENT_BYTES_DEFAULT: Final = 64 * MIB
#: Where the messages of a PUTS record begin, from the record's start.
_MESSAGES_START: Final = RECORD_HEADER_SIZE + PUTS_PREFIX_SIZE


@dataclass(slots=True)
class LoggedApp:
    """What a new segment says of a registered app."""

    app_id: str
    first_ordinal: int


@dataclass(slots=True)
class LoggedQueue:
    """What a new segment says of a queue."""

    uri: QueueUri
    next_ordinal: int = 0
    apps: dict[int, LoggedApp] = field(default_factory=dict)


class LogUsage(NamedTuple):
    """The disk that a log takes.

    Attributes:
        files: names of its segments, oldest first.
        bytes: of its segments.
        journal_bytes: of its snapshot.
    """

    files: tuple[str, ...]
    bytes: int
    journal_bytes: int


class PartitionLog:
    """The log of one partition.

    Args:
        partition: its number.
        segment_bytes_max: size in bytes from which a new segment is begun.
    """

    def __init__(self, partition: int, segment_bytes_max: int = SEGMENT_BYTES_DEFAULT) -> None:
        self.partition = partition
        self.segment_bytes_max = segment_bytes_max
        self.segments = Segments(partition)
        self.next_index = 1
        #: The oldest segment that recovery needs.
        self.oldest = 1
        self.queues: dict[int, LoggedQueue] = {}
        #: Names of the snapshots that there are: one, but more or none after a crash.
        self.snapshots: list[str] = []
        self.snapshot_serial = 0
        self.snapshot_bytes = 0
        #: The segment that the snapshot goes on in: it knows all that older ones say.
        self.snapshot_segment = 0
        #: Segments with nothing live that wait for a snapshot, oldest first.
        self.dead: list[SegmentFile] = []
        #: Bytes of the log that the snapshot does not know.
        self.bytes_since_snapshot = 0
        self._unsynced: dict[str, None] = {}
        #: A segment that is begun, but not asked for yet.
        self._pending: list[Effect] = []

    # Appending.

    def next_location(self) -> int:
        """Return the location of the first message of the next record if that is of `append_puts`.

        The others follow it without a gap.
        """
        self._make_room()
        segment = self.segments.files[-1]
        return segment.number << SEGMENT_SHIFT | segment.size + _MESSAGES_START

    def append_queue(self, queue: int, uri: QueueUri, next_ordinal: int = 0) -> list[Effect]:
        """Record that a queue exists; nothing if that is known.

        Args:
            queue: its number, which no other queue of this log has.
            uri: canonical.
            next_ordinal: all below are used.
        """
        known = self.queues.get(queue)
        if known is not None and known.uri == uri:
            known.next_ordinal = max(known.next_ordinal, next_ordinal)
            return []
        effects = self._append(RecordKind.QUEUE, queue_body(queue, next_ordinal, uri))
        self.queues[queue] = LoggedQueue(uri, next_ordinal)
        return effects

    def append_app(
        self, queue: int, app: int, app_id: str, first_ordinal: int, *, is_registered: bool
    ) -> list[Effect]:
        """Record that an app needs messages from now on, or none any more.

        Args:
            queue: number of its queue.
            app: its number in the queue; a new one each time that an app is registered.
            app_id: its name.
            first_ordinal: of the first message that it needs; 0 if it is not registered.
            is_registered: which of both.
        """
        body = app_body(queue, app, app_id, first_ordinal, is_registered=is_registered)
        effects = self._append(RecordKind.APP, body)
        apps = self.queues[queue].apps
        if is_registered:
            apps[app] = LoggedApp(app_id, first_ordinal)
        else:
            apps.pop(app, None)
        return effects

    def append_puts(
        self,
        queue: int,
        wall_ns: int,
        first_ordinal: int,
        messages: list[bytes],
        count: int,
        skipped: Mapping[int, Sequence[int]] | None = None,
    ) -> list[Effect]:
        """Record a batch of messages, which will be where `next_location` said.

        Args:
            queue: number of their queue.
            wall_ns: when they arrived, nanoseconds since the epoch.
            first_ordinal: of the first; the others have the next ones.
            messages: encoded PUT messages without options, in any chunks.
            count: how many they are.
            skipped: by app, the ordinals of those that it does not need; in the same write.
        """
        self._make_room()
        body = puts_body(queue, wall_ns, first_ordinal, messages)
        segment = self.segments.files[-1]
        before = segment.size
        effects = self._append(RecordKind.PUTS, body)
        size = segment.size - before - _MESSAGES_START
        self.segments.add_live(segment.number, count, size)
        self.queues[queue].next_ordinal = first_ordinal + count
        if skipped:
            skips = [
                self._write(RecordKind.CONFIRMS, confirms_body(queue, app, ordinals))
                for app, ordinals in skipped.items()
                if ordinals
            ]
            effects[-1:] = joined([effects[-1], *skips])
        return effects

    def append_confirms(self, queue: int, app: int, ordinals: Sequence[int]) -> list[Effect]:
        """Record that an app has done with messages; see also `release`."""
        if not ordinals:
            return []
        return self._append(RecordKind.CONFIRMS, confirms_body(queue, app, ordinals))

    def append_purge(
        self, queue: int, app: int | None, upto: int, reason: PurgeReason
    ) -> list[Effect]:
        """Record that everything below the ordinal `upto` is gone; see also `release`.

        Args:
            queue: number of the queue.
            app: for which app; None for all.
            upto: the first ordinal that is not meant.
            reason: why.
        """
        number = ALL_APPS if app is None else app
        effects = self._append(RecordKind.PURGE, purge_body(queue, number, upto, reason))
        logged = self.queues[queue]
        logged.next_ordinal = max(logged.next_ordinal, upto)
        for each, logged_app in logged.apps.items():
            if app is None or each == app:
                logged_app.first_ordinal = max(logged_app.first_ordinal, upto)
        return effects

    def append_removed(self, queue: int) -> list[Effect]:
        """Record that a queue is gone; what it held must be released."""
        effects = self._append(RecordKind.REMOVED, removed_body(queue))
        del self.queues[queue]
        return effects

    def release(self, removed: Sequence[Removed]) -> list[Effect]:
        """Count messages as gone; what made them go is recorded already."""
        self.segments.release(removed)
        return self._drop_dead_segments()

    # Compaction.

    def compaction_candidate(self) -> int | None:
        """Return the segment whose live messages should be copied with `append_moved`, if any."""
        return self.segments.compaction_candidate()

    def append_moved(
        self,
        queue: int,
        ordinals: Sequence[int],
        arrivals: Sequence[int],
        messages: Sequence[bytes],
        done: Sequence[tuple[int, int]] = (),
    ) -> tuple[list[int], list[Effect]]:
        """Copy messages to the end of the log; their old places must then be released.

        Args:
            queue: number of their queue.
            ordinals: of the messages.
            arrivals: of the messages, nanoseconds since the epoch.
            messages: each one's bytes as read from the log.
            done: (app, ordinal) for each app that does not need one of them any more.

        Returns:
            The new location of each, and the effects.
        """
        locations: list[int] = []
        effects: list[Effect] = []
        start = size = 0
        for position, message in enumerate(messages):
            if size and size + len(message) > RUN_BYTES_MAX:
                part = slice(start, position)
                effects += self._move(queue, ordinals, arrivals, messages, done, part, locations)
                start, size = position, 0
            size += len(message)
        part = slice(start, len(messages))
        if size:
            effects += self._move(queue, ordinals, arrivals, messages, done, part, locations)
        return locations, effects

    def _move(
        self,
        queue: int,
        ordinals: Sequence[int],
        arrivals: Sequence[int],
        messages: Sequence[bytes],
        done: Sequence[tuple[int, int]],
        part: slice,
        locations: list[int],
    ) -> list[Effect]:
        first, last = ordinals[part][0], ordinals[part][-1]
        marks = [mark for mark in done if first <= mark[1] <= last]
        chosen = messages[part]
        body = moved_body(queue, ordinals[part], arrivals[part], marks, chosen)
        effects = self._append(RecordKind.MOVED, body)
        segment = self.segments.files[-1]
        size = sum([len(message) for message in chosen])
        location = segment.number << SEGMENT_SHIFT | segment.size - size
        for message in chosen:
            locations.append(location)
            location += len(message)
        self.segments.add_live(segment.number, len(chosen), size)
        return effects

    # Durability.

    def take_unsynced(self) -> list[str]:
        """Return the files that were written to since this was last asked, in order."""
        names = list(self._unsynced)
        self._unsynced.clear()
        if self._pending:  # the last one is still to be written
            self._unsynced[names.pop()] = None
        return names

    def name_of(self, segment: int) -> str:
        """Return the file name of a segment."""
        return self.segments.name_of(segment)

    def usage(self) -> LogUsage:
        """Return which files there are, and their sizes."""
        files = [*self.dead, *self.segments.files]
        names = tuple(segment.name for segment in files)
        return LogUsage(names, sum(segment.size for segment in files), self.snapshot_bytes)

    # Snapshots.

    @property
    def snapshot(self) -> str:
        """The name of the snapshot's file; empty before there is one."""
        return self.snapshots[-1] if self.snapshots else ""

    @property
    def is_snapshot_due(self) -> bool:
        """Whether so much was logged, or has to go, that a new snapshot is worth its cost."""
        dead_bytes = sum([segment.size for segment in self.dead])
        return is_snapshot_due(self.bytes_since_snapshot, self.snapshot_bytes) or (
            is_worth_removing(dead_bytes, self.segment_bytes_max, self.snapshot_bytes)
        )

    def write_snapshot(self, queues: Sequence[StoredQueue], wall_ns: int) -> list[Effect]:
        """Write down what the log says, all that was appended so far included.

        Args:
            queues: all queues of the partition as they are now.
            wall_ns: for the file's name, nanoseconds since the epoch.
        """
        dead = self.dead
        effects = self._trim(dead)
        effects += self._take_pending()
        old = self.snapshots
        self.snapshot_serial += 1
        name = snapshot_name(self.partition, wall_ns, self.snapshot_serial)
        assert name not in old, name
        self.snapshots = [name]
        chunks = encode_snapshot(self._position(), self.segments.sealed_sizes(), queues)
        self.snapshot_bytes = sum([len(chunk) for chunk in chunks])
        self.snapshot_segment = self._position().segment
        self.bytes_since_snapshot = 0
        effects += [CreateFile(name), Write(name, chunks), Sync(name, 0)]
        effects += [RemoveFile(each) for each in [*old, *(segment.name for segment in dead)]]
        return effects

    def _position(self) -> SnapshotRecord:
        files = self.segments.files
        segment, offset = (files[-1].number, files[-1].size) if files else (0, 0)
        serial, index = self.snapshot_serial, self.next_index
        return SnapshotRecord(self.partition, serial, segment, offset, index, self.oldest)

    # Parts.

    def introduce_again(self, introduced: set[tuple[int, int | None]]) -> list[Effect]:
        """Complete the introductions of the last segment, which a crash has cut short.

        Args:
            introduced: (queue, None) and (queue, app) for each that the segment introduces.
        """
        effects: list[Effect] = []
        if not self.segments.files or not self.segments.files[-1].size:
            return effects  # the next record begins the segment
        segment = self.segments.files[-1]
        size = segment.size
        for queue, logged in self.queues.items():
            if (queue, None) not in introduced:
                effects += self._introduce_queue(queue, logged)
            for app, logged_app in logged.apps.items():
                if (queue, app) not in introduced:
                    effects.append(self._introduce_app(queue, app, logged_app))
        segment.preamble += segment.size - size
        self.segments.total_bytes -= segment.size - size
        return effects

    def _append(self, kind: RecordKind, body: list[bytes]) -> list[Effect]:
        """Return the effects that put a record at the end."""
        self._make_room()
        effects = self._take_pending()
        effects.append(self._write(kind, body))
        return effects

    def _write(self, kind: RecordKind, body: list[bytes]) -> Write:
        chunks = encode_record(kind, self.next_index, body)
        self.next_index += 1
        return self._write_chunks(chunks)

    def _write_chunks(self, chunks: list[bytes]) -> Write:
        size = sum([len(chunk) for chunk in chunks])
        self.segments.grow(size)
        self.bytes_since_snapshot += size
        name = self.segments.files[-1].name
        self._unsynced[name] = None
        return Write(name, chunks)

    def _make_room(self) -> None:
        """Begin a segment if there is none, or if the last one is full."""
        files = self.segments.files
        if files:
            last = files[-1]
            if last.size and last.size - last.preamble < self.segment_bytes_max:
                return
        effects = self._pending
        if not files or files[-1].size:  # an empty one is left by a crash
            segment = self.segments.begin(files[-1].number + 1 if files else self.oldest)
            effects.append(CreateFile(segment.name))
        segment = files[-1]
        head = SegmentHead(self.partition, segment.number, self.next_index, self.oldest)
        effects.append(self._write_chunks([encode_segment_head(head)]))
        assert segment.size == SEGMENT_HEAD_SIZE
        for queue, logged in self.queues.items():
            effects += self._introduce_queue(queue, logged)
            for app, logged_app in logged.apps.items():
                effects.append(self._introduce_app(queue, app, logged_app))
        segment.preamble = segment.size
        self.segments.total_bytes -= segment.preamble

    def _take_pending(self) -> list[Effect]:
        effects, self._pending = self._pending, []
        return effects

    def _introduce_queue(self, queue: int, logged: LoggedQueue) -> list[Effect]:
        return [self._write(RecordKind.QUEUE, queue_body(queue, logged.next_ordinal, logged.uri))]

    def _introduce_app(self, queue: int, app: int, logged: LoggedApp) -> Write:
        body = app_body(queue, app, logged.app_id, logged.first_ordinal, is_registered=True)
        return self._write(RecordKind.APP, body)

    def _drop_dead_segments(self) -> list[Effect]:
        """Remove the oldest segments if nothing in them is live, and the snapshot knows them."""
        files = self.segments.files
        if len(files) > 1 and not files[0].live:
            self.dead += self.segments.pop_dead()
        if not self.dead or self.dead[0].number >= self.snapshot_segment:
            return []
        known = [segment for segment in self.dead if segment.number < self.snapshot_segment]
        effects = self._trim(known)
        effects += [RemoveFile(segment.name) for segment in known]
        return effects

    def _trim(self, dead: list[SegmentFile]) -> list[Effect]:
        """Record that the oldest of the dead segments are not needed any more."""
        if not dead:
            return []
        self.dead = self.dead[len(dead) :]
        self.oldest = dead[-1].number + 1
        for segment in dead:
            self._unsynced.pop(segment.name, None)
        return self._append(RecordKind.TRIMMED, trimmed_body(self.oldest))


def joined(effects: list[Effect]) -> list[Effect]:
    """Make one write of those that follow each other in a file, so that a crash divides none."""
    joined: list[Effect] = []
    for effect in effects:
        last = joined[-1] if joined else None
        if isinstance(effect, Write) and isinstance(last, Write) and last.name == effect.name:
            joined[-1] = Write(last.name, [*last.chunks, *effect.chunks])
        else:
            joined.append(effect)
    return joined
