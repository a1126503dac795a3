"""Acts about queues: opening, configuring, closing, and requests that must be refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from reference_broker.base import DEFAULT_APP_ID
from reference_broker.wire.control import (
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStream,
    ConfigureQueueStreamResponse,
    ConfigureStream,
    ConfigureStreamResponse,
    ControlChoice,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    QueueStreamParameters,
    StreamParameters,
    SubQueueIdInfo,
)
from suites.integration.actor import READ, WRITE, handle
from suites.integration.model.bench import Bench, Client, Handle, q_id_of, refusal
from suites.integration.model.flow import Stream, Subscription
from suites.integration.model.plan import APP_IDS, Sub
from suites.integration.model.queue import Queue

#: Categories of refusals.
UNKNOWN: Final = -1
REFUSED: Final = -6
INVALID: Final = -7
#: `routingConfiguration.flags`.
_ROUTING: Final = {"priority": 2, "fanout": 10, "broadcast": 7}
_RESERVED_Q_ID: Final = 0xFFFFFFF8
_STRANGE_Q_ID: Final = 6


def _parameters(
    queue: Queue, q_id: int, app_id: str = "", *, read: bool = False, write: bool = False
) -> QueueHandleParameters:
    parameters = handle(queue.uri, q_id, read, write)
    if not app_id:
        return parameters
    info = SubQueueIdInfo(sub_id=_sub_id(app_id), app_id=app_id)
    return replace(parameters, uri=f"{queue.uri}?id={app_id}", sub_id_info=info)


def _sub_id(app_id: str) -> int:
    return 1 + APP_IDS.index(app_id) if app_id else 0


def app_of(queue: Queue, number: int) -> str:
    """Return the id of an app that one may read for; not all of a fanout queue are authorised."""
    return APP_IDS[number % len(APP_IDS)] if queue.domain.plan.mode == "fanout" else ""


def open_reader(bench: Bench, slot: int, queue: Queue, app_id: str) -> Stream | None:
    """Open a queue for reading; returns the stream, or None if the domain's limit forbids it."""
    client = bench.client(slot)
    found = client.handles.get(queue.number)
    sub_id = _sub_id(app_id)
    if found is not None and sub_id in found.streams:
        return found.streams[sub_id]
    q_id = q_id_of(client.line.slot, queue)
    readers = sum(len(app.streams) for app in queue.apps.values())
    limit = queue.domain.plan.consumers
    parameters = _parameters(queue, q_id, app_id, read=True)
    if limit and readers >= limit:
        bench.request(client, OpenQueue(handle_parameters=parameters), refusal(UNKNOWN))
        return None
    app = queue.app(app_id)
    stream = Stream(client.line.slot, q_id, sub_id, app)
    _opened(bench, client, queue, q_id).streams[sub_id] = stream
    app.attach(stream)
    _open(bench, client, queue, parameters)
    return stream


def open_writer(bench: Bench, slot: int, queue: Queue) -> Handle | None:
    """Open a queue for writing; returns the handle, or None if the domain's limit forbids it."""
    client = bench.client(slot)
    found = client.handles.get(queue.number)
    if found is not None and found.is_writer:
        return found
    q_id = q_id_of(client.line.slot, queue)
    limit = queue.domain.plan.producers
    parameters = _parameters(queue, q_id, write=True)
    if limit and queue.producers >= limit:
        bench.request(client, OpenQueue(handle_parameters=parameters), refusal(UNKNOWN))
        return None
    opened = _opened(bench, client, queue, q_id)
    opened.is_writer = True
    queue.producers += 1
    _open(bench, client, queue, parameters)
    return opened


