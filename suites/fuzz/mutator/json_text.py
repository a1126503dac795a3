"""JSON texts: their values, changes that leave JSON, and changes that break one thing.

A text is cut into tokens; every value has a span, and a member of an object one that begins with its
name. Reading stops after `TOKENS_MAX` tokens; it needs no well-formed text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, TypeAlias

from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.texts import TEXTS

#: Tokens and bytes that are looked at in one text.
TOKENS_MAX: Final = 512
TEXT_BYTES_MAX: Final = 4096

_TOKEN: Final = re.compile(
    rb'("(?:[^"\\]|\\.)*"\s*:)|("(?:[^"\\]|\\.)*"|[^\s{}\[\]:,"]+)|([{\[])|([}\]])', re.DOTALL
)
_NAME, _SCALAR, _OPENING = 1, 2, 3
#: What values are changed to, all of them JSON.
VALUES: Final = (
    b"0", b"1", b"-1", b"2147483647", b"2147483648", b"-2147483649", b"4294967295", b"4294967296",
    b"9223372036854775807", b"9223372036854775808", b"18446744073709551615",
    b"18446744073709551616", b"1.5", b"1e2", b"1e999", b"-0", b"9" * 400, b"null", b"true",
    b"false", b'""', b'"0"', b"[]", b"{}", b'"\\u0000"', b'"\\ud800"', b'"E_UNKNOWN"', b'"="',
    b'"QUJD"',
)  # fmt: skip
#: What is put in place of a value to break the text at exactly that place.
_WRONG: Final = (
    b"", b"01", b"+1", b"1.", b".5", b"NaN", b"Infinity", b"nul", b"'x'", b'"x', b'"\\q"', b'"\\u12"',
    b'"\n"', b"\xff", b'"\xc3"', b"[", b"]", b"{", b"}", b"{1:2}", b'{"a"}', b"[1,]", b"1 2",
)  # fmt: skip
_NESTING: Final = (1, 2, 31, 32, 33, 64, 1000)


#: One value: the index of its first byte, the index behind its last, and where its member begins,
#: with the name; its own first byte if it has no name.
Value: TypeAlias = tuple[int, int, int]


def values_of(text: bytes) -> list[Value]:
    """Return the values of a text, those inside before those around them."""
    found: list[Value] = []
    opened: list[tuple[int, int]] = []
    name = -1
    for token in islice(_TOKEN.finditer(text, 0, TEXT_BYTES_MAX), TOKENS_MAX):
        start, stop = token.span()
        kind = token.lastindex
        if kind == _NAME:
            name = start
        elif kind == _SCALAR:
            found.append((start, stop, start if name < 0 else name))
            name = -1
        elif kind == _OPENING:
            opened.append((start, start if name < 0 else name))
            name = -1
        elif opened:
            start, member = opened.pop()
            found.append((start, stop, member))
    return found


def edit(text: bytes, chance: Chance, size_max: int, known: bytes = b"") -> tuple[bytes, str]:
    """Return a text with one change, and its label.

    Args:
        text: any bytes.
        chance: of the mutation.
        size_max: of values that are mutated.
        known: the digits of an id that occurs elsewhere in the input; empty for none.
    """
    values = values_of(text)
    if not values:
        return chance.mutated(text, size_max), "mutate json"
    value = chance.pick(values)
    start, stop, member = value
    roll = chance.below(16)
    if roll < 4:
        new, label = chance.pick(VALUES), "set json.value"
    elif roll < 6:
        return text[:start] + _stepped(text[start:stop], chance) + text[stop:], "step json.value"
    elif roll == 6:
        new, label = quoted(chance.pick(TEXTS)), "set json.text"
    elif roll == 7:
        first, last, _ = chance.pick(values)
        new, label = known or text[first:last], "copy json.value"
    elif roll < 10:
        return _without(text, value), "delete json.member"
    elif roll < 12:
        count = 1 if chance.below(16) else 8
        return text[:stop] + (b"," + text[member:stop]) * count + text[
            stop:
        ], "duplicate json.member"
    elif roll == 12:
        depth = chance.pick(_NESTING[:-1])
        new, label = b"[" * depth + text[start:stop] + b"]" * depth, f"nest json.value {depth}"
    elif roll == 13:
        _, last, first = chance.pick(values)
        return text[:stop] + b"," + text[first:last] + text[stop:], "add json.member"
    else:
        new, label = chance.mutated(text[start:stop], size_max), "mutate json.value"
    return text[:start] + new + text[stop:], label


def _stepped(old: bytes, chance: Chance) -> bytes:
    """Return a number that is next to the old one, or a text that is one longer or shorter."""
    if old[:1] == b'"':
        return old[:-2] + b'"' if chance.below(2) else old[:-1] + b'x"'
    try:
        return b"%d" % (int(old[:20]) + (1 if chance.below(2) else -1))
    except ValueError:
        return chance.pick(VALUES)


def quoted(data: bytes) -> bytes:
    """Return bytes as a string of JSON; octets that are no UTF-8 stay what they are."""
    return (
        b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\0", b"\\u0000") + b'"'
    )


def _without(text: bytes, value: Value) -> bytes:
    """Return a text without a member, and without one of the commas beside it."""
    _, stop, member = value
    before, after = text[:member], text[stop:]
    if after.lstrip()[:1] == b",":
        return before + after.lstrip()[1:]
    stripped = before.rstrip()
    return (stripped[:-1] if stripped.endswith(b",") else before) + after


def broken(text: bytes, chance: Chance) -> tuple[bytes, str]:
    """Return a text in which exactly one thing is wrong, and the label."""
    values = values_of(text)
    if not values:
        return chance.scrambled(text), "mutate json"
    start, stop, _ = chance.pick(values)
    roll = chance.below(8)
    if roll == 0:
        return text[:stop], "break json cut"
    if roll == 1:
        return text[:stop] + chance.pick((b",", b":", b"]", b"}")) + text[stop:], "break json.comma"
    if roll == 2:
        return text[:start] + b"[" * _NESTING[-1] + text[start:], "break json.nesting"
    new = chance.pick(_WRONG)
    return text[:start] + new + text[stop:], f"break json.value {new!r}"


def mutations(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the text with each value changed, broken, moved or cut once, with labels."""
    for index, value in enumerate(values_of(text)):
        start, stop, member = value
        before, after, where = text[:start], text[stop:], f"in value {index}"
        for label, new in _changes(text[start:stop]):
            yield f"{label} {where}", before + new + after
        yield f"delete json.member {where}", _without(text, value)
        yield f"duplicate json.member {where}", text[:stop] + b"," + text[member:stop] + after
        yield f"break json cut {where}", before


def _changes(old: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what a value can be replaced by, with labels."""
    for number, new in enumerate(VALUES):
        yield f"set json.value {number} {new[:24]!r}", new
    for number, data in enumerate(TEXTS if old[:1] == b'"' else ()):
        yield f"set json.text {number}", quoted(data)
    for new in _WRONG:
        yield f"break json.value {new!r}", new
    for depth in _NESTING:
        yield f"nest json.value {depth}", b"[" * depth + old + b"]" * depth


def exchanged(one: bytes, other: bytes, chance: Chance) -> bytes:
    """Return the first text with a value of the second in place of one of its own."""
    values, others = values_of(one), values_of(other)
    if not values or not others:
        return other
    start, stop, _ = chance.pick(values)
    first, last, _ = chance.pick(others)
    return one[:start] + other[first:last] + one[stop:]
