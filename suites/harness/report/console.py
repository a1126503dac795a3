"""The report on a terminal: a table of suites or targets, each failure with its replay, verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from suites.harness.report.matrix import Column, Matrix
from suites.harness.report.model import Case, Report, SuiteResult, Verdict
from suites.harness.report.repeat import stability_text
from suites.harness.report.text import duration_text, one_line, plural, printable

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

    Cases that were not run, and those that are not applicable, are counted by their reason.

    Replay commands are never wrapped, so that they can be copied. After `FAILURES_SHOWN_MAX`
    failures the rest are counted.
    """
    console.print(_table("Suite", [(suite.name, suite) for suite in report.suites]))
    _print_bad(report, console)
    _print_reasons(report, Verdict.NOT_APPLICABLE, console)
    console.print(_verdict_line(report), soft_wrap=True)


def print_matrix(matrix: Matrix, console: Console) -> None:
    """Print a line per target, then its failures as `print_report` does, then the differences."""
    console.print(_table("Target", [(column.target, column.result) for column in matrix.columns]))
    for report in matrix.reports:
        if report.verdict != "pass":
            console.print(Text(f"{one_line(report.target)}\n", style="bold underline"))
            _print_bad(report, console)
    if len(matrix.columns) > 1:
        _print_differences(matrix, console)
    else:
        _print_reasons(matrix.reports[0], Verdict.NOT_APPLICABLE, console)
    for column in matrix.columns:
        if text := stability_text(column):
            _print_stability(column, text, console)
    word, style = HEADLINES[matrix.verdict]
    cases = plural(len(matrix.rows), "case")
    text = (
        f"  {cases} on {plural(len(matrix.columns), 'target')}; {duration_text(matrix.duration_s)}"
    )
    console.print(Text.assemble((word, style), text), soft_wrap=True)


def _print_stability(column: Column, text: str, console: Console) -> None:
    style = STYLES[Verdict.FAIL] if column.wavering else STYLES[Verdict.PASS]
    console.print(Text.assemble(f"{one_line(column.target)}: ", (text, style)))
    for case_id, verdicts in list(column.wavering.items())[:FAILURES_SHOWN_MAX]:
        counts = Counter(verdicts)
        told = ", ".join(f"{count} {verdict.label.lower()}" for verdict, count in counts.items())
        console.print(Text.assemble("  ", (one_line(case_id), "bold"), f": {told}"))
    if len(column.wavering) > FAILURES_SHOWN_MAX:
        console.print(Text(f"  ... and {len(column.wavering) - FAILURES_SHOWN_MAX:,} more"))
    console.print()


def _print_bad(report: Report, console: Console) -> None:
    """Print the failures, what could not run and what was not run."""
    bad = sorted(
        (case for case in report.cases if case.verdict in {Verdict.FAIL, Verdict.ERROR}),
        key=lambda case: case.verdict is not Verdict.FAIL,
    )
    for case in bad[:FAILURES_SHOWN_MAX]:
        _print_failure(case, console)
    if len(bad) > FAILURES_SHOWN_MAX:
        console.print(Text(f"... and {len(bad) - FAILURES_SHOWN_MAX:,} more\n"))
    _print_reasons(report, Verdict.NOT_RUN, console)
    for suite in report.suites:
        if suite.problem:
            console.print(Text(f"{suite.name}: {suite.problem}\n", style=STYLES[Verdict.ERROR]))


def _print_differences(matrix: Matrix, console: Console) -> None:
    """Print the cases that targets answered differently, and how many only some were asked."""
    differences = matrix.differences
    if not differences:
        console.print(Text("The targets differ in no case that was put to all of them.\n"))
    else:
        head = f"Where the targets differ: {plural(len(differences), 'case')}\n"
        console.print(Text(head, style="bold underline"))
    for row in differences[:FAILURES_SHOWN_MAX]:
        console.print(Text.assemble((one_line(row.id), "bold"), f"  {one_line(row.first.title)}"))
        for column, case in zip(matrix.columns, row.cells, strict=True):
            if case is not None:
                label = (f"{case.verdict.label.lower():14}", STYLES[case.verdict])
                reason = f": {one_line(case.reason)}" if case.reason else ""
                console.print(Text.assemble("  ", label, f" {one_line(column.target)}{reason}"))
        console.print()
    if len(differences) > FAILURES_SHOWN_MAX:
        console.print(Text(f"... and {len(differences) - FAILURES_SHOWN_MAX:,} more\n"))
    partial = Counter(
        (column.target, case.reason)
        for row in matrix.rows
        for column, case in zip(matrix.columns, row.cells, strict=True)
        if case is not None and case.verdict is Verdict.NOT_APPLICABLE
    )
    for (_, reason), count in partial.items():
        console.print(Text(f"not put to all: {plural(count, 'case')}: {one_line(reason)}"))
    if partial:
        console.print()


def _table(heading: str, results: Sequence[tuple[str, SuiteResult]]) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(heading, overflow="fold")
    for title in ("Cases", "Passed", "Failed", "Errors", "Skipped", "Time"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    for name, suite in results:
        table.add_row(*_cells(name, suite))
    return table


def _cells(name: str, suite: SuiteResult) -> list[Text]:
    totals = suite.totals
    passed = sum(count for verdict, count in totals.items() if verdict.is_passed)
    failed = totals[Verdict.FAIL]
    errors = totals[Verdict.ERROR]
    skipped = totals[Verdict.NOT_RUN] + totals[Verdict.NOT_APPLICABLE]
    return [
        Text(one_line(name), style="bold"),
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


def _print_reasons(report: Report, verdict: Verdict, console: Console) -> None:
    """Print why cases have a verdict: once for each reason, for hundreds may have the same."""
    reasons = Counter((case.suite, case.reason) for case in report.cases if case.verdict is verdict)
    for (suite, reason), count in reasons.most_common(FAILURES_SHOWN_MAX):
        cases = "1 case" if count == 1 else f"{count:,} cases"
        head = (verdict.label.upper(), STYLES[verdict])
        text = Text.assemble(head, f"  {cases} of {suite}: {one_line(reason)}\n")
        console.print(text, soft_wrap=True)
    if len(reasons) > FAILURES_SHOWN_MAX:
        console.print(Text(f"... and {len(reasons) - FAILURES_SHOWN_MAX:,} more reasons\n"))


def _verdict_line(report: Report) -> Text:
    word, style = HEADLINES[report.verdict]
    return Text.assemble(
        (word, style),
        f"  {report.summary}; {duration_text(report.duration_s)}; target {one_line(report.target)}",
    )
