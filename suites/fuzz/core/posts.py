"""PUT events of programs: right ones, and ones with a fault in their last message."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from reference_broker.base import UNSET_GUID
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    Compression,
    EventType,
    Put,
    compress,
    correlation_guid,
    event_header,
    put_message,
)
from reference_broker.wire.properties import encode_properties

#: Bytes of a payload, by number; the largest fills the broker's memory after a few messages.
_SIZES: Final = (12, 40, 200, 1_000, 4_000, 12, 40, 30_000)
_FILLER: Final = bytes(range(256)) * 128
_NO_OPTION: Final = bytes(4)
_NO_COMPRESSION: Final = 3
_QUEUE_IDS: Final = 4
_WORD: Final = 4
_CORRELATIONS: Final = 1 << 24


class Kind(IntEnum):
    """What is special about the messages of an event, or about the last of them."""

    PLAIN = 0
    UNASKED = 1  # no acknowledgement is asked for
    PROPERTIES = 2
    COMPRESSED = 3
    WRONG_CRC = 4
    NO_GUID = 5
    AGAIN = 6  # begins with the GUID of the client's last message
    TWICE = 7  # two messages have the same GUID
    TWO_QUEUES = 8
    NO_COMPRESSION = 9  # a compression that does not exist
    NO_OPTION = 10  # options that cannot be read
    CUT_OFF = 11  # the last one ends before it should
    EMPTY = 12  # an event without messages


class Fate(IntEnum):
    """What must become of a message, as far as itself is concerned."""

    GOOD = 0
    REFUSED = 1
    UNREAD = 2


_FATES: Final = {
    Kind.WRONG_CRC: Fate.REFUSED,
    Kind.NO_COMPRESSION: Fate.REFUSED,
    Kind.NO_OPTION: Fate.REFUSED,
    Kind.NO_GUID: Fate.REFUSED,
    Kind.CUT_OFF: Fate.UNREAD,
}


class Draft(NamedTuple):
    """A message of an event.

    Attributes:
        order: of posting, among all messages of a program.
        queue_id: where it goes.
        guid: its own; None for a client that makes none.
        key: what its acknowledgement names: the GUID, or the correlation id.
        data: application data.
        flags: that its consumers must see.
        coding: compression, and whether its properties are of the new style.
        is_asked: whether an acknowledgement is asked for.
        fate: what must become of it.
    """

    order: int
    queue_id: int
    guid: bytes | None
    key: bytes | int
    data: bytes
    flags: int
    coding: tuple[int, bool]
    is_asked: bool
    fate: Fate


def kind_of(number: int) -> Kind:
    """Return what is special, by number."""
    return Kind(number % 16) if number % 16 < len(Kind) else Kind.PLAIN


class Order(NamedTuple):
    """What is to be posted.

    Attributes:
        queue_id: where.
        messages: how many.
        kind: what is special.
        size: number of the payload's size.
        first: order of the first message.
        makes_guids: whether the client does.
        last_guid: of the client's last message.
    """

    queue_id: int
    messages: int
    kind: Kind
    size: int
    first: int
    makes_guids: bool
    last_guid: bytes | None


def event(order: Order) -> tuple[bytes, list[Draft]]:
    """Return a PUT event, and what is in it."""
    if order.kind is Kind.EMPTY:
        return event_header(EventType.PUT, 0), []
    drafts = [_draft(order, index) for index in range(order.messages)]
    parts = [_message(draft, order.kind) for draft in drafts]
    if order.kind is Kind.CUT_OFF:
        parts[-1] = parts[-1][:-_WORD]
    body = b"".join(parts)
    return event_header(EventType.PUT, len(body)) + body, drafts


def _draft(order: Order, index: int) -> Draft:
    kind, number = order.kind, order.first + index
    is_last = index == order.messages - 1
    queue_id = order.queue_id
    if kind is Kind.TWO_QUEUES and index & 1:
        queue_id = (queue_id + 1) % _QUEUE_IDS
    fate = _FATES.get(kind, Fate.GOOD) if is_last else Fate.GOOD
    data, flags, coding = _data(number, kind, order.size)
    is_asked = kind is not Kind.UNASKED
    if not order.makes_guids:
        if kind is Kind.NO_GUID:
            fate = Fate.GOOD  # it never has one
        key = 1 + number % (_CORRELATIONS - 1) if is_asked else 0
        return Draft(number, queue_id, None, key, data, flags, coding, is_asked, fate)
    guid = _guid(order, index, fate)
    return Draft(number, queue_id, guid, guid, data, flags, coding, is_asked, fate)


def _guid(order: Order, index: int, fate: Fate) -> bytes:
    if order.kind is Kind.NO_GUID and fate is Fate.REFUSED:
        return UNSET_GUID
    if order.kind is Kind.AGAIN and index == 0 and order.last_guid is not None:
        return order.last_guid
    number = order.first if order.kind is Kind.TWICE else order.first + index
    return b"\x40" + number.to_bytes(15, "big")


def _data(number: int, kind: Kind, size: int) -> tuple[bytes, int, tuple[int, bool]]:
    """Return application data that no other message has, with flags and coding."""
    payload = b"%08d" % number + _FILLER[: _SIZES[size % len(_SIZES)] - 8]
    if kind is Kind.PROPERTIES:
        return _area(number % 10) + payload, FLAG_MESSAGE_PROPERTIES, (0, True)
    if kind is Kind.COMPRESSED:
        data = _area(number % 10) + compress(payload)
        return data, FLAG_MESSAGE_PROPERTIES, (Compression.ZLIB, True)
    return payload, 0, (0, False)


@lru_cache(maxsize=16)
def _area(price: int) -> bytes:
    return encode_properties({"price": price}, new_style=True)


def _message(draft: Draft, kind: Kind) -> bytes:
    """Return a message as it is sent, with its fault if it has one."""
    is_bad = draft.fate is Fate.REFUSED
    asked = FLAG_ACK_REQUESTED if draft.is_asked else 0
    guid = draft.key if isinstance(draft.key, bytes) else correlation_guid(draft.key)
    compression, is_new_style = draft.coding
    put = Put(
        queue_id=draft.queue_id,
        guid=guid,
        data=draft.data,
        flags=draft.flags | asked,
        compression=_NO_COMPRESSION if is_bad and kind is Kind.NO_COMPRESSION else compression,
        schema=int(is_new_style),
        options=_NO_OPTION if is_bad and kind is Kind.NO_OPTION else b"",
    )
    return put_message(put, 0 if is_bad and kind is Kind.WRONG_CRC else None)
