"""Cutting an input into the pieces in which a network might deliver it.

The cuts are derived from the bytes themselves, so one input always means the same pieces and a
fuzzer that changes a byte moves the cuts, too. The last two bytes choose where they begin; from
there on the bytes at the cuts give the sizes. Small numbers, of which headers are full, give small
pieces: that cuts headers into single bytes, which is where readers fail.
"""

from __future__ import annotations

from typing import Final

#: After so many pieces the rest comes at once; this bounds the work for one input.
PIECES_MAX: Final = 6
_PIECE_BYTES_MAX: Final = 13


def pieces(data: bytes) -> list[bytes]:
    """Return `data` in 1 to `PIECES_MAX` pieces of at least one byte; one empty piece for nothing."""
    size = len(data)
    position = int.from_bytes(data[-2:], "big") % size if size else 0
    cut = [data[:position]] if position else []
    while position < size and len(cut) < PIECES_MAX - 1:
        end = position + 1 + data[position] % _PIECE_BYTES_MAX
        cut.append(data[position:end])
        position = end
    if position < size or not cut:
        cut.append(data[position:])
    return cut
