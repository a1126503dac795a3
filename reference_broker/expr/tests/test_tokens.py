"""Where tokens start and end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.expr.tokens import tokens_of

END = "end of expression"


def kinds(text: bytes) -> list[str]:
    return [token.kind for token in tokens_of(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a_.9Z", ["property"]),
        (b"_a", ["invalid character", "property"]),
        (b".a", ["invalid character", "property"]),
        (b"9a", ["integer", "property"]),
        (b"true false exists", ["true", "false", "exists"]),
        (b"True truex true.x exists_ existsx", ["property"] * 5),
        (b"i-1", ["property", "integer"]),
        (b"i- 1", ["property", "-", "integer"]),
        (b"i--1", ["property", "-", "integer"]),
        (b"-9223372036854775808 9223372036854775807", ["integer", "integer"]),
        (b"-9223372036854775809 9223372036854775808", ["overflow", "overflow"]),
        (b"0009223372036854775807", ["integer"]),
        (rb'"" "a" "\"" "\\" "\n"', ["string"] * 5),
        (b'"two\nlines" "\xc3\xa9\xff"', ["string"] * 2),
        (rb'"\"', ["invalid character"] * 3),
        (b'"\\\n"', ["invalid character"] * 2 + ["invalid character"]),
        (b'"\0"', ["invalid character"] * 3),
        (b"!~!=~=", ["!", "!", "!=", "!", "invalid character"]),
        (b"<=<>>====", ["<=", "<", ">", ">=", "==", "invalid character"]),
        (b"&&&|||", ["&&", "invalid character", "||", "invalid character"]),
        (b"*/%+-()", ["*", "/", "%", "+", "-", "(", ")"]),
        (b"\t\n \r\v\f", ["invalid character"] * 3),
    ],
)
def test_kinds(text, expected):
    assert kinds(text) == [*expected, END]


def test_texts_and_positions():
    text = b' ab  >= -12\t&& "x y"'
    assert [(token.text, token.position) for token in tokens_of(text)] == [
        (b"ab", 1),
        (b">=", 5),
        (b"-12", 8),
        (b"&&", 12),
        (b'"x y"', 15),
        (b"", 15),
    ]


@pytest.mark.parametrize(
    ("text", "position"), [(b"", 0), (b" ", 0), (b"   ", 2), (b"abc", 0), (b"i == ", 4)]
)
def test_the_end_is_at_the_last_token_or_blank(text, position):
    assert tokens_of(text)[-1] == (END, b"", position)


@given(st.binary(max_size=200))
def test_tokens_and_blanks_are_all_there_is(text):
    *tokens, end = tokens_of(text)
    position = 0
    for token in tokens:
        assert not text[position : token.position].strip(b" \t\n")
        assert text.startswith(token.text, token.position)
        position = token.position + len(token.text)
    assert not text[position:].strip(b" \t\n")
    assert end.kind == END
