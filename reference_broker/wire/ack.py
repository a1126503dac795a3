"""ACK events: what became of PUT messages.

::

    EVENT = EventHeader | 16 00 00 00 | MESSAGE | MESSAGE | ...     no padding

    | 7 .. 4       | 3 .. 0            | flags | reserved, 2 bytes |   the event's own header:
    | header words | words per message |       |                   |   1 and 6

    | 31 .. 28 | 27 .. 24 | 23 ......... 0 |
    | reserved | status   | correlation id |   MESSAGE, 24 bytes; the id is 0 for clients
    | GUID, 16 bytes                       |   that make GUIDs
    | queue id                             |

Rules enforced here: 1 header word or more, 6 words per message or more, whole messages only
[ACK-12].

Peer: bmqp_protocol.h AckHeader and AckMessage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Final, TypeAlias

from reference_broker.base import WireError
from reference_broker.wire.header import EventType, event_header

ACK_MESSAGE_SIZE: Final = 24
_ACK: Final = struct.Struct(">I16sI")
#: Of ACK, CONFIRM and REJECT events: 1 header word, 6 words per message.
LIST_HEADER: Final = b"\x16\x00\x00\x00"
_QUEUE_ID: Final = struct.Struct(">I")
_ZERO: Final = bytes(4)

#: (status, correlation id, GUID, queue id)
AckTuple: TypeAlias = tuple[int, int, bytes, int]


class AckStatus(IntEnum):
    """Wire codes; every other value means UNKNOWN."""

    SUCCESS = 0
    LIMIT_MESSAGES = 1
    LIMIT_BYTES = 2
    UNKNOWN = 5
    STORAGE_FAILURE = 6
    NOT_READY = 7


def iter_acks(buffer: bytes, start: int, end: int) -> Iterator[AckTuple]:
    """Yield the messages in the body of an ACK event as `AckTuple`s.

    Raises:
        WireError: the list's header or its size is impossible.
    """
    position, step = list_bounds(buffer, start, end, "ACK")
    unpack = _ACK.unpack_from
    while position < end:
        word, guid, queue_id = unpack(buffer, position)
        yield word >> 24 & 15, word & 0xFF_FFFF, guid, queue_id
        position += step


def list_bounds(buffer: bytes, start: int, end: int, field: str) -> tuple[int, int]:
    """Return where the messages of an ACK, CONFIRM or REJECT event start, and their size in bytes.

    Larger messages than we know are stepped over by the size that the list says [CONFIRM-10]; there
    may be none [CONFIRM-11].

    Raises:
        WireError: the list's header [CONFIRM-12] or its size [CONFIRM-13] is impossible.
    """
    if end - start < len(LIST_HEADER):
        rule = "the list starts with a header of 4 bytes"
        raise WireError(f"{field}.header", f"{end - start} bytes", rule, 0)
    header_words, message_words = buffer[start] >> 4, buffer[start] & 15
    first = start + 4 * header_words
    if header_words < 1 or first > end:
        rule = f"the header has 1 word or more and the body {end - start} bytes"
        raise WireError(f"{field}.headerWords", header_words, rule, 0)
    step = 4 * message_words
    if step < ACK_MESSAGE_SIZE:
        raise WireError(f"{field}.perMessageWords", message_words, "a message has 6 words", 0)
    if (end - first) % step:
        rule = f"messages have {step} bytes each and no padding"
        raise WireError(f"{field}.size", f"{end - first} bytes", rule, first - start)
    return first, step


def ack_event(acks: Iterable[AckTuple]) -> bytes:
    """Return an ACK event of any mixture of messages."""
    pack = _ACK.pack
    body = [pack(status << 24 | correlation, guid, qid) for status, correlation, guid, qid in acks]
    size = len(LIST_HEADER) + ACK_MESSAGE_SIZE * len(body)
    return b"".join((event_header(EventType.ACK, size), LIST_HEADER, *body))


def success_acks(guids: list[bytes], queue_id: int) -> bytes:
    """Return an ACK event that says "stored" for GUIDs of one queue.

    A message is zero word, GUID, queue id; so the whole body is one join with the seam between
    two messages as separator.
    """
    queue = _QUEUE_ID.pack(queue_id)
    size = len(LIST_HEADER) + ACK_MESSAGE_SIZE * len(guids)
    head = event_header(EventType.ACK, size) + LIST_HEADER + _ZERO
    return b"".join((head, (queue + _ZERO).join(guids), queue))