def open_both(bench: Bench, slot: int, queue: Queue) -> Stream | None:
    """Open a queue that is no fanout queue for reading and writing by one request."""
    client = bench.client(slot)
    plan = queue.domain.plan
    if queue.number in client.handles or plan.mode == "fanout" or plan.consumers or plan.producers:
        return open_reader(bench, slot, queue, app_of(queue, 0))
    q_id = q_id_of(client.line.slot, queue)
    opened = _opened(bench, client, queue, q_id)
    opened.is_writer = True
    queue.producers += 1
    app = queue.app("")
    stream = opened.streams[0] = Stream(client.line.slot, q_id, 0, app)
    app.attach(stream)
    _open(bench, client, queue, _parameters(queue, q_id, read=True, write=True))
    return stream


def _opened(bench: Bench, client: Client, queue: Queue, q_id: int) -> Handle:
    del bench
    return client.handles.setdefault(queue.number, Handle(q_id, queue))


def _open(bench: Bench, client: Client, queue: Queue, parameters: QueueHandleParameters) -> None:
    request = OpenQueue(handle_parameters=parameters)
    plan = queue.domain.plan
    queue.exists = True

    def check(choice: ControlChoice) -> str:
        if not isinstance(choice, OpenQueueResponse):
            return f"{parameters.uri} is not opened: {choice!r}"
        if choice.original_request != request:
            return f"{choice.original_request!r} is not what was asked: {request!r}"
        if choice.routing_configuration.flags != _ROUTING[plan.mode]:
            return f"{choice.routing_configuration!r} in {plan.mode} mode"
        if choice.deduplication_time_ms != plan.memory_s * 1000:
            return f"deduplicationTimeMs {choice.deduplication_time_ms}, not {plan.memory_s} s"
        return ""

    bench.request(client, request, check)


def configure(
    bench: Bench,
    client: Client,
    opened: Handle,
    stream: Stream,
    subs: Sequence[Sub],
    *,
    is_old_style: bool = False,
) -> None:
    """Configure a reader.

    Args:
        bench: the same.
        client: whose.
        opened: the queue.
        stream: what is configured.
        subs: what it wants; nothing means that it is to get nothing more.
        is_old_style: whether to ask by configureQueueStream, if it can say that.
    """
    expressionless = all(sub.expression == 0 for sub in subs)
    if is_old_style and len(subs) <= 1 and expressionless:
        _configure_old_style(bench, client, opened, stream, subs)
        return
    s_ids = [client.next_s_id + index for index in range(len(subs))]
    client.next_s_id += len(subs)
    parts = tuple(s.want.as_subscription(n) for s, n in zip(subs, s_ids, strict=True))
    app_id = stream.app.app_id or DEFAULT_APP_ID
    request = ConfigureStream(q_id=opened.q_id, stream_parameters=StreamParameters(app_id, parts))
    stream.configure([Subscription(stream, n, s) for s, n in zip(subs, s_ids, strict=True)])
    stream.app.turns.forget()

    def check(choice: ControlChoice) -> str:
        is_right = isinstance(choice, ConfigureStreamResponse) and choice.request == request
        return "" if is_right else f"{request!r} is answered with {choice!r}"

    bench.request(client, request, check, {(opened.q_id, s_id) for s_id in s_ids})


def _configure_old_style(
    bench: Bench, client: Client, opened: Handle, stream: Stream, subs: Sequence[Sub]
) -> None:
    info = None
    if stream.app.app_id:
        info = SubQueueIdInfo(sub_id=stream.sub_id, app_id=stream.app.app_id)
    parameters = QueueStreamParameters(sub_id_info=info)
    if subs:
        parameters = QueueStreamParameters(
            sub_id_info=info,
            max_unconfirmed_messages=subs[0].messages,
            max_unconfirmed_bytes=subs[0].size,
            consumer_priority=subs[0].priority,
            consumer_priority_count=subs[0].weight,
        )
    request = ConfigureQueueStream(q_id=opened.q_id, stream_parameters=parameters)
    stream.configure([Subscription(stream, stream.sub_id, sub) for sub in subs])
    stream.app.turns.forget()

    def check(choice: ControlChoice) -> str:
        is_right = isinstance(choice, ConfigureQueueStreamResponse) and choice.request == request
        return "" if is_right else f"{request!r} is answered with {choice!r}"

    bench.request(client, request, check)


