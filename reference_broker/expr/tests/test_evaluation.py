"""What operations do with values of all types, at the ends of their ranges, and when they fail."""

from __future__ import annotations

import pytest

from reference_broker.expr import (
    BINARY,
    EvaluationError,
    EvaluationErrorCode,
    Value,
    compile_expression,
)

MAX = 2**63 - 1
MIN = -(2**63)
NAME, TYPE, ARITHMETIC = EvaluationErrorCode
PROPERTIES: dict[str, Value] = {
    "t": True,
    "f": False,
    "zero": 0,
    "one": 1,
    "i": 42,
    "minus": -1,
    "max": MAX,
    "min": MIN,
    "s": b"foo",
    "empty": b"",
    "bytes": BINARY,
    "exists": 42,
}


def value(text: str) -> bool:
    return compile_expression(text).evaluate(PROPERTIES.get)


def error(text: str) -> EvaluationErrorCode:
    predicate = compile_expression(text)
    assert predicate.matches(PROPERTIES.get) is False
    with pytest.raises(EvaluationError) as caught:
        predicate.evaluate(PROPERTIES.get)
    return caught.value.code


@pytest.mark.parametrize("left", ["i", "s"])
@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("==", (False, True, False)),
        ("!=", (True, False, True)),
        ("<", (False, False, True)),
        ("<=", (False, True, True)),
        (">", (True, False, False)),
        (">=", (True, True, False)),
    ],
)
def test_comparisons(left, symbol, expected):
    others = {"i": ("41", "42", "43"), "s": ('"bar"', '"foo"', '"zig"')}[left]
    assert tuple(value(f"{left} {symbol} {other}") for other in others) == expected


def test_strings_are_compared_by_their_bytes():
    assert value('s < "fooo"')
    assert value('empty == ""')
    assert value('empty < "\t"')
    lookup = {"s": "é".encode()}.get
    assert compile_expression('s == "é"').evaluate(lookup)
    assert compile_expression('s > "z"').evaluate(lookup)
    assert compile_expression('s > "\u00e8" && s < "\u00ea"').evaluate(lookup)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("max + one", MIN),
        ("min - one", MAX),
        ("max * max", 1),
        ("max * 2", -2),
        ("min * minus", MIN),
        ("- min", MIN),
        ("- max", -MAX),
        ("i / 5", 8),
        ("- i / 5", -8),
        ("i / -5", -8),
        ("- i / -5", 8),
        ("i % 5", 2),
        ("- i % 5", -2),
        ("i % -5", 2),
        ("- i % -5", -2),
        ("max / minus", -MAX),
        ("min / one", MIN),
        ("min % 2", 0),
        ("zero / i", 0),
    ],
)
def test_arithmetic(expression, result):
    assert value(f"{expression} == {result}")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nope", NAME),
        ("!nope", NAME),
        ("- nope == 1", NAME),
        ("nope + 1 == 1", NAME),
        ("s == nope", NAME),
        ("nope == s", NAME),
        ("t + nope == 1", NAME),
        ("s && nope", TYPE),
        ("bytes", TYPE),
        ('bytes == "x"', TYPE),
        ("bytes == nope", TYPE),
        ("i", TYPE),
        ("s", TYPE),
        ("i + 1", TYPE),
        ("!i", TYPE),
        ("!s", TYPE),
        ("- t == 1", TYPE),
        ("- s == 1", TYPE),
        ("i == s", TYPE),
        ("s == i", TYPE),
        ("i == t", TYPE),
        ("t == f", TYPE),
        ("one == t", TYPE),
        ("t < one", TYPE),
        ("t + one == 2", TYPE),
        ("one * t == 1", TYPE),
        ("s + s == s", TYPE),
        ("i && t", TYPE),
        ("t && i", TYPE),
        ("f || i", TYPE),
        ("f || s", TYPE),
        ("i / zero == 0", ARITHMETIC),
        ("i % zero == 0", ARITHMETIC),
        ("min / minus == 0", ARITHMETIC),
        ("min % minus == 0", ARITHMETIC),
        ("t && i / zero == 0", ARITHMETIC),
    ],
)
def test_errors(text, code):
    assert error(text) == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t || nope", True),
        ("f && nope", False),
        ("t || i / zero == 0", True),
        ("f && i", False),
        ("exists(nope) && nope > 1", False),
        ("!exists(nope) || nope > 1", True),
    ],
)
def test_what_is_not_needed_is_not_looked_at(text, expected):
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exists(f)", True),
        ("exists(zero)", True),
        ("exists(empty)", True),
        ("exists(nope)", False),
        ("exists(bytes)", False),
        ("exists(exists)", True),
        ("exists == 42", True),
    ],
)
def test_exists(text, expected):
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t == true", True),
        ("t != true", False),
        ("t == false", False),
        ("t != false", True),
        ("true == f", False),
        ("true != f", True),
        ("false == f", True),
        ("false != f", False),
        ("i > 1 == true", True),
        ("t == (true)", True),
        ("(f == false) == (t != true)", TYPE),
        ("(true == true) == t", True),
        ("(true != true) == t", False),
        ("(t == true) != false", True),
        ("true == true || f", True),
        ("true == false || f", False),
        ("true != false || f", True),
        # The peer rewrites `x == true` to `x` whatever x is.
        ("(i == true) + 1 == 43", True),
        ("i == false", TYPE),
        # Not a literal any more.
        ("!true == t", TYPE),
        ("(true && true) == t", TYPE),
        ("t < true", TYPE),
        ("true <= true || t", TYPE),
    ],
)
def test_comparisons_to_boolean_literals(text, expected):
    if isinstance(expected, EvaluationErrorCode):
        assert error(text) == expected
    else:
        assert value(text) is expected
