"""Trees by precedence; refusals with the texts of a parser generated from the peer's grammar."""

from __future__ import annotations

import pytest

from reference_broker.expr import CompileErrorCode, ExpressionError
from reference_broker.expr.parser import BinaryOperation, Exists, Literal, Node, PropertyUse, parse


def show(node: Node) -> str:
    """Return a tree with all its parentheses."""
    if isinstance(node, Literal):
        return repr(node.value)
    if isinstance(node, PropertyUse):
        return node.name
    if isinstance(node, Exists):
        return f"exists({node.name})"
    if isinstance(node, BinaryOperation):
        return f"({show(node.left)}{node.symbol}{show(node.right)})"
    return f"({node.symbol}{show(node.operand)})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a - b - c", "((a-b)-c)"),
        ("a / b * c % d", "(((a/b)*c)%d)"),
        ("a + b * c - d", "((a+(b*c))-d)"),
        ("a && b && c", "((a&&b)&&c)"),
        ("a || b && c || d", "((a||(b&&c))||d)"),
        ("a == b < c", "(a==(b<c))"),
        ("a < b == c > d", "((a<b)==(c>d))"),
        ("a == b && c != d", "((a==b)&&(c!=d))"),
        ("a < b + c", "(a<(b+c))"),
        ("!a == b", "((!a)==b)"),
        ("-a * b", "((-a)*b)"),
        ("a * - b + c", "((a*(-b))+c)"),
        ("!-~a", "(!(-(!a)))"),
        ("(a == b) == c", "((a==b)==c)"),
        ("a - (b - c)", "(a-(b-c))"),
        ("((((a))))", "a"),
        ("i--1", "(i--1)"),
        ("exists(a) && exists (exists)", "(exists(a)&&exists(exists))"),
        ("exists && !exists", "(exists&&(!exists))"),
        ('s == "a\\"b"', "(s==b'a\\\\\"b')"),
        ("a == true || false", "((a==True)||False)"),
    ],
)
def test_trees(text, tree):
    assert show(parse(text.encode()).root) == tree


@pytest.mark.parametrize(
    ("text", "operators", "properties"),
    [
        ("1", 0, []),
        ("a", 1, ["a"]),
        ("exists(a)", 1, ["a"]),
        ("!exists", 2, ["exists"]),
        ("b + a == -b", 6, ["b", "a", "b"]),
    ],
)
def test_counts(text, operators, properties):
    parsed = parse(text.encode())
    assert (parsed.operators, parsed.properties) == (operators, properties)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a && || b", "syntax error, unexpected OR at offset 5"),
        ("&& a", "syntax error, unexpected AND at offset 0"),
        ("a != b != c", "syntax error, unexpected <> at offset 7"),
        ("a == b < c == d", "syntax error, unexpected = at offset 11"),
        ("a <= b >= c", "syntax error, unexpected >= at offset 7"),
        ("a < b == c < d < e", "syntax error, unexpected < at offset 15"),
        ("a == !b == c", "syntax error, unexpected = at offset 8"),
        ("(a", "syntax error, unexpected end of expression at offset 1"),
        ("a)", "syntax error, unexpected ) at offset 1"),
        ("()", "syntax error, unexpected ) at offset 1"),
        ("a (b)", "syntax error, unexpected ( at offset 2"),
        ("a ! b", "syntax error, unexpected ! at offset 2"),
        ("a true", "syntax error, unexpected true at offset 2"),
        ('a "s"', "syntax error, unexpected string at offset 2"),
        ("a exists", "syntax error, unexpected exists at offset 2"),
        ("a ==", "syntax error, unexpected end of expression at offset 2"),
        ("42 @", "syntax error, unexpected invalid character at offset 3"),
        ("a 9223372036854775808", "syntax error, unexpected overflow at offset 2"),
        ("9223372036854775808 @", "integer overflow at offset 0"),
        ("a + -9223372036854775809", "integer overflow at offset 4"),
        ("exists 5", "syntax error, unexpected integer at offset 7"),
        ("exists(1)", "syntax error, unexpected integer, expecting property or exists at offset 7"),
        ("exists()", "syntax error, unexpected ), expecting property or exists at offset 7"),
        ("exists(a b)", "syntax error, unexpected property, expecting ) at offset 9"),
        ("exists(a", "syntax error, unexpected end of expression, expecting ) at offset 7"),
        ("exists((a))", "syntax error, unexpected (, expecting property or exists at offset 7"),
        (
            "exists(9223372036854775808)",
            "syntax error, unexpected overflow, expecting property or exists at offset 7",
        ),
    ],
)
def test_refusals(text, message):
    with pytest.raises(ExpressionError) as caught:
        parse(text.encode())
    assert (caught.value.code, str(caught.value)) == (CompileErrorCode.SYNTAX, message)
    assert message.endswith(f"at offset {caught.value.position}")


@pytest.mark.parametrize("prefix", ["(", "!", "-", "!("])
def test_nesting_takes_no_stack(prefix):
    depth = 10_000
    closed = ")" * depth if "(" in prefix else ""
    assert parse((prefix * depth + "a" + closed).encode()).properties == ["a"]
    with pytest.raises(ExpressionError, match="unexpected end of expression"):
        parse((prefix * depth).encode())
