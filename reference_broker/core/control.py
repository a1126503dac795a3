"""Control requests of an established session: open, configure, close, disconnect (WIRE 9.3 to 9.5).

The checks come in the peer's order and answer with the peer's categories, codes and texts.

Opening may have to wait for the domain's configuration. Until it is there the session's later
events wait too, so that what a client pipelines behind an open means the same however fast the
configuration comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from reference_broker.base import OperatorError, QueueUri, UriError
from reference_broker.base.limits import (
    QUEUE_ID_RESERVED_MIN,
    QUEUES_MAX,
    QUEUES_PER_SESSION_MAX,
    SUBSCRIPTIONS_PER_STREAM_MAX,
)
from reference_broker.config import (
    DomainConfig,
    DomainNotFound,
    Durability,
    StorageKind,
)
from reference_broker.core.context import Context
from reference_broker.core.state import DomainEntry, Handle, QueueEntry, Session, SubStream
from reference_broker.ports import LoadDomain, Severity
from reference_broker.queue import Queue, Stream, SubscriptionSpec, Usage
from reference_broker.wire.control import (
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStream,
    ConfigureQueueStreamResponse,
    ConfigureStream,
    ConfigureStreamResponse,
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    RoutingConfiguration,
    Status,
    StatusCategory,
)

FLAG_READ: Final = 2
FLAG_WRITE: Final = 4
#: Routing flags of priority mode: DELIVER_CONSUMER_PRIORITY.
_PRIORITY_ROUTING: Final = 2
_PRIORITY_INVALID: Final = -(2**31)
_STOPPING: Final = -11
_UNKNOWN_PERMANENT: Final = -10
_LIMIT: Final = -205

_E = StatusCategory
_Pending: TypeAlias = tuple[Session, int, OpenQueue, QueueUri]


class _RefusalError(Exception):
    """A request is answered with a status."""

    def __init__(self, category: StatusCategory, code: int, message: str) -> None:
        super().__init__(message)
        self.status = Status(category, code, message)


class ControlDesk:
    """Answer the requests of established sessions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._next_queue_number = 1
        #: Opens that wait for a domain, by its qualified name.
        self._waiting: dict[str, list[_Pending]] = {}
        self._actions: dict[type, Callable[[Session, int, object], None]] = {
            OpenQueue: self._open,
            ConfigureStream: self._configure_stream,
            ConfigureQueueStream: self._configure_queue_stream,
            CloseQueue: self._close_queue,
            Disconnect: self._disconnect,
        }

    def handle(self, session: Session, message: ControlMessage) -> None:
        """Answer one request; invalid ones are logged and ignored, as the peer does."""
        action = self._actions.get(type(message.choice))
        if message.r_id is None or message.r_id < 0 or action is None:
            name = type(message.choice).__name__
            text = f"{session}: control message ignored: rId {message.r_id}, choice {name}"
            self._context.note(Severity.WARN, text)
            return
        try:
            action(session, message.r_id, message.choice)
        except _RefusalError as refusal:
            self._refuse(session, message.r_id, refusal)

    def _refuse(self, session: Session, r_id: int, refusal: _RefusalError) -> None:
        self._context.note(Severity.INFO, f"{session}: request {r_id} refused: {refusal}")
        self._context.answer(session, r_id, refusal.status)

    # Opening.

    def _open(self, session: Session, r_id: int, request: object) -> None:
        assert isinstance(request, OpenQueue)
        uri = _check_open(request.handle_parameters)
        pending = (session, r_id, request, uri)
        if uri.qualified_domain in self._context.domains:
            self._open_in_domain(*pending)
            return
        session.is_loading = True
        waiting = self._waiting.setdefault(uri.qualified_domain, [])
        if not waiting:
            self._context.add(LoadDomain(uri.qualified_domain))
        waiting.append(pending)

    def know_domain(self, name: str, outcome: DomainConfig | OperatorError) -> DomainEntry | None:
        """Remember a domain's configuration, if it is one that can be served."""
        if not isinstance(outcome, DomainConfig) or outcome.unsupported_reason():
            self._context.note(Severity.ERROR, f"domain {name} cannot be used: {outcome}")
            return None
        limits = outcome.domain_limits
        usage = Usage(limits.messages, limits.bytes)
        return self._context.domains.setdefault(name, DomainEntry(outcome, usage))

    def go_on(self, name: str, outcome: DomainConfig | OperatorError) -> list[Session]:
        """Go on with the opens that wait for a domain; returns the sessions that may go on."""
        sessions: list[Session] = []
        for session, r_id, request, uri in self._waiting.pop(name, []):
            session.is_loading = False
            if session.connection not in self._context.sessions or session.ignores_input():
                continue  # it is gone, or was given up while it waited
            sessions.append(session)
            try:
                if name not in self._context.domains:
                    raise _domain_refusal(name, outcome)
                self._open_in_domain(session, r_id, request, uri)
            except _RefusalError as refusal:
                self._refuse(session, r_id, refusal)
        return sessions

    def _open_in_domain(
        self, session: Session, r_id: int, request: OpenQueue, uri: QueueUri
    ) -> None:
        context = self._context
        parameters = request.handle_parameters
        domain = context.domains[uri.qualified_domain]
        if context.is_stopping:
            raise _RefusalError(_E.E_REFUSED, _STOPPING, "Self node is stopping.")
        entry = context.queues.get(uri.canonical)
        maximum = domain.config.max_queues or QUEUES_MAX
        if entry is None and (domain.queues >= maximum or len(context.queues) >= QUEUES_MAX):
            raise _RefusalError(_E.E_REFUSED, _LIMIT, "maximum number of queues reached")
        handle = session.handles.get(parameters.q_id)
        if handle is not None and handle.uri.canonical != uri.canonical:
            text = "queueId is already in use for a different queue"
            raise _RefusalError(_E.E_INVALID_ARGUMENT, -1, text)
        if handle is None and len(session.handles) >= QUEUES_PER_SESSION_MAX:
            text = f"a session opens at most {QUEUES_PER_SESSION_MAX} queues"
            raise _RefusalError(_E.E_REFUSED, -1, text)
        _check_domain_limits(domain.config, parameters, entry)
        if entry is None:
            entry = self.create_queue(uri, domain)
        if handle is None:
            handle = Handle(parameters.q_id, uri, entry)
            session.handles[parameters.q_id] = handle
        self._attach(session, handle, parameters)
        context.answer(
            session,
            r_id,
            OpenQueueResponse(
                original_request=request,
                routing_configuration=RoutingConfiguration(flags=_PRIORITY_ROUTING),
                deduplication_time_ms=domain.config.deduplication_ms,
            ),
        )
        context.note(Severity.INFO, f"{session}: opened {parameters.uri}", queue_id=parameters.q_id)

    def _attach(self, session: Session, handle: Handle, parameters: QueueHandleParameters) -> None:
        sub_id = parameters.sub_id_info.sub_id if parameters.sub_id_info else 0
        app_id = parameters.sub_id_info.app_id if parameters.sub_id_info else "__default"
        sub_stream = handle.sub_streams.setdefault(sub_id, SubStream(app_id, None))
        if parameters.write_count and not handle.is_writer:
            handle.is_writer = True
            handle.entry.producers += 1
        if parameters.read_count and sub_stream.stream is None:
            sub_stream.stream = Stream(session.connection, handle.queue_id, sub_id)
            sub_stream.stream.is_paused = session.is_congested
            sub_stream.stream.is_inflating = not session.reads_new_properties
            handle.entry.queue.attach(sub_stream.stream)

    def create_queue(self, uri: QueueUri, domain: DomainEntry, number: int = 0) -> QueueEntry:
        """Bring a queue into being.

        Args:
            uri: its URI; only the canonical part counts.
            domain: its domain.
            number: its number in the log, when it comes from there.
        """
        context = self._context
        config = domain.config
        limits = Usage(config.queue_limits.messages, config.queue_limits.bytes)
        deduplication_ns = config.deduplication_ms * 1_000_000
        entry = QueueEntry(
            queue=Queue(uri, limits, domain.usage, deduplication_ns),
            domain=domain,
            number=number or self._next_queue_number,
            is_logged=config.storage is StorageKind.FILE_BACKED,
            is_synced=config.storage is StorageKind.FILE_BACKED
            and config.durability is Durability.FSYNC,
        )
        self.reserve_queue_numbers(entry.number)
        domain.queues += 1
        context.queues[uri.canonical] = entry
        if entry.is_logged and not number:
            context.add(*context.log.append_queue(entry.number, uri))
        return entry

    def reserve_queue_numbers(self, highest: int) -> None:
        """Give no number up to `highest` to a new queue: the log knows queues by them."""
        self._next_queue_number = max(self._next_queue_number, highest + 1)

    # Configuring.

    def _configure_stream(self, session: Session, r_id: int, request: object) -> None:
        assert isinstance(request, ConfigureStream)
        parameters = request.stream_parameters
        handle = _handle(session, request.q_id)
        stream = _stream_of_app(handle, parameters.app_id)
        if sum([len(s.consumers) for s in parameters.subscriptions]) > SUBSCRIPTIONS_PER_STREAM_MAX:
            text = f"a stream has at most {SUBSCRIPTIONS_PER_STREAM_MAX} consumers"
            raise _RefusalError(_E.E_INVALID_ARGUMENT, -1, text)
        specs: list[SubscriptionSpec] = []
        for subscription in parameters.subscriptions:
            if subscription.expression.text:
                text = "subscription expressions are not available in this version"
                raise _RefusalError(_E.E_NOT_SUPPORTED, -1, text)
            for number, consumer in enumerate(subscription.consumers):
                spec = SubscriptionSpec(
                    key=f"{len(specs)}/{number}",
                    push_id=subscription.s_id,
                    priority=consumer.consumer_priority,
                    weight=consumer.consumer_priority_count,
                    messages_max=consumer.max_unconfirmed_messages,
                    bytes_max=consumer.max_unconfirmed_bytes,
                )
                specs.append(_checked(spec))
        self._reconfigure(handle, stream, specs)
        self._context.answer(session, r_id, ConfigureStreamResponse(request=request))

    def _configure_queue_stream(self, session: Session, r_id: int, request: object) -> None:
        assert isinstance(request, ConfigureQueueStream)
        parameters = request.stream_parameters
        handle = _handle(session, request.q_id)
        sub_id = parameters.sub_id_info.sub_id if parameters.sub_id_info else 0
        sub_stream = handle.sub_streams.get(sub_id)
        if sub_stream is None or sub_stream.stream is None:
            raise _RefusalError(_E.E_UNKNOWN, 0, "No queue with specified appId")
        spec = SubscriptionSpec(
            key="0/0",
            push_id=sub_id,
            priority=parameters.consumer_priority,
            weight=parameters.consumer_priority_count,
            messages_max=parameters.max_unconfirmed_messages,
            bytes_max=parameters.max_unconfirmed_bytes,
        )
        specs = [spec for spec in [_checked(spec)] if spec.priority != _PRIORITY_INVALID]
        self._reconfigure(handle, sub_stream.stream, specs)
        self._context.answer(session, r_id, ConfigureQueueStreamResponse(request=request))

    def _reconfigure(self, handle: Handle, stream: Stream, specs: list[SubscriptionSpec]) -> None:
        stream.configure(tuple(s for s in specs if s.priority != _PRIORITY_INVALID))
        handle.entry.queue.refresh()
        self._context.dirty[handle.entry] = None

    # Closing.

    def _close_queue(self, session: Session, r_id: int, request: object) -> None:
        assert isinstance(request, CloseQueue)
        parameters = request.handle_parameters
        handle = _handle(session, parameters.q_id)
        sub_id = parameters.sub_id_info.sub_id if parameters.sub_id_info else 0
        if sub_id not in handle.sub_streams:
            text = "No subStream of the queue with specified subId"
            raise _RefusalError(_E.E_UNKNOWN, 0, text)
        if not parameters.read_count and not parameters.write_count:
            text = "At least one of ([read|write]) Count must be >0"
            raise _RefusalError(_E.E_INVALID_ARGUMENT, 0, text)
        sub_stream = handle.sub_streams[sub_id]
        if parameters.read_count and sub_stream.stream is not None:
            self._detach(session, handle, sub_stream)
        if parameters.write_count and handle.is_writer:
            handle.is_writer = False
            handle.entry.producers -= 1
        if sub_stream.stream is None and (sub_id or not handle.is_writer):
            del handle.sub_streams[sub_id]
        if request.is_final or not handle.sub_streams:
            self._drop_handle(session, handle)
        self._context.answer(session, r_id, CloseQueueResponse())
        self._context.note(Severity.INFO, f"{session}: closed {parameters.uri}")

    def _detach(self, session: Session, handle: Handle, sub_stream: SubStream) -> None:
        assert sub_stream.stream is not None
        returned = handle.entry.queue.detach(sub_stream.stream)
        sub_stream.stream = None
        self._context.dirty[handle.entry] = None
        if returned:
            text = f"{session}: {returned} unconfirmed messages of {handle.uri} go back"
            self._context.note(Severity.INFO, text)

    def _drop_handle(self, session: Session, handle: Handle) -> None:
        for sub_stream in handle.sub_streams.values():
            if sub_stream.stream is not None:
                self._detach(session, handle, sub_stream)
        if handle.is_writer:
            handle.entry.producers -= 1
        session.handles.pop(handle.queue_id, None)

    def drop_all(self, session: Session) -> None:
        """Give back everything that a session has opened."""
        for handle in list(session.handles.values()):
            self._drop_handle(session, handle)

    def _disconnect(self, session: Session, r_id: int, _request: object) -> None:
        self.drop_all(session)
        self._context.answer(session, r_id, DisconnectResponse())
        session.has_disconnected = True
        self._context.note(Severity.INFO, f"{session}: disconnected")


