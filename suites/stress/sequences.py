"""Sets of sequence numbers that cost a bit for each number of a sliding window.

Numbers are added mostly in order. The beginning of the set in which no number is missing is dropped
from memory, so a healthy run keeps a few kilobytes however long it is; a number that never comes
holds the window open behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from suites.harness.target import TargetError

#: Numbers that a window may span: 32 MiB of bits.
WINDOW_NUMBERS_MAX: Final = 2**28
_CHUNK_BYTES: Final = 1024
_COMPLETE: Final = b"\xff" * _CHUNK_BYTES


class SequenceSet:
    """A set of numbers from 0 up."""

    __slots__ = ("_base", "_bits")

    def __init__(self) -> None:
        self._base = 0  # every number below is in the set; a multiple of 8
        self._bits = bytearray(_CHUNK_BYTES)

    def add(self, number: int) -> bool:
        """Add a number, and return whether it is new.

        Raises:
            TargetError: it is `WINDOW_NUMBERS_MAX` or more ahead of the window.
        """
        index = number - self._base
        if index < 0:
            return False
        position, mask = index >> 3, 1 << (index & 7)
        bits = self._bits
        if position >= len(bits):
            self._grow(index)
        if bits[position] & mask:
            return False
        bits[position] |= mask
        if bits[0] == 0xFF and bits[_CHUNK_BYTES - 1] == 0xFF:
            self._drop_complete()
        return True

    def __contains__(self, number: int) -> bool:
        index = number - self._base
        if index < 0:
            return True
        position = index >> 3
        return position < len(self._bits) and bool(self._bits[position] & 1 << (index & 7))

    def missing_from(self, other: SequenceSet) -> Iterator[int]:
        """Give the numbers of this set that are not in the other, in order."""
        end = (self._base >> 3) + len(self._bits)
        for position in range(other._base >> 3, end):
            missing = self._byte(position) & ~other._byte(position)
            if missing:
                yield from (position * 8 + bit for bit in range(8) if missing & 1 << bit)

    def _byte(self, position: int) -> int:
        index = position - (self._base >> 3)
        if index < 0:
            return 0xFF
        return self._bits[index] if index < len(self._bits) else 0

    def _grow(self, index: int) -> None:
        if index >= WINDOW_NUMBERS_MAX:
            text = f"message {self._base + index} came but of those from {self._base} on some did"
            raise TargetError(
                f"{text} not; no more than {WINDOW_NUMBERS_MAX} can be watched: end the run earlier"
            )
        wanted = (index >> 3) + 1 - len(self._bits)
        self._bits += bytes(-(-wanted // _CHUNK_BYTES) * _CHUNK_BYTES)

    def _drop_complete(self) -> None:
        while self._bits.startswith(_COMPLETE):
            del self._bits[:_CHUNK_BYTES]
            self._base += 8 * _CHUNK_BYTES
        if not self._bits:
            self._bits += bytes(_CHUNK_BYTES)
