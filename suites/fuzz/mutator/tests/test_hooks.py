from __future__ import annotations

from argparse import Namespace

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.engine import fuzz, has_coverage
from suites.fuzz.mutator import hooks, mutate
from suites.fuzz.mutator.tests.examples import PLAIN_PUT, PUT
from suites.fuzz.registry import EVENT_READER
from suites.fuzz.run_target import _mutator_hooks


def reverse(data: bytes, size_max: int) -> bytes:
    return data[::-1][:size_max]


def test_mutation_is_that_of_the_grammar():
    found = hooks("stream+1", reverse)
    for seed in range(50):
        expected = mutate(PUT, 99, seed, grammar="stream+1", mutate_bytes=reverse)
        assert found.custom_mutator(PUT, 99, seed) == expected


def test_most_crossovers_are_mutations():
    found = hooks("stream", reverse)
    same = sum(
        found.custom_crossover(PLAIN_PUT, PUT, 500, seed)
        == found.custom_mutator(PLAIN_PUT, 500, seed)
        for seed in range(100)
    )
    assert 70 < same < 85


def test_an_unknown_grammar_is_refused_at_once():
    with pytest.raises(OperatorError, match="is no grammar"):
        hooks("streams", reverse)


@pytest.mark.parametrize(
    ("grammar", "is_off", "names"),
    [
        ("stream", False, ["custom_mutator", "custom_crossover"]),
        ("stream", True, []),
        ("", False, []),
    ],
)
def test_the_child_uses_it_where_there_is_a_grammar(grammar, is_off, names):
    options = Namespace(grammar=grammar, no_mutator=is_off)
    assert list(_mutator_hooks(options, reverse)) == names


@pytest.mark.skipif(not has_coverage(), reason="atheris is not installed")
@pytest.mark.slow
def test_a_run_with_the_mutator_is_clean():
    run = fuzz(EVENT_READER, seconds=3, seed=1)
    assert run.problem == ""
    assert run.crashes == ()
    assert run.statistics.executions > 300
    assert fuzz(EVENT_READER, seconds=1, seed=1, mutator=False).problem == ""
