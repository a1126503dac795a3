"""CONFIRM and REJECT events: messages that a consumer is done with, or was lost with.

::

    EVENT = EventHeader | 16 00 00 00 | MESSAGE | MESSAGE | ...     no padding

    | queue id             |   MESSAGE, 24 bytes
    | GUID, 16 bytes       |
    | sub-queue id         |   the subId of the open request, 0 for none

There is no answer to either. Rules enforced here: those of the list header, see `ack`.

Peer: bmqp_protocol.h ConfirmHeader, ConfirmMessage, RejectHeader, RejectMessage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from reference_broker.wire.ack import LIST_HEADER, list_bounds
from reference_broker.wire.header import EventType, event_header

CONFIRM_MESSAGE_SIZE: Final = 24
_CONFIRM: Final = struct.Struct(">I16sI")
_ID: Final = struct.Struct(">I")

#: (queue id, GUID, sub-queue id)
ConfirmTuple: TypeAlias = tuple[int, bytes, int]


def iter_confirms(
    buffer: bytes, start: int, end: int, field: str = "CONFIRM"
) -> Iterator[ConfirmTuple]:
    """Return an iterator over all messages in the body of a CONFIRM or REJECT event [CONFIRM-2].

    Raises:
        WireError: the list's header or its size is impossible; raised at once.
    """
    first, step = list_bounds(buffer, start, end, field)
    if step == CONFIRM_MESSAGE_SIZE:
        return _CONFIRM.iter_unpack(memoryview(buffer)[first:end])
    return (_CONFIRM.unpack_from(buffer, position) for position in range(first, end, step))


def confirm_event(
    confirms: Iterable[ConfirmTuple], event_type: EventType = EventType.CONFIRM
) -> bytes:
    """Return a CONFIRM (or REJECT) event of any mixture of messages."""
    pack = _CONFIRM.pack
    body = [pack(queue_id, guid, sub_id) for queue_id, guid, sub_id in confirms]
    size = len(LIST_HEADER) + CONFIRM_MESSAGE_SIZE * len(body)
    return b"".join((event_header(event_type, size), LIST_HEADER, *body))


def confirm_guids(guids: list[bytes], queue_id: int, sub_id: int) -> bytes:
    """Return a CONFIRM event for GUIDs of one stream: one join, as in `ack.success_acks`."""
    queue, sub = _ID.pack(queue_id), _ID.pack(sub_id)
    size = len(LIST_HEADER) + CONFIRM_MESSAGE_SIZE * len(guids)
    head = event_header(EventType.CONFIRM, size) + LIST_HEADER + queue
    return b"".join((head, (sub + queue).join(guids), sub))
