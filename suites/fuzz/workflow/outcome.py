"""From a campaign to the cases of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from suites.fuzz.registry import CANARY
from suites.fuzz.suite import (
    SUITE,
    Options,
    canary_case,
    case_of,
    naming,
    notes_of,
    tables_of,
)
from suites.fuzz.workflow.campaign import Campaign, Outcome, Result
from suites.fuzz.workflow.triage import command_for
from suites.harness.report import Case, SuiteResult
from suites.harness.report.text import plural

INTERRUPTED: Final = "interrupted before its time was over"


def result_of(campaign: Campaign, result: Result, duration_s: float) -> SuiteResult:
    """Return what a campaign means.

    Args:
        campaign: what was asked for.
        result: what became of it.
        duration_s: how long it took, in seconds.
    """
    options = Options(
        spec=campaign.spec,
        seed=campaign.seed,
        seconds=campaign.seconds,
        unguided=campaign.unguided,
        mutator=campaign.mutator,
    )
    runs = [outcome.run for outcome in result.outcomes]
    notes = [total(result.outcomes), *notes_of(options, runs)]
    if result.is_interrupted:
        notes.insert(0, INTERRUPTED)
    return SuiteResult(
        name=SUITE,
        cases=tuple(_case(campaign, outcome, options) for outcome in result.outcomes),
        duration_s=duration_s,
        notes=tuple(notes),
        tables=tables_of(runs),
    )


def total(outcomes: Sequence[Outcome]) -> str:
    """Return one line about all targets together."""
    runs = [outcome.run for outcome in outcomes]
    executions = sum(run.statistics.executions for run in runs)
    cpu_s = sum(run.cpu_s for run in runs)
    duration_s = sum(run.duration_s for run in runs)
    findings = sum(len(outcome.findings) for outcome in outcomes)
    return (
        f"total: {plural(len(runs), 'target')}, {plural(executions, 'execution')} in "
        f"{duration_s:,.0f} s of fuzzing and {cpu_s:,.0f} s of CPU, {plural(findings, 'finding')}"
    )


def _case(campaign: Campaign, outcome: Outcome, options: Options) -> Case:
    run = outcome.run
    target = run.target
    if target is CANARY:
        return canary_case(run, options)
    replay = f"gauntlet fuzz {campaign.spec.arguments} --seed {campaign.seed} {naming(target)}"
    if outcome.findings:
        replay = command_for(target, outcome.folders[0][0] / "input", campaign.spec)
    return case_of(
        run,
        [(finding.kind, finding.stack) for finding in outcome.findings],
        expectation="no crash, no hang, no more memory than allowed",
        details="\n\n".join(_finding(outcome, number) for number in range(len(outcome.findings))),
        replay=replay,
    )


def _finding(outcome: Outcome, number: int) -> str:
    finding = outcome.findings[number]
    place, is_new = outcome.folders[number]
    sizes = f"{plural(len(finding.data), 'byte')} instead of {finding.found_bytes:,}"
    alike = f", {finding.alike} inputs alike" if finding.alike > 1 else ""
    age = "" if is_new else ", known from an earlier run"
    return (
        f"{place}: {finding.kind}, {sizes} after {plural(finding.executions, 'execution')}"
        f"{alike}{age}\n{finding.stack}"
    )