def close_reader(bench: Bench, client: Client, opened: Handle, stream: Stream) -> None:
    """Close a queue for reading, which gives back what is not confirmed."""
    queue = opened.queue
    del opened.streams[stream.sub_id]
    bench.drop_stream(queue, stream, is_lost=False)
    parameters = _parameters(queue, opened.q_id, stream.app.app_id, read=True)
    _close(bench, client, opened, parameters)


def close_writer(bench: Bench, client: Client, opened: Handle) -> None:
    """Close a queue for writing."""
    opened.is_writer = False
    opened.queue.producers -= 1
    _close(bench, client, opened, _parameters(opened.queue, opened.q_id, write=True))


def _close(bench: Bench, client: Client, opened: Handle, parameters: QueueHandleParameters) -> None:
    is_final = not opened.is_writer and not opened.streams
    if is_final:
        del client.handles[opened.queue.number]

    def check(choice: ControlChoice) -> str:
        is_right = isinstance(choice, CloseQueueResponse)
        return "" if is_right else f"{parameters.uri} is not closed: {choice!r}"

    bench.request(client, CloseQueue(handle_parameters=parameters, is_final=is_final), check)


def _strange(
    queue: Queue, app_id: str = "", *, read: bool = False, write: bool = False
) -> QueueHandleParameters:
    """Return parameters under a qId that nobody has opened."""
    return _parameters(queue, _STRANGE_Q_ID, app_id, read=read, write=write)


def _wrong_app(queue: Queue) -> QueueHandleParameters:
    return _strange(queue, "" if queue.domain.plan.mode == "fanout" else "foo", read=True)


#: Opens that are refused: what to ask, and the category of the answer.
_BAD_OPENS: Final[tuple[tuple[Callable[[Queue], QueueHandleParameters], int], ...]] = (
    (lambda q: replace(_strange(q, read=True), uri=q.name), REFUSED),
    (_strange, INVALID),
    (lambda q: replace(_strange(q, write=True), flags=READ), INVALID),
    (lambda q: replace(_strange(q, read=True), flags=READ | WRITE), INVALID),
    (lambda q: _parameters(q, _RESERVED_Q_ID, write=True), INVALID),
    (lambda q: _strange(q, "foo", write=True), INVALID),
    (lambda q: replace(_strange(q, write=True), uri="bmq://model.nowhere/one"), UNKNOWN),
    (_wrong_app, UNKNOWN),
)
#: How many kinds of requests there are that must be refused.
REFUSALS: Final = len(_BAD_OPENS) + 4


def be_refused(bench: Bench, slot: int, queue: Queue, kind: int) -> None:
    """Make a request that must be refused and change nothing."""
    client = bench.client(slot)
    request: ControlChoice
    if kind < len(_BAD_OPENS):
        parameters, category = _BAD_OPENS[kind]
        request = OpenQueue(handle_parameters=parameters(queue))
        bench.request(client, request, refusal(category))
        return
    kind -= len(_BAD_OPENS)
    opened = next(iter(client.handles.values()), None)
    if kind == 0:
        nothing = StreamParameters(DEFAULT_APP_ID, ())
        request = ConfigureStream(q_id=_STRANGE_Q_ID, stream_parameters=nothing)
        bench.request(client, request, refusal(UNKNOWN))
    elif kind == 1:
        request = CloseQueue(handle_parameters=_strange(queue, read=True))
        bench.request(client, request, refusal(UNKNOWN))
    elif opened is not None and kind == 2:
        other = bench.queues[(opened.queue.number + 1) % len(bench.queues)]
        request = OpenQueue(handle_parameters=_parameters(other, opened.q_id, write=True))
        bench.request(client, request, refusal(INVALID))
    elif opened is not None:
        strange = StreamParameters("strange", ())
        request = ConfigureStream(q_id=opened.q_id, stream_parameters=strange)
        bench.request(client, request, refusal(UNKNOWN))
