"""What went over one connection, kept cheaply and told in words when somebody asks.

Each line is a direction (`>` to the broker, `<` from it), what the bytes are, and the first of
them in hex. Only the beginning of a long event is kept, and only the last entries of a long talk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from reference_broker.base import WireError, format_guid
from reference_broker.wire import (
    Event,
    EventReader,
    EventType,
    iter_acks,
    iter_confirms,
    iter_puts,
)
from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    NegotiationMessage,
    decode_message,
)
from reference_broker.wire.push import iter_pushes

ENTRIES_MAX: Final = 200
#: Bytes kept of what was sent or received at once.
_KEPT_BYTES_MAX: Final = 4096
_HEX_BYTES_MAX: Final = 96
_LINE_CHARS_MAX: Final = 400
_MESSAGES_SHOWN_MAX: Final = 4
_EVENT_BYTES_MAX: Final = 2**31 - 1


class Transcript:
    """The talk of one connection.

    Args:
        name: who talks to the broker.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: deque[tuple[str, bytes, int]] = deque(maxlen=ENTRIES_MAX)
        self._dropped = 0

    def sent(self, data: bytes) -> None:
        """Note bytes sent."""
        self._keep(">", data)

    def received(self, data: bytes) -> None:
        """Note bytes received; best a whole event at a time."""
        self._keep("<", data)

    def note(self, text: str) -> None:
        """Note something else: that the connection was closed, say."""
        self._keep("-", text.encode())

    def _keep(self, direction: str, data: bytes) -> None:
        self._dropped += len(self._entries) == ENTRIES_MAX
        self._entries.append((direction, data[:_KEPT_BYTES_MAX], len(data)))

    def __str__(self) -> str:
        """Return the talk, one line per event."""
        lines = [f"{self.name}:"]
        if self._dropped:
            lines.append(f"  ... {self._dropped} earlier entries are not kept")
        for direction, data, size in self._entries:
            if direction == "-":
                lines.append(f"  - {data.decode()}")
            else:
                lines += [f"  {direction} {line}" for line in _lines(data, size)]
        return "\n".join(lines)


def _lines(data: bytes, size: int) -> Iterator[str]:
    """Yield a line per event in `data`, and one for what is no event."""
    position = 0
    if size == len(data):
        try:
            for event in EventReader(_EVENT_BYTES_MAX).feed(data):
                yield f"{describe(event)}  {_hex(data[position : event.end], event.end - position)}"
                position = event.end
        except WireError as error:
            yield f"no event: {error}  {_hex(data[position:], size - position)}"
            return
    if position < len(data):
        yield f"{size - position} bytes  {_hex(data[position:], size - position)}"


def _hex(data: bytes, size: int) -> str:
    more = "..." if size > _HEX_BYTES_MAX else ""
    return data[:_HEX_BYTES_MAX].hex() + more


def describe(event: Event) -> str:
    """Return an event in words, on one line; any bytes will do."""
    try:
        body = _BODIES.get(event.type, _nothing)(event)
    except WireError as error:
        body = f"malformed: {error}"
    text = " ".join(f"{EventType(event.type).name} {body}".split())
    return text if len(text) <= _LINE_CHARS_MAX else f"{text[:_LINE_CHARS_MAX]}..."


def _nothing(event: Event) -> str:
    return f"[{event.end - event.start} bytes]" if event.end > event.start else ""


def _control(event: Event) -> str:
    encoding = "JSON " if event.encoding == 1 else ""
    try:
        message = decode_message(ControlMessage, event.encoding, event.body)
    except WireError:
        message = ControlMessage()
    if message.choice is not None:
        return f"{encoding}rId={message.r_id} {message.choice!r}"
    negotiation = decode_message(NegotiationMessage, event.encoding, event.body)
    return f"{encoding}{negotiation.choice!r}"


def _authentication(event: Event) -> str:
    return repr(decode_message(AuthenticationMessage, event.encoding, event.body).choice)


def _puts(event: Event) -> str:
    return _listed(
        f"q{put[2]} {format_guid(put[3])} flags={put[0]} cat={put[1]} schema={put[5]}"
        f" {put[8] - put[7]}B"
        for put in iter_puts(event.buffer, event.start, event.end)
    )


def _pushes(event: Event) -> str:
    return _listed(
        f"q{push[2]} {format_guid(push[3])} flags={push[0]} cat={push[1]} schema={push[4]}"
        f" options={event.buffer[push[5] : push[6]].hex()} {push[7] - push[6]}B"
        for push in iter_pushes(event.buffer, event.start, event.end)
    )


def _acks(event: Event) -> str:
    return _listed(
        f"q{queue_id} {format_guid(guid)} status={status} correlation={correlation}"
        for status, correlation, guid, queue_id in iter_acks(event.buffer, event.start, event.end)
    )


def _confirms(event: Event) -> str:
    return _listed(
        f"q{queue_id} {format_guid(guid)} sub={sub_id}"
        for queue_id, guid, sub_id in iter_confirms(event.buffer, event.start, event.end)
    )


def _listed(messages: Iterator[str]) -> str:
    listed = list(messages)
    shown = "; ".join(listed[:_MESSAGES_SHOWN_MAX])
    more = len(listed) - _MESSAGES_SHOWN_MAX
    return f"{shown}; and {more} more" if more > 0 else shown


_BODIES: Final[dict[int, Callable[[Event], str]]] = {
    EventType.CONTROL: _control,
    EventType.AUTHENTICATION: _authentication,
    EventType.PUT: _puts,
    EventType.PUSH: _pushes,
    EventType.ACK: _acks,
    EventType.CONFIRM: _confirms,
    EventType.REJECT: _confirms,
}
