"""Control requests of an established session: open, configure, close, disconnect.

The checks come in the peer's order and answer with the peer's categories, codes and texts.

Opening may have to wait for the domain's configuration. Until it is there the session's later
events wait too, so that what a client pipelines behind an open means the same however fast the
configuration comes [CTRL-4].
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final, TypeAlias

from reference_broker.base import DEFAULT_APP_ID, OperatorError, QueueUri, UriError
from reference_broker.base.limits import (
    QUEUE_ID_RESERVED_MIN,
    QUEUES_PER_SESSION_MAX,
    SUBSCRIPTIONS_PER_STREAM_MAX,
)
from reference_broker.config import DomainConfig, DomainNotFound, Mode
from reference_broker.core.context import Context
from reference_broker.core.domains import Domains
from reference_broker.core.state import DomainEntry, Handle, QueueEntry, Session, SubStream
from reference_broker.expr import ExpressionError, Predicate, compile_expression
from reference_broker.ports import Severity
from reference_broker.queue import Detached, Stream, SubscriptionSpec
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
    Expression,
    ExpressionVersion,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    RoutingConfiguration,
    Status,
    StatusCategory,
)

FLAG_READ: Final = 2
FLAG_WRITE: Final = 4
#: Routing flags by mode [OPEN-2].
_ROUTING: Final = {Mode.PRIORITY: 2, Mode.FANOUT: 10, Mode.BROADCAST: 7}
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

    def __init__(self, context: Context, domains: Domains) -> None:
        self._context = context
        self._domains = domains
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
        """Answer one request, once [CTRL-2]; a refused one changes nothing [CTRL-5].

        Without an rId [CTRL-6], or with a choice that is no client's [CTRL-8, CTRL-9], it is logged
        and ignored, as the peer does.
        """
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
        """Check a request, the URI first [OPEN-23], and find the domain."""
        assert isinstance(request, OpenQueue)
        uri = _check_open(request.handle_parameters)
        pending = (session, r_id, request, uri)
        if uri.qualified_domain in self._context.domains:
            self._open_in_domain(*pending)
            return
        session.is_loading = True
        waiting = self._waiting.setdefault(uri.qualified_domain, [])
        if not waiting:
            self._context.load_domain(uri.qualified_domain)
        waiting.append(pending)

    def go_on(self, name: str, outcome: DomainConfig | OperatorError) -> list[Session]:
        """Go on with the opens that wait for a domain; returns the sessions that may go on."""
        sessions: list[Session] = []
        for session, r_id, request, uri in self._waiting.pop(name, []):
            session.is_loading = False
            if session.connection not in self._context.sessions or session.ignores_input():
                continue  # it is gone, or was given up while it waited
            sessions.append(session)
            try:
                actual = self._actual_uri(uri, outcome)
                self._open_in_domain(session, r_id, request, actual)
            except _RefusalError as refusal:
                self._refuse(session, r_id, refusal)
        return sessions

    def _actual_uri(self, uri: QueueUri, outcome: DomainConfig | OperatorError) -> QueueUri:
        """Return the URI of a queue whose domain was loaded, which a redirect has changed [FILE-6]."""
        name, domains = uri.qualified_domain, self._context.domains
        if name in domains:
            return uri
        if isinstance(outcome, OperatorError) or outcome.name not in domains:
            raise _domain_refusal(name, outcome)
        try:
            return uri.in_domain(outcome.name)
        except UriError as error:
            text = f"no queue can be in '{outcome.name}': {error}"
            raise _domain_refusal(name, OperatorError(text)) from error

    def _open_in_domain(
        self, session: Session, r_id: int, request: OpenQueue, uri: QueueUri
    ) -> None:
        """Open a queue of a domain that is there; one that is not there comes into being [OPEN-5].

        The answer holds the request [OPEN-1], the routing and the deduplication time [OPEN-3]. What
        is refused has changed nothing, so that the qId is still free [OPEN-24]: a queue too many
        [OPEN-22], and a qId that another queue has [OPEN-17].
        """
        context = self._context
        parameters = request.handle_parameters
        domain = context.domains[uri.qualified_domain]
        self._check_state(domain)
        entry = context.queues.get(uri.canonical)
        if entry is None and not self._domains.has_room(domain):
            raise _RefusalError(_E.E_REFUSED, _LIMIT, "maximum number of queues reached")
        handle = session.handles.get(parameters.q_id)
        if handle is not None and handle.uri.canonical != uri.canonical:
            text = "queueId is already in use for a different queue"
            raise _RefusalError(_E.E_INVALID_ARGUMENT, -1, text)
        if handle is None and len(session.handles) >= QUEUES_PER_SESSION_MAX:
            text = f"a session opens at most {QUEUES_PER_SESSION_MAX} queues"
            raise _RefusalError(_E.E_REFUSED, -1, text)
        _check_app(domain.config, parameters)
        _check_domain_limits(domain.config, parameters, entry)
        if entry is None:
            entry = self._domains.create_queue(uri, domain)
        if handle is None:
            handle = Handle(parameters.q_id, uri, entry, parameters)
            session.handles[parameters.q_id] = handle
        self._attach(session, handle, parameters)
        flags = _ROUTING[domain.config.mode]
        context.answer(
            session,
            r_id,
            OpenQueueResponse(
                original_request=request,
                routing_configuration=RoutingConfiguration(flags=flags),
                deduplication_time_ms=domain.config.deduplication_ms,
            ),
        )
        context.note(Severity.INFO, f"{session}: opened {parameters.uri}", queue_id=parameters.q_id)

    def _check_state(self, domain: DomainEntry) -> None:
        """Refuse to open while the broker stops [OPEN-27], or the domain is being removed [REMOVE-3]."""
        if self._context.is_stopping:
            raise _RefusalError(_E.E_REFUSED, _STOPPING, "Self node is stopping.")
        if domain.is_removing:
            text = f"Domain '{domain.name}' is being removed"
            raise _RefusalError(_E.E_REFUSED, _UNKNOWN_PERMANENT, text)

    def _attach(self, session: Session, handle: Handle, parameters: QueueHandleParameters) -> None:
        """Make the client a producer, a consumer, or both [OPEN-4]; for each app by itself [OPEN-6].

        One qId serves a producer and its apps [OPEN-7]. A consumer gets nothing before it is
        configured [CFG-3]. An app that the domain does not have is let in [OPEN-8], and the
        operator told [ALARM-4].
        """
        sub_id = parameters.sub_id_info.sub_id if parameters.sub_id_info else 0
        app_id = parameters.sub_id_info.app_id if parameters.sub_id_info else DEFAULT_APP_ID
        sub_stream = handle.sub_streams.setdefault(sub_id, SubStream(app_id, None))
        entry = handle.entry
        entry.idle_since = None
        entry.is_active = True
        if parameters.write_count and not handle.is_writer:
            handle.is_writer = True
            entry.producers += 1
        if parameters.read_count and sub_stream.stream is None:
            stream = Stream(session.connection, handle.queue_id, sub_id)
            stream.is_paused = session.is_congested
            stream.is_inflating = not session.reads_new_properties
            sub_stream.app_id = app_id  # a handle that only wrote knew of none
            sub_stream.stream = stream
            app = entry.queue.attach(stream, app_id)
            if not app.is_registered and len(app.streams) == 1:
                self._context.alarm(
                    "FANOUT_UNREGISTERED_APPID",
                    f"AppId '{app_id}' is not authorized for queue '{entry.queue.uri}' - please "
                    "update the domain configuration to include the appId to enable consumption.",
                )

    # Configuring.

    def _configure_stream(self, session: Session, r_id: int, request: object) -> None:
        """Give a stream its subscriptions [CFG-15, CFG-16], or none [CFG-11]; answer [CFG-1].

        Messages are handed out at the end of the step, behind the answer [CFG-4], and to what is
        then there [CFG-14].
        """
        assert isinstance(request, ConfigureStream)
        parameters = request.stream_parameters
        handle = _handle(session, request.q_id)
        sub_stream = _sub_stream_of(handle, parameters.app_id)
        if sum([len(s.consumers) for s in parameters.subscriptions]) > SUBSCRIPTIONS_PER_STREAM_MAX:
            text = f"a stream has at most {SUBSCRIPTIONS_PER_STREAM_MAX} consumers"
            raise _RefusalError(_E.E_INVALID_ARGUMENT, -1, text)
        # Subscriptions may have the same expression: then their order tells them apart.
        numbers: defaultdict[str, Iterator[int]] = defaultdict(count)
        faults: list[str] = []
        specs = [
            _checked(
                SubscriptionSpec(
                    key=f"{expression.text}#{next(numbers[expression.text])}",
                    push_id=subscription.s_id,
                    priority=consumer.consumer_priority,
                    weight=consumer.consumer_priority_count,
                    messages_max=consumer.max_unconfirmed_messages,
                    bytes_max=consumer.max_unconfirmed_bytes,
                    predicate=predicate,
                )
            )
            for subscription in parameters.subscriptions
            for expression in [subscription.expression]
            for predicate in [_predicate(expression, faults)]
            for consumer in subscription.consumers
        ]
        if faults:
            text = f"{session}: {len(faults)} expressions taken as true: {faults[0]}"
            self._context.note(Severity.ERROR, text)
        sub_stream.parameters = parameters
        self._reconfigure(handle, sub_stream, specs)
        self._context.answer(session, r_id, ConfigureStreamResponse(request=request))

    def _configure_queue_stream(self, session: Session, r_id: int, request: object) -> None:
        """Do the same for one subscription without an expression; answer [CFG-2]."""
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
            predicate=None,
        )
        sub_stream.parameters = parameters
        specs = [spec for spec in [_checked(spec)] if spec.priority != _PRIORITY_INVALID]
        self._reconfigure(handle, sub_stream, specs)
        self._context.answer(session, r_id, ConfigureQueueStreamResponse(request=request))

    def _reconfigure(
        self, handle: Handle, sub_stream: SubStream, specs: list[SubscriptionSpec]
    ) -> None:
        assert sub_stream.stream is not None
        sub_stream.stream.configure(tuple(s for s in specs if s.priority != _PRIORITY_INVALID))
        handle.entry.queue.refresh(sub_stream.app_id)
        self._context.dirty[handle.entry] = None

    # Closing.

    def _close_queue(self, session: Session, r_id: int, request: object) -> None:
        """Close what a request gives back, and nothing else; answer [CLOSE-1].

        Other apps of the qId stay [CLOSE-5], and so does its producer [CLOSE-6]. What is closed makes
        room among consumers and producers [OPEN-25]. Refused are a subId that is not open [CLOSE-3],
        and a request without counts [CLOSE-4].
        """
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
            self._detach(session, handle, sub_stream, is_lost=False)
        if parameters.write_count and handle.is_writer:
            handle.is_writer = False
            handle.entry.producers -= 1
        if sub_stream.stream is None and (sub_id or not handle.is_writer):
            del handle.sub_streams[sub_id]
        if request.is_final or not handle.sub_streams:
            self._drop_handle(session, handle, is_lost=False)
        self._note_idle(handle.entry)
        self._context.answer(session, r_id, CloseQueueResponse())
        self._context.note(Severity.INFO, f"{session}: closed {parameters.uri}")

    def _detach(
        self, session: Session, handle: Handle, sub_stream: SubStream, *, is_lost: bool
    ) -> None:
        assert sub_stream.stream is not None
        queue, now = handle.entry.queue, self._context.now
        give_back = queue.lose if is_lost else queue.detach
        detached = give_back(sub_stream.stream, now)
        sub_stream.stream = None
        self._context.dirty[handle.entry] = None
        if detached.returned:
            text = f"{session}: {detached.returned} unconfirmed messages of {handle.uri} go back"
            self._context.note(Severity.INFO, text)
        if detached.dropped:
            self._drop_poisonous(handle.entry, sub_stream.app_id, detached)

    def _drop_poisonous(self, entry: QueueEntry, app_id: str, detached: Detached) -> None:
        """Write down and tell that messages were given up after too many deliveries [ALARM-4]."""
        context = self._context
        entry.counters.reject_messages += len(detached.dropped)
        if entry.is_logged:
            log = context.log_of(entry)
            ordinals = [ordinal for ordinal, _ in detached.dropped]
            context.add(*log.append_confirms(entry.number, detached.number, ordinals))
            context.add(*log.release(detached.removed))
        context.alarm(
            "QUEUE_POISON_MESSAGE",
            f"{len(detached.dropped)} message(s) of queue '{entry.queue.uri}' dropped for appId "
            f"'{app_id}': delivered {entry.domain.config.max_delivery_attempts} time(s) to "
            f"consumers that were lost (first GUID {detached.dropped[0][1].hex().upper()})",
        )

    def _drop_handle(self, session: Session, handle: Handle, *, is_lost: bool) -> None:
        for sub_stream in handle.sub_streams.values():
            if sub_stream.stream is not None:
                self._detach(session, handle, sub_stream, is_lost=is_lost)
        if handle.is_writer:
            handle.is_writer = False
            handle.entry.producers -= 1
        session.handles.pop(handle.queue_id, None)
        self._note_idle(handle.entry)

    def _note_idle(self, entry: QueueEntry) -> None:
        if not entry.is_in_use:
            entry.idle_since = self._context.now

    def drop_all(self, session: Session, *, is_lost: bool) -> None:
        """Give back everything that a session has opened.

        What it held goes back in order [END-5, END-6]; what it confirmed does not [END-7].

        Args:
            session: whose.
            is_lost: whether the client vanished; what it held may be what killed it.
        """
        for handle in list(session.handles.values()):
            self._drop_handle(session, handle, is_lost=is_lost)

    def _disconnect(self, session: Session, r_id: int, _request: object) -> None:
        """Answer the last request [END-1]; nothing is sent or heeded afterwards [END-2, END-3].

        The client closes the connection [END-4].
        """
        self.drop_all(session, is_lost=False)
        self._context.answer(session, r_id, DisconnectResponse())
        session.has_disconnected = True
        self._context.note(Severity.INFO, f"{session}: disconnected")


def _check_open(parameters: QueueHandleParameters) -> QueueUri:
    """Check what needs no domain, the URI first.

    Raises:
        _RefusalError: the URI cannot be read [URI-5]; counts are missing [OPEN-9], or do not go with
            the flags [OPEN-11, OPEN-12]; there is an adminCount [OPEN-10]; the qId is reserved
            [OPEN-13]; a writer names an app [OPEN-14].
    """
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


def _check_app(config: DomainConfig, parameters: QueueHandleParameters) -> None:
    """Readers name an app where queues have apps [OPEN-18], and nowhere else [OPEN-19]."""
    if not parameters.read_count:
        return
    if config.mode is Mode.FANOUT and parameters.sub_id_info is None:
        text = "Reader of a fanout queue requires an appId to be specified."
        raise _RefusalError(_E.E_UNKNOWN, -1, text)
    if config.mode is not Mode.FANOUT and parameters.sub_id_info is not None:
        text = "AppId should not be specified when opening a non-fanout queue"
        raise _RefusalError(_E.E_UNKNOWN, -1, text)


def _check_domain_limits(
    config: DomainConfig, parameters: QueueHandleParameters, entry: QueueEntry | None
) -> None:
    """Refuse a consumer [OPEN-20] or a producer [OPEN-21] too many."""
    consumers, producers = (entry.consumers, entry.producers) if entry else (0, 0)
    for adds, have, limit, noun in (
        (parameters.read_count, consumers, config.max_consumers, "consumer"),
        (parameters.write_count, producers, config.max_producers, "producer"),
    ):
        if adds and limit and have >= limit:
            text = f"Client would exceed the limit of {limit} {noun}(s)"
            raise _RefusalError(_E.E_UNKNOWN, -1, text)


def _domain_refusal(name: str, outcome: DomainConfig | OperatorError) -> _RefusalError:
    """A domain without a file is unknown [OPEN-15], one with a wrong file refused [OPEN-16]."""
    if isinstance(outcome, DomainNotFound):
        return _RefusalError(_E.E_UNKNOWN, -1, str(outcome))
    text = (
        "Attempt failed. Details: ConfigProvider failed to load domain config "
        f"[ domain = '{name}' configProviderError = '{outcome}' ]"
    )
    return _RefusalError(_E.E_REFUSED, _UNKNOWN_PERMANENT, text)


def _handle(session: Session, queue_id: int) -> Handle:
    """Return what a qId stands for; refused if it is not open [CFG-5, CFG-10, CLOSE-2]."""
    handle = session.handles.get(queue_id)
    if handle is None:
        raise _RefusalError(_E.E_UNKNOWN, 0, "No queue with specified Id")
    return handle


def _sub_stream_of(handle: Handle, app_id: str) -> SubStream:
    """Return what is open for an app; refused if nothing is [CFG-6]."""
    for sub_stream in handle.sub_streams.values():
        if sub_stream.app_id == app_id and sub_stream.stream is not None:
            return sub_stream
    raise _RefusalError(_E.E_UNKNOWN, 0, "No queue with specified appId")


def _predicate(expression: Expression, faults: list[str]) -> Predicate | None:
    """Return what an expression means; one that does not compile is a fault, and always true [SUB-11]."""
    if expression.version is ExpressionVersion.E_UNDEFINED or not expression.text:
        return None
    try:
        return compile_expression(expression.text)
    except ExpressionError as error:
        faults.append(f"'{expression.text}': {error}")
        return None


def _checked(spec: SubscriptionSpec) -> SubscriptionSpec:
    """Check that priority and count go together [CFG-7]; keep what is out of range harmless [CFG-8].

    What is refused here has not reached the stream yet [CFG-9].
    """
    if (spec.priority == _PRIORITY_INVALID) is not (spec.weight == 0):
        text = "Attempting to configure stream with invalid priority."
        raise _RefusalError(_E.E_UNKNOWN, -1, text)
    return spec._replace(
        weight=max(spec.weight, 1),
        messages_max=max(spec.messages_max, 0),
        bytes_max=max(spec.bytes_max, 0),
    )
