from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.fuzz_broker_core import STAGE_BYTES
from suites.fuzz.registry import BROKER_CORE, TARGETS, find_target


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_target_has_an_invariant_and_a_function(target):
    assert target.invariant.endswith(".")
    target.function(b"")


def test_the_prefix_of_the_core_is_its_stage():
    assert BROKER_CORE.prefix_bytes == STAGE_BYTES


def test_a_module_of_ones_own_is_a_target():
    target = find_target("suites.fuzz.tests.planted")
    assert target.package == "suites"
    with pytest.raises(KeyError):
        target.function(b"\x7f123")


@pytest.mark.parametrize(
    "name", ["FUZZ-NOTHING", "json", "no.such.module", "suites.fuzz.seeds", ""]
)
def test_anything_else_is_none(name):
    with pytest.raises(OperatorError, match="FUZZ-EVENT-READER"):
        find_target(name)
