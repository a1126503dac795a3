from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.registry import TARGETS, Target
from suites.fuzz.workflow.coverage import ROOMS, report

URI = TARGETS["FUZZ-URI"]


@pytest.mark.slow
def test_what_seeds_reach_is_told_and_shown(tmp_path):
    found = report([URI], {}, tmp_path / "html", jobs=1)
    assert found.index == tmp_path / "html" / "index.html"
    assert "uri" in found.index.read_text()
    assert found.inputs == len(URI.seeds())
    assert found.problems == ()
    assert [reached.name for reached in found.rooms] == list(ROOMS)
    uri = next(
        module for room in found.rooms for module in room.modules if module.name.endswith("uri.py")
    )
    assert uri.branches_percent > 80
    rooms = {reached.name: reached for reached in found.rooms}
    assert rooms["core"].branches_percent == 0.0
    assert rooms["core"].branches[0] > 500  # what nobody reaches counts


@pytest.mark.slow
def test_a_corpus_reaches_more_and_a_target_that_fails_is_told(tmp_path):
    bare = Target(id="BARE", title="x", module=URI.module)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "one").write_bytes(next(iter(URI.seeds().values())))
    missing = Target(id="MISSING", title="x", module="suites.fuzz.no_such_module")
    found = report([bare, missing], {"BARE": corpus}, tmp_path / "html", jobs=2)
    assert found.inputs == 1
    assert "MISSING ended with exit code 1" in found.problems[0]
    assert "no_such_module" in found.problems[0]


@pytest.mark.slow
def test_nothing_measured_is_the_operators(tmp_path):
    missing = Target(id="MISSING", title="x", module="suites.fuzz.no_such_module")
    with pytest.raises(OperatorError, match="MISSING ended with exit code 1"):
        report([missing], {}, tmp_path / "html", jobs=1)
