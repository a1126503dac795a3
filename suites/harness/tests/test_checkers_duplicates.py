"""Duplicates, and every legal redelivery that looks like one."""

from __future__ import annotations

import pytest

from suites.harness.checkers import AnomalyKind
from suites.harness.history import (
    EventType,
    Function,
)
from suites.harness.tests.handmade import confirms_and_is_cut_off

# Duplicates.


def test_twice_on_one_stream_is_a_duplicate(run):
    run.open("a")
    run.put("p:1")
    run.push("a", "p:1", "p:1")
    run.invalid(AnomalyKind.DUPLICATE, [1, 3, 4], "p:1 was delivered twice on one stream")


def test_twice_on_one_stream_is_a_duplicate_even_if_flagged_and_confirmed(run):
    run.open("a")
    run.put("p:1")
    run.take("a", "p:1")
    run.push("a", "p:1", flagged=True)
    run.lose("a")
    run.invalid(AnomalyKind.DUPLICATE, [1, 3, 4, 5], "twice on one stream")


def test_again_to_the_same_consumer_after_a_reconnection_is_legal(run):
    run.open("a")
    run.put("p:1")
    run.push("a", "p:1")
    run.lose("a")
    run.open("a")
    run.take("a", "p:1", flagged=True)
    run.close("a")
    run.sweep()
    assert run.valid().redelivered == 1


def test_confirmed_on_a_connection_that_broke_may_be_delivered_again(run):
    run.open("a", "b")
    run.put("p:1")
    run.take("a", "p:1")
    run.lose("a")
    run.take("b", "p:1", flagged=True)
    run.close("b")
    run.sweep()
    run.valid()


def test_delivered_to_another_before_the_loss_is_noticed_is_legal(run):
    run.open("a", "b")
    run.put("p:1")
    run.take("a", "p:1")
    run.take("b", "p:1", flagged=True)  # the broker has noticed first
    run.unknown("1 deliveries would be duplicates")
    run.lose("a")
    run.close("b")
    run.sweep()
    run.valid()


def test_a_late_delivery_on_a_stream_that_turns_out_lost_is_legal(run):
    run.open("a", "b")
    run.put("p:1")
    run.take("b", "p:1", flagged=True)
    run.take("a", "p:1")  # sent before that, and held up in the network
    run.close("b")
    run.lose("a")
    run.sweep()
    run.valid()


def test_to_two_consumers_that_both_end_well_is_a_duplicate(run):
    run.open("a", "b")
    run.put("p:1")  # 2, 3
    run.push("a", "p:1")
    run.push("b", "p:1", flagged=True)
    run.close("a")
    run.unknown("would be duplicates")
    run.close("b")
    run.invalid(AnomalyKind.DUPLICATE, [2, 4, 5], "delivered to b while a had it")


def test_what_a_closed_stream_has_not_confirmed_may_be_delivered_again(run):
    run.open("a", "b")
    run.put("p:1", "p:2")
    run.push("a", "p:1", "p:2")
    run.confirm("a", "p:2")
    run.closing("a")
    run.take("b", "p:1", flagged=True)  # already while the answer is under way
    run.note(Function.CLOSE, EventType.OK, "a")
    run.close("b")
    run.sweep()
    run.valid()


def test_what_a_closing_stream_has_confirmed_must_not_be_delivered_again(run):
    run.open("a", "b")
    run.put("p:1")  # 2, 3
    run.take("a", "p:1")  # 4, 5
    run.closing("a")
    run.push("b", "p:1", flagged=True)  # 7
    run.note(Function.CLOSE, EventType.OK, "a")
    run.unknown("would be duplicates")
    run.close("b")
    run.invalid(AnomalyKind.DUPLICATE, [2, 4, 5, 7], "delivered to b while a had it")


def test_the_close_of_the_holder_may_fail(run):
    run.open("a", "b")
    run.put("p:1")
    run.take("a", "p:1")
    run.closing("a")
    run.push("b", "p:1", flagged=True)
    run.lose("a")
    run.close("b")
    run.sweep()
    run.valid()


def test_confirmed_on_a_stream_that_ended_well_and_delivered_again(run):
    run.open("a")
    run.put("p:1")  # 1, 2
    run.take("a", "p:1")  # 3, 4
    run.close("a")
    run.open("b")
    run.push("b", "p:1", flagged=True)  # 8
    run.lose("b")
    run.invalid(AnomalyKind.DUPLICATE, [1, 3, 4, 8], "after its confirm had reached the broker")


def test_confirmed_well_and_delivered_late_on_a_stream_that_turns_out_lost(run):
    run.open("a", "b")
    run.put("p:1")
    run.take("a", "p:1")
    run.close("a")
    run.push("b", "p:1")
    run.unknown("would be duplicates")
    run.lose("b")
    run.sweep()
    run.valid()


