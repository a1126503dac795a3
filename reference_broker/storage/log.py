"""A partition's log: append records, roll over segments, let go of dead ones.

The rules of this file:

- a segment is a file that only grows; when it has reached its size limit the next record opens a
  new one, which starts with a QUEUE record for every queue that exists;
- each message counts as live in the segment that holds it until it is confirmed;
- segments go from the oldest on, and only while their live count is zero: a CONFIRMS record can
  only concern messages in its own or an older segment, so it is never missed.

The answers are effects in order; this class does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reference_broker.base import QueueUri
from reference_broker.ports import CreateFile, Effect, RemoveFile, Sync, Write
from reference_broker.storage.records import (
    SEGMENT_MAGIC,
    TERM,
    RecordKind,
    confirms_body,
    encode_record,
    puts_body,
    queue_body,
)

SEGMENT_BYTES_DEFAULT: Final = 64 * 1024 * 1024


@dataclass(slots=True)
class SegmentFile:
    """One file of the log.

    Attributes:
        number: consecutive, from 1.
        name: file name.
        size: bytes written.
        live: messages in it that are not confirmed.
        preamble: bytes at its start that introduce queues; they do not make it full.
    """

    number: int
    name: str
    size: int = 0
    live: int = 0
    preamble: int = 0


class PartitionLog:
    """The log of one partition.

    Args:
        partition: its number.
        segment_bytes_max: size in bytes from which a new segment is begun.
    """

    def __init__(self, partition: int, segment_bytes_max: int = SEGMENT_BYTES_DEFAULT) -> None:
        self.partition = partition
        self.segment_bytes_max = segment_bytes_max
        self.segments: list[SegmentFile] = []
        self.next_index = 1
        self.queues: dict[int, QueueUri] = {}
        self._unsynced: list[str] = []
        #: Queues that the last segment does not introduce, because a crash cut it short.
        self._missing: list[int] = []

    def resume(self, introduced: set[int]) -> None:
        """Go on after a recovery.

        Args:
            introduced: numbers of the queues of which the last segment has a QUEUE record.
        """
        self._missing = [number for number in self.queues if number not in introduced]

    # Appending.

    def append_queue(self, queue_number: int, uri: QueueUri) -> list[Effect]:
        """Record that a queue exists."""
        effects = self._room()
        self.queues[queue_number] = uri
        effects.append(self._append(RecordKind.QUEUE, queue_body(queue_number, uri)))
        return effects

    def append_puts(
        self, queue_number: int, wall_ns: int, messages: list[bytes], count: int
    ) -> list[Effect]:
        """Record a batch of `count` messages, given as encoded PUT messages.

        They belong to the segment that `next_segment` named before this call.
        """
        effects = self._room()
        effects.append(self._append(RecordKind.PUTS, puts_body(queue_number, wall_ns, messages)))
        self.segments[-1].live += count
        return effects

    def append_confirms(
        self, queue_number: int, guids: list[bytes], segments: list[int]
    ) -> list[Effect]:
        """Record that messages are gone.

        Args:
            queue_number: their queue.
            guids: the messages.
            segments: for each of them the number of the segment that holds it.
        """
        effects = self._room()
        effects.append(self._append(RecordKind.CONFIRMS, confirms_body(queue_number, guids)))
        self.release(segments)
        effects += self._drop_dead_segments()
        return effects

    def sync(self, token: int) -> list[Effect]:
        """Ask that everything appended so far becomes durable."""
        names = self._unsynced or [self.segments[-1].name]
        self._unsynced = []
        return [Sync(name, token if name == names[-1] else 0) for name in names]

    @property
    def next_segment(self) -> int:
        """The number of the segment that the next record goes to."""
        if not self.segments:
            return 1
        return self.segments[-1].number + self._is_full()

    def _is_full(self) -> bool:
        last = self.segments[-1]
        return last.size - last.preamble >= self.segment_bytes_max

    def release(self, segments: list[int]) -> None:
        """Count messages as gone from the segments with these numbers."""
        first = self.segments[0].number
        if segments and segments[0] == segments[-1]:  # numbers only grow within a batch, mostly
            count = segments.count(segments[0])
            self.segments[segments[0] - first].live -= count
            if count == len(segments):
                return
            segments = [number for number in segments if number != segments[0]]
        for number in segments:
            self.segments[number - first].live -= 1

    def _append(self, kind: RecordKind, body: list[bytes]) -> Write:
        chunks = encode_record(kind, TERM, self.next_index, body)
        self.next_index += 1
        segment = self.segments[-1]
        segment.size += sum([len(chunk) for chunk in chunks])
        if not self._unsynced or self._unsynced[-1] != segment.name:
            self._unsynced.append(segment.name)
        return Write(segment.name, chunks)

    def _room(self) -> list[Effect]:
        """Open a segment if there is none, or if the last one is full."""
        if self.segments and self.segments[-1].size and not self._is_full():
            missing, self._missing = self._missing, []
            return [self._introduce(number) for number in missing]
        effects: list[Effect] = []
        if not self.segments or self.segments[-1].size:  # an empty one is left by a crash
            number = self.segments[-1].number + 1 if self.segments else 1
            self.segments.append(SegmentFile(number, segment_name(self.partition, number)))
            effects.append(CreateFile(self.segments[-1].name))
        segment = self.segments[-1]
        segment.size = len(SEGMENT_MAGIC)
        effects.append(Write(segment.name, [SEGMENT_MAGIC]))
        self._missing = []
        effects += [self._introduce(number) for number in self.queues]
        segment.preamble = segment.size
        return effects

    def _introduce(self, queue_number: int) -> Write:
        body = queue_body(queue_number, self.queues[queue_number])
        return self._append(RecordKind.QUEUE, body)

    def _drop_dead_segments(self) -> list[Effect]:
        effects: list[Effect] = []
        while len(self.segments) > 1 and self.segments[0].live == 0:
            name = self.segments.pop(0).name
            if name in self._unsynced:
                self._unsynced.remove(name)
            effects.append(RemoveFile(name))
        return effects


def segment_name(partition: int, number: int) -> str:
    """Return the file name of a segment; names sort by age within a partition."""
    return f"partition-{partition:04d}-segment-{number:012d}.log"


def parse_segment_name(name: str) -> tuple[int, int] | None:
    """Return (partition, number) of a segment's file name, or None if it is none of ours."""
    parts = name.removesuffix(".log").split("-")
    if len(parts) != 4 or parts[0] != "partition" or parts[2] != "segment":
        return None
    if not (parts[1].isdecimal() and parts[3].isdecimal()):
        return None
    return int(parts[1]), int(parts[3])
