"""Everything stored in one queue, whoever still needs it.

Messages stand in blocks by ordinal. A block is hot, its messages in memory, or cold, paged out: then
only the log has its data, and the store has about 50 bytes a message to answer with. The last block
is open and always hot.

What is removed is remembered for de-duplication, and both usages are kept up.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from reference_broker.base import Instant
from reference_broker.base.limits import (
    BLOCK_BYTES,
    BLOCK_MESSAGES,
    COLD_RUN_GUIDS_MAX,
    HOT_MESSAGE_BYTES,
)
from reference_broker.queue.block import Block, ColdBlock, Entry, HotBlock
from reference_broker.queue.cold_guids import ColdGuids
from reference_broker.queue.history import History
from reference_broker.queue.message import Message
from reference_broker.queue.usage import Usage

_SHIFT: Final = BLOCK_MESSAGES.bit_length() - 1
_MASK: Final = BLOCK_MESSAGES - 1
_SIZE: Final = itemgetter(4)  # of a message
_ENTRY_SIZE: Final = itemgetter(1)


class Columns(NamedTuple):
    """All that is known of stored messages beside their data, one column for each fact.

    Attributes:
        ordinals: growing, `array("Q")`.
        guids: 16 bytes each, joined.
        locations: where the log has them, `array("Q")`.
        sizes: bytes of application data, `array("I")`.
        arrivals: wall clock in ns, `array("Q")`.
        codings: how the data are to be read, `array("I")`; see `codings_of`.
        references: how many applications need each, `array("H")`; None when that is one each.
    """

    ordinals: array[int]
    guids: bytes
    locations: array[int]
    sizes: array[int]
    arrivals: array[int]
    codings: array[int]
    references: array[int] | None


class MessageStore:
    """The messages of a queue.

    Args:
        usage: of the queue; counts exactly what is in this store.
        domain_usage: of all queues of the domain.
        history: where GUIDs go when their messages are removed.
        is_pageable: whether blocks may be paged out, because the log has their messages.
    """

    def __init__(
        self, usage: Usage, domain_usage: Usage, history: History, *, is_pageable: bool
    ) -> None:
        self.usage = usage
        self.domain_usage = domain_usage
        self.history = history
        self.is_pageable = is_pageable
        #: The ordinal that the next message gets.
        self.next_ordinal = 0
        #: What the messages in memory take, about.
        self.hot_bytes = 0
        self._blocks: dict[int, Block] = {}  # by number, the ordinal divided by BLOCK_MESSAGES
        self._numbers: list[int] = []  # of the blocks, in order
        self._hot_numbers: dict[int, None] = {}
        self._open: HotBlock | None = None
        self._known = history.known
        self._cold_guids = ColdGuids(self._blocks)

    def __len__(self) -> int:
        return self.usage.messages

    # Putting in.

    def duplicates(self, batch: Mapping[bytes, Message]) -> set[bytes]:
        """Return which GUIDs of a batch are stored [DEDUP-1, DEDUP-2], or remembered as removed.

        Each queue knows its own [DEDUP-5], and not who has posted them [DEDUP-6].
        """
        found: set[bytes] = set()
        if not self._known.keys().isdisjoint(batch):
            found = {guid for guid in batch if guid in self._known}
        if self._has_cold:
            cold = self._cold_guids
            found.update(g for g in cold.suspects(batch) if cold.find(g) is not None)
        return found

    def append(
        self, messages: Sequence[Message], wall_ns: int, references: int | Sequence[int] = 1
    ) -> None:
        """Store messages; no limit turns them away.

        Args:
            messages: with growing ordinals, from `next_ordinal` on. They may leave ordinals out,
                which then are never used.
            wall_ns: when they arrived.
            references: how many applications need each message, 1 or more: a number for all, or
                one for each.
        """
        if not messages:
            return
        first, last = messages[0][5], messages[-1][5]
        assert first >= self.next_ordinal, (first, self.next_ordinal)
        if last - first == len(messages) - 1:
            size = self._append_run(messages, wall_ns, references)
        else:
            size = 0
            for index, message in enumerate(messages):
                count = references if isinstance(references, int) else references[index]
                size += self._append_run([message], wall_ns, count)
        known = self._known
        count = len(known)
        for guid, _, _, _, _, ordinal, _ in messages:
            known[guid] = ordinal
        assert len(known) == count + len(messages), "a GUID is stored or remembered already"
        self.hot_bytes += size + HOT_MESSAGE_BYTES * len(messages)
        self.usage.add(len(messages), size)
        self.domain_usage.add(len(messages), size)
        if self._open is not None and self._open.size > BLOCK_BYTES:
            self.close_open_block()

    def _append_run(
        self, messages: Sequence[Message], wall_ns: int, references: int | Sequence[int]
    ) -> int:
        """Put messages with successive ordinals where they belong; returns their bytes."""
        self._skip_to(messages[0][5])
        start = total = 0
        while start < len(messages):
            block = self._open or self._open_block()
            end = start + BLOCK_MESSAGES - (self.next_ordinal & _MASK)
            part = messages[start:end]
            counts = references if isinstance(references, int) else references[start:end]
            size = sum(map(_SIZE, part))
            block.append(part, size, wall_ns, counts)
            total += size
            self.next_ordinal += len(part)
            start = end
            if not self.next_ordinal & _MASK:
                self._close()
        return total

    def _open_block(self) -> HotBlock:
        """Return a new last block; it may begin with ordinals that were never used."""
        number = self.next_ordinal >> _SHIFT
        block = HotBlock(number << _SHIFT)
        block.skip(self.next_ordinal & _MASK)
        self._blocks[number] = self._open = block
        self._numbers.append(number)
        self._hot_numbers[number] = None
        return block

    def _skip_to(self, ordinal: int) -> None:
        """Leave the ordinals before `ordinal` unused."""
        if ordinal == self.next_ordinal:
            return
        if ordinal >> _SHIFT != self.next_ordinal >> _SHIFT:
            self._close()
        elif self._open is not None:
            self._open.skip(ordinal - self.next_ordinal)
        self.next_ordinal = ordinal

    def close_open_block(self) -> None:
        """Let the next message begin a new block, so that the last one can be paged out."""
        if self._open is not None:
            self._close()
            self.next_ordinal = (self.next_ordinal | _MASK) + 1

    def _close(self) -> None:
        block = self._open
        self._open = None
        if block is not None:
            self._tidy(block)

    # Looking.

    @property
    def first_ordinal(self) -> int:
        """The ordinal of the oldest message, or `next_ordinal` when nothing is stored."""
        if not self._numbers:
            return self.next_ordinal
        block = self._blocks[self._numbers[0]]
        if block.live == 0:  # the open one
            return self.next_ordinal
        return block.ordinal(block.next_used(0))

    def ordinals(self, start: int = 0) -> Iterator[int]:
        """Yield the ordinals of all messages from `start` on; nothing may change meanwhile."""
        index = bisect_left(self._numbers, start >> _SHIFT)
        for number in self._numbers[index:]:
            block = self._blocks[number]
            yield from block.ordinals(block.used_slots(block.slot_from(start)))

    def get(self, ordinal: int) -> Message | None:
        """Return a message that is in memory."""
        block = self._blocks.get(ordinal >> _SHIFT)
        if not isinstance(block, HotBlock) or (slot := block.slot(ordinal)) < 0:
            return None
        return block.messages[slot]

    def is_stored(self, ordinal: int) -> bool:
        """Return whether the message is stored, hot or cold."""
        block = self._blocks.get(ordinal >> _SHIFT)
        return block is not None and (slot := block.slot(ordinal)) >= 0 and block.is_used(slot)

    def is_cold(self, ordinal: int) -> bool:
        """Return whether the message is stored but paged out."""
        block = self._blocks.get(ordinal >> _SHIFT)
        if not isinstance(block, ColdBlock):
            return False
        slot = block.slot(ordinal)
        return slot >= 0 and block.is_used(slot)

    def ordinal_of(self, guid: bytes) -> int | None:
        """Return the ordinal of a stored message, or None."""
        ordinal = self._known.get(guid)
        if ordinal is not None:
            return ordinal if self.is_stored(ordinal) else None
        return self._cold_guids.find(guid) if self._has_cold else None

    def arrival_ns(self, ordinal: int) -> int:
        """Return when a stored message arrived, wall clock."""
        block = self._blocks[ordinal >> _SHIFT]
        return block.arrivals[block.slot(ordinal)]

    def size_of(self, ordinal: int) -> int:
        """Return the bytes of application data of a stored message."""
        return self._stored(ordinal)[1]

    def guid_of(self, ordinal: int) -> bytes:
        """Return the GUID of a stored message."""
        return self._stored(ordinal)[0]

    def location_of(self, ordinal: int) -> int:
        """Return where the log has a stored message; 0 when it does not."""
        return self._stored(ordinal)[2]

    def coding_of(self, ordinal: int) -> int:
        """Return how the data of a stored message are to be read; see `codings_of`."""
        block = self._blocks[ordinal >> _SHIFT]
        slot = block.slot(ordinal)
        return block.codings[slot] if isinstance(block, ColdBlock) else block.codings_at([slot])[0]

    def _stored(self, ordinal: int) -> Entry:
        entry = self._entry(ordinal)
        assert entry is not None, ordinal
        return entry

    def _entry(self, ordinal: int) -> Entry | None:
        block = self._blocks.get(ordinal >> _SHIFT)
        if block is None or (slot := block.slot(ordinal)) < 0:
            return None
        entries = block.entries(slot, slot + 1)
        return entries[0] if entries else None

    def run(self, start: int, count: int) -> tuple[list[Message], int]:
        """Return messages in memory from an ordinal on, in order.

        Args:
            start: where to begin; it need not be stored.
            count: how many at most.

        Returns:
            The messages, up to the first cold block or the end; and the ordinal to go on from. If
            that is cold, it must be thawed first.
        """
        if count == 0:
            return [], start
        found: list[Message] = []
        position = start
        while True:
            number = position >> _SHIFT
            block = self._blocks.get(number)
            if block is None:
                index = bisect_left(self._numbers, number)
                if index == len(self._numbers):
                    return found, max(start, self.next_ordinal)
                block = self._blocks[self._numbers[index]]
                position = block.first
            if isinstance(block, HotBlock):
                part = block.run(position, count - len(found))
                found = found + part if found else part
                if len(found) == count:
                    return found, found[-1][5] + 1
            elif (slot := block.next_used(block.slot_from(position))) >= 0:
                return found, block.ordinal(slot)
            position = block.first + BLOCK_MESSAGES

    # Taking out.

    def release(self, ordinals: Sequence[int], now: Instant) -> list[Entry]:
        """Note that one application is done with each of the messages.

        Args:
            ordinals: each once; those that are not stored are ignored.
            now: the time.

        Returns:
            (guid, size, location, ordinal) of those that nobody needs any more; they are removed.
        """
        return self._take(ordinals, now, is_forced=False)

    def remove(self, ordinals: Sequence[int], now: Instant) -> list[Entry]:
        """Remove messages, whoever needs them; returns the same as `release`."""
        return self._take(ordinals, now, is_forced=True)

    def _take(self, ordinals: Sequence[int], now: Instant, *, is_forced: bool) -> list[Entry]:
        removed: list[Entry] = []
        position = 0
        while position < len(ordinals):
            first = ordinals[position]
            count = _consecutive(ordinals, position, BLOCK_MESSAGES - (first & _MASK))
            position += count
            block = self._blocks.get(first >> _SHIFT)
            if block is None:
                continue
            start, end = block.slot_from(first), block.slot_from(first + count)
            if start < end:
                gone = block.remove(start, end) if is_forced else block.release(start, end)
                if gone:
                    self._gone(block, gone, now)
                    removed += gone
        return removed

    def _gone(self, block: Block, gone: list[Entry], now: Instant) -> None:
        """Follow up on what was removed from a block."""
        size = sum(map(_ENTRY_SIZE, gone))
        self.usage.add(-len(gone), -size)
        self.domain_usage.add(-len(gone), -size)
        guids = [entry[0] for entry in gone]
        if isinstance(block, HotBlock):
            self.hot_bytes -= size + HOT_MESSAGE_BYTES * len(gone)
            self.history.leave(guids, now)
        else:
            self.history.remember(guids, now)
        if block is not self._open:
            self._tidy(block)

    def _tidy(self, block: Block) -> None:
        """Drop a closed block that is empty, and compact one that nearly is."""
        number = block.first >> _SHIFT
        if block.live == 0:
            del self._blocks[number]
            del self._numbers[bisect_left(self._numbers, number)]
            self._hot_numbers.pop(number, None)
        elif not block.is_sparse() or (isinstance(block, HotBlock) and block.lost):
            return
        else:
            block.compact()
        if block.indexed:
            count, block.indexed = block.indexed - block.live, block.live
            self._cold_guids.discard(number, count)

    # Paging.

    @property
    def _has_cold(self) -> bool:
        return len(self._hot_numbers) < len(self._numbers)

    def trim(self, keep: Sequence[int], bytes_max: int) -> None:
        """Page blocks out until `hot_bytes` is at most `bytes_max`, or no more can be.

        Those that no position in `keep` is going to reach go first, then those that one reaches
        last. So what is read next stays, and a long backlog is paged out as it grows.

        Args:
            keep: ordinals at which somebody is going to read on; their blocks and the ones that
                follow stay.
            bytes_max: the goal.
        """
        if not self.is_pageable or self.hot_bytes <= bytes_max:
            return
        numbers = self._numbers
        cursors = sorted([bisect_left(numbers, ordinal >> _SHIFT) for ordinal in keep])
        ranked: list[tuple[int, int]] = []
        for number in self._hot_numbers:
            index = bisect_left(numbers, number)
            before = bisect_right(cursors, index)
            distance = index - cursors[before - 1] if before else len(numbers) + 1
            if distance > 1:
                ranked.append((distance, number))
        for _, number in sorted(ranked, reverse=True):
            if self.hot_bytes <= bytes_max:
                return
            self._freeze(number)

    def _freeze(self, number: int) -> None:
        block = self._blocks[number]
        assert isinstance(block, HotBlock), number
        if block is self._open or block.lost:
            return
        entries = block.entries(0, len(block.messages))
        if any(entry[2] == 0 for entry in entries):
            return  # the log does not have all of it
        for entry in entries:
            del self._known[entry[0]]
        self.hot_bytes -= sum([entry[1] for entry in entries]) + HOT_MESSAGE_BYTES * len(entries)
        self._blocks[number] = block.freeze()
        del self._hot_numbers[number]
        if not block.indexed:
            self._cold_guids.add([number])

    def cold_entries(self, ordinal: int) -> list[tuple[int, int, int]]:
        """Return (ordinal, location, size) of what is stored in the cold block of an ordinal.

        Empty when the block is not cold.
        """
        block = self._blocks.get(ordinal >> _SHIFT)
        if not isinstance(block, ColdBlock):
            return []
        found = block.entries(0, len(block.locations))
        return [(number, location, size) for _, size, location, number in found]

    def thaw(self, messages: Sequence[Message]) -> None:
        """Take the messages of one cold block back into memory.

        Args:
            messages: all that could be read of it. Those of its messages that are missing, or have
                another GUID, stay stored but are delivered to nobody; `remove` gives them up.
                Nothing happens when the block is not cold any more.
        """
        if not messages:
            return
        number = messages[0][5] >> _SHIFT
        block = self._blocks.get(number)
        if not isinstance(block, ColdBlock):
            return
        hot = block.thaw(messages)
        self._blocks[number] = hot
        self._hot_numbers[number] = None
        entries = hot.entries(0, len(hot.messages))
        self._known.update([(guid, ordinal) for guid, _, _, ordinal in entries])
        self.hot_bytes += sum([entry[1] for entry in entries]) + HOT_MESSAGE_BYTES * len(entries)

    def move(self, ordinal: int, location: int) -> None:
        """Note that the log has a message somewhere else now; ignored when it is not stored."""
        block = self._blocks.get(ordinal >> _SHIFT)
        if block is None or (slot := block.slot(ordinal)) < 0:
            return
        if isinstance(block, ColdBlock):
            if block.locations[slot]:
                block.locations[slot] = location
        elif isinstance(block, HotBlock) and (message := block.messages[slot]) is not None:
            block.messages[slot] = (*message[:6], location)

    # Snapshots and recovery.

    def export(self) -> Columns:
        """Return all stored messages, in order."""
        is_counted = any(block.references is not None for block in self._blocks.values())
        columns = Columns(
            array("Q"),
            b"",
            array("Q"),
            array("I"),
            array("Q"),
            array("I"),
            array("H") if is_counted else None,
        )
        guids: list[bytes] = []
        for number in self._numbers:
            part = _columns(self._blocks[number])
            guids.append(part.guids)
            columns.ordinals.extend(part.ordinals)
            columns.locations.extend(part.locations)
            columns.sizes.extend(part.sizes)
            columns.arrivals.extend(part.arrivals)
            columns.codings.extend(part.codings)
            if columns.references is not None:
                counts = part.references or array("H", [1]) * len(part.ordinals)
                columns.references.extend(counts)
        return columns._replace(guids=b"".join(guids))

    def restore(self, columns: Columns, next_ordinal: int = 0) -> None:
        """Take over what was stored before a restart, all of it paged out; no limit refuses it.

        Args:
            columns: as from `export`; every message has a location.
            next_ordinal: ordinals below it were used and are not to be used again.
        """
        assert self.is_pageable
        assert not self._blocks
        ordinals = columns.ordinals
        unindexed: list[int] = []
        start = indexed = 0
        while start < len(ordinals):
            number = ordinals[start] >> _SHIFT
            limit = min(start + BLOCK_MESSAGES, len(ordinals))
            end = bisect_left(ordinals, (number + 1) << _SHIFT, start, limit)
            if end - indexed > COLD_RUN_GUIDS_MAX:
                self._cold_guids.add(unindexed)
                unindexed, indexed = [], start
            self._restore_block(number, columns, start, end)
            unindexed.append(number)
            start = end
        if unindexed:
            self._cold_guids.add(unindexed)
        last = ordinals[-1] + 1 if ordinals else 0
        self.next_ordinal = (max(last, next_ordinal) + _MASK) & ~_MASK
        size = sum(columns.sizes)
        self.usage.add(len(ordinals), size)
        self.domain_usage.add(len(ordinals), size)

    def _restore_block(self, number: int, columns: Columns, start: int, end: int) -> None:
        first = number << _SHIFT
        ordinals = columns.ordinals[start:end]
        is_dense = ordinals[0] == first and ordinals[-1] - first == end - start - 1
        offsets = None if is_dense else array("H", [ordinal - first for ordinal in ordinals])
        references = None if columns.references is None else columns.references[start:end]
        self._blocks[number] = ColdBlock(
            first,
            columns.guids[start * 16 : end * 16],
            columns.locations[start:end],
            columns.sizes[start:end],
            columns.arrivals[start:end],
            columns.codings[start:end],
            references,
            offsets,
        )
        self._numbers.append(number)


def _columns(block: Block) -> Columns:
    """Return what is stored in one block; the columns may be the block's own."""
    if isinstance(block, ColdBlock) and block.live == len(block.locations):
        return Columns(
            array("Q", block.ordinals(range(block.live))),
            block.guids,
            block.locations,
            block.sizes,
            block.arrivals,
            block.codings,
            block.references,
        )
    slots = block.used_slots()
    entries = block.entries(0, len(block.arrivals))
    counts = block.references
    return Columns(
        array("Q", [entry[3] for entry in entries]),
        b"".join([entry[0] for entry in entries]),
        array("Q", [entry[2] for entry in entries]),
        array("I", [entry[1] for entry in entries]),
        array("Q", [block.arrivals[slot] for slot in slots]),
        block.codings_at(slots),
        None if counts is None else array("H", [counts[slot] for slot in slots]),
    )


def _consecutive(ordinals: Sequence[int], start: int, limit: int) -> int:
    """Return how many of `ordinals` from index `start` on follow each other, at most `limit`."""
    first = ordinals[start]
    end = min(start + limit, len(ordinals))
    if isinstance(ordinals, range) and ordinals.step == 1:
        return end - start
    if ordinals[end - 1] - first == end - 1 - start:
        part = ordinals if end - start == len(ordinals) else ordinals[start:end]
        if part == list(range(first, first + end - start)):
            return end - start
    index = start + 1
    while index < end and ordinals[index] == first + index - start:
        index += 1
    return index - start
