"""Message properties as a subscription expression sees them [PROP-8].

The area is read when the first property is asked for: its headers whole, of the values only those
that are wanted. Like the peer, this reader does not ask whether names and strings are UTF-8; all
other rules are those of `properties`, and an area that breaks one has no properties at all.

Peer: bmqp_messageproperties getPropertyRef; mqbblp_routers MessagePropertiesReader.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from reference_broker.base import WireError
from reference_broker.expr import BINARY, Lookup, Value
from reference_broker.wire.compression import Compression
from reference_broker.wire.properties import PropertyType, _spans, wire_is_new_style
from reference_broker.wire.put import FLAG_MESSAGE_PROPERTIES

#: Type number, start and end of the value.
_ValueSpan: TypeAlias = tuple[int, int, int]

_BOOL: Final = int(PropertyType.BOOL)
_STRING: Final = int(PropertyType.STRING)
_BINARY: Final = int(PropertyType.BINARY)
# Bytes of a value by its type number, for the types from BOOL to INT64.
_SIZES: Final = (0, 1, 1, 2, 4, 8)


def property_lookup(data: bytes, flags: int, schema: int, compression: int) -> Lookup:
    """Return the function from a property's name to its value in one message.

    A CHAR is a signed number, as on the machines that the peer runs on. Names are ASCII, as the
    names in expressions are.

    Args:
        data: the message's application data. Properties of the old style are inside what is
            compressed, so such a message has to be decompressed first; as long as it is not, it
            has no properties here.
        flags: of the PUT or PUSH header; they have MESSAGE_PROPERTIES in common.
        schema: the wire schema id.
        compression: the CAT field.
    """
    new_style = wire_is_new_style(schema)
    is_readable = new_style or compression == Compression.NONE
    if not (flags & FLAG_MESSAGE_PROPERTIES and is_readable):
        return _absent
    spans: dict[str, _ValueSpan] | None = None

    def lookup(name: str) -> Value:
        nonlocal spans
        if spans is None:
            spans = _value_spans(data, new_style=new_style)
        span = spans.get(name)
        return None if span is None else _value(data, span)

    return lookup


def _absent(_: str) -> Value:
    return None


def _value(data: bytes, span: _ValueSpan) -> Value:
    number, start, end = span
    if number == _STRING:
        return data[start:end]
    if number == _BINARY:
        return BINARY
    if number == _BOOL:
        return data[start] == 1
    return int.from_bytes(data[start:end], "big", signed=True)


def _value_spans(data: bytes, *, new_style: bool) -> dict[str, _ValueSpan]:
    """Return where the values are, by name; nothing at all if the area breaks a rule."""
    try:
        spans = _spans(data, new_style=new_style, offset=0)
    except WireError:
        return {}
    by_name: dict[str, _ValueSpan] = {}
    for number, name_start, name_end, value_end in spans:
        if number < _STRING and value_end - name_end != _SIZES[number]:
            return {}
        # Every byte is a character of this encoding, and ASCII names are themselves.
        name = data[name_start:name_end].decode("latin-1")
        by_name[name] = (number, name_end, value_end)
    return by_name if len(by_name) == len(spans) else {}
