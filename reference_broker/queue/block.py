"""Blocks: the messages of `BLOCK_MESSAGES` successive ordinals, in memory or paged out.

A block has slots, one for each message, in order. In a dense block the slot is the ordinal minus
the first one; once most of its messages are gone a block is compacted, and then `offsets` says
which ordinal each slot has. Everything else about a message stands in columns by slot, so that a
stretch of messages is handled by slicing.

A `HotBlock` has the messages themselves, a `ColdBlock` only where the log has them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

from reference_broker.base.limits import BLOCK_MESSAGES
from reference_broker.queue.message import Message

#: (guid, size, location, ordinal) of a message, without its data.
Entry: TypeAlias = tuple[bytes, int, int, int]

_GUID: Final = 16
#: Of a message's flags, the one that says that its data begin with properties.
_PROPERTIES: Final = 2
#: A closed block is compacted when fewer than one slot in this many is in use.
_SPARSE: Final = 4


class Block(ABC):
    """What both kinds have in common.

    Attributes:
        first: the first ordinal that would be in it.
        live: messages that are stored.
        arrivals: by slot, wall clock in ns.
        references: by slot, how many applications need the message; None when that is one each.
        offsets: by slot, ordinal minus `first`; None when that is the slot.
        indexed: how many of its GUIDs the index of cold GUIDs has.
    """

    __slots__ = ("_head", "arrivals", "first", "indexed", "live", "offsets", "references")

    def __init__(
        self,
        first: int,
        arrivals: array[int],
        references: array[int] | None,
        offsets: array[int] | None,
    ) -> None:
        self.first = first
        self.arrivals = arrivals
        self.references = references
        self.offsets = offsets
        self.live = 0
        self.indexed = 0
        self._head = 0  # all slots before it are out of use

    def slot(self, ordinal: int) -> int:
        """Return the slot of an ordinal of this block, or -1 when it has none."""
        offset = ordinal - self.first
        if self.offsets is None:
            return offset if offset < len(self.arrivals) else -1
        slot = bisect_left(self.offsets, offset)
        return slot if slot < len(self.offsets) and self.offsets[slot] == offset else -1

    def slot_from(self, ordinal: int) -> int:
        """Return the first slot of `ordinal` or a later one; the number of slots if none is."""
        offset = max(0, ordinal - self.first)
        if self.offsets is None:
            return min(offset, len(self.arrivals))
        return bisect_left(self.offsets, offset)

    def ordinal(self, slot: int) -> int:
        """Return the ordinal of a slot."""
        return self.first + (slot if self.offsets is None else self.offsets[slot])

    def ordinals(self, slots: range | list[int]) -> list[int]:
        """Return the ordinals of slots."""
        first, offsets = self.first, self.offsets
        if offsets is None:
            return [first + slot for slot in slots]
        return [first + offsets[slot] for slot in slots]

    @abstractmethod
    def is_used(self, slot: int) -> bool:
        """Return whether a slot has a stored message."""

    @abstractmethod
    def entries(self, start: int, end: int) -> list[Entry]:
        """Return what is stored in slots `start` to `end`."""

    @abstractmethod
    def codings_at(self, slots: Sequence[int]) -> array[int]:
        """Return the codings of slots in use; see `codings_of`."""

    @abstractmethod
    def compact(self) -> None:
        """Drop the slots that are out of use."""

    @abstractmethod
    def _clear(self, start: int, end: int) -> None:
        """Take slots out of use."""

    @abstractmethod
    def used_slots(self, start: int = 0) -> list[int]:
        """Return the slots in use from `start` on, in order."""

    def next_used(self, start: int) -> int:
        """Return the first slot in use from `start` on, or -1."""
        for slot in range(max(start, self._head), len(self.arrivals)):
            if self.is_used(slot):
                if start <= self._head:
                    self._head = slot  # so that the next search is short
                return slot
        return -1

    def remove(self, start: int, end: int) -> list[Entry]:
        """Take slots out of use, and return what was stored there."""
        removed = self.entries(start, end)
        self._clear(start, end)
        if start <= self._head < end:
            self._head = end
        if self.references is not None:
            self.references[start:end] = array("H", bytes(2 * (end - start)))
        self.live -= len(removed)
        return removed

    def release(self, start: int, end: int) -> list[Entry]:
        """Count one application less for each of the slots; remove and return those at 0."""
        references = self.references
        if references is None:
            return self.remove(start, end)
        part = references[start:end]
        most = max(part)
        if most <= 1:
            return self.remove(start, end)
        if min(part) == most:
            references[start:end] = array("H", [most - 1]) * len(part)
            return []
        removed: list[Entry] = []
        for slot, count in enumerate(part, start):
            if count > 1:
                references[slot] = count - 1
            elif count == 1:
                removed += self.remove(slot, slot + 1)
        return removed

    def is_sparse(self) -> bool:
        """Return whether most slots are out of use."""
        return self.live * _SPARSE < len(self.arrivals)

    def _compact_columns(self, kept: list[int]) -> None:
        """Keep only some slots of the common columns."""
        self._head = 0
        self.offsets = array("H", [self.ordinal(slot) - self.first for slot in kept])
        self.arrivals = array("Q", [self.arrivals[slot] for slot in kept])
        if self.references is not None:
            self.references = array("H", [self.references[slot] for slot in kept])


class HotBlock(Block):
    """Messages in memory.

    Attributes:
        messages: by slot; None when it is out of use, or lost.
        size: bytes of application data of all messages that were put in; never goes down.
        lost: by slot, messages that are stored but could not be read back, and their codings;
            nobody gets them.
    """

    __slots__ = ("lost", "messages", "size")

    def __init__(
        self,
        first: int,
        arrivals: array[int] | None = None,
        references: array[int] | None = None,
        offsets: array[int] | None = None,
    ) -> None:
        arrivals = array("Q") if arrivals is None else arrivals
        super().__init__(first, arrivals, references, offsets)
        self.messages: list[Message | None] = []
        self.size = 0
        self.lost: dict[int, tuple[Entry, int]] = {}

    def append(
        self, messages: Sequence[Message], size: int, wall_ns: int, references: int | Sequence[int]
    ) -> None:
        """Put in messages of the ordinals that come next, of one moment.

        Args:
            messages: with the ordinals that follow on.
            size: bytes of their application data.
            wall_ns: when they arrived.
            references: of all of them, or of each.
        """
        count = len(messages)
        if self.references is None and references != 1:
            self.references = array("H", [int(slot is not None) for slot in self.messages])
        if self.references is not None:
            if isinstance(references, int):
                self.references.extend(array("H", [references]) * count)
            else:
                self.references.extend(references)
        self.messages += messages
        self.arrivals.extend(array("Q", [wall_ns]) * count)
        self.live += count
        self.size += size

    def skip(self, count: int) -> None:
        """Leave slots out of use."""
        if self.live == 0:
            self._head += count
        self.messages += [None] * count
        self.arrivals.extend([0] * count)
        if self.references is not None:
            self.references.extend([0] * count)

    def is_used(self, slot: int) -> bool:
        """Return whether a slot has a stored message."""
        return self.messages[slot] is not None or slot in self.lost

    def entries(self, start: int, end: int) -> list[Entry]:
        """Return what is stored in slots `start` to `end`."""
        part = self.messages[start:end]
        if start >= self._head and self._is_whole():
            return [(guid, size, at, ordinal) for guid, _, _, _, size, ordinal, at in part]  # type: ignore[misc]
        found = [(m[0], m[4], m[6], m[5]) for m in part if m is not None]
        if self.lost:
            found += [entry for slot, (entry, _) in self.lost.items() if start <= slot < end]
            found.sort(key=_entry_ordinal)
        return found

    def used_slots(self, start: int = 0) -> list[int]:
        """Return the slots in use from `start` on, in order."""
        lost = self.lost
        found = enumerate(self.messages[start:], start)
        return [n for n, message in found if message is not None or n in lost]

    def codings_at(self, slots: Sequence[int]) -> array[int]:
        """Return the codings of slots in use; see `codings_of`."""
        found = [self.messages[slot] for slot in slots]
        if not self.lost:
            return codings_of(found)  # type: ignore[arg-type]  # a slot in use has its message, or its loss
        return array(
            "I",
            [
                self.lost[slot][1] if message is None else codings_of([message])[0]
                for slot, message in zip(slots, found, strict=True)
            ],
        )

    def _clear(self, start: int, end: int) -> None:
        self.messages[start:end] = [None] * (end - start)
        if self.lost:
            self.lost = {s: e for s, e in self.lost.items() if not start <= s < end}

    def _is_whole(self) -> bool:
        """Return whether all slots from `_head` on have a message in memory."""
        return self.live + self._head == len(self.messages) and not self.lost

    def run(self, ordinal: int, count: int) -> list[Message]:
        """Return up to `count` messages from an ordinal on."""
        slot = max(self._head, self.slot_from(ordinal))
        if self._is_whole():
            return self.messages[slot : slot + count]  # type: ignore[return-value]
        return list(islice(filter(None, self.messages[slot:]), count))

    def compact(self) -> None:
        """Drop the slots that are out of use."""
        assert not self.lost, self.lost
        kept = self.used_slots()
        self._compact_columns(kept)
        self.messages = [self.messages[slot] for slot in kept]

    def freeze(self) -> ColdBlock:
        """Return the same block, paged out."""
        if self.live < len(self.messages):
            self.compact()
        kept = self.entries(0, len(self.messages))
        cold = ColdBlock(
            self.first,
            b"".join([entry[0] for entry in kept]),
            array("Q", [entry[2] for entry in kept]),
            array("I", [entry[1] for entry in kept]),
            self.arrivals,
            self.codings_at(range(len(kept))),
            self.references,
            self.offsets,
        )
        cold.indexed = self.indexed
        return cold


class ColdBlock(Block):
    """Messages that are paged out: where the log has them, and what is asked about them.

    Attributes:
        guids: 16 bytes a slot.
        locations: by slot; 0 when it is out of use.
        sizes: by slot, bytes of application data.
        codings: by slot, see `codings_of`.
    """

    __slots__ = ("codings", "guids", "locations", "sizes")

    def __init__(
        self,
        first: int,
        guids: bytes,
        locations: array[int],
        sizes: array[int],
        arrivals: array[int],
        codings: array[int],
        references: array[int] | None,
        offsets: array[int] | None,
    ) -> None:
        super().__init__(first, arrivals, references, offsets)
        self.guids = guids
        self.locations = locations
        self.sizes = sizes
        self.codings = codings
        self.live = len(locations)

    def guid(self, slot: int) -> bytes:
        """Return the GUID of a slot."""
        return self.guids[slot * _GUID : (slot + 1) * _GUID]

    def find(self, guid: bytes) -> int:
        """Return the slot in use that has a GUID, or -1."""
        at = self.guids.find(guid)
        while at >= 0:
            slot, rest = divmod(at, _GUID)
            if rest == 0 and self.locations[slot]:
                return slot
            at = self.guids.find(guid, at + 1)
        return -1

    def is_used(self, slot: int) -> bool:
        """Return whether a slot has a stored message."""
        return self.locations[slot] != 0

    def entries(self, start: int, end: int) -> list[Entry]:
        """Return what is stored in slots `start` to `end`."""
        columns = zip(
            cut_guids(self.guids[start * _GUID : end * _GUID]),
            self.sizes[start:end],
            self.locations[start:end],
            self.ordinals(range(start, end)),
            strict=True,
        )
        return [entry for entry in columns if entry[2]]

    def codings_at(self, slots: Sequence[int]) -> array[int]:
        """Return the codings of slots in use; see `codings_of`."""
        return array("I", [self.codings[slot] for slot in slots])

    def used_slots(self, start: int = 0) -> list[int]:
        """Return the slots in use from `start` on, in order."""
        return [n for n, at in enumerate(self.locations[start:], start) if at]

    def _clear(self, start: int, end: int) -> None:
        self.locations[start:end] = array("Q", bytes(8 * (end - start)))

    def compact(self) -> None:
        """Drop the slots that are out of use."""
        kept = self.used_slots()
        self._compact_columns(kept)
        self.guids = b"".join([self.guid(slot) for slot in kept])
        self.locations = array("Q", [self.locations[slot] for slot in kept])
        self.sizes = array("I", [self.sizes[slot] for slot in kept])
        self.codings = self.codings_at(kept)

    def thaw(self, messages: Sequence[Message]) -> HotBlock:
        """Return the same block with the messages in memory; those not given are lost."""
        if self.live < len(self.locations):
            self.compact()
        hot = HotBlock(self.first, self.arrivals, self.references, self.offsets)
        by_ordinal = {message[5]: message for message in messages}
        for slot, entry in enumerate(self.entries(0, len(self.locations))):
            message = by_ordinal.get(entry[3])
            if message is None or message[0] != entry[0]:
                message = None
                hot.lost[slot] = entry, self.codings[slot]
            hot.messages.append(message)
        hot.live = self.live
        hot.size = sum(self.sizes)
        hot.indexed = self.indexed
        return hot


def codings_of(messages: Sequence[Message]) -> array[int]:
    """Return how the data of messages are to be read, a number each.

    It is the message's coding, and bit 31 says whether the data begin with properties: what the log
    calls a coding word.
    """
    return array("I", [(m[1] & _PROPERTIES) << 30 | m[2] for m in messages])


def cut_guids(joined: bytes) -> Iterator[bytes]:
    """Yield the GUIDs that stand one after the other in `joined`."""
    return (joined[at : at + _GUID] for at in range(0, len(joined), _GUID))


def _entry_ordinal(entry: Entry) -> int:
    return entry[3]


assert BLOCK_MESSAGES <= 65_536, "offsets have 16 bits"
