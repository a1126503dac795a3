from __future__ import annotations

from importlib import import_module

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.registry import (
    ALL,
    BROKER_CORE,
    CANARY,
    GRAMMARS,
    PARTS,
    SMOKE,
    TARGETS,
    find_target,
)
from suites.fuzz.targets.fuzz_broker_core import STAGE_BYTES


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_target_has_an_invariant_and_a_function(target):
    assert target.invariant.endswith(".")
    target.function(b"")


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_grammar_is_known_and_tells_of_a_prefix(target):
    assert target.grammar in GRAMMARS
    if target.grammar:
        assert target.grammar.endswith("-prefixed") == bool(target.prefix_bytes)


@pytest.mark.parametrize("target", PARTS, ids=lambda target: target.id)
def test_a_prefix_is_that_of_the_module(target):
    assert target.prefix_bytes == getattr(import_module(target.module), "PREFIX_BYTES", 0)


@pytest.mark.parametrize("target", PARTS, ids=lambda target: target.id)
def test_the_seeds_of_a_target_fit_and_differ(target):
    seeds = target.seeds()
    assert len(seeds) >= 5
    fitting = [data for data in seeds.values() if len(data) <= target.input_bytes_max]
    assert len(fitting) >= 0.9 * len(seeds)
    assert len(set(seeds.values())) >= 0.5 * len(seeds)


def test_all_is_all_but_the_canary():
    assert {target.id for target in ALL} == TARGETS.keys() - {CANARY.id}
    assert set(SMOKE) <= set(ALL)


def test_the_prefix_of_the_core_is_its_stage():
    assert BROKER_CORE.prefix_bytes == STAGE_BYTES


def test_a_module_of_ones_own_is_a_target():
    target = find_target("suites.fuzz.tests.planted")
    assert target.package == "suites"
    assert target.grammar == ""
    with pytest.raises(KeyError):
        target.function(b"\x7f123")


@pytest.mark.parametrize(
    "name", ["FUZZ-NOTHING", "json", "no.such.module", "suites.fuzz.seeds.recorded", ""]
)
def test_anything_else_is_none(name):
    with pytest.raises(OperatorError, match="FUZZ-EVENT-READER"):
        find_target(name)
