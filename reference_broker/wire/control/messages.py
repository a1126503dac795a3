"""Messages between a client and a broker.

One dataclass per type of the peer's schema, members in the schema's order: a member's position is
its id in BER, its attribute in camel case is its name in JSON, its default is what an absent member
means. `schema.py` reads the table out of these declarations; nothing else describes the messages.

A choice holds one of its alternatives or `None` when the peer chose nothing, or something that is
unknown or retired; such a message is to be ignored [CTRL-7].

Peer: bmqp_ctrlmsg.xsd.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Final, TypeAlias

from reference_broker.base import DEFAULT_APP_ID
from reference_broker.wire.control.cluster_messages import ClusterMessage
from reference_broker.wire.control.kinds import I32, I64, U32, U64, Id
from reference_broker.wire.control.status import Status

# The priority of a reader that takes no part in the delivery.
CONSUMER_PRIORITY_INVALID: Final = -(2**31)


class ExpressionVersion(IntEnum):
    """Language of a subscription expression; `E_UNDEFINED` matches every message."""

    E_UNDEFINED = 0
    E_VERSION_1 = 1


class ClientType(IntEnum):
    """Who is at the other end of a connection."""

    E_UNKNOWN = 0
    E_TCPCLIENT = 1
    E_TCPBROKER = 2
    E_TCPADMIN = 3


class ClientLanguage(IntEnum):
    """The language of the peer's SDK; version checks depend on it."""

    E_UNKNOWN = 0
    E_CPP = 1
    E_JAVA = 2


# --- Opening and closing a queue


@dataclass(frozen=True, slots=True)
class SubQueueIdInfo:
    """One app id of a queue and the number that stands for it on this connection."""

    sub_id: U32 = 0
    app_id: str = DEFAULT_APP_ID


@dataclass(frozen=True, slots=True)
class QueueHandleParameters:
    """What a client wants of a queue; `flags` is a mask of ADMIN 1, READ 2, WRITE 4, ACK 8."""

    uri: str = ""
    q_id: U32 = 0
    sub_id_info: SubQueueIdInfo | None = None
    flags: U64 = 0
    read_count: I32 = 0
    write_count: I32 = 0
    admin_count: I32 = 0


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """Request: open a queue, or one more sub-stream of it."""

    handle_parameters: QueueHandleParameters = field(default_factory=QueueHandleParameters)


@dataclass(frozen=True, slots=True)
class RoutingConfiguration:
    """How a queue delivers: AT_MOST_ONCE 1, CONSUMER_PRIORITY 2, DELIVER_ALL 4, SUB_STREAMS 8."""

    flags: U64 = 0


@dataclass(frozen=True, slots=True)
class OpenQueueResponse:
    """Answer to `OpenQueue`; a PUT unacknowledged for longer than the given time is not resent."""

    original_request: OpenQueue = field(default_factory=OpenQueue)
    routing_configuration: RoutingConfiguration = field(default_factory=RoutingConfiguration)
    deduplication_time_ms: I32 = 300_000


@dataclass(frozen=True, slots=True)
class CloseQueue:
    """Request: give up a queue or a sub-stream; `is_final` when nothing of it remains open."""

    handle_parameters: QueueHandleParameters = field(default_factory=QueueHandleParameters)
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class CloseQueueResponse:
    """Answer to `CloseQueue`."""


# --- Configuring a reader


@dataclass(frozen=True, slots=True)
class Expression:
    """What selects the messages of a subscription."""

    version: ExpressionVersion = ExpressionVersion.E_UNDEFINED
    text: str = ""


