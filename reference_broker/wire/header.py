"""The event header: the first 8 bytes of everything on the wire.

::

    | 31 | 30 ............................ 0 |
    | F  | length of the event in bytes      |   F: fragment bit, always 0
    | 7 6 | 5 ... 0 | 7 ....... 0 | 7 ... 0  | 7 ... 0  |
    | PV  | type    | headerWords | specific | reserved |   PV: protocol version, 1

Rules enforced here:

- the length counts the header; a length below the header's own 8 bytes cannot be recovered from;
- the body starts after `headerWords` words, so that a longer header can come one day [FRAME-12];
- a fragment, another protocol version or an undefined type is the end of the connection.

Peer: bmqp_protocol.h, EventHeader.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from reference_broker.base import WireError

EVENT_HEADER_SIZE: Final = 8
PROTOCOL_VERSION: Final = 1

_HEADER: Final = struct.Struct(">IBBBx")
_LENGTH: Final = struct.Struct(">I")
_FRAGMENT: Final = 0x8000_0000
_ENCODING_SHIFT: Final = 5


class EventType(IntEnum):
    """What an event carries; `docs/protocol/framing.md` says who sends which."""

    CONTROL = 1
    PUT = 2
    CONFIRM = 3
    PUSH = 4
    ACK = 5
    CLUSTER_STATE = 6
    ELECTOR = 7
    STORAGE = 8
    RECOVERY = 9
    PARTITION_SYNC = 10
    HEARTBEAT_REQ = 11
    HEARTBEAT_RSP = 12
    REJECT = 13
    REPLICATION_RECEIPT = 14
    AUTHENTICATION = 15


_TYPES: Final = frozenset(int(event_type) for event_type in EventType)


class Event(NamedTuple):
    """One event, still in the buffer that it arrived in.

    Attributes:
        type: an `EventType` as a plain integer.
        specific: the TypeSpecific byte.
        buffer: the bytes that hold the event and, possibly, its neighbours.
        start: index in `buffer` of the body's first byte.
        end: index in `buffer` just after the body.
    """

    type: int
    specific: int
    buffer: bytes
    start: int
    end: int

    @property
    def body(self) -> bytes:
        """The body as bytes of its own."""
        return self.buffer[self.start : self.end]

    @property
    def encoding(self) -> int:
        """The encoding number of a CONTROL or AUTHENTICATION event: 0 is BER, 1 is JSON."""
        return self.specific >> _ENCODING_SHIFT

    def __str__(self) -> str:
        """Return one line for logs: the type and the size of the body."""
        return f"{EventType(self.type).name} [{self.end - self.start} bytes]"


def read_length(buffer: bytes, position: int, event_bytes_max: int) -> int:
    """Return the length in bytes of the event whose first 4 bytes are at `position`.

    Raises:
        WireError: the fragment bit is set [FRAME-6], or the length is below 8 [FRAME-5] or above
            `event_bytes_max` [FRAME-7, FRAME-8].
    """
    (length,) = _LENGTH.unpack_from(buffer, position)
    if length & _FRAGMENT:
        raise WireError("eventHeader.fragment", 1, "fragmentation does not exist: it must be 0", 0)
    if length < EVENT_HEADER_SIZE:
        rule = f"an event has at least the {EVENT_HEADER_SIZE} bytes of its header"
        raise WireError("eventHeader.length", length, rule, 0)
    if length > event_bytes_max:
        rule = f"at most {event_bytes_max} bytes are accepted here"
        raise WireError("eventHeader.length", length, rule, 0)
    return int(length)


def read_event(buffer: bytes, position: int, length: int) -> Event:
    """Return the event of `length` bytes that is complete in `buffer` at `position`.

    Raises:
        WireError: the protocol version [FRAME-10], the type [FRAME-13] or the number of header
            words [FRAME-11] is not possible.
    """
    _, version_and_type, header_words, specific = _HEADER.unpack_from(buffer, position)
    version = version_and_type >> 6
    if version != PROTOCOL_VERSION:
        rule = f"only version {PROTOCOL_VERSION} exists"
        raise WireError("eventHeader.protocolVersion", version, rule, 4)
    event_type = version_and_type & 0x3F
    if event_type not in _TYPES:
        rule = f"types go from 1 to {max(_TYPES)}"
        raise WireError("eventHeader.type", event_type, rule, 4)
    header_size = header_words * 4
    if not EVENT_HEADER_SIZE <= header_size <= length:
        rule = f"the header has at least 2 words and no more than the event's {length} bytes"
        raise WireError("eventHeader.headerWords", header_words, rule, 5)
    return Event(event_type, specific, buffer, position + header_size, position + length)


def event_header(event_type: int, body_size: int, specific: int = 0) -> bytes:
    """Return the 8 header bytes of an event with a body of `body_size` bytes."""
    length = EVENT_HEADER_SIZE + body_size
    return _HEADER.pack(length, PROTOCOL_VERSION << 6 | event_type, 2, specific)


def encoding_bits(encoding: int) -> int:
    """Return the TypeSpecific byte that announces an encoding number."""
    return encoding << _ENCODING_SHIFT


HEARTBEAT_REQUEST: Final = event_header(EventType.HEARTBEAT_REQ, 0)
HEARTBEAT_RESPONSE: Final = event_header(EventType.HEARTBEAT_RSP, 0)
