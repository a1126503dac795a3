from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.core import Broker
from reference_broker.ports import Close, Input, Log, Send, Severity
from reference_broker.queue import Delivery, Queue
from reference_broker.wire import EventReader, EventType
from suites.fuzz.oracles.broker_bench import ATTACKER, BYSTANDER, BrokerBench
from suites.fuzz.seeds.recorded import broker_core_seeds
from suites.fuzz.targets import fuzz_broker_core
from suites.fuzz.targets.fuzz_broker_core import Stage
from suites.fuzz.tests.planting_effects import change_effects

SEEDS = broker_core_seeds()
PUT = bytes([2]) + SEEDS["stage0_c2b_put_old_plain_hello_ack"][1:]


def test_seeds():
    for name, data in SEEDS.items():
        try:
            fuzz_broker_core.test_one_input(data)
        except Exception as error:
            error.add_note(f"seed {name}: {data.hex()}")
            raise


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("fanout_subscriptions", {EventType.CONTROL, EventType.ACK, EventType.PUSH}),
        ("subscriptions", {EventType.CONTROL, EventType.ACK, EventType.PUSH}),
        ("admin_0", {EventType.CONTROL}),
    ],
)
def test_handmade_seeds_are_understood(name, kinds):
    stage, stream = Stage(SEEDS[name][0]), SEEDS[name][1:]
    bench = fuzz_broker_core.bench_at(stage)
    bench.take_sent(ATTACKER)
    for event in EventReader(1 << 20).feed(stream):  # one at a time: a PUSH goes out in between
        bench.attack(event.buffer[event.start - 8 : event.end])
    events = EventReader(1 << 20).feed(bench.take_sent(ATTACKER))
    assert {EventType(event.type) for event in events} == kinds


def test_what_a_former_broker_stored_is_read_and_delivered():
    bench = fuzz_broker_core.bench_at(Stage.SYNCED)
    assert bench.take_sent(ATTACKER).count(b"from before") == 2


def test_a_broker_that_never_gets_ready_is_found_out(monkeypatch):
    change_effects(monkeypatch, lambda *_: [])
    with pytest.raises(AssertionError, match="ready"):
        BrokerBench()


@given(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_broker_core.test_one_input(data)


def attacked(inputs: Sequence[Input]) -> bool:
    return any(getattr(item, "connection", 0) == ATTACKER for item in inputs)


@pytest.mark.parametrize(
    "change",
    [
        lambda inputs, effects: effects + [Close(BYSTANDER, "caught up in it")] * attacked(inputs),
        lambda inputs, effects: effects + [Close(ATTACKER, "closed")] * attacked(inputs),
        lambda inputs, effects: effects + [Send(ATTACKER, [b"\0\0"])] * attacked(inputs),
        lambda _, effects: effects + [Log(Severity.INFO, "noise")] * 99,
        lambda _, effects: [effect for effect in effects if not isinstance(effect, Send)],
    ],
    ids=["bystander closed", "closed twice", "half an event sent", "log flooded", "nothing sent"],
)
def test_a_broken_core_is_found_out(monkeypatch, change):
    fuzz_broker_core.test_one_input(PUT)
    change_effects(monkeypatch, change)
    with pytest.raises((AssertionError, WireError)):
        fuzz_broker_core.test_one_input(PUT)


def test_a_message_delivered_twice_is_found_out(monkeypatch):
    deliver = Queue.deliver

    def stuttering(queue, *arguments):
        found = deliver(queue, *arguments)
        return [Delivery(who, [messages[0], *messages]) for who, messages in found]

    monkeypatch.setattr(Queue, "deliver", stuttering)
    with pytest.raises(AssertionError, match="the bystander got"):
        fuzz_broker_core.test_one_input(b"")


def test_a_session_that_is_left_behind_is_found_out(monkeypatch):
    monkeypatch.setattr(Broker, "_closed", lambda *_: None)
    with pytest.raises((AssertionError, TypeError)):
        fuzz_broker_core.test_one_input(PUT)


def test_an_exception_comes_through(monkeypatch):
    def broken(*_args):
        raise KeyError("queue")

    monkeypatch.setattr("reference_broker.core.publish.Publisher.handle", broken)
    with pytest.raises(KeyError):
        fuzz_broker_core.test_one_input(PUT)
