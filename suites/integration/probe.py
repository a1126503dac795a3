"""Find out what a broker makes of a hostile input, and whether others notice.

In a session the input is followed by a heartbeat and by a good message on the attacker's own
queue. What comes before their answers, or instead of them, is the outcome. A broker that waits for
the rest of an event answers nothing, because it takes the good message for that rest.
"""

from __future__ import annotations

import time
from typing import Final

from reference_broker.wire import HEARTBEAT_REQUEST, EventType, Put, put_event
from reference_broker.wire.control import BrokerResponse, NegotiationMessage, Status, decode_message
from suites.integration.actor import Actor
from suites.integration.connections import Wire
from suites.integration.malformed import Malformed, Outcome, Phase, Scene, Seen
from suites.integration.raw import ClosedError

#: How long a broker may take to make up its mind, in seconds.
_DECIDE_S: Final = 10.0
#: How long nothing must come until a broker that should be silent is taken to be so.
_SILENCE_S: Final = 0.2


class Bystander:
    """A session that goes about its business while others attack.

    Args:
        wire: where connections come from.
        uri: a queue of its own.
    """

    def __init__(self, wire: Wire, uri: str) -> None:
        self._confirmed: set[bytes] = set()
        self._actor = wire.actor("bystander")
        self._actor.open(uri, read=True, write=True)
        self._actor.configure()

    def check(self) -> None:
        """Post, see it acknowledged and delivered, confirm.

        Raises:
            AssertionError: one of them does not work.
        """
        actor = self._actor
        try:
            (guid,) = actor.post(b"business as usual")
            while (push := actor.take_pushes(1)[0]).guid != guid:
                # Once more what it had before: wrong, but another case's business.
                assert push.guid in self._confirmed, "the bystander got somebody else's message"
            actor.confirm(guid)
            self._confirmed.add(guid)
        except AssertionError as error:
            raise AssertionError(f"the bystander is disturbed: {error}") from error


def attack(wire: Wire, entry: Malformed, scene: Scene) -> Seen:
    """Send an input on a connection of its own, and return what came of it.

    Raises:
        AssertionError: the attacker's session could not be set up.
    """
    pieces = entry.build(scene)
    attacker = wire.peer("attacker")
    if entry.phase is Phase.HANDSHAKE:
        seen = _in_handshake(attacker.connect(), entry, pieces)
        return seen._replace(port=attacker.local_port)
    attacker.start()
    attacker.open(scene.uri, 0, read=True, write=True)
    attacker.configure(0)
    attacker.open(scene.read_only_uri, 1, read=True)
    return _in_session(attacker, entry, pieces)._replace(port=attacker.local_port)


def _patience(entry: Malformed) -> float:
    return _SILENCE_S if entry.expected is Outcome.SILENT else _DECIDE_S


def _in_handshake(peer: Actor, entry: Malformed, pieces: list[bytes]) -> Seen:
    lead = entry.lead
    try:
        for piece in pieces:
            peer.send(piece)
        if entry.expected is Outcome.LEFT:
            peer.close()
            return Seen(Outcome.LEFT)
        while (event := peer.poll_event(_patience(entry))) is not None:
            if lead > 0:
                lead -= 1
                continue
            if event.type == EventType.CONTROL:
                answer = decode_message(NegotiationMessage, event.encoding, event.body).choice
                if isinstance(answer, BrokerResponse) and answer.result.category != 0:
                    return Seen(Outcome.REFUSED, answer.result.category, answer.result.message)
            return Seen(Outcome.ANSWERED, text=EventType(event.type).name)
    except ClosedError:
        return Seen(Outcome.CLOSED)
    return Seen(Outcome.SILENT)


def _in_session(attacker: Actor, entry: Malformed, pieces: list[bytes]) -> Seen:
    attacker.seen.clear()
    good = attacker.puts([b"a good message"])
    is_closed = False
    try:
        for number, piece in enumerate(pieces):
            attacker.send(piece)
            if number < entry.lead:
                # A broker with several threads may take the next one before it has done this one.
                _wait_for_answers(attacker, number + 1)
        if entry.expected is Outcome.LEFT:
            attacker.close()
            return Seen(Outcome.LEFT)
        attacker.send(HEARTBEAT_REQUEST + put_event(good))
        _wait_for_good(attacker, good[0], _patience(entry))
    except ClosedError:
        is_closed = True
    return _seen(attacker, entry, good[0], is_closed=is_closed)


def _wait_for_answers(attacker: Actor, count: int) -> None:
    give_up = time.monotonic() + _DECIDE_S
    while len(attacker.answers) < count and (left := give_up - time.monotonic()) > 0:
        attacker.pump(left)


def _wait_for_good(attacker: Actor, good: Put, patience_s: float) -> None:
    """Take what comes until the good message is acknowledged and delivered, or time is up."""
    give_up = time.monotonic() + patience_s
    while (left := give_up - time.monotonic()) > 0:
        attacker.pump(left)
        is_acked = any(ack[2] == good.guid for ack in attacker.acks)
        if is_acked and any(push.guid == good.guid for push in attacker.pushes):
            attacker.settle()
            return


def _seen(attacker: Actor, entry: Malformed, good: Put, *, is_closed: bool) -> Seen:
    acks = [ack for ack in attacker.acks if ack[2] != good.guid]
    pushes = [push for push in attacker.pushes if push.guid != good.guid]
    answers = [message.choice for message in attacker.answers.values()][entry.lead :]
    is_served = any(push.guid == good.guid for push in attacker.pushes)
    if attacker.pushes and not is_closed:
        attacker.confirm(*(push.guid for push in attacker.pushes))
    if "AUTHENTICATION" in attacker.seen:
        return Seen(Outcome.ANSWERED, text="AUTHENTICATION")
    if answers:
        last = answers[-1]
        if isinstance(last, Status) and last.category != 0:
            return Seen(Outcome.REFUSED, last.category, last.message)
        return Seen(Outcome.ANSWERED, text=type(last).__name__)
    if pushes or any(ack[0] == 0 for ack in acks):
        assert pushes, "the message is acknowledged but not delivered"
        assert acks, "the message is delivered but not acknowledged"
        return Seen(Outcome.STORED)
    if acks:
        return Seen(Outcome.NACKED, text=f"status {acks[0][0]}")
    if is_closed:
        return Seen(Outcome.CLOSED)
    return Seen(Outcome.IGNORED if is_served else Outcome.SILENT)


def peak_memory(pid: int) -> int:
    """Return the peak resident memory of a process, in bytes.

    Raises:
        OSError: there is no such process, or no /proc.
    """
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123 - not a file like others
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/status has no line VmHWM")
