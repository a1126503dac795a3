from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.base import OperatorError
from suites.fuzz.mutator import GRAMMARS, describe, labelled, mutate, mutations
from suites.fuzz.mutator.tests.examples import PLAIN_PUT, PUT, SEEDS, inputs
from suites.fuzz.targets.fuzz_event_reader import test_one_input as read_events

GRAMMAR_NAMES = sorted([*GRAMMARS, *(f"{name}+1" for name in GRAMMARS)])


@settings(max_examples=30)
@given(inputs(), st.sampled_from(GRAMMAR_NAMES), st.integers(), st.integers(0, 2000))
def test_any_input_is_mutated_within_its_bound_and_by_its_seed(data, grammar, seed, max_size):
    new = mutate(data, max_size, seed, grammar=grammar)
    assert len(new) <= max_size
    assert new == mutate(data, max_size, seed, grammar=grammar)


@settings(max_examples=30)
@given(inputs(), st.integers(), st.binary(max_size=3000))
def test_whatever_changes_bytes_the_bound_holds(data, seed, other):
    assert len(mutate(data, 500, seed, mutate_bytes=lambda _data, _size: other)) <= 500


def test_most_mutations_are_well_formed_some_are_broken_and_some_are_bytes():
    kinds: Counter[str] = Counter()
    for seed in range(1000):
        change = labelled(PUT, seed)
        kinds[change.label.split(" ")[0]] += 1
        assert change.data == mutate(PUT, 1 << 20, seed)
    assert 200 < kinds["break"] < 320
    assert kinds["mutate"] < 450
    assert len(kinds) > 10


def test_mutations_differ():
    assert len({mutate(PUT, 1000, seed) for seed in range(300)}) > 200


def test_the_prefix_stays_but_for_some():
    found = Counter(mutate(b"\3" + PUT, 1000, seed, grammar="stream+1")[:1] for seed in range(500))
    assert 400 < found[b"\3"] < 500


def test_from_nothing_comes_something():
    assert max(len(mutate(b"", 1000, seed)) for seed in range(50)) > 30


def test_an_unknown_grammar_is_the_operators_mistake():
    with pytest.raises(OperatorError):
        mutate(b"", 1, 1, grammar="streams")


def test_each_field_of_each_header_is_changed_once():
    found = list(mutations(PLAIN_PUT))
    labels = [change.label for change in found]
    assert len(set(labels)) == len(labels)
    for field in ("length", "header_words"):
        assert any(label.startswith(f"break event.{field} ") for label in labels)
    for field in ("message_words", "option_words", "header_words", "crc"):
        assert any(label.startswith(f"break put.{field} ") for label in labels)
    for field in ("flags", "compression", "queue_id", "guid", "schema", "reserved"):
        assert any(label.startswith(f"set put.{field} ") for label in labels)
    assert "break put.message_words +1 @ event[0]/put[0]" in labels
    assert not [change for change in found if change.data == PLAIN_PUT]


def test_only_one_thing_is_wrong_in_each():
    for change in mutations(PLAIN_PUT):
        if change.label.startswith("set put.") and "flags" not in change.label:
            wrong = [line for line in describe(change.data) if "wrong" in line]
            assert not wrong, change.label


@pytest.mark.parametrize(
    "name", ["b2c_ack_batch", "b2c_push_props_old", "c2b_configureStream_01", "b2c_push_zlib"]
)
def test_the_enumeration_is_the_same_twice_and_the_readers_survive_it(name):
    found = list(mutations(SEEDS[name]))
    assert found == list(mutations(SEEDS[name]))
    assert len({change.label for change in found}) == len(found)
    for change in found[::7]:
        read_events(change.data)


def test_a_thorough_enumeration_has_more_values():
    assert sum(1 for _ in mutations(PLAIN_PUT, thorough=True)) > 3 * sum(
        1 for _ in mutations(PLAIN_PUT)
    )


def test_a_prefix_is_kept_by_the_enumeration():
    plain = [change.data for change in mutations(PLAIN_PUT)]
    assert [change.data for change in mutations(b"\2" + PLAIN_PUT, grammar="stream+1")] == [
        b"\2" + data for data in plain
    ]
