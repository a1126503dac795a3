"""BER texts: their elements, changes that leave everything right, and changes that break one thing.

A text is read into spans, one for each element, in the order in which they begin; each knows the
span around it. A change replaces the bytes of one span and then corrects the definite lengths around
it. Reading stops at what makes no sense, and open elements end there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.texts import TEXTS

#: Elements that are looked at in one text.
SPANS_MAX: Final = 256

_CONSTRUCTED: Final = 0x20
_LONG_TAG: Final = 0x1F
_INDEFINITE: Final = 0x80
_END: Final = b"\0\0"
_LENGTH_OCTETS_MAX: Final = 4
_TAG_OCTETS_MAX: Final = 6
_INTEGER_OCTETS_MAX: Final = 8
_NESTING: Final = (1, 2, 11, 12, 13, 30, 31, 32, 33, 64)


#: One element: the indices of its tag, of its length and of its content, the indices behind its
#: content and behind itself (which differ if 00 00 ends it), and the number of the span around it,
#: -1 for none.
Span: TypeAlias = tuple[int, int, int, int, int, int]


#: What integers are changed to: the contents at which decoders go wrong.
INTEGERS: Final = (
    *(
        value.to_bytes(size, "big", signed=True)
        for size in (1, 2, 3, 4, 5, 8, 9)
        for value in (0, 1, -1, (1 << 8 * size - 1) - 1, -1 << 8 * size - 1)
    ),
    b"\0\xff\xff\xff\xff",
    b"\0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"",
    b"\2",
    b"\3",
    b"\4",
)
#: Length octets that lie or are too many; a decoder must not believe any.
_WRONG_LENGTHS: Final = (
    b"\x84\x7f\xff\xff\xff",
    b"\x84\x80\x00\x00\x00",
    b"\x84\xff\xff\xff\xff",
    b"\x85\x01\x00\x00\x00\x00",
    b"\x88\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff",
)
_ENDLESS_TAG: Final = b"\xff" * 7


def spans_of(text: bytes) -> list[Span]:
    """Return the elements of a text, without what follows its first one."""
    found: list[Span] = []
    size = len(text)
    position = 0
    parent = -1
    parent_end = size  # -1 while the parent is open, of indefinite length
    while position < size and len(found) < SPANS_MAX:
        tag = text[position]
        if parent_end < 0:
            if tag == 0 and text[position : position + 2] == _END:
                start, length_at, content, _, _, above = found[parent]
                found[parent] = (start, length_at, content, position, position + 2, above)
                parent, position = above, position + 2
                parent_end = found[above][3] if above >= 0 else position
                continue
        elif position >= parent_end:
            if parent < 0:
                break
            parent = found[parent][5]
            parent_end = found[parent][3] if parent >= 0 else position
            continue
        length_at = position + 1
        if tag & _LONG_TAG != _LONG_TAG and length_at < size and text[length_at] < _INDEFINITE:
            content = length_at + 1
            end = content + text[length_at]
        else:
            length_at, content, end = _long_header(text, position)
        if end > size:
            break
        found.append((position, length_at, content, end, end, parent))
        if tag & _CONSTRUCTED and end != content:
            parent, parent_end = len(found) - 1, end
            position = content
        elif end < 0:
            break
        else:
            position = end
        if parent < 0:
            parent_end = position
    return [span if span[3] >= 0 else (*span[:3], size, size, span[5]) for span in found]


def _long_header(text: bytes, position: int) -> tuple[int, int, int]:
    """Return where length and content begin and the content ends.

    The end is -1 for the indefinite length, and beyond the text for what makes no sense.
    """
    size = len(text)
    at = position + 1
    if text[position] & _LONG_TAG == _LONG_TAG:
        while at < size and text[at] & 0x80 and at - position < _TAG_OCTETS_MAX:
            at += 1
        at += 1
    if at >= size:
        return at, at, size + 1
    length = text[at]
    content = at + 1
    if length == _INDEFINITE:
        return at, content, -1
    if length > _INDEFINITE:
        content += length & 0x7F
        if content - at - 1 > _LENGTH_OCTETS_MAX:
            return at, content, size + 1
        length = int.from_bytes(text[at + 1 : content], "big")
    return at, content, content + length


def length_octets(length: int) -> bytes:
    """Return the definite form of a length, as short as it can be."""
    if length < _INDEFINITE:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((_INDEFINITE | len(octets),)) + octets


def element(tag: bytes, content: bytes) -> bytes:
    """Return an element of definite length."""
    return tag + length_octets(len(content)) + content


def replaced(text: bytes, spans: list[Span], index: int, new: bytes) -> bytes:
    """Return the text with other bytes in place of an element; the lengths around it are right."""
    start, _, _, _, stop, parent = spans[index]
    growth = len(new) - (stop - start)
    text = text[:start] + new + text[stop:]
    while parent >= 0 and growth:
        _, length_at, content, end, stop, above = spans[parent]
        if end == stop and text[length_at] != _INDEFINITE:
            octets = length_octets(max(0, end - content + growth))
            text = text[:length_at] + octets + text[content:]
            growth += len(octets) - (content - length_at)
        parent = above
    return text


def edit(text: bytes, chance: Chance, size_max: int, known: bytes = b"") -> tuple[bytes, str]:
    """Return a text with one change, and its label.

    Args:
        text: any bytes.
        chance: of the mutation.
        size_max: of contents that are mutated.
        known: the octets of an id that occurs elsewhere in the input; empty for none.
    """
    spans = spans_of(text)
    if not spans:
        return chance.mutated(text, size_max), "mutate ber"
    index = chance.below(len(spans))
    start, length_at, content, end, stop, parent = spans[index]
    roll = chance.below(16)
    if not text[start] & _CONSTRUCTED and roll < 10:
        label, new = _edited_content(text, spans, chance, text[content:end], size_max, known)
        new = element(text[start:length_at], new)
    elif roll < 3 and parent >= 0:
        label, new = "delete ber.element", b""
    elif roll < 6 and parent >= 0:
        label, new = "duplicate ber.element", text[start:stop] * (2 if chance.below(8) else 8)
    else:
        label, new = _reshaped(text, spans, index, chance)
    return replaced(text, spans, index, new), label


def _edited_content(
    text: bytes, spans: list[Span], chance: Chance, old: bytes, size_max: int, known: bytes
) -> tuple[str, bytes]:
    roll = chance.below(8)
    is_short = len(old) <= _INTEGER_OCTETS_MAX
    if is_short and roll < 2:
        value = int.from_bytes(old, "big", signed=True) + (1 if chance.below(2) else -1)
        return "step ber.integer", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
    if is_short and roll < 4:
        return "set ber.integer", chance.pick(INTEGERS)
    if roll == 4:
        return "set ber.text", chance.pick(TEXTS)
    if roll == 5:
        if known and is_short and chance.below(2):
            return "known ber.integer", known
        start, _, content, end, _, _ = chance.pick(spans)
        if not text[start] & _CONSTRUCTED:
            return "copy ber.content", text[content:end]
    return "mutate ber.content", chance.mutated(old, size_max)


def _reshaped(text: bytes, spans: list[Span], index: int, chance: Chance) -> tuple[str, bytes]:
    """Return an element in another shape or place, with its label; the root stays alone."""
    start, length_at, content, end, stop, parent = spans[index]
    roll = chance.below(8 if parent >= 0 else 5)
    whole = text[start:stop]
    if roll == 0:
        depth = chance.pick(_NESTING)
        tag = chance.pick((b"\x30", b"\xa0", b"\xbe", text[start:length_at]))
        return f"nest ber.element {depth}", (tag + b"\x80") * depth + whole + _END * depth
    if roll == 1:
        number = chance.boundary(text[start] & _LONG_TAG, 5) % _LONG_TAG
        return "set ber.tag", bytes((text[start] & 0xE0 | number,)) + text[start + 1 : stop]
    if roll == 2:
        tag = b"\xbf\x81\x80\x01" if text[start] & _CONSTRUCTED else b"\x9f\x81\x80\x01"
        return "lengthen ber.tag", tag + text[length_at:stop]
    if roll == 3:
        return "change form of ber.length", reformed(text, spans[index])
    if roll == 4:
        size = (end - content).to_bytes(_LENGTH_OCTETS_MAX, "big")
        return "lengthen ber.length", text[start:length_at] + b"\x84" + size + text[content:end]
    if roll == 5:
        return "empty ber.element", element(text[start:length_at], b"")
    donor = chance.pick(spans)
    other = text[donor[0] : donor[4]]
    if roll == 6:
        return "copy ber.element", other
    return "add ber.element", whole + other if chance.below(2) else other + whole


def reformed(text: bytes, span: Span) -> bytes:
    """Return an element with its length in the other form, definite or not, where there is one."""
    start, length_at, content, end, stop, _ = span
    tag = text[start:length_at]
    if end < stop or text[length_at] == _INDEFINITE or not text[start] & _CONSTRUCTED:
        return element(tag, text[content:end])
    return tag + b"\x80" + text[content:end] + _END


def breaks(text: bytes, span: Span) -> Iterator[tuple[str, bytes]]:
    """Yield an element with exactly one thing wrong, each with its label.

    What is around the element stays as it was: a length that lies, lies about its surroundings.
    """
    start, length_at, content, end, stop, _ = span
    tag, body, ending = text[start:length_at], text[content:end], text[end:stop]
    length = end - content
    if ending:
        yield "break ber.end missing", tag + b"\x80" + body
        yield "break ber.end twice", tag + b"\x80" + body + ending * 2
        yield "break ber.end cut", tag + b"\x80" + body + b"\0"
        yield "break ber.end wrong", tag + b"\x80" + body + b"\0\1"
    else:
        yield "break ber.length +1", tag + length_octets(length + 1) + body
        if length:
            yield "break ber.length -1", tag + length_octets(length - 1) + body
            yield "break ber.length 0", tag + b"\0" + body
        if not text[start] & _CONSTRUCTED:
            yield "break ber.length indefinite", tag + b"\x80" + body
    for octets in _WRONG_LENGTHS:
        yield f"break ber.length {octets.hex()}", tag + octets + body + ending
    yield "break ber.form", bytes((text[start] ^ _CONSTRUCTED,)) + text[start + 1 : stop]
    for bits in (0x40, 0x80, 0xC0):
        yield f"break ber.class {bits:02x}", bytes((text[start] ^ bits,)) + text[start + 1 : stop]
    yield "break ber.tag endless", _ENDLESS_TAG + text[length_at:stop]


def broken(text: bytes, chance: Chance) -> tuple[bytes, str]:
    """Return a text in which exactly one thing is wrong, and the label."""
    spans = spans_of(text)
    if not spans:
        return chance.scrambled(text), "mutate ber"
    span = chance.pick(spans)
    if chance.below(16) == 0:
        return text[: chance.pick(span[:3])], "break ber cut"
    label, new = chance.pick(tuple(breaks(text, span)))
    return text[: span[0]] + new + text[span[4] :], label


def mutations(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the text with each element broken, changed, moved or cut once, with labels."""
    spans = spans_of(text)
    for index, span in enumerate(spans):
        start, stop = span[0], span[4]
        where = f"in element {index}"
        for label, new in breaks(text, span):
            yield f"{label} {where}", text[:start] + new + text[stop:]
        for name, at in zip(("tag", "length", "content"), span, strict=False):
            yield f"break ber cut before {name} {where}", text[:at]
        for label, new in _changes(text, span):
            yield f"{label} {where}", replaced(text, spans, index, new)