@dataclass(frozen=True, slots=True)
class ConsumerInfo:
    """Flow control and priority of a subscription's consumers."""

    max_unconfirmed_messages: I64 = 0
    max_unconfirmed_bytes: I64 = 0
    consumer_priority: I32 = CONSUMER_PRIORITY_INVALID
    consumer_priority_count: I32 = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription of a stream; `s_id` comes back in every PUSH made for it."""

    s_id: U32 = 0
    expression: Expression = field(default_factory=Expression)
    consumers: tuple[ConsumerInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """All subscriptions of one app id; none means that nothing more shall be delivered."""

    app_id: str = DEFAULT_APP_ID
    subscriptions: tuple[Subscription, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigureStream:
    """Request: replace the subscriptions of one stream."""

    q_id: U32 = 0
    stream_parameters: StreamParameters = field(default_factory=StreamParameters)


@dataclass(frozen=True, slots=True)
class ConfigureStreamResponse:
    """Answer to `ConfigureStream`; SDK 1.2.2 crashes without the echo."""

    request: ConfigureStream = field(default_factory=ConfigureStream)


@dataclass(frozen=True, slots=True)
class QueueStreamParameters:
    """Flow control and priority of a reader, as peers without subscriptions say it."""

    sub_id_info: SubQueueIdInfo | None = None
    max_unconfirmed_messages: I64 = 0
    max_unconfirmed_bytes: I64 = 0
    consumer_priority: I32 = CONSUMER_PRIORITY_INVALID
    consumer_priority_count: I32 = 0


@dataclass(frozen=True, slots=True)
class ConfigureQueueStream:
    """Request: configure a reader, old style; all defaults mean deliver nothing more."""

    q_id: U32 = 0
    stream_parameters: QueueStreamParameters = field(default_factory=QueueStreamParameters)


@dataclass(frozen=True, slots=True)
class ConfigureQueueStreamResponse:
    """Answer to `ConfigureQueueStream`."""

    request: ConfigureQueueStream = field(default_factory=ConfigureQueueStream)


# --- Administration and the end of a session


@dataclass(frozen=True, slots=True)
class AdminCommand:
    """Request: run one command of the admin interface."""

    command: str = ""


@dataclass(frozen=True, slots=True)
class AdminCommandResponse:
    """Answer to `AdminCommand`: its output."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Request: end the session."""


@dataclass(frozen=True, slots=True)
class DisconnectResponse:
    """Answer to `Disconnect`: the channel may be closed."""


# The ids 3 to 6 are retired.
ControlChoice: TypeAlias = (
    Annotated[Status, Id(0)]
    | Annotated[Disconnect, Id(1)]
    | Annotated[DisconnectResponse, Id(2)]
    | Annotated[AdminCommand, Id(7)]
    | Annotated[AdminCommandResponse, Id(8)]
    | Annotated[ClusterMessage, Id(9)]
    | Annotated[OpenQueue, Id(10)]
    | Annotated[OpenQueueResponse, Id(11)]
    | Annotated[CloseQueue, Id(12)]
    | Annotated[CloseQueueResponse, Id(13)]
    | Annotated[ConfigureQueueStream, Id(14)]
    | Annotated[ConfigureQueueStreamResponse, Id(15)]
    | Annotated[ConfigureStream, Id(16)]
    | Annotated[ConfigureStreamResponse, Id(17)]
)


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """Every control message of an established session; an answer repeats its request's `r_id`."""

    r_id: I32 | None = None
    choice: ControlChoice | None = None


# --- Negotiation


@dataclass(frozen=True, slots=True)
class GuidInfo:
    """How a client makes GUIDs: its 12 hex digits, and the wall clock (ns) at its tick 0."""

    client_id: str = ""
    nano_seconds_from_epoch: I64 = 0


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """Who opens or accepts a session; what it leaves out is as here [NEG-4]."""

    protocol_version: I32 = 0
    sdk_version: I32 = 999_999
    client_type: ClientType = ClientType.E_UNKNOWN
    process_name: str = ""
    pid: I32 = 0
    session_id: I32 = 1
    host_name: str = ""
    features: str = ""
    cluster_name: str = ""
    cluster_node_id: I32 = -1
    sdk_language: ClientLanguage = ClientLanguage.E_CPP
    guid_info: GuidInfo = field(default_factory=GuidInfo)
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class BrokerResponse:
    """The broker's half of the negotiation."""

    result: Status = field(default_factory=Status)
    protocol_version: I32 = 0
    broker_version: I32 = 0
    is_deprecated_sdk: bool = False
    broker_identity: ClientIdentity = field(default_factory=ClientIdentity)
    heartbeat_interval_ms: I32 = 3000
    max_missed_heartbeats: I32 = 10


# The id 2 is a placeholder that nobody sends.
NegotiationChoice: TypeAlias = Annotated[ClientIdentity, Id(0)] | Annotated[BrokerResponse, Id(1)]


@dataclass(frozen=True, slots=True)
class NegotiationMessage:
    """The two packets that establish a session."""

    choice: NegotiationChoice | None = None


# --- Authentication


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """Credentials; what `data` holds depends on the mechanism."""

    mechanism: str = ""
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class AuthenticationResponse:
    """Verdict on the credentials and, unless they last for ever, their lifetime in ms."""

    status: Status = field(default_factory=Status)
    lifetime_ms: U64 | None = None


AuthenticationChoice: TypeAlias = (
    Annotated[AuthenticationRequest, Id(0)] | Annotated[AuthenticationResponse, Id(1)]
)


@dataclass(frozen=True, slots=True)
class AuthenticationMessage:
    """What AUTHENTICATION events carry."""

    choice: AuthenticationChoice | None = None
