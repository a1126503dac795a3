from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.expr import CompileErrorCode, ExpressionError, Predicate
from suites.fuzz.targets import fuzz_expression
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    given,
    plant,
    raising,
    replaced,
    returning,
    seeds_of,
    sometimes,
)

SEEDS = seeds_of("FUZZ-EXPRESSION")
DEFECTS = {
    "&& and || swapped": (
        fuzz_expression,
        "compile_expression",
        given,
        lambda text: text.replace(b"&&", b"||"),
    ),
    ">= is >": (
        fuzz_expression,
        "compile_expression",
        given,
        lambda text: text.replace(b">=", b"> "),
    ),
    "refused": (
        fuzz_expression,
        "compile_expression",
        replaced,
        raising(ExpressionError(CompileErrorCode.SYNTAX, "no")),
    ),
    "too long": (
        fuzz_expression,
        "compile_expression",
        replaced,
        raising(ExpressionError(CompileErrorCode.TOO_LONG, "no")),
    ),
    "outside": (
        fuzz_expression,
        "compile_expression",
        replaced,
        raising(ExpressionError(CompileErrorCode.TOO_LONG, "no", 999)),
    ),
    "errors are true": (Predicate, "matches", replaced, returning(True)),
    "another the second time": (Predicate, "evaluate", sometimes, lambda value: not value),
    "the witness is wrong": (fuzz_expression, "witness", changed, lambda outcomes: outcomes[::-1]),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_expression.test_one_input(SEEDS[name])


@for_any(
    st.lists(
        st.sampled_from(
            [
                "i",
                "s",
                "b",
                "f",
                "min",
                "max",
                "z",
                "bin",
                "nope",
                "!",
                "~",
                "-",
                "(",
                ")",
                "==",
                "!=",
                "<",
                "<=",
                ">",
                ">=",
                "&&",
                "||",
                "+",
                "*",
                "/",
                "%",
                "1",
                "-1",
                "true",
                "false",
                "exists",
                "exists(s)",
                '"foo"',
                "9223372036854775808",
            ]
        ),
        max_size=9,
    ).map(lambda tokens: " ".join(tokens).encode())
    | st.binary(max_size=150)
)
def test_any_bytes(data):
    fuzz_expression.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_expression.test_one_input, SEEDS)
