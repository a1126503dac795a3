"""Word padding: 1 to 4 bytes, each holding their number, up to the next word.

There is always padding, so the last byte of a padded area tells how much to cut off.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import WireError

WORD: Final = 4
#: The padding for a length whose remainder by 4 is the index.
PADDING: Final = (b"\4\4\4\4", b"\3\3\3", b"\2\2", b"\1")


def pad(data: bytes) -> bytes:
    """Return `data` with its word padding."""
    return data + PADDING[len(data) & 3]


def padded_size(size: int) -> int:
    """Return the length of an area of `size` bytes after padding."""
    return (size + WORD) & ~3


def unpadded_end(buffer: bytes, start: int, end: int, field: str) -> int:
    """Return where the data of the padded area `buffer[start:end]` ends [FRAME-18].

    Raises:
        WireError: the area is empty, not in whole words, or its last byte is not 1 to 4.
    """
    size = end - start
    if size < WORD or size & 3:
        raise WireError(f"{field}.size", size, "a padded area has one whole word or more", start)
    count = buffer[end - 1]
    if not 1 <= count <= WORD:
        raise WireError(f"{field}.padding", count, "there are 1 to 4 padding bytes", end - 1)
    return end - count