def test_confirmed_well_and_delivered_to_another_that_ends_well(run):
    run.open("a", "b")
    run.put("p:1")  # 2, 3
    run.take("a", "p:1")  # 4, 5
    run.close("a")
    run.push("b", "p:1", flagged=True)  # 8
    run.close("b")
    run.invalid(AnomalyKind.DUPLICATE, [2, 4, 5, 8], "after its confirm had reached the broker")


def test_flow_control_proves_a_confirm(run):
    confirms_and_is_cut_off(run, pushes=3)  # 9 to 12; the third only because the first is confirmed
    run.push("b", "p:1", flagged=True)
    run.invalid(AnomalyKind.DUPLICATE, [1, 7, 8, 13], "after its confirm had reached the broker")


def test_a_confirm_that_flow_control_does_not_prove(run):
    confirms_and_is_cut_off(run, pushes=2)
    run.take("b", "p:1", "p:2", flagged=True)
    run.take("b", "p:3")
    run.close("b")
    run.sweep()
    run.valid()


def test_confirms_are_proven_in_their_order(run):
    run.open("a", window=2)
    run.put("p:1", "p:2", "p:3")
    run.push("a", "p:1", "p:2")
    run.confirm("a", "p:2", "p:1")
    run.push("a", "p:3")  # proves the confirm of p:2 and not that of p:1
    run.lose("a")
    run.open("b")
    run.take("b", "p:1", "p:3", flagged=True)
    run.close("b")
    run.sweep()
    run.valid()


def test_confirms_from_elsewhere_weaken_the_proof(run):
    run.open("b")
    run.put("p:1", "p:2", "p:3")
    run.push("b", "p:1")
    run.lose("b")
    run.open("a", window=2)
    run.push("a", "p:1", "p:2", flagged=True)
    run.open("b")
    run.confirm("b", "p:1")  # late, but taken: a has room for one more
    run.confirm("a", "p:2")
    run.push("a", "p:3")
    run.lose("a")
    run.take("b", "p:2", "p:3", flagged=True)
    run.close("b")
    run.sweep()
    run.valid()


def test_confirms_from_elsewhere_made_before_the_delivery_weaken_the_proof_too(run):
    run.open("b")
    run.put("p:1", "p:2", "p:3")
    run.push("b", "p:1")
    run.lose("b")
    run.confirm("b", "p:1")  # to be sent when b is connected again
    run.open("a", window=2)
    run.push("a", "p:1", "p:2", flagged=True)
    run.confirm("a", "p:2")
    run.push("a", "p:3")
    run.lose("a")
    run.open("b")
    run.take("b", "p:2", "p:3", flagged=True)
    run.close("b")
    run.sweep()
    run.valid()


def test_a_second_confirm_proves_nothing_more(run):
    run.open("a", window=2)
    run.put("p:1", "p:2", "p:3")
    run.push("a", "p:1", "p:2")
    run.confirm("a", "p:1", "p:1", "p:2")  # p:2 is the second of two, not the third
    run.push("a", "p:3")
    run.lose("a")
    run.open("b")
    run.take("b", "p:2", "p:3", flagged=True)
    run.close("b")
    run.sweep()
    run.valid()


def test_a_restart_forgets_confirms(run):
    confirms_and_is_cut_off(run, pushes=3)
    run.lose("b")
    run.crash()
    run.open("b")
    run.take("b", "p:1", "p:2", "p:3")
    run.close("b")
    run.sweep()
    assert run.valid().redelivered == 3


def test_a_restart_takes_messages_from_streams_that_do_not_know_yet(run):
    run.open("a")
    run.put("p:1")
    run.push("a", "p:1")
    run.crash()
    run.open("b")
    run.take("b", "p:1")
    run.lose("a")
    run.close("b")
    run.sweep()
    run.valid()


def test_after_a_restart_confirms_count_again(run):
    run.open("a")
    run.put("p:1")  # 1, 2
    run.crash()
    run.lose("a")
    run.open("a")
    run.take("a", "p:1")  # 7, 8
    run.close("a")
    run.open("b")
    run.push("b", "p:1")  # 12
    run.invalid(AnomalyKind.DUPLICATE, [1, 7, 8, 12], "after its confirm had reached the broker")


@pytest.mark.parametrize(("value", "event_type"), [("restart", EventType.INVOKE), ("heal", "ok")])
def test_only_a_restart_that_has_happened_is_one(run, value, event_type):
    run.open("a")
    run.put("p:1")
    run.take("a", "p:1")
    run.close("a")
    run.fault(value, EventType(event_type))
    run.open("b")
    run.push("b", "p:1")
    assert run.checker.result().verdict == "invalid"
