from __future__ import annotations

from collections.abc import Iterator

import pytest

from reference_broker.expr import BINARY, EvaluationErrorCode, Value
from suites.fuzz.oracles.expression_witness import NotAnExpressionError, witness
from suites.fuzz.seeds.texts import lines_of

#: What the recorded results are about; see the first line of the file.
MESSAGE: dict[str, Value] = {
    "i": 5,
    "l": 5_000_000_000,
    "b": True,
    "f": False,
    "s": b"foo",
    "q": b'a"b',
    "min": -(2**63),
    "bin": BINARY,
}
ERRORS: dict[str, EvaluationErrorCode | None] = {
    "0": None,
    "-1": EvaluationErrorCode.NAME,
    "-2": EvaluationErrorCode.TYPE,
}
ERRORS |= {"-4": EvaluationErrorCode.ARITHMETIC}


def recorded() -> Iterator[tuple[bytes, bool, EvaluationErrorCode | None]]:
    """Yield texts, and what the original evaluator made of them."""
    for line in lines_of("ref_expression_eval.txt"):
        text, _, outcome = line.rpartition("  ")
        if "COMPILE" not in line:
            value, _, code = outcome.strip().partition(" err=")
            yield text.strip().encode(), value == "true", ERRORS[code]


@pytest.mark.parametrize(("text", "value", "error"), list(recorded()))
def test_it_says_what_the_original_evaluator_says(text, value, error):
    (outcome,) = witness(text, [MESSAGE])
    assert outcome.error == error
    assert bool(outcome.value) == value or error


@pytest.mark.parametrize(
    "text",
    [
        *("", "(", ")", "i ==", "i == 1 == 2", "1 < i < 3", "exists(", "exists()", "exists(1)"),
        *("i i", "i-1 == 4", "i = 5", "9223372036854775808 == i", '"x', "i & b", "!", "-"),
        *("(" * 500 + "i", "- " * 500 + "i"),
    ],
)
def test_what_is_not_of_the_grammar(text):
    with pytest.raises(NotAnExpressionError):
        witness(text.encode(), [MESSAGE])
