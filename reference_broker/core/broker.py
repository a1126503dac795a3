"""The broker: inputs in, effects out.

`step` is all there is. It takes what happened since the last step, in order, lets the parts of the
core act, serves the consumers of whatever changed, and returns what the world must do. One step
should carry everything that is ready: consumers are served and peers written to once per step.

Everything a peer can do wrong ends in `PeerError` and closes that peer's connection alone.
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
    HANDSHAKE_SECONDS_MAX,
)
from reference_broker.config import DomainConfig
from reference_broker.core.context import Context
from reference_broker.core.control import ControlDesk
from reference_broker.core.deliver import Deliverer
from reference_broker.core.publish import Publisher
from reference_broker.core.restore import Restorer
from reference_broker.core.state import Phase, Session
from reference_broker.ports import (
    Closed,
    Congested,
    DomainLoaded,
    Drained,
    Effect,
    Input,
    Opened,
    Received,
    Recovered,
    Severity,
    Stop,
    Stopped,
    Synced,
)
from reference_broker.session import (
    BrokerFacts,
    Heartbeat,
    HeartbeatMonitor,
    authenticate,
    check_reauthentication,
    negotiate,
)
from reference_broker.storage import PartitionLog
from reference_broker.storage.log import SEGMENT_BYTES_DEFAULT
from reference_broker.wire import HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE, Event, EventType, Features
from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    Encoding,
    NegotiationMessage,
    decode_message,
)

#: Seconds between two rounds in which idle queues forget GUIDs.
_EXPIRY_SECONDS: Final = 60


class BrokerStatistics(NamedTuple):
    """A snapshot of the whole broker."""

    sessions: int
    queues: int
    messages: int
    bytes: int
    unconfirmed: int


class Broker:
    """A one-node broker as a pure machine.

    Args:
        facts: what it says of itself.
        guid_client_id: 6 bytes for the GUIDs it makes for producers that make none.
        segment_bytes_max: size in bytes from which a log segment is closed.
        connections_max: how many connections are served at once.
        stop_timeout_ms: how long a graceful stop waits for consumers to confirm, milliseconds.
    """

    def __init__(
        self,
        facts: BrokerFacts,
        *,
        guid_client_id: bytes = b"broker",
        segment_bytes_max: int = SEGMENT_BYTES_DEFAULT,
        connections_max: int = CONNECTIONS_MAX,
        stop_timeout_ms: int = 20_000,
    ) -> None:
        log = PartitionLog(0, segment_bytes_max)
        self._context = Context(facts, log, GuidGenerator(guid_client_id))
        self._connections_max = connections_max
        self._stop_timeout = milliseconds(stop_timeout_ms)
        self._stop_at: Instant | None = None
        self._is_stopped = False
        self._session_count = 0
        self._next_look: Instant | None = None
        self._next_expiry = Instant(0)
        self._control = ControlDesk(self._context)
        self._restorer = Restorer(self._context, self._control, segment_bytes_max)
        self._publisher = Publisher(self._context)
        self._deliverer = Deliverer(self._context)
        self._actions: dict[type, Callable[..., None]] = {
            Received: self._received,
            Opened: self._opened,
            Closed: self._closed,
            Congested: self._congested,
            Drained: self._drained,
            Synced: self._synced,
            DomainLoaded: self._domain_loaded,
            Recovered: self._recovered,
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
            StorageCorruptionError: only from `Recovered`: the log cannot be used.
        """
        context = self._context
        context.begin(now, wall_ns)
        for item in inputs:
            self._actions[type(item)](*item)
        if context.dirty:
            self._deliverer.deliver_all()
        if self._next_look is not None and now >= self._next_look:
            self._look_around()
        if self._stop_at is not None:
            self._go_on_stopping()
        return context.finish()

    def next_deadline(self) -> Instant | None:
        """Return when to step again at the latest, although nothing happened; None for never."""
        if self._context.dirty:
            return self._context.now  # there is more to deliver than one step hands out
        if self._stop_at is not None and not self._is_stopped:
            return min(self._next_look or self._stop_at, self._stop_at)
        return self._next_look

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
        self._control.drop_all(session)
        self._context.note(Severity.INFO, f"{session}: connection closed: {reason}")

    def _congested(self, connection: int) -> None:
        self._set_congested(connection, is_congested=True)

    def _drained(self, connection: int) -> None:
        self._set_congested(connection, is_congested=False)

    def _set_congested(self, connection: int, *, is_congested: bool) -> None:
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
        if session.is_loading:
            self._hold(session, data)
            return
        try:
            for event in session.reader.feed(data):
                self._take(session, event)
                if session.ignores_input():
                    return
        except PeerError as error:
            self._give_up(session, str(error))

    def _hold(self, session: Session, data: bytes) -> None:
        """Keep bytes of a session whose open waits for a domain."""
        session.held_bytes += data
        held = len(session.held_bytes)
        if held > EVENT_BYTES_MAX:
            rule = f"at most {EVENT_BYTES_MAX} bytes are kept while a queue is being opened"
            self._give_up(session, f"{held} bytes sent behind an openQueue request, but {rule}")

    def _give_up(self, session: Session, reason: str) -> None:
        """Close the connection of a peer that broke the protocol; nobody else notices."""
        self._context.note(Severity.ERROR, f"{session}: {reason}; closing the connection")
        self._control.drop_all(session)
        self._context.close(session, reason)

    # Events.

    def _take(self, session: Session, event: Event) -> None:
        if session.is_loading:
            session.held_events.append(event)
        else:
            self._event(session, event)

    def _event(self, session: Session, event: Event) -> None:
        event_type = event.type
        if session.phase is Phase.HANDSHAKE:
            self._handshake(session, event)
        elif event_type == EventType.PUT:
            self._publisher.handle(session, event)
        elif event_type == EventType.CONFIRM:
            self._deliverer.confirm(session, event)
        elif event_type == EventType.CONTROL:
            self._request(session, event)
        elif event_type == EventType.HEARTBEAT_REQ:
            self._context.send(session, HEARTBEAT_RESPONSE)
        elif event_type == EventType.AUTHENTICATION:
            self._authenticate(session, event)
        elif event_type != EventType.HEARTBEAT_RSP:
            raise PeerError(f"{event} is nothing that a client sends")

    def _request(self, session: Session, event: Event) -> None:
        if event.end - event.start > CONTROL_EVENT_BYTES_MAX:
            size = event.end - event.start
            rule = f"at most {CONTROL_EVENT_BYTES_MAX} are accepted"
            raise PeerError(f"a control event of {size} bytes, but {rule}")
        message = decode_message(ControlMessage, event.encoding, event.body)
        self._control.handle(session, message)

    def _handshake(self, session: Session, event: Event) -> None:
        if event.type == EventType.AUTHENTICATION and not session.is_authenticated:
            self._authenticate(session, event)
            return
        if event.type != EventType.CONTROL:
            raise PeerError(f"{event} before the session is negotiated")
        message = decode_message(NegotiationMessage, event.encoding, event.body)
        context = self._context
        identity, acceptance = negotiate(
            message.choice, session.peer, context.facts, session.number
        )
        session.identity = identity
        features = Features.parse(identity.features)
        session.encoding = Encoding.JSON if features.wants_json else Encoding.BER
        context.send_control(session, NegotiationMessage(choice=acceptance.response))
        if acceptance.is_established:
            session.phase = Phase.OPEN
            session.reader.event_bytes_max = EVENT_BYTES_MAX
            session.makes_guids = bool(identity.guid_info.client_id)
            session.reads_new_properties = features.message_properties_ex
        if acceptance.close_reason:
            self._give_up(session, acceptance.close_reason)
            return
        interval = milliseconds(context.facts.heartbeat_interval_ms)
        misses_max = context.facts.heartbeat_misses_max
        session.heartbeat = HeartbeatMonitor(context.now, interval, misses_max)
        if session.heartbeat.next_look is not None:
            self._look_by(session.heartbeat.next_look)
        context.note(Severity.INFO, f"{session}: negotiated", features=identity.features)

    def _authenticate(self, session: Session, event: Event) -> None:
        message = decode_message(AuthenticationMessage, event.encoding, event.body)
        if session.phase is Phase.OPEN:
            check_reauthentication(message.choice)
        response, is_accepted = authenticate(message.choice)
        answer = AuthenticationMessage(choice=response)
        session.is_authenticated = True
        encoding, session.encoding = session.encoding, Encoding(event.encoding)
        self._context.send_control(session, answer, EventType.AUTHENTICATION)
        session.encoding = encoding
        if not is_accepted:
            self._give_up(session, response.status.message)

    # Other inputs.

    def _synced(self, token: int) -> None:
        self._context.durable_token = max(self._context.durable_token, token)

    def _domain_loaded(self, name: str, outcome: DomainConfig | OperatorError) -> None:
        domain = self._control.know_domain(name, outcome)
        if domain is not None:
            self._restorer.domain_loaded(name, domain)
        for session in self._control.go_on(name, outcome):
            self._go_on(session)

    def _go_on(self, session: Session) -> None:
        """Take what a session sent while its open was waiting."""
        events, session.held_events = session.held_events, []
        try:
            for position, event in enumerate(events):
                if session.ignores_input():
                    return
                self._event(session, event)
                if session.is_loading:
                    session.held_events = events[position + 1 :]
                    return
        except PeerError as error:
            self._give_up(session, str(error))
            return
        data, session.held_bytes = bytes(session.held_bytes), bytearray()
        self._received(session.connection, data)

    def _recovered(self, segments: tuple[tuple[str, bytes], ...]) -> None:
        assert not self._context.queues, "recovery comes before everything else"
        self._restorer.replay(segments)

    # Time.

    def _look_by(self, instant: Instant) -> None:
        self._next_look = min(self._next_look or instant, instant)

    def _look_around(self) -> None:
        """Send heartbeats, give up silent peers, and find out when to look next."""
        context = self._context
        self._next_look = None
        if context.now >= self._next_expiry:
            self._next_expiry = Instant(context.now + seconds(_EXPIRY_SECONDS))
            for entry in context.queues.values():
                entry.queue.expire_history(context.now)
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
            if session.heartbeat.next_look is not None:
                self._look_by(session.heartbeat.next_look)

    # Stopping.

    def _stop(self) -> None:
        context = self._context
        if self._stop_at is None:
            context.is_stopping = True
            self._stop_at = Instant(context.now + self._stop_timeout)
            for entry in context.queues.values():
                entry.queue.is_serving = False
            context.note(Severity.INFO, "stopping: consumers may confirm what they hold")

    def _go_on_stopping(self) -> None:
        """Wait until consumers have confirmed what they hold, or time is up; then close."""
        assert self._stop_at is not None
        context = self._context
        unconfirmed = self.statistics().unconfirmed
        if self._is_stopped or (unconfirmed and context.now < self._stop_at):
            return
        self._is_stopped = True
        if unconfirmed:
            context.note(Severity.WARN, f"stopped with {unconfirmed} messages unconfirmed")
        for session in context.sessions.values():
            context.close(session, "the broker has stopped")
        if context.log.segments:
            context.want_sync()
        context.add(Stopped())
