from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.net.catalogue import find
from suites.fuzz.net.findings import finding_of
from suites.fuzz.net.state import State, catalogue_size, load, save

TARGET = "--target reference"


def state() -> State:
    finding = finding_of(find("put/77"), "it ended", "\ud800 log", ["put/76"])
    return State(
        target=TARGET,
        seed=5,
        swept=100,
        sampled=7,
        done={"put": 100, "pairs": 7},
        findings=[finding],
        seconds=1.5,
        cases=catalogue_size(),
    )


def test_a_state_survives(tmp_path):
    path = tmp_path / "state.json"
    written = state()
    written.findings = [finding_of(find("put/77"), "it ended", "log", ["put/76"])]
    save(path, written)
    assert load(path, TARGET, 5) == load(path, TARGET, None) == written
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_no_file_is_no_state(tmp_path):
    assert load(tmp_path / "state.json", TARGET, None) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"target": 1}'])
def test_what_is_no_state(tmp_path, content):
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(OperatorError, match="no state"):
        load(path, TARGET, None)


def test_states_of_other_runs_are_refused(tmp_path):
    path = tmp_path / "state.json"
    written = state()
    written.findings = []
    save(path, written)
    with pytest.raises(OperatorError, match="target"):
        load(path, "--target in-process", 5)
    with pytest.raises(OperatorError, match="seed"):
        load(path, TARGET, 6)
    written.cases -= 1
    save(path, written)
    with pytest.raises(OperatorError, match="number of cases"):
        load(path, TARGET, 5)


def test_a_state_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OperatorError, match="cannot be written"):
        save(tmp_path / "nowhere" / "state.json", State(target=TARGET, seed=1))
