"""Defects of the requests about queues: open, configure, close, disconnect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reference_broker.base import QueueUri
from reference_broker.config import DomainNotFound
from reference_broker.core import control
from reference_broker.core.control import ControlDesk
from reference_broker.core.state import Phase, Session
from reference_broker.wire.control import (
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStreamResponse,
    ConfigureStreamResponse,
    Disconnect,
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


@defect("session", "OPEN CFG")
def request_echo_lost() -> None:
    """The answer to openQueue does not repeat the request."""

    def empty(**members: Any) -> Any:
        return answer(**{**members, "original_request": OpenQueue()})

    answer = door(control, "OpenQueueResponse")
    replace(control, "OpenQueueResponse", empty)


@defect("session", "CFG SUB")
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
