"""How a queue may be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest

from reference_broker.session import QueueOptions

LONG = 2**63 - 1
RANGES = [
    ("max_unconfirmed_messages", 0, LONG),
    ("max_unconfirmed_bytes", 0, LONG),
    ("consumer_priority", -1_073_741_824, 1_073_741_823),
    ("consumer_priority_count", 1, 2**31 - 1),
]


def make(values: Mapping[str, Any]) -> QueueOptions:
    return QueueOptions(**values)


def test_every_number_has_a_range():
    names = {field.name for field in fields(QueueOptions)}
    assert {name for name, _, _ in RANGES} == names - {"expression"}


@pytest.mark.parametrize(("name", "low", "high"), RANGES)
def test_numbers_are_taken_up_to_their_limits(name: str, low: int, high: int):
    for value in (low, high):
        assert getattr(make({name: value}), name) == value
    for wrong in (low - 1, high + 1, 1.5, "1", None):
        with pytest.raises(ValueError, match=rf"{name} is {wrong!r}, but .*, {low} to {high}"):
            make({name: wrong})


@pytest.mark.parametrize("text", ["", "x > 1", 'a == "b" && !c'])
def test_expressions(text: str):
    assert QueueOptions(expression=text).expression == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x >", "syntax error"),
        (" ", "syntax error"),
        ("1 == 1", "does not use any properties"),
        ("x == 1 || " * 12 + "x == 2", "max allowed"),
    ],
)
def test_an_expression_that_does_not_compile_is_refused(text: str, reason: str):
    with pytest.raises(ValueError, match=reason) as caught:
        QueueOptions(expression=text)
    assert str(caught.value).startswith(f"expression {text!r} does not compile: ")
