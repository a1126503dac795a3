"""A protocol peer without a mind of its own: it sends what it is told and shows what comes.

Nothing is retried, answered or corrected behind the case's back, so that a case can break any rule
and see what the broker makes of it. Everything is bounded by a timeout, and everything that went
over the wire is kept for the report.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import struct
import time
from collections import deque
from types import TracebackType
from typing import Final, Self

from reference_broker.wire import (
    EVENT_HEADER_SIZE,
    Event,
    EventReader,
    EventType,
)
from reference_broker.wire.control import (
    BrokerResponse,
    ClientIdentity,
    ClientType,
    ControlChoice,
    ControlMessage,
    Encoding,
    GuidInfo,
    NegotiationMessage,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.features import CLIENT_FEATURES
from suites.integration.transcript import Transcript

#: How long a right target may take for any one answer, in seconds.
TIMEOUT_S: Final = 10.0
_RECEIVE_BYTES: Final = 256 * 1024
_EVENT_BYTES_MAX: Final = 512 * 1024 * 1024
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)

_client_ids: Final = itertools.count(int.from_bytes(b"raw\0\0\0", "big"))


class SilentError(AssertionError):
    """The broker did not send in time what it must send."""


class ClosedError(AssertionError):
    """The broker closed the connection where it must not."""


class OpenError(AssertionError):
    """The broker keeps a connection open, or talks on it, where it must close it."""


def identity(**changes: object) -> ClientIdentity:
    """Return the identity of a client that makes GUIDs and knows everything, with changes."""
    members: dict[str, object] = {
        "protocol_version": 1,
        "client_type": ClientType.E_TCPCLIENT,
        "process_name": "gauntlet:raw",
        "pid": 1,
        "features": CLIENT_FEATURES,
        "guid_info": GuidInfo(client_id=f"{next(_client_ids):012X}"),
    }
    return ClientIdentity(**(members | changes))  # type: ignore[arg-type]  # members by name


class RawPeer:
    """One connection to a broker; use it as a context.

    Args:
        host: where the broker listens.
        port: the same.
        name: for the transcript.
        timeout_s: how long to wait for anything that must come, seconds.
    """

    def __init__(
        self, host: str, port: int, *, name: str = "peer", timeout_s: float = TIMEOUT_S
    ) -> None:
        self._address = (host, port)
        self.timeout_s = timeout_s
        #: Our end of the connection; 0 before there is one.
        self.local_port = 0
        self.transcript = Transcript(name)
        self._socket: socket.socket | None = None
        self._reader = EventReader(_EVENT_BYTES_MAX)
        self._events: deque[Event] = deque()
        self._next_r_id = 1

    def __enter__(self) -> Self:
        """Connect."""
        return self.connect()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    # The connection.

    def connect(self) -> Self:
        """Open the TCP connection.

        Raises:
            ConnectionError: nobody listens there.
        """
        assert self._socket is None, "it is connected already"
        self._socket = socket.create_connection(self._address, self.timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local_port = int(self._socket.getsockname()[1])
        return self

    def close(self) -> None:
        """Close the connection in the ordinary way."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self.transcript.note("closed by us")

    def crash(self) -> None:
        """Reset the connection, as a crashing host would."""
        assert self._socket is not None, "it is not connected"
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            ClosedError: the broker has closed the connection.
            SilentError: the broker does not read.
        """
        assert self._socket is not None, "it is not connected"
        self.transcript.sent(data)
        try:
            self._socket.settimeout(self.timeout_s)
            self._socket.sendall(data)
        except TimeoutError:
            text = f"the broker did not read {len(data)} bytes within {self.timeout_s} s"
            raise SilentError(text) from None
        except OSError as error:
            raise ClosedError(f"the broker closed the connection: {error}") from None

    # What comes.

    def read_event(self, timeout_s: float | None = None) -> Event:
        """Return the next event.

        Raises:
            SilentError: none came in time.
            ClosedError: the broker closed the connection.
            WireError: what came is no event.
        """
        event = self.poll_event(self.timeout_s if timeout_s is None else timeout_s)
        if event is None:
            raise SilentError(
                f"nothing came from the broker within {timeout_s or self.timeout_s} s"
            )
        return event

    def poll_event(self, timeout_s: float) -> Event | None:
        """Return the next event, None if there is none within `timeout_s`; raises as `read_event`."""
        give_up = time.monotonic() + timeout_s
        while not self._events:
            data = self._receive(max(give_up - time.monotonic(), 0.0))
            if data is None:
                return None
            if not data:
                raise ClosedError("the broker closed the connection")
            for event in self._reader.feed(data):
                self._events.append(event)
                header_start = event.start - EVENT_HEADER_SIZE
                self.transcript.received(event.buffer[header_start : event.end])
        return self._events.popleft()

    def _receive(self, timeout_s: float) -> bytes | None:
        """Return bytes; none of them if the connection is closed, and None if nothing came."""
        assert self._socket is not None, "it is not connected"
        readable, _, _ = select.select([self._socket], [], [], timeout_s)
        if not readable:
            return None
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except OSError as error:
            self.transcript.note(f"closed by the broker: {error}")
            return b""
        if not data:
            self.transcript.note("closed by the broker")
        return data

    def expect_closed(self, timeout_s: float | None = None) -> None:
        """Wait for the broker to close the connection without another word.

        Raises:
            OpenError: it sends something, or does not close in time.
        """
        limit = self.timeout_s if timeout_s is None else timeout_s
        with contextlib.suppress(ClosedError):
            event = self.poll_event(limit)
            if event is None:
                raise OpenError(f"the broker keeps the connection open for over {limit} s")
            name = EventType(event.type).name
            raise OpenError(f"the broker answers with {name} instead of closing the connection")

    # Handshake and requests.

    def negotiate(
        self, who: ClientIdentity | None = None, encoding: Encoding = Encoding.BER
    ) -> BrokerResponse:
        """Introduce ourselves and return the answer.

        Raises:
            AssertionError: there is none, or it is no brokerResponse.
        """
        message = NegotiationMessage(choice=who or identity())
        self.send(control_event(message, encoding))
        return self.read_broker_response()

    def read_broker_response(self) -> BrokerResponse:
        """Return the brokerResponse that comes next; raises as `negotiate`."""
        event = self.read_event()
        assert event.type == EventType.CONTROL, f"a CONTROL event is expected, not {event}"
        answer = decode_message(NegotiationMessage, event.encoding, event.body).choice
        assert isinstance(answer, BrokerResponse), f"no brokerResponse: {answer!r}"
        return answer

    def take_r_id(self) -> int:
        """Return a fresh request id."""
        r_id = self._next_r_id
        self._next_r_id += 1
        return r_id

    def send_request(self, choice: ControlChoice, encoding: Encoding = Encoding.BER) -> int:
        """Send a request and return its rId."""
        r_id = self.take_r_id()
        self.send(control_event(ControlMessage(r_id=r_id, choice=choice), encoding))
        return r_id
