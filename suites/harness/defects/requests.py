"""Defects of the requests about queues: open, configure, close, disconnect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as changed_copy
from typing import Any, Final

from reference_broker.base import QueueUri
from reference_broker.config import DomainNotFound
from reference_broker.core import control
from reference_broker.core.context import Context
from reference_broker.core.control import ControlDesk
from reference_broker.core.deliver import Deliverer
from reference_broker.core.publish import Publisher
from reference_broker.core.state import Handle, Phase, Session
from reference_broker.queue import Stream
from reference_broker.wire import Event, iter_confirms, iter_puts
from reference_broker.wire.control import (
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStreamResponse,
    ConfigureStreamResponse,
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    OpenQueue,
    QueueHandleParameters,
    RoutingConfiguration,
    Status,
    StatusCategory,
)
from suites.harness.defects.doors import after, before, defect, door, replace, wrap

_READ_COUNT_MAX: Final = 1000


class _Texts:
    """What refusals are made of."""

    def __init__(self, change: Callable[[Any, int, str], Any]) -> None:
        replace(control, "Status", change)


@defect("session", "OPEN CLOSE CFG FAN CAST")
def status_text_missing() -> None:
    """A refusal does not say why."""
    _Texts(lambda category, code, _: Status(category, code, ""))


@defect("session", "OPEN CLOSE CFG FAN CAST LIMIT")
def status_code_missing() -> None:
    """A refusal has the code 0, whatever the reason."""
    _Texts(lambda category, _, text: Status(category, 0, text))


@defect("session", "OPEN CLOSE CFG BAD LIMIT FAN APP ADMIN")
def refusal_says_success() -> None:
    """A request that is refused is answered with E_SUCCESS."""
    _Texts(lambda _, code, text: Status(StatusCategory.E_SUCCESS, code, text))


@defect("session", "OPEN CLOSE CFG BAD LIMIT FAN APP ADMIN")
def refusal_category_unknown() -> None:
    """Every refusal has the category E_UNKNOWN."""
    _Texts(lambda _, code, text: Status(StatusCategory.E_UNKNOWN, code, text))


@defect("session", "OPEN LIMIT CAST FAN BAD")
def requests_not_checked() -> None:
    """An openQueue is not checked for contradictions between its flags, counts and ids."""

    def lenient(parameters: QueueHandleParameters) -> Any:
        uri = QueueUri.parse(parameters.uri or "bmq://none/none")
        assert uri is not None
        return uri

    replace(control, "_check_open", lenient)


@defect("session", "OPEN CFG CTRL")
def request_echo_lost() -> None:
    """The answer to openQueue does not repeat the request."""

    def empty(**members: Any) -> Any:
        return answer(**{**members, "original_request": OpenQueue()})

    answer = door(control, "OpenQueueResponse")
    replace(control, "OpenQueueResponse", empty)


@defect("session", "CFG SUB CTRL")
def configure_echo_lost() -> None:
    """The answers to configure requests do not repeat the request."""
    for name, kind in (
        ("ConfigureStreamResponse", ConfigureStreamResponse),
        ("ConfigureQueueStreamResponse", ConfigureQueueStreamResponse),
    ):
        replace(control, name, lambda kind=kind, **_: kind())


@defect("session", "OPEN FAN CAST")
def routing_flags_of_priority_mode() -> None:
    """The answer to openQueue has the routing flags of priority mode, whatever the mode."""
    routing = RoutingConfiguration(flags=2)
    replace(control, "RoutingConfiguration", lambda **_: routing)


@defect("session", "OPEN CAST FAN")
def routing_flags_missing() -> None:
    """The answer to openQueue has no routing flags."""
    routing = RoutingConfiguration(flags=0)
    replace(control, "RoutingConfiguration", lambda **_: routing)


@defect("session", "DEDUP OPEN")
def deduplication_time_not_told() -> None:
    """The answer to openQueue says the default de-duplication time, whatever is configured."""

    def default(**members: Any) -> Any:
        return answer(**{**members, "deduplication_time_ms": 300_000})

    answer = door(control, "OpenQueueResponse")
    replace(control, "OpenQueueResponse", default)


@defect("session", "OPEN BAD")
def queue_id_taken_over() -> None:
    """An openQueue under an id that is in use closes the queue that has it."""

    def look(self: ControlDesk, session: Session, _: int, request: OpenQueue, uri: Any) -> None:
        handle = session.handles.get(request.handle_parameters.q_id)
        if handle is not None and handle.uri.canonical != uri.canonical:
            self._drop_handle(session, handle, is_lost=False)

    before(ControlDesk, "_open_in_domain", look)


@defect("session", "CLOSE CFG BAD LIMIT")
def close_keeps_the_queue() -> None:
    """A closeQueue is answered, and nothing is closed."""

    def deaf(self: ControlDesk, session: Session, r_id: int, request: Any) -> None:
        assert isinstance(request, CloseQueue)
        control._handle(session, request.handle_parameters.q_id)
        self._context.answer(session, r_id, CloseQueueResponse())

    def make(init: Callable[..., None]) -> Callable[..., None]:
        def set_up(self: ControlDesk, *arguments: Any) -> None:
            init(self, *arguments)
            self._actions[CloseQueue] = deaf.__get__(self)

        return set_up

    wrap(ControlDesk, "__init__", make)


@defect("session", "FAN CLOSE")
def close_of_one_app_closes_all() -> None:
    """Closing a queue for one app closes it for all apps of the client."""

    def look(self: ControlDesk, session: Session, _: int, request: Any) -> None:
        handle = session.handles.get(request.handle_parameters.q_id)
        if handle is not None and len(handle.sub_streams) > 1:
            for sub_id, sub_stream in list(handle.sub_streams.items()):
                given = request.handle_parameters.sub_id_info
                if given is not None and sub_id != given.sub_id and sub_stream.stream is not None:
                    self._detach(session, handle, sub_stream, is_lost=False)

    _before_close(look)


def _before_close(look: Callable[..., None]) -> None:
    before(ControlDesk, "_close_queue", look)


@defect("session", "FAN OPEN SDK")
def reader_cannot_post() -> None:
    """A queue that is opened for reading and writing at once cannot be written to."""

    def look(_: None, __: ControlDesk, ___: Session, handle: Any, parameters: Any) -> None:
        if parameters.read_count and handle.is_writer:
            handle.is_writer = False
            handle.entry.producers -= 1

    after(ControlDesk, "_attach", look)


@defect("session", "BAD")
def large_read_count_refused() -> None:
    """A client that opens a queue for a thousand readers at once is refused."""

    def look(parameters: QueueHandleParameters) -> None:
        if parameters.read_count > _READ_COUNT_MAX:
            unfit = StatusCategory.E_INVALID_ARGUMENT
            raise control._RefusalError(unfit, 0, "too many readers")

    before(control, "_check_open", look)


@defect("session", "OPEN BAD")
def reserved_ids_accepted() -> None:
    """A queue id from the reserved range is accepted."""
    replace(control, "QUEUE_ID_RESERVED_MIN", 2**40)


@defect("session", "DISC BAD")
def disconnect_is_not_the_end() -> None:
    """What a client sends after its disconnect is executed and answered."""
    replace(Session, "ignores_input", lambda session: session.phase is Phase.PARTED)


@defect("session", "DISC BAD")
def disconnect_closes_connection() -> None:
    """The broker closes the connection itself after a disconnect."""

    def close(_: None, self: ControlDesk, session: Session, *__: Any) -> None:
        self._context.close(session, "it has disconnected")

    def make(init: Callable[..., None]) -> Callable[..., None]:
        def set_up(self: ControlDesk, *arguments: Any) -> None:
            init(self, *arguments)
            action = self._actions[Disconnect]

            def disconnect(session: Session, r_id: int, request: object) -> None:
                action(session, r_id, request)
                close(None, self, session)

            self._actions[Disconnect] = disconnect

        return set_up

    wrap(ControlDesk, "__init__", make)


@defect("session", "OPEN ADMIN")
def missing_domain_remembered() -> None:
    """A domain that was not there when it was first asked for is never looked for again."""
    missing: dict[str, Any] = {}

    def note(self: ControlDesk, name: str, outcome: Any) -> None:
        del self
        if isinstance(outcome, DomainNotFound):
            missing[name] = outcome

    def look(self: ControlDesk, _: Session, __: int, request: Any) -> None:
        uri = control._check_open(request.handle_parameters)
        if uri.qualified_domain in missing and uri.qualified_domain not in self._context.domains:
            raise control._domain_refusal(uri.qualified_domain, missing[uri.qualified_domain])

    def make(init: Callable[..., None]) -> Callable[..., None]:
        def set_up(self: ControlDesk, *arguments: Any) -> None:
            init(self, *arguments)
            action = self._actions[OpenQueue]

            def open_(session: Session, r_id: int, request: object) -> None:
                look(self, session, r_id, request)
                action(session, r_id, request)

            self._actions[OpenQueue] = open_

        return set_up

    before(ControlDesk, "go_on", note)
    wrap(ControlDesk, "__init__", make)


# What is sent without waiting for answers.


@defect("session", "OPEN")
def sent_while_domain_loads_lost() -> None:
    """What a client sends behind an openQueue whose domain has to be found is lost."""

    def drop(sessions: list[Session], *_: Any) -> list[Session]:
        for session in sessions:
            session.held_events, session.held_bytes = [], bytearray()
        return sessions

    after(ControlDesk, "go_on", drop)


@defect("session", "OPEN CTRL")
def requests_numbered_by_the_broker() -> None:
    """An answer carries the number of the request in its session, and not the request's rId."""
    counts: dict[int, int] = {}

    def make(handle: Callable[..., None]) -> Callable[..., None]:
        def numbered(self: ControlDesk, session: Session, message: ControlMessage) -> None:
            if message.r_id is not None and message.r_id >= 0:
                number = counts[session.connection] = counts.get(session.connection, 0) + 1
                message = ControlMessage(r_id=number, choice=message.choice)
            handle(self, session, message)

        return numbered

    wrap(ControlDesk, "handle", make)


