"""The report on a terminal: a table of the suites, each failure with its replay, the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from suites.harness.report.model import Case, Report, SuiteResult, Verdict
from suites.harness.report.text import duration_text, one_line, printable

STYLES: Mapping[Verdict, str] = {
    Verdict.PASS: "green",
    Verdict.NON_STRICT: "yellow",
    Verdict.INFORMATIONAL: "cyan",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.FAIL: "bold red",
    Verdict.NOT_RUN: "bold magenta",
    Verdict.ERROR: "bold magenta",
}

HEADLINES: Mapping[str, tuple[str, str]] = {
    "pass": ("PASS", "bold green"),
    "fail": ("FAIL", "bold red"),
    "error": ("COULD NOT RUN", "bold magenta"),
}

FAILURES_SHOWN_MAX = 50
#: Labels that fit into a table 80 characters wide.
_SHORT: Mapping[Verdict, str] = {Verdict.ERROR: "No run"}


def print_report(report: Report, console: Console) -> None:
    """Print the table, then each failure with id, reason and replay command, then the verdict.

    Cases that were not run are counted by their reason.

    Replay commands are never wrapped, so that they can be copied. After `FAILURES_SHOWN_MAX`
    failures the rest are counted.
    """
    console.print(_suite_table(report))
    bad = sorted(
        (case for case in report.cases if case.verdict in {Verdict.FAIL, Verdict.ERROR}),
        key=lambda case: case.verdict is not Verdict.FAIL,
    )
    for case in bad[:FAILURES_SHOWN_MAX]:
        _print_failure(case, console)
    if len(bad) > FAILURES_SHOWN_MAX:
        console.print(Text(f"... and {len(bad) - FAILURES_SHOWN_MAX:,} more\n"))
    _print_not_run(report, console)
    for suite in report.suites:
        if suite.problem:
            console.print(Text(f"{suite.name}: {suite.problem}\n", style=STYLES[Verdict.ERROR]))
    console.print(_verdict_line(report), soft_wrap=True)


def _suite_table(report: Report) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Suite", no_wrap=True)
    for heading in ("Cases", "Passed", "Failed", "Errors", "Skipped", "Time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    for suite in report.suites:
        table.add_row(*_suite_cells(suite))
    return table


def _suite_cells(suite: SuiteResult) -> list[Text]:
    totals = suite.totals
    passed = sum(count for verdict, count in totals.items() if verdict.is_passed)
    failed = totals[Verdict.FAIL]
    errors = totals[Verdict.ERROR]
    skipped = totals[Verdict.NOT_RUN] + totals[Verdict.NOT_APPLICABLE]
    return [
        Text(suite.name, style="bold"),
        Text(f"{len(suite.cases):,}"),
        Text(f"{passed:,}"),
        Text(f"{failed:,}", style=STYLES[Verdict.FAIL] if failed else ""),
        Text(f"{errors:,}", style=STYLES[Verdict.ERROR] if errors else ""),
        Text(f"{skipped:,}"),
        Text(duration_text(suite.duration_s)),
        Text(_SHORT.get(suite.verdict, suite.verdict.label), style=STYLES[suite.verdict]),
    ]


def _print_failure(case: Case, console: Console) -> None:
    # `Text` and not markup: a broker's bytes may hold square brackets.
    head = Text.assemble(
        (case.verdict.label.upper(), STYLES[case.verdict]),
        "  ",
        (one_line(case.id), "bold"),
        f"  {case.suite}: {one_line(case.title)}",
    )
    console.print(head)
    console.print(Text(f"  reason  {one_line(case.reason)}"))
    if case.replay:
        replay = Text.assemble("  replay  ", (printable(case.replay), "cyan"))
        console.print(replay, soft_wrap=True)
    console.print()


def _print_not_run(report: Report, console: Console) -> None:
    """Print why cases were not run: once for each reason, for one reason stops hundreds."""
    reasons = Counter(
        (case.suite, case.reason) for case in report.cases if case.verdict is Verdict.NOT_RUN
    )
    for (suite, reason), count in reasons.items():
        cases = "1 case" if count == 1 else f"{count:,} cases"
        head = (Verdict.NOT_RUN.label.upper(), STYLES[Verdict.NOT_RUN])
        console.print(Text.assemble(head, f"  {cases} of {suite}: {one_line(reason)}\n"))


def _verdict_line(report: Report) -> Text:
    word, style = HEADLINES[report.verdict]
    return Text.assemble(
        (word, style),
        f"  {report.summary}; {duration_text(report.duration_s)}; target {one_line(report.target)}",
    )
