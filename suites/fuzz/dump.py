"""An annotated dump of an input: which event is where, what its body says, where reading ends.

::

    000000  event 1: PUT, 44 bytes
            000000  00 00 00 2c 42 02 00 00 10 00 00 09 00 00 00 09  |...,B...........|
            PUT[0]: queue id 0, GUID 40000100..., flags 1, 3 bytes of data
    00002c  refused: eventHeader.type is 63 but types go from 1 to 15 (at byte 4)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from reference_broker.base import WireError
from reference_broker.base.limits import EVENT_BYTES_MAX
from reference_broker.wire import Event, EventReader, EventType, iter_acks, iter_confirms, iter_puts
from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    ElectorMessage,
    NegotiationMessage,
    decode_message,
)
from reference_broker.wire.push import iter_pushes

_ROW_BYTES: Final = 16
_ROWS_MAX: Final = 64
_LINES_PER_BODY_MAX: Final = 32
_LINE_CHARS_MAX: Final = 400
_INDENT: Final = " " * 8


def annotated(data: bytes, prefix_bytes: int = 0) -> str:
    """Return the dump of a stream of events, in lines.

    Args:
        data: the input.
        prefix_bytes: bytes in front of the stream that are no part of it.
    """
    stream = data[prefix_bytes:]
    lines = _header(0, "prefix", data[:prefix_bytes]) if prefix_bytes else []
    reader = EventReader(EVENT_BYTES_MAX)
    position = 0
    try:
        for number, event in enumerate(reader.feed(stream), start=1):
            offset = position + prefix_bytes
            title = f"event {number}: {EventType(event.type).name}, {event.end - position} bytes"
            lines += _header(offset, title, stream[position : event.end])
            lines += [f"{_INDENT}{line:.{_LINE_CHARS_MAX}}" for line in _said(event)]
            position = event.end
    except WireError as error:
        lines += _header(position + prefix_bytes, f"refused: {error}", stream[position:])
    else:
        rest = stream[position:]
        if rest:
            title = f"unfinished: {len(rest)} bytes wait for more"
            lines += _header(position + prefix_bytes, title, rest)
    return "\n".join(lines)


def plain(data: bytes) -> str:
    """Return the dump of bytes that are no stream of events."""
    return "\n".join(_rows(0, data))


def _header(offset: int, title: str, data: bytes) -> list[str]:
    return [f"{offset:06x}  {title}", *_rows(offset, data)]


def _rows(offset: int, data: bytes) -> Iterator[str]:
    for start in range(0, min(len(data), _ROWS_MAX * _ROW_BYTES), _ROW_BYTES):
        row = data[start : start + _ROW_BYTES]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"{_INDENT}{offset + start:06x}  {row.hex(' '):{3 * _ROW_BYTES - 1}}  |{text}|"
    if len(data) > _ROWS_MAX * _ROW_BYTES:
        yield f"{_INDENT}... {len(data) - _ROWS_MAX * _ROW_BYTES} bytes more"


def _said(event: Event) -> list[str]:
    """Return what the body says, up to where it is refused."""
    read = _READERS.get(event.type)
    lines: list[str] = []
    if read is None:
        return lines
    try:
        for line in read(event):
            if len(lines) == _LINES_PER_BODY_MAX:
                return [*lines, "..."]
            lines.append(line)
    except WireError as error:
        lines.append(f"refused: {error}")
    except Exception as error:  # noqa: BLE001  this may be the very crash that is looked at
        lines.append(f"crashed: {error!r}")
    return lines


def _control(event: Event) -> Iterator[str]:
    try:
        yield str(decode_message(ControlMessage, event.encoding, event.body))
    except WireError as error:
        yield f"no ControlMessage: {error}"
        yield str(decode_message(NegotiationMessage, event.encoding, event.body))


def _authentication(event: Event) -> Iterator[str]:
    yield str(decode_message(AuthenticationMessage, event.encoding, event.body))


def _elector(event: Event) -> Iterator[str]:
    yield str(decode_message(ElectorMessage, event.encoding, event.body))


def _puts(event: Event) -> Iterator[str]:
    for index, put in enumerate(iter_puts(event.buffer, event.start, event.end)):
        flags, compression, queue_id, guid, crc, schema, options, data, end, *_ = put
        yield (
            f"PUT[{index}]: queue id {queue_id}, GUID {guid.hex()}, flags {flags}, "
            f"compression {compression}, CRC {crc:08x}, schema {schema}, "
            f"{data - options} bytes of options, {end - data} bytes of data"
        )


def _pushes(event: Event) -> Iterator[str]:
    for index, push in enumerate(iter_pushes(event.buffer, event.start, event.end)):
        flags, compression, queue_id, guid, schema, options, data, end, _ = push
        yield (
            f"PUSH[{index}]: queue id {queue_id}, GUID {guid.hex()}, flags {flags}, "
            f"compression {compression}, schema {schema}, "
            f"{data - options} bytes of options, {end - data} bytes of data"
        )


def _acks(event: Event) -> Iterator[str]:
    acks = iter_acks(event.buffer, event.start, event.end)
    for index, (status, correlation, guid, queue_id) in enumerate(acks):
        yield (
            f"ACK[{index}]: status {status}, correlation id {correlation}, "
            f"GUID {guid.hex()}, queue id {queue_id}"
        )


def _confirms(event: Event) -> Iterator[str]:
    name = EventType(event.type).name
    confirms = iter_confirms(event.buffer, event.start, event.end, name)
    for index, (queue_id, guid, sub_id) in enumerate(confirms):
        yield f"{name}[{index}]: queue id {queue_id}, GUID {guid.hex()}, sub-queue id {sub_id}"


_READERS: Final[Mapping[int, Callable[[Event], Iterator[str]]]] = {
    EventType.CONTROL: _control,
    EventType.PUT: _puts,
    EventType.CONFIRM: _confirms,
    EventType.PUSH: _pushes,
    EventType.ACK: _acks,
    EventType.ELECTOR: _elector,
    EventType.REJECT: _confirms,
    EventType.AUTHENTICATION: _authentication,
}