@defect("session", "OPEN")
def queue_not_ready_at_once() -> None:
    """A message that comes in one packet with the openQueue is refused."""
    fresh: list[Handle] = []

    def make(begin: Callable[..., Any]) -> Callable[..., Any]:
        def late(self: Publisher, session: Session, queue_id: int, start: int) -> Any:
            handle = session.handles.get(queue_id)
            if any(handle is each for each in fresh):
                return None
            return begin(self, session, queue_id, start)

        return late

    before(Context, "begin", lambda *_: fresh.clear())
    after(ControlDesk, "_attach", lambda _, __, ___, handle, ____: fresh.append(handle))
    wrap(Publisher, "_begin", make)


# What remains of a queue that was closed.


def _note_handles(closed: dict[tuple[int, int], Handle]) -> None:
    """Note what each qId has stood for."""

    def note(_: ControlDesk, session: Session, handle: Handle, **__: bool) -> None:
        closed[session.connection, handle.queue_id] = handle

    before(ControlDesk, "_drop_handle", note)


@defect("session", "CLOSE")
def close_answered_as_another_request() -> None:
    """A closeQueue is answered with the response to another request."""
    replace(control, "CloseQueueResponse", ConfigureQueueStreamResponse)


@defect("session", "CLOSE")
def put_behind_close_stored() -> None:
    """A message for a queue that is closed is refused, and stored in it all the same."""
    closed: dict[tuple[int, int], Handle] = {}

    def store(self: Publisher, session: Session, event: Event) -> None:
        for put in iter_puts(event.buffer, event.start, event.end):
            flags, compression, queue_id, guid, _, schema, _, start, end, message_end, _ = put
            handle = closed.get((session.connection, queue_id))
            if handle is not None and queue_id not in session.handles:
                queue, context = handle.entry.queue, self._context
                data = event.buffer[start:message_end]
                kind = compression << 16 | schema
                message = (guid, flags & 2, kind, data, end - start, queue.next_ordinal, 0)
                queue.post([message], context.wall_ns, context.now)
                context.dirty[handle.entry] = None

    _note_handles(closed)
    before(Publisher, "handle", store)


