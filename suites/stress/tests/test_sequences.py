"""The bitmap against a set of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.harness.target import TargetError
from suites.stress.sequences import WINDOW_NUMBERS_MAX, SequenceSet

# Runs of neighbours, so that whole chunks become complete.
RUNS = st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 20_000)), max_size=6)


def fill(runs: list[tuple[int, int]]) -> tuple[SequenceSet, set[int]]:
    numbers, model = SequenceSet(), set[int]()
    for first, length in runs:
        for number in range(first, first + length):
            assert numbers.add(number) is (number not in model)
            model.add(number)
    return numbers, model


@given(RUNS, st.integers(0, 70_000))
def test_it_is_a_set(runs: list[tuple[int, int]], probe: int) -> None:
    numbers, model = fill(runs)
    assert (probe in numbers) is (probe in model)


@given(RUNS, RUNS)
def test_missing_are_the_difference(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    (numbers, model), (others, other_model) = fill(left), fill(right)
    assert list(numbers.missing_from(others)) == sorted(model - other_model)


def test_memory_does_not_grow_with_what_is_complete() -> None:
    numbers, _ = fill([(0, 100_000)])
    assert len(numbers._bits) <= 1024


def test_a_gap_costs_a_bit_a_number() -> None:
    numbers, _ = fill([(0, 10), (11, 100_000)])
    assert len(numbers._bits) <= 100_000 // 8 + 1024
    assert numbers.add(10)
    assert len(numbers._bits) <= 1024


def test_the_window_is_bounded() -> None:
    numbers = SequenceSet()
    with pytest.raises(TargetError, match=f"no more than {WINDOW_NUMBERS_MAX} can be watched"):
        numbers.add(WINDOW_NUMBERS_MAX)
