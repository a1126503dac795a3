"""Message properties: the area in front of the payload.

::

    AREA = AreaHeader | PropertyHeader x N | name 1 | value 1 | name 2 | ... | word padding

    AreaHeader       | 31 30 | 29 .. 27 | 26 .. 24 | 23 ............. 0 |
                     | 0 0   | PHS2X 3  | HS2X 3   | words of the area  |   padding included
                     | 0 (8 bits)       | N, 1 to 255 (8 bits)          |

    PropertyHeader   | 31 | 30 .. 26 | 25 .......................... 0 |
                     | 0  | type     | number                          |
                     | 15 .. 12 | 11 ....... 0 |
                     | 0        | name length  |

PHS2X and HS2X are the sizes of the two headers in units of 2 bytes: a longer header is stepped
over, a shorter one refused. The number is

- old style: the length of the value;
- new style: the offset of the name from the start of the first name, so the first is 0 and a value
  ends where the next name starts, the last one at the padding.

The schema id in the message's header tells the styles apart: 0 is old, anything else new. Bit 0
of it says that the id (the other 15 bits) is defined anew by this message; since the headers are
always complete, a reader need not look at ids at all.

Rules enforced here, for readers: all sizes agree with each other and with the data; 1 to 255
properties of the 7 types; names of 1 to 4095 bytes of UTF-8, each once; values of the size that
the type has, at most 67,104,745 bytes; strings are UTF-8; 1 to 4 padding bytes. Writers obey the
same rules, start every name with an ASCII letter or digit, and sort by the names' bytes. As in the
peer, a BOOL whose byte is not 1 reads as false.

Peer: bmqp_protocol.h MessagePropertiesHeader, MessagePropertyHeader; bmqp_messageproperties,
bmqp_protocolutil convertToOld.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

from reference_broker.base import WireError, limits
from reference_broker.wire.padding import PADDING, WORD, padded_size

#: Wire schema ids that need no schema: old style, and new style without an id.
SCHEMA_OLD_STYLE: Final = 0
SCHEMA_NEW_STYLE: Final = 1

_AREA_HEADER: Final = struct.Struct(">IBB")
_PROPERTY_HEADER: Final = struct.Struct(">IH")
_NUMBER: Final = struct.Struct(">I")
_HEADER_SIZES: Final = 3 << 27 | 3 << 24
_AREA_WORDS_MAX: Final = 0xFF_FFFF
_NUMBER_MASK: Final = 0x3FF_FFFF
_NAME_LENGTH_MASK: Final = 0xFFF
# The peer keeps one word free for the padding.
_UNPADDED_BYTES_MAX: Final = (_AREA_WORDS_MAX - 1) * WORD

assert _NAME_LENGTH_MASK == limits.PROPERTY_NAME_BYTES_MAX
assert limits.PROPERTY_VALUE_BYTES_MAX < _UNPADDED_BYTES_MAX <= _NUMBER_MASK


class PropertyType(IntEnum):
    """The types of values, with their numbers on the wire."""

    BOOL = 1
    CHAR = 2
    SHORT = 3
    INT32 = 4
    INT64 = 5
    STRING = 6
    BINARY = 7


#: BOOL is a bool, CHAR is one byte, SHORT, INT32 and INT64 are ints, STRING and BINARY what they say.
PropertyValue: TypeAlias = bool | int | str | bytes


class Property(NamedTuple):
    """One property, for those who want another type than the one that its value suggests.

    Attributes:
        name: 1 to 4095 bytes in UTF-8, the first of them an ASCII letter or digit.
        type: the type on the wire.
        value: of the Python type that goes with `type`: see `PropertyValue`.
    """

    name: str
    type: PropertyType
    value: PropertyValue


#: `{"n": 7, "s": "x", "b": b"\\0"}`, whose types become INT64, STRING and BINARY (a bool BOOL), or
#: explicit properties, or both in one mapping.
PropertiesLike: TypeAlias = Mapping[str, PropertyValue | Property] | Sequence[Property]

_TYPES: Final = (None, *PropertyType)
_INTEGERS: Final = {
    PropertyType.SHORT: struct.Struct(">h"),
    PropertyType.INT32: struct.Struct(">i"),
    PropertyType.INT64: struct.Struct(">q"),
}
_SIZES: Final = {
    PropertyType.BOOL: 1,
    PropertyType.CHAR: 1,
    **{property_type: packer.size for property_type, packer in _INTEGERS.items()},
}
# In this order, because a bool is an int.
_INFERRED: Final = (
    (bool, PropertyType.BOOL),
    (int, PropertyType.INT64),
    (str, PropertyType.STRING),
    (bytes, PropertyType.BINARY),
)
#: Type number, start of the name, end of the name and start of the value, end of the value.
_Span: TypeAlias = tuple[int, int, int, int]


def wire_is_new_style(schema_wire: int) -> bool:
    """Tell whether the schema id of a PUT or PUSH header announces new style [PROP-1]."""
    return schema_wire != SCHEMA_OLD_STYLE


def encode_properties(properties: PropertiesLike, *, new_style: bool) -> bytes:
    """Return the whole area: headers, names, values and padding; empty for no properties.

    Raises:
        TypeError: a value is not of its type.
        ValueError: a name or value breaks a rule of this module, or there are too many.
    """
    ordered = sorted(_explicit(properties), key=lambda item: item.name)  # as the bytes would sort
    if not ordered:
        return b""
    if len(ordered) > limits.PROPERTIES_MAX:
        raise ValueError(f"{len(ordered)} properties are more than {limits.PROPERTIES_MAX}")
    for first, second in pairwise(ordered):
        if first.name == second.name:
            raise ValueError(f"two properties are named {first.name!r}")
    pairs = [(_encode_name(item.name), _encode_value(item)) for item in ordered]
    size = _AREA_HEADER.size + _PROPERTY_HEADER.size * len(pairs)
    size += sum(len(name) + len(value) for name, value in pairs)
    if size > _UNPADDED_BYTES_MAX:
        raise ValueError(f"properties of {size} bytes are more than {_UNPADDED_BYTES_MAX}")
    words = padded_size(size) // WORD
    chunks = [_AREA_HEADER.pack(_HEADER_SIZES | words, 0, len(pairs))]
    offset = 0
    for item, (name, value) in zip(ordered, pairs, strict=True):
        number = offset if new_style else len(value)
        chunks.append(_PROPERTY_HEADER.pack(item.type << 26 | number, len(name)))
        offset += len(name) + len(value)
    for pair in pairs:
        chunks += pair
    chunks.append(PADDING[size % WORD])
    return b"".join(chunks)


def _explicit(properties: PropertiesLike) -> Sequence[Property]:
    if isinstance(properties, Mapping):
        return [_infer(name, value) for name, value in properties.items()]
    return properties


def _infer(name: str, value: PropertyValue | Property) -> Property:
    if isinstance(value, Property):
        if value.name != name:
            raise ValueError(f"property {value.name!r} is under the key {name!r}")
        return value
    for python_type, property_type in _INFERRED:
        if isinstance(value, python_type):
            return Property(name, property_type, value)
    raise TypeError(f"property {name!r} is a {type(value).__name__}, not bool, int, str or bytes")


def _encode_name(name: str) -> bytes:
    data = name.encode()
    if not 1 <= len(data) <= limits.PROPERTY_NAME_BYTES_MAX:
        rule = f"1 to {limits.PROPERTY_NAME_BYTES_MAX} bytes of UTF-8"
        raise ValueError(f"a property's name has {rule}, not {len(data)}: {name[:40]!r}")
    if not data[:1].isalnum():
        raise ValueError(f"a property's name starts with an ASCII letter or digit: {name[:40]!r}")
    return data


def _encode_value(item: Property) -> bytes:
    name, property_type, value = item
    if isinstance(value, bool):
        if property_type == PropertyType.BOOL:
            return b"\1" if value else b"\0"
    elif isinstance(value, int):
        if property_type in _INTEGERS:
            return _encode_integer(name, property_type, value)
    elif isinstance(value, str):
        if property_type == PropertyType.STRING:
            return _checked_size(name, value.encode())
    elif isinstance(value, bytes):
        if property_type == PropertyType.BINARY:
            return _checked_size(name, value)
        if property_type == PropertyType.CHAR:
            if len(value) != 1:
                raise ValueError(f"property {name!r} is a CHAR of {len(value)} bytes, not 1")
            return value
    kind = type(value).__name__
    raise TypeError(f"property {name!r} of type {property_type!r} cannot be a {kind}")


def _encode_integer(name: str, property_type: PropertyType, value: int) -> bytes:
    try:
        return _INTEGERS[property_type].pack(value)
    except struct.error:
        rule = f"a signed {8 * _SIZES[property_type]}-bit number"
        raise ValueError(f"property {name!r} is {value}, not {rule}") from None


def _checked_size(name: str, data: bytes) -> bytes:
    if len(data) > limits.PROPERTY_VALUE_BYTES_MAX:
        rule = f"more than {limits.PROPERTY_VALUE_BYTES_MAX}"
        raise ValueError(f"property {name!r} has {len(data)} bytes, {rule}")
    return data


def area_size(data: bytes, offset: int = 0) -> int:
    """Return how many bytes the area at the start of application data takes.

    Args:
        data: uncompressed application data (new style: the payload may be compressed).
        offset: where `data` starts in its event, for the offsets in errors.

    Raises:
        WireError: the header is incomplete or too short, or the area is longer than `data`.
    """
    if len(data) < _AREA_HEADER.size:
        rule = f"the header of the properties takes {_AREA_HEADER.size}"
        raise WireError("properties.header", f"{len(data)} bytes", rule, offset)
    word, _, count = _AREA_HEADER.unpack_from(data)
    header_size = word >> 24 & 7
    property_header_size = word >> 27 & 7
    if header_size < 3:
        raise WireError("properties.HS2X", header_size, "it is at least 3", offset)
    if property_header_size < 3:
        raise WireError("properties.PHS2X", property_header_size, "it is at least 3", offset)
    size = int(word & _AREA_WORDS_MAX) * WORD
    if size > len(data):
        rule = f"the application data has {len(data)} bytes"
        raise WireError("properties.areaWords", size // WORD, rule, offset)
    if count < 1:
        rule = f"there are 1 to {limits.PROPERTIES_MAX}"
        raise WireError("properties.numProperties", count, rule, offset + 5)
    headers = 2 * header_size + 2 * property_header_size * count
    if size <= headers:
        rule = f"{count} properties have {headers} bytes of headers, and padding must follow"
        raise WireError("properties.areaWords", size // WORD, rule, offset)
    return size


def decode_properties(data: bytes, *, new_style: bool, offset: int = 0) -> dict[str, Property]:
    """Return the properties by name, in the order of the wire.

    Args:
        data: an area; the payload may follow, see `area_size`.
        new_style: what `wire_is_new_style` says of the message's schema id.
        offset: where `data` starts in its event, for the offsets in errors.

    Raises:
        WireError: the area breaks a rule of this module.
    """
    decoded: dict[str, Property] = {}
    for index, span in enumerate(_spans(data, new_style=new_style, offset=offset)):
        number, name_start, name_end, value_end = span
        property_type = _TYPES[number]
        assert property_type is not None, number
        name = _decode_text(data[name_start:name_end], f"[{index}].name", offset + name_start)
        if name in decoded:
            rule = "no two properties have one name"
            raise WireError(f"properties[{index}].name", repr(name), rule, offset + name_start)
        value = _decode_value(property_type, data[name_end:value_end], index, offset + name_end)
        decoded[name] = Property(name, property_type, value)
    return decoded


def convert_to_old_style(data: bytes, offset: int = 0) -> bytes:
    """Return `data` with its new-style area in the old style, byte for byte as long [PROP-4].

    Args:
        data: an area; a payload behind it is kept as it is.
        offset: where `data` starts in its event, for the offsets in errors.

    Raises:
        WireError: the sizes in the area do not agree. Names and values are not looked at.
    """
    spans = _spans(data, new_style=True, offset=offset)
    converted = bytearray(data)
    position, step = _header_sizes(data)
    for _, _, name_end, value_end in spans:
        (word,) = _NUMBER.unpack_from(data, position)
        _NUMBER.pack_into(converted, position, word & ~_NUMBER_MASK | (value_end - name_end))
        position += step
    return bytes(converted)


def _header_sizes(data: bytes) -> tuple[int, int]:
    """Return the bytes of the area's header and of each property's header."""
    return (data[0] & 7) * 2, (data[0] >> 3 & 7) * 2


def _spans(data: bytes, *, new_style: bool, offset: int) -> list[_Span]:
    """Find every name and value; all indices are inside the area when this returns."""
    size = area_size(data, offset)
    count = data[5]
    header_size, step = _header_sizes(data)
    first = header_size + count * step
    padding = data[size - 1]
    end = size - padding
    if not (1 <= padding <= WORD and first <= end):
        rule = f"there are 1 to {WORD} bytes of it, behind the headers"
        raise WireError("properties.padding", padding, rule, offset + size - 1)
    unpack = _PROPERTY_HEADER.unpack_from
    headers = [unpack(data, header_size + index * step) for index in range(count)]
    numbers = [word & _NUMBER_MASK for word, _ in headers]
    if new_style and numbers[0]:
        rule = "the first name is at offset 0"
        raise WireError("properties[0].offset", numbers[0], rule, offset + header_size)
    spans: list[_Span] = []
    position = first
    for index, (word, name_length) in enumerate(headers):
        number = word >> 26 & 31
        name_end = position + (name_length & _NAME_LENGTH_MASK)
        if not new_style:
            value_end = name_end + numbers[index]
        else:
            value_end = first + numbers[index + 1] if index + 1 < count else end
        if not (1 <= number <= 7 and position < name_end <= value_end <= end) or (
            value_end - name_end > limits.PROPERTY_VALUE_BYTES_MAX
        ):
            at = offset + header_size + index * step
            raise _bad_header(index, number, (position, name_end, value_end), end, at)
        spans.append((number, position, name_end, value_end))
        position = value_end
    if position != end:
        rule = f"the properties end {end - position} bytes before the padding"
        raise WireError("properties.areaWords", size // WORD, rule, offset)
    return spans


def _bad_header(
    index: int, number: int, bounds: tuple[int, int, int], end: int, offset: int
) -> WireError:
    """Return the error for the property header at `offset`, which breaks one of several rules."""
    name_start, name_end, value_end = bounds
    field = f"properties[{index}]"
    if not 1 <= number <= 7:
        return WireError(f"{field}.type", number, "types go from 1 to 7", offset)
    if name_start == name_end:
        rule = f"a name has 1 to {limits.PROPERTY_NAME_BYTES_MAX} bytes"
        return WireError(f"{field}.nameLength", 0, rule, offset + 4)
    if name_end > end:
        rule = f"{end - name_start} bytes are left in the area"
        return WireError(f"{field}.nameLength", name_end - name_start, rule, offset + 4)
    most = min(end - name_end, limits.PROPERTY_VALUE_BYTES_MAX)
    rule = f"it is 0 to {most} here"
    return WireError(f"{field}.valueLength", value_end - name_end, rule, offset)


def _decode_text(data: bytes, field: str, offset: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        where = offset + error.start
        shown = data[error.start : error.start + 4].hex()
        raise WireError(f"properties{field}", f"0x{shown}...", "it is UTF-8", where) from None


def _decode_value(
    property_type: PropertyType, data: bytes, index: int, offset: int
) -> PropertyValue:
    if property_type == PropertyType.STRING:
        return _decode_text(data, f"[{index}].value", offset)
    if property_type == PropertyType.BINARY:
        return data
    size = _SIZES[property_type]
    if len(data) != size:
        rule = f"{property_type.name} has {size}"
        raise WireError(f"properties[{index}].value", f"{len(data)} bytes", rule, offset)
    if property_type == PropertyType.BOOL:
        return data == b"\1"
    if property_type == PropertyType.CHAR:
        return data
    value: int
    (value,) = _INTEGERS[property_type].unpack(data)
    return value
