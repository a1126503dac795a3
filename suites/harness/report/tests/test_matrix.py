"""The matrix: rows, areas, differences, the outcome, JSON."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from suites.harness.report import Matrix, SuiteResult, Verdict, area_of, matrix_to_json
from suites.harness.report.tests.samples import (
    make_case,
    make_column,
    make_full_matrix,
    make_hostile_matrix,
    make_matrix,
)

PASS, FAIL, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.ERROR
NOT_RUN, NOT_APPLICABLE = Verdict.NOT_RUN, Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("case_id", "area"),
    [("BMQ-PUT-7", "PUT"), ("CHAOS-PARTITION-1", "PARTITION"), ("FUZZ-1", "FUZZ"), ("odd", "odd")],
)
def test_the_area_is_in_the_id(case_id: str, area: str):
    assert area_of(case_id) == area


@pytest.mark.parametrize(
    ("columns", "verdict", "code"),
    [
        (([PASS], [PASS]), "pass", 0),
        (([PASS], [FAIL]), "fail", 1),
        (([PASS], [ERROR]), "error", 2),
        (([FAIL], [ERROR]), "fail", 1),
        (([PASS], [NOT_RUN]), "error", 2),
        (([PASS], [NOT_APPLICABLE]), "error", 2),
        (([PASS, NOT_APPLICABLE], [PASS, PASS]), "pass", 0),
        (([PASS], []), "error", 2),
    ],
)
def test_the_worst_target_decides(columns: list[list[Verdict]], verdict: str, code: int):
    matrix = make_matrix(*(make_column(f"t{n}", *found) for n, found in enumerate(columns)))
    assert (matrix.verdict, matrix.exit_code) == (verdict, code)


def test_a_case_that_wavers_is_a_failure():
    column = replace(make_column("a", PASS), wavering={"BMQ-PUT-1": (PASS, Verdict.NON_STRICT)})
    assert make_matrix(column).exit_code == 1


def test_cases_differ_where_two_answers_do():
    first = make_column("a", PASS, PASS, PASS, NOT_RUN, NOT_APPLICABLE, NOT_APPLICABLE)
    second = make_column("b", PASS, FAIL, NOT_APPLICABLE, PASS, NOT_APPLICABLE, NOT_RUN)
    matrix = make_matrix(first, second)
    assert [row.id for row in matrix.differences] == ["BMQ-PUT-2"]
    assert [row.id for row in matrix.rows if row.is_partial] == ["BMQ-PUT-3", "BMQ-PUT-6"]


def test_rows_are_grouped_by_area_with_totals_per_target():
    cases = (
        make_case(id="BMQ-PUT-1"),
        make_case(id="BMQ-ACK-1"),
        make_case(id="BMQ-PUT-2", verdict=FAIL),
    )
    column = replace(make_column("a"), result=SuiteResult("integration", cases, 1.0))
    put, ack = make_matrix(column, make_column("b", PASS, PASS)).areas
    assert (put.name, put.text, [row.id for row in put.rows]) == (
        "PUT",
        "messages on their way in",
        ["BMQ-PUT-1", "BMQ-PUT-2"],
    )
    assert (put.totals(0)[PASS], put.totals(0)[FAIL], put.totals(1)[PASS]) == (1, 1, 2)
    assert (ack.name, ack.rows[0].cells[1]) == ("ACK", None)
    assert sum(ack.totals(1).values()) == 0


def test_targets_are_there_once_and_at_all():
    with pytest.raises(AssertionError, match="there twice"):
        make_matrix(make_column("a", PASS), make_column("a", PASS))
    with pytest.raises(AssertionError, match="needs a target"):
        make_matrix()


def test_json_has_the_outcome_in_front_and_everything_behind():
    matrix = make_full_matrix()
    document = msgspec.json.decode(matrix_to_json(matrix))
    assert (document["format"], document["verdict"], document["exit_code"]) == (1, "fail", 1)
    assert document["targets"][0]["totals"] == {str(verdict): 1 for verdict in Verdict}
    assert document["areas"]["PUT"]["bmqbrkr:/opt/bmq/bmqbrkr.tsk"] == {"pass": 7}
    assert document["differences"]["BMQ-PUT-5"]["reference"]["reason"] == "it broke"
    assert msgspec.json.decode(matrix_to_json(matrix), type=Matrix) == matrix


def test_json_of_any_text():
    assert msgspec.json.decode(matrix_to_json(make_hostile_matrix()))["targets"]
