"""The bystander: a client that does everything right, and must be served whatever others do."""

from __future__ import annotations

import secrets
from typing import Final

from reference_broker.base import PeerError
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    AckStatus,
    EventType,
    Put,
    confirm_event,
    iter_acks,
    put_event,
)
from reference_broker.wire.control import (
    AdminCommand,
    ClientType,
    ControlChoice,
    ControlMessage,
    OpenQueue,
    QueueHandleParameters,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.push import iter_pushes
from suites.fuzz.net.line import ANSWER_SECONDS_MAX, Line, LineError
from suites.fuzz.oracles.broker_bench import configuring, identity

#: In the domain that every target has; attackers have another queue there.
DOMAIN: Final = "bmq.test.mem.priority"
_QUEUE: Final = f"bmq://{DOMAIN}/gauntlet.bystander."
#: Of the part of a queue's name that nobody else has.
_OWN_BYTES: Final = 4
_PAYLOAD: Final = b"the bystander's message"
_READ_WRITE: Final = 6


class Bystander:
    """A session with a queue of its own; posts there and reads what it posts.

    Args:
        host: where the target listens.
        port: the same.
        answer_s: how long each answer may take, seconds.

    Raises:
        LineError: it gets no session, or not its queue.
    """

    def __init__(self, host: str, port: int, answer_s: float = ANSWER_SECONDS_MAX) -> None:
        self._line = Line(host, port, "the bystander", answer_s)
        self._count = 0
        self._requests = 0
        try:
            self._line.send(identity("gauntlet:bystander"))
            self._line.expect(EventType.CONTROL)
            handle = QueueHandleParameters(
                uri=_QUEUE + secrets.token_hex(_OWN_BYTES),
                q_id=0,
                flags=_READ_WRITE,
                read_count=1,
                write_count=1,
            )
            self._ask(OpenQueue(handle_parameters=handle))
            self._ask(configuring(0))
        except LineError:
            self._line.close()
            raise

    def close(self) -> None:
        """Go."""
        self._line.close()

    def check(self) -> None:
        """Post a message, and get its acknowledgement and the message itself.

        Raises:
            LineError: something else came, or nothing.
        """
        self._count += 1
        guid = b"\x40\0\0" + self._count.to_bytes(7, "big") + b"bystan"
        self._line.send(put_event([Put(0, guid, _PAYLOAD, FLAG_ACK_REQUESTED)]))
        ack = self._line.expect(EventType.ACK)
        push = self._line.expect(EventType.PUSH)
        try:
            acks = [
                (status, its) for status, _, its, _ in iter_acks(ack.buffer, ack.start, ack.end)
            ]
            pushes = [
                (each[3], push.buffer[each[6] : each[7]])
                for each in iter_pushes(push.buffer, push.start, push.end)
            ]
        except PeerError as error:
            raise LineError(f"the bystander was sent what it cannot read: {error}") from error
        if acks != [(AckStatus.SUCCESS, guid)]:
            raise LineError(f"the bystander's message was acknowledged with {_said(acks)}")
        if [(its, data[: len(_PAYLOAD)]) for its, data in pushes] != [(guid, _PAYLOAD)]:
            raise LineError(f"the bystander got {len(pushes)} messages instead of its own one")
        self._line.send(confirm_event([(0, guid, 0)]))

    def _ask(self, choice: ControlChoice) -> None:
        self._requests += 1
        self._line.send(control_event(ControlMessage(r_id=self._requests, choice=choice)))
        event = self._line.expect(EventType.CONTROL)
        try:
            answer = decode_message(ControlMessage, event.encoding, event.body)
        except PeerError as error:
            raise LineError(f"the bystander was sent what it cannot read: {error}") from error
        if type(answer.choice).__name__ != f"{type(choice).__name__}Response":
            raise LineError(f"the bystander asked for {type(choice).__name__} and got {answer}")


def _said(acks: list[tuple[int, bytes]]) -> str:
    return ", ".join(f"status {status} for {guid.hex()}" for status, guid in acks) or "nothing"


class Operator:
    """An operator's session, to throw away what attackers have stored.

    Args:
        host: where the target listens.
        port: the same.
        answer_s: how long each answer may take, seconds.

    Raises:
        LineError: it gets no session.
    """

    def __init__(self, host: str, port: int, answer_s: float = ANSWER_SECONDS_MAX) -> None:
        self._line = Line(host, port, "the operator", answer_s)
        try:
            self._line.send(identity("gauntlet:operator", ClientType.E_TCPADMIN))
            self._line.expect(EventType.CONTROL)
        except LineError:
            self._line.close()
            raise

    def close(self) -> None:
        """Go."""
        self._line.close()

    def purge(self) -> None:
        """Throw away all messages in the domain.

        Raises:
            LineError: there is no answer.
        """
        command = AdminCommand(f"DOMAINS DOMAIN {DOMAIN} PURGE")
        self._line.send(control_event(ControlMessage(r_id=1, choice=command)))
        self._line.expect(EventType.CONTROL)
