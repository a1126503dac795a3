"""Expressions against the recorded answers of the peer's evaluator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from reference_broker.expr import (
    BINARY,
    EvaluationError,
    ExpressionError,
    Value,
    compile_expression,
)

ORACLE = Path(__file__).with_name("ref_expression_eval.txt")
LINE = re.compile(
    r"(?P<text>.*?) +(?:(?P<value>true|false) err=(?P<error>0|-\d)"
    r"|COMPILE rc=(?P<code>-\d+) '(?P<message>.*)')"
)
PROPERTIES: dict[str, Value] = {
    "i": 5,
    "l": 5_000_000_000,
    "b": True,
    "f": False,
    "s": b"foo",
    "q": b'a"b',
    "min": -(2**63),
    "bin": BINARY,
}


class Case(NamedTuple):
    text: str
    value: bool = False
    error: int = 0
    code: int = 0
    message: str = ""


def read_case(line: str) -> Case:
    match = LINE.fullmatch(line)
    assert match, line
    text, message = match["text"].rstrip(), match["message"]
    if message is None:
        return Case(text, value=match["value"] == "true", error=int(match["error"]))
    # The blanks that some expressions end with are lost in the column; the message tells them.
    if length := re.search(r"too long \((\d+)\)", message):
        text = text.ljust(int(length[1]))
    if message == "syntax error, unexpected end of expression at offset 1":
        text = "  "
    return Case(text, code=int(match["code"]), message=message)


CASES = [read_case(line) for line in ORACLE.read_text("ascii").splitlines()[2:]]
COMPILED = [case for case in CASES if not case.code]
REFUSED = [case for case in CASES if case.code]


def test_the_oracle_is_whole():
    assert (len(COMPILED), len(REFUSED)) == (60, 17)


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: case.text)
def test_the_peers_value(case):
    predicate = compile_expression(case.text)
    assert predicate.matches(PROPERTIES.get) is case.value
    if case.error:
        with pytest.raises(EvaluationError) as caught:
            predicate.evaluate(PROPERTIES.get)
        assert caught.value.code == case.error
    else:
        assert predicate.evaluate(PROPERTIES.get) is case.value


@pytest.mark.parametrize(
    "case", REFUSED, ids=lambda case: case.text.rstrip() or f"blank-{len(case.text)}"
)
def test_the_peers_refusal(case):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(case.text)
    error = caught.value
    assert (error.code, error.message, str(error)) == (case.code, case.message, case.message)
    offset = re.search(r"at offset (\d+)", case.message)
    assert error.position == (int(offset[1]) if offset else 0)
