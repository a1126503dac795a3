"""What follows from what a run has found."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from suites.harness.report import SuiteResult, Verdict
from suites.stress.budgets import Budget, Budgets
from suites.stress.latency import Kind
from suites.stress.load import Outcome
from suites.stress.tests.samples import outcome
from suites.stress.verdict import (
    CASES,
    DELIVERY,
    LATENCY,
    RATE,
    could_not_run,
    describe,
    exit_code,
    judge,
)

BUDGETS = Budgets(slip=Budget(10.0), ack=Budget(20.0), end_to_end=Budget(30.0))
FULL = (
    "the queue was full: of 1,000 messages it refused 9 with LIMIT_BYTES; "
    "choose a domain with more room, or a lower rate"
)
COMMAND = "gauntlet stress --target reference --seed 1"


def judged(found: Outcome) -> SuiteResult:
    return judge(found, BUDGETS, command=COMMAND, duration_s=4.0)


def verdicts(result: SuiteResult) -> dict[str, Verdict]:
    return {case.id: case.verdict for case in result.cases}


def reason(result: SuiteResult, case_id: str) -> str:
    return next(case.reason for case in result.cases if case.id == case_id)


def test_a_good_run_passes() -> None:
    result = judged(outcome())
    assert set(verdicts(result).values()) == {Verdict.PASS}
    assert exit_code(result) == 0


@pytest.mark.parametrize(
    ("delivery", "message"),
    [
        ({"lost": 1, "delivered": 999}, "1 lost"),
        ({"duplicate": 2}, "2 duplicate"),
        ({"redelivered": 3}, "3 redelivered"),
        ({"out_of_order": 4}, "4 out of order"),
        ({"phantom": 5}, "5 phantom"),
        ({"damaged": 6}, "6 damaged"),
        ({"unanswered": 7}, "7 unanswered"),
        ({"refused": 8, "refusals": {"UNKNOWN": 8}}, "8 refused (8 UNKNOWN)"),
    ],
)
def test_every_anomaly_fails_and_is_named(delivery: dict[str, Any], message: str) -> None:
    result = judged(outcome(delivery))
    found = verdicts(result)
    assert found == {DELIVERY: Verdict.FAIL, RATE: Verdict.PASS, LATENCY: Verdict.PASS}
    assert reason(result, DELIVERY) == f"of 1,000 messages: {message}"
    assert result.cases[0].replay == f"{COMMAND} --case {DELIVERY}"
    assert exit_code(result) == 1


def test_redelivery_is_legal_after_a_consumer_has_gone() -> None:
    assert exit_code(judged(outcome({"redelivered": 3}, consumers_gone=1))) == 0


def test_what_somebody_else_left_is_no_fault() -> None:
    assert exit_code(judged(outcome({"foreign": 3}))) == 0


def test_a_slipped_schedule_is_invalid_and_not_slow() -> None:
    late = {Kind.SLIP: 10.1, Kind.ACK: 99.0, Kind.END_TO_END: 99.0}
    result = judged(outcome(p99_ms=late, unsent=30))
    found = verdicts(result)
    assert found == {DELIVERY: Verdict.PASS, RATE: Verdict.ERROR, LATENCY: Verdict.ERROR}
    wanted = "invalid run: the p99 of the slip is 10.1 ms, over 10.0 ms; 30 messages left unsent"
    assert reason(result, RATE) == reason(result, LATENCY) == wanted
    assert exit_code(result) == 2


def test_what_is_lost_in_an_invalid_run_is_lost() -> None:
    result = judged(outcome({"lost": 1}, p99_ms={Kind.SLIP: 11.0}))
    assert verdicts(result)[DELIVERY] is Verdict.FAIL
    assert exit_code(result) == 1


@pytest.mark.parametrize(("kind", "budget_ms"), [(Kind.ACK, 20.0), (Kind.END_TO_END, 30.0)])
def test_each_latency_has_its_budget(kind: Kind, budget_ms: float) -> None:
    assert exit_code(judged(outcome(p99_ms={kind: budget_ms}))) == 0
    result = judged(outcome(p99_ms={kind: budget_ms + 1}))
    assert verdicts(result)[LATENCY] is Verdict.FAIL
    assert reason(result, LATENCY) == f"{kind}: p99 is {budget_ms + 1} ms, over {budget_ms} ms"


@pytest.mark.parametrize("kind", [Kind.ACK, Kind.END_TO_END])
def test_no_sample_is_no_pass(kind: Kind) -> None:
    result = judged(outcome(empty=[kind]))
    assert verdicts(result)[LATENCY] is Verdict.FAIL
    assert reason(result, LATENCY) == f"{kind}: no sample"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"producers": 0}, "no producer was there"),
        ({"consumers": 0}, "no consumer was there"),
        ({"failures": ("A: gone", "B: gone")}, "a user stopped: A: gone (and 1 more)"),
        ({"delivery": {"posted": 0}}, "no message was sent"),
        (
            {"delivery": {"refused": 9, "refusals": {"LIMIT_BYTES": 9}}},
            FULL,
        ),
    ],
)
def test_a_load_that_was_not_as_asked_says_nothing(changes: dict[str, Any], message: str) -> None:
    lost = {"lost": 5, "unanswered": 5} | changes.pop("delivery", {})
    result = judged(outcome(lost, **changes))
    assert set(verdicts(result).values()) == {Verdict.ERROR}
    assert {case.reason for case in result.cases} == {message}
    assert exit_code(result) == 2


def test_a_duplicate_counts_even_if_a_user_has_stopped() -> None:
    result = judged(outcome({"duplicate": 1}, failures=("A: gone",)))
    assert verdicts(result)[DELIVERY] is Verdict.FAIL
    assert result.cases[0].details == "A: gone"


def test_only_the_cases_asked_for_are_judged() -> None:
    result = judge(outcome({"lost": 1}), BUDGETS, command=COMMAND, duration_s=1.0, case_ids=[RATE])
    assert verdicts(result) == {RATE: Verdict.PASS}


def test_tables_plot_and_notes_have_the_figures() -> None:
    result = judged(outcome(empty=[Kind.SLIP], reconnections=2))
    latencies, messages = result.tables
    assert latencies.columns == ("", "count", "p50", "p90", "p99", "p99.9", "max")
    assert latencies.rows == (
        ("ack", "1,000", "1.000", "2.000", "3.000", "4.000", "5.000"),
        ("end-to-end", "1,000", "1.000", "2.000", "3.000", "4.000", "5.000"),
        ("slip", "0", "-", "-", "-", "-", "-"),
    )
    assert dict(zip(messages.columns, messages.rows[0], strict=True))["delivered"] == "1,000"
    rate, p99 = result.charts[0].series[0], result.charts[0].series[2]
    assert (rate.name, rate.unit, len(rate.points)) == ("acknowledged", "msg/s", 3)
    assert (p99.name, p99.points) == ("ack p99", ((0.5, 3.0), (2.5, 4.0)))
    assert "load: 1 producer at 2,000 messages/s each, 1 consumer, 3.0 s" in result.notes
    assert "messages: 100 bytes in batches of 10, filled from seed 0" in result.notes
    assert "queue: bmq://a.domain/q (domain a.domain)" in result.notes
    assert "connections lost: 2" in result.notes


def test_it_survives_its_file() -> None:
    result = judged(outcome({"duplicate": 2}))
    assert msgspec.json.decode(msgspec.json.encode(result), type=SuiteResult) == result


def test_a_run_that_came_to_nothing_is_an_error() -> None:
    result = could_not_run("no broker\nat all", command=COMMAND, duration_s=0.0, case_ids=CASES)
    assert set(verdicts(result).values()) == {Verdict.ERROR}
    assert {case.reason for case in result.cases} == {"no broker at all"}
    assert exit_code(result) == 2


def test_the_terminal_shows_reason_and_replay() -> None:
    text = describe(judged(outcome({"duplicate": 2})))
    assert "Fail            STRESS-DELIVERY-1   of 1,000 messages: 2 duplicate\n" in text
    assert f"replay: {COMMAND} --case {DELIVERY}\n" in text
    assert "Pass            STRESS-RATE-1 " in text
    assert "end-to-end  1,000  1.000" in text
