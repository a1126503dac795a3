"""PUT events: messages on their way to a queue.

::

    EVENT = EventHeader | MESSAGE | MESSAGE | ...
    MESSAGE = PutHeader | options area | application data | word padding

    | 31 .. 28 | 27 ................ 0 |
    | flags    | message words         |   header, options, data and padding together
    | 31 ..... 8 | 7 6 5 | 4 ....... 0 |
    | opt. words | CAT   | header words|   CAT: compression; 9 header words
    | queue id                         |
    | GUID, 16 bytes                   |   or byte 12 zero and a 24-bit correlation id
    | CRC-32C of the application data  |   as sent, without the padding
    | schema id       | reserved       |   only when there are 9 header words or more

Rules enforced here: sizes agree with the event; 8 header words or more; no empty application
data; 1 to 4 padding bytes; application data of at most 64 MiB. A message that breaks one ends the
iteration: what follows it in the event cannot be found [PUT-7].

Messages are plain tuples, not objects: they are made once per message on the busiest path.

Peer: bmqp_protocol.h PutHeader, bmqp_putmessageiterator, bmqp_puteventbuilder.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from reference_broker.base import WireError
from reference_broker.base.limits import APPLICATION_DATA_BYTES_MAX
from reference_broker.wire.checksum import crc32c
from reference_broker.wire.header import EventType, event_header
from reference_broker.wire.padding import PADDING

PUT_HEADER_SIZE: Final = 36
FLAG_ACK_REQUESTED: Final = 1
FLAG_MESSAGE_PROPERTIES: Final = 2

_PUT: Final = struct.Struct(">III16sIHH")
_OLD_PUT: Final = struct.Struct(">III16sI")
_HEADER_WORDS: Final = PUT_HEADER_SIZE // 4
_HEADER_WORDS_MIN: Final = 8

#: (flags, compression, queue id, GUID, CRC, schema id, options start, data start, data end,
#: message end, message start); the last five are indices into the event's buffer, the data end
#: without and the message end with the padding.
PutTuple: TypeAlias = tuple[int, int, int, bytes, int, int, int, int, int, int, int]


class Put(NamedTuple):
    """One message to encode.

    Attributes:
        queue_id: the qId of the open request.
        guid: 16 bytes; or the correlation id's form, see `correlation_guid`.
        data: application data as it goes out: properties area and payload, compressed if so.
        flags: `FLAG_ACK_REQUESTED` and `FLAG_MESSAGE_PROPERTIES`.
        compression: a `Compression` value.
        schema: the wire schema id: 0 for old-style properties or none.
        options: an encoded options area, whole words.
    """

    queue_id: int
    guid: bytes
    data: bytes
    flags: int = 0
    compression: int = 0
    schema: int = 0
    options: bytes = b""


#: A `Put` as a plain tuple, for those who make many.
PutFields: TypeAlias = tuple[int, bytes, bytes, int, int, int, bytes]


def correlation_guid(correlation_id: int) -> bytes:
    """Return the GUID field of a client that makes no GUIDs: a 24-bit number."""
    assert 0 <= correlation_id < 1 << 24, correlation_id
    return correlation_id.to_bytes(4, "big") + bytes(12)


def correlation_id_of(guid: bytes) -> int:
    """Return the 24-bit correlation id in a GUID field."""
    return int.from_bytes(guid[1:4], "big")


def iter_puts(buffer: bytes, start: int, end: int) -> Iterator[PutTuple]:
    """Yield the messages in the body of a PUT event as `PutTuple`s, in order [PUT-1, PUT-6].

    Headers may be longer than we know [PUT-4], and unknown flags mean nothing [PUT-5].

    Args:
        buffer: the bytes that hold the event.
        start: index of the body's first byte.
        end: index after the body's last byte.

    Raises:
        WireError: a message is malformed; those before it were yielded.
    """
    unpack = _PUT.unpack_from
    position = start
    index = 0
    while position < end:
        if end - position < PUT_HEADER_SIZE:
            yield _short_put(buffer, position, end, start, index)
            return
        word0, word1, queue_id, guid, crc, schema, _ = unpack(buffer, position)
        message_end = position + ((word0 & 0x0FFF_FFFF) << 2)
        header_words = word1 & 31
        options_start = position + (header_words << 2)
        data_start = options_start + (word1 >> 8 << 2)
        if message_end > end or data_start >= message_end or header_words < _HEADER_WORDS:
            _check_sizes(word0, word1, position, end, start, index)
            schema = 0  # eight header words: the schema id's place belongs to the options or data
        padding = buffer[message_end - 1]
        data_end = message_end - padding
        if not (0 < padding < 5 and 0 < data_end - data_start <= APPLICATION_DATA_BYTES_MAX):
            _refuse_data(padding, data_end - data_start, message_end - start, index)
        yield (
            word0 >> 28,
            word1 >> 5 & 7,
            queue_id,
            guid,
            crc,
            schema,
            options_start,
            data_start,
            data_end,
            message_end,
            position,
        )
        position = message_end
        index += 1


def _short_put(buffer: bytes, position: int, end: int, start: int, index: int) -> PutTuple:
    """Read the one message that can be shorter than 36 bytes: 8 header words and nothing after.

    Eight words of header need 32 bytes and the data one word more, so this always refuses; it
    finds the field to blame.
    """
    if end - position < _OLD_PUT.size:
        rule = f"a message starts with {PUT_HEADER_SIZE} bytes of header"
        raise WireError(f"PUT[{index}].header", f"{end - position} bytes", rule, position - start)
    word0, word1, *_ = _OLD_PUT.unpack_from(buffer, position)
    _check_sizes(word0, word1, position, end, start, index)
    raise AssertionError("a message of less than 36 bytes passed the size checks")


def _check_sizes(word0: int, word1: int, position: int, end: int, start: int, index: int) -> None:
    """Refuse sizes of header [PUT-11], message [PUT-10] or options [PUT-12] that are impossible."""
    message_words = word0 & 0x0FFF_FFFF
    header_words = word1 & 31
    offset = position - start
    if header_words < _HEADER_WORDS_MIN:
        rule = f"a PUT header has at least {_HEADER_WORDS_MIN} words"
        raise WireError(f"PUT[{index}].headerWords", header_words, rule, offset + 7)
    if position + message_words * 4 > end:
        rule = f"only {(end - position) // 4} words are left in the event"
        raise WireError(f"PUT[{index}].messageWords", message_words, rule, offset)
    before_data = header_words + (word1 >> 8)
    if before_data >= message_words:
        rule = f"header and options take {before_data} words and data must follow"
        raise WireError(f"PUT[{index}].messageWords", message_words, rule, offset)


def _refuse_data(padding: int, size: int, offset: int, index: int) -> None:
    """Refuse a padding [PUT-14], no data [PUT-13], or too many of them [PUT-15]."""
    if not 0 < padding < 5:
        rule = "there are 1 to 4 padding bytes"
        raise WireError(f"PUT[{index}].padding", padding, rule, offset - 1)
    rule = f"a message carries 1 to {APPLICATION_DATA_BYTES_MAX} bytes"
    raise WireError(f"PUT[{index}].applicationData", f"{size} bytes", rule, offset)


def put_message(put: Put, crc: int | None = None) -> bytes:
    """Return one encoded message: header, options, data and padding.

    Args:
        put: the message.
        crc: the CRC-32C to write; by default the right one is computed.
    """
    data = put.data
    padding = PADDING[len(data) & 3]
    words = (PUT_HEADER_SIZE + len(put.options) + len(data) + len(padding)) >> 2
    header = _PUT.pack(
        put.flags << 28 | words,
        len(put.options) >> 2 << 8 | put.compression << 5 | _HEADER_WORDS,
        put.queue_id,
        put.guid,
        crc32c(data) if crc is None else crc,
        put.schema,
        0,
    )
    return b"".join((header, put.options, data, padding))


def put_event(puts: Iterable[PutFields]) -> bytes:
    """Return a whole PUT event.

    Hot path of every producer, so the common message, without options, is written in place.
    """
    pack = _PUT.pack
    chunks: list[bytes] = [b""]
    append = chunks.append
    size = 0
    for queue_id, guid, data, flags, compression, schema, options in puts:
        padding = PADDING[len(data) & 3]
        words = (PUT_HEADER_SIZE + len(options) + len(data) + len(padding)) >> 2
        size += words
        word1 = len(options) << 6 | compression << 5 | _HEADER_WORDS
        append(pack(flags << 28 | words, word1, queue_id, guid, crc32c(data), schema, 0))
        if options:
            append(options)
        append(data)
        append(padding)
    chunks[0] = event_header(EventType.PUT, size << 2)
    return b"".join(chunks)
