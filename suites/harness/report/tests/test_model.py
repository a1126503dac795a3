"""The rules of the verdict model and its JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reference_broker.base import OperatorError
from suites.harness.report import (
    Band,
    Report,
    Series,
    SuiteResult,
    Table,
    Verdict,
    from_json,
    to_json,
)
from suites.harness.report.tests.samples import (
    REPLAY,
    make_case,
    make_full_report,
    make_hostile_report,
    make_report,
    make_suite,
)

PASS, FAIL, ERROR, NOT_RUN = Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.NOT_RUN


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": " "}, "the id is empty"),
        ({"suite": "unit"}, "the suite is none of"),
        ({"title": ""}, "the title is empty"),
        ({"duration_s": -1.0}, "the duration is -1.0 s"),
        ({"duration_s": float("nan")}, "the duration is nan s"),
        ({"verdict": FAIL, "replay": ""}, "it failed but no replay command"),
        ({"verdict": FAIL, "replay": " "}, "it failed but no replay command"),
        ({"verdict": FAIL, "reason": ""}, "the reason is empty"),
        ({"verdict": Verdict.NOT_APPLICABLE, "reason": ""}, "the reason is empty"),
        ({"replay": "one\ntwo"}, "is not one line of text"),
        ({"replay": "x" * 8_193}, "at most 8192"),
        ({"properties": {"p": float("inf")}}, "no string or finite number"),
        ({"properties": {"p": True}}, "no string or finite number"),
    ],
)
def test_a_case_that_breaks_a_rule_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        make_case(**changes)


def test_a_suite_takes_only_its_own_cases_and_each_id_once() -> None:
    case = make_case()
    with pytest.raises(AssertionError, match="reported under 'chaos'"):
        SuiteResult("chaos", (case,), 1.0)
    with pytest.raises(AssertionError, match="'BMQ-PUT-1' is there twice"):
        SuiteResult("integration", (case, case), 1.0)
    with pytest.raises(AssertionError, match="suite 'unit' is none of"):
        SuiteResult("unit", (), 1.0)


def test_a_report_takes_each_suite_once_and_a_utc_start() -> None:
    with pytest.raises(AssertionError, match="'integration' is there twice"):
        make_report(make_suite(PASS), make_suite(PASS))
    fields: dict[str, Any] = {
        "title": "t",
        "target": "t",
        "command": "c",
        "environment": {},
        "suites": (),
    }
    for start in ("yesterday", "2025-06-01", "2025-06-01T09:30:00", "2025-06-01T09:30:00+02:00"):
        with pytest.raises(AssertionError, match="must be ISO 8601 in UTC"):
            Report(started_utc=start, **fields)


def test_tables_and_plots_refuse_what_cannot_be_drawn() -> None:
    with pytest.raises(AssertionError, match="row 1 has 1 cells but there are 2 columns"):
        Table("t", ("a", "b"), (("1", "2"), ("3",)))
    for number in (float("nan"), float("inf"), 1e19):
        with pytest.raises(AssertionError, match="not plottable"):
            Series("s", "ms", ((0.0, number),))
    with pytest.raises(AssertionError, match="before its start"):
        Band(2, 1, "partition")


@pytest.mark.parametrize(
    ("verdicts", "suite_verdict", "report_verdict", "exit_code"),
    [
        ((PASS, PASS), PASS, "pass", 0),
        ((PASS, Verdict.NON_STRICT), Verdict.NON_STRICT, "pass", 0),
        ((PASS, Verdict.NOT_APPLICABLE, Verdict.INFORMATIONAL), PASS, "pass", 0),
        ((PASS, FAIL), FAIL, "fail", 1),
        ((ERROR, FAIL, NOT_RUN), FAIL, "fail", 1),
        ((PASS, ERROR), ERROR, "error", 2),
        ((PASS, NOT_RUN), ERROR, "error", 2),
        ((Verdict.NOT_APPLICABLE,), Verdict.NOT_APPLICABLE, "error", 2),
        ((Verdict.INFORMATIONAL,), Verdict.INFORMATIONAL, "error", 2),
        ((), ERROR, "error", 2),
    ],
)
def test_the_worst_case_decides(
    verdicts: tuple[Verdict, ...], suite_verdict: Verdict, report_verdict: str, exit_code: int
) -> None:
    suite = make_suite(*verdicts)
    report = make_report(suite)
    assert suite.verdict is suite_verdict
    assert (report.verdict, report.exit_code) == (report_verdict, exit_code)


def test_a_suite_without_cases_is_an_error_beside_suites_that_pass() -> None:
    report = make_report(make_suite(PASS), make_suite(name="fuzz"))
    assert report.exit_code == 2
    assert "has shown nothing" in report.suites[1].problem
    assert report.suites[0].problem == ""


def test_a_suite_that_does_not_apply_does_not_spoil_the_others() -> None:
    inapplicable = make_suite(Verdict.NOT_APPLICABLE, name="chaos")
    assert make_report(make_suite(PASS), inapplicable).exit_code == 0


def test_a_report_without_suites_is_an_error() -> None:
    assert make_report().exit_code == 2


def test_totals_and_summary_count_every_case() -> None:
    report = make_full_report()
    assert sum(report.totals.values()) == len(report.cases) == 9
    assert report.totals[PASS] == 3
    assert report.duration_s == 63.5
    assert report.summary.startswith("9 cases in 4 suites: 1 fail, 1 could not run, 1 not run")


@pytest.mark.parametrize("make", [make_full_report, make_report], ids=["full", "empty"])
def test_json_round_trip(make: Callable[[], Report]) -> None:
    report = make()
    assert from_json(to_json(report)) == report


def test_json_tells_the_outcome_without_knowing_the_model() -> None:
    document = json.loads(to_json(make_full_report()))
    assert (document["verdict"], document["exit_code"], document["format"]) == ("fail", 1, 1)
    assert document["totals"]["pass"] == 3
    assert document["suites"][0]["cases"][1]["replay"] == REPLAY


def test_json_carries_hostile_text() -> None:
    report = make_hostile_report()
    decoded = from_json(to_json(report))
    assert decoded.cases[0].details == report.cases[0].details.replace("\udc80", "\\udc80")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no report"),
        (b"\xff", "no report"),
        (b'"text"', "no report"),
        (b'{"format": 2}', "report format is 2 but this version reads 1"),
        (b'{"format": 1}', "no report"),
    ],
)
def test_a_file_that_is_no_report_is_the_operators_fault(data: bytes, message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        from_json(data)


def test_a_tampered_report_is_the_operators_fault() -> None:
    data = to_json(make_full_report()).replace(REPLAY.encode(), b"")
    with pytest.raises(OperatorError, match="no replay command"):
        from_json(data)
