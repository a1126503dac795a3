"""What mutation inserts: whole events of a session, messages, options and properties, made once.

The queues are those that the targets know, so that what is inserted does something.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from reference_broker.base import DEFAULT_APP_ID
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    Compression,
    EventType,
    Put,
    ack_event,
    compress,
    confirm_event,
    event_header,
    pad,
    put_event,
)
from reference_broker.wire.control import (
    AdminCommand,
    AuthenticationMessage,
    AuthenticationRequest,
    ClientIdentity,
    ClientType,
    CloseQueue,
    ConfigureQueueStream,
    ConfigureStream,
    ConsumerInfo,
    ControlChoice,
    ControlMessage,
    Disconnect,
    Encoding,
    Expression,
    ExpressionVersion,
    GuidInfo,
    NegotiationMessage,
    OpenQueue,
    QueueHandleParameters,
    QueueStreamParameters,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.features import CLIENT_FEATURES
from reference_broker.wire.options import (
    SubQueueInfo,
    encode_message_group_id,
    encode_sub_queue_ids_old,
    encode_sub_queue_infos,
)
from reference_broker.wire.properties import Property, PropertyType, encode_properties
from reference_broker.wire.push import push_message

_QUEUE: Final = "bmq://bmq.test.mem.priority/q1"
_FANOUT: Final = "bmq://bmq.test.mem.fanout/q1"
_READ, _WRITE = 2, 4
_CONSUMER: Final = ConsumerInfo(
    max_unconfirmed_messages=1,
    max_unconfirmed_bytes=1024,
    consumer_priority=0,
    consumer_priority_count=1,
)
_EXPRESSIONS: Final = ("", "price > 5", 'name == "pear" || exists(name)')

GUIDS: Final = tuple(bytes.fromhex(f"400001000000000000000000b15a00{n:02x}") for n in range(4))
#: One of each type.
PROPERTIES: Final = (
    Property("flag", PropertyType.BOOL, value=True),
    Property("char", PropertyType.CHAR, b"c"),
    Property("short", PropertyType.SHORT, -1),
    Property("price", PropertyType.INT32, 7),
    Property("long", PropertyType.INT64, 1 << 40),
    Property("name", PropertyType.STRING, "pear"),
    Property("blob", PropertyType.BINARY, b"\0\xff"),
)


def _requests() -> list[ControlChoice]:
    def handle(uri: str, queue_id: int, flags: int, app: str = "") -> QueueHandleParameters:
        return QueueHandleParameters(
            uri=f"{uri}?id={app}" if app else uri,
            q_id=queue_id,
            sub_id_info=SubQueueIdInfo(sub_id=1, app_id=app) if app else None,
            flags=flags,
            read_count=flags >> 1 & 1,
            write_count=flags >> 2 & 1,
        )

    def subscribing(queue_id: int, app: str, expressions: tuple[str, ...]) -> ConfigureStream:
        subscriptions = tuple(
            Subscription(
                s_id=number,
                expression=Expression(
                    ExpressionVersion.E_VERSION_1 if text else ExpressionVersion.E_UNDEFINED, text
                ),
                consumers=(_CONSUMER,),
            )
            for number, text in enumerate(expressions, start=1)
        )
        return ConfigureStream(queue_id, StreamParameters(app, subscriptions))

    old_style = QueueStreamParameters(
        max_unconfirmed_messages=1,
        max_unconfirmed_bytes=1024,
        consumer_priority=0,
        consumer_priority_count=1,
    )
    return [
        OpenQueue(handle(_QUEUE, 0, _READ | _WRITE)),
        OpenQueue(handle(_QUEUE, 0, _WRITE)),
        OpenQueue(handle(_QUEUE, 0, _READ)),
        OpenQueue(handle(_QUEUE, 1, _READ | _WRITE)),
        OpenQueue(handle(_FANOUT, 2, _READ, "foo")),
        OpenQueue(handle(_FANOUT, 2, _WRITE)),
        subscribing(0, DEFAULT_APP_ID, ("",)),
        subscribing(0, DEFAULT_APP_ID, _EXPRESSIONS),
        subscribing(0, DEFAULT_APP_ID, ()),
        subscribing(2, "foo", ("",)),
        ConfigureQueueStream(0, old_style),
        ConfigureQueueStream(0),
        CloseQueue(handle(_QUEUE, 0, _READ | _WRITE), is_final=True),
        CloseQueue(handle(_QUEUE, 0, _READ)),
        CloseQueue(handle(_FANOUT, 2, _READ, "foo"), is_final=True),
        AdminCommand("HELP"),
        AdminCommand("DOMAINS DOMAIN bmq.test.mem.priority QUEUE q1 PURGE *"),
        Disconnect(),
    ]


def _greetings() -> list[bytes]:
    identity = NegotiationMessage(
        ClientIdentity(
            protocol_version=1,
            client_type=ClientType.E_TCPCLIENT,
            process_name="p",
            features=CLIENT_FEATURES,
            guid_info=GuidInfo("0A0B0C0D0E0F", 1),
        )
    )
    login = AuthenticationMessage(AuthenticationRequest("ANONYMOUS", b""))
    authentication = EventType.AUTHENTICATION
    return [
        control_event(identity),
        control_event(identity, Encoding.JSON),
        control_event(login, Encoding.BER, authentication),
        control_event(login, Encoding.JSON, authentication),
    ]


def _puts() -> list[Put]:
    plain = b"hello"
    old = encode_properties(PROPERTIES, new_style=False) + plain
    new = encode_properties(PROPERTIES, new_style=True)
    flags = FLAG_ACK_REQUESTED | FLAG_MESSAGE_PROPERTIES
    zlib = Compression.ZLIB
    group = encode_message_group_id("group")
    return [
        Put(0, GUIDS[0], plain, FLAG_ACK_REQUESTED),
        Put(0, GUIDS[1], b"four", 0),
        Put(1, GUIDS[0], plain, FLAG_ACK_REQUESTED),
        Put(2, GUIDS[2], old, flags),
        Put(0, GUIDS[2], old, flags),
        Put(0, GUIDS[3], new + plain, flags, schema=1),
        Put(0, GUIDS[0], compress(old), flags, zlib),
        Put(0, GUIDS[1], new + compress(plain), flags, zlib, schema=3),
        Put(0, GUIDS[2], compress(bytes(4000)), FLAG_ACK_REQUESTED, zlib),
        Put(0, GUIDS[3], plain, FLAG_ACK_REQUESTED, options=group),
    ]


@cache
def puts() -> tuple[bytes, ...]:
    """Return PUT messages without the header of an event."""
    return tuple(put_event([put])[8:] for put in _puts())


@cache
def pushes() -> tuple[bytes, ...]:
    """Return PUSH messages without the header of an event."""
    old, new = (encode_properties(PROPERTIES, new_style=style) for style in (False, True))
    options = encode_sub_queue_infos([SubQueueInfo(1, 3)])
    return (
        push_message(0, GUIDS[0], pad(b"hello"), options=encode_sub_queue_ids_old([1])),
        push_message(0, GUIDS[1], pad(b"hello"), options=options, flags=4),
        push_message(0, GUIDS[2], pad(old), flags=2),
        push_message(0, GUIDS[3], pad(new + b"x"), flags=2, schema=1),
        push_message(0, GUIDS[0], pad(b""), flags=1),
        push_message(0, GUIDS[1], pad(b"old"), header_words=7),
    )


@cache
def confirms() -> tuple[bytes, ...]:
    """Return CONFIRM and REJECT messages without any header."""
    bodies = [confirm_event([(q, guid, sub)]) for q, sub in ((0, 0), (2, 1)) for guid in GUIDS]
    return tuple(body[12:] for body in bodies)


@cache
def acks() -> tuple[bytes, ...]:
    """Return ACK messages without any header."""
    return tuple(ack_event([(status, 1, GUIDS[0], 0)])[12:] for status in range(8))


@cache
def options() -> tuple[bytes, ...]:
    """Return options, right by themselves."""
    infos = encode_sub_queue_infos
    return (
        encode_sub_queue_ids_old([1]),
        encode_sub_queue_ids_old([0, 1, 2]),
        encode_message_group_id("g"),
        encode_message_group_id("g" * 31),
        infos([SubQueueInfo(0, 5)]),
        infos([SubQueueInfo(1), SubQueueInfo(2, 0x45)]),
        b"\xfc\0\0\2\0\0\0\0",  # of a type that nobody knows
    )


@cache
def areas(*, new_style: bool) -> tuple[bytes, ...]:
    """Return properties areas: one property of each type, all of them, and many."""
    many = [Property(f"n{number}", PropertyType.BOOL, value=False) for number in range(40)]
    lists = [*([each] for each in PROPERTIES), list(PROPERTIES), many]
    return tuple(encode_properties(each, new_style=new_style) for each in lists)


@cache
def events() -> tuple[bytes, ...]:
    """Return whole events: greetings, requests in both encodings, messages, heartbeats, farewells."""
    requests = [ControlMessage(r_id=1, choice=choice) for choice in _requests()]
    batch = put_event(_puts())
    return (
        *_greetings(),
        *(control_event(request) for request in requests),
        *(control_event(request, Encoding.JSON) for request in requests[::3]),
        *(put_event([put]) for put in _puts()),
        batch,
        confirm_event([(0, guid, 0) for guid in GUIDS]),
        confirm_event([(0, GUIDS[0], 0)]),
        confirm_event([]),
        confirm_event([(2, GUIDS[2], 1)]),
        confirm_event([(0, GUIDS[1], 0)], EventType.REJECT),
        ack_event([(0, 0, GUIDS[0], 0)]),
        *(event_header(EventType.PUSH, len(push)) + push for push in pushes()),
        HEARTBEAT_REQUEST,
        HEARTBEAT_RESPONSE,
        event_header(EventType.HEARTBEAT_REQ, 4) + bytes(4),
        event_header(EventType.PUT, 0),
    )


def warm() -> None:
    """Make everything now, so that no single mutation pays for it."""
    events(), puts(), pushes(), confirms(), acks(), options()
    areas(new_style=True), areas(new_style=False)
