"""The segments of a log, and what is live in them.

Messages count as live in the segment that holds them until nobody needs them. Segments go from the
oldest on, while nothing in them is live: a record about a message never stands in an older segment
than the message, so a log without its oldest segments still says all there is to say.

One message that is never confirmed would so keep everything behind it. When less than half of the
log is live, the oldest segment's live messages are copied to the end, and it goes. A round of
copying moves at most what is live, and the next round comes after as much has been written anew:
copying at most doubles what is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from reference_broker.storage.columns import (
    SEGMENT_SHIFT,
    Columns,
    live_by_segment,
    stored_size,
    stored_sizes,
)
from reference_broker.storage.names import segment_name

#: What a queue has let go of: (GUID, size of the data, location, ordinal); a location of 0 is none.
Removed: TypeAlias = tuple[bytes, int, int, int]


@dataclass(slots=True)
class SegmentFile:
    """One file of the log.

    Attributes:
        number: consecutive, from 1.
        name: file name.
        size: bytes written.
        preamble: bytes at its start that introduce queues; they do not make it full.
        live: messages in it that somebody needs.
        live_bytes: what they take in the file.
    """

    number: int
    name: str
    size: int = 0
    preamble: int = 0
    live: int = 0
    live_bytes: int = 0


class Segments:
    """The segments of one partition, oldest first.

    Attributes:
        files: the segments.
        live: messages in all of them that somebody needs.
        live_bytes: what they take.
        total_bytes: of all files but for their preambles.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self.files: list[SegmentFile] = []
        self.live = 0
        self.live_bytes = 0
        self.total_bytes = 0

    def begin(self, number: int) -> SegmentFile:
        """Add a segment at the end."""
        assert not self.files or number == self.files[-1].number + 1, number
        self.files.append(SegmentFile(number, segment_name(self._partition, number)))
        return self.files[-1]

    def grow(self, size: int) -> None:
        """Count bytes written to the last segment."""
        self.files[-1].size += size
        self.total_bytes += size

    def add_live(self, segment: int, count: int, size: int) -> None:
        """Count messages that came into a segment; less than none went."""
        file = self.files[segment - self.files[0].number]
        file.live += count
        file.live_bytes += size
        self.live += count
        self.live_bytes += size

    def count_live(self, columns: Columns) -> None:
        """Count the messages of a queue that a recovery has found.

        Raises:
            KeyError: some are in a segment that there is not; it has the segment's number.
        """
        numbers = {file.number for file in self.files}
        for segment, (count, size) in live_by_segment(columns.locations, columns.sizes).items():
            if segment not in numbers:
                raise KeyError(segment)
            self.add_live(segment, count, size)

    def release(self, removed: Sequence[Removed]) -> None:
        """Count messages as gone."""
        segments = {item[2] >> SEGMENT_SHIFT for item in removed}
        if len(segments) == 1:  # a batch of neighbours, usually
            segment = segments.pop()
            if segment:
                size = stored_sizes([item[1] for item in removed])
                self.add_live(segment, -len(removed), -size)
            return
        for _, size, location, _ in removed:
            if location:
                self.add_live(location >> SEGMENT_SHIFT, -1, -stored_size(size))

    def pop_dead(self) -> list[SegmentFile]:
        """Take out the oldest segments in which nothing is live, but never the last segment."""
        count = 0
        while count < len(self.files) - 1 and not self.files[count].live:
            count += 1
        dead = self.files[:count]
        del self.files[:count]
        self.total_bytes -= sum(file.size - file.preamble for file in dead)
        return dead

    def compaction_candidate(self) -> int | None:
        """Return the number of the segment whose live messages should be copied, if any should."""
        if len(self.files) < 2 or 2 * self.live_bytes >= self.total_bytes:
            return None
        return self.files[0].number

    def sealed_sizes(self) -> list[int]:
        """Return the sizes of all segments but the last, which still grows."""
        return [file.size for file in self.files[:-1]]

    def name_of(self, number: int) -> str:
        """Return the file name of a segment."""
        return segment_name(self._partition, number)
