from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from suites.fuzz.mutator import crossover, describe
from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.exchange import exchange
from suites.fuzz.mutator.grammars import grammar_named
from suites.fuzz.mutator.strategies import streams
from suites.fuzz.mutator.tests.examples import PLAIN_PUT, PUT, SEEDS
from suites.fuzz.mutator.writing import write

STREAM = grammar_named("stream")


def exchanged(one: bytes, other: bytes, seed: int) -> bytes:
    first = STREAM.root(one)
    exchange(first, STREAM.root(other), Chance(seed))
    return write(first)


@settings(max_examples=30)
@given(streams(), streams(), st.integers())
def test_lengths_and_checksums_are_right_after_it(one, other, seed):
    lines = describe(exchanged(one, other, seed))
    wrong = [line.split("wrong ")[1] for line in lines if "wrong" in line]
    assert not [line for line in wrong if "length" in line or "message_words" in line], lines


def test_parts_of_every_depth_are_taken():
    found = {exchanged(PLAIN_PUT, PUT, seed) for seed in range(400)}
    assert PLAIN_PUT + PUT in found
    assert any(b"fruit" in new and len(new) < len(PLAIN_PUT + PUT) for new in found)
    opening = SEEDS["c2b_openQueue_readwrite_default"]
    closing = SEEDS["c2b_closeQueue_03"]
    assert len({exchanged(opening, closing, seed) for seed in range(200)}) > 40


@given(st.binary(max_size=80), st.binary(max_size=80), st.integers(), st.integers(0, 100))
def test_any_two_inputs_cross(one, other, seed, max_size):
    new = crossover(one, other, max_size, seed)
    assert len(new) <= max_size
    assert new == crossover(one, other, max_size, seed)
