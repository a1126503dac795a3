"""Nobody can say that the suite sees nothing: each defect turns cases red, each case sees a defect."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from suites.harness.defects import DEFECTS
from suites.harness.report import SuiteResult, Verdict
from suites.integration.case import registered_cases
from suites.integration.kills import Kill, by_area, read_kills, write_kills
from suites.integration.runner import import_cases
from suites.integration.spared import SPARED

KILLS = read_kills()
#: A defect that turns more than this share of the suite red says little of any one case.
GROSS_SHARE = 0.5
#: Defects that must be caught, at least.
CAUGHT_MIN = 40
#: A run takes 2 s and more, so every tenth of the quick ones is enough for a check that nothing has
#: moved; `python -m tools.score --again` measures all of them, and so does this variable.
QUICK_SECONDS = 2.0
CHECKED = (
    list(DEFECTS)
    if os.environ.get("GAUNTLET_ALL_DEFECTS")
    else [name for name, kill in KILLS.items() if kill.seconds < QUICK_SECONDS][::10]
)


@pytest.fixture(scope="module")
def cases() -> list[str]:
    import_cases()
    return list(registered_cases())


def test_every_defect_turns_a_case_red_and_is_in_the_catalogue():
    assert list(KILLS) == list(DEFECTS)
    assert [name for name, kill in KILLS.items() if not kill.ids] == []
    assert len(KILLS) >= CAUGHT_MIN


def test_every_case_sees_a_defect_or_says_why_not(cases: list[str]):
    telling = [kill for kill in KILLS.values() if len(kill.ids) <= GROSS_SHARE * len(cases)]
    killed = {case_id for kill in telling for case_id in kill.ids}
    assert killed <= set(cases), "measured on a suite that had other cases"
    assert sorted(set(cases) - killed - set(SPARED)) == []
    assert sorted(killed & set(SPARED)) == [], "they are turned red after all"
    assert sorted(set(SPARED) - set(cases)) == []
    assert all(reason.strip() for reason in SPARED.values())


def test_the_quickest_cases_are_among_those_that_turn_red():
    for name, kill in KILLS.items():
        assert 1 <= len(kill.quickest) <= 2, name
        assert set(kill.quickest) <= set(kill.ids), name


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKED)
def test_what_was_measured_is_still_so(name: str, tmp_path: Path):
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "suites.integration", "--break", name, "--result", str(result)]
    command += [f"--case={case_id}" for case_id in KILLS[name].quickest]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=55)
    assert done.returncode in {1, 2}, done.stdout
    found = msgspec.json.decode(result.read_bytes(), type=SuiteResult).cases
    # A defect that brings the broker down leaves nothing to run the second case on.
    assert {case.verdict for case in found} & {Verdict.FAIL, Verdict.ERROR}, done.stdout


def test_ids_are_written_by_area_and_read_back(tmp_path: Path):
    ids = ["BMQ-PUT-1", "BMQ-PUT-10", "BMQ-PUT-2", "BMQ-PUT-3", "BMQ-ADMIN-7"]
    assert by_area(ids) == {"ADMIN": "7", "PUT": "1-3 10"}
    kill = Kill(areas=("PUT",), seconds=0.1, quickest=("BMQ-PUT-1",), cases=by_area(ids))
    write_kills({"a": kill, "b": kill}, tmp_path / "kills.json")
    assert read_kills(tmp_path / "kills.json") == {"a": kill, "b": kill}
    assert sorted(kill.ids) == sorted(ids)
    assert read_kills(tmp_path / "none.json") == {}
