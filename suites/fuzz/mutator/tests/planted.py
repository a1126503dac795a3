"""Eight defects that only what is right in every other respect reaches: no input crashes it.

A target for comparing mutators. It refuses what the broker refuses, checksums included, and then
fails where parsers do: at a bound that is one too low, at a form that nobody had thought of.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import WireError
from reference_broker.base.limits import EVENT_BYTES_MAX
from reference_broker.wire import (
    FLAG_MESSAGE_PROPERTIES,
    Compression,
    Event,
    EventReader,
    EventType,
    PutTuple,
    crc32c,
    decompress,
    iter_confirms,
    iter_puts,
)
from reference_broker.wire.options import decode_options
from reference_broker.wire.properties import PropertyType, decode_properties, wire_is_new_style

NAMES: Final = (
    "crc", "padding", "words", "group id", "unknown option", "property", "zlib", "longer items",
)  # fmt: skip
_INFLATED_BYTES_MAX: Final = 4096
_GROUP_ID_CHARS: Final = 30
_HEADER_BYTES: Final = 36
_ODD_OCTET: Final = 0xFF
_ITEM_BYTES: Final = 24


class PlantedError(Exception):
    """One of the defects was reached; its name is the argument."""


def test_one_input(data: bytes) -> None:
    """Read a stream as a broker would.

    Raises:
        PlantedError: a defect was reached.
    """
    try:
        for event in EventReader(EVENT_BYTES_MAX).feed(data):
            if event.type == EventType.PUT:
                _read_puts(event)
            elif event.type == EventType.CONFIRM:
                _read_confirms(event)
    except WireError:
        return


def _read_puts(event: Event) -> None:
    puts = list(iter_puts(event.buffer, event.start, event.end))
    for put in puts:
        if put[4] != crc32c(event.buffer[put[7] : put[8]]):
            return
    for put in puts:
        _read_put(event.buffer, put)


def _read_put(buffer: bytes, put: PutTuple) -> None:
    flags, compression, _, _, _, schema, options_start, start, end, message_end, at = put
    data = buffer[start:end]
    if not flags & FLAG_MESSAGE_PROPERTIES and not compression and data[0] == _ODD_OCTET:
        raise PlantedError("crc")
    if options_start - at > _HEADER_BYTES and schema:
        raise PlantedError("words")
    options = decode_options(buffer, options_start, start)
    if len(options.message_group_id or "") > _GROUP_ID_CHARS:
        raise PlantedError("group id")
    if options.message_group_id and message_end - end == 4:
        raise PlantedError("padding")
    if options.unknown and options.sub_queue_infos:
        raise PlantedError("unknown option")
    is_new_style = wire_is_new_style(schema)
    if compression == Compression.ZLIB and not is_new_style:
        data = decompress(data, _INFLATED_BYTES_MAX)
        if len(data) < 4:
            raise PlantedError("zlib")
    if flags & FLAG_MESSAGE_PROPERTIES:
        for item in decode_properties(data, new_style=is_new_style).values():
            if item.type == PropertyType.SHORT and len(item.name) > 8:
                raise PlantedError("property")


def _read_confirms(event: Event) -> None:
    confirms = list(iter_confirms(event.buffer, event.start, event.end))
    if len(confirms) > 1 and event.end - event.start > 4 + _ITEM_BYTES * len(confirms):
        raise PlantedError("longer items")
