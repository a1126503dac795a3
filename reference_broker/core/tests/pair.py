"""A broker core and its peers in one thread: no socket, no file, no clock.

`World` is a driver that keeps the ordering contract of `ports` and nothing else: it carries out
effects, answers them at once or when told to, and lets virtual time pass. `Wire` is one raw
connection to the broker, `Peer` a `ClientSession` at the end of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from reference_broker.base import Instant, OperatorError, PeerError, seconds
from reference_broker.config import (
    ClusterConfig,
    DomainConfig,
    DomainNotFound,
    SampleConfig,
    parse_domain,
)
from reference_broker.core import Broker
from reference_broker.ports import (
    AdminCommand,
    AdminResult,
    Close,
    Closed,
    CreateFile,
    DomainLoaded,
    Effect,
    FilesFound,
    Input,
    LoadDomain,
    Log,
    Opened,
    Read,
    ReadDone,
    Ready,
    Received,
    RemoveFile,
    Send,
    Stopped,
    Sync,
    Synced,
    TruncateFile,
    Write,
)
from reference_broker.session import (
    AcksReceived,
    BrokerFacts,
    ClientEvent,
    ClientFacts,
    ClientSession,
    MessagesReceived,
    QueueOptions,
    Request,
    RequestDone,
)
from reference_broker.session import client_queue as _queues
from reference_broker.wire import Event, EventReader, EventType, event_header, pad
from reference_broker.wire.control import (
    ClientIdentity,
    ClientType,
    ControlMessage,
    Encoding,
    GuidInfo,
    NegotiationMessage,
    decode_message,
    encode_message,
)
from reference_broker.wire.features import CLIENT_FEATURES

#: Rounds after which two machines that talk to each other must have come to rest.
_ROUNDS_MAX: Final = 1_000
_START_NS: Final = 1_000_000_000
_WALL_NS: Final = 1_800_000_000_000_000_000


def domain(
    name: str = "test.mem",
    *,
    storage: str = "inMemory",
    consistency: str = "eventual",
    limits: tuple[int, int] = (1_000, 1_048_576),
    domain_limits: tuple[int, int] = (2_000, 2_097_152),
    mode: str = "priority",
    apps: Iterable[str] = ("foo", "bar", "baz"),
    **parameters: object,
) -> DomainConfig:
    """Return a domain.

    Args:
        name: qualified name.
        storage: `inMemory` or `fileBacked`.
        consistency: `eventual` or `strong`.
        limits: messages and bytes of each queue.
        domain_limits: the same of all queues together.
        mode: of its queues.
        apps: app ids, in fanout mode.
        parameters: further members of the file's `parameters`.
    """

    def limit(pair: tuple[int, int]) -> dict[str, int]:
        return {"messages": pair[0], "bytes": pair[1]}

    text: dict[str, object] = {
        "mode": {mode: {"appIDs": list(apps)} if mode == "fanout" else {}},
        "storage": {
            "config": {storage: {}},
            "queueLimits": limit(limits),
            "domainLimits": limit(domain_limits),
        },
        "messageTtl": 300,
        "consistency": {consistency: {}},
        **parameters,
    }
    parsed = parse_domain(name, {"definition": {"location": "local", "parameters": text}})
    assert isinstance(parsed, DomainConfig)
    return parsed


MEM: Final = domain("test.mem")
FILE: Final = domain("test.file", storage="fileBacked")
STRONG: Final = domain("test.strong", storage="fileBacked", consistency="strong")


def cluster(
    *,
    partitions: int = 1,
    ledger_bytes: int | None = None,
    journal_bytes: int = 0,
    **members: Any,
) -> ClusterConfig:
    """Return the sample cluster with some members replaced."""
    sample = SampleConfig().load_clusters().clusters[0]
    files = replace(sample.partitions, count=partitions, journal_file_bytes_max=journal_bytes)
    if ledger_bytes is not None:
        files = replace(files, ledger_file_bytes_max=ledger_bytes)
    return replace(sample, partitions=files, **members)


class Wire:
    """One raw connection to the broker."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.is_closed = False
        self.close_reason = ""
        self.received = bytearray()  # everything, for comparisons
        self._taken = 0
        self._held: list[Send] = []
        self._reader = EventReader(2**30)
        self._next_r_id = 1

    # The broker's side.

    def deliver(self, effect: Send) -> None:
        """Take a Send effect; it waits for its sync, and what follows waits behind it."""
        if self._held or effect.after > self.world.durable_token:
            self._held.append(effect)
        else:
            self.received += b"".join(effect.chunks)

    def release(self) -> None:
        """Let go what has waited for a sync."""
        held, self._held = self._held, []
        for effect in held:
            self.deliver(effect)

    # The client's side.

    def send(self, *chunks: bytes) -> list[Effect]:
        """Send chunks, all in one step of the broker."""
        return self.world.step(*(Received(self.number, chunk) for chunk in chunks))

    def close(self, reason: str = "closed by the peer") -> list[Effect]:
        """Close the connection from the client's side."""
        self.is_closed = True
        self.world.wires.pop(self.number, None)
        return self.world.step(Closed(self.number, reason))

    def take(self) -> bytes:
        """Return what came since the last call."""
        data = bytes(self.received[self._taken :])
        self._taken = len(self.received)
        return data

    def events(self) -> list[Event]:
        """Return the events that came since the last call of this or of `take`."""
        return list(self._reader.feed(self.take()))

    def answers(self) -> list[Any]:
        """Return the choices of the control messages that came; other events must not have."""
        messages = [decode_control(event) for event in self.events()]
        return [message.choice for message in messages]

    def negotiate(self, identity: ClientIdentity | None = None) -> Any:
        """Introduce ourselves and return the broker's answer."""
        message = NegotiationMessage(choice=identity or identity_of())
        self.send(control_event(message))
        (event,) = self.events()
        return decode_message(NegotiationMessage, event.encoding, event.body).choice

    def request(self, choice: Any) -> Any:
        """Make one request and return the choice that answers it."""
        self.send(self.request_event(choice))
        (answer,) = self.answers()
        return answer

    def request_event(self, choice: Any) -> bytes:
        """Return a request with the next rId."""
        r_id = self._next_r_id
        self._next_r_id += 1
        return control_event(ControlMessage(r_id=r_id, choice=choice))


