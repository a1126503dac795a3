"""From tokens to a tree, by precedence [EXPR-1] and without recursion.

::

    predicate  = expression
    primary    = property | integer | string | "true" | "false"
               | "exists" "(" property ")" | "(" expression ")"
    unary      = ( "!" | "~" | "-" ) unary | primary

| precedence, high to low | operators        | associativity |
|-------------------------|------------------|---------------|
| 7                       | unary `!` and `-` | right         |
| 6                       | `*` `/` `%`      | left          |
| 5                       | `+` `-`          | left          |
| 4                       | `<` `<=` `>=` `>` | none          |
| 3                       | `==` `!=`        | none          |
| 2                       | `&&`             | left          |
| 1                       | `||`             | left          |

`exists` without a parenthesis behind it is a property of that name. Nesting takes room on a list,
not on the interpreter's stack, so that a text full of parentheses is one like any other.

The texts of errors are the peer's, since its tools show them to users: it names the token, and what
it expected there if that is at most four kinds of tokens, which is so inside `exists(...)` only.

Peer: bmqeval_simpleevaluatorparser.y.
"""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn, TypeAlias

from reference_broker.expr.errors import CompileErrorCode, ExpressionError
from reference_broker.expr.tokens import Token, tokens_of


class Literal(NamedTuple):
    """A constant: an integer, a string or a boolean."""

    value: int | bytes | bool


class PropertyUse(NamedTuple):
    """The value of a property."""

    name: str


class Exists(NamedTuple):
    """Whether there is a property."""

    name: str


class UnaryOperation(NamedTuple):
    """`!` or `-` in front of an operand."""

    symbol: str
    operand: Node


class BinaryOperation(NamedTuple):
    """An operator between two operands."""

    symbol: str
    left: Node
    right: Node


Node: TypeAlias = Literal | PropertyUse | Exists | UnaryOperation | BinaryOperation

_UNARY_PRECEDENCE: Final = 7
_PRECEDENCES: Final = {
    **dict.fromkeys(("*", "/", "%"), 6),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("<", "<=", ">=", ">"), 4),
    **dict.fromkeys(("==", "!="), 3),
    "&&": 2,
    "||": 1,
}
_NOT_ASSOCIATIVE: Final = frozenset({3, 4})
_PARENTHESIS_PRECEDENCE: Final = 0
# How the peer's messages call a token where this is not how it is written.
_NAMES_IN_MESSAGES: Final = {"==": "=", "!=": "<>", "&&": "AND", "||": "OR"}


class Parsed(NamedTuple):
    """A text that follows the grammar.

    Attributes:
        root: the tree.
        operators: how many there are; each use of a property counts as one, too.
        properties: the names, as often as they are used, in the order of the text.
    """

    root: Node
    operators: int
    properties: list[str]


def parse(text: bytes) -> Parsed:
    """Return the tree of an expression.

    Raises:
        ExpressionError: SYNTAX, at the first token that does not fit.
    """
    return _Parser(tokens_of(text)).parse()


class _Operator(NamedTuple):
    """An operator, or a parenthesis, that waits for its right side."""

    symbol: str
    precedence: int


class _Parser:
    """Two lists: operands that are complete, and operators that wait."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._operands: list[Node] = []
        self._waiting: list[_Operator] = []
        self._operators = 0
        self._properties: list[str] = []

    def parse(self) -> Parsed:
        while True:
            while not self._read_operand():
                pass
            while not self._read_operator():
                if self._next == len(self._tokens):
                    (root,) = self._operands
                    return Parsed(root, self._operators, self._properties)

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _read_operand(self) -> bool:
        """Take a token where an operand must start; return whether the operand is complete."""
        token = self._take()
        match token.kind:
            case "!" | "-":
                self._waiting.append(_Operator(token.kind, _UNARY_PRECEDENCE))
                self._operators += 1
                return False
            case "(":
                self._waiting.append(_Operator("(", _PARENTHESIS_PRECEDENCE))
                return False
            case "integer":
                self._operands.append(Literal(int(token.text)))
            case "string":
                self._operands.append(Literal(token.text[1:-1]))
            case "true" | "false":
                self._operands.append(Literal(token.kind == "true"))
            case "exists" if self._tokens[self._next].kind == "(":
                self._operands.append(self._read_exists())
            case "property" | "exists":
                self._operands.append(PropertyUse(self._use(token)))
            case "overflow":
                message = f"integer overflow at offset {token.position}"
                raise ExpressionError(CompileErrorCode.SYNTAX, message, token.position)
            case _:
                _refuse(token)
        return True

    def _read_exists(self) -> Exists:
        self._take()
        token = self._take()
        if token.kind not in {"property", "exists"}:
            _refuse(token, expecting="property or exists")
        close = self._take()
        if close.kind != ")":
            _refuse(close, expecting=")")
        return Exists(self._use(token))

    def _use(self, token: Token) -> str:
        """Note the use of a property, which counts as an operator [EXPR-6]."""
        name = token.text.decode("ascii")
        self._operators += 1
        self._properties.append(name)
        return name

    def _read_operator(self) -> bool:
        """Take a token behind an operand; return whether another operand must follow."""
        token = self._take()
        precedence = _PRECEDENCES.get(token.kind)
        if precedence is not None:
            self._combine(precedence + 1)
            if self._waiting and self._waiting[-1].precedence == precedence:
                if precedence in _NOT_ASSOCIATIVE:
                    _refuse(token)
                self._combine(precedence)
            self._waiting.append(_Operator(token.kind, precedence))
            self._operators += 1
            return True
        is_close = token.kind == ")"
        if not is_close and token.kind != "end of expression":
            _refuse(token)
        self._combine(_PARENTHESIS_PRECEDENCE + 1)
        if is_close != bool(self._waiting):
            _refuse(token)
        if is_close:
            self._waiting.pop()
        return False

    def _combine(self, precedence: int) -> None:
        """Give the operators that bind at least so tightly their operands."""
        while self._waiting and self._waiting[-1].precedence >= precedence:
            symbol, own_precedence = self._waiting.pop()
            right = self._operands.pop()
            if own_precedence == _UNARY_PRECEDENCE:
                self._operands.append(UnaryOperation(symbol, right))
            else:
                left = self._operands.pop()
                self._operands.append(BinaryOperation(symbol, left, right))


def _refuse(token: Token, *, expecting: str = "") -> NoReturn:
    """Refuse a text for a token that the grammar does not have there [EXPR-2]."""
    message = f"syntax error, unexpected {_NAMES_IN_MESSAGES.get(token.kind, token.kind)}"
    if expecting:
        message += f", expecting {expecting}"
    message += f" at offset {token.position}"
    raise ExpressionError(CompileErrorCode.SYNTAX, message, token.position)
