"""Many messages as columns: plain arrays, one number or GUID a message, without an object each.

Where a message is in the log is one number, its location: the number of the segment in the upper
bits, the offset in the segment's file of the message's 36-byte header in the lower 40. On disk the
numbers of a column lie one after the other, little-endian, so that reading and writing them is
copying.

How a message's data is to be read is one number too, its coding word, so that what is read back can
be compared with what was written; no checksum of the message's own covers it::

    | has properties, bit 31 | zero | compression, 3 bits, 18 to 16 | schema id, 16 bits, 15 to 0 |
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final, NamedTuple

from reference_broker.base import GUID_SIZE
from reference_broker.wire import FLAG_MESSAGE_PROPERTIES, PUT_HEADER_SIZE

#: What a stored message has before its data: the header of a PUT message, and no options.
STORED_HEADER_SIZE: Final = PUT_HEADER_SIZE
SEGMENT_SHIFT: Final = 40
OFFSET_MASK: Final = (1 << SEGMENT_SHIFT) - 1

_IS_LITTLE_ENDIAN: Final = array("H", b"\x01\x00")[0] == 1
assert array("Q").itemsize == 8
assert array("I").itemsize == 4


class Columns(NamedTuple):
    """Messages of one queue, in the order of their ordinals.

    Attributes:
        ordinals: 64-bit, growing.
        guids: 16 bytes each, joined.
        locations: 64-bit.
        sizes: bytes of application data without padding, 32-bit.
        arrivals: wall-clock nanoseconds since the epoch, 64-bit.
        codings: coding words, 32-bit.
    """

    ordinals: array[int]
    guids: bytes
    locations: array[int]
    sizes: array[int]
    arrivals: array[int]
    codings: array[int]


def no_columns() -> Columns:
    """Return the columns of no message."""
    return Columns(array("Q"), b"", array("Q"), array("I"), array("Q"), array("I"))


def cut_columns(columns: Columns, start: int, end: int) -> Columns:
    """Return the messages from position `start` to before position `end`."""
    return Columns(
        columns.ordinals[start:end],
        columns.guids[start * GUID_SIZE : end * GUID_SIZE],
        columns.locations[start:end],
        columns.sizes[start:end],
        columns.arrivals[start:end],
        columns.codings[start:end],
    )


def stored_size(size: int) -> int:
    """Return the bytes that a message of `size` bytes of data takes in the log."""
    return STORED_HEADER_SIZE + size + 4 - size % 4


def coding_word(flags: int, compression: int, schema: int) -> int:
    """Return the coding word of a message.

    Args:
        flags: of a PUT message; only `FLAG_MESSAGE_PROPERTIES` counts.
        compression: as in its header.
        schema: id of the schema, as in its header.
    """
    return bool(flags & FLAG_MESSAGE_PROPERTIES) << 31 | compression << 16 | schema


def location_of(segment: int, offset: int) -> int:
    """Return the location of a message."""
    return segment << SEGMENT_SHIFT | offset


def numbers_to_bytes(numbers: array[int]) -> bytes:
    """Return a column as it is on disk."""
    if _IS_LITTLE_ENDIAN:
        return numbers.tobytes()
    swapped = numbers[:]
    swapped.byteswap()
    return swapped.tobytes()


def numbers_from_bytes(typecode: str, data: bytes | memoryview) -> array[int]:
    """Return a column that is on disk as `data`.

    Raises:
        ValueError: the size is not a multiple of a number's.
    """
    numbers = array(typecode)
    numbers.frombytes(data)
    if not _IS_LITTLE_ENDIAN:
        numbers.byteswap()
    return numbers


def live_by_segment(locations: array[int], sizes: array[int]) -> dict[int, tuple[int, int]]:
    """Return for each segment how many of the messages it holds, and their bytes in the log.

    Args:
        locations: of the messages; usually they grow, and then this is a few copies of the column.
        sizes: of their data.
    """
    live: dict[int, tuple[int, int]] = {}
    numbers = locations.tolist()
    places = sorted(numbers)
    if places != numbers:  # messages were moved
        size_at = dict(zip(numbers, sizes, strict=True))
        sizes = array("I", [size_at[place] for place in places])
    start = 0
    while start < len(places):
        segment = places[start] >> SEGMENT_SHIFT
        end = bisect_left(places, location_of(segment + 1, 0), start)
        live[segment] = end - start, stored_sizes(sizes[start:end])
        start = end
    return live


def stored_sizes(sizes: array[int] | list[int]) -> int:
    """Return the bytes that messages with these sizes take in the log together."""
    distinct = set(sizes)
    if len(distinct) == 1:
        return stored_size(distinct.pop()) * len(sizes)
    return (STORED_HEADER_SIZE + 4) * len(sizes) + sum([size & ~3 for size in sizes])
