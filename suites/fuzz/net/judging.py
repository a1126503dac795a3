"""What a run means: cases of a report, one for each kind of message, and one for pairs of changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from suites.fuzz.net.findings import Finding, Findings, told
from suites.fuzz.net.kinds import KINDS, PEER_COUNT
from suites.harness.report import Case, SuiteResult, Table, Verdict
from suites.harness.report.text import one_line, plural

SUITE: Final = "fuzz"
#: What cases of depth 2 are counted under.
PAIRS: Final = "pairs"
_STATEMENT: Final = "Whatever one client sends, the broker goes on, and serves everybody else."
_REPLAYED_MAX: Final = 200


@dataclass(kw_only=True, slots=True)
class Tally:
    """What was done in a run.

    Attributes:
        name: `sweep` or `net`.
        command: how the run was started, without the cases.
        done: cases that were run, by kind and for pairs.
        findings: what was found.
        seconds: how long it took.
        due: cases that there are, by the same names.
        notes: for the reader.
        properties: numbers to tell with every case.
    """

    name: str
    command: str
    done: dict[str, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    seconds: float = 0.0
    due: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    properties: dict[str, str | int | float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many cases were run."""
        return sum(self.done.values())

    def note_done(self, name: str, count: int = 1) -> None:
        """Count cases."""
        self.done[name] = self.done.get(name, 0) + count


def group_of(case_id: str) -> str:
    """Return what a case is counted under: its kind, or pairs."""
    return PAIRS if "~" in case_id or "+" in case_id else case_id.partition("/")[0]


def judged(tally: Tally) -> SuiteResult:
    """Return the result of a run in which at least one case was run, or a finding made."""
    groups: dict[str, list[Finding]] = {
        name: [] for name in (*KINDS, PAIRS) if tally.done.get(name)
    }
    for finding in tally.findings.kept:
        groups.setdefault(group_of(finding.case_id), []).append(finding)
    cases = tuple(_case(tally, name, found) for name, found in groups.items())
    if not cases:
        return could_not_run(tally.name, "the run ended before its first case", tally.seconds)
    return SuiteResult(
        name=SUITE,
        cases=cases,
        duration_s=tally.seconds,
        notes=tuple(tally.notes),
        tables=(_table(tally, groups),),
    )


def could_not_run(name: str, reason: str, seconds: float) -> SuiteResult:
    """Return the result of a run that did not come to a verdict."""
    case = Case(
        id=f"FUZZ-{name.upper()}-RUN",
        suite=SUITE,
        title="The run",
        verdict=Verdict.ERROR,
        duration_s=max(seconds, 0.0),
        reason=one_line(reason.partition("\n")[0]),
        details=reason,
    )
    return SuiteResult(name=SUITE, cases=(case,), duration_s=max(seconds, 0.0))


def _case(tally: Tally, name: str, found: Sequence[Finding]) -> Case:
    done, due = tally.done.get(name, 0), tally.due.get(name, 0)
    commands = [_replay(tally, finding) for finding in found]
    replay = f"{tally.command} --only {name}" if due else tally.command
    reason = ""
    if found:
        replay = commands[0]
        reason = one_line(f"{plural(len(found), 'finding')}; the first: {found[0].what}")
    elif done < due:
        reason = f"the time was over after {done:,} of {due:,} cases"
    properties: dict[str, str | int | float] = {"cases": done, **tally.properties}
    if name in KINDS:
        properties |= {"cases_there_are": due or done, "peer_cases": KINDS[name].peer_count}
    return Case(
        id=f"FUZZ-{tally.name.upper()}-{name.upper().replace('_', '-')}",
        suite=SUITE,
        title="Pairs of changes" if name == PAIRS else f"Every single change of {name}",
        verdict=Verdict.FAIL if found else Verdict.PASS,
        duration_s=tally.seconds * done / max(tally.total, 1),
        statement=_STATEMENT,
        expectation="no crash, no hang, no wrong answer; a bystander gets its messages",
        reason=reason,
        details="\n\n".join(map(told, found, commands)),
        replay=replay,
        properties=properties,
    )


def _replay(tally: Tally, finding: Finding) -> str:
    ids = (*finding.with_others, finding.case_id)[-_REPLAYED_MAX:]
    return " ".join([tally.command, *(f"--only {case_id}" for case_id in ids)])


def _table(tally: Tally, groups: Mapping[str, Sequence[Finding]]) -> Table:
    """Return the counts beside BlazingMQ's."""
    done = tally.done
    rows = [
        _row(name, done.get(name, 0), f"{kind.peer_count:,}", len(groups.get(name, ())))
        for name, kind in KINDS.items()
        if done.get(name) or tally.due
    ]
    if tally.due:
        singles = sum(done.get(name, 0) for name in KINDS)
        found = sum(len(groups.get(name, ())) for name in KINDS)
        rows.append(_row("together", singles, f"{PEER_COUNT:,}", found))
    if pairs := done.get(PAIRS):
        rows.append(_row(PAIRS, pairs, "none", len(groups.get(PAIRS, ()))))
    return Table("Changed messages", ("Kind", "Cases", "BlazingMQ's", "Findings"), tuple(rows))


def _row(name: str, done: int, peer: str, found: int) -> tuple[str, str, str, str]:
    return name, f"{done:,}", peer, f"{found:,}"


def lines_of(result: SuiteResult) -> list[str]:
    """Return a result in lines for a terminal."""
    lines: list[str] = []
    for table in result.tables:
        widths = [max(map(len, cells)) for cells in zip(table.columns, *table.rows, strict=True)]
        for row in (table.columns, *table.rows):
            first, *rest = (f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join([f"{first.strip():<{widths[0]}}", *rest]))
    for case in result.cases:
        if case.verdict.is_bad:
            lines += ["", f"{case.id}: {case.verdict.label}: {case.reason}", case.details]
        elif case.reason:
            lines.append(f"{case.id}: {case.verdict.label}: {case.reason}")
    return [*lines, *(f"note: {note}" for note in result.notes)]
