"""Requests, messages and short verbs for the tests of this room."""

from __future__ import annotations

from typing import Any, NamedTuple

from reference_broker.core.tests.pair import Wire, World
from reference_broker.wire import Event, EventType, Put, confirm_event, iter_acks, put_event
from reference_broker.wire.control import (
    CloseQueue,
    CloseQueueResponse,
    ConfigureStream,
    ConfigureStreamResponse,
    ConsumerInfo,
    Expression,
    ExpressionVersion,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    Status,
    StatusCategory,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
)
from reference_broker.wire.options import decode_options
from reference_broker.wire.properties import PropertiesLike, encode_properties
from reference_broker.wire.push import iter_pushes

MEM_URI = "bmq://test.mem/q"
FILE_URI = "bmq://test.file/q"
STRONG_URI = "bmq://test.strong/q"
FANOUT_URI = "bmq://test.fan/q"
ACK = 1
PROPERTIES = 2


class Push(NamedTuple):
    """A PUSH message as it came."""

    queue_id: int
    guid: bytes
    data: bytes
    flags: int
    compression: int
    schema: int
    ids: tuple[int, ...]


def guid(number: int) -> bytes:
    """Return a GUID."""
    return b"\x40" + number.to_bytes(15, "big")


def handle(
    uri: str = MEM_URI,
    q_id: int = 0,
    *,
    read: int = 0,
    write: int = 0,
    flags: int | None = None,
    app: tuple[int, str] | None = None,
    admin: int = 0,
) -> QueueHandleParameters:
    """Return handle parameters with the flags that belong to the counts."""
    fitting = 2 * (read > 0) | 4 * (write > 0)
    return QueueHandleParameters(
        uri=uri,
        q_id=q_id,
        sub_id_info=SubQueueIdInfo(*app) if app else None,
        flags=fitting if flags is None else flags,
        read_count=read,
        write_count=write,
        admin_count=admin,
    )


def open_request(uri: str = MEM_URI, q_id: int = 0, **members: Any) -> OpenQueue:
    """Return an openQueue request; the arguments are those of `handle`."""
    return OpenQueue(handle_parameters=handle(uri, q_id, **members))


def close_request(
    uri: str = MEM_URI, q_id: int = 0, *, is_final: bool = True, **members: Any
) -> CloseQueue:
    """Return a closeQueue request; the arguments are those of `handle`."""
    return CloseQueue(handle_parameters=handle(uri, q_id, **members), is_final=is_final)


def configure_request(
    q_id: int = 0,
    s_id: int | None = 1,
    *,
    messages: int = 1_000,
    size: int = 1_000_000,
    priority: int = 0,
    weight: int = 1,
    app_id: str = "__default",
) -> ConfigureStream:
    """Return a configureStream request with one subscription, or none if `s_id` is None."""
    consumer = ConsumerInfo(messages, size, priority, weight)
    subscription = Subscription(s_id=s_id or 0, consumers=(consumer,))
    subscriptions = () if s_id is None else (subscription,)
    parameters = StreamParameters(app_id=app_id, subscriptions=subscriptions)
    return ConfigureStream(q_id=q_id, stream_parameters=parameters)


def subscription(
    s_id: int,
    expression: str = "",
    *,
    priority: int = 0,
    messages: int = 1_000,
    size: int = 1_000_000,
    weight: int = 1,
) -> Subscription:
    """Return a subscription with one consumer."""
    version = ExpressionVersion.E_VERSION_1 if expression else ExpressionVersion.E_UNDEFINED
    consumer = ConsumerInfo(messages, size, priority, weight)
    return Subscription(s_id, Expression(version, expression), (consumer,))


def subscribe(
    wire: Wire, *subscriptions: Subscription, q_id: int = 0, app_id: str = "__default"
) -> list[Event]:
    """Configure a stream with subscriptions; returns what came behind the good answer."""
    wire.take()
    parameters = StreamParameters(app_id=app_id, subscriptions=subscriptions)
    wire.send(wire.request_event(ConfigureStream(q_id=q_id, stream_parameters=parameters)))
    (first, *rest) = wire.events()
    assert first.type == EventType.CONTROL
    assert b"\xb1\x80" in first.body, ConfigureStreamResponse
    return rest