def _check_open(parameters: QueueHandleParameters) -> QueueUri:
    """Check what needs no domain, in the order of WIRE 9.4."""
    invalid = _E.E_INVALID_ARGUMENT
    try:
        uri = QueueUri.parse(parameters.uri)
    except UriError as error:
        raise _RefusalError(_E.E_REFUSED, 0, str(error)) from error
    reads, writes = parameters.read_count > 0, parameters.write_count > 0
    if not (parameters.read_count or parameters.write_count or parameters.admin_count):
        raise _RefusalError(invalid, 0, "At least one of ([read|write]) Count must be >0")
    if parameters.admin_count:
        raise _RefusalError(invalid, 0, "adminCount must be 0")
    if parameters.read_count < 0 or parameters.write_count < 0:
        raise _RefusalError(invalid, 0, "readCount and writeCount must not be negative")
    if bool(parameters.flags & FLAG_READ) is not reads:
        raise _RefusalError(invalid, 0, "Read flag and readCount must both be set accordingly")
    if bool(parameters.flags & FLAG_WRITE) is not writes:
        raise _RefusalError(invalid, 0, "Write flag and writeCount must both be set accordingly")
    if parameters.q_id >= QUEUE_ID_RESERVED_MIN:
        raise _RefusalError(invalid, 0, "qId must not be set from the reserved queue ids range")
    if writes and parameters.sub_id_info is not None:
        text = "AppId should not be specified in the URI if queue is opened in write mode"
        raise _RefusalError(invalid, 0, text)
    return uri


