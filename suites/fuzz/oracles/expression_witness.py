"""A slow, plain evaluator of subscription expressions: the witness of `fuzz_expression`.

It knows the language by its grammar, one function for each precedence, and evaluates while it reads
the text, for one message. It shares nothing with the broker's own: no table of precedences, no tree,
no rewriting. Integers are numbers of any size until they are wrapped; `a && b` reads `b` in any case
and forgets what it came to if it did not matter.

::

    or     = and { "||" and }                     value = [ "!" | "~" | "-" ] value | primary
    and    = equal { "&&" equal }                 primary = "(" or ")" | "exists" "(" name ")"
    equal  = order [ ("==" | "!=") order ]                | name | integer | string | true | false
    order  = sum [ ("<" | "<=" | ">=" | ">") sum ]
    sum    = term { ("+" | "-") term }
    term   = value { ("*" | "/" | "%") value }

Comparing with a literal `true` or `false` is no comparison: the other side is passed through, or
negated, whatever it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from reference_broker.expr import BINARY, EvaluationErrorCode, Value

_TOKENS: Final = re.compile(
    rb'[ \t\n]+|([A-Za-z][A-Za-z0-9_.]*|-?[0-9]+|"(?:\\[^\n\0]|[^\\"\0])*"'
    rb"|\|\||&&|[=!<>]=|[-+*/%<>!~()])"
)
_WORDS: Final = (b"true", b"false", b"exists")
_INT64_MAX: Final = 2**63 - 1
#: More than an expression of the greatest length can have, and less than Python's stack can bear.
_PARENTHESES_MAX: Final = 70
_SIGNS_MAX: Final = 140


#: What expressions compute with.
Constant: TypeAlias = int | bytes | bool


class NotAnExpressionError(Exception):
    """The text is not of the grammar."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a part of a text comes to.

    Attributes:
        value: of it; means nothing after an error.
        error: why it has none.
        is_literal: whether it is `true` or `false` as a constant, or an equality of two of them.
    """

    value: Constant = False
    error: EvaluationErrorCode | None = None
    is_literal: bool = False


_Compute: TypeAlias = Callable[[Constant, Constant], Outcome]
_TYPE: Final = Outcome(error=EvaluationErrorCode.TYPE)
_ARITHMETIC: Final = Outcome(error=EvaluationErrorCode.ARITHMETIC)


def witness(text: bytes, messages: Iterable[Mapping[str, Value]]) -> list[Outcome]:
    """Return what an expression says of each message.

    Args:
        text: of the expression.
        messages: the properties of each; BINARY ones are `BINARY`.

    Raises:
        NotAnExpressionError: the text is not of the grammar.
    """
    tokens: list[bytes] = []
    position = 0
    while position < len(text):
        found = _TOKENS.match(text, position)
        if found is None:
            raise NotAnExpressionError(position)
        position = found.end()
        if found[1]:
            tokens.append(found[1])
    return [_read(tokens, message) for message in messages]


def _read(tokens: list[bytes], message: Mapping[str, Value]) -> Outcome:
    reading = _Reading(tokens, message)
    outcome = reading.disjunction()
    if reading.next:
        raise NotAnExpressionError(reading.next)
    return outcome if outcome.error or isinstance(outcome.value, bool) else _TYPE


class _Reading:
    """One way through the tokens of a text."""

    def __init__(self, tokens: list[bytes], message: Mapping[str, Value]) -> None:
        self._tokens = tokens[::-1]
        self._message = message
        self._parentheses = 0
        self._signs = 0

    @property
    def next(self) -> bytes:
        """The next token; nothing at the end."""
        return self._tokens[-1] if self._tokens else b""

    def _take(self, *tokens: bytes) -> bytes:
        """Return the next token and pass over it if it is one of these; nothing otherwise."""
        return self._tokens.pop() if self.next in tokens and self._tokens else b""

    def _expect(self, token: bytes) -> None:
        if not self._take(token):
            raise NotAnExpressionError(self.next)

    def disjunction(self) -> Outcome:
        outcome = self._conjunction()
        while self._take(b"||"):
            outcome = _logical(outcome, self._conjunction(), decides=True)
        return outcome

    def _conjunction(self) -> Outcome:
        outcome = self._equality()
        while self._take(b"&&"):
            outcome = _logical(outcome, self._equality(), decides=False)
        return outcome

    def _equality(self) -> Outcome:
        outcome = self._order()
        symbol = self._take(b"==", b"!=")
        if not symbol:
            return outcome
        other = self._order()
        is_same = symbol == b"=="
        if outcome.is_literal and other.is_literal:
            return Outcome((outcome.value == other.value) == is_same, is_literal=True)
        if outcome.is_literal or other.is_literal:
            literal, kept = (outcome, other) if outcome.is_literal else (other, outcome)
            return kept if literal.value == is_same else _negated(kept)
        return _computed(outcome, other, lambda a, b: _compared(symbol, a, b))

    def _order(self) -> Outcome:
        outcome = self._sum()
        symbol = self._take(b"<", b"<=", b">=", b">")
        if not symbol:
            return outcome
        return _computed(outcome, self._sum(), lambda a, b: _compared(symbol, a, b))

    def _sum(self) -> Outcome:
        outcome = self._term()
        while symbol := self._take(b"+", b"-"):
            outcome = self._arithmetic(symbol, outcome, self._term())
        return outcome

    def _term(self) -> Outcome:
        outcome = self._unary()
        while symbol := self._take(b"*", b"/", b"%"):
            outcome = self._arithmetic(symbol, outcome, self._unary())
        return outcome

    def _arithmetic(self, symbol: bytes, left: Outcome, right: Outcome) -> Outcome:
        return _computed(left, right, lambda a, b: _calculated(symbol, a, b))

    def _unary(self) -> Outcome:
        symbol = self._take(b"!", b"~", b"-")
        if not symbol:
            return self._primary()
        self._signs += 1
        if self._signs > _SIGNS_MAX:
            raise NotAnExpressionError("too many signs")
        operand = self._unary()
        self._signs -= 1
        return (
            self._arithmetic(symbol, Outcome(0), operand) if symbol == b"-" else _negated(operand)
        )

    def _primary(self) -> Outcome:
        if self._take(b"("):
            self._parentheses += 1
            if self._parentheses > _PARENTHESES_MAX:
                raise NotAnExpressionError("too many parentheses")
            outcome = self.disjunction()
            self._expect(b")")
            self._parentheses -= 1
            return outcome
        if not self.next:
            raise NotAnExpressionError("the end")
        token = self._tokens.pop()
        if token == b"exists" and self._take(b"("):
            name = self._tokens.pop() if self._tokens else b""
            if not _is_name(name):
                raise NotAnExpressionError(name)
            self._expect(b")")
            return Outcome(self._message.get(name.decode()) not in (None, BINARY))
        if token in (b"true", b"false"):
            return Outcome(token == b"true", is_literal=True)
        if _is_name(token):
            return self._property(token.decode())
        return _constant(token)

    def _property(self, name: str) -> Outcome:
        value = self._message.get(name)
        if value is None:
            return Outcome(error=EvaluationErrorCode.NAME)
        return _TYPE if value is BINARY else Outcome(value)


def _is_name(token: bytes) -> bool:
    return token[:1].isalpha() and token not in _WORDS[:2]


def _constant(token: bytes) -> Outcome:
    if token.startswith(b'"'):
        return Outcome(token[1:-1])
    if not token[-1:].isdigit() or not -_INT64_MAX - 1 <= int(token) <= _INT64_MAX:
        raise NotAnExpressionError(token)
    return Outcome(int(token))


def _negated(outcome: Outcome) -> Outcome:
    if outcome.error:
        return outcome
    return Outcome(not outcome.value) if isinstance(outcome.value, bool) else _TYPE


def _logical(left: Outcome, right: Outcome, *, decides: bool) -> Outcome:
    """Return `&&` or `||` of two sides; `decides` is what makes the right side not matter."""
    if left.error:
        return left
    if not isinstance(left.value, bool):
        return _TYPE
    if left.value is decides:
        return Outcome(decides)
    if right.error:
        return right
    return Outcome(right.value) if isinstance(right.value, bool) else _TYPE


def _computed(left: Outcome, right: Outcome, compute: _Compute) -> Outcome:
    if left.error or right.error:
        return left if left.error else right
    return compute(left.value, right.value)


def _compared(symbol: bytes, a: Constant, b: Constant) -> Outcome:
    if isinstance(a, bool) or isinstance(b, bool) or type(a) is not type(b):
        return _TYPE
    is_less = a < b  # type: ignore[operator]
    is_same = a == b
    return Outcome(
        {
            b"==": is_same,
            b"!=": not is_same,
            b"<": is_less,
            b"<=": is_less or is_same,
            b">=": not is_less,
            b">": not (is_less or is_same),
        }[symbol]
    )


def _calculated(symbol: bytes, a: Constant, b: Constant) -> Outcome:
    if type(a) is not int or type(b) is not int:
        return _TYPE
    if symbol in (b"/", b"%"):
        if b == 0 or (b == -1 and a == -_INT64_MAX - 1):
            return _ARITHMETIC
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return Outcome(quotient if symbol == b"/" else a - quotient * b)
    exact = {b"+": a + b, b"-": a - b, b"*": a * b}[symbol]
    return Outcome(int.from_bytes((exact % 2**64).to_bytes(8, "big"), "big", signed=True))
