"""Every anomaly, and beside it every legal history that looks like one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from suites.harness.checkers import WITNESSES_MAX, AnomalyKind, DeliveryChecker, DeliveryCounts
from suites.harness.history import (
    EventType,
    Function,
    HistoryError,
    HistoryWriter,
    read_history,
)

QUEUE = "bmq://gauntlet.mem/q"


class Run:
    """A history made by hand: `a` and `b` are consumers, messages are named `producer:number`."""

    def __init__(self, path: Path) -> None:
        self.checker = DeliveryChecker()
        self.history = HistoryWriter(path, clock=iter(range(10**6)).__next__)

    def note(
        self,
        function: Function,
        event_type: EventType,
        process: str,
        value: str = "",
        queue: str = QUEUE,
        **fields: Any,
    ) -> None:
        event = self.history.append(
            function, event_type, process, queue=queue, value=value, **fields
        )
        self.checker.observe(event)

    def put(self, *values: str, acked: bool = True) -> None:
        for value in values:
            producer = value.partition(":")[0]
            self.note(Function.PUT, EventType.INVOKE, producer, value, digest=f"of {value}")
            if acked:
                self.ack(value)

    def ack(self, value: str, event_type: EventType = EventType.OK) -> None:
        self.note(Function.ACK, event_type, value.partition(":")[0], value)

    def open(self, *processes: str, window: int = 100) -> None:
        for process in processes:
            self.note(Function.OPEN, EventType.OK, process, window=window)

    def push(
        self, process: str, *values: str, flagged: bool = False, digest: str | None = None
    ) -> None:
        for value in values:
            self.note(
                Function.PUSH,
                EventType.OK,
                process,
                value,
                digest=f"of {value}" if digest is None else digest,
                is_redelivered=flagged,
            )

    def confirm(self, process: str, *values: str) -> None:
        for value in values:
            self.note(Function.CONFIRM, EventType.INVOKE, process, value)

    def take(self, process: str, *values: str, flagged: bool = False) -> None:
        self.push(process, *values, flagged=flagged)
        self.confirm(process, *values)

    def closing(self, process: str) -> None:
        self.note(Function.CLOSE, EventType.INVOKE, process)

    def close(self, *processes: str) -> None:
        for process in processes:
            self.closing(process)
            self.note(Function.CLOSE, EventType.OK, process)

    def lose(self, *processes: str) -> None:
        for process in processes:
            self.note(Function.CLOSE, EventType.INFO, process)

    def fault(self, value: str, event_type: EventType = EventType.OK) -> None:
        self.note(Function.FAULT, event_type, "nemesis", value, queue="")

    def crash(self) -> None:
        """Kill the broker and start it again."""
        self.fault("kill")
        self.fault("restart")

    def sweep(self) -> None:
        """Show what is left in the queue to one consumer."""
        self.open("sweep")
        self.put("sweep:1")
        self.take("sweep", "sweep:1")
        self.close("sweep")

    def valid(self) -> DeliveryCounts:
        result = self.checker.result()
        assert (result.verdict, result.reason, result.anomalies) == ("valid", "", ())
        return result.counts

    def unknown(self, reason: str) -> None:
        result = self.checker.result()
        assert (result.verdict, result.anomalies) == ("unknown", ())
        assert reason in result.reason

    def invalid(self, kind: AnomalyKind, indices: list[int], summary: str) -> None:
        """Exactly one anomaly, with these records as its witness."""
        result = self.checker.result()
        assert result.verdict == "invalid"
        assert [anomaly.kind for anomaly in result.anomalies] == [kind]
        assert result.counts.anomalies == {kind: 1}
        assert [event.index for event in result.anomalies[0].events] == indices
        assert summary in result.anomalies[0].summary
        assert result.reason == f"1 {kind}; {result.anomalies[0].summary}"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "run.jsonl")
    with run.history:
        yield run


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


def confirms_and_is_cut_off(run: Run, pushes: int) -> None:
    """Consumer a, of at most two unconfirmed messages, confirms the first and gets some more."""
    run.open("a", window=2)
    run.put("p:1", "p:2", "p:3")  # 1 to 6
    run.push("a", "p:1")  # 7
    run.confirm("a", "p:1")  # 8
    run.push("a", *["p:2", "p:3"][: pushes - 1])
    run.lose("a")
    run.open("b")


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
