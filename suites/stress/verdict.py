"""From what a run has found to cases, tables and a plot.

| case                | fails                                        | cannot say (an error)               |
|---------------------|----------------------------------------------|-------------------------------------|
| `STRESS-DELIVERY-1` | at any anomaly of `delivery`                 | the load did not run as asked       |
| `STRESS-RATE-1`     | never                                        | the same, or the slip is too much   |
| `STRESS-LATENCY-1`  | no sample of a latency, or p99 over budget   | the same as `STRESS-RATE-1`         |

A generator that cannot keep its schedule makes a run invalid, never slow. What was lost is lost
nevertheless.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from suites.harness.report import Case, Chart, Series, SuiteResult, Table, Verdict
from suites.harness.report.text import one_line, plural
from suites.stress.budgets import Budgets
from suites.stress.latency import Kind
from suites.stress.load import Outcome

DELIVERY: Final = "STRESS-DELIVERY-1"
RATE: Final = "STRESS-RATE-1"
LATENCY: Final = "STRESS-LATENCY-1"
_SUITE: Final = "stress"
#: Refusals that a right broker gives when there is no room.
_FULL: Final = ("LIMIT_MESSAGES", "LIMIT_BYTES")


class _Statement(NamedTuple):
    title: str
    statement: str
    expectation: str


CASES: Final = {
    DELIVERY: _Statement(
        "Nothing lost, nothing twice, everything in order under load",
        "What a broker acknowledges it delivers, once, and in the order of each producer.",
        "At the end of the load every message is acknowledged, and has come once, whole and in "
        "order.",
    ),
    RATE: _Statement(
        "The generator keeps its schedule",
        "Latencies say something about a broker only if the messages leave when they are due.",
        "The 99th percentile of the schedule slip is within its bound.",
    ),
    LATENCY: _Statement(
        "Acknowledgements and deliveries come in time under load",
        "A broker under a steady load that it can carry answers and delivers in bounded time.",
        "Both latencies, from the intended send, have a 99th percentile within their budgets.",
    ),
}


def judge(
    outcome: Outcome,
    budgets: Budgets,
    *,
    command: str,
    duration_s: float,
    case_ids: Iterable[str] = tuple(CASES),
    log_tail: str = "",
) -> SuiteResult:
    """Return the result of a run.

    Args:
        outcome: what it has found.
        budgets: what it must keep.
        command: the shell command that repeats it, without `--case`.
        duration_s: wall time of it all, in seconds.
        case_ids: the cases that were asked for.
        log_tail: what the target printed last.
    """
    problem = _find_problem(outcome)
    judged = {
        DELIVERY: _judge_delivery(outcome, problem),
        RATE: _judge_rate(outcome, budgets, problem),
        LATENCY: _judge_latency(outcome, budgets, problem),
    }
    properties: dict[str, dict[str, str | float | int]] = {
        DELIVERY: dict(_delivery_counts(outcome)),
        RATE: {"slip p99 ms": outcome.latencies[Kind.SLIP].p99, "unsent": outcome.unsent},
        LATENCY: {
            "ack p99 ms": outcome.latencies[Kind.ACK].p99,
            "end-to-end p99 ms": outcome.latencies[Kind.END_TO_END].p99,
        },
    }
    details = "\n".join([*outcome.failures, log_tail]).strip()
    cases = tuple(
        Case(
            id=name,
            suite=_SUITE,
            **CASES[name]._asdict(),
            verdict=judged[name][0],
            duration_s=duration_s,
            reason=one_line(judged[name][1]),
            details=details if judged[name][0].is_bad else "",
            replay=f"{command} --case {name}",
            properties=properties[name],
        )
        for name in case_ids
    )
    return SuiteResult(
        _SUITE,
        cases,
        duration_s,
        notes=_notes(outcome),
        tables=(_latency_table(outcome), _delivery_table(outcome)),
        charts=(_chart(outcome),),
    )


def could_not_run(
    reason: str, *, command: str, duration_s: float, case_ids: Iterable[str], details: str = ""
) -> SuiteResult:
    """Return the result of a run that came to nothing.

    Args:
        reason: why; its first line is shown with each case.
        command: the shell command that repeats it, without `--case`.
        duration_s: how long it took, in seconds.
        case_ids: the cases that were asked for.
        details: a traceback, or what the target has printed.
    """
    cases = tuple(
        Case(
            id=name,
            suite=_SUITE,
            **CASES[name]._asdict(),
            verdict=Verdict.ERROR,
            duration_s=duration_s,
            reason=one_line(reason) or "no reason is known",
            details=details or reason,
            replay=f"{command} --case {name}",
        )
        for name in case_ids
    )
    return SuiteResult(_SUITE, cases, duration_s)


def exit_code(result: SuiteResult) -> int:
    """Return 0 for passed, 1 for failed, 2 for could not run."""
    codes = {Verdict.FAIL: 1, Verdict.ERROR: 2, Verdict.NOT_APPLICABLE: 2}
    return codes.get(result.verdict, 0)


def describe(result: SuiteResult) -> str:
    """Return the result for a terminal, a few lines."""
    lines = [f"{result.name}: {note}" for note in result.notes]
    for table in result.tables:
        lines += ["", table.title, *_align([table.columns, *table.rows])]
    lines.append("")
    for case in result.cases:
        lines.append(f"{case.verdict.label:<16}{case.id:<20}{case.reason or case.title}")
        if case.verdict.is_bad:
            lines.append(f"{'':<16}replay: {case.replay}")
    return "\n".join(lines) + "\n"


# The cases.


def _find_problem(outcome: Outcome) -> str:
    """Return why the load did not run as asked; empty if it did."""
    if outcome.failures:
        more = f" (and {len(outcome.failures) - 1} more)" if len(outcome.failures) > 1 else ""
        return f"a user stopped: {outcome.failures[0]}{more}"
    if not outcome.producers:
        return "no producer was there"
    if not outcome.consumers:
        return "no consumer was there"
    if not outcome.delivery.posted:
        return "no message was sent"
    full = {name: count for name, count in outcome.delivery.refusals.items() if name in _FULL}
    if full:
        refusals = ", ".join(f"{count:,} with {name}" for name, count in full.items())
        text = f"the queue was full: of {outcome.delivery.posted:,} messages it refused {refusals}"
        return f"{text}; choose a domain with more room, or a lower rate"
    return ""


def _judge_delivery(outcome: Outcome, problem: str) -> tuple[Verdict, str]:
    anomalies = outcome.delivery.anomalies(
        may_redeliver=outcome.consumers_gone > 0, is_complete=not problem
    )
    if anomalies:
        return Verdict.FAIL, f"of {outcome.delivery.posted:,} messages: {', '.join(anomalies)}"
    return (Verdict.ERROR, problem) if problem else (Verdict.PASS, "")


def _judge_rate(outcome: Outcome, budgets: Budgets, problem: str) -> tuple[Verdict, str]:
    slip_ms, bound_ms = outcome.latencies[Kind.SLIP].p99, budgets.p99_ms(Kind.SLIP)
    if problem:
        return Verdict.ERROR, problem
    if slip_ms > bound_ms:
        text = f"invalid run: the p99 of the slip is {slip_ms:,.1f} ms, over {bound_ms:,.1f} ms"
        return Verdict.ERROR, f"{text}; {plural(outcome.unsent, 'message')} left unsent"
    return Verdict.PASS, ""


def _judge_latency(outcome: Outcome, budgets: Budgets, problem: str) -> tuple[Verdict, str]:
    rate_verdict, rate_reason = _judge_rate(outcome, budgets, problem)
    if rate_verdict is Verdict.ERROR:
        return rate_verdict, rate_reason
    complaints = []
    for kind in (Kind.ACK, Kind.END_TO_END):
        found, budget_ms = outcome.latencies[kind], budgets.p99_ms(kind)
        if not found.total:
            complaints.append(f"{kind}: no sample")
        elif found.p99 > budget_ms:
            complaints.append(f"{kind}: p99 is {found.p99:,.1f} ms, over {budget_ms:,.1f} ms")
    return (Verdict.FAIL, "; ".join(complaints)) if complaints else (Verdict.PASS, "")


# Around them.


def _delivery_counts(outcome: Outcome) -> dict[str, int]:
    found = outcome.delivery
    return {
        "posted": found.posted,
        "acknowledged": found.acknowledged,
        "refused": found.refused,
        "unanswered": found.unanswered,
        "delivered": found.delivered,
        "lost": found.lost,
        "duplicate": found.duplicate,
        "redelivered": found.redelivered,
        "out of order": found.out_of_order,
        "phantom": found.phantom,
        "damaged": found.damaged,
        "foreign": found.foreign,
    }


def _notes(outcome: Outcome) -> tuple[str, ...]:
    settings, load_s = outcome.settings, outcome.load_s
    posted = outcome.delivery.posted
    per_message_us = f", {outcome.cpu_s * 1e6 / posted:.0f} µs a message" if posted else ""
    producers, consumers = (
        plural(outcome.producers, "producer"),
        plural(outcome.consumers, "consumer"),
    )
    messages = f"{settings.message_bytes:,} bytes in batches of {settings.batch:,}"
    notes = [
        f"load: {producers} at {settings.rate:,} messages/s each, {consumers}, {load_s:.1f} s",
        f"messages: {messages}, filled from seed {settings.seed}",
        f"queue: {settings.queue_uri} (domain {settings.domain})",
        f"generator: {outcome.cpu_s:.1f} s of CPU{per_message_us}",
    ]
    if outcome.reconnections:
        notes.append(f"connections lost: {outcome.reconnections:,}")
    return tuple(notes)


def _latency_table(outcome: Outcome) -> Table:
    columns = ("", "count", "p50", "p90", "p99", "p99.9", "max")
    rows = []
    for kind in (Kind.ACK, Kind.END_TO_END, Kind.SLIP):
        total, *times = outcome.latencies[kind]
        rows.append(
            (str(kind), f"{total:,}", *(f"{time:,.3f}" if total else "-" for time in times))
        )
    return Table("Latencies from the intended send, in ms", columns, tuple(rows))


def _delivery_table(outcome: Outcome) -> Table:
    counts = _delivery_counts(outcome)
    row = tuple(f"{count:,}" for count in counts.values())
    return Table("Messages", tuple(counts), (row,))


def _chart(outcome: Outcome) -> Chart:
    series = []
    for kind, name in ((Kind.ACK, "acknowledged"), (Kind.END_TO_END, "delivered")):
        rates = tuple((point.at_s, point.rate) for point in outcome.points[kind])
        series.append(Series(name, "msg/s", rates))
    for kind in Kind:
        p99s = tuple(
            (point.at_s, point.p99_ms) for point in outcome.points[kind] if point.p99_ms is not None
        )
        series.append(Series(f"{kind} p99", "ms", p99s))
    return Chart("Rate and p99 of each second", tuple(series))


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
