"""The world around one broker core: time, files, connections, as a driver would keep them.

What the core asks for is done at once, unless a program wants it late or wants it to fail: syncs,
reads and domains can be held back, and a write can fail, which ends the broker as the ordering
contract says. Then, or on command, the broker is started again on what its files hold.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from reference_broker.base import Duration, Instant, OperatorError, milliseconds
from reference_broker.config import DomainConfig, DomainNotFound
from reference_broker.core import Broker
from reference_broker.ports import (
    AdminResult,
    Close,
    Closed,
    CreateFile,
    DomainLoaded,
    FilesFound,
    Input,
    LoadDomain,
    Log,
    Read,
    ReadDone,
    Ready,
    RemoveFile,
    Send,
    Severity,
    Stopped,
    Sync,
    Synced,
    TruncateFile,
    Write,
)
from reference_broker.security import Authenticators
from reference_broker.session import BrokerFacts
from suites.fuzz.core.words import AUTHENTICATION, CLUSTER, DOMAINS

WALL_NS: Final = 1_700_000_000_000_000_000
#: Steps of the core until it must ask for nothing more at the same instant.
STEPS_TO_SETTLE_MAX: Final = 256
#: So small that a few hundred messages begin new files.
SEGMENT_BYTES_MAX: Final = 16 * 1024
HEARTBEATS_MISSED_MAX: Final = 10
#: No broker starts again in the instant in which another one has ended.
RESTART_TIME: Final = milliseconds(100)
_AUTHENTICATORS: Final = Authenticators.from_config(AUTHENTICATION)
_FACTS: Final = BrokerFacts(heartbeat_misses_max=HEARTBEATS_MISSED_MAX)


class Loss(Enum):
    """What the end of a broker does to its files."""

    NOTHING = 0
    UNSYNCED = 1
    TORN = 2


class Held(Enum):
    """What the world may keep the core waiting for."""

    SYNCS = 0
    READS = 1
    DOMAINS = 2


class Outgoing(NamedTuple):
    """Bytes on their way to a peer.

    Attributes:
        after: token of the sync that they wait for; 0 for none.
        token: what the listener wants to be told when they have left.
    """

    after: int
    token: object


class EndedError(Exception):
    """The broker has ended, because its log cannot be written."""


class Listener(ABC):
    """Who is told what the core does. Everything is told at once, in order."""

    @abstractmethod
    def sent(self, connection: int, data: bytes) -> object:
        """Bytes are sent; returns what `left` is to be told once they leave."""

    @abstractmethod
    def left(self, connection: int, token: object) -> None:
        """Bytes that were sent have left."""

    @abstractmethod
    def closed(self, connection: int, reason: str) -> None:
        """The core closes a connection."""

    @abstractmethod
    def answered(self, token: int) -> None:
        """A command of the operator is answered."""

    @abstractmethod
    def stepped(self) -> None:
        """All effects of one step were told."""


class World:
    """One broker and what it stands on.

    Attributes:
        broker: the core.
        now: the time.
        files: what was written, by file name.
        loaded: domains whose configuration the broker has got.
        held: what is held back.
        log_count: log records since the beginning.
        sent_bytes: bytes sent since the beginning.
        step_count: steps of the core since the beginning.
        has_stopped: whether the broker has said that it has.
        fails_next: whether the next write is to fail.
        fails_reads: whether reads fail.
    """

    def __init__(self) -> None:
        self.now = Instant(0)
        self.files: dict[str, bytearray] = {}
        self.held: set[Held] = set()
        self.log_count = self.sent_bytes = self.step_count = 0
        self._durable: dict[str, int] = {}
        self._begin()

    def _begin(self) -> None:
        self.broker = Broker(
            _FACTS,
            cluster=CLUSTER,
            segment_bytes_max=SEGMENT_BYTES_MAX,
            authenticators=_AUTHENTICATORS,
        )
        self.loaded: set[str] = set()
        self.has_stopped = self.fails_next = self.fails_reads = False
        self._is_ready = False
        self._open: dict[int, list[Outgoing]] = {}
        self._just_gone: set[int] = set()
        self._next: list[Input] = []
        self._late: dict[Held, list[Input]] = {held: [] for held in Held}
        self._syncing: dict[str, int] = {}
        self._durable_token = 0

    def start(self, listener: Listener) -> None:
        """Start the broker on the files that there are."""
        found = tuple((name, len(self.files[name])) for name in sorted(self.files))
        self._durable = {name: len(content) for name, content in self.files.items()}
        self.run([FilesFound(found)], listener)
        assert self._is_ready, "the broker does not get ready"

    def restart(self, loss: Loss, torn_bytes: int, listener: Listener) -> None:
        """End the broker where it stands, and start it again.

        Args:
            loss: what becomes of what was written and not synced.
            torn_bytes: bytes of each file that survive all the same, if `loss` is `TORN`.
            listener: is told what the new broker does.
        """
        if loss is not Loss.NOTHING:
            extra = torn_bytes if loss is Loss.TORN else 0
            for name, content in self.files.items():
                del content[self._durable.get(name, 0) + extra :]
        self.held.clear()
        self.now = Instant(self.now + RESTART_TIME)
        self._begin()
        self.start(listener)

    @property
    def has_answers(self) -> bool:
        """Whether the core gets something in its next step whatever else happens."""
        return bool(self._next)

    # Steps.

    def say(self, item: Input) -> None:
        """Give something to the core in its next step."""
        self._next.append(item)

    def connect(self, connection: int) -> None:
        """Note that a connection is open."""
        self._open[connection] = []

    def hang_up(self, connection: int) -> bool:
        """Forget a connection; returns whether it was open. The next step may still send on it."""
        self._just_gone.add(connection)
        return self._open.pop(connection, None) is not None

    def run(self, inputs: list[Input], listener: Listener) -> None:
        """Give inputs to the core, and answer it until it asks for nothing at this instant.

        Raises:
            EndedError: a write has failed.
        """
        self._next += inputs
        obey = self._OBEY
        for _ in range(STEPS_TO_SETTLE_MAX):
            batch, self._next = self._next, []
            self.step_count += 1
            self._note_loaded(batch)
            for effect in self.broker.step(self.now, batch, wall_ns=WALL_NS + self.now):
                obey[type(effect)](self, effect, listener)
            self._just_gone.clear()
            listener.stepped()
            deadline = self.broker.next_deadline()
            if not self._next and (deadline is None or deadline > self.now):
                return
        raise AssertionError(f"the core still asks after {STEPS_TO_SETTLE_MAX} steps")

    def _note_loaded(self, inputs: list[Input]) -> None:
        for item in inputs:
            if isinstance(item, DomainLoaded) and isinstance(item.outcome, DomainConfig):
                self.loaded.add(item.name)

    def wait(self, duration: Duration, stops_max: int, listener: Listener) -> None:
        """Let time pass: step when the core wants to, at most so many times, and at the end."""
        end = Instant(self.now + duration)
        for _ in range(stops_max):
            deadline = self.broker.next_deadline()
            if deadline is None or deadline >= end:
                break
            self.now = max(self.now, deadline)
            self.run([], listener)
        self.now = end
        self.run([], listener)

    def release(self, held: Held) -> None:
        """Answer in the next step what was held back, and hold nothing more."""
        self.held.discard(held)
        late, self._late[held] = self._late[held], []
        self._next += late

    def is_waited_for(self, held: Held) -> bool:
        """Return whether the core waits for something that is held back."""
        return bool(self._late[held])

    # Effects.

    def _answer(self, held: Held, answer: Input) -> None:
        (self._late[held] if held in self.held else self._next).append(answer)

    def _send(self, effect: Send, listener: Listener) -> None:
        connection = effect.connection
        queue = self._open.get(connection)
        if queue is None and connection in self._just_gone:
            return
        assert queue is not None, (
            f"sent on connection {connection}, which is closed: {effect!r:.200}"
        )
        data = b"".join(effect.chunks)
        self.sent_bytes += len(data)
        token = listener.sent(connection, data)
        if queue or effect.after > self._durable_token:
            queue.append(Outgoing(effect.after, token))
        else:
            listener.left(connection, token)

    def _close(self, effect: Close, listener: Listener) -> None:
        if effect.connection in self._just_gone:
            return
        assert self._open.pop(effect.connection, None) is not None, f"closed twice: {effect}"
        listener.closed(effect.connection, effect.reason)
        self._next.append(Closed(effect.connection, effect.reason))

    def _log(self, effect: Log, _: Listener) -> None:
        self.log_count += 1
        assert isinstance(effect.severity, Severity), effect

    def _load(self, effect: LoadDomain, _: Listener) -> None:
        outcome = DOMAINS.get(effect.name) or DomainNotFound(f"etc/domains/{effect.name}.json")
        self._answer(Held.DOMAINS, DomainLoaded(effect.name, outcome))

    def _sync(self, effect: Sync, listener: Listener) -> None:
        self._syncing[effect.name] = len(self.files[effect.name])
        if not effect.token:
            return
        self._answer(Held.SYNCS, Synced(effect.token))
        if Held.SYNCS not in self.held:
            self._durable_until(effect.token, listener)

    def finish_syncs(self, listener: Listener) -> None:
        """Let the syncs that are held back become durable; they are answered in the next step."""
        tokens = [item.token for item in self._late[Held.SYNCS] if isinstance(item, Synced)]
        self.release(Held.SYNCS)
        if tokens:
            self._durable_until(tokens[-1], listener)

    def _durable_until(self, token: int, listener: Listener) -> None:
        """Note that all syncs so far are durable; what waited for them leaves."""
        self._durable_token = token
        self._durable.update(self._syncing)
        self._syncing.clear()
        for connection, queue in list(self._open.items()):
            while queue and queue[0].after <= token:
                listener.left(connection, queue.pop(0).token)

    def _write(self, effect: Write, _: Listener) -> None:
        data = b"".join(effect.chunks)
        if self.fails_next:
            self.files[effect.name] += data[: len(data) // 2]
            raise EndedError(f"{effect.name} cannot be written")
        self.files[effect.name] += data

    def _create(self, effect: CreateFile, _: Listener) -> None:
        assert effect.name not in self.files, f"{effect.name} is there already"
        self._durable.update({name: len(content) for name, content in self.files.items()})
        self.files[effect.name] = bytearray()
        self._durable[effect.name] = 0

    def _truncate(self, effect: TruncateFile, _: Listener) -> None:
        del self.files[effect.name][effect.size :]
        self._durable[effect.name] = effect.size

    def _remove(self, effect: RemoveFile, _: Listener) -> None:
        self._durable.update({name: len(content) for name, content in self.files.items()})
        del self.files[effect.name], self._durable[effect.name]
        self._syncing.pop(effect.name, None)

    def _read(self, effect: Read, _: Listener) -> None:
        content = self.files[effect.name]
        parts = [bytes(content[start : start + length]) for start, length in effect.ranges]
        outcome = OperatorError("the disk is tired") if self.fails_reads else tuple(parts)
        self._answer(Held.READS, ReadDone(effect.token, outcome))

    def _ready(self, _: Ready, __: Listener) -> None:
        self._is_ready = True

    def _result(self, effect: AdminResult, listener: Listener) -> None:
        listener.answered(effect.token)

    def _stopped(self, _: Stopped, __: Listener) -> None:
        assert not self.has_stopped, "the broker has stopped twice"
        self.has_stopped = True

    _OBEY: ClassVar[Mapping[type, Callable[..., None]]] = MappingProxyType(
        {
            Send: _send,
            Close: _close,
            Log: _log,
            LoadDomain: _load,
            Sync: _sync,
            Write: _write,
            CreateFile: _create,
            TruncateFile: _truncate,
            RemoveFile: _remove,
            Read: _read,
            Ready: _ready,
            AdminResult: _result,
            Stopped: _stopped,
        }
    )
