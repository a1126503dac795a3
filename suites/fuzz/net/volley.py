"""Attackers: a connection for each case, several at a time, in one thread.

An attacker goes the way to its state step by step, each after the answer to the one before. Then it
sends the case's messages, says that it has no more to say, and waits until the target closes; a
target that does not, is left.

Sessions do not meet: each lane has a queue of its own, `f000` instead of `fuzz`, and messages have
GUIDs of their own in each session, as a broker takes those that it has seen for duplicates. Both are
as long as what is replaced, so that nothing else of a message changes.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from reference_broker.base import PeerError
from reference_broker.wire import EventReader, EventType
from suites.fuzz.net.catalogue import Case
from suites.fuzz.net.line import ANSWER_SECONDS_MAX

#: Attackers at a time.
LANES_DEFAULT: Final = 16
LANES_MAX: Final = 256
_CONNECT_SECONDS_MAX: Final = 5.0
#: How long a target may take to close at first, and at least, in seconds.
_CLOSE_SECONDS_MAX: Final = 2.0
_CLOSE_SECONDS_MIN: Final = 0.05
_RECEIVE_BYTES: Final = 256 * 1024
_EVENT_BYTES_MAX: Final = 64 * 1024 * 1024
#: What all GUIDs of the kinds begin with; the last two octets stay.
_GUID_MARK: Final = bytes.fromhex("400001000000000000000000f022")
_GUID_START: Final = b"\x40\0\1"
_GUID_END: Final = b"\xf0\x22"
#: The queue's name in BER, and in JSON, where the slash is escaped.
_QUEUE_MARKS: Final = (b"mem.priority/", b"mem.priority\\/")
_QUEUE_NAME: Final = b"fuzz"
_PORT_WAITS_MAX: Final = 100
_PORT_WAIT_SECONDS: Final = 0.05


class Outcome(NamedTuple):
    """What attackers saw.

    Attributes:
        unreached: cases that did not come to their state, and why not.
        wrong: cases that were sent what is not of the protocol, and what.
        left_open: cases whose connection the target did not close.
    """

    unreached: list[tuple[Case, str]]
    wrong: list[tuple[Case, str]]
    left_open: int


class Attackers:
    """Sends cases to a target.

    Args:
        host: where it listens.
        port: the same.
        lanes: connections at a time.
        answer_s: how long an answer on the way may take, seconds.
        pace: connections a second at most; None for as many as go.
    """

    def __init__(
        self,
        host: str,
        port: int,
        lanes: int = LANES_DEFAULT,
        answer_s: float = ANSWER_SECONDS_MAX,
        pace: int | None = None,
    ) -> None:
        self._address = host, port
        self._answer_s = answer_s
        self._close_s = _CLOSE_SECONDS_MAX
        self._pause_s = 1 / pace if pace else 0.0
        self._sessions = 0
        self._free = list(range(lanes))
        #: When the next connection may be begun.
        self._due = 0.0
        self._port_waits = 0

    def attack(self, cases: Sequence[Case]) -> Outcome:
        """Send cases, each in a session of its own, and wait for all of them."""
        outcome = Outcome([], [], 0)
        left_open = 0
        waiting = deque(cases)
        with selectors.DefaultSelector() as selector:
            active: set[_Attacker] = set()
            try:
                while waiting or active:
                    self._fill(waiting, active, selector, outcome)
                    for attacker in self._moved(active, selector, may_begin=bool(waiting)):
                        active.discard(attacker)
                        self._free.append(attacker.lane)
                        left_open += self._take(attacker, outcome)
            finally:
                for attacker in active:
                    attacker.close()
                    self._free.append(attacker.lane)
        return outcome._replace(left_open=left_open)

    def _fill(
        self,
        waiting: deque[Case],
        active: set[_Attacker],
        selector: selectors.BaseSelector,
        outcome: Outcome,
    ) -> None:
        """Begin as many attackers as may be."""
        while waiting and self._free and time.monotonic() >= self._due:
            case = waiting.popleft()
            try:
                connection = socket.create_connection(self._address, _CONNECT_SECONDS_MAX)
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL and self._port_waits < _PORT_WAITS_MAX:
                    # All ports of this machine are in use for a moment.
                    self._port_waits += 1
                    self._due = time.monotonic() + _PORT_WAIT_SECONDS
                    waiting.appendleft(case)
                    return
                outcome.unreached.append((case, f"cannot connect: {error.strerror or error}"))
                continue
            self._port_waits = 0
            self._sessions += 1
            self._due = time.monotonic() + self._pause_s
            own = self._free.pop(), self._sessions
            attacker = _Attacker(case, connection, selector, own, (self._answer_s, self._close_s))
            active.add(attacker)
            attacker.begin()

    def _moved(
        self, active: set[_Attacker], selector: selectors.BaseSelector, *, may_begin: bool
    ) -> list[_Attacker]:
        """Let attackers go on for which something has come; returns those that are through."""
        until = [attacker.deadline for attacker in active]
        if may_begin and self._free:
            until.append(self._due)
        now = time.monotonic()
        wait = max(min(until, default=now) - now, 0.0)
        ready = selector.select(wait)
        over = [key.data for key, events in ready if key.data.go_on(events)]
        if not ready or not wait:
            now = time.monotonic()
            late = [each for each in active if each.deadline <= now and each not in over]
            for attacker in late:
                attacker.give_up()
            over += late
        return over

    def _take(self, attacker: _Attacker, outcome: Outcome) -> int:
        if attacker.wrong:
            outcome.wrong.append((attacker.case, attacker.wrong))
        if attacker.trouble:
            outcome.unreached.append((attacker.case, attacker.trouble))
        if attacker.is_left_open:
            self._close_s = max(self._close_s / 2, _CLOSE_SECONDS_MIN)
        return attacker.is_left_open


class _Attacker:
    """One connection.

    Args:
        case: what it is for.
        connection: to the target.
        selector: where it waits.
        own: the number of the lane, for its queue, and that of the session, for its GUIDs.
        seconds: how long answers may take, and the target's close.
    """

    __slots__ = (
        "_answer_s", "_close_s", "_guids", "_is_over", "_is_through", "_pending", "_queue", "_reader",
        "_selector", "_socket", "_steps", "_wanted", "case", "deadline", "is_left_open", "lane", "trouble",
        "wrong",
    )  # fmt: skip

    def __init__(
        self,
        case: Case,
        connection: socket.socket,
        selector: selectors.BaseSelector,
        own: tuple[int, int],
        seconds: tuple[float, float],
    ) -> None:
        self.case = case
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._selector = selector
        self.lane, number = own
        self._guids = _GUID_START + number.to_bytes(9, "big") + _GUID_END
        self._queue = b"f%03x" % self.lane
        self._answer_s, self._close_s = seconds
        self._reader = EventReader(_EVENT_BYTES_MAX)
        self._steps = iter(case.steps)
        self._wanted: EventType | None = None
        self._pending = memoryview(b"")
        self._is_through = False
        self._is_over = False
        self.deadline = 0.0
        self.is_left_open = False
        self.trouble = ""
        self.wrong = ""

    def begin(self) -> None:
        """Take the first step; if that was the end already, the deadline is over."""
        self._selector.register(self._socket, selectors.EVENT_READ, self)
        if self._step():
            self.deadline = 0.0

    def go_on(self, events: int) -> bool:
        """Do what can be done now; returns whether it is through."""
        if events & selectors.EVENT_WRITE and self._flush():
            return True
        return bool(events & selectors.EVENT_READ) and self._receive()

    def give_up(self) -> None:
        """Go, as the time is over."""
        if self._is_over:
            return
        if self._is_through:
            self.is_left_open = True
        elif self._wanted is not None:
            self.trouble = f"waited {self._answer_s:g} s for {self._wanted.name} in vain"
        self.close()

    def close(self) -> None:
        """Leave the selector and close the connection."""
        self._is_over = True
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._socket)
        with contextlib.suppress(OSError):
            self._socket.close()

    def _step(self) -> bool:
        """Send up to the next message that is answered; returns whether the connection is gone."""
        chunks: list[bytes] = []
        self._wanted = None
        for step in self._steps:
            chunks.append(step.data)
            if step.answer is not None:
                self._wanted = step.answer
                break
        else:
            chunks += self.case.messages
            self._is_through = True
        data = b"".join(chunks).replace(_GUID_MARK, self._guids)
        for mark in _QUEUE_MARKS:
            data = data.replace(mark + _QUEUE_NAME, mark + self._queue)
        self._pending = memoryview(data)
        limit_s = self._close_s if self._is_through else self._answer_s
        self.deadline = time.monotonic() + limit_s
        return self._flush()

    def _flush(self) -> bool:
        try:
            while self._pending:
                self._pending = self._pending[self._socket.send(self._pending) :]
            if self._is_through:
                self._socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            self._watch(selectors.EVENT_READ | selectors.EVENT_WRITE)
            return False
        except OSError as error:
            return self._end(error)
        self._watch(selectors.EVENT_READ)
        return False

    def _watch(self, events: int) -> None:
        if self._selector.get_key(self._socket).events != events:
            self._selector.modify(self._socket, events, self)

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError as error:
            return self._end(error)
        if not data:
            return self._end("end of the stream")
        try:
            types = [event.type for event in self._reader.feed(data)]
        except PeerError as error:
            self.wrong = f"was sent what is no event: {error}"
            return self._end(error)
        if self._wanted is not None and self._wanted in types:
            return self._step()
        return False

    def _end(self, why: object) -> bool:
        """Note that the connection is closed; true: it is over."""
        if not self._is_through:
            self.trouble = f"the connection was closed on the way to the state: {why}"
        elif self._reader.buffered_bytes and not self.wrong and why == "end of the stream":
            self.wrong = f"got {self._reader.buffered_bytes} bytes of an event that ends too early"
        self.close()
        return True
