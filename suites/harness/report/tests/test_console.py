"""The terminal's view of a report."""

from __future__ import annotations

import io

from rich.console import Console

from suites.harness.report import Case, Report, SuiteResult, Verdict, print_report
from suites.harness.report.console import FAILURES_SHOWN_MAX
from suites.harness.report.tests.samples import (
    REPLAY,
    make_case,
    make_full_report,
    make_hostile_report,
    make_report,
    make_suite,
)


def show(report: Report, width: int = 100) -> str:
    out = io.StringIO()
    print_report(report, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def row_of(text: str, suite: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.strip().startswith(suite))
    return line.split()


def test_the_table_has_a_row_for_each_suite() -> None:
    text = show(make_full_report())
    assert row_of(text, "integration") == [
        "integration",
        "6",
        "3",
        "1",
        "0",
        "2",
        "12.5",
        "s",
        "Fail",
    ]
    assert row_of(text, "chaos") == ["chaos", "1", "1", "0", "0", "0", "31.0", "s", "Pass"]
    assert row_of(text, "fuzz") == [
        "fuzz",
        "1",
        "0",
        "0",
        "1",
        "0",
        "10.0",
        "s",
        "No",
        "run",
    ]


def test_failures_come_first_with_reason_and_replay_and_the_verdict_last() -> None:
    text = show(make_full_report())
    assert text.index("BMQ-PUT-7") < text.index("NOT RUN  1 case of integration")
    assert "reason  the message was acknowledged" in text
    assert f"replay  {REPLAY}" in text
    last = text.splitlines()[-1]
    assert last.startswith("FAIL  9 cases in 4 suites: 1 fail")
    assert last.endswith("target reference")


def test_a_replay_command_is_never_wrapped() -> None:
    replay = "gauntlet replay " + "x " * 200 + "end"
    case = make_case(verdict=Verdict.FAIL, replay=replay)
    assert replay in show(make_report(SuiteResult("integration", (case,), 1.0)), width=60)


def test_verdict_lines() -> None:
    assert show(make_report(make_suite(Verdict.PASS))).splitlines()[-1].startswith("PASS  1 case")
    text = show(make_report(make_suite(name="fuzz")))
    assert "fuzz: the suite ran no case" in text
    assert text.splitlines()[-1].startswith("COULD NOT RUN  0 cases")


def test_hostile_text_neither_marks_up_nor_moves_the_cursor() -> None:
    text = show(make_hostile_report())
    assert "[bold]markup[/bold]" in text
    assert not set(text) & set("\x00\x01\x07\x1b\x9b\u202e\udc80")


def test_endless_failures_are_counted() -> None:
    suite = make_suite(*[Verdict.FAIL] * (FAILURES_SHOWN_MAX + 7))
    text = show(make_report(suite))
    assert text.count("replay  ") == FAILURES_SHOWN_MAX
    assert "... and 7 more" in text


def test_cases_that_were_not_run_are_counted_by_reason() -> None:
    def not_run(number: int, reason: str) -> Case:
        return make_case(id=f"BMQ-PUT-{number}", verdict=Verdict.NOT_RUN, reason=reason)

    cases = [not_run(n, "nobody listens") for n in range(60)] + [not_run(60, "out of time")]
    text = show(make_report(SuiteResult("integration", tuple(cases), 1.0)))
    assert "NOT RUN  60 cases of integration: nobody listens" in text
    assert "NOT RUN  1 case of integration: out of time" in text
    assert "BMQ-PUT-7" not in text


def test_cases_that_are_not_applicable_are_counted_by_reason() -> None:
    def lacking(number: int, reason: str) -> Case:
        return make_case(id=f"BMQ-PUT-{number}", verdict=Verdict.NOT_APPLICABLE, reason=reason)

    cases = [lacking(n, "target a lacks: lifecycle") for n in range(60)] + [lacking(60, "no wheel")]
    text = show(make_report(SuiteResult("integration", tuple(cases), 1.0)))
    assert "NOT APPLICABLE  60 cases of integration: target a lacks: lifecycle" in text
    assert "NOT APPLICABLE  1 case of integration: no wheel" in text
    assert text.splitlines()[-1].startswith("COULD NOT RUN  61 cases")


def test_endless_reasons_are_counted() -> None:
    cases = [
        make_case(id=f"BMQ-PUT-{n}", verdict=Verdict.NOT_APPLICABLE, reason=f"reason {n}")
        for n in range(FAILURES_SHOWN_MAX + 3)
    ]
    text = show(make_report(SuiteResult("integration", tuple(cases), 1.0)))
    assert text.count("NOT APPLICABLE") == FAILURES_SHOWN_MAX
    assert "... and 3 more reasons" in text


def test_the_table_fits_into_80_columns() -> None:
    text = show(
        make_report(
            SuiteResult("integration", (make_case(verdict=Verdict.ERROR, reason="x"),), 1.0)
        ),
        width=80,
    )
    assert "Skipped" in text
    assert "Errors" in text
