"""Every decoder of an event's body, with what must hold for whatever it is shown.

`check_event` decodes the body of one event with everything that reads such a body and returns
quietly if all is well. For any bytes:

- the only rejection is `WireError`, and its offset lies inside the area that was decoded;
- indices that a decoder gives out are in order and inside the event, and successive messages
  neither overlap nor leave gaps;
- what comes out is bounded by what went in: messages, options and properties by the bytes that
  they need at least, decompression by the limit that was given;
- what was decoded can be encoded, and decodes to the same again;
- new-style properties say the same after their conversion to the old style.

Anything else is a defect and raises: `AssertionError` for a broken statement, or whatever it was
that the decoder did not expect.

The statements are shared by the targets that reach bodies: event reader and whole broker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from reference_broker.base import WireError
from reference_broker.base.limits import KIB
from reference_broker.wire import (
    ACK_MESSAGE_SIZE,
    EVENT_HEADER_SIZE,
    FLAG_MESSAGE_PROPERTIES,
    Compression,
    Event,
    EventType,
    crc32c,
    decompress,
    iter_acks,
    iter_confirms,
    iter_puts,
)
from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    ElectorMessage,
    Encoding,
    NegotiationMessage,
    decode_message,
    encode_message,
)
from reference_broker.wire.options import decode_options
from reference_broker.wire.properties import (
    Property,
    area_size,
    convert_to_old_style,
    decode_properties,
    encode_properties,
    wire_is_new_style,
)
from reference_broker.wire.push import iter_pushes

T = TypeVar("T")
M = TypeVar("M")

#: What a control event can hold; which of them it is, the session or the event's type says.
MESSAGE_TYPES: Final = (
    ControlMessage,
    NegotiationMessage,
    AuthenticationMessage,
    ElectorMessage,
)
#: What one message may inflate to here; far below the product's limit, to keep executions short.
INFLATED_BYTES_MAX: Final = 64 * KIB
#: What may be written of a message: the defaults of all that the smallest one leaves out, and for
#: each byte that was read those of an element of an array.
WRITTEN_BYTES_MIN: Final = 1024
WRITTEN_FACTOR_MAX: Final = 64

_OLD_PUT_BYTES: Final = 32
_OLD_PUSH_BYTES: Final = 28
_GUID_BYTES: Final = 16
_WORD: Final = 4
_PROPERTY_BYTES_MIN: Final = 7  # a header of 6 and a name of 1


def check_event(event: Event) -> None:
    """Decode the body of an event with everything that reads such a body.

    Raises:
        AssertionError: a statement of this module does not hold.
        Exception: anything but `WireError` that a decoder raises is a defect.
    """
    check = _CHECKS.get(event.type)
    if check is not None:
        check(event)


def check_rejection(error: WireError, size: int) -> None:
    """Check that a rejection points into the `size` bytes that were decoded."""
    assert 0 <= error.offset <= size, f"offset {error.offset} is outside of {size} bytes: {error}"


def _check_control(event: Event) -> None:
    # Only the state of a session tells which of the two is meant.
    if check_message(ControlMessage, event.encoding, event.body) is None:
        check_message(NegotiationMessage, event.encoding, event.body)


def _check_authentication(event: Event) -> None:
    check_message(AuthenticationMessage, event.encoding, event.body)


def _check_elector(event: Event) -> None:
    check_message(ElectorMessage, event.encoding, event.body)


def check_message(message_type: type[M], encoding: int, body: bytes) -> M | None:
    """Decode a body as one kind of message; returns the message, or None if it is none."""
    try:
        message = decode_message(message_type, encoding, body, EVENT_HEADER_SIZE)
    except WireError as error:
        check_rejection(error, EVENT_HEADER_SIZE + len(body))
        return None
    written = encode_message(message, Encoding(encoding))
    if body.startswith(written):
        return message  # what we would write; behind it only padding was passed over
    bound = WRITTEN_BYTES_MIN + WRITTEN_FACTOR_MAX * len(body)
    assert len(written) <= bound, f"{len(body)} bytes became a message of {len(written)}"
    again = decode_message(message_type, encoding, written)
    assert again == message, f"{message} is written as {written.hex()} and reads {again}"
    return message


def _taken(read: Callable[[bytes, int, int], Iterable[T]], event: Event) -> tuple[list[T], bool]:
    """Return the messages in a body up to a rejection, and whether there was none.

    Only `read` itself may reject; what is done with the messages is checked outside.
    """
    taken: list[T] = []
    try:
        taken += read(event.buffer, event.start, event.end)
    except WireError as error:
        check_rejection(error, event.end - event.start)
        return taken, False
    return taken, True


def _check_puts(event: Event) -> None:
    buffer, start, end = event.buffer, event.start, event.end
    position = start
    puts, is_whole = _taken(iter_puts, event)
    for put in puts:
        flags, compression, _, guid, _, schema, options, data, data_end, message_end, at = put
        assert at == position, f"a message starts at {at}, not at {position}"
        in_order = at + _OLD_PUT_BYTES <= options <= data < data_end < message_end <= end
        assert in_order, f"indices out of order in a body of {start} to {end}: {put}"
        assert len(guid) == _GUID_BYTES, put
        crc32c(memoryview(buffer)[data:data_end])
        check_options(buffer, options, data)
        has_properties = bool(flags & FLAG_MESSAGE_PROPERTIES)
        check_data(buffer[data:data_end], compression, schema, has_properties=has_properties)
        position = message_end
    assert position == end or not is_whole, f"the messages end at {position}, the body at {end}"


def _check_pushes(event: Event) -> None:
    buffer, start, end = event.buffer, event.start, event.end
    position = start
    pushes, is_whole = _taken(iter_pushes, event)
    for push in pushes:
        flags, compression, _, guid, schema, options, data, data_end, message_end = push
        in_order = position + _OLD_PUSH_BYTES <= options <= data <= data_end <= message_end <= end
        assert in_order, f"indices out of order in a body of {start} to {end}: {push}"
        assert len(guid) == _GUID_BYTES, push
        check_options(buffer, options, data)
        has_properties = bool(flags & FLAG_MESSAGE_PROPERTIES)
        check_data(buffer[data:data_end], compression, schema, has_properties=has_properties)
        position = message_end
    assert position == end or not is_whole, f"the messages end at {position}, the body at {end}"


def _check_acks(event: Event) -> None:
    _check_count(len(_taken(iter_acks, event)[0]), event)


def _check_confirms(event: Event) -> None:
    _check_count(len(_taken(iter_confirms, event)[0]), event)


def _check_count(count: int, event: Event) -> None:
    size = event.end - event.start
    assert count * ACK_MESSAGE_SIZE <= size, f"{count} messages in {size} bytes"


def check_options(buffer: bytes, start: int, end: int) -> None:
    """Decode the options area of a message."""
    try:
        options = decode_options(buffer, start, end)
    except WireError as error:
        check_rejection(error, end - start)
        return
    least = len(options.sub_queue_infos) + options.unknown + (options.message_group_id is not None)
    assert least * _WORD <= end - start, f"{options} in {end - start} bytes"


def check_data(data: bytes, compression: int, schema: int, *, has_properties: bool) -> None:
    """Decode application data as a consumer would: decompress it, then read its properties.

    Args:
        data: without padding.
        compression: the CAT field.
        schema: the wire schema id.
        has_properties: the flag of the message's header.
    """
    is_new_style = wire_is_new_style(schema)
    if compression == Compression.ZLIB and not (has_properties and is_new_style):
        plain = _inflated(data)
        if plain is None:
            return
        data = plain
    if not has_properties:
        return
    properties = check_area(data, is_new_style=is_new_style)
    if properties is not None and is_new_style and compression == Compression.ZLIB:
        _inflated(data[area_size(data) :])


def check_area(data: bytes, *, is_new_style: bool) -> Mapping[str, Property] | None:
    """Decode the properties in front of a payload; returns them, or None if they are refused."""
    try:
        properties = decode_properties(data, new_style=is_new_style)
    except WireError as error:
        check_rejection(error, len(data))
        return None
    _check_properties(data, properties)
    if is_new_style:
        old = convert_to_old_style(data)
        assert len(old) == len(data), f"{len(data)} bytes became {len(old)}"
        size = area_size(data)
        assert old[size:] == data[size:], f"the payload of {data.hex()} became {old[size:].hex()}"
        assert decode_properties(old, new_style=False) == properties, data.hex()
    return properties


def _inflated(data: bytes) -> bytes | None:
    try:
        plain = decompress(data, INFLATED_BYTES_MAX)
    except WireError as error:
        check_rejection(error, len(data))
        return None
    assert len(plain) <= INFLATED_BYTES_MAX, f"inflated to {len(plain)} bytes"
    return plain


def _check_properties(data: bytes, properties: Mapping[str, Property]) -> None:
    assert 0 < len(properties) * _PROPERTY_BYTES_MIN < len(data), properties
    # Readers accept names that writers refuse.
    if all(name[:1].isascii() and name[:1].isalnum() for name in properties):
        for is_new_style in (False, True):
            written = encode_properties(properties, new_style=is_new_style)
            again = decode_properties(written, new_style=is_new_style)
            assert again == properties, f"{properties} are written as {written.hex()}"


_CHECKS: Final[Mapping[int, Callable[[Event], None]]] = {
    EventType.CONTROL: _check_control,
    EventType.PUT: _check_puts,
    EventType.CONFIRM: _check_confirms,
    EventType.PUSH: _check_pushes,
    EventType.ACK: _check_acks,
    EventType.ELECTOR: _check_elector,
    EventType.REJECT: _check_confirms,
    EventType.AUTHENTICATION: _check_authentication,
}
