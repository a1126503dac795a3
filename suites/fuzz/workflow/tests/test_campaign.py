from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from suites.fuzz.engine import Crash, Run, Statistics, has_coverage
from suites.fuzz.parsers import foreign_target
from suites.fuzz.registry import TARGETS, Target, find_target
from suites.fuzz.workflow import campaign as campaigns
from suites.fuzz.workflow.campaign import Campaign, combined, run_campaign
from suites.fuzz.workflow.triage import Finding
from suites.harness.target import TargetSpec

ROOT = Path(__file__).resolve().parents[4]
PUTS, ACKS = TARGETS["FUZZ-PUTS"], TARGETS["FUZZ-ACKS"]
PLANTED = find_target("suites.fuzz.workflow.tests.planted")
needs_coverage = pytest.mark.skipif(not has_coverage(), reason="atheris is not installed")


def campaign(folder: Path, *targets: Target, **changes: Any) -> Campaign:
    chosen: dict[str, Any] = {
        "spec": TargetSpec.parse("reference"),
        "targets": targets,
        "seconds": 4,
        "jobs": 2,
        "seed": 7,
        "persists": True,
        "corpus": folder / "corpus",
        "crash_folder": folder / "crashes",
        **changes,
    }
    return Campaign(**chosen)


def quiet() -> Console:
    return Console(file=io.StringIO())


def pytest_says(path: Path, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(path)],
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout


