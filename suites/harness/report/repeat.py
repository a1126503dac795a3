"""The same suite on the same target many times: what a case finds must not depend on luck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from suites.harness.report.matrix import Column
from suites.harness.report.model import SEVERITY, Case, SuiteResult, Verdict
from suites.harness.report.text import plural


def merge_runs(target: str, runs: Sequence[SuiteResult]) -> Column:
    """Make one column of many runs, in which a case has the worst of its verdicts.

    A case that was not run in one of them has not wavered: nobody knows what it would have found.

    Args:
        target: its specification.
        runs: at least one, each with the same cases.
    """
    assert runs, "there was no run"
    found: dict[str, list[Case]] = {}
    for run in runs:
        for case in run.cases:
            found.setdefault(case.id, []).append(case)
    wavering = {
        case_id: tuple(case.verdict for case in cases)
        for case_id, cases in found.items()
        if len({case.verdict for case in cases} - {Verdict.NOT_RUN}) > 1
    }
    kinds = Counter(tuple((case.id, case.verdict) for case in run.cases) for run in runs)
    result = SuiteResult(
        name=runs[0].name,
        cases=tuple(
            _worst(cases, is_wavering=case_id in wavering) for case_id, cases in found.items()
        ),
        duration_s=sum(run.duration_s for run in runs),
        notes=tuple(dict.fromkeys(note for run in runs for note in run.notes)),
    )
    return Column(target, result, len(runs), max(kinds.values()), wavering)


def _worst(cases: Sequence[Case], *, is_wavering: bool) -> Case:
    worst = min(cases, key=lambda case: SEVERITY.index(case.verdict))
    if not is_wavering:
        return worst
    counts = Counter(case.verdict for case in cases)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in SEVERITY if counts[verdict])
    reason = f"{worst.reason}; " if worst.reason else ""
    facts: dict[str, str | float | int] = {"verdicts": told, "runs": len(cases)}
    return replace(
        worst,
        reason=f"{reason}not the same in every run: {told}",
        properties=dict(worst.properties) | facts,
    )


def stability_text(column: Column) -> str:
    """Say how steady a target was: `20 of 20 runs were the same`; empty after a single run."""
    if column.runs == 1:
        return ""
    text = f"{column.same_runs} of {plural(column.runs, 'run')} were the same"
    if not column.wavering:
        return text
    return f"{text}; {plural(len(column.wavering), 'case')} wavered"