@defect("session", "CLOSE")
def confirm_behind_close_counts() -> None:
    """A CONFIRM for a queue that is closed is taken for the one that had its qId."""
    closed: dict[tuple[int, int], Handle] = {}

    def confirm(self: Deliverer, session: Session, event: Event) -> None:
        for queue_id, guid, sub_id in iter_confirms(event.buffer, event.start, event.end):
            handle = closed.get((session.connection, queue_id))
            if handle is not None and queue_id not in session.handles:
                queue, now = handle.entry.queue, self._context.now
                stream = Stream(session.connection, queue_id, sub_id)
                queue.attach(stream, "__default")
                queue.confirm(stream, [guid], now)
                queue.detach(stream, now)

    _note_handles(closed)
    before(Deliverer, "confirm", confirm)


@defect("session", "CLOSE")
def closed_id_remembers_its_queue() -> None:
    """Messages for a qId that was given to another queue go to the one that had it first."""
    closed: dict[tuple[int, int], Handle] = {}

    def make(begin: Callable[..., Any]) -> Callable[..., Any]:
        def stale(self: Publisher, session: Session, queue_id: int, start: int) -> Any:
            handle = session.handles.get(queue_id)
            first = closed.get((session.connection, queue_id))
            if handle is None or first is None:
                return begin(self, session, queue_id, start)
            session.handles[queue_id] = changed_copy(first, is_writer=handle.is_writer)
            try:
                return begin(self, session, queue_id, start)
            finally:
                session.handles[queue_id] = handle

        return stale

    _note_handles(closed)
    wrap(Publisher, "_begin", make)


