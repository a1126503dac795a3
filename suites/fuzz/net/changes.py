"""Every single change of a message, once, in a fixed order.

| layer     | what changes                                                                          |
|-----------|---------------------------------------------------------------------------------------|
| structure | each field, element, value and part, by the mutator; everything else is kept right    |
| texts     | each text of a control message: `tables.texts`, and what the old one can be made to   |
| integers  | each number of a control message: `tables.integers`                                   |
| cuts      | the message ends after each of its bytes                                              |
| bits      | each bit of the headers                                                               |
| bytes     | each byte: other values, left out, doubled, one put before it; nothing is corrected   |
| repeats   | the message comes several times, or something comes with it                           |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reference_broker.wire import (
    EVENT_HEADER_SIZE,
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    EventType,
    event_header,
    pad,
)
from reference_broker.wire.control import Encoding
from suites.fuzz.mutator import Mutation, ber, json_text, mutations
from suites.fuzz.net import tables

#: Headers and the beginnings of bodies.
_BITS_OF_BYTES: Final = 48
_CONTROL_TYPES: Final = frozenset((EventType.CONTROL, EventType.AUTHENTICATION))
_TYPE_MASK: Final = 0x3F
_ENCODING_SHIFT: Final = 5
_CONSTRUCTED: Final = 0x20
#: Octets of a BER content up to which it may be a number.
_NUMBER_OCTETS_MAX: Final = 8
_REPEATS: Final = (2, 3, 10, 100)
_SURPLUS: Final = (
    *(bytes(size) for size in (1, 2, 3, 4, 7, 8, 16)),
    b"\xff", b"\xff" * 4, b"\xff" * 8, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00",
    HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE, HEARTBEAT_REQUEST * 100,
)  # fmt: skip
_VALUES: Final = (0x00, 0x7F, 0x80, 0xFF)


def changes(event: bytes, *, thorough: bool = True) -> Iterator[Mutation]:
    """Yield a right event with each single change; some come out alike.

    Args:
        event: one whole event.
        thorough: whether fields of headers take about 150 values instead of 15.
    """
    yield from mutations(event, thorough=thorough)
    if event[4] & _TYPE_MASK in _CONTROL_TYPES:
        yield from _control(event)
    for size in range(1, len(event)):
        yield Mutation(event[:size], f"cut to {size}")
    yield from _bits(event)
    yield from _bytes(event)
    yield from _repeats(event)


def _control(event: bytes) -> Iterator[Mutation]:
    padded = event[EVENT_HEADER_SIZE:]
    text = padded[: -padded[-1]]
    event_type, specific = event[4] & _TYPE_MASK, event[6]
    is_ber = specific >> _ENCODING_SHIFT == Encoding.BER
    for label, new in (_of_ber if is_ber else _of_json)(text):
        body = pad(new)
        yield Mutation(event_header(event_type, len(body), specific) + body, label)


def _of_ber(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a BER text with each of its primitive elements changed, the lengths around it right."""
    spans = ber.spans_of(text)
    for index, (start, length_at, content, end, _, _) in enumerate(spans):
        if text[start] & _CONSTRUCTED:
            continue
        tag, old = text[start:length_at], text[content:end]
        for label, new in _contents(old):
            changed = ber.replaced(text, spans, index, ber.element(tag, new))
            yield f"{label} in element {index}", changed


def _contents(old: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield contents for a primitive element: BER does not tell what it is, its length does."""
    if len(old) <= _NUMBER_OCTETS_MAX and not old.isalpha():
        for number in tables.integers():
            yield f"integer {number}", tables.octets_of(number)
        if len(old) == 1:
            return
    for name, text in (*tables.texts(), *tables.texts_like(old)):
        yield f"text {name}", text


def _of_json(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a JSON text with each of its texts and numbers changed."""
    for index, (start, stop, _) in enumerate(json_text.values_of(text)):
        old, before, after = text[start:stop], text[:start], text[stop:]
        if old[:1] == b'"':
            for name, new in (*tables.texts(), *tables.texts_like(old[1:-1])):
                yield f"text {name} in value {index}", before + json_text.quoted(new) + after
        elif old[:1] not in b"[{":
            for number in tables.integers():
                yield f"integer {number} in value {index}", before + b"%d" % number + after


def _bits(event: bytes) -> Iterator[Mutation]:
    for index in range(min(len(event), _BITS_OF_BYTES)):
        for bit in range(8):
            changed = bytes((event[index] ^ 1 << bit,))
            label = f"flip bit {bit} of byte {index}"
            yield Mutation(event[:index] + changed + event[index + 1 :], label)


def _bytes(event: bytes) -> Iterator[Mutation]:
    for index, octet in enumerate(event):
        before, after = event[:index], event[index + 1 :]
        for value in _VALUES if index < _BITS_OF_BYTES else (octet ^ 0xFF,):
            label = f"set byte {index} = {value:#04x}"
            yield Mutation(before + bytes((value,)) + after, label)
        yield Mutation(before + after, f"leave out byte {index}")
        yield Mutation(before + bytes((octet, octet)) + after, f"double byte {index}")
        yield Mutation(before + b"\0" + event[index:], f"put 0x00 before byte {index}")


def _repeats(event: bytes) -> Iterator[Mutation]:
    for count in _REPEATS:
        yield Mutation(event * count, f"repeat {count}")
    for surplus in _SURPLUS:
        said = f"{surplus[:8].hex()} ({len(surplus)} bytes)"
        yield Mutation(event + surplus, f"add {said}")
        yield Mutation(surplus + event, f"precede by {said}")
