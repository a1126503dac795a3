"""The broker: inputs in, effects out.

`step` is all there is. It takes what happened since the last step, in order, lets the parts of the
core act, serves the consumers of whatever changed, and returns what the world must do. One step
should carry everything that is ready: consumers are served and peers written to once per step.

Everything a peer can do wrong ends in `PeerError` and closes that peer's connection alone
[FRAME-19].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from reference_broker.base import (
    GuidGenerator,
    Instant,
    OperatorError,
    PeerError,
    milliseconds,
    seconds,
)
from reference_broker.base.limits import (
    CONNECTIONS_MAX,
    CONTROL_EVENT_BYTES_MAX,
    EVENT_BYTES_MAX,
    HANDSHAKE_EVENT_BYTES_MAX,
    HANDSHAKE_SECONDS_MAX,
    HOT_BYTES_MAX,
    REQUEST_BYTES,
    REQUESTS_PER_SESSION_MAX,
    REQUESTS_PER_STEP_MAX,
    WAITING_BYTES_MAX,
)
from reference_broker.config import (
    AuthenticationConfig,
    ClusterConfig,
    DomainConfig,
    SampleConfig,
)
from reference_broker.core.admin_clusters import ClusterOffice
from reference_broker.core.admin_desk import AdminDesk
from reference_broker.core.admin_domains import DomainOffice
from reference_broker.core.compaction import Compactor
from reference_broker.core.context import Context
from reference_broker.core.control import ControlDesk
from reference_broker.core.deliver import Deliverer
from reference_broker.core.domains import Domains
from reference_broker.core.handshake import Handshake
from reference_broker.core.idleness import IdleWatch
from reference_broker.core.journal import JournalKeeper
from reference_broker.core.paging import Pager
from reference_broker.core.publish import Publisher
from reference_broker.core.restore import Restorer
from reference_broker.core.snapshots import write_snapshot
from reference_broker.core.state import Phase, Session
from reference_broker.core.statistics import StatOffice
from reference_broker.core.upkeep import Upkeep
from reference_broker.ports import (
    AdminCommand,
    Closed,
    Congested,
    DomainLoaded,
    Drained,
    Effect,
    FilesFound,
    Input,
    Opened,
    ReadDone,
    Received,
    Severity,
    Stop,
    Synced,
)
from reference_broker.security import Authenticators
from reference_broker.session import BrokerFacts, Heartbeat, SessionKind
from reference_broker.storage import SEGMENT_BYTES_DEFAULT
from reference_broker.wire import HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE, Event, EventType
from reference_broker.wire.control import AdminCommand as AdminRequest
from reference_broker.wire.control import ControlMessage, decode_message

#: What an admin session has no use for.
#: What is no request: it is not counted, and costs little beside what it carries.
_TRAFFIC_EVENTS: Final = (EventType.PUT, EventType.CONFIRM)
_DATA_EVENTS: Final = (EventType.PUT, EventType.CONFIRM, EventType.REJECT)


class BrokerStatistics(NamedTuple):
    """A snapshot of the whole broker."""

    sessions: int
    queues: int
    messages: int
    bytes: int
    unconfirmed: int


class AdminSettings(NamedTuple):
    """What admin commands show and go by.

    Attributes:
        config_json: the broker's configuration as a JSON text.
        snapshot_seconds: `stats.snapshotInterval`.
    """

    config_json: str = "{}"
    snapshot_seconds: int = 1


class Broker:
    """A one-node broker as a pure machine.

    Args:
        facts: what it says of itself.
        cluster: the cluster that it is the one node of; by default the sample configuration's.
        guid_client_id: 6 bytes for the GUIDs it makes for producers that make none.
        segment_bytes_max: size in bytes from which a log segment is closed.
        hot_bytes_max: what all queues together keep in memory of messages that the log has.
        connections_max: how many connections are served at once.
        authenticators: who is let in; by default everybody, as `anonymous`.
        admin: what admin commands show and go by.
    """

    def __init__(
        self,
        facts: BrokerFacts,
        *,
        cluster: ClusterConfig | None = None,
        guid_client_id: bytes = b"broker",
        segment_bytes_max: int = SEGMENT_BYTES_DEFAULT,
        hot_bytes_max: int = HOT_BYTES_MAX,
        connections_max: int = CONNECTIONS_MAX,
        authenticators: Authenticators | None = None,
        admin: AdminSettings | None = None,
    ) -> None:
        admin = admin or AdminSettings()
        cluster = cluster or SampleConfig().load_clusters().clusters[0]
        context = Context(
            facts, cluster, GuidGenerator(guid_client_id), segment_bytes_max, hot_bytes_max
        )
        self._context = context
        self._connections_max = connections_max
        self._stop_timeout = milliseconds(cluster.shutdown_timeout_ms)
        self._stop_at: Instant | None = None
        self._next_stop_note = Instant(0)
        self._is_stopped = False
        self._session_count = 0
        #: What sessions may still ask in this step, and what each of them has asked already.
        self._requests_left = 0
        self._asked: dict[int, int] = {}
        #: Sessions that have asked enough for one step, in the order in which they go on.
        self._postponed: dict[int, Session] = {}
        #: Bytes of all sessions that wait for the rest of their event or for their turn.
        self._waiting_bytes = 0
        self._next_look: Instant | None = None
        authenticators = authenticators or Authenticators.from_config(AuthenticationConfig())
        self._handshake = Handshake(context, authenticators)
        domains = Domains(context)
        journal = JournalKeeper(context)
        self._domains = domains
        self._control = ControlDesk(context, domains)
        self._restorer = Restorer(context, domains, journal, segment_bytes_max)
        self._publisher = Publisher(context, journal)
        self._pager = Pager(context)
        self._idle_watch = IdleWatch(context)
        self._deliverer = Deliverer(context, self._pager, self._idle_watch, journal)
        self._upkeep = Upkeep(context, domains, self._idle_watch, journal)
        self._compactor = Compactor(context)
        domain_office = DomainOffice(context, domains, journal)
        clusters = ClusterOffice(
            context, self._upkeep, journal, self._restorer.unclaimed, domain_office
        )
        statistics = StatOffice(context, admin.snapshot_seconds)
        self._admin = AdminDesk(context, domain_office, clusters, statistics, admin.config_json)
        self._actions: dict[type, Callable[..., None]] = {
            Received: self._received,
            Opened: self._opened,
            Closed: self._closed,
            Congested: self._congested,
            Drained: self._drained,
            Synced: self._synced,
            DomainLoaded: self._domain_loaded,
            FilesFound: self._restorer.begin,
            ReadDone: self._read_done,
            AdminCommand: self._admin.command,
            Stop: self._stop,
        }

    # The machine.

    def step(self, now: Instant, inputs: Sequence[Input], *, wall_ns: int = 0) -> list[Effect]:
        """Take inputs and return effects.

        Args:
            now: monotonic, never before that of the last step.
            inputs: what happened, in order; none to let time pass.
            wall_ns: wall clock in nanoseconds since the epoch, for stamps.

        Raises:
            OperatorError: only while the log is being recovered: it cannot be used.
        """
        context = self._context
        context.begin(now, wall_ns)
        self._requests_left = REQUESTS_PER_STEP_MAX
        asked, self._asked = self._asked, {}
        self._admin.begin()
        if self._postponed:
            self._go_on_with_postponed(asked)
        for item in inputs:
            self._actions[type(item)](*item)
        if self._handshake.next_look is not None and now >= self._handshake.next_look:
            self._go_on_with_handshakes()
        upkeep_at = self._upkeep.next_look()
        if upkeep_at is not None and now >= upkeep_at:
            self._upkeep.look()
            self._compactor.look()
        if context.dirty:
            self._deliverer.deliver_all()
        if self._next_look is not None and now >= self._next_look:
            self._look_around()
        if self._stop_at is not None:
            self._go_on_stopping()
        return context.finish()

    def next_deadline(self) -> Instant | None:
        """Return when to step again at the latest, although nothing happened; None for never."""
        if self._context.dirty or self._postponed or self._admin.has_work():
            return self._context.now  # there is more to do than one step does
        stop_at = None
        if self._stop_at is not None and not self._is_stopped:
            stop_at = min(self._stop_at, self._next_stop_note)
        upkeep_at = self._upkeep.next_look()
        looks = (self._next_look, self._handshake.next_look, upkeep_at, stop_at)
        return min((look for look in looks if look is not None), default=None)

    def statistics(self) -> BrokerStatistics:
        """Return a snapshot of the counts."""
        context = self._context
        queues = [entry.queue.statistics() for entry in context.queues.values()]
        return BrokerStatistics(
            sessions=len(context.sessions),
            queues=len(queues),
            messages=sum(queue.messages for queue in queues),
            bytes=sum(queue.bytes for queue in queues),
            unconfirmed=sum(queue.unconfirmed for queue in queues),
        )

    # Connections.

    def _opened(self, connection: int, peer: str) -> None:
        context = self._context
        self._session_count += 1
        session = Session(connection, peer, context.now, self._session_count)
        context.sessions[connection] = session
        if len(context.sessions) > self._connections_max:
            self._give_up(session, f"there are {self._connections_max} connections already")
        elif context.is_stopping:
            self._give_up(session, "the broker is stopping")
        self._look_by(Instant(context.now + seconds(HANDSHAKE_SECONDS_MAX)))

    def _closed(self, connection: int, reason: str) -> None:
        session = self._context.sessions.pop(connection, None)
        if session is None:
            return
        session.phase = Phase.PARTED
        self._postponed.pop(connection, None)
        self._waiting_bytes -= session.waiting_bytes
        self._handshake.forget(session)
        # Who is closed because the broker has stopped is not lost.
        self._control.drop_all(session, is_lost=not self._is_stopped)
        self._context.note(Severity.INFO, f"{session}: connection closed: {reason}")

    def _congested(self, connection: int) -> None:
        self._set_congested(connection, is_congested=True)

    def _drained(self, connection: int) -> None:
        self._set_congested(connection, is_congested=False)

    def _set_congested(self, connection: int, *, is_congested: bool) -> None:
        """Pass over who does not read, and nobody else [FLOW-7], until it reads again [FLOW-9]."""
        session = self._context.sessions.get(connection)
        if session is None:
            return
        session.is_congested = is_congested
        for handle in session.handles.values():
            for sub_stream in handle.sub_streams.values():
                if sub_stream.stream is not None:
                    sub_stream.stream.is_paused = is_congested
                    self._context.dirty[handle.entry] = None

    def _received(self, connection: int, data: bytes) -> None:
        session = self._context.sessions.get(connection)
        if session is None or session.ignores_input():
            return
        if session.heartbeat is not None:
            session.heartbeat.heard()
        if session.is_waiting():
            self._hold(session, data)
            self._note_waiting(session)
            return
        try:
            for event in session.reader.feed(data):
                self._take(session, event)
                if session.ignores_input():
                    return
        except PeerError as error:
            self._give_up(session, str(error))
        self._note_waiting(session)

    def _hold(self, session: Session, data: bytes) -> None:
        """Keep bytes of a session that waits for its turn, a domain or an authenticator."""
        is_open = session.phase is Phase.OPEN
        held_max = EVENT_BYTES_MAX if is_open else HANDSHAKE_EVENT_BYTES_MAX
        session.held_bytes += data
        held = len(session.held_bytes)
        if held > held_max:
            request = "a request" if is_open else "an authentication request"
            rule = f"at most {held_max} bytes are kept until it is answered"
            self._give_up(session, f"{held} bytes sent behind {request}, but {rule}")

    def _note_waiting(self, session: Session) -> None:
        """Count the bytes that wait; whoever has most of them goes when they are too many."""
        waiting = session.reader.buffered_bytes + len(session.held_bytes)
        self._waiting_bytes += waiting - session.waiting_bytes
        session.waiting_bytes = waiting
        if self._waiting_bytes <= WAITING_BYTES_MAX:
            return
        sessions = self._context.sessions.values()
        largest = max(sessions, key=lambda other: other.waiting_bytes)
        held, all_held = largest.waiting_bytes, self._waiting_bytes
        largest.discard_input()
        self._waiting_bytes -= held
        rule = f"of all sessions {all_held} do, and at most {WAITING_BYTES_MAX} may"
        self._give_up(largest, f"{held} bytes wait for the rest of their event, but {rule}")

    def _give_up(self, session: Session, reason: str) -> None:
        """Close the connection of a peer that broke the protocol, with an error [FRAME-20]."""
        self._context.note(Severity.ERROR, f"{session}: {reason}; closing the connection")
        self._control.drop_all(session, is_lost=True)
        self._context.close(session, reason)

    # Events.

    def _take(self, session: Session, event: Event) -> None:
        if session.is_waiting():
            session.held_events.append(event)
        elif event.type in _TRAFFIC_EVENTS or self._may_ask(session, event):
            self._event(session, event)
        else:
            session.is_postponed = True
            session.held_events.append(event)
            self._postponed[session.connection] = session

    def _may_ask(self, session: Session, event: Event) -> bool:
        """Tell whether a request still fits into this step; long ones count for several."""
        asked = self._asked.get(session.connection, 0)
        if self._requests_left <= 0 or asked >= REQUESTS_PER_SESSION_MAX:
            return False
        cost = 1 + (event.end - event.start) // REQUEST_BYTES
        self._asked[session.connection] = asked + cost
        self._requests_left -= cost
        return True

    def _go_on_with_postponed(self, asked: dict[int, int]) -> None:
        """Take what sessions want beyond what they `asked` in the last step, the least first."""
        in_turn = sorted(self._postponed, key=lambda connection: asked.get(connection, 0))
        waiting = {connection: self._postponed[connection] for connection in in_turn}
        self._postponed = {}
        for connection in in_turn:
            if self._requests_left <= 0:
                break
            session = waiting.pop(connection)
            session.is_postponed = False
            self._go_on(session)
        self._postponed = waiting | self._postponed

    def _event(self, session: Session, event: Event) -> None:
        """Take one event.

        Heartbeats are answered, whatever they carry [HB-1, HB-3], and answers to them dropped
        [HB-2]; an admin session has no use for messages [CTRL-10].

        Raises:
            PeerError: it is nothing that a client sends [FRAME-14], or cannot be read.
        """
        event_type = event.type
        if session.phase is Phase.HANDSHAKE:
            self._handshake.handle(session, event)
            self._watch_heartbeat(session)
        elif event_type == EventType.CONTROL:
            self._request(session, event)
        elif session.kind is SessionKind.ADMIN and event_type in _DATA_EVENTS:
            text = f"{session}: {event} ignored: it is an admin session"
            self._context.note(Severity.WARN, text)
        elif event_type == EventType.PUT:
            self._publisher.handle(session, event)
        elif event_type == EventType.CONFIRM:
            self._deliverer.confirm(session, event)
        elif event_type == EventType.HEARTBEAT_REQ:
            self._context.send(session, HEARTBEAT_RESPONSE)
        elif event_type == EventType.AUTHENTICATION:
            self._handshake.reauthenticate(session, event)
        elif event_type != EventType.HEARTBEAT_RSP:
            raise PeerError(f"{event} is nothing that a client sends")

    def _request(self, session: Session, event: Event) -> None:
        """Take a control message of an established session.

        The event says how it is written [CTRL-13], the session how it is answered [NEG-3].

        Raises:
            PeerError: it is too large [FRAME-9], or cannot be decoded [CTRL-11]; a second identity
                cannot [NEG-16].
        """
        if event.end - event.start > CONTROL_EVENT_BYTES_MAX:
            size = event.end - event.start
            rule = f"at most {CONTROL_EVENT_BYTES_MAX} are accepted"
            raise PeerError(f"a control event of {size} bytes, but {rule}")
        message = decode_message(ControlMessage, event.encoding, event.body)
        if session.kind is not SessionKind.ADMIN:
            self._control.handle(session, message)
        elif isinstance(message.choice, AdminRequest) and message.r_id is not None:
            self._admin.request(session, message.r_id, message.choice.command)
        else:
            name = type(message.choice).__name__
            text = f"{session}: ignored: an admin session has no use for {name}"
            self._context.note(Severity.WARN, text)

    def _go_on_with_handshakes(self) -> None:
        """Let in or give up the sessions whose authentication is decided or has run out."""
        for session, refusal in self._handshake.look():
            if refusal:
                self._give_up(session, refusal)
            else:
                self._watch_heartbeat(session)
                self._go_on(session)

    # Other inputs.

    def _synced(self, token: int) -> None:
        self._context.durable_token = max(self._context.durable_token, token)

    def _domain_loaded(self, name: str, outcome: DomainConfig | OperatorError) -> None:
        self._context.domain_loaded(name)
        if isinstance(outcome, DomainConfig):
            # A redirect leads to another domain [FILE-6]. One that was a domain itself and has
            # queues on disk stays one, as they are found by its name only.
            actual = name if self._restorer.has_queues_of(name) else outcome.name
            if name not in self._context.domains and actual not in self._context.domains:
                outcome = self._learn(actual, outcome)
        if isinstance(outcome, OperatorError):
            self._context.note(Severity.ERROR, f"domain {name} cannot be used: {outcome}")
        self._admin.domain_loaded(name, outcome)
        for session in self._control.go_on(name, outcome):
            self._go_on(session)
        self._restorer.domain_answered(name)

    def _learn(self, name: str, config: DomainConfig) -> DomainConfig | OperatorError:
        """Begin to use a domain; returns its configuration, or why it cannot be used."""
        conflict = self._restorer.conflict(name, config)
        if conflict is not None:
            return conflict
        try:
            domain = self._domains.learn(name, config)
        except OperatorError as error:
            return error
        self._restorer.domain_loaded(domain)
        return config

    def _go_on(self, session: Session) -> None:
        """Take what a session sent while it waited for its turn, a domain or an authenticator."""
        events, session.held_events = session.held_events, []
        try:
            for event in events:
                if session.ignores_input():
                    return
                self._take(session, event)
        except PeerError as error:
            self._give_up(session, str(error))
            return
        if session.is_waiting():
            return
        data, session.held_bytes = bytes(session.held_bytes), bytearray()
        self._received(session.connection, data)

    def _read_done(self, token: int, outcome: tuple[bytes, ...] | OperatorError) -> None:
        self._context.read_done(token)(outcome)

    # Time.

    def _look_by(self, instant: Instant) -> None:
        self._next_look = min(self._next_look or instant, instant)

    def _watch_heartbeat(self, session: Session) -> None:
        if session.heartbeat is not None and session.heartbeat.next_look is not None:
            self._look_by(session.heartbeat.next_look)

    def _look_around(self) -> None:
        """Send heartbeats, give up silent peers [NEG-19], and find out when to look next."""
        context = self._context
        self._next_look = None
        for session in list(context.sessions.values()):
            if session.phase is Phase.PARTED:
                continue
            if session.heartbeat is None:
                limit = Instant(session.opened_at + seconds(HANDSHAKE_SECONDS_MAX))
                if context.now >= limit:
                    self._give_up(session, f"no identity within {HANDSHAKE_SECONDS_MAX} s")
                else:
                    self._look_by(limit)
                continue
            match session.heartbeat.look(context.now):
                case Heartbeat.ASK:
                    context.send(session, HEARTBEAT_REQUEST)
                case Heartbeat.LOST:
                    misses = session.heartbeat.misses_max
                    self._give_up(session, f"no answer to {misses} heartbeats")
                case Heartbeat.QUIET:
                    pass
            self._watch_heartbeat(session)

    # Stopping.

    def _stop(self) -> None:
        """Begin to stop: deliver nothing more [PROC-8], and wait no longer than is configured [PROC-9]."""
        context = self._context
        if self._stop_at is None:
            context.is_stopping = True
            self._stop_at = Instant(context.now + self._stop_timeout)
            for entry in context.queues.values():
                entry.queue.is_serving = False
            context.note(Severity.INFO, "stopping: consumers may confirm what they hold")

    def _go_on_stopping(self) -> None:
        """Wait until consumers have confirmed what they hold [PROC-7], or time is up; then close."""
        assert self._stop_at is not None
        context = self._context
        if self._is_stopped:
            return
        unconfirmed = self.statistics().unconfirmed
        if unconfirmed and context.now < self._stop_at:
            self._note_stop(unconfirmed)
            return
        self._is_stopped = True
        name = context.cluster.name
        if unconfirmed:
            text = f"Cluster ({name}): giving up on {unconfirmed} unconfirmed message(s)"
            context.note(Severity.WARN, text)
        else:
            context.note(Severity.INFO, f"Cluster ({name}): no unconfirmed message(s)")
        for session in context.sessions.values():
            context.close(session, "the broker has stopped")
        for partition in range(len(context.logs)):
            if context.logs[partition].bytes_since_snapshot:
                write_snapshot(context, partition)
        context.want_sync()
        context.stopped()

    def _note_stop(self, unconfirmed: int) -> None:
        """Tell, once a second, what the stop waits for."""
        context = self._context
        if context.now >= self._next_stop_note:
            self._next_stop_note = Instant(context.now + seconds(1))
            text = f"Cluster ({context.cluster.name}): waiting for {unconfirmed} unconfirmed message(s)"
            context.note(Severity.INFO, text)
