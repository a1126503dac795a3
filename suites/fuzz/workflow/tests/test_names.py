from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.registry import ALL, CANARY, TARGETS
from suites.fuzz.workflow.names import targets_named


@pytest.mark.parametrize("name", ["FUZZ-LOG-SEGMENT", "log-segment", "log_segment", "Log-Segment"])
def test_ways_to_name_a_target(name):
    assert targets_named([name]) == (TARGETS["FUZZ-LOG-SEGMENT"],)


def test_all_are_those_that_must_not_crash_and_each_comes_once():
    assert targets_named(["puts", "all"])[0].id == "FUZZ-PUTS"
    assert {target.id for target in targets_named(["puts", "all"])} == {t.id for t in ALL}
    assert CANARY not in targets_named(["all"])
    assert targets_named([]) == ()


def test_a_module_of_somebody_else():
    (target,) = targets_named(["suites.fuzz.tests.planted"])
    assert target.module == "suites.fuzz.tests.planted"


def test_what_is_none():
    with pytest.raises(OperatorError, match="'nothing' is no case"):
        targets_named(["nothing"])