class World:
    """One broker, its files and its peers.

    Args:
        domains: what `LoadDomain` finds.
        facts: what the broker says of itself.
        files: log files of an earlier broker.
        options: further arguments of `Broker`.
    """

    def __init__(
        self,
        domains: Iterable[DomainConfig] = (MEM, FILE, STRONG),
        *,
        facts: BrokerFacts | None = None,
        files: Mapping[str, bytes] | None = None,
        now: int = _START_NS,
        **options: Any,
    ) -> None:
        self.now = Instant(now)
        self.domains: dict[str, DomainConfig | OperatorError] = {d.name: d for d in domains}
        self.broker = Broker(facts or BrokerFacts(), **options)
        self.loads_domains = True  # answer LoadDomain at once
        self.finishes_syncs = True  # answer Sync at once
        self.finishes_reads = True  # answer Read at once
        self.unreadable: set[str] = set()  # names of files that cannot be read
        self.is_ready = False  # whether the core has said Ready
        self.pending_loads: list[str] = []
        self.pending_syncs: list[Sync] = []
        self.pending_reads: list[tuple[Read, bytearray]] = []
        self.durable_token = 0
        self.files: dict[str, bytearray] = {}
        self.durable: dict[str, int] = {}  # file name to bytes that would survive a power cut
        self.journal: list[Effect] = []
        self._is_stopped = False
        self._commands = 0
        self.wires: dict[int, Wire] = {}
        self.peers: list[Peer] = []
        self._connections = 0
        if files is not None:
            self.files = {name: bytearray(content) for name, content in files.items()}
            self.durable = {name: len(content) for name, content in files.items()}
            self.step(FilesFound(tuple((n, len(files[n])) for n in sorted(files))))

    # Steps.

    def step(self, *inputs: Input) -> list[Effect]:
        """Run the broker until its effects ask for no answer; returns all effects."""
        pending = list(inputs)
        carried_out: list[Effect] = []
        for _ in range(_ROUNDS_MAX):
            effects = self.broker.step(self.now, pending, wall_ns=_WALL_NS + self.now)
            pending = [answer for effect in effects for answer in self._carry_out(effect)]
            carried_out += effects
            deadline = self.broker.next_deadline()
            is_due = deadline is not None and deadline <= self.now
            if not pending and not is_due:
                self.journal += carried_out
                return carried_out
        raise AssertionError("the broker does not come to rest")

    def _carry_out(self, effect: Effect) -> list[Input]:
        match effect:
            case Send():
                if effect.connection in self.wires:
                    self.wires[effect.connection].deliver(effect)
            case Close(connection, reason):
                return self._close(connection, reason)
            case CreateFile() | Write() | TruncateFile() | RemoveFile():
                self._change_file(effect)
            case Sync():
                self.pending_syncs.append(effect)
                return self._finish_syncs() if self.finishes_syncs else []
            case LoadDomain(name):
                if self.loads_domains:
                    return [self._domain_loaded(name)]
                self.pending_loads.append(name)
            case Stopped():
                self._is_stopped = True
            case Read():
                self.pending_reads.append((effect, self.files[effect.name]))
                return self._finish_reads() if self.finishes_reads else []
            case Ready():
                self.is_ready = True
            case Log() | AdminResult():
                pass
        return []

    def _close(self, connection: int, reason: str) -> list[Input]:
        wire = self.wires.pop(connection, None)
        if wire is None:
            return []
        wire.is_closed = True
        wire.close_reason = reason
        return [Closed(connection, "closed by us")]

    def _change_file(self, effect: CreateFile | Write | TruncateFile | RemoveFile) -> None:
        match effect:
            case CreateFile(name):
                assert name not in self.files, f"{name} exists already"
                self.files[name] = bytearray()
            case Write(name, chunks):
                self.files[name] += b"".join(chunks)
            case TruncateFile(name, size):
                del self.files[name][size:]
                self.durable[name] = size
            case RemoveFile(name):
                del self.files[name]
                self.durable.pop(name, None)

    def _domain_loaded(self, name: str) -> DomainLoaded:
        return DomainLoaded(
            name, self.domains.get(name) or DomainNotFound(f"etc/domains/{name}.json")
        )

    def load_pending(self) -> list[Effect]:
        """Answer the LoadDomain effects that wait."""
        names, self.pending_loads = self.pending_loads, []
        return self.step(*map(self._domain_loaded, names))

    def finish_reads(self) -> list[Effect]:
        """Answer the reads that wait."""
        return self.step(*self._finish_reads())

    def _finish_reads(self) -> list[Input]:
        reads, self.pending_reads = self.pending_reads, []
        return [self._read_done(read, data) for read, data in reads]

    def _read_done(self, read: Read, data: bytearray) -> ReadDone:
        if read.name in self.unreadable:
            return ReadDone(read.token, OperatorError(f"{read.name}: input/output error"))
        parts = [bytes(data[start : start + length]) for start, length in read.ranges]
        return ReadDone(read.token, tuple(parts))

    def finish_syncs(self) -> list[Effect]:
        """Complete the syncs that wait."""
        return self.step(*self._finish_syncs())

    def _finish_syncs(self) -> list[Input]:
        syncs, self.pending_syncs = self.pending_syncs, []
        for sync in syncs:
            if sync.name in self.files:
                self.durable[sync.name] = len(self.files[sync.name])
        tokens = [sync.token for sync in syncs if sync.token]
        self.durable_token = max([self.durable_token, *tokens])
        for wire in list(self.wires.values()):
            wire.release()
        return [Synced(token) for token in tokens]

    # Peers.

    def connect(self) -> Wire:
        """Open a raw connection."""
        self._connections += 1
        wire = self.wires[self._connections] = Wire(self, self._connections)
        self.step(Opened(wire.number, f"127.0.0.1:{4000 + wire.number}"))
        return wire

    def session(self) -> Wire:
        """Open a raw connection and introduce ourselves."""
        wire = self.connect()
        wire.negotiate()
        return wire

    def settle(self) -> None:
        """Carry bytes between the broker and the peers until nobody has more to say."""
        for _ in range(_ROUNDS_MAX):
            moved = [peer.pump() for peer in self.peers]
            if not any(moved):
                return
        raise AssertionError("broker and clients do not come to rest")

    def advance(self, count: float) -> None:
        """Let `count` seconds pass, stopping at each deadline on the way."""
        end = self.now + seconds(count)
        for _ in range(_ROUNDS_MAX):
            deadlines = [peer.session.next_deadline() for peer in self.peers]
            deadlines.append(self.broker.next_deadline())
            due = [instant for instant in deadlines if instant is not None]
            self.now = Instant(min([end, *(max(instant, self.now) for instant in due)]))
            for peer in self.peers:
                peer.tick()
            self.step()
            self.settle()
            if self.now >= end:
                return
        raise AssertionError("the deadlines never pass")

    def has_stopped(self) -> bool:
        """Return whether the graceful stop is complete."""
        return self._is_stopped

    def admin(self, command: str) -> AdminResult:
        """Execute an operator's command, which must be answered at once."""
        self._commands += 1
        effects = self.step(AdminCommand(self._commands, command))
        (result,) = [effect for effect in effects if isinstance(effect, AdminResult)]
        assert result.token == self._commands
        return result

    def alarms(self) -> list[str]:
        """Return the alarms and panics so far."""
        return [text for text in self.logs() if text.startswith(("ALARM [", "PANIC ["))]

    def logs(self) -> list[str]:
        """Return the messages of all log records so far."""
        return [effect.message for effect in self.journal if isinstance(effect, Log)]

    def restarted(self, **options: Any) -> World:
        """Return a new broker on this one's files, as after SIGKILL, a second later."""
        names = [d for d in self.domains.values() if isinstance(d, DomainConfig)]
        files = {name: bytes(content) for name, content in self.files.items()}
        return World(names, **{"files": files, "now": self.now + seconds(1), **options})


