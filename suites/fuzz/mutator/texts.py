"""Texts that mean something to a broker, right and wrong: URIs, names, expressions, commands."""

from __future__ import annotations

from typing import Final

#: Ordered by what they are; a depth-1 enumeration numbers them.
TEXTS: Final = (
    b"",
    b"bmq://bmq.test.mem.priority/q1",
    b"bmq://bmq.test.mem.priority/q2",
    b"bmq://bmq.test.mem.fanout/q1?id=foo",
    b"bmq://bmq.test.mem.priority.~lcl/q1",
    b"bmq://bmq.test.mem.priority/",
    b"bmq://nobody.knows/q1",
    b"bmq:///q1",
    b"bmq://" + b"d" * 260 + b"/q",
    b"__default",
    b"foo",
    b"price > 5 && exists(name)",
    b'name == "pear" || -price * 2 <= 1',
    b"(" * 40 + b"x" + b")" * 40,
    b"-" * 200 + b"x",
    b"x / 0",
    b"-9223372036854775808 / -1",
    b"99999999999999999999 > x",
    b"HELP",
    b"DOMAINS DOMAIN bmq.test.mem.priority QUEUE q1 LIST 0 10",
    b"STAT SHOW",
    b"\0",
    b"\xff\xfe\xc3\x28",
    b"\xed\xa0\x80",
    b"A" * 300,
)
