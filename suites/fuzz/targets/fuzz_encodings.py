"""What a control message says in one of BER and JSON, the other encoding carries unchanged.

The first byte of an input says which message is expected (modulo 4, as in `fuzz_control_ber`) and,
by its highest bit, in which encoding the rest is: BER, or with the bit JSON. What decodes is
written in the other encoding, decoded there, and written back.

JSON cannot carry what is not UTF-8. Strings that came with such octets in BER arrive with `?` in
their place, and in nothing else is the message another one.

Accepted rejections: `WireError`, of the input only.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from reference_broker.base import WireError
from reference_broker.wire.control import Encoding, decode_message, encode_message
from suites.fuzz.oracles.bodies import MESSAGE_TYPES, check_rejection

#: Bytes in front of the payload.
PREFIX_BYTES: Final = 1
JSON_BIT: Final = 0x80


def test_one_input(data: bytes) -> None:
    """Carry the payload over to the other encoding and back.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    message_type: type[Any] = MESSAGE_TYPES[(data[0] & ~JSON_BIT) % len(MESSAGE_TYPES)]
    one, other = Encoding.BER, Encoding.JSON
    if data[0] & JSON_BIT:
        one, other = other, one
    try:
        message = decode_message(message_type, one, data[PREFIX_BYTES:])
    except WireError as error:
        check_rejection(error, len(data) - PREFIX_BYTES)
        return
    carried = encode_message(message, other)
    there = decode_message(message_type, other, carried)
    if there == message:
        back = decode_message(message_type, one, encode_message(there, one))
        assert back == message, f"{message} comes back as {back}"
        return
    assert other == Encoding.JSON, f"{message} is {there} in BER: {carried.hex()}"
    expected = _told(message)
    assert there == expected, f"{message} is {there} in JSON: {carried!r}"


def _told(value: Any) -> Any:
    """Return a message with `?` for each octet that is not UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, tuple):
        return tuple(_told(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: _told(getattr(value, field.name)) for field in fields(value)}
        return replace(value, **told)
    return value
