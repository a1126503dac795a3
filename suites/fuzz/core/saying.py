"""How clients say something: whole, in pieces, spoiled, or behind what waits already.

What a client says goes to the broker as bytes. What it must lead to is noted by a function whose
name begins with `_take`, one for each kind of event, when the broker has read the event to its end.
"""

from __future__ import annotations

from typing import Final

from reference_broker.ports import Received
from suites.fuzz.core.client import Client, Phase, Said, Take
from suites.fuzz.core.play import Play
from suites.fuzz.core.program import Instruction

_PLACES: Final = 128


def say(
    play: Play, client: Client, data: bytes, take: Take, *what: object, is_greeting: bool = False
) -> None:
    """Let a client send an event, as it was told to.

    Args:
        play: the execution.
        client: who sends it; one that is not connected, or has to wait, does not.
        data: the event.
        take: notes what it must lead to.
        what: for `take`, behind the play and the client.
        is_greeting: whether a client may say it that the broker does not know yet.
    """
    if client.phase is Phase.GONE or client.is_blocked:
        return
    if client.spoils is not None:
        data = _spoiled(data, *client.spoils)
        client.spoils = None
        play.lose_track()
    whole = [*client.untaken, Said(take, what, is_greeting)]
    tail, client.tail, client.untaken = client.tail, b"", []
    client.may_close = False
    if client.cut_at is not None:
        place = 1 + client.cut_at * (len(data) - 1) // _PLACES
        data, client.tail = data[:place], data[place:]
        client.cut_at = None
        if client.tail:
            client.untaken = [whole.pop()]
            client.may_close = client.phase is Phase.HANDSHAKE
    play.inputs.append(Received(client.connection, tail + data))
    play.received_bytes += len(tail) + len(data)
    if client.phase is not Phase.PARTED:
        client.spoke_at = play.now
    for said in whole:
        if play.is_exact:
            _take(play, client, said)


def _spoiled(data: bytes, place: int, change: int) -> bytes:
    index = place * len(data) // _PLACES
    return data[:index] + bytes([data[index] ^ (change + 1)]) + data[index + 1 :]


def _take(play: Play, client: Client, said: Said) -> None:
    if client.phase in (Phase.PARTED, Phase.DOOMED):
        return
    if client.phase is Phase.HANDSHAKE and not said.is_greeting:
        client.doom(play.now)
        return
    said.take(play, client, *said.what)


def cut(play: Play, instruction: Instruction) -> None:
    """Let a client send its next event in two pieces, the second with what it says then."""
    play.clients[instruction.client].cut_at = instruction.first


def spoil(play: Play, instruction: Instruction) -> None:
    """Let a byte of a client's next event be another one."""
    play.clients[instruction.client].spoils = instruction.first, instruction.second


def say_anything(play: Play, instruction: Instruction) -> None:
    """Let a client send bytes that the program itself has."""
    client = play.clients[instruction.client]
    if instruction.raw and client.phase is not Phase.GONE:
        play.lose_track()
        say(play, client, instruction.raw, _take_nothing)


def _take_nothing(play: Play, client: Client) -> None:
    """Note nothing: nobody knows what was said."""
