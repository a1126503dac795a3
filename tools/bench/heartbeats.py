"""How long a broker makes a heartbeat wait.

A connection of its own asks the broker for a heartbeat every few milliseconds, in a thread of its
own. The longest wait for an answer is the longest pause that any peer sees beyond the configured
interval: the broker answers and asks on one event loop. As the clients are in this process too, some
milliseconds of it may be ours, and where other processes want the CPU most of it is theirs; so the
time that the broker's main thread itself has worked during a wait is told beside it.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Final, NamedTuple, Self

from reference_broker.base import Instant
from reference_broker.client import ClientSettings
from reference_broker.session import ClientPhase
from reference_broker.wire import HEARTBEAT_REQUEST, EventReader, EventType
from suites.harness.target import Target
from tools.bench.process import main_thread_seconds, pid_of

_ASK_SECONDS: Final = 0.02
_READ_BYTES: Final = 65_536
_ANSWER_SECONDS_MAX: Final = 60.0


class Pause(NamedTuple):
    """The longest wait for a heartbeat.

    Attributes:
        wall_ms: until the answer came, milliseconds.
        busy_ms: for which the broker's main thread was at work during one wait, at most.
    """

    wall_ms: float
    busy_ms: float


class HeartbeatProbe:
    """Ask a broker for heartbeats, again and again, and note how long an answer takes at most.

    Args:
        target: running.
    """

    def __init__(self, target: Target) -> None:
        self._socket = socket.create_connection((target.host, target.port), _ANSWER_SECONDS_MAX)
        self._session = ClientSettings().new_session()
        self._session.connected(_now())
        self._events = EventReader(_READ_BYTES)
        self._is_over = threading.Event()
        self._pid = pid_of(target)
        #: Waits since they were last taken; the condition guards all three.
        self._waits: list[Pause] = []
        self._answers = 0
        self._failure: OSError | None = None
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop asking."""
        self._is_over.set()
        self._thread.join()
        self._socket.close()

    def take_longest(self) -> Pause:
        """Return the longest wait since this was last called, once all is answered until now.

        Raises:
            OSError: the broker is gone, or does not answer at all.
        """
        with self._condition:
            last = self._answers + 2  # the next answer may be to what was asked before
            is_over = self._condition.wait_for(
                lambda: self._failure or self._answers >= last, 2 * _ANSWER_SECONDS_MAX
            )
            if self._failure is not None:
                raise self._failure
            assert is_over, "a read that fails ends the wait"
            waits, self._waits = self._waits, []
        return Pause(max(wait.wall_ms for wait in waits), max(wait.busy_ms for wait in waits))

    def _run(self) -> None:
        try:
            self._socket.sendall(b"".join(self._session.data_to_send()))
            while self._session.phase is not ClientPhase.READY:
                self._is_answered()
            while not self._is_over.wait(_ASK_SECONDS):
                wait = self._ask()
                with self._condition:
                    self._waits.append(wait)
                    self._answers += 1
                    self._condition.notify()
        except OSError as error:
            with self._condition:
                self._failure = error
                self._condition.notify()

    def _ask(self) -> Pause:
        """Ask once, and wait for the answer."""
        asked, worked = time.monotonic(), main_thread_seconds(self._pid)
        self._socket.sendall(HEARTBEAT_REQUEST)
        while not self._is_answered():
            pass
        wall_ms = (time.monotonic() - asked) * 1000
        return Pause(wall_ms, (main_thread_seconds(self._pid) - worked) * 1000)

    def _is_answered(self) -> bool:
        """Read what comes, and return whether an answer was in it."""
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionError("the broker has closed the connection of the heartbeats")
        self._session.received(_now(), data)
        if out := self._session.data_to_send():
            self._socket.sendall(b"".join(out))
        return any(event.type == EventType.HEARTBEAT_RSP for event in self._events.feed(data))


def _now() -> Instant:
    return Instant(time.monotonic_ns())
