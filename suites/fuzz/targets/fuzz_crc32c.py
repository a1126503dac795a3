"""The checksum of any bytes is that of the definition, and the same in any pieces and at any address.

The first 2 bytes of an input say where the rest is cut. The witness goes by the polynomial, a byte
at a time; for all bytes and any cut:

- the checksum is what the witness says;
- the checksum of the end, continued from that of the beginning, is that of the whole;
- a view of the bytes in another buffer has the checksum of the bytes;
- one changed bit changes it.

Accepted rejections: none.
"""

from __future__ import annotations

from typing import Final

from reference_broker.wire import checksum, crc32c

#: Bytes in front of those that are summed.
PREFIX_BYTES: Final = 2

_POLYNOMIAL: Final = 0x82F6_3B78  # 0x1EDC6F41 with its bits in the reverse order
_ALL_ONES: Final = 0xFFFF_FFFF


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(_row(byte) for byte in range(256))


def test_one_input(data: bytes) -> None:
    """Sum the bytes up in several ways.

    Raises:
        AssertionError: two of them differ.
    """
    cut_at, rest = int.from_bytes(data[:PREFIX_BYTES], "big"), data[PREFIX_BYTES:]
    expected = defined_crc32c(rest)
    whole = checksum(rest)
    assert whole == expected, f"CRC-32C of {rest.hex()} is {whole:08x}, not {expected:08x}"
    assert crc32c(rest) == expected, f"{rest.hex()}: {crc32c(rest):08x}, not {expected:08x}"
    cut = cut_at % (len(rest) + 1)
    pieces = checksum(rest[cut:], checksum(rest[:cut]))
    assert pieces == expected, f"{rest.hex()}, cut at {cut}: {pieces:08x}, not {expected:08x}"
    view = checksum(memoryview(data)[PREFIX_BYTES:])
    assert view == expected, f"a view of {rest.hex()}: {view:08x}, not {expected:08x}"
    if rest:
        changed = bytearray(rest)
        changed[cut_at % len(rest)] ^= 1 << cut_at % 8
        assert checksum(bytes(changed)) != expected, f"{changed.hex()} and {rest.hex()} are alike"


def defined_crc32c(data: bytes) -> int:
    """Return the CRC-32C of `data` by its definition."""
    value = _ALL_ONES
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ _ALL_ONES
