"""The runner: exit codes, verdicts, replay."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from suites.harness.report import Case, SuiteResult, Verdict
from suites.harness.target import Target, TargetSpec, free_port

ROOT = Path(__file__).resolve().parents[3]
CRC = "BMQ-PUT-6"


def run(folder: Path, *arguments: str) -> tuple[int, SuiteResult | None, str]:
    """Run the suite; returns its exit code, what it found and what it printed."""
    path = folder / "result.json"
    done = subprocess.run(
        [sys.executable, "-m", "suites.integration", *arguments, "--result", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    found = msgspec.json.decode(path.read_bytes(), type=SuiteResult) if path.exists() else None
    return done.returncode, found, done.stdout + done.stderr


def only(result: SuiteResult | None) -> Case:
    assert result is not None
    (case,) = result.cases
    return case


def test_a_passing_case(tmp_path: Path):
    code, result, _ = run(tmp_path, "--target", "reference", "--case", "BMQ-NEG-1")
    case = only(result)
    assert (code, case.id, case.verdict) == (0, "BMQ-NEG-1", Verdict.PASS)
    assert case.statement
    assert case.expectation


def test_a_failure_is_told_and_its_replay_runs_that_case_alone(tmp_path: Path):
    code, result, output = run(tmp_path, "--break", "skip-crc-check", "--case", CRC)
    case = only(result)
    assert (code, case.id, case.verdict) == (1, CRC, Verdict.FAIL)
    assert "known to be strict" in case.reason
    assert "> PUT queueId=0" in case.details, "the transcript is there"
    assert "log of target" in case.log
    assert case.replay in output
    words = shlex.split(case.replay)
    assert words[:2] == ["gauntlet", "integration"]
    code, again, _ = run(tmp_path, *words[2:])
    assert (code, only(again).id, only(again).verdict) == (1, CRC, Verdict.FAIL)


def test_a_failed_assertion_says_what_differed(tmp_path: Path):
    broken = ["--target", "in-process", "--break", "push-twice", "--case", "BMQ-FAN-5"]
    code, result, output = run(tmp_path, *broken)
    reason = only(result).reason
    assert code == 1
    assert reason.startswith("assert ")
    assert "; At index " in reason
    assert "Warning" not in output


def test_other_targets_may_be_less_strict(tmp_path: Path):
    with Target(TargetSpec.parse("reference", "skip-crc-check")) as target:
        spec = f"external:127.0.0.1:{target.port}"
        wanted = ["--case", CRC, "--case", "BMQ-STORE-1", "--case", "BMQ-BAD-123"]
        code, result, _ = run(tmp_path, "--target", spec, *wanted)
    assert code == 0
    assert result is not None
    verdicts = {case.id: case.verdict for case in result.cases}
    assert verdicts == {
        CRC: Verdict.NON_STRICT,
        "BMQ-BAD-123": Verdict.NON_STRICT,
        "BMQ-STORE-1": Verdict.NOT_APPLICABLE,
    }
    assert all(case.reason for case in result.cases)


def test_an_unreachable_target(tmp_path: Path):
    started = time.monotonic()
    spec = f"external:127.0.0.1:{free_port()}"
    code, result, output = run(tmp_path, "--target", spec)
    assert code == 2
    assert result is not None
    verdicts = [case.verdict for case in result.cases]
    assert verdicts.count(Verdict.ERROR) == 1
    # What such a target could not do in any case is found out without reaching it.
    assert set(verdicts) - {Verdict.NOT_APPLICABLE} == {Verdict.ERROR, Verdict.NOT_RUN}
    assert "nobody listens at 127.0.0.1" in output
    assert time.monotonic() - started < 30


def test_time_that_is_over(tmp_path: Path):
    code, result, _ = run(tmp_path, "--seconds", "0", "--case", "BMQ-NEG-1")
    case = only(result)
    assert (code, case.verdict) == (2, Verdict.NOT_RUN)
    assert "were over" in case.reason


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--target", "nonsense"], "neither 'reference' nor"),
        (["--break", "no-such-defect"], "no defect is called"),
        (["--case", "BMQ-PUT-99999"], "there is no case BMQ-PUT-99999"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, arguments: list[str], text: str):
    code, result, output = run(tmp_path, *arguments)
    assert code == 2
    assert result is None
    assert text in output


def test_several_workers(tmp_path: Path):
    wanted = ["BMQ-NEG-1", "BMQ-NEG-2", "BMQ-PUT-1", "BMQ-PUSH-1"]
    arguments = [word for case_id in wanted for word in ("--case", case_id)]
    code, result, _ = run(tmp_path, "-n", "2", *arguments)
    assert code == 0
    assert result is not None
    assert {case.id: case.verdict for case in result.cases} == dict.fromkeys(wanted, Verdict.PASS)
