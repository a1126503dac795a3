"""What the broker remembers: sessions, what they have opened, queues, domains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from reference_broker.base import Instant, QueueUri
from reference_broker.base.limits import HANDSHAKE_EVENT_BYTES_MAX
from reference_broker.config import DomainConfig
from reference_broker.core.counters import QueueCounters
from reference_broker.expr import Predicate
from reference_broker.queue import Queue, Stream, Usage
from reference_broker.security import Authentication
from reference_broker.session import HeartbeatMonitor, SessionKind
from reference_broker.wire import Event, EventReader
from reference_broker.wire.control import (
    ClientIdentity,
    Encoding,
    QueueHandleParameters,
)


class Phase(Enum):
    """Where a connection stands.

    ::

        HANDSHAKE ──clientIdentity──> OPEN ──disconnect──> PARTED
            │                           │                    │ input is ignored
            └───────── a peer's error ──┴──> PARTED <────────┘ until the peer closes
    """

    HANDSHAKE = auto()
    OPEN = auto()
    PARTED = auto()


@dataclass(slots=True, eq=False)
class DomainEntry:
    """A domain in use.

    Attributes:
        name: qualified name, as queues' URIs have it.
        config: the configuration in force.
        filters: application subscriptions by app id; empty app id where the mode has no apps.
        usage: what its queues store together.
        queues: by canonical URI.
        is_removing: whether the first round of a removal is done, and opens are refused.
    """

    name: str
    config: DomainConfig
    filters: Mapping[str, Predicate]
    usage: Usage
    queues: dict[str, QueueEntry] = field(default_factory=dict)
    is_removing: bool = False


@dataclass(slots=True, eq=False)
class QueueEntry:
    """A queue in use, with what the broker needs to know beside the engine.

    Attributes:
        queue: the engine.
        domain: its domain.
        number: its number in the log.
        key: 5 bytes, how admin answers name its storage.
        partition: whose log it uses.
        is_logged: whether messages go to the log.
        is_synced: whether acknowledgements wait for the disk.
        counters: what happened in it.
        producers: open write handles.
        next_app_number: for the next app id that the log hears of.
        idle_since: when its last handle went, or it came to be without one; None while it is used.
        is_active: whether a client has opened it since the start; what is only known from
            storage has no queue object in the peer.
        wake_at: when it will be looked at although nothing happens in it; None for never.
    """

    queue: Queue
    domain: DomainEntry
    number: int
    key: bytes
    partition: int
    is_logged: bool
    is_synced: bool
    counters: QueueCounters = field(default_factory=QueueCounters)
    producers: int = 0
    next_app_number: int = 1
    idle_since: Instant | None = None
    is_active: bool = False
    wake_at: Instant | None = None

    @property
    def consumers(self) -> int:
        """Open read handles."""
        return len(self.queue.streams)

    @property
    def is_in_use(self) -> bool:
        """Whether anybody has it open."""
        return bool(self.producers or self.queue.streams)


@dataclass(slots=True, eq=False)
class SubStream:
    """One app id of an open queue."""

    app_id: str
    stream: Stream | None  # None for a handle that only writes
    parameters: object = None  # of the last configure request, for the operator to look at


@dataclass(slots=True, eq=False)
class Handle:
    """A queue as one session has opened it: everything under one qId.

    Attributes:
        queue_id: the qId.
        uri: canonical.
        entry: the queue.
        parameters: of the first open request, for the operator to look at.
        sub_streams: by subId.
        is_writer: whether PUTs are welcome.
    """

    queue_id: int
    uri: QueueUri
    entry: QueueEntry
    parameters: QueueHandleParameters
    sub_streams: dict[int, SubStream] = field(default_factory=dict)
    is_writer: bool = False


class Outgoing(NamedTuple):
    """Bytes for a peer.

    Attributes:
        chunks: to join.
        is_durable: whether they must not leave before everything logged so far is durable.
    """

    chunks: list[bytes]
    is_durable: bool


@dataclass(slots=True, eq=False)
class Session:
    """One connection.

    Attributes:
        connection: the driver's number.
        peer: the peer's address.
        opened_at: when the handshake must be over counts from here.
        number: running count.
        reader: cuts the bytes into events.
        phase: see `Phase`.
        kind: who the peer is; None before it has said so.
        authentication: as whom the client was let in; None before.
        identity: what the client said of itself; None before.
        encoding: for our answers.
        makes_guids: GUID mode or correlation mode [GUID-2].
        reads_new_properties: whether PUSHes may carry new-style properties.
        handles: by qId.
        outbox: what to send, in order; see `Outgoing`.
        is_congested: the peer does not read.
        heartbeat: None before the session is established.
        has_disconnected: whether the client has said goodbye; what follows is ignored.
        is_loading: whether an open waits for its domain, or the handshake for an authenticator;
            later events wait behind it.
        held_events: events that wait so.
        held_bytes: bytes that came after those events.
    """

    connection: int
    peer: str
    opened_at: Instant
    number: int
    reader: EventReader = field(default_factory=lambda: EventReader(HANDSHAKE_EVENT_BYTES_MAX))
    phase: Phase = Phase.HANDSHAKE
    kind: SessionKind | None = None
    authentication: Authentication | None = None
    identity: ClientIdentity | None = None
    encoding: Encoding = Encoding.BER
    makes_guids: bool = True
    reads_new_properties: bool = True
    handles: dict[int, Handle] = field(default_factory=dict)
    outbox: list[Outgoing] = field(default_factory=list)
    is_congested: bool = False
    heartbeat: HeartbeatMonitor | None = None
    has_disconnected: bool = False
    is_loading: bool = False
    held_events: list[Event] = field(default_factory=list)
    held_bytes: bytearray = field(default_factory=bytearray)
    is_postponed: bool = False
    waiting_bytes: int = 0

    def is_waiting(self) -> bool:
        """Whether what comes from the peer has to wait."""
        return self.is_loading or self.is_postponed

    def discard_input(self) -> None:
        """Forget what came from the peer and was not looked at."""
        self.reader = EventReader(self.reader.event_bytes_max)
        self.held_events, self.held_bytes = [], bytearray()
        self.waiting_bytes = 0

    def ignores_input(self) -> bool:
        """Whether what still comes from the peer means nothing."""
        return self.has_disconnected or self.phase is Phase.PARTED

    @property
    def name(self) -> str:
        """How admin answers and alarms name the client: `PROCESS:PID @ ADDRESS`."""
        who = f"{self.identity.process_name}:{self.identity.pid}" if self.identity else "?"
        return f"{who} @ {self.peer}"

    def __str__(self) -> str:
        """Return how logs name the session."""
        name = self.identity.process_name if self.identity else "?"
        return f"session {self.number} ({name} at {self.peer})"
