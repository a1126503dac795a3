"""Clients come, say who they are, and go."""

from __future__ import annotations

from typing import Final

from reference_broker.base import Instant, milliseconds
from reference_broker.ports import Closed, Congested, Drained
from reference_broker.wire import HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE
from reference_broker.wire.control import StatusCategory
from suites.fuzz.core import words
from suites.fuzz.core.client import Client, Phase
from suites.fuzz.core.play import Play
from suites.fuzz.core.program import Instruction
from suites.fuzz.core.saying import say
from suites.fuzz.core.words import Credentials, Who

_LIFETIME_MS: Final = 600_000

_E = StatusCategory


def connect(play: Play, instruction: Instruction) -> None:
    client = play.clients[instruction.client]
    if client.phase is Phase.GONE:
        play.connect(client)


def hang_up(play: Play, instruction: Instruction) -> None:
    client = play.clients[instruction.client]
    if client.phase is Phase.GONE:
        return
    client.let_go(play.now, is_lost=True)
    play.world.hang_up(client.connection)
    play.inputs.append(Closed(client.connection, "hung up"))
    play.forget(client)


def congest(play: Play, instruction: Instruction) -> None:
    _set_congested(play, play.clients[instruction.client], is_congested=True)


def drain(play: Play, instruction: Instruction) -> None:
    _set_congested(play, play.clients[instruction.client], is_congested=False)


def _set_congested(play: Play, client: Client, *, is_congested: bool) -> None:
    if client.phase is Phase.GONE:
        return
    make = Congested if is_congested else Drained
    play.inputs.append(make(client.connection))
    client.is_congested = is_congested
    for handle in client.handles.values():
        for reader in handle.readers.values():
            if reader is not None:
                reader.is_paused = is_congested


def negotiate(play: Play, instruction: Instruction) -> None:
    who = Who(instruction.first % len(Who))
    say(
        play,
        play.clients[instruction.client],
        words.identity(who),
        _take_identity,
        who,
        is_greeting=True,
    )


def _take_identity(play: Play, client: Client, who: Who) -> None:
    if client.phase is Phase.OPEN:
        if who is not Who.JSON:  # whose members mean nothing in a request, and are passed over
            client.doom(play.now)
        return
    if who is Who.NOBODY:
        client.doom(play.now)
        return
    client.who, client.is_known = who, True
    if who is Who.OLD_SDK:
        client.greetings.append(_E.E_NOT_SUPPORTED)
    elif who is Who.PROXY:
        client.greetings.append(_E.E_REFUSED)
        client.doom(play.now)
    else:
        client.greetings.append(_E.E_SUCCESS)
        client.phase = Phase.OPEN


def authenticate(play: Play, instruction: Instruction) -> None:
    credentials = words.CREDENTIALS[instruction.first % len(words.CREDENTIALS)]
    client = play.clients[instruction.client]
    if credentials is words.SLOW:
        client.cut_at = None  # what follows would have to wait with it
    say(
        play,
        client,
        words.authentication(credentials),
        _take_credentials,
        credentials,
        is_greeting=True,
    )


def _take_credentials(play: Play, client: Client, credentials: Credentials) -> None:
    if client.phase is Phase.HANDSHAKE:
        if client.is_known:
            client.doom(play.now)
            return
        client.is_known = True
    elif client.credentials is None or client.verdict_at is not None:
        return  # it came in without, or waits for an earlier answer
    before = client.credentials
    if before is not None and before.mechanism.upper() != credentials.mechanism.upper():
        client.doom(play.now)
        return
    is_accepted = bool(credentials.principal)
    if before is not None:
        is_accepted = credentials.principal == before.principal
    client.verdicts.append(is_accepted)
    if not is_accepted:
        client.doom(play.now)
        return
    client.credentials = credentials
    holds_from = play.now
    if credentials is words.SLOW:
        client.verdict_at = holds_from = Instant(holds_from + milliseconds(words.SLOW_MS))
    if credentials.mechanism != "ANONYMOUS":
        client.lives_until = Instant(holds_from + milliseconds(_LIFETIME_MS))


def beat(play: Play, instruction: Instruction) -> None:
    is_request = bool(instruction.first & 1)
    data = HEARTBEAT_REQUEST if is_request else HEARTBEAT_RESPONSE
    say(play, play.clients[instruction.client], data, _take_beat, is_request)


def _take_beat(_: Play, client: Client, is_request: bool) -> None:  # noqa: FBT001 - see `say`
    client.beats += is_request
