"""Choices: a source of numbers that is cheap to make, and what mutation picks with it.

`random.Random(seed)` alone takes a fifth of the time that a whole mutation may take, so there is a
linear congruential generator of 64 bits here, of which the upper bits are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

#: Changes bytes at random; the result has at most as many bytes as the number says.
MutateBytes = Callable[[bytes, int], bytes]

_MASK: Final = (1 << 64) - 1
_SPREAD: Final = 0x9E37_79B9_7F4A_7C15
_FACTOR: Final = 6_364_136_223_846_793_005
_STEP: Final = 1_442_695_040_888_963_407
_CHUNK_BYTES_MAX: Final = 16


class Chance:
    """Everything that is left to chance in one mutation.

    Args:
        seed: any integer; the same one gives the same choices.
        mutate_bytes: changes bytes without structure; by default `scramble`. If it is not a pure
            function, neither is what uses this object.
    """

    __slots__ = ("_mutate_bytes", "_state")

    def __init__(self, seed: int, mutate_bytes: MutateBytes | None = None) -> None:
        state = (seed + 1) * _SPREAD & _MASK
        self._state = (state ^ state >> 31) * _SPREAD & _MASK
        self._mutate_bytes = mutate_bytes

    def below(self, bound: int) -> int:
        """Return a number from 0 to `bound` - 1; `bound` is at least 1."""
        state = self._state = (self._state * _FACTOR + _STEP) & _MASK
        return (state >> 32) * bound >> 32

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def boundary(self, value: int, bits: int) -> int:
        """Return another value of an unsigned field: one of those at which comparisons go wrong.

        Args:
            value: what the field holds.
            bits: its width.
        """
        top = (1 << bits) - 1
        roll = self.below(12)
        if roll < 4:
            chosen = value + 1 if roll < 2 else value - 1
        elif roll == 4:
            chosen = self.below(8)
        elif roll == 5:
            chosen = top - self.below(2)
        elif roll == 6:
            chosen = (top >> 1) + self.below(2)
        elif roll == 7:
            chosen = value ^ 1 << self.below(bits)
        elif roll == 8:
            chosen = 1 << self.below(bits)
        elif roll == 9:
            chosen = 0
        elif roll == 10:
            chosen = value * 4 if self.below(2) else value // 4
        else:
            self.below(1)
            chosen = self._state << 64 | self._state
        chosen &= top
        return chosen if chosen != value else value ^ 1

    def noise(self, size: int) -> bytes:
        """Return so many bytes without meaning."""
        self.below(1)
        return (self._state.to_bytes(8, "big") * (size // 8 + 1))[:size]

    def mutated(self, data: bytes, size_max: int) -> bytes:
        """Return changed bytes, at most `size_max`, by the function that was given if there is one."""
        if self._mutate_bytes is not None and data and size_max:
            return self._mutate_bytes(data, size_max)[:size_max]
        return self.scrambled(data)[:size_max]

    def scrambled(self, data: bytes) -> bytes:
        """Return bytes that differ by one change: a bit, a byte, or a chunk of up to 16 bytes."""
        size = len(data)
        at = self.below(size + 1)
        end = min(size, at + 1 + self.below(_CHUNK_BYTES_MAX))
        roll = self.below(8)
        if at == size:  # also for nothing at all
            return data + self.noise(1 + self.below(8))
        if roll == 0:
            return data[:at] + self.noise(1 + self.below(8)) + data[at:]
        if roll == 1:
            return data[:at] + data[end:]
        if roll == 2:
            return data[:end] + data[at:]
        if roll == 3:
            return data[:at] + self.pick(_EDGES) + data[at + 1 :]
        if roll == 4:
            to = self.below(size + 1)
            return data[:to] + data[at:end] + data[to:]
        if roll == 5:
            return data[:at] + self.noise(1) + data[at + 1 :]
        changed = data[at] ^ 1 << self.below(8)
        return data[:at] + bytes((changed,)) + data[at + 1 :]


_EDGES: Final = (
    b"\0",
    b"\1",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\xc3",
    b'"',
)
