from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import Instant, WireError
from reference_broker.core import Broker
from reference_broker.ports import Close, Effect, Input, Log, Send, Severity
from reference_broker.queue import Delivery, Queue
from suites.fuzz import fuzz_broker_core
from suites.fuzz.broker_bench import ATTACKER, BYSTANDER
from suites.fuzz.seeds import broker_core_seeds

SEEDS = broker_core_seeds()
PUT = bytes([2]) + SEEDS["stage0_c2b_put_old_plain_hello_ack"][1:]


def test_seeds():
    for name, data in SEEDS.items():
        try:
            fuzz_broker_core.test_one_input(data)
        except Exception as error:
            error.add_note(f"seed {name}: {data.hex()}")
            raise


@given(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_broker_core.test_one_input(data)


def change_effects(
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Sequence[Input], list[Effect]], list[Effect]],
) -> None:
    """Let the core's steps return other effects."""
    step = Broker.step

    def changed(
        broker: Broker, now: Instant, inputs: Sequence[Input], *, wall_ns: int = 0
    ) -> list[Effect]:
        return change(inputs, step(broker, now, inputs, wall_ns=wall_ns))

    monkeypatch.setattr(Broker, "step", changed)


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

    def stuttering(queue):
        return [Delivery(who, [messages[0], *messages]) for who, messages in deliver(queue)]

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
