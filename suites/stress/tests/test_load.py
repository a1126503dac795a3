"""One run, in virtual time: what it counts, what it measures, and how it ends."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from reference_broker.client import AckStatus
from suites.stress.latency import Kind
from suites.stress.load import Load
from suites.stress.schedule import NANOSECONDS, Schedule
from suites.stress.tests.samples import SETTINGS, Clock, acks, message, send, stored

MS = 1_000_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def load(clock: Clock) -> Load:
    return Load(replace(SETTINGS, drain_seconds=0.05), clock)


def test_slip_is_from_the_intended_send_to_the_send(load: Load, clock: Clock) -> None:
    producer = load.add_producer()
    load.posted(producer, clock.now_ns, clock.now_ns + 7 * MS)
    load.drain()
    slip = load.outcome().latencies[Kind.SLIP]
    assert slip.total == 10
    assert slip.maximum == pytest.approx(7, rel=1e-3)


def test_both_latencies_begin_at_the_intended_send(load: Load, clock: Clock) -> None:
    producer, consumer = load.add_producer(), load.add_consumer()
    intended_ns, sent_ns = clock.now_ns, clock.now_ns + 50 * MS
    first, payloads = load.posted(producer, intended_ns, sent_ns)
    load.answered(producer, first, stored(10), intended_ns, sent_ns + 2 * MS)
    groups = load.received(consumer, [message(p) for p in payloads], sent_ns + 3 * MS)
    assert groups == [(53 * MS, 10)]
    load.drain()
    latencies = load.outcome().latencies
    assert latencies[Kind.ACK].p50 == pytest.approx(52, rel=1e-3)
    assert latencies[Kind.END_TO_END].p50 == pytest.approx(53, rel=1e-3)


def test_a_stall_shows_in_all_that_it_delays(clock: Clock) -> None:
    """1.4 s once in 30 s at 1,000 messages a second: the worst 1% waited for 1.1 s and more."""
    load = Load(replace(SETTINGS, batch=1, rate=1000), clock)
    producer, consumer = load.add_producer(), load.add_consumer()
    start_ns = clock.now_ns
    schedule = Schedule(start_ns, 1000, 1)
    stall_ns = range(start_ns + 10 * NANOSECONDS, start_ns + 10 * NANOSECONDS + 1400 * MS)
    while (intended_ns := schedule.take(start_ns + 30 * NANOSECONDS - 1)) is not None:
        first, payloads = load.posted(producer, intended_ns, intended_ns)
        done_ns = (stall_ns.stop if intended_ns in stall_ns else intended_ns) + MS
        load.answered(producer, first, stored(1), intended_ns, done_ns)
        load.received(consumer, [message(payloads[0])], done_ns)
    clock.now_ns = start_ns + 30 * NANOSECONDS
    load.drain()
    found = load.outcome().latencies
    for kind in (Kind.ACK, Kind.END_TO_END):
        assert found[kind].total == 30_000
        assert found[kind].p50 == pytest.approx(1, rel=1e-2)
        assert found[kind].p99 == pytest.approx(1101, rel=1e-2)
        assert found[kind].maximum == pytest.approx(1401, rel=1e-2)
    assert found[Kind.SLIP].maximum == 0


def test_what_was_due_and_not_sent_has_slipped_to_the_end(load: Load, clock: Clock) -> None:
    producer = load.add_producer()
    send(load, producer, clock)
    due_ns = clock.now_ns + 5 * MS
    clock.now_ns += 305 * MS
    load.drain()
    load.unsent(due_ns)
    found = load.outcome()
    assert found.unsent == 10
    assert found.latencies[Kind.SLIP].maximum == pytest.approx(300, rel=1e-3)


def test_parts_of_batches_are_told_apart(load: Load, clock: Clock) -> None:
    producer, consumer = load.add_producer(), load.add_consumer()
    one = send(load, producer, clock)
    clock.now_ns += MS
    two = send(load, producer, clock)
    assert load.received(consumer, one[:4], clock.now_ns) == [(MS, 4)]
    assert load.received(consumer, one[4:] + two, clock.now_ns) == [(MS, 6), (0, 10)]


def test_only_first_deliveries_are_measured(load: Load, clock: Clock) -> None:
    producer, consumer = load.add_producer(), load.add_consumer()
    batch = send(load, producer, clock)
    load.received(consumer, [batch[0], *batch], clock.now_ns)
    load.drain()
    found = load.outcome()
    assert found.latencies[Kind.END_TO_END].total == 10
    assert found.delivery.anomalies() == ["1 duplicate (message 0 of producer 1)"]


def test_foreign_and_damaged_are_no_deliveries(load: Load, clock: Clock) -> None:
    producer, consumer = load.add_producer(), load.add_consumer()
    (left, *_) = send(Load(SETTINGS, clock), 1, clock)
    payload = send(load, producer, clock)[0].payload
    damaged = message(payload[:-1] + b"!")
    assert load.received(consumer, [left, message(b"what?"), damaged], clock.now_ns) == []
    load.drain()
    found = load.outcome().delivery
    assert (found.foreign, found.damaged, found.delivered) == (2, 1, 0)


def test_refused_messages_have_no_latency(load: Load, clock: Clock) -> None:
    producer = load.add_producer()
    first, _ = load.posted(producer, clock.now_ns, clock.now_ns)
    answers = acks(*[AckStatus.SUCCESS] * 7, *[AckStatus.LIMIT_BYTES] * 3)
    load.answered(producer, first, answers, clock.now_ns, clock.now_ns)
    load.drain()
    found = load.outcome()
    assert found.latencies[Kind.ACK].total == 7
    assert found.delivery.refusals == {"LIMIT_BYTES": 3}


def test_the_drain_ends_when_the_last_message_has_come(clock: Clock) -> None:
    load = Load(replace(SETTINGS, drain_seconds=30), clock)
    producer, consumer = load.add_producer(), load.add_consumer()
    batch = send(load, producer, clock)
    load.received(consumer, batch[:9], clock.now_ns)
    drain = threading.Thread(target=load.drain, daemon=True)
    drain.start()
    load.received(consumer, batch[9:], clock.now_ns)
    drain.join(10)
    assert not drain.is_alive()
    assert load.is_draining
    assert load.outcome().delivery.anomalies() == []


def test_the_drain_is_bounded(load: Load, clock: Clock) -> None:
    producer = load.add_producer()
    load.add_consumer()
    send(load, producer, clock)
    load.drain()
    assert load.outcome().delivery.lost == 10


@pytest.mark.parametrize("reason", ["no consumer", "failed"])
def test_the_drain_waits_for_nothing_that_cannot_be_judged(clock: Clock, reason: str) -> None:
    load = Load(replace(SETTINGS, drain_seconds=1000), clock)
    producer = load.add_producer()
    if reason == "failed":
        load.add_consumer()
        load.fail("no more")
    send(load, producer, clock)
    load.drain()
    assert load.is_draining


def test_consumers_that_leave_early_are_counted(load: Load) -> None:
    for _ in range(3):
        load.add_consumer()
    load.remove_consumer()
    load.note_reconnections(2, is_consumer=True)
    load.note_reconnections(4, is_consumer=False)
    load.drain()
    load.remove_consumer()
    found = load.outcome()
    assert (found.consumers, found.consumers_gone, found.reconnections) == (3, 3, 6)
