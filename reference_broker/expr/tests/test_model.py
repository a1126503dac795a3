"""Random expressions, printed and compiled, against a model that walks the tree that was printed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

from hypothesis import event, given
from hypothesis import strategies as st

from reference_broker.expr import (
    BINARY,
    CompileErrorCode,
    EvaluationError,
    EvaluationErrorCode,
    ExpressionError,
    compile_expression,
)

LEVELS = [("||",), ("&&",), ("==", "!="), ("<", "<=", ">=", ">"), ("+", "-"), ("*", "/", "%")]
LEVEL_OF = {symbol: level for level, symbols in enumerate(LEVELS) for symbol in symbols}
UNARY_LEVEL = len(LEVELS)
ORDERS = {"==": [0], "!=": [-1, 1], "<": [-1], "<=": [-1, 0], ">": [1], ">=": [0, 1]}
NAMES = ["a", "b", "c.d", "exists"]
INTEGERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([2**63 - 1, -(2**63)]), st.integers(-(2**63), 2**63 - 1)
)

# A tree is a tuple: ("value", v), ("name", n), ("exists", n), (symbol, x) or (symbol, x, y).
Tree: TypeAlias = tuple[Any, ...]
Message: TypeAlias = dict[str, Any]
LEAVES = st.one_of(
    st.tuples(st.just("name"), st.sampled_from(NAMES)),
    st.tuples(st.just("exists"), st.sampled_from(NAMES)),
    st.tuples(st.just("value"), INTEGERS | st.booleans() | st.sampled_from([b"", b"a", b"b"])),
)


def trees_of(parts):
    return st.one_of(
        st.tuples(st.sampled_from("!-"), parts),
        st.tuples(st.sampled_from(sorted(LEVEL_OF)), parts, parts),
    )


TREES = st.recursive(LEAVES, trees_of, max_leaves=5)
# Trees in which each part has a type that fits, so that many of them have a value.
NUMBERS = st.recursive(
    st.tuples(st.just("name"), st.sampled_from("ab")) | st.tuples(st.just("value"), INTEGERS),
    lambda parts: (
        st.tuples(st.sampled_from("+-*/%"), parts, parts) | st.tuples(st.just("-"), parts)
    ),
    max_leaves=3,
)
TRUTHS = st.recursive(
    st.tuples(st.sampled_from(LEVELS[2] + LEVELS[3]), NUMBERS, NUMBERS)
    | st.tuples(st.just("exists"), st.sampled_from(NAMES))
    | st.tuples(st.just("name"), st.just("c.d")),
    lambda parts: (
        st.tuples(st.sampled_from(["&&", "||"]), parts, parts)
        | st.tuples(st.just("!"), parts)
        | st.tuples(
            st.sampled_from(["==", "!="]), parts, st.tuples(st.just("value"), st.booleans())
        )
    ),
    max_leaves=3,
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "a": INTEGERS,
        "b": INTEGERS,
        "c.d": st.booleans(),
        "exists": st.none() | st.booleans() | st.binary(max_size=2) | st.just(BINARY),
    },
)


class Failure(Exception):  # noqa: N818 - an answer of the model, not a mistake of it
    pass


def print_tree(tree: Tree, level: int = 0) -> str:
    """Return the text, with parentheses only where a part binds less tightly than `level`."""
    match tree:
        case ("value", bool() as value):
            return "true" if value else "false"
        case ("value", bytes() as value):
            return f'"{value.decode()}"'
        case ("value" | "name", atom):
            return str(atom)
        case ("exists", name):
            return f"exists({name})"
        case (symbol, operand):
            return f"{symbol} {print_tree(operand, UNARY_LEVEL)}"
        case _:
            pass
    symbol, left, right = tree
    own = LEVEL_OF[symbol]
    is_chain = symbol not in LEVELS[2] + LEVELS[3]
    left_text = print_tree(left, own if is_chain else own + 1)
    text = f"{left_text} {symbol} {print_tree(right, own + 1)}"
    return f"({text})" if own < level else text


def count(tree: Tree) -> tuple[int, int]:
    """Return the numbers of operators and of uses of properties."""
    if tree[0] == "value":
        return 0, 0
    if tree[0] in {"name", "exists"}:
        return 1, 1
    counts = [count(part) for part in tree[1:]]
    return 1 + sum(n for n, _ in counts), sum(n for _, n in counts)


def literal(tree: Tree) -> bool | None:
    """Return the value of what the language takes for a boolean literal."""
    match tree:
        case ("value", bool() as value):
            return value
        case ("==" | "!=" as symbol, left, right):
            truths = literal(left), literal(right)
            if None not in truths:
                return (truths[0] is truths[1]) is (symbol == "==")
        case _:
            pass
    return None


def evaluate(tree: Tree, message: Message) -> Any:
    """Return the value of a tree.

    Raises:
        Failure: with the code of the error.
    """
    match tree:
        case ("value", value):
            return value
        case ("name", name):
            return known(message.get(name))
        case ("exists", name):
            return message.get(name) is not None and message[name] is not BINARY
        case ("!", operand):
            return not typed(bool, evaluate(operand, message))
        case ("-", operand):
            return wrapped(-typed(int, evaluate(operand, message)))
        case ("&&" | "||" as symbol, left, right):
            value = typed(bool, evaluate(left, message))
            return value if value is (symbol == "||") else typed(bool, evaluate(right, message))
        case ("==" | "!=" as symbol, left, right) if {literal(left), literal(right)} != {None}:
            return equal_to_literal(symbol, left, right, message)
        case _:
            symbol, left, right = tree
            return operate(symbol, evaluate(left, message), evaluate(right, message))


def equal_to_literal(symbol: str, left: Tree, right: Tree, message: Message) -> Any:
    whole = literal((symbol, left, right))
    if whole is not None:
        return whole
    truth, other = (literal(left), right) if literal(left) is not None else (literal(right), left)
    value = evaluate(other, message)
    return value if truth is (symbol == "==") else not typed(bool, value)


def known(value: Any) -> Any:
    if value is None:
        raise Failure(EvaluationErrorCode.NAME)
    return typed(type(value) if value is not BINARY else int, value)


def typed(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise Failure(EvaluationErrorCode.TYPE)
    return value


def wrapped(value: int) -> int:
    return int.from_bytes((value % 2**64).to_bytes(8, "big"), "big", signed=True)


def operate(symbol: str, left: Any, right: Any) -> Any:
    if LEVEL_OF[symbol] == LEVEL_OF["<"] or LEVEL_OF[symbol] == LEVEL_OF["=="]:
        if type(left) is bytes:
            order = compared(left, typed(bytes, right))
        else:
            order = compared(typed(int, left), typed(int, right))
        return (
            order
            in {"==": [0], "!=": [-1, 1], "<": [-1], "<=": [-1, 0], ">": [1], ">=": [0, 1]}[symbol]
        )
    a, b = typed(int, left), typed(int, right)
    if symbol in "/%":
        if b == 0 or (a, b) == (-(2**63), -1):
            raise Failure(EvaluationErrorCode.ARITHMETIC)
        quotient = int(Fraction(a, b))  # toward zero
        return quotient if symbol == "/" else a - b * quotient
    return wrapped({"+": a + b, "-": a - b, "*": a * b}[symbol])


def compared(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def outcome_of_the_model(tree: Tree, message: Message) -> object:
    """Return the value, or the code of the error, that compiling or evaluating has to give."""
    operators, properties = count(tree)
    if len(print_tree(tree)) > 128:
        return CompileErrorCode.TOO_LONG
    if operators > 10:
        return CompileErrorCode.TOO_COMPLEX
    if not properties:
        return CompileErrorCode.NO_PROPERTIES
    try:
        return typed(bool, evaluate(tree, message))
    except Failure as failure:
        return failure.args[0]


def outcome(text: str, message: Message) -> object:
    try:
        return compile_expression(text).evaluate(message.get)
    except (ExpressionError, EvaluationError) as error:
        return error.code


def check(tree: Tree, message: Message) -> None:
    text = print_tree(tree)
    actual = outcome(text, message)
    event(repr(actual))
    assert repr(actual) == repr(outcome_of_the_model(tree, message)), text
    if not isinstance(actual, CompileErrorCode):
        assert compile_expression(text).matches(message.get) is (actual is True)


@given(TREES, MESSAGES)
def test_any_tree(tree, message):
    check(tree, message)


@given(TRUTHS, MESSAGES)
def test_trees_of_fitting_types(tree, message):
    check(tree, message)
