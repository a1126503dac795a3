"""Application data is decompressed, then its properties are read, or a WireError says why not.

The first byte of an input is what a message's header says of the rest: bit 0 that it is compressed,
bit 1 that it has properties, the other bits are the schema id. What must hold is written in
`bodies`; and for compressed data of the old style, that they say the same as those that were
decompressed before.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import WireError
from reference_broker.wire import FLAG_MESSAGE_PROPERTIES, Compression, compress, decompress
from reference_broker.wire.properties import wire_is_new_style
from reference_broker.wire.property_lookup import property_lookup
from suites.fuzz.oracles.bodies import INFLATED_BYTES_MAX, check_data

#: Bytes in front of the application data.
PREFIX_BYTES: Final = 1
COMPRESSED_BIT: Final = 1
PROPERTIES_BIT: Final = 2
SCHEMA_SHIFT: Final = 2
_NAME: Final = "i"


def test_one_input(data: bytes) -> None:
    """Read the data as a consumer does.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    said, rest = data[0], data[PREFIX_BYTES:]
    compression = Compression.ZLIB if said & COMPRESSED_BIT else Compression.NONE
    has_properties, schema = bool(said & PROPERTIES_BIT), said >> SCHEMA_SHIFT
    check_data(rest, compression, schema, has_properties=has_properties)
    flags = FLAG_MESSAGE_PROPERTIES if has_properties else 0
    value = property_lookup(rest, flags, schema, compression)(_NAME)
    if not has_properties or (compression and not wire_is_new_style(schema)):
        assert value is None, f"there are no properties to be seen, but one is {value!r}"
    if not compression and len(rest) <= INFLATED_BYTES_MAX:
        packed = compress(rest)
        check_data(packed, Compression.ZLIB, 0, has_properties=has_properties)
        assert _inflated(packed) == rest, f"{rest.hex()} is compressed to {packed.hex()}"


def _inflated(packed: bytes) -> bytes | None:
    try:
        return decompress(packed, INFLATED_BYTES_MAX)
    except WireError:
        return None
