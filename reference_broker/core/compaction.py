"""Compaction: copying the live messages of a log's oldest segment to its end, so that it can go.

The storage says when that is worth it. A portion of a few thousand messages or a few megabytes is
looked for, read and written at a time, so that no step takes long, and what was confirmed meanwhile
is not copied. A round goes through all queues of the partition once, those included whose domain
is not there.

What cannot be moved would keep the segment, and everything behind it, for ever. So a message that
is damaged in the log is written from memory if it is there, and given up with an alarm otherwise; a
file that cannot be read is tried again later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from reference_broker.base import Duration, Instant, OperatorError, seconds
from reference_broker.base.limits import MIB
from reference_broker.core.context import Context
from reference_broker.core.holdings import Held, Holding, give_up, holding_of, holdings_of
from reference_broker.core.snapshots import write_snapshot
from reference_broker.storage import (
    OFFSET_MASK,
    StorageCorruptionError,
    decode_stored,
    stored_size,
)

_PORTION_BYTES: Final = 4 * MIB
_PORTION_MESSAGES: Final = 2_000
#: Portions in which nothing was found, after which the search goes on in another step.
_LOOKS_MAX: Final = 10
#: Until a round is begun again that left something behind.
_PAUSE: Final[Duration] = seconds(30)


@dataclass(slots=True)
class _Round:
    """How far a segment was gone through.

    Attributes:
        segment: which.
        uris: of the queues still to look at, the next one last.
        start: ordinal at which the next one goes on.
    """

    segment: int
    uris: list[str]
    start: int = 0


class Compactor:
    """Compact the partitions' logs.

    Args:
        context: of the core.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._busy: set[int] = set()
        self._rounds: dict[int, _Round] = {}
        #: When a partition is looked at again in which something was left behind.
        self._pauses: dict[int, Instant] = {}

    def look(self) -> None:
        """Begin a round, or go on with it, in every partition that needs one."""
        for partition in range(len(self._context.logs)):
            is_resting = self._pauses.get(partition, 0) > self._context.now
            if partition not in self._busy and not is_resting:
                self._go_on(partition)

    def _go_on(self, partition: int) -> None:
        """Read the next portion of the segment that should go."""
        segment = self._context.logs[partition].compaction_candidate()
        if segment is None:
            return
        round_ = self._rounds.get(partition)
        if round_ is None or round_.segment != segment:
            uris = holdings_of(self._context, partition)
            round_ = self._rounds[partition] = _Round(segment, uris)
        for _ in range(_LOOKS_MAX):
            if not round_.uris:
                self._rest(partition)
                return
            holding, held = self._next_portion(round_)
            if holding is not None and held:
                self._read(partition, segment, holding, held)
                return
        self._read(partition, segment, None, [])

    def _next_portion(self, round_: _Round) -> tuple[Holding | None, list[Held]]:
        """Return the messages of the next portion that are in the segment, if any."""
        holding = holding_of(self._context, round_.uris[-1])
        after: int | None = None
        held: list[Held] = []
        if holding is not None:
            held, after = holding.find(round_.segment, round_.start, _PORTION_MESSAGES)
            size = 0
            for index, each in enumerate(held):
                if size >= _PORTION_BYTES:
                    held, after = held[:index], each.ordinal
                    break
                size += stored_size(each.size)
        if after is None:
            round_.uris.pop()
        round_.start = after or 0
        return holding, held

    def _read(
        self, partition: int, segment: int, holding: Holding | None, held: list[Held]
    ) -> None:
        """Read messages; without any the answer only lets the search go on."""
        ranges = [(each.location & OFFSET_MASK, stored_size(each.size)) for each in held]
        self._busy.add(partition)
        taker = partial(self._take, partition, holding, held)
        self._context.read(self._context.logs[partition].name_of(segment), ranges, taker)

    def _rest(self, partition: int) -> None:
        """Begin again after a pause: the whole segment was gone through, but it is still needed."""
        self._rounds.pop(partition, None)
        self._pauses[partition] = Instant(self._context.now + _PAUSE)

    def _take(
        self,
        partition: int,
        holding: Holding | None,
        held: list[Held],
        outcome: tuple[bytes, ...] | OperatorError,
    ) -> None:
        self._busy.discard(partition)
        moved = 0 if holding is None else self._move_portion(partition, holding, held, outcome)
        if isinstance(outcome, OperatorError) and moved < max(len(held), 1):
            text = f"not compacted, tried again in {_PAUSE // seconds(1)} s: {outcome}"
            self._context.alarm("STORAGE", text)
            self._rest(partition)
            return
        if self._context.logs[partition].is_snapshot_due:
            write_snapshot(self._context, partition)  # what was emptied waits for it
        self._go_on(partition)

    def _move_portion(
        self,
        partition: int,
        holding: Holding,
        held: list[Held],
        outcome: tuple[bytes, ...] | OperatorError,
    ) -> int:
        """Move what was read, or is in memory, and is still needed; returns how many are done."""
        is_read = not isinstance(outcome, OperatorError)
        datas = [b""] * len(held) if isinstance(outcome, OperatorError) else outcome
        moving: list[Held] = []
        messages: list[bytes] = []
        lost: list[Held] = []
        left = 0
        for each, data in zip(held, datas, strict=True):
            if holding.location_of(each.ordinal) != each.location:
                continue  # it was confirmed or purged meanwhile
            message = data if _is_right(data, holding, each) else holding.from_memory(each.ordinal)
            if message is not None:
                moving.append(each)
                messages.append(message)
            elif is_read:
                lost.append(each)
            else:
                left += 1
        if moving:
            self._move(partition, holding, moving, messages)
        if lost:
            places = [(each.ordinal, each.location) for each in lost]
            give_up(self._context, partition, holding, places)
            self._context.want_sync()
        return len(held) - left

    def _move(
        self, partition: int, holding: Holding, moving: list[Held], messages: Sequence[bytes]
    ) -> None:
        context = self._context
        log = context.logs[partition]
        ordinals = [each.ordinal for each in moving]
        facts = [holding.facts_of(ordinal) for ordinal in ordinals]
        arrivals = [each.arrival_ns for each in facts]
        done = holding.done(ordinals)
        locations, effects = log.append_moved(holding.number, ordinals, arrivals, messages, done)
        context.add(*effects)
        holding.move(ordinals, locations)
        old = [(f.guid, h.size, h.location, h.ordinal) for f, h in zip(facts, moving, strict=True)]
        context.add(*log.release(old))
        context.want_sync()


def _is_right(data: bytes, holding: Holding, held: Held) -> bool:
    """Return whether data is what was written of a message."""
    if not data:
        return False
    try:
        stored = decode_stored(data)
    except StorageCorruptionError:
        return False
    facts = holding.facts_of(held.ordinal)
    found = stored.guid, stored.size, stored.coding_word  # no checksum covers them
    return found == (facts.guid, held.size, facts.coding_word)