# What remains of a client that has disconnected.


@defect("session", "DISC")
def disconnect_gives_back_at_the_close() -> None:
    """What a client holds comes back when its connection ends, and not when it disconnects."""

    def late(self: ControlDesk, session: Session, r_id: int, _: object) -> None:
        self._context.answer(session, r_id, DisconnectResponse())
        session.has_disconnected = True

    replace(ControlDesk, "_disconnect", late)


@defect("session", "DISC")
def disconnect_gives_back_one_queue() -> None:
    """A disconnect gives back what the client holds of one queue, and forgets its others."""

    def forget(_: ControlDesk, session: Session, *__: object) -> None:
        for handle in list(session.handles.values())[1:]:
            for sub_stream in handle.sub_streams.values():
                if sub_stream.stream is not None:
                    sub_stream.stream.release()

    before(ControlDesk, "_disconnect", forget)


@defect("session", "DISC")
def pushed_behind_the_disconnect() -> None:
    """Messages that there is room for are pushed behind the disconnectResponse."""
    leaving: list[tuple[ControlDesk, Session]] = []

    def late(self: ControlDesk, session: Session, r_id: int, _: object) -> None:
        self._context.answer(session, r_id, DisconnectResponse())
        session.has_disconnected = True
        leaving.append((self, session))

    def part(_: Context) -> None:
        for desk, session in leaving:
            desk.drop_all(session, is_lost=False)
        leaving.clear()

    replace(ControlDesk, "_disconnect", late)
    before(Context, "finish", part)


@defect("session", "DISC")
def confirm_with_the_disconnect_lost() -> None:
    """A CONFIRM that comes in one packet with the disconnect is lost."""
    held: list[tuple[Deliverer, Session, Event]] = []
    confirm = door(Deliverer, "confirm")

    def hold(self: Deliverer, session: Session, event: Event) -> None:
        held.append((self, session, event))

    def release(_: Context) -> None:
        for deliverer, session, event in held:
            if not session.ignores_input():
                confirm(deliverer, session, event)
        held.clear()

    replace(Deliverer, "confirm", hold)
    before(Context, "finish", release)
