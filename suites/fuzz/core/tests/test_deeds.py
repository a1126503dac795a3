from __future__ import annotations

import pytest

from reference_broker.ports import Received
from suites.fuzz.core import deeds
from suites.fuzz.core.client import Phase
from suites.fuzz.core.play import Play
from suites.fuzz.core.program import CLIENTS, Instruction, Op, Program
from suites.fuzz.core.starts import play_at
from suites.fuzz.core.world import World

POST = Instruction(Op.POST, 0, 1 << 2)
BEAT = Instruction(Op.BEAT, 0, 1)


def played(start: int, *instructions: Instruction) -> Play:
    play = play_at(start)
    deeds.perform(play, Program(start, instructions))
    return play


@pytest.fixture
def received(monkeypatch):
    """What each step was given that clients had sent."""
    for number in (0, 2):
        play_at(number)  # which is made only once
    seen: list[list[bytes]] = []
    run = World.run

    def watched(world, inputs, listener):
        seen.append([item.data for item in inputs if isinstance(item, Received)])
        run(world, inputs, listener)

    monkeypatch.setattr(World, "run", watched)
    return seen


def test_joined_instructions_share_a_step(received):
    played(2, Instruction(Op.JOIN), POST, BEAT, POST)
    assert [len(step) for step in received] == [2, 1]


def test_not_too_many_are_joined(received):
    beats = [step for _ in range(12) for step in (Instruction(Op.JOIN), BEAT)]
    played(2, *beats)
    assert max(len(step) for step in received) == deeds.JOINED_MAX


def test_an_event_that_is_cut_comes_with_the_next_one(received):
    played(2, Instruction(Op.CUT, 0, 64), POST, BEAT)
    (first,), (second,) = received
    assert len(first) in range(1, len(second) + 10)
    received.clear()
    played(2, POST, BEAT)
    assert first + second == b"".join(data for step in received for data in step)


def test_what_a_client_does_that_is_not_there_is_no_step(received):
    played(0, POST, BEAT, Instruction(Op.HANG_UP))
    assert received == []


def test_messages_wait_for_who_reads_them():
    play = played(2, POST)
    assert play.world.broker.statistics().messages == 2
    assert [len(client.receipts) for client in play.clients] == [0, 1, 1]


def test_a_sync_that_is_late_keeps_messages_and_acknowledgements_back():
    play = played(3, Instruction(Op.STORAGE), POST)
    assert [len(client.receipts) for client in play.clients] == [0, 0, 0]
    deeds.perform(play, Program(0, (Instruction(Op.STORAGE, 0, 3),)))
    assert [len(client.receipts) for client in play.clients] == [0, 1, 1]
    assert all(message.is_promised for message in play.queues[1].messages)


@pytest.mark.parametrize("how", range(4))
def test_what_was_promised_survives_each_restart(how):
    play = played(3, POST, Instruction(Op.RESTART, 0, how))
    assert play.world.broker.statistics().messages == 2
    assert [client.phase for client in play.clients] == [Phase.GONE] * CLIENTS
    deeds.finish(play)


def test_what_was_not_promised_may_be_gone():
    play = played(3, Instruction(Op.STORAGE), POST, Instruction(Op.RESTART, 0, 1))
    assert play.world.broker.statistics().messages == 0
    deeds.finish(play)


def test_a_broker_that_cannot_write_is_started_again():
    play = played(3, Instruction(Op.STORAGE, 0, 7), POST)
    assert [client.phase for client in play.clients] == [Phase.GONE] * CLIENTS
    deeds.finish(play)


def test_who_is_silent_for_long_is_closed():
    waits = [Instruction(Op.WAIT, 0, 6)] * 12
    play = played(2, POST, *waits)
    assert {client.phase for client in play.clients} == {Phase.GONE}


def test_what_grows_old_goes():
    play = played(
        6, Instruction(Op.CLOSE, 2, 0, 1), Instruction(Op.POST, 2), Instruction(Op.WAIT, 0, 5)
    )
    assert play.world.broker.statistics().messages == 0


def test_raw_bytes_end_what_is_known():
    assert played(2, POST).is_exact
    assert not played(2, Instruction(Op.RAW, 0, 1, 0, b"\0")).is_exact
    assert not played(2, Instruction(Op.SPOIL, 0, 1, 1), POST).is_exact
