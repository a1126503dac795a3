"""JUnit XML: it parses, and its counts are those of the report."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from suites.harness.report import Report, Verdict, matrix_to_junit, to_junit
from suites.harness.report.junit import DETAILS_CHARS_MAX
from suites.harness.report.tests.samples import (
    REPLAY,
    make_case,
    make_full_matrix,
    make_full_report,
    make_hostile_report,
    make_report,
    make_suite,
)
from suites.harness.report.tests.trees import find_one, read_number, read_text

ATTRIBUTES = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def parse(report: Report) -> ET.Element:
    return ET.fromstring(to_junit(report))


def find_case(root: ET.Element, case_id: str) -> ET.Element:
    return next(case for case in root.iter("testcase") if case.get("name") == case_id)


@pytest.mark.parametrize("make", [make_full_report, make_hostile_report])
def test_counts_agree_with_the_elements_and_the_report(make: Callable[[], Report]) -> None:
    report = make()
    root = parse(report)
    totals = report.totals
    skipped = totals[Verdict.NOT_RUN] + totals[Verdict.NOT_APPLICABLE]
    assert read_number(root, "tests") == len(report.cases) == len(list(root.iter("testcase")))
    assert read_number(root, "failures") == totals[Verdict.FAIL] == len(list(root.iter("failure")))
    assert read_number(root, "errors") == totals[Verdict.ERROR] == len(list(root.iter("error")))
    assert read_number(root, "skipped") == skipped == len(list(root.iter("skipped")))
    for suite in root:
        assert read_number(suite, "tests") == len(suite.findall("testcase"))
        for attribute, tag in ATTRIBUTES.items():
            assert read_number(suite, attribute) == len(suite.findall(f"testcase/{tag}"))


def test_a_failure_carries_reason_details_replay_and_properties() -> None:
    case = find_case(parse(make_full_report()), "BMQ-PUT-7")
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert case.get("classname") == "gauntlet.integration"
    assert find_one(case, "failure").get("message") == "the message was acknowledged"
    assert read_text(case, "failure") == "Traceback: status is SUCCESS"
    assert read_text(case, "system-out") == f"replay: {REPLAY}"
    assert properties["seed"] == "17"
    assert properties["verdict"] == "fail"


def test_graded_passes_are_passes_with_their_grade_as_a_property() -> None:
    case = find_case(parse(make_full_report()), "BMQ-SDK-1")
    assert {child.tag for child in case} == {"properties", "system-out"}
    assert find_one(case, "properties/property[@name='verdict']").get("value") == "non-strict"
    assert read_text(case, "system-out") == "another status"


def test_a_suite_without_cases_is_red() -> None:
    root = parse(make_report(make_suite(name="fuzz")))
    assert (root.get("tests"), root.get("errors")) == ("1", "1")
    assert "shown nothing" in str(find_one(root, "testsuite/testcase/error").get("message"))


def test_a_report_without_suites_is_red() -> None:
    root = parse(make_report())
    assert (root.get("tests"), root.get("errors")) == ("1", "1")


def test_huge_details_are_cut_with_a_note() -> None:
    suite = make_suite()
    case = make_case(verdict=Verdict.FAIL, details="<" * (DETAILS_CHARS_MAX + 1_234))
    root = parse(make_report(type(suite)("integration", (case,), 1.0)))
    text = read_text(root, ".//failure")
    assert "1,234 characters left out; report.json" in text
    assert len(text) < DETAILS_CHARS_MAX + 200


def test_a_matrix_has_a_suite_for_each_target() -> None:
    root = ET.fromstring(matrix_to_junit(make_full_matrix()))
    names = [suite.get("name") for suite in root.iter("testsuite")]
    assert names == ["reference", "bmqbrkr:/opt/bmq/bmqbrkr.tsk"]
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        "14", "1", "1", "2",
    ]  # fmt: skip
    assert "WIRE-PUT-1" in {item.get("value") for item in root.iter("property")}