def _check_domain_limits(
    config: DomainConfig, parameters: QueueHandleParameters, entry: QueueEntry | None
) -> None:
    if parameters.read_count and parameters.sub_id_info is not None:
        text = "AppId should not be specified when opening a non-fanout queue"
        raise _RefusalError(_E.E_UNKNOWN, -1, text)
    consumers, producers = (entry.consumers, entry.producers) if entry else (0, 0)
    for adds, have, limit, noun in (
        (parameters.read_count, consumers, config.max_consumers, "consumer"),
        (parameters.write_count, producers, config.max_producers, "producer"),
    ):
        if adds and limit and have >= limit:
            text = f"Client would exceed the limit of {limit} {noun}(s)"
            raise _RefusalError(_E.E_UNKNOWN, -1, text)


def _domain_refusal(name: str, outcome: DomainConfig | OperatorError) -> _RefusalError:
    if isinstance(outcome, DomainNotFound):
        return _RefusalError(_E.E_UNKNOWN, -1, str(outcome))
    if isinstance(outcome, DomainConfig):
        text = f"Domain '{name}': {outcome.unsupported_reason()}"
        return _RefusalError(_E.E_REFUSED, _UNKNOWN_PERMANENT, text)
    text = (
        "Attempt failed. Details: ConfigProvider failed to load domain config "
        f"[ domain = '{name}' configProviderError = '{outcome}' ]"
    )
    return _RefusalError(_E.E_REFUSED, _UNKNOWN_PERMANENT, text)


def _handle(session: Session, queue_id: int) -> Handle:
    handle = session.handles.get(queue_id)
    if handle is None:
        raise _RefusalError(_E.E_UNKNOWN, 0, "No queue with specified Id")
    return handle


def _stream_of_app(handle: Handle, app_id: str) -> Stream:
    for sub_stream in handle.sub_streams.values():
        if sub_stream.app_id == app_id and sub_stream.stream is not None:
            return sub_stream.stream
    raise _RefusalError(_E.E_UNKNOWN, 0, "No queue with specified appId")


def _checked(spec: SubscriptionSpec) -> SubscriptionSpec:
    """Check the pairing of priority and count, and keep what is out of range harmless."""
    if (spec.priority == _PRIORITY_INVALID) is not (spec.weight == 0):
        text = "Attempting to configure stream with invalid priority."
        raise _RefusalError(_E.E_UNKNOWN, -1, text)
    return spec._replace(
        weight=max(spec.weight, 1),
        messages_max=max(spec.messages_max, 0),
        bytes_max=max(spec.bytes_max, 0),
    )
