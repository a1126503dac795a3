"""The terminal's view of a matrix."""

from __future__ import annotations

import io

from rich.console import Console

from suites.harness.report import (
    Matrix,
    SuiteResult,
    Verdict,
    merge_runs,
    print_matrix,
)
from suites.harness.report.tests.samples import (
    REPLAY,
    make_case,
    make_column,
    make_full_matrix,
    make_hostile_matrix,
    make_matrix,
)

PASS, FAIL = Verdict.PASS, Verdict.FAIL


def show(matrix: Matrix) -> str:
    out = io.StringIO()
    print_matrix(matrix, Console(file=out, width=100, color_system=None))
    return out.getvalue()


def test_a_line_per_target_then_failures_then_differences_then_the_verdict():
    text = show(make_full_matrix())
    lines = [line.split() for line in text.splitlines()]
    counts = ["7", "3", "1", "1", "2", "1.5", "s", "Fail"]
    assert next(line[1:] for line in lines if line[:1] == ["reference"]) == counts
    assert text.index("FAIL  BMQ-PUT-5") < text.index("Where the targets differ")
    assert f"replay  {REPLAY}" in text
    assert "  fail           reference: it broke" in text
    assert "  pass           bmqbrkr:/opt/bmq/bmqbrkr.tsk" in text
    assert "not put to all: 1 case: it did not run" in text
    assert text.splitlines()[-1] == "FAIL  7 cases on 2 targets; 3.0 s"


def test_what_is_not_applicable_is_told_with_its_reason_for_one_target_and_for_many():
    lacking = Verdict.NOT_APPLICABLE
    one = show(make_matrix(make_column("a", PASS, lacking, lacking)))
    assert "NOT APPLICABLE  2 cases of integration: it did not run" in one
    none = show(make_matrix(make_column("a", PASS, lacking), make_column("b", PASS, lacking)))
    assert none.count("not put to all: 1 case: it did not run") == 2


def test_targets_that_agree_say_so():
    text = show(make_matrix(make_column("a", PASS), make_column("b", PASS)))
    assert "differ in no case" in text
    assert text.splitlines()[-1].startswith("PASS")


def test_runs_are_counted_and_what_wavers_is_named():
    runs = [
        SuiteResult("integration", (make_case(id="BMQ-PUT-1", verdict=verdict),), 1.0)
        for verdict in (PASS, FAIL, PASS)
    ]
    text = show(make_matrix(merge_runs("reference", runs)))
    assert "reference: 2 of 3 runs were the same; 1 case wavered" in text
    assert "BMQ-PUT-1: 2 pass, 1 fail" in text
    steady = show(make_matrix(merge_runs("reference", [runs[0]] * 20)))
    assert "reference: 20 of 20 runs were the same" in steady


def test_hostile_text_neither_marks_up_nor_moves_the_cursor():
    text = show(make_hostile_matrix())
    assert "[bold]markup[/bold]" in text
    assert not [character for character in text if character in "\x00\x01\x1b\x9b\u202e"]
