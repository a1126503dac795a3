"""From a tree to nested functions of a message's properties.

| operation    | rule                                                                           |
|--------------|--------------------------------------------------------------------------------|
| a property   | absent: NAME; BINARY: TYPE                                                     |
| comparison   | two integers, or two strings by their bytes; anything else: TYPE               |
| arithmetic   | integers of 64 bits that wrap around; `/` truncates toward zero and `%` has    |
|              | the sign of the dividend; by 0, and the minimum by -1: ARITHMETIC              |
| not, and, or | booleans, from left to right, and what is not needed is not looked at          |
| `exists(p)`  | whether p is there and not BINARY                                              |

Both sides of a comparison or of arithmetic are evaluated before their types are looked at, so
`s == nope` is a NAME error.

Booleans cannot be compared, but `==` and `!=` with a literal `true` or `false` are rewritten before
evaluation: `x == true` is `x`, and `x == false` is `!x`. The peer rewrites without a look at the
type, and so do we: `(i == true) + 1` adds 1 to an integer `i`.

Peer: bmqeval_simpleevaluator.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from reference_broker.expr.errors import EvaluationError, EvaluationErrorCode
from reference_broker.expr.lookup import BINARY, Lookup
from reference_broker.expr.parser import (
    BinaryOperation,
    Exists,
    Literal,
    Node,
    PropertyUse,
    UnaryOperation,
)
from reference_broker.expr.tokens import INT64_MIN

#: Evaluates a part of an expression.
Evaluate: TypeAlias = Callable[[Lookup], int | bytes | bool]

_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WRAP: Final = 2**64 - 1


def rewrite(node: Node) -> Node:
    """Return the tree without comparisons to boolean literals [EXPR-11].

    The tree is as deep as an expression has operators, so callers check their number first.
    """
    match node:
        case UnaryOperation(symbol, operand):
            return UnaryOperation(symbol, rewrite(operand))
        case BinaryOperation("==" | "!=" as symbol, left, right):
            return _rewrite_equality(symbol, rewrite(left), rewrite(right))
        case BinaryOperation(symbol, left, right):
            return BinaryOperation(symbol, rewrite(left), rewrite(right))
        case _:
            return node


def _rewrite_equality(symbol: str, left: Node, right: Node) -> Node:
    match left, right:
        case Literal(bool() as literal), Literal(bool() as other_literal):
            return Literal(_COMPARISONS[symbol](literal, other_literal))
        case (Literal(bool() as literal), other) | (other, Literal(bool() as literal)):
            return other if literal == (symbol == "==") else UnaryOperation("!", other)
        case _:
            return BinaryOperation(symbol, left, right)


def build(node: Node) -> Evaluate:
    """Return the function that evaluates a rewritten tree; it raises nothing but `EvaluationError`."""
    match node:
        case Literal(value):
            return lambda _: value
        case PropertyUse(name):
            return _property(name)
        case Exists(name):
            return lambda lookup: lookup(name) not in (None, BINARY)  # [EXPR-16, EXPR-9]
        case UnaryOperation(symbol, operand):
            return (_negation if symbol == "!" else _minus)(build(operand))
        case BinaryOperation("&&", left, right):
            return _conjunction(build(left), build(right))
        case BinaryOperation("||", left, right):
            return _disjunction(build(left), build(right))
        case BinaryOperation(symbol, left, right) if symbol in _COMPARISONS:
            return _comparison(_COMPARISONS[symbol], build(left), build(right))
        case BinaryOperation(symbol, left, right):
            return _arithmetic(_ARITHMETIC[symbol], build(left), build(right))


def _property(name: str) -> Evaluate:
    """Return what looks at a property: one that is absent [EXPR-17] or BINARY [EXPR-9] is an error."""

    def evaluate(lookup: Lookup) -> int | bytes | bool:
        value = lookup(name)
        if value is None:
            raise EvaluationError(EvaluationErrorCode.NAME)
        if value is BINARY:
            raise EvaluationError(EvaluationErrorCode.TYPE)
        return value

    return evaluate


def _negation(operand: Evaluate) -> Evaluate:
    """Return `!`, which only booleans have [EXPR-14]."""
    return lambda lookup: not _boolean(operand(lookup))


def _conjunction(left: Evaluate, right: Evaluate) -> Evaluate:
    """Return `&&`, which looks to the right only if the left is true [EXPR-15]."""
    return lambda lookup: _boolean(left(lookup)) and _boolean(right(lookup))


def _disjunction(left: Evaluate, right: Evaluate) -> Evaluate:
    """Return `||`, which looks to the right only if the left is false [EXPR-15]."""
    return lambda lookup: _boolean(left(lookup)) or _boolean(right(lookup))


def _boolean(value: int | bytes | bool) -> bool:  # noqa: FBT001 - a value of an expression
    if value is True or value is False:
        return value
    raise EvaluationError(EvaluationErrorCode.TYPE)


def _comparison(compare: Callable[[Any, Any], bool], left: Evaluate, right: Evaluate) -> Evaluate:
    """Return a comparison of two integers or two strings [EXPR-10], never of booleans [EXPR-12]."""

    def evaluate(lookup: Lookup) -> bool:
        a = left(lookup)
        b = right(lookup)
        kind = type(a)
        if kind is not type(b) or kind is bool:
            raise EvaluationError(EvaluationErrorCode.TYPE)
        return compare(a, b)

    return evaluate


def _minus(operand: Evaluate) -> Evaluate:
    return _arithmetic(operator.sub, lambda _: 0, operand)


def _arithmetic(compute: Callable[[int, int], int], left: Evaluate, right: Evaluate) -> Evaluate:
    """Return a computation with integers [EXPR-13]; with anything else it is an error [EXPR-18].

    It wraps around at 64 bits [EXPR-23].
    """

    def evaluate(lookup: Lookup) -> int:
        a = left(lookup)
        b = right(lookup)
        if type(a) is not int or type(b) is not int:
            raise EvaluationError(EvaluationErrorCode.TYPE)
        return (compute(a, b) - INT64_MIN & _WRAP) + INT64_MIN

    return evaluate


def _divide(a: int, b: int) -> int:
    """Return a quotient, cut toward zero; `_remainder` is what it leaves [EXPR-24]."""
    _check_division(a, b)
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(a: int, b: int) -> int:
    _check_division(a, b)
    remainder = abs(a) % abs(b)
    return -remainder if a < 0 else remainder


def _check_division(a: int, b: int) -> None:
    """Raise `EvaluationError` for a division without a result [EXPR-19]."""
    if b == 0 or (a == INT64_MIN and b == -1):
        raise EvaluationError(EvaluationErrorCode.ARITHMETIC)


_ARITHMETIC: Final[dict[str, Callable[[int, int], int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
}
