from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.core import Broker
from reference_broker.ports import Close, Input, Log, Received, Send, Severity
from reference_broker.queue import Delivery, Queue
from suites.fuzz.core import feedback
from suites.fuzz.core.program import Instruction, Op, Program, encode
from suites.fuzz.core.seeds import core_seeds
from suites.fuzz.core.starts import STARTS, play_at
from suites.fuzz.core.tests.test_program import PROGRAMS
from suites.fuzz.seeds.recorded import corpus
from suites.fuzz.targets import fuzz_core
from suites.fuzz.tests.planting_effects import change_effects

SEEDS = core_seeds()
POST = Instruction(Op.POST, 0, 1 << 2)
CONFIRM = Instruction(Op.CONFIRM, 1)


def run(start: int, *instructions: Instruction) -> None:
    fuzz_core.test_one_input(encode(Program(start, instructions)))


@given(st.binary(max_size=60))
def test_any_bytes(data):
    fuzz_core.test_one_input(data)


@given(PROGRAMS)
def test_any_program(program):
    fuzz_core.test_one_input(encode(program))


def test_inputs_that_mattered_once():
    for name, data in corpus("core").items():
        try:
            fuzz_core.test_one_input(data)
        except Exception as error:
            error.add_note(f"{name}: {data.hex()}")
            raise


def test_executions_do_not_know_of_each_other(monkeypatch):
    def states() -> list[int]:
        seen: list[int] = []
        monkeypatch.setattr(feedback, "_observers", [seen.append])
        for name in ("lost_consumer", "killed", "flow"):
            fuzz_core.test_one_input(SEEDS[name])
        return seen

    for start in range(STARTS):
        play_at(start)  # made once, and whoever looks on sees that, too
    first = states()
    assert len(set(first)) > 5
    assert states() == first


def is_said(inputs: Sequence[Input]) -> bool:
    return any(isinstance(item, Received) and item.connection == 2 for item in inputs)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda i, e: e + [Close(1, "caught up")] * is_said(i), "bystander's connection"),
        (lambda i, e: e + [Close(3, "caught up")] * is_said(i), "was closed: caught up"),
        (lambda i, e: e + [Send(3, [b"\0\0"])] * is_said(i), "a part of an event"),
        (lambda i, e: e + [Send(1, [b"\0\0"])] * is_said(i), "the bystander is sent"),
        (lambda i, e: e + [Log(Severity.INFO, "noise")] * 99 * is_said(i), "log records"),
        (lambda i, e: [x for x in e if not (isinstance(x, Send) and is_said(i))], "no ACK"),
        (lambda _, e: e + [x for x in e if isinstance(x, Send) and x.connection == 2], "not owed"),
    ],
    ids=[
        "bystander closed", "other client closed", "half an event", "bystander disturbed",
        "log flooded", "nothing sent", "sent twice",
    ],
)  # fmt: skip
def test_a_broken_core_is_found_out(monkeypatch, change, match):
    run(2, POST)
    change_effects(monkeypatch, change)
    with pytest.raises(AssertionError, match=match):
        run(2, POST, POST)


def test_an_exception_comes_through(monkeypatch):
    def broken(*_):
        raise KeyError("queue")

    monkeypatch.setattr("reference_broker.core.publish.Publisher.handle", broken)
    with pytest.raises(KeyError):
        run(2, POST)


def test_a_session_that_is_left_behind_is_found_out(monkeypatch):
    monkeypatch.setattr(Broker, "_closed", lambda *_: None)
    with pytest.raises((AssertionError, TypeError)):
        run(1)


def test_a_message_delivered_twice_is_found_out(monkeypatch):
    deliver = Queue.deliver

    def stuttering(queue, *arguments):
        found = deliver(queue, *arguments)
        return [Delivery(who, [messages[0], *messages]) for who, messages in found]

    monkeypatch.setattr(Queue, "deliver", stuttering)
    with pytest.raises(AssertionError, match="holds it"):
        run(2, POST)


def test_a_confirmation_that_is_forgotten_is_found_out(monkeypatch):
    run(2, POST, CONFIRM, Instruction(Op.HANG_UP, 1))
    monkeypatch.setattr(Queue, "confirm", lambda queue, *_: queue.confirmed_nothing)
    monkeypatch.setattr(
        Queue, "confirmed_nothing", type("C", (), {"ordinals": ()})(), raising=False
    )
    with pytest.raises(AssertionError):
        run(2, POST, CONFIRM, Instruction(Op.HANG_UP, 1))


def test_a_wrong_state_that_is_accepted_is_found_out(monkeypatch):
    monkeypatch.setattr("reference_broker.core.state.Session.ignores_input", lambda _: False)
    with pytest.raises(AssertionError):
        run(2, Instruction(Op.DISCONNECT), POST)


def test_bytes_that_mean_nothing_known_are_no_reason_to_complain():
    raw = Instruction(Op.RAW, 0, 8, 0, b"\0\0\0\x08\x42\x02\0\0")
    run(2, raw, POST, Instruction(Op.SPOIL, 0, 3, 3), POST, Instruction(Op.RESTART))
