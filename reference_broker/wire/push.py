"""PUSH events: messages on their way to a consumer.

::

    EVENT = EventHeader | MESSAGE | MESSAGE | ...
    MESSAGE = PushHeader | options area | application data | word padding

    | 31 .. 28 | 27 ................ 0 |
    | flags    | message words         |
    | 31 ..... 8 | 7 6 5 | 4 ....... 0 |
    | opt. words | CAT   | header words|   8 header words, 7 from old brokers
    | queue id                         |   chosen by the receiver when it opened the queue
    | GUID, 16 bytes                   |
    | schema id       | reserved       |   only when there are 8 header words or more

Towards an SDK every message carries one option, SUB_QUEUE_IDS_OLD, with the subscription id
[PUSH-3] or, for those who configure in the old style, the sub-queue id [PUSH-5]. Application data
and padding are byte for byte those of the PUT [PUSH-2].

Rules enforced here: sizes agree with the event; 7 header words or more; 1 to 4 padding bytes,
unless IMPLICIT_PAYLOAD says that there is no data at all; application data of at most 64 MiB.

Peer: bmqp_protocol.h PushHeader, bmqp_pushmessageiterator, bmqp_pusheventbuilder.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, TypeAlias

from reference_broker.base import WireError
from reference_broker.base.limits import APPLICATION_DATA_BYTES_MAX

FLAG_IMPLICIT_PAYLOAD: Final = 1
FLAG_MESSAGE_PROPERTIES: Final = 2
FLAG_OUT_OF_ORDER: Final = 4

_OLD_PUSH: Final = struct.Struct(">III16s")
_SCHEMA: Final = struct.Struct(">H")
_OLD_HEADER_WORDS: Final = 7
_HEADER_WORDS: Final = 8

#: Header and the one option that goes to an SDK, in one: flags and words; option words,
#: compression and header words; queue id; GUID; schema id; reserved; option header; id.
PUSH_WITH_ID: Final = struct.Struct(">III16sHHII")
#: Words of such a message before its data.
PUSH_WITH_ID_WORDS: Final = PUSH_WITH_ID.size // 4
#: Second word of such a message without compression: 2 option words, 8 header words.
PUSH_WITH_ID_WORD1: Final = 2 << 8 | _HEADER_WORDS
#: OptionHeader: type 1 (SUB_QUEUE_IDS_OLD), 2 words.
ONE_ID_OPTION: Final = 1 << 26 | 2

#: (flags, compression, queue id, GUID, schema id, options start, data start, data end, message
#: end); the last four are indices into the event's buffer.
PushTuple: TypeAlias = tuple[int, int, int, bytes, int, int, int, int, int]


def iter_pushes(buffer: bytes, start: int, end: int) -> Iterator[PushTuple]:
    """Yield the messages in the body of a PUSH event as `PushTuple`s.

    Raises:
        WireError: a message is malformed; those before it were yielded.
    """
    unpack = _OLD_PUSH.unpack_from
    unpack_schema = _SCHEMA.unpack_from
    position = start
    index = 0
    while position < end:
        if end - position < _OLD_PUSH.size:
            rule = f"a message starts with at least {_OLD_PUSH.size} bytes of header"
            value = f"{end - position} bytes"
            raise WireError(f"PUSH[{index}].header", value, rule, position - start)
        word0, word1, queue_id, guid = unpack(buffer, position)
        message_end = position + ((word0 & 0x0FFF_FFFF) << 2)
        header_words = word1 & 31
        options_start = position + (header_words << 2)
        data_start = options_start + (word1 >> 8 << 2)
        flags = word0 >> 28
        if message_end > end or data_start > message_end or header_words < _OLD_HEADER_WORDS:
            _check_sizes(word0, word1, position, end, start, index)
        if flags & FLAG_IMPLICIT_PAYLOAD and data_start == message_end:
            data_end = message_end
        else:
            padding = buffer[message_end - 1]
            data_end = message_end - padding
            if not (0 < padding < 5 and 0 <= data_end - data_start <= APPLICATION_DATA_BYTES_MAX):
                _refuse_data(padding, data_end - data_start, message_end - start, index)
        schema = unpack_schema(buffer, position + 28)[0] if header_words >= _HEADER_WORDS else 0
        yield (
            flags,
            word1 >> 5 & 7,
            queue_id,
            guid,
            schema,
            options_start,
            data_start,
            data_end,
            message_end,
        )
        position = message_end
        index += 1


def _check_sizes(word0: int, word1: int, position: int, end: int, start: int, index: int) -> None:
    message_words = word0 & 0x0FFF_FFFF
    header_words = word1 & 31
    offset = position - start
    if header_words < _OLD_HEADER_WORDS:
        rule = f"a PUSH header has at least {_OLD_HEADER_WORDS} words"
        raise WireError(f"PUSH[{index}].headerWords", header_words, rule, offset + 7)
    if position + message_words * 4 > end:
        rule = f"only {(end - position) // 4} words are left in the event"
        raise WireError(f"PUSH[{index}].messageWords", message_words, rule, offset)
    rule = f"header and options take {header_words + (word1 >> 8)} words"
    raise WireError(f"PUSH[{index}].messageWords", message_words, rule, offset)


def _refuse_data(padding: int, size: int, offset: int, index: int) -> None:
    if not 0 < padding < 5:
        rule = "there are 1 to 4 padding bytes"
        raise WireError(f"PUSH[{index}].padding", padding, rule, offset - 1)
    rule = f"a message carries up to {APPLICATION_DATA_BYTES_MAX} bytes"
    raise WireError(f"PUSH[{index}].applicationData", f"{size} bytes", rule, offset)


def push_message(
    queue_id: int,
    guid: bytes,
    padded_data: bytes,
    *,
    options: bytes = b"",
    flags: int = 0,
    compression: int = 0,
    schema: int = 0,
    header_words: int = _HEADER_WORDS,
) -> bytes:
    """Return one encoded message of any shape; brokers on their busy path use `PUSH_WITH_ID`.

    Args:
        queue_id: the receiver's qId.
        guid: 16 bytes.
        padded_data: application data with its padding; empty for an implicit payload.
        options: an encoded options area.
        flags: the PUSH flags.
        compression: a `Compression` value.
        schema: the wire schema id.
        header_words: 8, or 7 for the old header without schema id.
    """
    words = header_words + ((len(options) + len(padded_data)) >> 2)
    word1 = len(options) << 6 | compression << 5 | header_words
    header = _OLD_PUSH.pack(flags << 28 | words, word1, queue_id, guid)
    if header_words >= _HEADER_WORDS:
        header += _SCHEMA.pack(schema) + bytes(4 * (header_words - _HEADER_WORDS) + 2)
    return b"".join((header, options, padded_data))
