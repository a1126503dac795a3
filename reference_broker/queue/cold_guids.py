"""Which GUIDs are paged out, in 8 bytes each.

Two questions come, and both are usually answered by the first of these steps:

1. A client makes GUIDs with a growing timer: a GUID above the highest that was paged out
   of its client is not here.
2. Sorted runs of numbers: 48 bits of the GUID's hash, and 16 bits that say in which block of that
   run it is. Runs are merged when they are alike in size, so there are few of them.
3. The GUIDs of that block itself.

So nothing is missed and nothing is found by mistake. The hash is Python's own, which nobody outside
can predict; no result depends on its values.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Final

from reference_broker.base.limits import COLD_CLIENTS_MAX, COLD_RUN_GUIDS_MAX
from reference_broker.queue.block import Block, ColdBlock

_BLOCK_BITS: Final = 16
_BLOCK_MASK: Final = (1 << _BLOCK_BITS) - 1
_HASH_MASK: Final = (1 << 48) - 1
#: Runs are alike in size when their lengths have the same number of bits, divided by three; this
#: many of them are merged to one.
_TIER_BITS: Final = 3
_ALIKE_MAX: Final = 8
#: A run is made anew when fewer than one in this many of its entries can still be found.
_SPARSE: Final = 4
_GUID: Final = Struct("16s")
_TIMER: Final = Struct("3x7s6x")
_CLIENT: Final = Struct("10x6s")


class _Run:
    """Entries in order of the hash, and the numbers of the blocks that they are in."""

    __slots__ = ("blocks", "entries", "live")

    def __init__(self, entries: list[int], blocks: list[int]) -> None:
        entries.sort()
        assert len(entries) <= COLD_RUN_GUIDS_MAX, len(entries)
        self.entries = array("Q", entries)
        self.blocks = blocks
        self.live = len(entries)

    @property
    def tier(self) -> int:
        return len(self.entries).bit_length() // _TIER_BITS


class ColdGuids:
    """The index of the GUIDs of cold blocks.

    A block stays in the index while it is hot in between; what it finds there is not reported.

    Args:
        blocks: of the store, by number; those that are gone are missing.
    """

    __slots__ = ("_blocks", "_highest", "_is_complete", "_run_of", "_tiers")

    def __init__(self, blocks: Mapping[int, Block]) -> None:
        self._blocks = blocks
        self._tiers: list[list[_Run]] = [
            [] for _ in range(COLD_RUN_GUIDS_MAX.bit_length() // _TIER_BITS + 1)
        ]
        self._run_of: dict[int, _Run] = {}  # by the number of a block
        #: Client id to its highest timer.
        self._highest: dict[bytes, bytes] = {}
        #: Whether `_highest` knows every client.
        self._is_complete = True

    def add(self, numbers: Sequence[int]) -> None:
        """Take in blocks that have become cold, `COLD_RUN_GUIDS_MAX` messages at most."""
        for number in numbers:
            self._raise_highest(_guids(self._blocks[number]))
        self._install(self._make_run(numbers))

    def discard(self, number: int, count: int) -> None:
        """Note that `count` entries of a block are of messages that are gone, the block maybe too."""
        run = self._run_of[number]
        run.live -= count
        if number not in self._blocks:
            del self._run_of[number]
        if run.live * _SPARSE >= len(run.entries):
            return
        self._tiers[run.tier].remove(run)
        remaining = [n for n in run.blocks if n in self._blocks]
        if remaining:
            self._install(self._make_run(remaining))
        elif not self._run_of:
            self._highest.clear()
            self._is_complete = True

    def suspects(self, guids: Iterable[bytes]) -> list[bytes]:
        """Return those of `guids` that are not ruled out by the highest of their client."""
        highest = self._highest
        unknown = b"" if self._is_complete else b"\xff" * 8
        return [guid for guid in guids if guid[3:10] <= highest.get(guid[10:], unknown)]

    def find(self, guid: bytes) -> int | None:
        """Return the ordinal of a GUID that is paged out, or None."""
        if not self.suspects((guid,)):
            return None
        low = _entry(guid)
        high = low | _BLOCK_MASK
        for tier in self._tiers:
            for run in tier:
                entries = run.entries
                at = bisect_left(entries, low)
                while at < len(entries) and entries[at] <= high:
                    block = self._blocks.get(run.blocks[entries[at] & _BLOCK_MASK])
                    if isinstance(block, ColdBlock) and (slot := block.find(guid)) >= 0:
                        return block.ordinal(slot)
                    at += 1
        return None

    def _make_run(self, numbers: Sequence[int]) -> _Run:
        """Return a run of what is stored in some blocks."""
        entries: list[int] = []
        for index, number in enumerate(numbers):
            block = self._blocks[number]
            # `_entry`, written out: this line is most of the cost of paging and of recovery.
            entries += [
                (hash(guid) & _HASH_MASK) << _BLOCK_BITS | index
                for (guid,) in _GUID.iter_unpack(_guids(block))
            ]
            block.indexed = block.live
        return _Run(entries, list(numbers))

    def _install(self, run: _Run) -> None:
        """Add a run, merging it with those alike when there are enough of them."""
        self._run_of.update((number, run) for number in run.blocks if number in self._blocks)
        tier = self._tiers[run.tier]
        tier.append(run)
        alike = tier[-_ALIKE_MAX:]
        if len(alike) == _ALIKE_MAX and sum(len(r.entries) for r in alike) <= COLD_RUN_GUIDS_MAX:
            del tier[-_ALIKE_MAX:]
            self._install(_merged(alike))

    def _raise_highest(self, joined: bytes) -> None:
        """Take the timers of a block's GUIDs into account."""
        if len(dict.fromkeys(_CLIENT.iter_unpack(joined))) == 1:
            ((timer,),) = (max(_TIMER.iter_unpack(joined)),)
            self._raise(joined[10:16], timer)
            return
        for (guid,) in _GUID.iter_unpack(joined):
            self._raise(guid[10:], guid[3:10])

    def _raise(self, client: bytes, timer: bytes) -> None:
        highest = self._highest
        if client in highest:
            highest[client] = max(highest[client], timer)
        elif len(highest) < COLD_CLIENTS_MAX:
            highest[client] = timer
        else:
            self._is_complete = False


def _entry(guid: bytes) -> int:
    """Return the lowest entry that a GUID could have."""
    return (hash(guid) & _HASH_MASK) << _BLOCK_BITS


def _guids(block: Block) -> bytes:
    """Return the GUIDs of what is stored in a block, joined."""
    if isinstance(block, ColdBlock) and block.live == len(block.locations):
        return block.guids
    return b"".join([entry[0] for entry in block.entries(0, len(block.arrivals))])


def _merged(runs: list[_Run]) -> _Run:
    """Return one run of several; sorting sorted pieces is a few passes over them."""
    entries: list[int] = []
    blocks: list[int] = []
    for run in runs:
        shift = len(blocks)
        entries += [entry + shift for entry in run.entries]
        blocks += run.blocks
    merged = _Run(entries, blocks)
    merged.live = sum(run.live for run in runs)
    return merged
