"""Compression of application data.

| CAT | name | data                                                          |
|-----|------|---------------------------------------------------------------|
| 0   | NONE | as is                                                         |
| 1   | ZLIB | one zlib stream (RFC 1950): header, deflated data, Adler-32   |

What is compressed depends on the style of the properties: old style (or none), properties and
payload together; new style, the payload alone.

Rules enforced here: the stream is whole, nothing follows it, and it inflates to no more than a
limit, however small it is itself.

Peer: bmqp_compression.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from typing import Final

from reference_broker.base import WireError, limits

_WINDOW_BITS: Final = 15
_MEMORY_LEVEL: Final = 8


class Compression(IntEnum):
    """The CAT field of PUT and PUSH headers."""

    NONE = 0
    ZLIB = 1


class DecompressionLimitError(WireError):
    """A stream holds more than it may."""


def compress(data: bytes) -> bytes:
    """Return `data` as a zlib stream, made with the peer's parameters."""
    stream = zlib.compressobj(
        zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, zlib.Z_FILTERED
    )
    return stream.compress(data) + stream.flush()


def decompress(data: bytes, limit: int = limits.DECOMPRESSED_BYTES_MAX) -> bytes:
    """Return what a zlib stream holds.

    Args:
        data: exactly one zlib stream.
        limit: bytes that it may inflate to; no more than one beyond it are ever produced.

    Raises:
        DecompressionLimitError: it holds more than `limit` bytes.
        WireError: not a zlib stream or an incomplete one [COMP-4], or one with bytes after it
            [COMP-5]. The offset is inside `data`.
    """
    assert limit >= 0, limit
    stream = zlib.decompressobj(_WINDOW_BITS)
    try:
        inflated = stream.decompress(data, limit + 1)
    except zlib.error as error:
        rule = f"zlib cannot inflate it: {error}"
        raise WireError("zlib.stream", f"{len(data)} bytes", rule, 0) from None
    if len(inflated) > limit:
        rule = f"it may inflate to at most {limit} bytes"
        raise DecompressionLimitError("zlib.stream", f"{len(data)} bytes", rule, 0)
    if not stream.eof:
        rule = "the stream does not end there"
        raise WireError("zlib.stream", f"{len(data)} bytes", rule, len(data))
    if stream.unused_data:
        surplus = len(stream.unused_data)
        rule = "nothing may follow the stream"
        raise WireError("zlib.surplus", f"{surplus} bytes", rule, len(data) - surplus)
    return inflated