def _changes(text: bytes, span: Span) -> Iterator[tuple[str, bytes]]:
    """Yield what an element can be replaced by so that all is right, with labels."""
    start, length_at, content, end, stop, _ = span
    whole, tag = text[start:stop], text[start:length_at]
    yield "delete ber.element", b""
    yield "duplicate ber.element", whole * 2
    yield "change form of ber.length", reformed(text, span)
    if text[start] & _CONSTRUCTED:
        for depth in _NESTING:
            yield f"nest ber.element {depth}", b"\x30\x80" * depth + whole + _END * depth
        return
    for octets in INTEGERS:
        yield f"set ber.content {octets.hex() or 'none'}", element(tag, octets)
    for number, new in enumerate(TEXTS if end - content > 1 else ()):
        yield f"set ber.text {number}", element(tag, new)


def exchanged(one: bytes, other: bytes, chance: Chance) -> bytes:
    """Return the first text with an element of the second in place of, or behind, one of its own."""
    spans, others = spans_of(one), spans_of(other)
    if not spans or not others:
        return other
    index = chance.below(len(spans))
    donor = chance.pick(others)
    new = other[donor[0] : donor[4]]
    if index and chance.below(3) == 0:
        new = one[spans[index][0] : spans[index][4]] + new
    return replaced(one, spans, index, new)
