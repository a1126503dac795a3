"""The gate: commands, suites that break, exit codes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from suites.harness.report import SUITE_NAMES, Verdict
from suites.harness.target import TargetSpec
from tools.gauntlet import gate as gate_module
from tools.gauntlet.gate import GateOptions, run_gate, suite_command

OPTIONS = GateOptions(TargetSpec.parse("reference", "push-twice"), seed=7, seconds=3)


def test_every_suite_is_told_the_target_the_defect_and_the_seed(tmp_path: Path):
    for name in SUITE_NAMES:
        command = suite_command(name, OPTIONS, tmp_path / "result.json")
        text = " ".join(command)
        assert f"-m suites.{name} --target reference --break push-twice --seed 7" in text
        assert ("--seconds 3" in text) == (name in {"stress", "fuzz"})


def test_the_command_in_the_report_runs_the_same_gate_again():
    expected = "gauntlet gate --target reference --break push-twice --seed 7 --seconds 3"
    assert OPTIONS.command == expected


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _run_with(monkeypatch: pytest.MonkeyPatch, script: str):
    monkeypatch.setattr(gate_module, "suite_command", lambda *_: [sys.executable, "-c", script])
    return run_gate(OPTIONS, Console(quiet=True))


def test_a_suite_that_leaves_no_result_is_an_error_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch,
):
    report = _run_with(monkeypatch, "print('last words'); raise SystemExit(3)")
    assert report.exit_code == 2
    assert [case.verdict for case in report.cases] == [Verdict.ERROR] * len(SUITE_NAMES)
    assert "exit code 3" in report.cases[0].reason
    assert "last words" in report.cases[0].details


def test_a_suite_that_takes_too_long_is_ended_with_what_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(gate_module, "SUITE_SECONDS_MAX", -2)
    note = tmp_path / "pid"
    script = (
        "import subprocess, sys, pathlib;"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE);"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid));"
        "child.wait()"
    )
    report = _run_with(monkeypatch, script)
    assert report.exit_code == 2
    assert "took more than 1 s" in report.cases[0].reason
    give_up = time.monotonic() + 20
    while is_running(int(note.read_text())):  # the signal is sent; the kernel takes its time
        assert time.monotonic() < give_up


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "external:10.0.0.1:30114"], "not a loopback address"),
        (["--target", "nonsense"], "neither 'reference' nor"),
        (["--break", "nothing-known"], "no defect is called 'nothing-known'"),
    ],
)
def test_what_cannot_be_run_ends_with_2_and_says_why(arguments: list[str], words: str):
    command = [sys.executable, "-m", "tools.gauntlet", "gate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    if "--break" in arguments:
        assert "docs/defects.md" in done.stderr