class Peer:
    """A client session on a connection to the world's broker."""

    def __init__(
        self, world: World, name: str = "alice", *, encoding: Encoding = Encoding.BER, **facts: Any
    ) -> None:
        self.world = world
        client_id = name.encode()[:6].ljust(6, b"_")
        self.session = ClientSession(
            ClientFacts(client_id=client_id, process_name=name, **facts), encoding
        )
        self.wire: Wire | None = None
        self.errors: list[str] = []
        self.events: list[ClientEvent] = []
        self._queues: list[_queues.ClientQueue] = []
        world.peers.append(self)

    def connect(self) -> Peer:
        """Connect and settle."""
        self.wire = self.world.connect()
        self.session.connected(self.world.now)
        self.world.settle()
        return self

    def lose(self) -> None:
        """Break the connection; both sides notice."""
        assert self.wire is not None
        wire, self.wire = self.wire, None
        self.session.disconnected(self.world.now, "cut")
        if not wire.is_closed:
            wire.close()
        self.world.settle()

    def pump(self) -> bool:
        """Carry bytes both ways once; returns whether there were any."""
        moved = False
        wire = self.wire
        if wire is not None:
            out = self.session.data_to_send()
            if out and not wire.is_closed:
                wire.send(b"".join(out))
            data = wire.take()
            if data:
                self._guard(lambda: self.session.received(self.world.now, data))
            if wire.is_closed and self.wire is wire:
                self.wire = None
                self.session.disconnected(self.world.now, "closed by the broker")
            moved = bool(out or data)
        self.events += self.session.take_events()
        return moved

    def tick(self) -> None:
        """Let the session look at the clock."""
        self._guard(lambda: self.session.tick(self.world.now))

    def _guard(self, action: Any) -> None:
        try:
            action()
        except PeerError as error:
            self.errors.append(str(error))
            self.lose()

    # Verbs that settle.

    def open(
        self, uri: str, *, read: bool | QueueOptions = False, write: bool = False
    ) -> tuple[_queues.ClientQueue, Request]:
        """Open a queue and wait for the outcome."""
        options = QueueOptions() if read is True else read or None
        queue, request = self.session.open_queue(self.world.now, uri, options, is_writer=write)
        self.world.settle()
        return queue, request

    def post(self, queue: _queues.ClientQueue, *payloads: bytes, **options: Any) -> list[bytes]:
        """Post messages and settle; returns their GUIDs."""
        guids = self.session.post(self.world.now, queue, payloads, **options)
        self.world.settle()
        return guids

    def confirm(self, queue: _queues.ClientQueue, *guids: bytes) -> None:
        """Confirm messages and settle."""
        self.session.confirm(queue, list(guids))
        self.world.settle()

    def take(self) -> list[ClientEvent]:
        """Return the events since the last call."""
        events, self.events = self.events, []
        return events

    def messages(self) -> list[_queues.Message]:
        """Return the messages that were delivered since the last call of a taking method."""
        return [m for e in self.take() if isinstance(e, MessagesReceived) for m in e.messages]

    def payloads(self) -> list[bytes]:
        """Return the payloads of `messages`."""
        return [message.payload for message in self.messages()]

    def acks(self) -> list[tuple[bytes, int]]:
        """Return (GUID, status) of the acknowledgements since the last call."""
        batches = [event.acks for event in self.take() if isinstance(event, AcksReceived)]
        return [(ack.guid, int(ack.status)) for acks in batches for ack in acks]

    def outcomes(self) -> list[Request]:
        """Return the requests that were settled since the last call."""
        return [event.request for event in self.take() if isinstance(event, RequestDone)]


def identity_of(**members: Any) -> ClientIdentity:
    """Return the identity of a C++ client that makes GUIDs, with some members replaced."""
    return ClientIdentity(
        **{
            "protocol_version": 1,
            "client_type": ClientType.E_TCPCLIENT,
            "process_name": "raw",
            "pid": 1,
            "features": CLIENT_FEATURES,
            "guid_info": GuidInfo(client_id="0123456789AB"),
            **members,
        }
    )


def control_event(
    message: ControlMessage | NegotiationMessage, encoding: Encoding = Encoding.BER
) -> bytes:
    """Return a whole CONTROL event."""
    payload = pad(encode_message(message, encoding))
    return event_header(EventType.CONTROL, len(payload), encoding << 5) + payload


def decode_control(event: Event) -> ControlMessage:
    """Return the control message of an event."""
    assert event.type == EventType.CONTROL, event
    return decode_message(ControlMessage, event.encoding, event.body)
