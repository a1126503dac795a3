"""What texts and numbers of a message are changed to: what broke programs before, in fixed order.

Every entry has a name that says what it is, since labels are made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

#: Lengths at which buffers and length fields end.
_LENGTHS: Final = (
    31, 32, 33, 63, 64, 65, 127, 128, 129, 254, 255, 256, 257, 511, 512, 1023, 1024, 1025, 2047, 2048,
    4095, 4096, 4097, 5000, 9999, 10_000, 16_383, 16_384, 32_767, 32_768, 65_535, 65_536,
)  # fmt: skip
_REPEATED: Final = b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ \t\r\n\x7f"
_COUNTS: Final = (1, 2, 10, 128, 1024)
_FORMATS: Final = (
    "%", "%%", "%n", "%s", "%d", "%x", "%p", "%.1024d", "%99999d", "%1$n", "%s%n%x", "{}", "{0}",
    "{0.__class__}", "${x}", "$(id)", "`id`", "#{7*7}", "{{7*7}}", "%00", "%0a", "%c0%af", "&lt;", "&#0;",
    "\\0", "\\x00", "\\u0000", "\\", "\\\\", '\\"', '"', "'", "' OR 1=1 --", "; id", "| id", "&& id",
    "../../../etc/passwd", "..\\..", "/", "//", "/dev/zero", "file:///etc/passwd", "<!--", "<x/>", "]]>",
    "NULL", "null", "None", "nil", "undefined", "true", "false", "NaN", "Infinity", "-1", "0", "1e999",
    "0x7fffffff", "CON", "~", "*", "?", "#", "?id=", "?id=a", "&id=b", "?id=a&id=b", ":", "::", "@",
)  # fmt: skip
_UNICODE: Final = (
    "\u00e9", "\u00df", "\u017f", "\u0130", "\u0131", "\u00a0", "\u0300", "e\u0301" * 40, "\u200b", "\u202e", "\u2028", "\ufeff",
    "\ufffd", "\uffff", "\U0001d518", "\U0001f600" * 40, "\U0010ffff", "\ud55c\uae00", "\u65e5\u672c", "\u05e2\u05d1", "\u0085", "\x1b[31m",
)  # fmt: skip
#: Octets that are no UTF-8, or end texts of C.
_OCTETS: Final = (
    b"\0", b"\0" * 128, b"a\0b", b"\0a", b"a\0", b"\1", b"\x80", b"\xbf", b"\xc0\x80", b"\xc0\xaf",
    b"\xc1\xbf", b"\xc3", b"\xc3\x28", b"\xe0\x80\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xed\xbf\xbf",
    b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80",
    b"\xfe", b"\xff", b"\xff\xfe", b"\xfe\xff", b"\xff" * 300, b"\xde\xad\xbe\xef",
)  # fmt: skip
_DEEP: Final = (
    "(",
    "[",
    "{",
    "-",
    "!",
    "~",
    "((-",
    "x&&",
    "x||",
    "(x+",
    "bmq://",
    "a.",
    "a/",
    "?id=",
)
_DEPTHS: Final = (10, 33, 100, 1000)
_JOINTS: Final = (b"\0", b" ", b"\n", b"/", b".", b"?", b"A", b"\xff", b"%", b"~")
_OLD_REPEATS: Final = (2, 3, 10, 100)
#: Bits of values at the edges of signed and unsigned types.
_TYPE_BITS: Final = (7, 8, 15, 16, 23, 24, 31, 32, 53, 63, 64)
_QUOTIENTS: Final = (3, 5, 6, 10)


@cache
def texts() -> tuple[tuple[str, bytes], ...]:
    """Return texts with names: long, of formats and paths, not ASCII, no UTF-8, deep."""
    found = [(f"long {length}", b"A" * length) for length in _LENGTHS]
    found += [
        (f"{bytes((octet,))!r} x {count}", bytes((octet,)) * count)
        for octet in _REPEATED
        for count in _COUNTS
    ]
    found += [(f"format {text!r}", text.encode()) for text in _FORMATS]
    found += [(f"formats {text!r}", text.encode() * 64) for text in _FORMATS[2:8]]
    found += [(f"unicode {number}", text.encode()) for number, text in enumerate(_UNICODE)]
    found += [(f"octets {octets[:8].hex()} {len(octets)}", octets) for octets in _OCTETS]
    found += [
        (f"deep {text!r} {depth}", text.encode() * depth) for text in _DEEP for depth in _DEPTHS
    ]
    return tuple(found)


def texts_like(old: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield changes of a text that is there: cut, repeated, with something before, in or behind it."""
    middle = len(old) // 2
    for joint in _JOINTS:
        yield f"before {joint!r}", joint + old
        yield f"behind {joint!r}", old + joint
        yield f"inside {joint!r}", old[:middle] + joint + old[middle:]
    for count in _OLD_REPEATS:
        yield f"itself x {count}", old * count
    yield "upper", old.upper()
    yield "lower", old.lower()
    yield "reversed", old[::-1]
    for size in range(len(old)):
        yield f"first {size}", old[:size]


@cache
def integers() -> tuple[int, ...]:
    """Return numbers at the edges of their types, and around quotients of the largest ones."""
    edges = {sign * (1 << bits) for bits in _TYPE_BITS for sign in (1, -1)}
    around = {edge + by for edge in edges for by in (-1, 0, 1)}
    powers = {1 << bits for bits in range(34)}
    quotients = {((1 << 32) - 1) // part + by for part in _QUOTIENTS for by in (-1, 0, 1)}
    return tuple(sorted({*around, *powers, *quotients, *range(-3, 11), 999_999, -999_999}))


def octets_of(number: int) -> bytes:
    """Return a number in two's complement, as short as it can be: the content of a BER integer."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
