"""Building blocks for inputs: frames and elements in which any field may be wrong."""

from __future__ import annotations

import struct
from typing import Final

from reference_broker.wire import PADDING, crc32c, pad

CONTROL: Final = 1
PUT: Final = 2
CONFIRM: Final = 3
AUTHENTICATION: Final = 15
JSON: Final = 0x20

#: A GUID of the form that clients make; every input has a queue of its own.
GUID: Final = bytes.fromhex("400001" + "00000000001234" + "BADBADBADBAD")
_PUT_HEADER: Final = struct.Struct(">IIi16sIHH")


def event(
    event_type: int,
    body: bytes = b"",
    *,
    length: int | None = None,
    version: int = 1,
    words: int = 2,
    specific: int = 0,
) -> bytes:
    """Return an event; a length other than the right one may be given."""
    size = 8 + len(body) if length is None else length
    head = struct.pack(">IBBBB", size, version << 6 | event_type, words, specific, 0)
    return head + body


def put(
    data: bytes = b"hostile",
    *,
    queue_id: int = 0,
    guid: bytes = GUID,
    flags: int = 1,
    cat: int = 0,
    header_words: int = 9,
    options: bytes = b"",
    message_words: int | None = None,
    options_words: int | None = None,
    crc: int | None = None,
    schema: int = 0,
    padding: bytes | None = None,
) -> bytes:
    """Return a PUT event with one message that wants an acknowledgement."""
    tail = data + (PADDING[len(data) & 3] if padding is None else padding)
    words = (_PUT_HEADER.size + len(options) + len(tail)) // 4
    header = _PUT_HEADER.pack(
        flags << 28 | (words if message_words is None else message_words),
        (len(options) // 4 if options_words is None else options_words) << 8
        | cat << 5
        | header_words,
        queue_id,
        guid,
        crc32c(data) if crc is None else crc,
        schema,
        0,
    )
    return event(PUT, header + options + tail)


def option(option_type: int, body: bytes, *, words: int | None = None, specific: int = 0) -> bytes:
    """Return an option of a message's options area."""
    count = 1 + len(body) // 4 if words is None else words
    return struct.pack(">I", option_type << 26 | specific << 21 | count) + body


def confirm(
    *messages: tuple[int, bytes, int],
    header: int = 0x16,
    tail: bytes = b"",
    event_type: int = CONFIRM,
) -> bytes:
    """Return a CONFIRM event, or another of the same form, with any list header."""
    body = b"".join(struct.pack(">i16si", *message) for message in messages)
    return event(event_type, bytes((header, 0, 0, 0)) + body + tail)


# Control messages.


def control(payload: bytes, *, specific: int = 0, event_type: int = CONTROL) -> bytes:
    """Return a control event with any payload, padded."""
    return event(event_type, pad(payload), specific=specific)


def json(text: str | bytes) -> bytes:
    """Return a control event that announces JSON."""
    return control(text.encode() if isinstance(text, str) else text, specific=JSON)


def element(tag: int, content: bytes) -> bytes:
    """Return a BER element of definite length."""
    return bytes((tag,)) + ber_length(len(content)) + content


def ber_length(size: int) -> bytes:
    """Return a definite length."""
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def group(tag: int, *contents: bytes) -> bytes:
    """Return a constructed BER element of indefinite length."""
    return bytes((tag, 0x80)) + b"".join(contents) + b"\0\0"


def request(choice: bytes, *, r_id: bytes = b"\x03\xe8", before: bytes = b"") -> bytes:
    """Return a control event with a BER request.

    Args:
        choice: the alternative, as an element.
        r_id: content of the rId; no rId if empty.
        before: what else stands in the message, in front of the choice.
    """
    number = element(0x80, r_id) if r_id else b""
    return control(group(0x30, number, before, group(0xA1, choice)))


def handle(
    uri: bytes, queue_id: int = 5, *, flags: int = 2, reads: int = 1, writes: int = 0
) -> bytes:
    """Return the handleParameters of an open or close request, as BER."""
    numbers = ((0x81, queue_id), (0x83, flags), (0x84, reads), (0x85, writes), (0x86, 0))
    return group(
        0xA0,
        element(0x80, uri),
        *(
            element(tag, value.to_bytes(max(value.bit_length() // 8 + 1, 1), "big", signed=True))
            for tag, value in numbers
        ),
    )


def open_queue(uri: str, queue_id: int = 5, *, before: bytes = b"", writer: bool = False) -> bytes:
    """Return a right openQueue request, with anything in front of it."""
    shape = {"flags": 4, "reads": 0, "writes": 1} if writer else {}
    return request(group(0xAA, handle(uri.encode(), queue_id, **shape)), before=before)


def close_queue(uri: str, queue_id: int = 5, *, r_id: bytes = b"\x03\xe9") -> bytes:
    """Return a right final closeQueue request for a reader."""
    return request(group(0xAC, handle(uri.encode(), queue_id), element(0x81, b"\1")), r_id=r_id)


def nested(levels: int, tag: int) -> bytes:
    """Return constructed elements of definite length, one inside the other."""
    content = b""
    for _ in range(levels):
        content = element(tag, content)
    return content
