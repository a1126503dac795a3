"""What a partition's log holds for whom: queues in use, and queues whose domain is not there.

Compaction moves the messages of both; those that are damaged are let go of in one place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

from reference_broker.base import GUID_SIZE
from reference_broker.base.limits import BLOCK_MESSAGES
from reference_broker.core.context import Context
from reference_broker.core.publish import stored_bytes
from reference_broker.core.snapshots import done_among
from reference_broker.core.state import QueueEntry
from reference_broker.storage import OFFSET_MASK, SEGMENT_SHIFT, Columns, Removed, StoredQueue


class Held(NamedTuple):
    """A message in the log.

    Attributes:
        ordinal: in its queue.
        location: in the log.
        size: bytes of its data.
    """

    ordinal: int
    location: int
    size: int


class Facts(NamedTuple):
    """What is remembered of a message, beside what `Held` has."""

    guid: bytes
    coding_word: int
    arrival_ns: int


class Holding(ABC):
    """The messages of one queue.

    Attributes:
        number: of the queue in the log.
        uri: of the queue, canonical.
    """

    def __init__(self, number: int, uri: str) -> None:
        self.number = number
        self.uri = uri

    @abstractmethod
    def find(self, segment: int, start: int, count: int) -> tuple[list[Held], int | None]:
        """Look for messages that lie in a segment.

        Args:
            segment: its number.
            start: the ordinal to begin with.
            count: how many messages to look at, about.

        Returns:
            Those found, and the ordinal to go on from; None when there are no more.
        """

    @abstractmethod
    def location_of(self, ordinal: int) -> int:
        """Return where the log has a message; 0 if the queue does not hold it any more."""

    @abstractmethod
    def facts_of(self, ordinal: int) -> Facts:
        """Return what is remembered of a message."""

    @abstractmethod
    def from_memory(self, ordinal: int) -> bytes | None:
        """Return a message as the log stores it, if it is in memory."""

    @abstractmethod
    def done(self, ordinals: Sequence[int]) -> list[tuple[int, int]]:
        """Return (app, ordinal) for each app that does not need one of the messages any more."""

    @abstractmethod
    def move(self, ordinals: Sequence[int], locations: Sequence[int]) -> None:
        """Note where the log has messages now."""

    @abstractmethod
    def app_firsts(self) -> dict[int, int]:
        """Return the first ordinal that each app needs, by its number."""

    @abstractmethod
    def remove(self, ordinals: Sequence[int]) -> Sequence[Removed]:
        """Give messages up, whoever needs them; returns what the log has to release."""


def give_up(
    context: Context, partition: int, holding: Holding, lost: Sequence[tuple[int, int]]
) -> None:
    """Let go of damaged messages that are nowhere else; nobody must get them.

    Args:
        context: of the core.
        partition: whose log is damaged.
        holding: whose messages they are.
        lost: ordinal and location of each.
    """
    log = context.logs[partition]
    ordinals = [ordinal for ordinal, _ in lost]
    location = lost[0][1]
    guid = holding.facts_of(ordinals[0]).guid.hex().upper()
    name, offset = log.name_of(location >> SEGMENT_SHIFT), location & OFFSET_MASK
    # The log has to know before a segment with one of them may go.
    for number, first in holding.app_firsts().items():
        done = [ordinal for ordinal in ordinals if ordinal >= first]
        context.add(*log.append_confirms(holding.number, number, done))
    context.add(*log.release(holding.remove(ordinals)))
    context.alarm(
        "STORAGE",
        f"{len(lost)} message(s) of queue '{holding.uri}' lost: log file {name} is damaged at "
        f"byte {offset} (first GUID {guid})",
    )


class QueueHolding(Holding):
    """The messages of a queue in use."""

    def __init__(self, context: Context, entry: QueueEntry) -> None:
        super().__init__(entry.number, entry.queue.uri.canonical)
        self._context = context
        self._entry = entry
        self._store = entry.queue.store

    def find(self, segment: int, start: int, count: int) -> tuple[list[Held], int | None]:
        """See `Holding`; paged-out messages are looked at block by block."""
        messages, after = self._store.run(start, count)
        if messages:
            held = [Held(m[5], m[6], m[4]) for m in messages if m[6] >> SEGMENT_SHIFT == segment]
            return held, after
        cold = self._store.cold_entries(after)
        if not cold:
            return [], None
        held = [Held(*e) for e in cold if e[0] >= start and e[1] >> SEGMENT_SHIFT == segment]
        return held, (after | BLOCK_MESSAGES - 1) + 1

    def location_of(self, ordinal: int) -> int:
        """See `Holding`."""
        is_in_use = self._context.queues.get(self.uri) is self._entry
        if not is_in_use or not self._store.is_stored(ordinal):
            return 0
        return self._store.location_of(ordinal)

    def facts_of(self, ordinal: int) -> Facts:
        """See `Holding`."""
        store = self._store
        return Facts(store.guid_of(ordinal), store.coding_of(ordinal), store.arrival_ns(ordinal))

    def from_memory(self, ordinal: int) -> bytes | None:
        """See `Holding`."""
        message = self._store.get(ordinal)
        return None if message is None else stored_bytes(message)

    def done(self, ordinals: Sequence[int]) -> list[tuple[int, int]]:
        """See `Holding`."""
        return [
            (app.number, ordinal)
            for app in self._entry.queue.apps.values()
            if app.is_registered
            for ordinal in done_among(self._entry, app, ordinals)
        ]

    def move(self, ordinals: Sequence[int], locations: Sequence[int]) -> None:
        """See `Holding`."""
        for ordinal, location in zip(ordinals, locations, strict=True):
            self._store.move(ordinal, location)

    def app_firsts(self) -> dict[int, int]:
        """See `Holding`."""
        apps = self._entry.queue.apps.values()
        return {app.number: app.first_ordinal for app in apps if app.is_registered}

    def remove(self, ordinals: Sequence[int]) -> Sequence[Removed]:
        """See `Holding`."""
        return self._entry.queue.remove(ordinals, self._context.now)


class StoredHolding(Holding):
    """The messages of a queue whose domain is not loaded."""

    def __init__(self, context: Context, stored: StoredQueue) -> None:
        super().__init__(stored.number, stored.uri.canonical)
        self._context = context
        self._stored = stored

    def find(self, segment: int, start: int, count: int) -> tuple[list[Held], int | None]:
        """See `Holding`."""
        ordinals, _, locations, sizes, _, _ = self._stored.columns
        first = bisect_left(ordinals, start)
        end = first + count
        held = [
            Held(ordinals[index], location, sizes[index])
            for index, location in enumerate(locations[first:end], first)
            if location >> SEGMENT_SHIFT == segment
        ]
        return held, ordinals[end] if end < len(ordinals) else None

    def _index(self, ordinal: int) -> int:
        ordinals = self._stored.columns.ordinals
        index = bisect_left(ordinals, ordinal)
        return index if index < len(ordinals) and ordinals[index] == ordinal else -1

    def location_of(self, ordinal: int) -> int:
        """See `Holding`; somebody may have come for the queue."""
        _, stored = self._context.unclaimed.get(self.uri, (0, None))
        index = self._index(ordinal)
        return self._stored.columns.locations[index] if stored is self._stored and index >= 0 else 0

    def facts_of(self, ordinal: int) -> Facts:
        """See `Holding`."""
        index = self._index(ordinal)
        columns = self._stored.columns
        guid = columns.guids[index * GUID_SIZE : (index + 1) * GUID_SIZE]
        return Facts(guid, columns.codings[index], columns.arrivals[index])

    def from_memory(self, ordinal: int) -> bytes | None:  # noqa: ARG002 - none is
        """See `Holding`."""
        return None

    def done(self, ordinals: Sequence[int]) -> list[tuple[int, int]]:
        """See `Holding`."""
        chosen = set(ordinals)
        apps = self._stored.apps.values()
        return [(app.number, ordinal) for app in apps for ordinal in app.done if ordinal in chosen]

    def move(self, ordinals: Sequence[int], locations: Sequence[int]) -> None:
        """See `Holding`."""
        for ordinal, location in zip(ordinals, locations, strict=True):
            self._stored.columns.locations[self._index(ordinal)] = location

    def app_firsts(self) -> dict[int, int]:
        """See `Holding`."""
        return {app.number: app.first_ordinal for app in self._stored.apps.values()}

    def remove(self, ordinals: Sequence[int]) -> Sequence[Removed]:
        """See `Holding`."""
        stored = self._stored
        removed = [self._removed(ordinal) for ordinal in ordinals]
        gone = set(ordinals)
        kept = [ordinal not in gone for ordinal in stored.columns.ordinals]
        _, guids, locations, sizes, arrivals, codings = stored.columns
        cut = [guids[at : at + GUID_SIZE] for at in range(0, len(guids), GUID_SIZE)]
        stored.columns = Columns(
            array("Q", compress(stored.columns.ordinals, kept)),
            b"".join(compress(cut, kept)),
            array("Q", compress(locations, kept)),
            array("I", compress(sizes, kept)),
            array("Q", compress(arrivals, kept)),
            array("I", compress(codings, kept)),
        )
        for app in stored.apps.values():
            app.done = array("Q", [ordinal for ordinal in app.done if ordinal not in gone])
        stored.history += b"".join([guid for guid, _, _, _ in removed])
        return removed

    def _removed(self, ordinal: int) -> Removed:
        index = self._index(ordinal)
        columns = self._stored.columns
        guid = self.facts_of(ordinal).guid
        return guid, columns.sizes[index], columns.locations[index], ordinal


def holdings_of(context: Context, partition: int) -> list[str]:
    """Return the URIs of the queues of a partition that have messages in its log."""
    uris = [
        uri
        for uri, entry in context.queues.items()
        if entry.partition == partition and entry.is_logged and len(entry.queue.store)
    ]
    return uris + [uri for uri, (where, _) in context.unclaimed.items() if where == partition]


def holding_of(context: Context, uri: str) -> Holding | None:
    """Return the messages of a queue; None if it is gone."""
    if (entry := context.queues.get(uri)) is not None:
        return QueueHolding(context, entry)
    if uri in context.unclaimed:
        return StoredHolding(context, context.unclaimed[uri][1])
    return None
