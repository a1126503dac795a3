"""Compaction: copying the live messages of a log's oldest segment to its end, so that it can go.

The storage says when that is worth it. A few megabytes are read and written at a time, and what was
confirmed meanwhile is not copied.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from reference_broker.base import OperatorError
from reference_broker.base.limits import MIB
from reference_broker.core.context import Context
from reference_broker.core.snapshots import done_of
from reference_broker.core.state import QueueEntry
from reference_broker.queue import MessageStore
from reference_broker.storage import (
    OFFSET_MASK,
    SEGMENT_SHIFT,
    StorageCorruptionError,
    decode_stored,
    stored_size,
)

_PORTION_BYTES: Final = 4 * MIB


class Compactor:
    """Compact the partitions' logs.

    Args:
        context: of the core.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._busy: set[int] = set()
        #: Segments that cannot be read; they are left alone.
        self._unreadable: set[tuple[int, int]] = set()

    def look(self) -> None:
        """Begin a round in every partition that needs one and has none."""
        for partition in range(len(self._context.logs)):
            if partition not in self._busy:
                self._go_on(partition)

    def _go_on(self, partition: int) -> None:
        """Read the next portion of the segment that should go."""
        log = self._context.logs[partition]
        segment = log.compaction_candidate()
        if segment is None or (partition, segment) in self._unreadable:
            return
        entry, ordinals = self._portion(partition, segment)
        if entry is None:
            return
        store = entry.queue.store
        ranges = [
            (store.location_of(o) & OFFSET_MASK, stored_size(store.size_of(o))) for o in ordinals
        ]
        self._busy.add(partition)
        taker = partial(self._take, partition, segment, entry, ordinals)
        self._context.read(log.name_of(segment), ranges, taker)

    def _portion(self, partition: int, segment: int) -> tuple[QueueEntry | None, list[int]]:
        """Return messages of one queue that lie in a segment."""
        for entry in self._context.queues.values():
            if entry.partition != partition or not entry.is_logged:
                continue
            ordinals: list[int] = []
            size = 0
            store = entry.queue.store
            for ordinal in store.ordinals():
                # A queue's messages lie in the order of their ordinals, but for those moved before.
                if self._is_in(entry, ordinal, segment):
                    ordinals.append(ordinal)
                    size += stored_size(store.size_of(ordinal))
                    if size >= _PORTION_BYTES:
                        break
            if ordinals:
                return entry, ordinals
        return None, []

    def _take(
        self,
        partition: int,
        segment: int,
        entry: QueueEntry,
        ordinals: list[int],
        outcome: tuple[bytes, ...] | OperatorError,
    ) -> None:
        context = self._context
        self._busy.discard(partition)
        if isinstance(outcome, OperatorError):
            self._unreadable.add((partition, segment))
            context.alarm("STORAGE", f"not compacted: {outcome}")
            return
        store = entry.queue.store
        name = context.logs[partition].name_of(segment)
        kept: list[tuple[int, bytes]] = []
        for ordinal, data in zip(ordinals, outcome, strict=True):
            if not self._is_in(entry, ordinal, segment):
                continue  # it was confirmed meanwhile
            try:
                _check(data, store, ordinal, name)
            except StorageCorruptionError as error:
                self._unreadable.add((partition, segment))
                context.alarm("STORAGE", f"not compacted: {error}")
                return
            kept.append((ordinal, data))
        if kept:
            self._move(partition, entry, kept)
        self._go_on(partition)

    def _is_in(self, entry: QueueEntry, ordinal: int, segment: int) -> bool:
        store = entry.queue.store
        return store.is_stored(ordinal) and store.location_of(ordinal) >> SEGMENT_SHIFT == segment

    def _move(self, partition: int, entry: QueueEntry, kept: list[tuple[int, bytes]]) -> None:
        context = self._context
        store = entry.queue.store
        ordinals = [ordinal for ordinal, _ in kept]
        moving = set(ordinals)
        done = [
            (app.number, ordinal)
            for app in entry.queue.apps.values()
            if app.is_registered
            for ordinal in done_of(entry, app)
            if ordinal in moving
        ]
        log = context.logs[partition]
        arrivals = [store.arrival_ns(ordinal) for ordinal in ordinals]
        messages = [data for _, data in kept]
        locations, effects = log.append_moved(entry.number, ordinals, arrivals, messages, done)
        context.add(*effects)
        old = [(store.guid_of(o), store.size_of(o), store.location_of(o), o) for o in ordinals]
        for ordinal, location in zip(ordinals, locations, strict=True):
            store.move(ordinal, location)
        context.add(*log.release(old))
        context.want_sync()


def _check(data: bytes, store: MessageStore, ordinal: int, name: str) -> None:
    """Check that a message in the log is what was written there.

    Raises:
        StorageCorruptionError: it is not.
    """
    offset = store.location_of(ordinal) & OFFSET_MASK
    stored = decode_stored(data, name, offset)
    found = stored.guid, stored.size, stored.coding_word  # no checksum covers them
    if found != (store.guid_of(ordinal), store.size_of(ordinal), store.coding_of(ordinal)):
        what = "another message is there"
        raise StorageCorruptionError(f"log file {name} is damaged at byte {offset}: {what}")
