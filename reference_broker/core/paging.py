"""Reading back from the log what memory no longer holds.

A queue that wants to deliver a message that is only on disk says so (`Queue.wanted`); the whole
block around it is read, checked and given back to the queue, which then goes on. What cannot be
read, or is not what was written, is never delivered: it is given up, with an alarm.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

from reference_broker.base import OperatorError
from reference_broker.base.limits import BLOCK_MESSAGES, MIB
from reference_broker.core.context import Context
from reference_broker.core.state import QueueEntry
from reference_broker.queue import Message
from reference_broker.storage import (
    OFFSET_MASK,
    SEGMENT_SHIFT,
    StorageCorruptionError,
    decode_stored,
    stored_size,
)

#: Two messages with no more than this between them are read together.
_GAP_BYTES_MAX: Final = 4096
_READ_BYTES_MAX: Final = 1 * MIB


class _Wanted(NamedTuple):
    """One message to read back."""

    ordinal: int
    location: int
    size: int
    coding: int


class _Part(NamedTuple):
    """One read under way: part of a block."""

    entry: QueueEntry
    block: int
    name: str
    ranges: list[list[_Wanted]]


class Pager:
    """Read blocks back.

    Args:
        context: of the core.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        #: By queue and block: how many parts are still to come, and what has come.
        self._blocks: dict[tuple[QueueEntry, int], tuple[int, list[Message]]] = {}

    def fetch(self, entry: QueueEntry) -> None:
        """Ask for the blocks that a queue wants."""
        for ordinal in entry.queue.wanted:
            block = ordinal // BLOCK_MESSAGES
            if (entry, block) not in self._blocks:
                self._fetch_block(entry, block, ordinal)

    def _fetch_block(self, entry: QueueEntry, block: int, ordinal: int) -> None:
        context = self._context
        by_segment: dict[int, list[_Wanted]] = {}
        store = entry.queue.store
        for item in store.cold_entries(ordinal):
            wanted = _Wanted(*item, store.coding_of(item[0]))
            by_segment.setdefault(wanted.location >> SEGMENT_SHIFT, []).append(wanted)
        if not by_segment:
            return  # it is in memory meanwhile
        self._blocks[entry, block] = len(by_segment), []
        for segment, wanted_ones in by_segment.items():
            name = context.log_of(entry).name_of(segment)
            part = _Part(entry, block, name, _ranges(wanted_ones))
            context.read(name, [_span(each) for each in part.ranges], partial(self._take, part))

    def _take(self, part: _Part, outcome: tuple[bytes, ...] | OperatorError) -> None:
        context = self._context
        lost: list[_Wanted] = []
        messages: list[Message] = []
        if isinstance(outcome, OperatorError):
            context.alarm("STORAGE", f"log file {part.name} cannot be read: {outcome}")
            lost = [wanted for each in part.ranges for wanted in each]
        else:
            for each, data in zip(part.ranges, outcome, strict=True):
                for wanted in each:
                    message = _message(wanted, data, wanted.location - each[0].location)
                    if message is None:
                        lost.append(wanted)
                    else:
                        messages.append(message)
        # What was confirmed or moved while it was read is no loss.
        locations = self._locations(part.entry, part.block)
        lost = [each for each in lost if locations.get(each.ordinal) == each.location]
        if lost:
            self._give_up(part.entry, [(each.ordinal, each.location) for each in lost])
        key = (part.entry, part.block)
        missing, come = self._blocks[key]
        come += messages
        if missing > 1:
            self._blocks[key] = missing - 1, come
            return
        del self._blocks[key]
        self._thaw(part.entry, part.block, come)
        if part.entry.queue.uri.canonical in context.queues:
            context.dirty[part.entry] = None

    def _locations(self, entry: QueueEntry, block: int) -> dict[int, int]:
        """Return where the log has the messages of a block, by ordinal."""
        entries = entry.queue.store.cold_entries(block * BLOCK_MESSAGES)
        return {ordinal: location for ordinal, location, _ in entries}

    def _thaw(self, entry: QueueEntry, block: int, come: list[Message]) -> None:
        """Give a block back to its queue, unless it must be read once more."""
        store = entry.queue.store
        locations = self._locations(entry, block)
        if not locations.keys() <= {message[5] for message in come}:
            return  # some were moved away before they could be read
        come = [
            message
            if locations[message[5]] == message[6]
            else (*message[:6], locations[message[5]])
            for message in come
            if message[5] in locations
        ]
        store.thaw(come)
        # Only the store knows the GUIDs that these messages should have.
        strangers = [(m[5], m[6]) for m in come if store.get(m[5]) is None]
        if strangers:
            self._give_up(entry, strangers)

    def _give_up(self, entry: QueueEntry, lost: list[tuple[int, int]]) -> None:
        """Let go of damaged messages, given by ordinal and location; nobody must get them."""
        context = self._context
        queue, log = entry.queue, context.log_of(entry)
        ordinal, location = lost[0]
        guid = queue.store.guid_of(ordinal).hex().upper()
        name, offset = log.name_of(location >> SEGMENT_SHIFT), location & OFFSET_MASK
        removed = queue.remove([each for each, _ in lost], context.now)
        context.add(*log.release(removed))
        context.alarm(
            "STORAGE",
            f"{len(lost)} message(s) of queue '{queue.uri}' lost: log file {name} is damaged at "
            f"byte {offset} (first GUID {guid})",
        )


def _ranges(wanted: list[_Wanted]) -> list[list[_Wanted]]:
    """Group messages of one file that lie next to each other."""
    ranges: list[list[_Wanted]] = []
    end = start = 0
    for item in sorted(wanted, key=lambda each: each.location):
        is_near = ranges and item.location - end <= _GAP_BYTES_MAX
        item_end = item.location + stored_size(item.size)
        if is_near and item_end - start <= _READ_BYTES_MAX:
            ranges[-1].append(item)
        else:
            ranges.append([item])
            start = item.location
        end = item_end
    return ranges


def _span(wanted: list[_Wanted]) -> tuple[int, int]:
    first, last = wanted[0], wanted[-1]
    length = last.location + stored_size(last.size) - first.location
    return first.location & OFFSET_MASK, length


def _message(wanted: _Wanted, data: bytes, offset: int) -> Message | None:
    """Return a message out of what was read, or None if it is not what was written."""
    try:
        stored = decode_stored(data[offset : offset + stored_size(wanted.size)])
    except StorageCorruptionError:
        return None
    if (stored.size, stored.coding_word) != (wanted.size, wanted.coding):
        return None  # no checksum covers them
    return (
        stored.guid,
        stored.flags,
        stored.coding,
        stored.data,
        wanted.size,
        wanted.ordinal,
        wanted.location,
    )
