"""A session's connection for those who wait for their answers, every wait bounded."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from types import TracebackType
from typing import Final, Self

from reference_broker.base import PeerError
from reference_broker.wire import HEARTBEAT_RESPONSE, Event, EventReader, EventType

#: How long an answer may take, in seconds; then the target hangs.
ANSWER_SECONDS_MAX: Final = 5.0
_RECEIVE_BYTES: Final = 64 * 1024
_EVENT_BYTES_MAX: Final = 16 * 1024 * 1024
_LEAST_SECONDS: Final = 0.001
#: Events in which an answer may be looked for.
_EVENTS_MAX: Final = 10_000


class LineError(Exception):
    """A session that should be served is not; the text says what was seen."""


class Line:
    """A connection to a target.

    Args:
        host: where it listens.
        port: the same.
        who: of the session, for texts.
        answer_s: how long each answer may take, seconds.

    Raises:
        LineError: nobody listens.
    """

    def __init__(
        self, host: str, port: int, who: str, answer_s: float = ANSWER_SECONDS_MAX
    ) -> None:
        self._who = who
        self._answer_s = answer_s
        self._reader = EventReader(_EVENT_BYTES_MAX)
        self._events: deque[Event] = deque()
        try:
            self._socket = socket.create_connection((host, port), answer_s)
        except OSError as error:
            raise LineError(f"{who} cannot connect: {error.strerror or error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            LineError: the target closed the connection, or takes nothing.
        """
        self._socket.settimeout(self._answer_s)
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise LineError(f"{self._who} can send nothing for {self._answer_s:g} s") from error
        except OSError as error:
            raise self._closed(error) from error

    def expect(self, event_type: EventType) -> Event:
        """Return the next event of a type; others before it are left out, heartbeats answered.

        Raises:
            LineError: it does not come in time, the connection is closed, or what comes is not of
                the protocol.
        """
        give_up = time.monotonic() + self._answer_s
        for _ in range(_EVENTS_MAX):
            event = self._next(give_up, event_type)
            if event.type == event_type:
                return event
            if event.type == EventType.HEARTBEAT_REQ:
                self.send(HEARTBEAT_RESPONSE)
        raise LineError(f"{self._who} got no {event_type.name} in {_EVENTS_MAX} events")

    def _next(self, give_up: float, wanted: EventType) -> Event:
        while not self._events:
            self._socket.settimeout(max(give_up - time.monotonic(), _LEAST_SECONDS))
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
                if not data:
                    raise self._closed("end of the stream")
                self._events.extend(self._reader.feed(data))
            except TimeoutError as error:
                raise LineError(
                    f"{self._who} waited {self._answer_s:g} s for {wanted.name} in vain"
                ) from error
            except OSError as error:
                raise self._closed(error) from error
            except PeerError as error:
                raise LineError(f"{self._who} was sent what is no event: {error}") from error
        return self._events.popleft()

    def _closed(self, why: object) -> LineError:
        return LineError(f"the connection of {self._who} was closed: {why}")
