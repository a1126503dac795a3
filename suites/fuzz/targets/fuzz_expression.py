"""An expression compiles exactly if it is of the grammar, and says of any message what a witness says.

An input is the text of a subscription expression. The witness is `expression_witness`. For any text:

- it is refused for its grammar if and only if it is not of the grammar, else for its limits only;
- for each of a few messages it has the value, or the error, that the witness finds, every time;
- a message matches if and only if that value is true;
- in parentheses, negated, and with itself it says what logic says;
- it prints as it was written, and tells each of its properties once.

Accepted rejections: `ExpressionError` of compilation, `EvaluationError` of evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from reference_broker.base.limits import (
    EXPRESSION_CHARS_MAX,
    EXPRESSION_OPERATORS_MAX,
    EXPRESSION_PROPERTIES_MAX,
)
from reference_broker.expr import (
    BINARY,
    CompileErrorCode,
    EvaluationError,
    EvaluationErrorCode,
    ExpressionError,
    Predicate,
    Value,
    compile_expression,
)
from suites.fuzz.oracles.expression_witness import NotAnExpressionError, Outcome, witness

_MAX: Final = 2**63 - 1
_MIN: Final = -(2**63)
#: What expressions are asked about: names are short, so that a fuzzer finds them.
_NAMES: Final = ("i", "l", "b", "f", "s", "q", "min", "max", "bin", "z", "exists")
_VALUES: Final[tuple[tuple[Value, ...], ...]] = (
    (5, 5_000_000_000, True, False, b"foo", b'a\\"b', _MIN, _MAX, BINARY, 0, 1),
    (-1, _MAX, False, b"", b"fo", BINARY, 1, _MIN, b"\xff", True, None),
)
MESSAGES: Final[tuple[Mapping[str, Value], ...]] = (
    {},
    *(dict(zip(_NAMES, values, strict=True)) for values in _VALUES),
)

_Answer: TypeAlias = bool | EvaluationErrorCode
#: What is made of an expression, `?` being itself again, and whether that negates it.
_FORMS: Final = (
    (b"(", b")", False),
    (b"!(", b")", True),
    (b"(", b") && (?)", False),
    (b"(", b") || (?)", False),
    (b"(", b") == true", False),
    (b"true != (", b")", True),
)


def test_one_input(data: bytes) -> None:
    """Compile `data` and ask it about messages.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    expected = _witnessed(data)
    try:
        predicate = compile_expression(data)
    except ExpressionError as error:
        _check_refusal(error, data, is_right=expected is not None)
        return
    assert expected is not None, f"{data!r} is accepted, but not of the grammar"
    assert len(data) <= EXPRESSION_CHARS_MAX, f"{len(data)} characters are accepted"
    assert predicate.text.encode() == data, f"{data!r} is printed as {predicate}"
    names = predicate.properties
    assert len(set(names)) == len(names) <= EXPRESSION_PROPERTIES_MAX, f"{data!r} uses {names}"
    answers: list[_Answer] = []
    for message, outcome in zip(MESSAGES, expected, strict=True):
        found = _asked(predicate, message)
        answers.append(found)
        assert found == _plain(outcome), f"{data!r} of {message} is {found}, not {outcome}"
        matches = predicate.matches(message.get)
        assert matches == (found is True), f"{data!r} of {message}: {found}, but {matches}"
    _check_logic(data, answers)


def _witnessed(text: bytes) -> list[Outcome] | None:
    """Return what the witness says of each message; None if the text is not of the grammar."""
    try:
        text.decode()
        return witness(text, MESSAGES)
    except (NotAnExpressionError, UnicodeDecodeError):
        return None


def _plain(outcome: Outcome) -> _Answer:
    return bool(outcome.value) if outcome.error is None else outcome.error


def _asked(predicate: Predicate, message: Mapping[str, Value]) -> _Answer:
    try:
        return predicate.evaluate(message.get)
    except EvaluationError as error:
        return error.code


def _check_refusal(error: ExpressionError, text: bytes, *, is_right: bool) -> None:
    assert 0 <= error.position <= len(text), f"{error.position} is outside of {text!r}: {error}"
    match error.code:
        case CompileErrorCode.SYNTAX:
            assert not is_right, f"{text!r} is of the grammar: {error}"
        case CompileErrorCode.TOO_LONG:
            assert len(text) > EXPRESSION_CHARS_MAX, f"{len(text)} characters: {error}"
        case CompileErrorCode.TOO_COMPLEX:
            assert is_right, f"{text!r} is not of the grammar: {error}"
            assert len(text) > EXPRESSION_OPERATORS_MAX, f"{text!r}: {error}"
        case CompileErrorCode.NO_PROPERTIES:
            assert is_right, f"{text!r} is not of the grammar: {error}"


def _check_logic(text: bytes, answers: list[_Answer]) -> None:
    """Compare with something that is made of the expression, if it does not become too large."""
    before, after, is_negated = _FORMS[len(text) % len(_FORMS)]
    other = _compiled(before + text + after.replace(b"?", text))
    if other is None:
        return
    for message, answer in zip(MESSAGES, answers, strict=True):
        found = not answer if is_negated and isinstance(answer, bool) else answer
        made = _asked(other, message)
        assert made == found, f"{other} of {message} is {made}, not {found}"


def _compiled(text: bytes) -> Predicate | None:
    try:
        return compile_expression(text)
    except ExpressionError as error:
        _check_excuse(error, text)
        return None


def _check_excuse(error: ExpressionError, text: bytes) -> None:
    limits = (CompileErrorCode.TOO_LONG, CompileErrorCode.TOO_COMPLEX)
    assert error.code in limits, f"{text!r} is refused: {error}"
