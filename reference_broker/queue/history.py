"""GUIDs of messages that are gone, remembered for de-duplication [DEDUP-3]."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from reference_broker.base import Instant
from reference_broker.base.limits import DEDUPLICATION_GUIDS_MAX, HISTORY_CHUNK_GUIDS

#: The ordinal of a message that is gone and that was not in memory.
_NOWHERE: Final = -1


class History:
    """The GUIDs that were removed from a queue within the de-duplication time.

    The oldest go first: when their time is over, and when there are more than
    `DEDUPLICATION_GUIDS_MAX`. They go in chunks, so that a large batch never goes as a whole.

    The GUIDs of messages in memory stand in the same dictionary: so one look answers for both, and
    a message that is removed leaves its GUID where it is. A GUID is stored or remembered, never
    both, as one that is remembered is refused.

    Args:
        deduplication_ns: how long a GUID is remembered; with 0 none is. May be changed at any time,
            for what is remembered from then on.

    Attributes:
        known: GUID to ordinal, of the messages in memory, which the store puts in, and of those
            that are gone, whose ordinals are not stored any more.
    """

    __slots__ = ("_chunks", "_count", "deduplication_ns", "known")

    def __init__(self, deduplication_ns: int) -> None:
        self.deduplication_ns = deduplication_ns
        self.known: dict[bytes, int] = {}
        #: (when they are forgotten, GUIDs), in order.
        self._chunks: deque[tuple[Instant, Sequence[bytes]]] = deque()
        self._count = 0

    def __len__(self) -> int:
        """Return how many GUIDs are remembered."""
        return self._count

    def leave(self, guids: Sequence[bytes], now: Instant) -> None:
        """Remember GUIDs whose messages were in memory until now, oldest first."""
        if self.deduplication_ns <= 0:
            for guid in guids:
                del self.known[guid]
            return
        deadline = Instant(now + self.deduplication_ns)
        if len(guids) <= HISTORY_CHUNK_GUIDS:
            self._chunks.append((deadline, guids))
        else:
            for start in range(0, len(guids), HISTORY_CHUNK_GUIDS):
                self._chunks.append((deadline, guids[start : start + HISTORY_CHUNK_GUIDS]))
        self._count += len(guids)
        self.expire(now)

    def remember(self, guids: Sequence[bytes], now: Instant) -> None:
        """Remember GUIDs whose messages were not in memory, from now on, oldest first."""
        if self.deduplication_ns > 0:
            for start in range(0, len(guids), HISTORY_CHUNK_GUIDS):
                chunk = guids[start : start + HISTORY_CHUNK_GUIDS]
                self.known.update(dict.fromkeys(chunk, _NOWHERE))
                self.leave(chunk, now)

    def expire(self, now: Instant) -> None:
        """Forget GUIDs whose time is over [DEDUP-4], and the oldest beyond the limit."""
        chunks = self._chunks
        known = self.known
        while chunks and (chunks[0][0] <= now or self._count > DEDUPLICATION_GUIDS_MAX):
            guids = chunks.popleft()[1]
            self._count -= len(guids)
            for guid in guids:
                del known[guid]

    def guids(self) -> list[bytes]:
        """Return what is remembered, oldest first."""
        return [guid for _, chunk in self._chunks for guid in chunk]
