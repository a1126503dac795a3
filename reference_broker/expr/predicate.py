"""Compiled expressions: compiled once for a subscription, asked for every message.

Peer: bmqeval_simpleevaluator, SimpleEvaluator.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reference_broker.base import limits
from reference_broker.expr.errors import (
    CompileErrorCode,
    EvaluationError,
    EvaluationErrorCode,
    ExpressionError,
)
from reference_broker.expr.evaluation import Evaluate, build, rewrite
from reference_broker.expr.lookup import Lookup
from reference_broker.expr.parser import parse


@dataclass(frozen=True, slots=True)
class Predicate:
    """What an expression says of messages; `compile_expression` makes it.

    Predicates are equal if their texts are.

    Attributes:
        text: the expression as it was given.
        properties: the names that it uses, each once, in the order of the text.
    """

    text: str
    properties: tuple[str, ...] = field(compare=False)
    _evaluate: Evaluate = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def matches(self, lookup: Lookup) -> bool:
        """Tell whether a message is meant; any error of the evaluation is a no [EXPR-21]."""
        try:
            return self._evaluate(lookup) is True
        except EvaluationError:
            return False

    def evaluate(self, lookup: Lookup) -> bool:
        """Return the value of the expression for a message.

        Raises:
            EvaluationError: NAME, TYPE (also when the value is no boolean [EXPR-20]) or ARITHMETIC.
        """
        value = self._evaluate(lookup)
        if value is True or value is False:
            return value
        raise EvaluationError(EvaluationErrorCode.TYPE)


def compile_expression(text: str | bytes) -> Predicate:
    """Return the predicate that a text of language version 1 describes.

    Unlike the peer we take no text that is not UTF-8, and none with a zero byte in a string.

    Raises:
        ExpressionError: with the peer's code and text: too many operators [EXPR-6], too long
            [EXPR-7], no property [EXPR-5], or not of the grammar.
    """
    decoded, encoded = _decode(text)
    if len(encoded) > limits.EXPRESSION_CHARS_MAX:
        message = (
            f"expression is too long ({len(encoded)}), "
            f"max allowed length: {limits.EXPRESSION_CHARS_MAX}"
        )
        raise ExpressionError(CompileErrorCode.TOO_LONG, message)
    root, operators, properties = parse(encoded)
    if operators > limits.EXPRESSION_OPERATORS_MAX:
        message = (
            f"too many operators ({operators}), "
            f"max allowed operators: {limits.EXPRESSION_OPERATORS_MAX}"
        )
        raise ExpressionError(CompileErrorCode.TOO_COMPLEX, message)
    if not properties:
        message = "expression does not use any properties"
        raise ExpressionError(CompileErrorCode.NO_PROPERTIES, message)
    assert len(properties) <= limits.EXPRESSION_PROPERTIES_MAX, properties  # each is an operator
    return Predicate(decoded, tuple(dict.fromkeys(properties)), build(rewrite(root)))


def _decode(text: str | bytes) -> tuple[str, bytes]:
    """Return the text and its UTF-8 form."""
    try:
        return (text.decode(), text) if isinstance(text, bytes) else (text, text.encode())
    except UnicodeDecodeError as error:
        position = error.start
    except UnicodeEncodeError as error:
        position = len(error.object[: error.start].encode())
    message = f"syntax error, unexpected invalid character at offset {position}"
    raise ExpressionError(CompileErrorCode.SYNTAX, message, position)
