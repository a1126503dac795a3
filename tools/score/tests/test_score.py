from __future__ import annotations

from pathlib import Path

import pytest

from reference_broker.base import OperatorError
from suites.harness.defects import DEFECTS
from suites.harness.report import Case, Verdict
from suites.integration.kills import Kill, read_kills
from tools.score import __main__ as score
from tools.score.measure import measure, merged
from tools.score.page import page

NAME = "push-twice"
SUITE = dict.fromkeys(["BMQ-HB-1", "BMQ-HB-2", "BMQ-PUT-1"])


@pytest.fixture(autouse=True)
def small_suite(monkeypatch: pytest.MonkeyPatch):
    # The real cases can be imported only in runs of their suite, which know their marks.
    monkeypatch.setattr(score, "import_cases", lambda: None)
    monkeypatch.setattr(score, "registered_cases", lambda: SUITE)


def outcome(case_id: str, verdict: Verdict, seconds: float = 0.5) -> Case:
    return Case(
        id=case_id,
        suite="integration",
        title="a case",
        verdict=verdict,
        duration_s=seconds,
        statement="so it is",
        expectation="so be it",
        reason="" if verdict is Verdict.PASS else "because",
        replay="gauntlet",
    )


def test_what_is_red_is_noted_with_the_quickest_first():
    kill = merged(
        None,
        [
            outcome("BMQ-PUT-1", Verdict.FAIL, 2.0),
            outcome("BMQ-PUT-2", Verdict.ERROR, 0.25),
            outcome("BMQ-PUT-3", Verdict.PASS),
            outcome("BMQ-PUT-4", Verdict.NOT_RUN),
            outcome("BMQ-PUSH-1", Verdict.FAIL, 1.0),
        ],
    )
    assert kill == Kill(
        areas=("PUSH",),  # a case of the other one did not run
        seconds=0.25,
        quickest=("BMQ-PUT-2", "BMQ-PUSH-1"),
        cases={"PUSH": "1", "PUT": "1-2"},
    )


def test_a_run_has_the_last_word_of_its_cases_alone():
    before = merged(
        None, [outcome("BMQ-PUT-1", Verdict.FAIL, 0.5), outcome("BMQ-SUB-1", Verdict.FAIL, 0.3)]
    )
    kill = merged(before, [outcome("BMQ-PUT-1", Verdict.PASS), outcome("BMQ-PUT-2", Verdict.FAIL)])
    assert kill.areas == ("PUT", "SUB")
    assert kill.cases == {"PUT": "2", "SUB": "1"}
    assert merged(before, [outcome("BMQ-PUT-1", Verdict.NOT_RUN)]) == before
    assert set(kill.quickest) == {"BMQ-PUT-2", "BMQ-SUB-1"}
    assert kill.seconds == 0.3
    gone = merged(before, [outcome("BMQ-PUT-1", Verdict.PASS)])
    assert (gone.cases, gone.quickest, gone.seconds) == ({"SUB": "1"}, ("BMQ-SUB-1",), 0.3)


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, verdict: Verdict, *words: str) -> int:
    def fake(_defect: object, cases: list[str], _seconds: float) -> list[Case]:
        return [outcome(case_id, verdict) for case_id in cases]

    monkeypatch.setattr(score, "measure", fake)
    files = ["--kills", str(folder / "kills.json"), "--out", str(folder / "page.md")]
    return score.main([*files, *words])


def test_a_defect_that_is_caught_is_success(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert run(monkeypatch, tmp_path, Verdict.FAIL, "--defect", NAME, "--area", "HB") == 0
    assert read_kills(tmp_path / "kills.json")[NAME].cases == {"HB": "1-2"}
    assert f"| `{NAME}` |" in (tmp_path / "page.md").read_text()


def test_a_defect_that_survives_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert run(monkeypatch, tmp_path, Verdict.PASS, "--defect", NAME, "--area", "HB") == 1


def test_what_is_measured_is_not_measured_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    words = ("--defect", NAME, "--area", "HB")
    run(monkeypatch, tmp_path, Verdict.FAIL, *words)
    assert run(monkeypatch, tmp_path, Verdict.PASS, *words) == 0
    assert run(monkeypatch, tmp_path, Verdict.PASS, *words, "--again") == 1


def test_a_run_without_a_result_could_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def broken(*_: object) -> list[Case]:
        raise OperatorError("no result")

    monkeypatch.setattr(score, "measure", broken)
    files = ["--kills", str(tmp_path / "kills.json"), "--out", str(tmp_path / "page.md")]
    assert score.main([*files, "--defect", NAME]) == 2
    assert score.main([*files, "--defect", "unheard-of"]) == 2


def test_the_page_has_every_defect_and_what_none_turns_red():
    kill = Kill(areas=("PUT",), seconds=0.12, quickest=("BMQ-PUT-1",), cases={"PUT": "1-4"})
    text = page(DEFECTS, {NAME: kill}, ["BMQ-HB-2", "BMQ-PUT-9"], {"BMQ-HB-2": "it is slow"})
    assert f"| `{NAME}` | {DEFECTS[NAME].summary} | 4 | PUT-1, PUT-2, PUT-3, … | 0.1 |" in text
    assert all(f"| `{name}` |" in text for name in DEFECTS)
    assert "- BMQ-HB-2: it is slow\n- BMQ-PUT-9: no reason given\n" in text


@pytest.mark.slow
def test_a_real_run_sees_a_real_defect():
    (case,) = measure(DEFECTS[NAME], ["BMQ-PUSH-1"], 20)
    assert case.verdict is Verdict.FAIL
