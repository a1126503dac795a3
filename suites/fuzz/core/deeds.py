"""What each instruction does: to the world, and to the models of who is owed what.

| module          | instructions                                                        |
|-----------------|---------------------------------------------------------------------|
| `saying`   | how an event is sent: in pieces, spoiled; raw bytes                 |
| `sessions` | connections, identities, credentials, heartbeats                    |
| `requests` | open, configure, close, disconnect                                  |
| `traffic`  | post, confirm, reject                                               |
| here            | the operator, time, storage, restarts, and the order of it all      |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from reference_broker.ports import AdminCommand, Stop
from suites.fuzz.core import (
    requests,
    saying,
    sessions,
    traffic,
    words,
)
from suites.fuzz.core.client import Client, Phase
from suites.fuzz.core.play import Play
from suites.fuzz.core.program import CLIENTS, Instruction, Op, Program
from suites.fuzz.core.world import Held, Loss

#: Instructions that share a step; more would be more requests than the broker takes in one.
JOINED_MAX: Final = 8
#: Milliseconds that pass, by number: from nothing to longer than an authentication holds.
WAITS: Final = (10, 100, 1_000, 3_000, 7_000, 35_000, 190_000, 700_000)
#: How often the broker may act while time passes; then it finds that it is late.
_STOPS_MAX: Final = 8
_SHUTDOWN_MS: Final = 60_000
_SHUTDOWN_STOPS_MAX: Final = 100


def perform(play: Play, program: Program) -> None:
    """Execute a program, check by check.

    Raises:
        AssertionError: the broker does something wrong.
    """
    for instruction in program.instructions:
        is_joining, play.is_joining = play.is_joining, False
        _DEEDS[instruction.op](play, instruction)
        is_due = not (is_joining or play.is_joining) or len(play.inputs) >= JOINED_MAX
        if is_due and play.settle():
            play.observe(play.clients[instruction.client])
    play.settle()


def finish(play: Play) -> None:
    """Let every client hang up, and check what is left.

    Raises:
        AssertionError: it is not what it should be.
    """
    play.world.fails_next = False
    if play.world.held:
        release(play)
    play.check_counts()
    for number in range(CLIENTS):
        sessions.hang_up(play, Instruction(Op.HANG_UP, number))
    play.check_end()


def release(play: Play) -> None:
    """Hold nothing back any more."""
    for held in Held:
        _release(play, held)
    play.settle()


def _join(play: Play, _: Instruction) -> None:
    play.is_joining = True


# The operator.


def _admin(play: Play, instruction: Instruction) -> None:
    client = play.clients[instruction.client]
    if client.phase is Phase.GONE or client.is_blocked:
        return
    _make_ready_to_command(play)
    client = play.clients[instruction.client]
    text, purged = words.command(instruction.first)
    client.r_id += 1
    data = words.request(
        client.r_id, words.admin_command(text), is_json=client.who is words.Who.JSON
    )
    saying.say(play, client, data, _take_admin, client.r_id, text, purged)
    play.settle()


def _take_admin(
    play: Play, client: Client, r_id: int, text: str, purged: tuple[int, str] | None
) -> None:
    if client.is_admin:
        client.replies[r_id] = "AdminCommandResponse", 0
        _take_command(play, text, purged)


def _make_ready_to_command(play: Play) -> None:
    """Let commands be executed at once: they would wait for domains, and for each other."""
    _release(play, Held.DOMAINS)
    play.settle()


def _command(play: Play, instruction: Instruction) -> None:
    _make_ready_to_command(play)
    text, purged = words.command(instruction.first)
    token = play.next_command()
    play.inputs.append(AdminCommand(token, text))
    if play.is_exact:
        _take_command(play, text, purged)
    play.settle()


def _take_command(play: Play, text: str, purged: tuple[int, str] | None) -> None:
    if text == words.COLLECT:
        for queue in play.queues.values():
            queue.forgets = True
    if purged is None:
        return
    number, app = purged
    if number in play.queues:
        play.queues[number].purge(app, play.now)


# Time, and what the world does.


def _wait(play: Play, instruction: Instruction) -> None:
    play.settle()
    play.wait(WAITS[instruction.first % len(WAITS)], _STOPS_MAX)


def _storage(play: Play, instruction: Instruction) -> None:
    """Hold something back, answer it, or let it fail."""
    play.settle()
    what = instruction.first % 8
    world = play.world
    if what < 3:
        held = tuple(Held)[what]
        world.held.add(held)
        if held is Held.READS:
            _make_slow(play)
    elif what < 6:
        _release(play, tuple(Held)[what - 3])
    elif what == 6:
        world.fails_reads = not world.fails_reads
        _make_slow(play)
    else:
        world.fails_next = True


def _make_slow(play: Play) -> None:
    play.has_slow_reads = True
    for queue in play.queues.values():
        queue.is_slow |= queue.spec.is_logged


def _release(play: Play, held: Held) -> None:
    if held is Held.SYNCS:
        play.world.finish_syncs(play)
        return
    play.world.release(held)
    if held is Held.DOMAINS:
        for client in play.clients:
            client.is_waiting = False


def _restart(play: Play, instruction: Instruction) -> None:
    """End the broker and start it again; in order, killed, or with a loss of power."""
    play.settle()
    how = instruction.first % 4
    if how == 3:
        _stop(play)
        how = 0
    loss = Loss(how)
    torn_bytes = instruction.first // 4
    play.restart(loss, torn_bytes, is_uncertain=loss is not Loss.NOTHING)


def _stop(play: Play) -> None:
    release(play)
    play.is_stopping = True
    play.inputs.append(Stop())
    play.settle()
    if not play.world.has_stopped:
        play.wait(_SHUTDOWN_MS, _SHUTDOWN_STOPS_MAX)
    assert play.world.has_stopped or not play.is_stopping, "the broker does not stop"


_DEEDS: Final[Mapping[Op, Callable[[Play, Instruction], None]]] = MappingProxyType(
    {
        Op.CONNECT: sessions.connect,
        Op.NEGOTIATE: sessions.negotiate,
        Op.AUTHENTICATE: sessions.authenticate,
        Op.OPEN: requests.open_queue,
        Op.CONFIGURE: requests.configure,
        Op.CLOSE: requests.close_queue,
        Op.POST: traffic.post,
        Op.CONFIRM: traffic.confirm,
        Op.REJECT: traffic.reject,
        Op.ADMIN: _admin,
        Op.COMMAND: _command,
        Op.DISCONNECT: requests.disconnect,
        Op.HANG_UP: sessions.hang_up,
        Op.WAIT: _wait,
        Op.BEAT: sessions.beat,
        Op.STORAGE: _storage,
        Op.RESTART: _restart,
        Op.CONGEST: sessions.congest,
        Op.DRAIN: sessions.drain,
        Op.CUT: saying.cut,
        Op.RAW: saying.say_anything,
        Op.SPOIL: saying.spoil,
        Op.JOIN: _join,
    }
)
