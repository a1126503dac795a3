"""The bounded queue between two stages of a pipe.

Rules:
- One task puts in, one task takes out, both on the same event loop.
- Only *conditions* are awaited (`wait_for_data`, `wait_for_space`); taking and appending are plain
  calls. So a task may be cancelled at any await without a byte lost or out of order, and that is
  how a pipe is stopped to change its toxics.
- `Ending` comes after the last chunk and travels through the stages in order with the data.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum
from typing import Final, NamedTuple

# Bounds the overhead of many tiny chunks, which the byte limit alone would not.
CHUNKS_MAX: Final = 4_096


class Ending(Enum):
    """What becomes of the receiving side's connection after the last byte."""

    FINISH = "the sender finished its half; pass that on and leave the other half alone"
    CLOSE = "close the connection"
    RESET = "reset the connection, in both directions and on both sides"


class Chunk(NamedTuple):
    """Bytes that came together, and when (seconds on the event loop's clock)."""

    data: memoryview
    arrived: float


class Channel:
    """Chunks in order, at most `bytes_max` plus one chunk of them.

    Args:
        bytes_max: no space is reported from this many bytes on.
    """

    __slots__ = ("_bytes_max", "_chunks", "_data", "_space", "ending", "size")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._chunks: deque[Chunk] = deque()
        self._data = asyncio.Event()
        self._space = asyncio.Event()
        self.ending: Ending | None = None
        self.size = 0

    async def wait_for_data(self) -> Chunk | None:
        """Wait for a chunk and return it without taking it; None when the channel has ended."""
        while not self._chunks:
            if self.ending is not None:
                return None
            self._data.clear()
            await self._data.wait()
        return self._chunks[0]

    async def wait_for_space(self) -> None:
        """Wait until a chunk may be appended."""
        while self.size >= self._bytes_max or len(self._chunks) >= CHUNKS_MAX:
            self._space.clear()
            await self._space.wait()

    def append(self, chunk: Chunk) -> None:
        """Put a chunk at the end; the caller waited for space."""
        assert self.ending is None, f"a chunk after the ending {self.ending}"
        self._chunks.append(chunk)
        self.size += len(chunk.data)
        self._data.set()

    def take(self, size: int) -> Chunk:
        """Take up to `size` bytes of the first chunk; the rest of it stays first."""
        chunk = self._chunks.popleft()
        if size < len(chunk.data):
            self._chunks.appendleft(Chunk(chunk.data[size:], chunk.arrived))
            chunk = Chunk(chunk.data[:size], chunk.arrived)
        self.size -= len(chunk.data)
        self._space.set()
        return chunk

    def end(self, ending: Ending) -> None:
        """Say that nothing follows; the first ending stays."""
        if self.ending is None:
            self.ending = ending
            self._data.set()

    def spill_into(self, other: Channel) -> None:
        """Move everything, the ending included, behind what `other` holds.

        For a channel that goes away. `other` may thus exceed its limit once, by the limit of this
        one; nothing is appended to it until it is below its own limit again.
        """
        while self._chunks and other.ending is None:
            other.append(self._chunks.popleft())
        self._chunks.clear()
        self.size = 0
        if self.ending is not None:
            other.end(self.ending)
