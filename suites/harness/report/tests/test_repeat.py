"""Many runs of one suite: what is the same, and what wavers."""

from __future__ import annotations

from suites.harness.report import SuiteResult, Verdict, merge_runs, stability_text
from suites.harness.report.tests.samples import make_case

PASS, FAIL, NOT_RUN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_RUN


def run(*verdicts: Verdict) -> SuiteResult:
    cases = [make_case(id=f"BMQ-PUT-{n}", verdict=v) for n, v in enumerate(verdicts, 1)]
    return SuiteResult("integration", tuple(cases), 2.0, ("a note",))


def test_runs_that_are_the_same():
    column = merge_runs("reference", [run(PASS, FAIL)] * 3)
    assert (column.runs, column.same_runs, column.wavering) == (3, 3, {})
    assert column.result == SuiteResult("integration", run(PASS, FAIL).cases, 6.0, ("a note",))
    assert stability_text(column) == "3 of 3 runs were the same"


def test_a_case_that_wavers_has_its_worst_verdict_and_says_so():
    column = merge_runs("reference", [run(PASS, PASS), run(PASS, FAIL), run(PASS, PASS)])
    assert (column.same_runs, column.wavering) == (2, {"BMQ-PUT-2": (PASS, FAIL, PASS)})
    case = column.result.cases[1]
    assert case.verdict is FAIL
    assert case.reason == "it broke; not the same in every run: 1 fail, 2 pass"
    assert case.properties == {"verdicts": "1 fail, 2 pass", "runs": 3}
    assert stability_text(column) == "2 of 3 runs were the same; 1 case wavered"


def test_a_case_that_was_not_run_has_not_wavered():
    column = merge_runs("reference", [run(PASS), run(NOT_RUN)])
    assert (column.same_runs, column.wavering) == (1, {})
    assert column.result.cases[0].verdict is NOT_RUN


def test_a_single_run_says_nothing_of_steadiness():
    column = merge_runs("reference", [run(PASS)])
    assert (column.result, stability_text(column)) == (run(PASS), "")
