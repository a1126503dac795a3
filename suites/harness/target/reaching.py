"""Whether a broker answers at an address and has what cases need, and if not, what is wrong."""

from __future__ import annotations

import socket
import time
from collections import deque
from typing import Final, NamedTuple

from reference_broker.base import PeerError
from reference_broker.wire import Event, EventReader, EventType
from reference_broker.wire.control import (
    BrokerResponse,
    ClientIdentity,
    ClientType,
    ControlMessage,
    Disconnect,
    NegotiationMessage,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    Status,
    StatusCategory,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.features import CLIENT_FEATURES

#: Where cases put their queues on a broker whose domains are not of our making.
SAMPLE_DOMAIN: Final = "bmq.test.mem.priority"
_PROBE: Final = "gauntlet.probe"
_FLAG_WRITE: Final = 4
_RECEIVE_BYTES: Final = 64 * 1024
_ANSWER_BYTES_MAX: Final = 1024 * 1024
#: What is left of the time when it is over: a socket without a timeout would wait for ever.
_LEAST_SECONDS: Final = 0.001


class Trouble(NamedTuple):
    """Why there is no session, or one that is of no use.

    Attributes:
        text: what was seen, in words.
        may_pass: whether a broker that is starting behaves so.
        is_setup: it is a broker, but not one that is set up for the cases.
    """

    text: str
    may_pass: bool
    is_setup: bool = False


def find_trouble(
    host: str, port: int, timeout_s: float, *, is_guarded: bool, domain: str = ""
) -> Trouble | None:
    """Begin a session, end it, and return what was wrong; None if nothing was.

    Args:
        host: where a broker should listen.
        port: the same.
        timeout_s: how long all of it may take, seconds.
        is_guarded: strangers get no session; then a connection must do.
        domain: one that the broker has to have; none by default.
    """
    give_up = time.monotonic() + timeout_s
    try:
        connection = socket.create_connection((host, port), timeout_s)
    except OSError as error:
        text = f"nobody listens at {host}:{port} ({error.strerror or error})"
        return Trouble(text, may_pass=True)
    with connection:
        return None if is_guarded else _Session(connection, give_up).find_trouble(domain)


class _Session:
    """The shortest session that there is: a client comes, may open a queue, and goes."""

    def __init__(self, connection: socket.socket, give_up: float) -> None:
        self._connection = connection
        self._give_up = give_up
        self._reader = EventReader(_ANSWER_BYTES_MAX)
        self._events: deque[Event] = deque()

    def find_trouble(self, domain: str) -> Trouble | None:
        silence = "it accepts connections and never answers"
        try:
            if (refusal := self._come()) is not None:
                return refusal
            silence = "it gives sessions, and answers nothing in them"
            if domain and (refusal := self._open(domain)) is not None:
                return refusal
            self._go()
        except TimeoutError:
            return Trouble(silence, may_pass=True)
        except OSError as error:
            text = f"it closes connections instead of answering ({error.strerror or error})"
            return Trouble(text, may_pass=True)
        except PeerError as error:
            return Trouble(f"what it answers is not of the protocol: {error}", may_pass=False)
        return None

    def _come(self) -> Trouble | None:
        who = ClientIdentity(
            protocol_version=1,
            client_type=ClientType.E_TCPCLIENT,
            process_name="gauntlet:probe",
            features=CLIENT_FEATURES,
        )
        self._connection.sendall(control_event(NegotiationMessage(choice=who)))
        event = self._next_control()
        answer = decode_message(NegotiationMessage, event.encoding, event.body).choice
        if not isinstance(answer, BrokerResponse):
            text = f"it answers with {type(answer).__name__} instead of a brokerResponse"
            return Trouble(text, may_pass=False)
        if answer.result.category != StatusCategory.E_SUCCESS:
            text = f"it refuses sessions: {answer.result.message or answer.result}"
            return Trouble(text, may_pass=False)
        return None

    def _open(self, domain: str) -> Trouble | None:
        queue = QueueHandleParameters(
            uri=f"bmq://{domain}/{_PROBE}", q_id=0, flags=_FLAG_WRITE, write_count=1
        )
        request = ControlMessage(r_id=1, choice=OpenQueue(handle_parameters=queue))
        self._connection.sendall(control_event(request))
        event = self._next_control()
        answer = decode_message(ControlMessage, event.encoding, event.body).choice
        if isinstance(answer, OpenQueueResponse):
            return None
        said = f"{answer.category.name} {answer.message}" if isinstance(answer, Status) else answer
        text = f"needs the domain {domain}, and does not open it: {said}"
        return Trouble(text, may_pass=False, is_setup=True)

    def _go(self) -> None:
        self._connection.sendall(control_event(ControlMessage(r_id=2, choice=Disconnect())))
        event = self._next_control()
        decode_message(ControlMessage, event.encoding, event.body)

    def _next_control(self) -> Event:
        """Return the next control event; heartbeats may come before it."""
        while True:
            while self._events:
                event = self._events.popleft()
                if event.type == EventType.CONTROL:
                    return event
            left = self._give_up - time.monotonic()
            self._connection.settimeout(max(left, _LEAST_SECONDS))
            data = self._connection.recv(_RECEIVE_BYTES)
            if not data:
                raise ConnectionResetError("end of the stream")
            self._events.extend(self._reader.feed(data))
