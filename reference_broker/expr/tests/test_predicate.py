"""Predicates as values, the limits of the language, and any text at all."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import limits
from reference_broker.expr import (
    BINARY,
    CompileErrorCode,
    EvaluationError,
    ExpressionError,
    Lookup,
    Predicate,
    compile_expression,
)

PIECES = [
    *("a", "b.c", "exists", "exists(", "exists(a)", "true", "false", "0", "-1", '"s"', '"'),
    *("9223372036854775808", "(", ")", "!", "~", "-", "+", "*", "/", "%", "==", "!=", "<", "<="),
    *(">", ">=", "&&", "||", " ", "\t", "=", "&", "é"),
]
TEXTS = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(exclude_categories=()), max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
    st.integers(0, 200).flatmap(lambda count: st.sampled_from(PIECES).map(lambda s: s * count)),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=5),
    st.just(BINARY),
)


def refusal(text: str | bytes) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    return caught.value


def compile_or_refuse(text: str | bytes) -> Predicate | ExpressionError:
    try:
        return compile_expression(text)
    except ExpressionError as error:
        return error


def value_or_false(predicate: Predicate, lookup: Lookup) -> bool:
    try:
        return predicate.evaluate(lookup)
    except EvaluationError:
        return False


# --- predicates


def test_the_attributes():
    predicate = compile_expression(b"b == 1 && exists(a) || b < 0")
    assert predicate.text == str(predicate) == "b == 1 && exists(a) || b < 0"
    assert predicate.properties == ("b", "a")
    assert repr(predicate) == (
        "Predicate(text='b == 1 && exists(a) || b < 0', properties=('b', 'a'))"
    )


def test_predicates_are_equal_by_text():
    one, same, other = [compile_expression(text) for text in ("x == 1", b"x == 1", "x==1")]
    assert one == same
    assert one != other
    assert len({one, same, other}) == 2


def test_predicates_do_not_change():
    predicate = compile_expression("x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        predicate.text = "y"  # type: ignore[misc]


def test_errors_say_what_they_are():
    with pytest.raises(EvaluationError, match=r"NAME error \(-1\)"):
        compile_expression("x").evaluate(lambda _: None)


def test_errors_of_the_lookup_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        compile_expression("x").matches(lambda _: 1 // 0)


# --- limits


@pytest.mark.parametrize("length", [127, 128, 129, 2**20])
def test_the_limit_of_the_length(length):
    assert limits.EXPRESSION_CHARS_MAX == 128
    text = "x".rjust(length)
    if length <= 128:
        assert compile_expression(text).text == text
    else:
        error = refusal(text)
        assert (error.code, error.position) == (CompileErrorCode.TOO_LONG, 0)
        assert str(error) == f"expression is too long ({length}), max allowed length: 128"


def test_the_length_is_that_of_the_bytes():
    assert compile_expression('s == "' + "é" * 60 + '"').properties == ("s",)
    assert refusal('s == "' + "é" * 61 + '"').code == CompileErrorCode.TOO_LONG


@pytest.mark.parametrize("operators", [9, 10, 11, 101])
def test_the_limit_of_operators(operators):
    assert limits.EXPRESSION_OPERATORS_MAX == 10
    text = "!" * (operators - 1) + "x"
    if operators <= 10:
        assert compile_expression(text).matches({"x": operators % 2 == 1}.get)
    else:
        error = refusal(text)
        assert error.code == CompileErrorCode.TOO_COMPLEX
        assert str(error) == f"too many operators ({operators}), max allowed operators: 10"


def test_uses_of_properties_are_operators():
    assert compile_expression("a||b||c||d||e").properties == tuple("abcde")
    assert refusal("a||b||c||d||e||f").code == CompileErrorCode.TOO_COMPLEX
    assert refusal("x||x||x||x||x||x").code == CompileErrorCode.TOO_COMPLEX


@pytest.mark.parametrize("text", ["true", "1", '"x"', "1 == 1", "true && !false"])
def test_an_expression_uses_properties(text):
    error = refusal(text)
    assert (error.code, str(error)) == (
        CompileErrorCode.NO_PROPERTIES,
        "expression does not use any properties",
    )


def test_the_order_of_the_checks():
    assert refusal("@" * 129).code == CompileErrorCode.TOO_LONG
    assert refusal("!" * 20 + "x @").code == CompileErrorCode.SYNTAX
    assert refusal("!" * 20 + "true").code == CompileErrorCode.TOO_COMPLEX


@pytest.mark.parametrize("text", ["(" * 128, "(" * 64 + "x", "!" * 128, "x" + ")" * 127])
def test_nesting_alone_is_an_error_like_any_other(text):
    assert refusal(text).code == CompileErrorCode.SYNTAX


def test_parentheses_are_not_operators():
    assert compile_expression("(" * 63 + "x" + ")" * 63).matches({"x": True}.get)


@pytest.mark.parametrize("text", ['é == "\ud800"', 'é == "'.encode() + b'\xff"'])
def test_what_is_not_utf8(text):
    error = refusal(text)
    assert error.code == CompileErrorCode.SYNTAX
    assert str(error) == "syntax error, unexpected invalid character at offset 7"
    assert error.position == 7


# --- any text, any values


@given(TEXTS)
def test_any_text_is_a_predicate_or_an_expression_error(text):
    compiled = compile_or_refuse(text)
    if isinstance(compiled, Predicate):
        assert compiled == compile_expression(text.encode())
    else:
        assert 0 <= compiled.position <= len(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_predicate_or_an_expression_error(text):
    compiled = compile_or_refuse(text)
    if isinstance(compiled, ExpressionError):
        assert 0 <= compiled.position <= len(text)


@given(st.lists(st.sampled_from(PIECES), max_size=9).map(" ".join), st.lists(VALUES, min_size=3))
def test_any_values_have_a_boolean_or_an_evaluation_error(text, values):
    lookup = dict(zip(["a", "b.c", "exists"], values, strict=False)).get
    compiled = compile_or_refuse(text)
    if isinstance(compiled, Predicate):
        assert compiled.matches(lookup) is value_or_false(compiled, lookup)
