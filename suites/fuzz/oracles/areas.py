"""What must hold for an area of message properties, in either style, beside what `bodies` says.

- what follows the area does not matter, and how far it reaches is told beforehand;
- an offset that is given counts into the offset of a rejection, and into nothing else;
- an expression sees exactly the properties that were decoded, each with its value;
- an area that has no sizes that fit has no properties for an expression either.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import WireError
from reference_broker.expr import BINARY, Value
from reference_broker.wire import FLAG_MESSAGE_PROPERTIES, Compression
from reference_broker.wire.properties import (
    SCHEMA_NEW_STYLE,
    SCHEMA_OLD_STYLE,
    Property,
    PropertyType,
    area_size,
    decode_properties,
)
from reference_broker.wire.property_lookup import property_lookup
from suites.fuzz.oracles.bodies import check_area, check_rejection

#: Where an area is said to begin.
_OFFSET: Final = 40


def check_properties(data: bytes, *, is_new_style: bool) -> bool:
    """Read the area at the beginning of application data in every way; tell whether it is one.

    Raises:
        AssertionError: a statement above does not hold.
        Exception: anything but `WireError` that a decoder raises is a defect.
    """
    properties = check_area(data, is_new_style=is_new_style)
    schema = SCHEMA_NEW_STYLE if is_new_style else SCHEMA_OLD_STYLE
    lookup = property_lookup(data, FLAG_MESSAGE_PROPERTIES, schema, Compression.NONE)
    if properties is None:
        _check_refused(data, is_new_style=is_new_style)
        return False
    size = area_size(data)
    assert 0 < size <= len(data), f"an area of {size} in {len(data)} bytes"
    alone = decode_properties(data[:size], new_style=is_new_style, offset=_OFFSET)
    assert alone == properties, f"{properties}, and without a payload {alone}"
    for name, item in properties.items():
        if name.isascii():  # as the names in expressions are
            value = lookup(name)
            assert _is_same(value, _seen(item)), f"{item} is {value!r} for an expression"
    assert lookup("no such property, and no name") is None
    return True


def _check_refused(data: bytes, *, is_new_style: bool) -> None:
    """Check that an area that is refused is so wherever it begins, and says where."""
    try:
        found = decode_properties(data, new_style=is_new_style, offset=_OFFSET)
    except WireError as error:
        check_rejection(error, _OFFSET + len(data))
        _check_offset(error)
    else:
        raise AssertionError(f"{found} at byte {_OFFSET}, but nothing at byte 0")


def _check_offset(error: WireError) -> None:
    assert error.offset >= _OFFSET, f"the area begins at byte {_OFFSET}: {error}"


def _seen(item: Property) -> Value:
    """Return a property's value as an expression has to see it."""
    value = item.value
    if item.type == PropertyType.BINARY:
        return BINARY
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value[0] - 256 if value[0] > 127 else value[0]
    return value


def _is_same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other
