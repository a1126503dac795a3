"""The options area of PUT and PUSH messages.

::

    AREA = OPTION | OPTION | ...

    | 31 .. 26 | 25 | 24 .. 21 | 20 ......... 0 |
    | type     | P  | specific | words          |   words: the whole option, header included
                                                    P: packed, no body; words is then a value
    1  SUB_QUEUE_IDS_OLD   | id | id | ...                          one word each
    2  MSG_GROUP_ID        | 1 to 31 bytes of text | word padding |
    3  SUB_QUEUE_INFOS     | id | RDA | 0 0 0 | ...                 `specific` words each, here 2
                           packed: words is the RDA byte of the one id 0

    RDA (remaining delivery attempts)   | 7 unlimited | 6 maybe poisonous | 5 .. 0 counter |

Rules enforced here: an option that is not packed has a body, and it ends inside the area [OPT-2];
no type occurs twice [OPT-3]; the items of a list are whole, of at least their known size, and not
more than a session may open queues [OPT-5]; only SUB_QUEUE_INFOS is packed, with a value that fits
a byte; a group id is 1 to 31 bytes of UTF-8 and 1 to 4 bytes of padding [OPT-4]. Options of unknown
types are skipped [OPT-1].

Peer: bmqp_protocol.h OptionHeader, RdaInfo, SubQueueInfo; bmqp_optionsview, bmqp_optionutil.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from reference_broker.base import WireError, limits
from reference_broker.wire.padding import WORD, pad

RDA_UNLIMITED: Final = 0x80
RDA_POISONOUS: Final = 0x40
RDA_COUNTER_MAX: Final = 0x3F

_HEADER: Final = struct.Struct(">I")
_INFO: Final = struct.Struct(">IB3x")
_TYPE_SHIFT: Final = 26
_PACKED: Final = 1 << 25
_SPECIFIC_SHIFT: Final = 21
_SPECIFIC_MASK: Final = 0xF
_WORDS_MASK: Final = limits.OPTION_WORDS_MAX
_INFO_WORDS: Final = 2
_ONE_OLD_ID: Final = 1 << _TYPE_SHIFT | 2


class OptionType(IntEnum):
    """What an option holds."""

    UNDEFINED = 0
    SUB_QUEUE_IDS_OLD = 1
    MSG_GROUP_ID = 2
    SUB_QUEUE_INFOS = 3


class SubQueueInfo(NamedTuple):
    """One receiver of a PUSH message.

    Attributes:
        id: the subscription id, or the sub-queue id of those who configure in the old style.
        rda: the byte of remaining delivery attempts.
    """

    id: int
    rda: int = RDA_UNLIMITED


class Options(NamedTuple):
    """All options of one message.

    Attributes:
        sub_queue_infos: the receivers, from SUB_QUEUE_INFOS or else from SUB_QUEUE_IDS_OLD. A
            PUSH without either is for id 0.
        message_group_id: the group id, None when there is none.
        unknown: options that were skipped.
    """

    sub_queue_infos: tuple[SubQueueInfo, ...] = ()
    message_group_id: str | None = None
    unknown: int = 0


_NO_OPTIONS: Final = Options()


def encode_sub_queue_ids_old(ids: Sequence[int]) -> bytes:
    """Return the option that tells an SDK for which of its readers a PUSH is.

    Args:
        ids: one or more unsigned 32-bit ids.
    """
    assert ids, "an option without a body cannot be written"
    return struct.pack(
        f">{1 + len(ids)}I", _header(OptionType.SUB_QUEUE_IDS_OLD, 1 + len(ids)), *ids
    )


def encode_sub_queue_infos(infos: Sequence[SubQueueInfo]) -> bytes:
    """Return the option that tells a broker for which readers a PUSH is.

    It is packed into one word when there is exactly one item and its id is 0.
    """
    assert infos, "an option without a body cannot be written"
    if len(infos) == 1 and infos[0].id == 0:
        assert 0 <= infos[0].rda <= 0xFF, infos
        return _HEADER.pack(_header(OptionType.SUB_QUEUE_INFOS, infos[0].rda) | _PACKED)
    words = 1 + _INFO_WORDS * len(infos)
    header = _header(OptionType.SUB_QUEUE_INFOS, words) | _INFO_WORDS << _SPECIFIC_SHIFT
    return _HEADER.pack(header) + b"".join(_INFO.pack(*info) for info in infos)


def encode_message_group_id(text: str) -> bytes:
    """Return the option with a message group id.

    Raises:
        ValueError: the text is not 1 to 31 bytes of UTF-8.
    """
    data = text.encode()
    if not 1 <= len(data) <= limits.MESSAGE_GROUP_ID_BYTES_MAX:
        rule = f"1 to {limits.MESSAGE_GROUP_ID_BYTES_MAX} bytes of UTF-8"
        raise ValueError(f"a message group id has {rule}, not {len(data)}: {text[:40]!r}")
    body = pad(data)
    return _HEADER.pack(_header(OptionType.MSG_GROUP_ID, 1 + len(body) // WORD)) + body


def _header(option_type: OptionType, words: int) -> int:
    assert 0 <= words <= _WORDS_MASK, words
    return option_type << _TYPE_SHIFT | words


def decode_options(buf: bytes, start: int, end: int) -> Options:
    """Return the options in `buf[start:end]`, which may be empty.

    Raises:
        WireError: an option breaks a rule of this module. The offset counts from `start`.
    """
    assert 0 <= start <= end <= len(buf), (start, end, len(buf))
    if start == end:
        return _NO_OPTIONS
    if end - start == 2 * WORD and _HEADER.unpack_from(buf, start)[0] == _ONE_OLD_ID:
        # Nearly every PUSH to an SDK.
        return Options((SubQueueInfo(_HEADER.unpack_from(buf, start + WORD)[0]),))
    return _Decoder(buf, start, end).options()


class _Decoder:
    """Walk over one area; every method raises `WireError` with an offset inside the area."""

    __slots__ = ("_buf", "_end", "_start")

    def __init__(self, buf: bytes, start: int, end: int) -> None:
        self._buf = buf
        self._start = start
        self._end = end

    def options(self) -> Options:
        infos: tuple[SubQueueInfo, ...] | None = None
        old_ids: tuple[SubQueueInfo, ...] = ()
        group: str | None = None
        unknown = 0
        seen: set[int] = set()  # At most 64 types exist, so this bounds the loop as well.
        position = self._start
        while position < self._end:
            header, size = self._header(position)
            option_type = header >> _TYPE_SHIFT
            if option_type in seen:
                raise self._error("type", option_type, "no type may occur twice", position)
            seen.add(option_type)
            body_end = position + size
            if option_type == OptionType.SUB_QUEUE_INFOS:
                infos = self._infos(header, position, body_end)
            elif option_type == OptionType.SUB_QUEUE_IDS_OLD:
                old_ids = self._old_ids(header, position, body_end)
            elif option_type == OptionType.MSG_GROUP_ID:
                group = self._group_id(header, position, body_end)
            else:
                unknown += 1
            position = body_end
        return Options(old_ids if infos is None else infos, group, unknown)

    def _header(self, position: int) -> tuple[int, int]:
        """Return the header word of the option at `position`, and the option's size in bytes."""
        left = self._end - position
        if left < WORD:
            raise self._error("header", f"{left} bytes", f"it takes {WORD}", position)
        (header,) = _HEADER.unpack_from(self._buf, position)
        if header & _PACKED:
            return header, WORD
        words = header & _WORDS_MASK
        if words < 2:
            rule = "an option that is not packed has at least 2 words"
            raise self._error("words", words, rule, position)
        if words * WORD > left:
            raise self._error("words", words, f"the area has {left} bytes left", position)
        return header, words * WORD

    def _infos(self, header: int, position: int, end: int) -> tuple[SubQueueInfo, ...]:
        if header & _PACKED:
            rda = header & _WORDS_MASK
            if rda > 0xFF:
                raise self._error("packed RDA", rda, "it is one byte, at most 255", position)
            return (SubQueueInfo(0, rda),)
        item_words = header >> _SPECIFIC_SHIFT & _SPECIFIC_MASK
        if item_words < _INFO_WORDS:
            rule = f"an item has at least {_INFO_WORDS} words"
            raise self._error("typeSpecific", item_words, rule, position)
        self._check_count(position, end, item_words)
        step = item_words * WORD
        return tuple(
            SubQueueInfo(*_INFO.unpack_from(self._buf, item))
            for item in range(position + WORD, end, step)
        )

    def _old_ids(self, header: int, position: int, end: int) -> tuple[SubQueueInfo, ...]:
        self._refuse_packed(header, position)
        count = self._check_count(position, end, 1)
        ids = struct.unpack_from(f">{count}I", self._buf, position + WORD)
        return tuple(SubQueueInfo(sub_queue_id) for sub_queue_id in ids)

    def _check_count(self, position: int, end: int, item_words: int) -> int:
        body_words = (end - position) // WORD - 1
        if body_words % item_words:
            rule = f"after the header it is whole items of {item_words} words"
            raise self._error("words", body_words + 1, rule, position)
        count = body_words // item_words
        if count > limits.QUEUES_PER_SESSION_MAX:
            rule = f"a message has at most {limits.QUEUES_PER_SESSION_MAX} receivers"
            raise self._error("items", count, rule, position)
        return count

    def _group_id(self, header: int, position: int, end: int) -> str:
        self._refuse_packed(header, position)
        padding = self._buf[end - 1]
        if not 1 <= padding <= WORD:
            rule = f"there are 1 to {WORD} padding bytes"
            raise self._error("messageGroupId padding", padding, rule, end - 1)
        data = self._buf[position + WORD : end - padding]
        if not 1 <= len(data) <= limits.MESSAGE_GROUP_ID_BYTES_MAX:
            rule = f"it has 1 to {limits.MESSAGE_GROUP_ID_BYTES_MAX}"
            raise self._error("messageGroupId", f"{len(data)} bytes", rule, position + WORD)
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise self._error("messageGroupId", data, "it is UTF-8", position + WORD) from None

    def _refuse_packed(self, header: int, position: int) -> None:
        if header & _PACKED:
            option_type = OptionType(header >> _TYPE_SHIFT).name
            rule = f"{option_type} is a list or a text, which cannot be packed"
            raise self._error("packed", 1, rule, position)

    def _error(self, field: str, value: object, rule: str, position: int) -> WireError:
        return WireError(f"option.{field}", value, rule, position - self._start)
