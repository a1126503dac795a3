"""Every anomaly but duplicates, and beside it every legal history that looks like one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suites.harness.checkers import WITNESSES_MAX, AnomalyKind, DeliveryChecker
from suites.harness.history import (
    EventType,
    Function,
    HistoryError,
    read_history,
)
from suites.harness.tests.handmade import Run, confirms_and_is_cut_off

# The plain case, and when nothing can be said.


def test_everything_delivered_once_is_valid(run):
    run.open("a", "b")
    run.put("p:1", "p:2", "q:1")
    run.take("a", "p:1", "q:1")
    run.take("b", "p:2")
    run.close("a", "b")
    run.sweep()
    counts = run.valid()
    assert (counts.posted, counts.acknowledged, counts.delivered, counts.deliveries) == (4, 4, 4, 4)
    assert (counts.confirmed, counts.redelivered, counts.refused, counts.unanswered) == (4, 0, 0, 0)


def test_an_empty_history_shows_nothing(run):
    run.unknown("no message was acknowledged")


def test_a_history_without_acknowledgements_shows_nothing(run):
    run.put("p:1", acked=False)
    run.ack("p:1", EventType.INFO)
    run.unknown("no message was acknowledged")


def test_what_is_outstanding(run):
    run.open("a")
    run.put("p:1", "p:2")
    run.put("p:3", acked=False)
    assert (run.checker.outstanding, run.checker.unanswered) == (2, 1)
    run.push("a", "p:1", "p:2", "p:3")
    assert (run.checker.outstanding, run.checker.unanswered) == (3, 1)
    run.confirm("a", "p:1", "p:3")
    run.ack("p:3", EventType.INFO)
    assert (run.checker.outstanding, run.checker.unanswered) == (1, 0)
    run.lose("a")
    run.open("b")
    run.push("b", "p:1", "p:2", flagged=True)
    assert run.checker.outstanding == 2
    run.confirm("b", "p:1", "p:2")
    assert run.checker.outstanding == 0


# Lost.


def test_acknowledged_and_then_lost(run):
    run.put("p:1", "p:2")  # 0 to 3
    run.open("a")
    run.take("a", "p:1")
    run.close("a")  # up to 8
    run.sweep()
    run.invalid(AnomalyKind.LOST, [2, 3, 10, 12], "p:2 was acknowledged and never delivered")


def test_lost_in_a_crash(run):
    run.put("p:1")
    run.crash()
    run.sweep()
    run.invalid(AnomalyKind.LOST, [0, 1, 5, 7], "p:1 was acknowledged and never delivered")


def test_not_delivered_yet_is_not_lost(run):
    run.open("a", "b")
    run.put("p:1", "p:2")
    run.take("a", "p:2")  # in its turn, but p:1 may be on its way to b
    run.lose("a", "b")
    run.open("b", "c")
    run.put("p:3")
    run.take("b", "p:3")
    run.close("b", "c")
    run.unknown("1 acknowledged messages were not delivered")


def test_what_was_acknowledged_after_the_sweep_began_is_not_lost(run):
    run.put("p:1", acked=False)
    run.open("sweep")
    run.put("sweep:1")
    run.ack("p:1")
    run.take("sweep", "sweep:1")
    run.close("sweep")
    run.unknown("1 acknowledged messages were not delivered")


def test_a_sweeper_that_is_joined_proves_nothing(run):
    run.put("p:1")
    run.open("sweep")
    run.open("b")
    run.close("b")
    run.put("sweep:1")
    run.take("sweep", "sweep:1")
    run.close("sweep")
    run.unknown("1 acknowledged messages were not delivered")


def test_a_message_out_of_order_sweeps_nothing(run):
    run.put("p:1", "p:2")
    run.open("sweep")
    run.take("sweep", "p:2", flagged=True)
    run.close("sweep")
    run.unknown("1 acknowledged messages were not delivered")


@pytest.mark.parametrize("answer", [EventType.INFO, EventType.FAIL, None])
def test_only_what_was_acknowledged_can_be_lost(run, answer):
    run.put("p:1", acked=False)
    if answer is not None:
        run.ack("p:1", answer)
    run.sweep()
    run.valid()


def test_delivered_before_its_acknowledgement_is_not_lost(run):
    run.open("a")
    run.put("p:1", acked=False)
    run.take("a", "p:1")
    run.ack("p:1")
    run.close("a")
    run.sweep()
    run.valid()


# Phantoms, refused and corrupted messages.


def test_delivered_and_never_posted(run):
    run.open("a")
    run.put("p:1")
    run.take("a", "p:1")
    run.take("a", "p:9")
    run.close("a")
    run.invalid(AnomalyKind.PHANTOM, [5], "p:9, which nobody posted, was delivered to a")


def test_delivered_from_the_wrong_queue(run):
    run.open("a")
    run.put("p:1")
    run.take("a", "p:1")
    run.note(Function.PUT, EventType.INVOKE, "p", "p:2", queue="bmq://gauntlet.mem/other")
    run.push("a", "p:2")
    run.invalid(AnomalyKind.PHANTOM, [6], "p:2, which nobody posted, was delivered to a")


def test_delivered_although_refused(run):
    run.open("a")
    run.put("p:1")
    run.put("p:2", acked=False)  # 3
    run.ack("p:2", EventType.FAIL)  # 4
    run.take("a", "p:1", "p:2")  # 5, 6
    run.invalid(AnomalyKind.REFUSED, [3, 4, 6], "p:2 was refused and yet delivered to a")


def test_refused_after_it_was_delivered(run):
    run.open("a")
    run.put("p:1")
    run.put("p:2", acked=False)  # 3
    run.take("a", "p:1", "p:2")  # p:2 at 5
    run.ack("p:2", EventType.FAIL)  # 8
    run.invalid(AnomalyKind.REFUSED, [3, 5, 8], "p:2 was refused and yet delivered to a")


def test_what_nobody_knows_of_may_be_delivered(run):
    run.open("a")
    run.put("p:1")
    run.put("p:2", acked=False)
    run.ack("p:2", EventType.INFO)
    run.take("a", "p:1", "p:2")
    run.close("a")
    run.sweep()
    counts = run.valid()
    assert (counts.unanswered, counts.delivered) == (1, 3)


def test_another_payload(run):
    run.open("a")
    run.put("p:1")
    run.push("a", "p:1", digest="of something else")
    run.invalid(AnomalyKind.CORRUPTED, [1, 3], "p:1 was delivered with another payload")


def test_an_unreadable_payload(run):
    run.open("a")
    run.put("p:1")
    run.take("a", "p:1")
    run.note(Function.PUSH, EventType.OK, "a", "", guid="00FF")
    run.invalid(AnomalyKind.CORRUPTED, [5], "a payload that cannot be read (00FF)")


# Order.


def test_one_producer_out_of_order(run):
    run.open("a")
    run.put("p:1", "p:2")  # 1 to 4
    run.take("a", "p:2", "p:1")  # 5, 6
    run.invalid(AnomalyKind.REORDERED, [1, 3, 5, 6], "p:1 came after p:2 but was posted before it")


def test_a_redelivery_that_is_not_flagged_is_out_of_order(run):
    run.open("a", "b")
    run.put("p:1", "p:2")
    run.push("a", "p:1")
    run.take("b", "p:2")
    run.lose("a")
    run.take("b", "p:1")
    run.close("b")
    run.sweep()
    run.invalid(AnomalyKind.REORDERED, [2, 4, 7, 10], "p:1 came after p:2")


def test_a_redelivery_that_is_flagged_is_not(run):
    run.open("a", "b")
    run.put("p:1", "p:2", "p:3")
    run.push("a", "p:1")
    run.take("b", "p:2")
    run.lose("a")
    run.take("b", "p:1", flagged=True)
    run.take("b", "p:3")  # in its turn after p:2, whatever was flagged between
    run.close("b")
    run.sweep()
    run.valid()


def test_producers_are_not_in_order_with_one_another(run):
    run.open("a")
    run.put("p:1", "q:1")
    run.take("a", "q:1", "p:1")
    run.close("a")
    run.sweep()
    run.valid()


def test_consumers_are_not_in_order_with_one_another(run):
    run.open("a", "b")
    run.put("p:1", "p:2")
    run.take("b", "p:2")
    run.take("a", "p:1")
    run.close("a", "b")
    run.sweep()
    run.valid()


def test_streams_of_one_consumer_are_not_in_order_with_one_another(run):
    run.open("a")
    run.put("p:1", "p:2")
    run.take("a", "p:1", "p:2")
    run.crash()
    run.lose("a")
    run.open("a")
    run.take("a", "p:1", "p:2")  # the broker has forgotten that it delivered them
    run.close("a")
    run.sweep()
    run.valid()


# All of it together.


def test_anomalies_are_all_counted_and_some_are_kept(run):
    run.open("a")
    run.put("p:1")
    run.push("a", *["p:1"] * (WITNESSES_MAX + 3))
    run.push("a", "p:9")
    result = run.checker.result()
    kinds = [anomaly.kind for anomaly in result.anomalies]
    assert kinds == [AnomalyKind.DUPLICATE] * WITNESSES_MAX + [AnomalyKind.PHANTOM]
    assert result.counts.anomalies == {
        AnomalyKind.DUPLICATE: WITNESSES_MAX + 2,
        AnomalyKind.PHANTOM: 1,
    }
    assert result.reason.startswith(f"{WITNESSES_MAX + 2} duplicate, 1 phantom; p:1 was delivered")


def test_an_anomaly_prints_its_witness(run):
    run.open("a")
    run.put("p:1")
    run.push("a", "p:1", digest="x")
    assert str(run.checker.result().anomalies[0]).splitlines() == [
        "corrupted: p:1 was delivered with another payload than was posted",
        "  #1 at 0.000000002 s: p put invoke p:1 digest of p:1",
        "  #3 at 0.000000004 s: a push ok p:1 digest x",
    ]


def test_the_same_history_gives_the_same_verdict(run):
    confirms_and_is_cut_off(run, pushes=3)
    run.push("b", "p:1", flagged=True)
    run.close("b")
    run.sweep()
    run.history.__exit__(None, None, None)
    again = DeliveryChecker()
    for event in read_history(run.history.path):
        again.observe(event)
    assert again.result() == run.checker.result()
    assert again.result().verdict == "invalid"


CONTRADICTIONS: dict[str, tuple[Callable[[Run], None], str]] = {
    "posted twice": (lambda run: run.put("p:1"), "a value of its own"),
    "posted without a name": (lambda run: run.put(""), "a value of its own"),
    "answered twice": (lambda run: run.ack("p:1"), "no such message that waits for an answer"),
    "answer to nothing": (lambda run: run.ack("p:7"), "no such message that waits for an answer"),
    "open twice": (lambda run: run.open("a"), "the stream before it has not ended"),
    "delivered to nobody": (lambda run: run.push("b", "p:1"), "b has no stream open"),
    "closed and not open": (lambda run: run.close("b"), "b has no stream open"),
    "confirmed too early": (lambda run: run.confirm("a", "p:1"), "it was not delivered"),
    "no such record": (
        lambda run: run.note(Function.PUSH, EventType.INVOKE, "a"),
        "no push of type invoke",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_records_that_contradict_each_other_are_refused(run, name):
    spoil, message = CONTRADICTIONS[name]
    run.open("a")
    run.put("p:1")
    with pytest.raises(HistoryError, match=message):
        spoil(run)
