"""Bytes of a connection in words: any bytes will do, for cases send the most curious ones.

Fields have the names that they have in the protocol's description, and header fields are told
even where they make no sense, since that is when people want to see them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from reference_broker.base import WireError, format_guid
from reference_broker.wire import (
    EVENT_HEADER_SIZE,
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    AckStatus,
    Compression,
    Event,
    EventType,
    iter_acks,
    iter_confirms,
    iter_puts,
)
from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    Encoding,
    NegotiationMessage,
    decode_message,
    encode_message,
)
from reference_broker.wire.options import decode_options
from reference_broker.wire.properties import area_size, decode_properties, wire_is_new_style
from reference_broker.wire.push import (
    FLAG_IMPLICIT_PAYLOAD,
    FLAG_OUT_OF_ORDER,
    iter_pushes,
)
from suites.harness.report import Direction, TalkEntry

_HEX_BYTES_MAX: Final = 96
_MESSAGES_MAX: Final = 8
_PAYLOAD_BYTES_MAX: Final = 48
_TEXT_CHARS_MAX: Final = 2_000
#: Length with the fragment bit, version and type, words, type-specific, reserved.
_HEADER: Final = struct.Struct(">IBBBB")
_FRAGMENT: Final = 0x8000_0000
_VERSION: Final = 1
_PUT_FLAGS: Final = {FLAG_ACK_REQUESTED: "ACK_REQUESTED", FLAG_MESSAGE_PROPERTIES: "PROPERTIES"}
_PUSH_FLAGS: Final = {
    FLAG_IMPLICIT_PAYLOAD: "IMPLICIT_PAYLOAD",
    FLAG_MESSAGE_PROPERTIES: "PROPERTIES",
    FLAG_OUT_OF_ORDER: "OUT_OF_ORDER",
}

Fields = Mapping[str, str]


def decode_bytes(data: bytes, size: int, at_ms: float, direction: Direction) -> Iterator[TalkEntry]:
    """Yield an entry per event in bytes that went over at once, and one for what is no event.

    Args:
        data: the first of the bytes.
        size: how many there were.
        at_ms: when.
        direction: which way.
    """
    position = 0
    while len(data) - position >= EVENT_HEADER_SIZE:
        header = _header(data, position)
        if problem := _header_problem(header, size - position):
            yield TalkEntry(
                at_ms=at_ms,
                direction=direction,
                name=_type_name(int(header["type"])),
                size=size - position,
                header=header,
                problem=problem,
                hex=_hex(data[position:]),
            )
            return
        length = int(header["length"])
        yield _event(data[position : position + length], length, at_ms, direction, header)
        position += length
    if position < size:
        yield TalkEntry(
            at_ms=at_ms,
            direction=direction,
            name="bytes",
            size=size - position,
            hex=_hex(data[position:]),
        )


def _header(data: bytes, position: int) -> dict[str, str]:
    word, version_and_type, words, specific, reserved = _HEADER.unpack_from(data, position)
    fields = {
        "fragment": word >> 31,
        "length": word & ~_FRAGMENT,
        "protocolVersion": version_and_type >> 6,
        "type": version_and_type & 0x3F,
        "headerWords": words,
        "typeSpecific": specific,
        "reserved": reserved,
    }
    return {name: str(value) for name, value in fields.items()}


def _header_problem(header: Fields, left: int) -> str:
    """Return why the bytes behind a header cannot be told as an event; empty if they can."""
    length, words = int(header["length"]), int(header["headerWords"])
    if header["fragment"] != "0":
        return "the fragment bit is set"
    if header["protocolVersion"] != str(_VERSION):
        return f"protocolVersion is {header['protocolVersion']}"
    if not _is_type(int(header["type"])):
        return f"no type has the number {header['type']}"
    if not EVENT_HEADER_SIZE <= words * 4 <= length:
        return f"headerWords is {words} in an event of {length} bytes"
    if length > left:
        return f"length is {length}, and {left} bytes went over at once"
    return ""


def _is_type(number: int) -> bool:
    return any(number == known for known in EventType)


def _type_name(number: int) -> str:
    return EventType(number).name if _is_type(number) else f"type {number}"


def _event(
    data: bytes, length: int, at_ms: float, direction: Direction, header: Fields
) -> TalkEntry:
    """Tell one event; `data` holds its first bytes, mostly all."""
    number, words = int(header["type"]), int(header["headerWords"])
    event = Event(number, int(header["typeSpecific"]), data, words * 4, len(data))
    listed: list[Fields] = []
    problem = ""
    left_out = 0
    try:
        messages = _BODIES.get(number, _nothing)(event)
        listed += islice(messages, _MESSAGES_MAX)
        left_out = sum(1 for _ in messages)
    except WireError as error:
        problem = " ".join(str(error).split())[:_TEXT_CHARS_MAX]
    if len(data) < length:
        problem = f"only the first {len(data)} of {length} bytes were kept"
    return TalkEntry(
        at_ms=at_ms,
        direction=direction,
        name=_type_name(number),
        size=length,
        header=header,
        messages=tuple(listed),
        left_out=left_out,
        problem=problem,
        hex=_hex(data),
    )


def _hex(data: bytes) -> str:
    return data[:_HEX_BYTES_MAX].hex()


def _nothing(event: Event) -> Iterator[Fields]:
    if event.end > event.start:
        yield {"body": f"{event.end - event.start} bytes"}


def _control(event: Event) -> Iterator[Fields]:
    try:
        message: object = decode_message(ControlMessage, event.encoding, event.body)
        is_control = isinstance(message, ControlMessage) and message.choice is not None
    except WireError:
        is_control, message = False, None
    if not is_control:
        message = decode_message(NegotiationMessage, event.encoding, event.body)
    yield _schema_fields(event, message)


def _authentication(event: Event) -> Iterator[Fields]:
    yield _schema_fields(event, decode_message(AuthenticationMessage, event.encoding, event.body))


def _schema_fields(event: Event, message: Any) -> Fields:
    """Tell a message of the schema: in its JSON form, whatever it was encoded in."""
    fields = {"encoding": Encoding(event.encoding).name}
    if (r_id := getattr(message, "r_id", None)) is not None:
        fields["rId"] = str(r_id)
    if message.choice is None:
        return fields | {"message": "none"}
    # The codec escapes slashes, as the peer does; nobody wants to read that in every URI.
    text = encode_message(message, Encoding.JSON).decode(errors="replace").replace("\\/", "/")
    return fields | {"message": text[:_TEXT_CHARS_MAX]}


def _puts(event: Event) -> Iterator[Fields]:
    buffer = event.buffer
    for message in iter_puts(buffer, event.start, event.end):
        flags, compression, queue_id, guid, crc, schema, options, start, end, _, _ = message
        yield (
            {
                "queueId": str(queue_id),
                "guid": format_guid(guid),
                "flags": _flags(flags, _PUT_FLAGS),
            }
            | {"compression": _compression(compression), "schemaId": str(schema)}
            | {"crc32c": f"{crc:08x}"}
            | _options(buffer, options, start)
            | _data(buffer[start:end], flags, compression, schema)
        )


def _pushes(event: Event) -> Iterator[Fields]:
    buffer = event.buffer
    for message in iter_pushes(buffer, event.start, event.end):
        flags, compression, queue_id, guid, schema, options, start, end, _ = message
        yield (
            {
                "queueId": str(queue_id),
                "guid": format_guid(guid),
                "flags": _flags(flags, _PUSH_FLAGS),
            }
            | {"compression": _compression(compression), "schemaId": str(schema)}
            | _options(buffer, options, start)
            | _data(buffer[start:end], flags, compression, schema)
        )


def _flags(flags: int, names: Mapping[int, str]) -> str:
    found = [names.get(1 << bit, f"bit {bit}") for bit in range(4) if flags >> bit & 1]
    return f"{flags} ({'|'.join(found)})" if found else "0"


def _compression(number: int) -> str:
    known = {int(value): value.name for value in Compression}
    return f"{number} ({known[number]})" if number in known else str(number)


def _options(buffer: bytes, start: int, end: int) -> dict[str, str]:
    if start == end:
        return {}
    try:
        options = decode_options(buffer, start, end)
    except WireError as error:
        return {"options": f"{buffer[start:end][:_PAYLOAD_BYTES_MAX].hex()} ({error})"}
    fields: dict[str, str] = {}
    if options.sub_queue_infos:
        fields["subQueueInfos"] = ", ".join(
            f"{info.id} (rda {info.rda})" for info in options.sub_queue_infos[:_MESSAGES_MAX]
        )
    if options.message_group_id is not None:
        fields["messageGroupId"] = repr(options.message_group_id)
    if options.unknown:
        fields["unknownOptions"] = str(options.unknown)
    return fields


def _data(data: bytes, flags: int, compression: int, schema: int) -> dict[str, str]:
    """Tell application data: properties if they can be read, then the payload."""
    fields: dict[str, str] = {}
    if flags & FLAG_MESSAGE_PROPERTIES and compression == Compression.NONE:
        try:
            found = decode_properties(data, new_style=wire_is_new_style(schema))
            listed = ", ".join(f"{name}={item.value!r}" for name, item in found.items())
            fields["properties"] = listed[:_TEXT_CHARS_MAX] or "none"
            data = data[area_size(data) :]
        except WireError as error:
            fields["properties"] = f"malformed: {error}"
    more = "..." if len(data) > _PAYLOAD_BYTES_MAX else ""
    return fields | {
        "payload": f"{len(data)} bytes: {data[:_PAYLOAD_BYTES_MAX]!r}{more}" if data else "0 bytes"
    }


def _acks(event: Event) -> Iterator[Fields]:
    known = {int(value): value.name for value in AckStatus}
    for status, correlation, guid, queue_id in iter_acks(event.buffer, event.start, event.end):
        yield {
            "queueId": str(queue_id),
            "guid": format_guid(guid),
            "status": f"{status} ({known.get(status, 'UNKNOWN')})",
            "correlationId": str(correlation),
        }


def _confirms(event: Event) -> Iterator[Fields]:
    for queue_id, guid, sub_id in iter_confirms(event.buffer, event.start, event.end):
        yield {
            "queueId": str(queue_id),
            "guid": format_guid(guid),
            "subQueueId": str(sub_id),
        }


_BODIES: Final[dict[int, Callable[[Event], Iterator[Fields]]]] = {
    EventType.CONTROL: _control,
    EventType.AUTHENTICATION: _authentication,
    EventType.PUT: _puts,
    EventType.PUSH: _pushes,
    EventType.ACK: _acks,
    EventType.CONFIRM: _confirms,
    EventType.REJECT: _confirms,
}
