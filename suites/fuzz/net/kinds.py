"""The nine kinds of messages that BlazingMQ's boofuzz fuzzer changes, each in its right state.

A message is changed when its session has come to it: the first forms of the kinds before it were
sent, and were answered.

| kind                     | behind                          | its forms                               |
|--------------------------|---------------------------------|-----------------------------------------|
| `authentication`         | nothing                         | BER, JSON                               |
| `negotiation`            | authentication                  | BER, JSON; as short as can be           |
| `open_queue`             | negotiation                     | BER, JSON                               |
| `configure_stream`       | open_queue                      | BER, JSON, with an expression           |
| `configure_queue_stream` | configure_stream                | BER, JSON                               |
| `put`                    | configure_stream                | plain; with properties; compressed with |
|                          |                                 | an option; two in an event              |
| `confirm`                | put, whose message was pushed   | of one message; of two                  |
| `close_queue`            | the same                        | BER, JSON                               |
| `disconnect`             | the same                        | BER, JSON                               |
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from reference_broker.base import DEFAULT_APP_ID
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    Compression,
    EventType,
    Put,
    compress,
    confirm_event,
    put_event,
)
from reference_broker.wire.control import (
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
from reference_broker.wire.control_event import EventMessage, control_event
from reference_broker.wire.features import CLIENT_FEATURES
from reference_broker.wire.options import encode_message_group_id
from reference_broker.wire.properties import encode_properties

#: The queue that attackers open: in a domain that every target has.
QUEUE: Final = "bmq://bmq.test.mem.priority/fuzz"
_READ_WRITE: Final = 6
_GUIDS: Final = tuple(bytes.fromhex(f"400001000000000000000000f0220{n:03x}") for n in range(2))


class Kind(NamedTuple):
    """A kind of message.

    Attributes:
        name: as BlazingMQ's fuzzer calls it.
        forms: right events of the kind; the first one brings a session to the next kind.
        way: the kinds that come before it, in their order.
        answer: the type of the event that answers the first form; None if nothing does.
        peer_count: changes that BlazingMQ's fuzzer makes of it.
    """

    name: str
    forms: tuple[bytes, ...]
    way: tuple[str, ...]
    answer: EventType | None
    peer_count: int


class Step(NamedTuple):
    """A message on the way to a state, and the type of the event that answers it, if one does."""

    data: bytes
    answer: EventType | None


def _in_both(message: EventMessage, event_type: EventType = EventType.CONTROL) -> tuple[bytes, ...]:
    return tuple(control_event(message, encoding, event_type) for encoding in Encoding)


def _requests(number: int, choice: ControlChoice) -> tuple[bytes, ...]:
    return _in_both(ControlMessage(r_id=number, choice=choice))


def _identity() -> tuple[bytes, ...]:
    guids = GuidInfo(client_id="0A0B0C0D0E0F", nano_seconds_from_epoch=1)
    full = ClientIdentity(
        protocol_version=1,
        sdk_version=999_999,
        client_type=ClientType.E_TCPCLIENT,
        process_name="fuzz",
        pid=1,
        session_id=1,
        host_name="localhost",
        features=CLIENT_FEATURES,
        guid_info=guids,
    )
    least = ClientIdentity(client_type=ClientType.E_TCPCLIENT, features="")
    in_json = control_event(NegotiationMessage(choice=least), Encoding.JSON)
    return (*_in_both(NegotiationMessage(choice=full)), in_json)


def _stream() -> ConfigureStream:
    consumer = ConsumerInfo(
        max_unconfirmed_messages=100,
        max_unconfirmed_bytes=1 << 20,
        consumer_priority=1,
        consumer_priority_count=1,
    )
    expression = Expression(ExpressionVersion.E_VERSION_1, "!exists(x) || x > 0")
    subscription = Subscription(s_id=1, expression=expression, consumers=(consumer,))
    return ConfigureStream(0, StreamParameters(DEFAULT_APP_ID, (subscription,)))


def _puts() -> tuple[bytes, ...]:
    flags = FLAG_ACK_REQUESTED | FLAG_MESSAGE_PROPERTIES
    properties: dict[str, int | str] = {"x": 1, "name": "pear"}
    old = encode_properties(properties, new_style=False) + b"payload"
    new = encode_properties(properties, new_style=True) + compress(b"payload" * 8)
    plain = Put(0, _GUIDS[0], b"AppData", FLAG_ACK_REQUESTED)
    option = encode_message_group_id("group")
    compressed = Put(0, _GUIDS[0], new, flags, Compression.ZLIB, schema=1, options=option)
    return (
        put_event([plain]),
        put_event([Put(0, _GUIDS[0], old, flags)]),
        put_event([compressed]),
        put_event([plain, Put(0, _GUIDS[1], b"", FLAG_ACK_REQUESTED)]),
    )


def _kinds() -> tuple[Kind, ...]:
    sub_id = SubQueueIdInfo(sub_id=0, app_id=DEFAULT_APP_ID)
    handle = QueueHandleParameters(
        uri=QUEUE,
        q_id=0,
        flags=_READ_WRITE,
        read_count=1,
        write_count=1,
        admin_count=0,
    )
    old_stream = QueueStreamParameters(
        sub_id_info=sub_id,
        max_unconfirmed_messages=100,
        max_unconfirmed_bytes=1 << 20,
        consumer_priority=1,
        consumer_priority_count=1,
    )
    old_request = ConfigureQueueStream(0, old_stream)
    closing = CloseQueue(handle, is_final=True)
    login = AuthenticationMessage(AuthenticationRequest("ANONYMOUS", b""))
    secret = EventType.AUTHENTICATION
    control = EventType.CONTROL
    confirms = tuple(confirm_event([(0, guid, 0) for guid in _GUIDS[:count]]) for count in (1, 2))
    to_open = ("negotiation",)
    to_stream = (*to_open, "open_queue")
    to_put = (*to_stream, "configure_stream")
    to_end = (*to_put, "put")
    return (
        Kind("authentication", _in_both(login, secret), (), secret, 4_201),
        Kind("negotiation", _identity(), ("authentication",), control, 16_777),
        Kind("open_queue", _requests(1, OpenQueue(handle)), to_open, control, 5_181),
        Kind("configure_stream", _requests(2, _stream()), to_stream, control, 7_137),
        Kind("configure_queue_stream", _requests(3, old_request), to_put, control, 3_225),
        Kind("put", _puts(), to_put, EventType.ACK, 2_720),
        Kind("confirm", confirms, to_end, None, 1_794),
        Kind("close_queue", _requests(4, closing), to_end, control, 5_182),
        Kind("disconnect", _requests(5, Disconnect()), to_end, control, 429),
    )


KINDS: Final = MappingProxyType({kind.name: kind for kind in _kinds()})
#: What BlazingMQ's fuzzer changes at depth 1, together.
PEER_COUNT: Final = sum(kind.peer_count for kind in KINDS.values())


def steps_to(name: str) -> tuple[Step, ...]:
    """Return what a client sends until it is a kind's turn."""
    kinds = [KINDS[step] for step in KINDS[name].way]
    return tuple(Step(kind.forms[0], kind.answer) for kind in kinds)
