"""Several targets, several runs, and the report's files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from suites.harness.report import Matrix, Verdict
from suites.harness.target import Target, TargetError, TargetSpec, free_port
from suites.integration import runner
from suites.integration.areas import AREA_TEXTS
from suites.integration.runner import RunOptions, complete, due_cases, run_apart
from suites.integration.verdict import RunState

ROOT = Path(__file__).resolve().parents[3]
CRC = "BMQ-PUT-6"


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the suite; returns its exit code, what it printed, and what it complained."""
    done = subprocess.run(
        [sys.executable, "-m", "suites.integration", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def verdicts(matrix: Matrix) -> dict[str, dict[str, Verdict]]:
    return {
        column.target: {case.id: case.verdict for case in column.result.cases}
        for column in matrix.columns
    }


@pytest.mark.slow
def test_a_matrix_of_targets_with_its_report(tmp_path: Path):
    with Target(TargetSpec.parse("reference", "skip-crc-check")) as target:
        spec = f"external:127.0.0.1:{target.port}"
        targets = ["--target", "in-process", "--target", spec]
        wanted = ["--case", CRC, "--case", "BMQ-NEG-1", "--case", "BMQ-STORE-1"]
        code, output, complaints = run(*targets, *wanted, "--out", str(tmp_path), "--json")
    assert code == 0, complaints
    matrix = msgspec.json.decode(output, type=Matrix)
    assert verdicts(matrix) == {
        "in-process": dict.fromkeys(["BMQ-NEG-1", CRC, "BMQ-STORE-1"], Verdict.PASS),
        spec: {
            "BMQ-NEG-1": Verdict.PASS,
            CRC: Verdict.NON_STRICT,
            "BMQ-STORE-1": Verdict.NOT_APPLICABLE,
        },
    }
    assert [row.id for row in matrix.differences] == [CRC]
    assert "Where the targets differ: 1 case" in complaints
    talk = matrix.columns[0].result.cases[0].talks[0]
    assert [entry.direction for entry in talk.entries[:2]] == [">", "<"], "told of passes, too"
    folder = tmp_path / "integration"
    assert (folder / "matrix.json").read_text() == output
    assert sorted(path.name for path in (folder / "cases").iterdir()) == [
        "BMQ-NEG-1.html", f"{CRC}.html", "BMQ-STORE-1.html",
    ]  # fmt: skip
    names = [suite.get("name") for suite in ET.parse(folder / "junit.xml").iter("testsuite")]
    assert names == ["in-process", spec]


@pytest.mark.slow
def test_a_target_that_cannot_run_does_not_stop_the_others():
    missing = f"external:127.0.0.1:{free_port()}"
    code, output, _ = run("--target", missing, "--target", "in-process", "--case", CRC, "--json")
    assert code == 2
    found = verdicts(msgspec.json.decode(output, type=Matrix))
    assert found == {missing: {CRC: Verdict.ERROR}, "in-process": {CRC: Verdict.PASS}}


@pytest.mark.slow
def test_a_failure_on_one_target_decides():
    missing = f"external:127.0.0.1:{free_port()}"
    broken = ["--target", "in-process", "--break", "skip-crc-check"]
    code, output, complaints = run(*broken, "--case", CRC, "--json")
    assert code == 1, complaints
    matrix = msgspec.json.decode(output, type=Matrix)
    assert verdicts(matrix) == {"in-process with skip-crc-check": {CRC: Verdict.FAIL}}
    code, _, complaints = run(*broken, "--target", missing, "--case", CRC)
    assert code == 2
    assert "a defect can be seeded only into" in complaints


@pytest.mark.slow
def test_many_runs_are_counted(tmp_path: Path):
    result = tmp_path / "result.json"
    wanted = ["--target", "in-process", "--case", "BMQ-NEG-1", "--result", str(result)]
    code, output, complaints = run(*wanted, "--repeat", "3")
    assert code == 0, complaints
    assert "in-process, run 3 of 3: 1 pass in" in output
    assert "in-process: 3 of 3 runs were the same" in output
    assert result.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "reference", "--target", "reference"], "is named 2 times"),
        (["--target", "reference", "--target", "in-process", "--result", "x"], "--result holds"),
        (["--repeat", "0"], "is no number from 1 to"),
        (["--repeat", "many"], "is no number from 1 to"),
    ],
)
def test_what_makes_no_sense(arguments: list[str], words: str):
    code, _, complaints = run(*arguments)
    assert code == 2
    assert words in complaints


def test_a_run_that_leaves_nothing_tells_its_last_words(monkeypatch: pytest.MonkeyPatch):
    script = "print('last words'); raise SystemExit(3)"
    monkeypatch.setattr(runner, "bound", lambda *_: [sys.executable, "-c", script])
    spec = TargetSpec.parse("reference")
    due = due_cases(["BMQ-NEG-1", "BMQ-NEG-2"])
    found = run_apart(spec, RunOptions(), due)
    assert found.cases == ()
    assert found.notes == ("the run ended with exit code 3, and 2 cases are missing: last words",)
    whole = complete(found, due, spec)
    assert [case.verdict for case in whole.cases] == [Verdict.NOT_RUN] * 2
    assert whole.notes == found.notes


def test_areas_have_texts():
    assert {info.sort_key[0] for info in due_cases([])} == AREA_TEXTS.keys()


def test_cases_are_wanted_by_id_and_by_area():
    area = [info.id for info in due_cases(["BMQ-HB"])]
    assert area == [info.id for info in due_cases(["hb"])]
    assert len(area) >= 3
    assert [info.id for info in due_cases(["PUT-7", "BMQ-PUT-6"])] == ["BMQ-PUT-6", "BMQ-PUT-7"]
    with pytest.raises(TargetError, match="no case BMQ-HB-999, NONE, nor such an area"):
        due_cases(["BMQ-HB-999", "BMQ-PUT-7", "NONE"])


def test_processes_of_a_run_share_that_a_target_is_lost(tmp_path: Path):
    mark = tmp_path / "lost"
    one, other, late = RunState(mark), RunState(mark), RunState(mark)
    assert not one.lost
    assert one.lose("it is gone", is_shared=True)
    assert not other.lose("it is gone, too", is_shared=True)
    assert not one.lose("again", is_shared=True)
    assert {one.lost, other.lost, late.lost} == {"it is gone"}


def test_a_target_of_ones_own_is_lost_alone(tmp_path: Path):
    one, other = RunState(tmp_path / "lost"), RunState(tmp_path / "lost")
    assert one.lose("mine is gone", is_shared=False)
    assert (one.lost, other.lost) == ("mine is gone", "")
