"""Reading back from the log what memory no longer holds.

A queue that wants to deliver a message that is only on disk says so (`Queue.wanted`); the whole
block around it is read, checked and given back to the queue, which then goes on. What is not what was
written is never delivered: it is given up, with an alarm. A file that cannot be read may be whole:
nothing is given up, and after a pause, longer each time, it is read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from reference_broker.base import Duration, Instant, OperatorError, milliseconds, seconds
from reference_broker.base.limits import BLOCK_MESSAGES, MIB
from reference_broker.core.context import Context
from reference_broker.core.holdings import QueueHolding, give_up
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
#: Before a block is read again whose file could not be read, the first time and at most; each pause
#: is twice as long as the one before.
_PAUSE_MIN: Final[Duration] = milliseconds(250)
_PAUSE_MAX: Final[Duration] = seconds(30)
#: Between two alarms about files that cannot be read, whichever they are.
_ALARM_PAUSE: Final[Duration] = seconds(30)


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


@dataclass(slots=True)
class _Reading:
    """The reads of one block.

    Attributes:
        missing: parts that are still to come.
        come: what has come.
        has_failed: whether a part could not be read.
    """

    missing: int
    come: list[Message] = field(default_factory=list)
    has_failed: bool = False


class _Pause(NamedTuple):
    """Why a block is not read now: its file could not be.

    Attributes:
        until: when it is read again.
        length: of the pause.
    """

    until: Instant
    length: Duration


class Pager:
    """Read blocks back.

    Args:
        context: of the core.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        #: What is being read, by queue and block.
        self._blocks: dict[tuple[QueueEntry, int], _Reading] = {}
        #: What could not be read the last time, by queue and block.
        self._pauses: dict[tuple[QueueEntry, int], _Pause] = {}
        self._next_alarm = Instant(0)

    def fetch(self, entry: QueueEntry) -> None:
        """Ask for the blocks that a queue wants, or to be asked again once their pause is over."""
        context = self._context
        for ordinal in entry.queue.wanted:
            block = ordinal // BLOCK_MESSAGES
            if (entry, block) in self._blocks:
                continue
            pause = self._pauses.get((entry, block))
            if pause is not None and context.now < pause.until:
                context.wake(entry, pause.until)
            else:
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
        self._blocks[entry, block] = _Reading(len(by_segment))
        for segment, wanted_ones in by_segment.items():
            name = context.log_of(entry).name_of(segment)
            part = _Part(entry, block, name, _ranges(wanted_ones))
            context.read(name, [_span(each) for each in part.ranges], partial(self._take, part))

    def _take(self, part: _Part, outcome: tuple[bytes, ...] | OperatorError) -> None:
        context = self._context
        entry, block = part.entry, part.block
        reading = self._blocks[entry, block]
        if isinstance(outcome, OperatorError):
            reading.has_failed = True
            self._tell(part, outcome)
        else:
            reading.come += self._check(part, outcome)
        reading.missing -= 1
        if reading.missing:
            return
        del self._blocks[entry, block]
        if context.queues.get(entry.queue.uri.canonical) is not entry:
            return  # the queue is gone
        if reading.has_failed:
            self._pause(entry, block)
        else:
            self._pauses.pop((entry, block), None)
            self._thaw(entry, block, reading.come)
        context.dirty[entry] = None

    def _check(self, part: _Part, chunks: tuple[bytes, ...]) -> list[Message]:
        """Return the messages that were read; what is damaged is given up."""
        lost: list[_Wanted] = []
        messages: list[Message] = []
        for each, data in zip(part.ranges, chunks, strict=True):
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
        return messages

    def _pause(self, entry: QueueEntry, block: int) -> None:
        """Let a block rest that could not be read; the queue is looked at, and asks for it."""
        before = self._pauses.get((entry, block))
        length = _PAUSE_MIN if before is None else min(Duration(2 * before.length), _PAUSE_MAX)
        self._pauses[entry, block] = _Pause(Instant(self._context.now + length), length)

    def _tell(self, part: _Part, error: OperatorError) -> None:
        """Raise an alarm about a file that cannot be read, unless one was raised lately."""
        context = self._context
        if context.now < self._next_alarm:
            return
        self._next_alarm = Instant(context.now + _ALARM_PAUSE)
        count = sum([len(each) for each in part.ranges])
        context.alarm(
            "STORAGE",
            f"log file {part.name} cannot be read: {error}; {count} message(s) of queue "
            f"'{part.entry.queue.uri}' wait, and it is tried again. Make the file readable, or "
            "purge the queue to go on without them.",
        )
        # Blocks that nobody has asked for since their pause was over may be gone.
        forgotten = context.now - _PAUSE_MAX
        self._pauses = {k: pause for k, pause in self._pauses.items() if pause.until > forgotten}

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
        """Let go of damaged messages, given by ordinal and location."""
        holding = QueueHolding(self._context, entry)
        give_up(self._context, entry.partition, holding, lost)


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
