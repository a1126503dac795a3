from __future__ import annotations

from pathlib import Path
from typing import Any

from suites.fuzz.engine import Crash, Run, Statistics
from suites.fuzz.registry import CANARY, TARGETS, Target
from suites.fuzz.workflow.campaign import Campaign, Outcome, Result
from suites.fuzz.workflow.outcome import INTERRUPTED, result_of
from suites.fuzz.workflow.triage import Finding
from suites.harness.report import SuiteResult, Verdict
from suites.harness.target import TargetSpec

PUTS, ACKS = TARGETS["FUZZ-PUTS"], TARGETS["FUZZ-ACKS"]
STATISTICS = Statistics(executions=1500, coverage=10)
CAMPAIGN = Campaign(
    spec=TargetSpec.parse("reference"),
    targets=(PUTS, ACKS),
    seconds=60,
    jobs=2,
    seed=7,
    persists=False,
)
FINDING = Finding(
    kind="crash",
    data=b"\x01",
    stack="Traceback (most recent call last):\nKeyError: 1",
    signature="KeyError",
    found_bytes=1200,
    alike=3,
    executions=45,
)


def result(*outcomes: Outcome, is_interrupted: bool = False) -> SuiteResult:
    return result_of(CAMPAIGN, Result(outcomes, is_interrupted), 61.0)


def run(target: Target, **changes: Any) -> Run:
    return Run(target, 7, 60.0, STATISTICS, cpu_s=55.0, **changes)


def test_the_total_counts_cpu():
    said = result(Outcome(run(PUTS)), Outcome(run(ACKS)))
    assert said.verdict is Verdict.PASS
    assert said.notes[0] == (
        "total: 2 targets, 3,000 executions in 120 s of fuzzing and 110 s of CPU, 0 findings"
    )
    assert said.cases[0].properties["cpu_s"] == 55.0
    assert INTERRUPTED not in said.notes


def test_findings_and_where_they_are():
    places = ((Path("x/FUZZ-PUTS-1"), True), (Path("x/FUZZ-PUTS-2"), False))
    said = result(Outcome(run(PUTS), (FINDING, FINDING), places), is_interrupted=True)
    (case,) = said.cases
    assert case.verdict is Verdict.FAIL
    assert case.reason == "2 findings; the first: crash: KeyError: 1"
    assert (
        case.replay
        == "gauntlet fuzz --target reference --case FUZZ-PUTS --input x/FUZZ-PUTS-1/input"
    )
    assert (
        "x/FUZZ-PUTS-1: crash, 1 byte instead of 1,200 after 45 executions, 3 inputs alike\n"
        in case.details
    )
    assert "x/FUZZ-PUTS-2: crash" in case.details
    assert "known from an earlier run" in case.details
    assert INTERRUPTED in said.notes


def test_a_run_that_says_nothing_is_an_error():
    (case,) = result(Outcome(run(PUTS, problem="it did not start:\nlog"))).cases
    assert case.verdict is Verdict.ERROR
    assert case.reason == "it did not start:"


def test_the_canary_is_to_crash():
    assert result(Outcome(run(CANARY))).cases[0].verdict is Verdict.FAIL
    crashed = run(CANARY, crashes=(Crash("crash", b"BMQ!", "CanaryError"),))
    assert result(Outcome(crashed, (FINDING,), ((Path("x"), True),))).verdict is Verdict.PASS
