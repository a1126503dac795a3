"""A sorted set of ordinals that stays small when there are millions of them.

Ordinals of neighbouring messages are close together, so a set is a few hundred bits for each range
of 512 ordinals that it touches: about 100 bytes where a set of integers takes 30 kilobytes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Final

_SHIFT: Final = 9
_LOW_BITS: Final = (1 << _SHIFT) - 1


class OrdinalSet:
    """Ordinals, each once, in ascending order."""

    __slots__ = ("_count", "_masks", "_ranges")

    def __init__(self, ordinals: Iterable[int] = ()) -> None:
        #: Range number to the bits of its members.
        self._masks: dict[int, int] = {}
        #: The keys of `_masks`, sorted.
        self._ranges: list[int] = []
        self._count = 0
        for ordinal in ordinals:
            self.add(ordinal)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, ordinal: int) -> bool:
        return bool(self._masks.get(ordinal >> _SHIFT, 0) >> (ordinal & _LOW_BITS) & 1)

    def add(self, ordinal: int) -> None:
        """Add an ordinal; one that is there stays."""
        number = ordinal >> _SHIFT
        bit = 1 << (ordinal & _LOW_BITS)
        mask = self._masks.get(number)
        if mask is None:
            mask = 0
            if self._ranges and number < self._ranges[-1]:
                insort(self._ranges, number)
            else:
                self._ranges.append(number)
        if not mask & bit:
            self._count += 1
            self._masks[number] = mask | bit

    def discard(self, ordinal: int) -> bool:
        """Take an ordinal out; returns whether it was there."""
        number = ordinal >> _SHIFT
        bit = 1 << (ordinal & _LOW_BITS)
        mask = self._masks.get(number, 0)
        if not mask & bit:
            return False
        self._count -= 1
        if mask == bit:
            self._drop(bisect_left(self._ranges, number))
        else:
            self._masks[number] = mask ^ bit
        return True

    def discard_below(self, end: int) -> None:
        """Take out every ordinal below `end`."""
        ranges = self._ranges
        number = end >> _SHIFT
        while ranges and ranges[0] < number:
            self._count -= self._masks[ranges[0]].bit_count()
            self._drop(0)
        if ranges and ranges[0] == number:
            mask = self._masks[number]
            rest = mask >> (end & _LOW_BITS) << (end & _LOW_BITS)
            self._count -= mask.bit_count() - rest.bit_count()
            self._masks[number] = rest
            if not rest:
                self._drop(0)

    def _drop(self, index: int) -> None:
        del self._masks[self._ranges.pop(index)]

    def clear(self) -> None:
        """Take everything out."""
        self._masks.clear()
        self._ranges.clear()
        self._count = 0

    def first(self, start: int = 0) -> int | None:
        """Return the lowest ordinal from `start` on, or None."""
        found = self.take(start, 1)
        return found[0] if found else None

    def take(self, start: int, count: int) -> list[int]:
        """Return the lowest `count` ordinals from `start` on; the set stays as it is."""
        found: list[int] = []
        if not self._count:
            return found
        number, skip = start >> _SHIFT, start & _LOW_BITS
        for index in range(bisect_left(self._ranges, number), len(self._ranges)):
            current = self._ranges[index]
            mask = self._masks[current]
            if current == number:
                mask = mask >> skip << skip
            base = current << _SHIFT
            while mask:
                if len(found) == count:
                    return found
                low = mask & -mask
                found.append(base + low.bit_length() - 1)
                mask ^= low
        return found

    def all(self) -> list[int]:
        """Return every ordinal, sorted."""
        return self.take(0, self._count)