class FakeEngine:
    """Stands in for `fuzz`: remembers what it was asked, and answers by the number of the call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *crashes: Crash) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._crashes = list(crashes)
        monkeypatch.setattr(campaigns, "fuzz", self)
        monkeypatch.setattr(campaigns, "triage", self._triage)

    def __call__(self, target: Target, **asked: Any) -> Run:
        self.asked.append((target.id, asked))
        crashes = (self._crashes.pop(0),) if self._crashes else ()
        statistics = Statistics(executions=100, coverage=len(self.asked))
        return Run(target, asked["seed"], 1.0, statistics, crashes, cpu_s=0.5)

    def _triage(
        self, _target: Target, crashes: Sequence[Crash], **_options: Any
    ) -> tuple[Finding, ...]:
        return tuple(
            Finding(kind=c.kind, data=c.data, stack=c.stack, signature=c.kind, found_bytes=1)
            for c in crashes
        )


def test_jobs_of_one_target_share_a_corpus_and_have_seeds_of_their_own(monkeypatch, tmp_path):
    engine = FakeEngine(monkeypatch)
    result = run_campaign(campaign(tmp_path, PUTS), quiet())
    assert [asked["corpus"] for _, asked in engine.asked] == [tmp_path / "corpus"] * 2
    assert {asked["seed"] for _, asked in engine.asked} == {7, 8}
    (outcome,) = result.outcomes
    assert outcome.run.statistics == Statistics(executions=200, coverage=2)
    assert outcome.run.cpu_s == 1.0
    assert not result.is_interrupted


def test_several_targets_have_folders_and_the_same_time(monkeypatch, tmp_path):
    engine = FakeEngine(monkeypatch)
    run_campaign(campaign(tmp_path, PUTS, ACKS, PLANTED, jobs=1, seconds=9), quiet())
    assert [(id_, asked["seconds"]) for id_, asked in engine.asked] == [
        (PUTS.id, 3),
        (ACKS.id, 3),
        (PLANTED.id, 3),
    ]
    assert sorted(path.name for path in (tmp_path / "corpus").iterdir()) == sorted(
        [PUTS.id, ACKS.id, PLANTED.id]
    )


def test_nothing_stays_unless_it_is_to(monkeypatch, tmp_path):
    engine = FakeEngine(monkeypatch)
    run_campaign(campaign(tmp_path, PUTS, persists=False, jobs=1), quiet())
    assert not engine.asked[0][1]["corpus"].exists()
    assert not list(tmp_path.iterdir())


def test_a_run_that_a_hang_ended_goes_on(monkeypatch, tmp_path):
    engine = FakeEngine(
        monkeypatch, *[Crash("hang", bytes([n]), "the input hangs") for n in range(9)]
    )
    result = run_campaign(campaign(tmp_path, PUTS, jobs=1, seconds=60), quiet())
    assert len(engine.asked) == 4
    assert len({asked["seed"] for _, asked in engine.asked}) == 4
    assert [asked["crashes_max"] for _, asked in engine.asked] == [8, 7, 6, 5]
    assert len(result.outcomes[0].findings) == 4
    engine = FakeEngine(monkeypatch, Crash("crash", b"x", "Traceback"))
    run_campaign(campaign(tmp_path, PUTS, jobs=1, seconds=60), quiet())
    assert len(engine.asked) == 1  # it had used its time


def test_what_a_thread_cannot_do_ends_the_campaign(monkeypatch, tmp_path):
    def fail(*_args, **_options):
        raise RuntimeError("broken")

    monkeypatch.setattr(campaigns, "fuzz", fail)
    with pytest.raises(RuntimeError, match="broken"):
        run_campaign(campaign(tmp_path, PUTS), quiet())


def test_a_problem_of_one_run_is_one_of_the_target():
    good = Run(PUTS, 1, 1.0, Statistics(executions=1, peak_rss_mib=9))
    bad = Run(PUTS, 2, 0.0, Statistics(), problem="it did not start", is_guided=False)
    both = combined([good, bad])
    assert (both.problem, both.is_guided, both.statistics.peak_rss_mib) == (
        "it did not start",
        False,
        9,
    )


@needs_coverage
@pytest.mark.slow
def test_a_corpus_is_where_the_next_run_begins(tmp_path):
    first = run_campaign(campaign(tmp_path, PUTS, seconds=3, jobs=1), quiet())
    (run,) = [outcome.run for outcome in first.outcomes]
    assert run.problem == ""
    kept = len(list((tmp_path / "corpus").iterdir()))
    assert kept > 20
    assert run.cpu_s > 0.5
    log = io.StringIO()
    again = run_campaign(campaign(tmp_path, PUTS, seconds=1, jobs=1, seed=9), Console(file=log))
    assert again.outcomes[0].run.statistics.coverage >= run.statistics.coverage
    assert len(list((tmp_path / "corpus").iterdir())) >= kept


@pytest.mark.slow
def test_findings_are_ready_to_work_on(tmp_path):
    result = run_campaign(campaign(tmp_path, PLANTED, seconds=2), quiet())
    (outcome,) = result.outcomes
    assert sorted(finding.data for finding in outcome.findings) == [b"k", b"z"]
    assert all(is_new for _, is_new in outcome.folders)
    assert len(list((tmp_path / "crashes").iterdir())) == 2


@pytest.mark.slow
def test_a_seeded_defect_comes_out_as_a_test_that_fails_with_it_and_passes_without(tmp_path):
    spec = TargetSpec.parse("reference", "uri-query-by-its-beginning")
    uri = TARGETS["FUZZ-URI"]
    result = run_campaign(campaign(tmp_path, uri, seconds=4, spec=spec, jobs=1), quiet())
    ((finding, (place, _)),) = zip(
        result.outcomes[0].findings, result.outcomes[0].folders, strict=True
    )
    assert len(finding.data) <= len(b"bmq://d/q?idx=a")
    (test,) = place.glob("test_FUZZ_URI_*.py")
    assert "1 failed" in pytest_says(test, GAUNTLET_BREAK=spec.defect)
    assert "1 passed" in pytest_says(test)


@pytest.mark.slow
def test_a_command_of_somebody_else(tmp_path):
    program = tmp_path / "parser.sh"
    program.write_text('#!/bin/sh\nread -r first rest\n[ -n "$first" ] || kill -SEGV $$\n')
    program.chmod(0o700)
    target = foreign_target(f"command:{program}", "uri")
    result = run_campaign(campaign(tmp_path, target, seconds=3, jobs=1), quiet())
    (outcome,) = result.outcomes
    assert not outcome.run.is_guided
    assert [finding.stack for finding in outcome.findings] == ["signal 11 (SIGSEGV)"]
    assert outcome.findings[0].data == b""


@needs_coverage
@pytest.mark.slow
def test_a_callable_of_somebody_else(tmp_path):
    spec = "python:suites.fuzz.workflow.tests.planted:parse"
    target = foreign_target(spec, "stream", ("ValueError",))
    result = run_campaign(campaign(tmp_path, target, seconds=3, jobs=1), quiet())
    (outcome,) = result.outcomes
    assert outcome.run.is_guided
    (finding,) = outcome.findings
    assert finding.stack.endswith("KeyError: 66")
    assert len(finding.data) == 61


@pytest.mark.slow
def test_ctrl_c_ends_the_fuzzing_and_keeps_what_was_found(tmp_path):
    command = [sys.executable, "-m", "suites.fuzz", PLANTED.id, "--minutes", "5", "--jobs", "1"]
    # In the background of a shell SIGINT is ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    for line in process.stderr:  # there is one every 10 s
        if "findings 2" in line:
            process.send_signal(signal.SIGINT)
            break
    out, _ = process.communicate(timeout=50)
    assert process.returncode == 1
    assert "note: interrupted before its time was over" in out
    assert len(list((tmp_path / "fuzz-crashes").iterdir())) == 2
    assert list((tmp_path / ".gauntlet-fuzz" / "corpus" / PLANTED.id).iterdir())