def open_queue(wire: Wire, uri: str = MEM_URI, q_id: int = 0, **members: Any) -> OpenQueueResponse:
    """Open a queue and return the answer, which must be good."""
    answer = wire.request(open_request(uri, q_id, **members))
    assert isinstance(answer, OpenQueueResponse), answer
    return answer


def configure(wire: Wire, q_id: int = 0, s_id: int | None = 1, **members: Any) -> list[Event]:
    """Configure a stream; returns what came behind the good answer."""
    wire.take()
    request = configure_request(q_id, s_id, **members)
    wire.send(wire.request_event(request))
    (first, *rest) = wire.events()
    assert first.type == EventType.CONTROL
    assert b"\xb1\x80" in first.body, ConfigureStreamResponse
    return rest


def close_queue(wire: Wire, uri: str = MEM_URI, q_id: int = 0, **members: Any) -> None:
    """Close a queue, which must work."""
    assert wire.request(close_request(uri, q_id, **members)) == CloseQueueResponse()


def put(number: int, data: bytes = b"data", q_id: int = 0, flags: int = ACK, **more: Any) -> Put:
    """Return a message."""
    return Put(q_id, guid(number), data, flags, **more)


def with_properties(
    number: int,
    properties: PropertiesLike,
    payload: bytes = b"data",
    *,
    is_new_style: bool = True,
    q_id: int = 0,
) -> Put:
    """Return a message with properties, which wants to be acknowledged."""
    area = encode_properties(properties, new_style=is_new_style)
    return put(number, area + payload, q_id, ACK | PROPERTIES, schema=int(is_new_style))


def confirms(*numbers: int, q_id: int = 0, sub_id: int = 0) -> bytes:
    """Return a CONFIRM event."""
    return confirm_event([(q_id, guid(number), sub_id) for number in numbers])


def numbers_of(events: list[Event]) -> list[int]:
    """Return the numbers of the messages of all PUSH events."""
    return [int.from_bytes(push.guid[1:], "big") for push in pushes(events)]


def writer_of(world: World, uri: str = MEM_URI) -> Wire:
    """Return a client that writes a queue under the id 0."""
    wire = world.session()
    open_queue(wire, uri, write=1)
    return wire


def reader_of(world: World, uri: str = MEM_URI, app_id: str = "", **options: Any) -> Wire:
    """Return a client that reads a queue under the id 0, and as an app under the subId 1.

    What is delivered at once is not taken yet. `options` are those of `subscription`.
    """
    wire = world.session()
    app = (1, app_id) if app_id else None
    open_queue(wire, uri, read=1, app=app)
    wanted = subscription(1, **options)
    parameters = StreamParameters(app_id=app_id or "__default", subscriptions=(wanted,))
    wire.send(wire.request_event(ConfigureStream(q_id=0, stream_parameters=parameters)))
    return wire


def puts(*numbers: int, q_id: int = 0, data: bytes = b"data") -> bytes:
    """Return a PUT event with messages that want to be acknowledged."""
    return put_event([put(number, data, q_id) for number in numbers])


def acks(events: list[Event]) -> list[tuple[int, int, bytes, int]]:
    """Return the messages of all ACK events."""
    found = [e for e in events if e.type == EventType.ACK]
    return [ack for e in found for ack in iter_acks(e.buffer, e.start, e.end)]


def statuses(events: list[Event]) -> list[int]:
    """Return the statuses of all ACKs."""
    return [status for status, *_ in acks(events)]


def pushes(events: list[Event]) -> list[Push]:
    """Return the messages of all PUSH events."""
    return [
        Push(
            queue,
            guid_,
            e.buffer[start:end],
            flags,
            cat,
            schema,
            tuple(i.id for i in decode_options(e.buffer, at, start).sub_queue_infos),
        )
        for e in events
        if e.type == EventType.PUSH
        for flags, cat, queue, guid_, schema, at, start, end, _ in iter_pushes(
            e.buffer, e.start, e.end
        )
    ]


def payloads(events: list[Event]) -> list[bytes]:
    """Return the application data of all PUSH messages."""
    return [push.data for push in pushes(events)]


def kinds(events: list[Event]) -> list[str]:
    """Return the names of the events' types."""
    return [EventType(event.type).name for event in events]


def refusal(answer: Any) -> tuple[str, int, str]:
    """Return category, code and text of a status."""
    assert isinstance(answer, Status), answer
    return StatusCategory(answer.category).name, answer.code, answer.message
