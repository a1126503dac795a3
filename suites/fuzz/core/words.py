"""What the clients of a program say: queues, requests and messages by number, as bytes.

Everything that is said often is made once. The domains are few and small, so that their limits are
reached, and each is there for something that goes wrong only with such a domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from reference_broker.base import DEFAULT_APP_ID
from reference_broker.config import (
    AuthenticationConfig,
    Credential,
    Durability,
    Limits,
    Mode,
    PluginConfig,
    SampleConfig,
)
from reference_broker.wire import EventType
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

_SAMPLES: Final = SampleConfig()
CLUSTER: Final = replace(_SAMPLES.load_clusters().clusters[0])
_FOREVER_S: Final = 10 * 365 * 24 * 3600
_UNLIMITED: Final = Limits(messages=1 << 20, bytes=1 << 40)
_WORDS_MADE_MAX: Final = 4_096


class QueueSpec(NamedTuple):
    """A queue that programs use.

    Attributes:
        uri: of the queue; one that no broker accepts is among them.
        domain: of the queue; empty where there is none.
        mode: of its domain.
        is_logged: whether its messages survive a restart.
        is_synced: whether its acknowledgements wait for the disk.
        apps: who gets each message.
        limit: messages of the queue, after which one more is stored.
        domain_limit: the same for all queues of the domain.
        ttl_s: seconds that a message lives.
        attempts: deliveries to consumers that get lost; 0 for any number.
        clients_max: consumers, and producers; 0 for any number.
    """

    uri: str
    domain: str
    mode: Mode = Mode.PRIORITY
    is_logged: bool = False
    is_synced: bool = False
    apps: tuple[str, ...] = (DEFAULT_APP_ID,)
    limit: int = _UNLIMITED.messages
    domain_limit: int = _UNLIMITED.messages
    ttl_s: int = _FOREVER_S
    attempts: int = 0
    clients_max: int = 0


def _spec(domain: str, queue: str = "q", **others: Any) -> QueueSpec:
    return QueueSpec(f"bmq://fuzz.{domain}/{queue}", f"fuzz.{domain}", **others)


BYSTANDER_QUEUE: Final = _spec("bystander", "own")
_SMALL: Final = _spec("small", "a", limit=2, domain_limit=4, clients_max=2)
#: By number.
QUEUES: Final = (
    _spec("memory"),
    _spec("synced", is_logged=True, is_synced=True),
    _spec("fanout", mode=Mode.FANOUT, is_logged=True, is_synced=True, apps=("foo", "bar")),
    _spec("broadcast", mode=Mode.BROADCAST),
    _spec("aging", is_logged=True, ttl_s=5),
    _SMALL,
    _SMALL._replace(uri="bmq://fuzz.small/b"),
    _spec("poison", attempts=2),
    _spec("missing"),
    QueueSpec("bmq:/fuzz.memory", ""),
)
#: Domains of which there is a configuration.
DOMAINS: Final = MappingProxyType(
    {
        spec.domain: replace(
            _SAMPLES.resolve_domain(
                "bmq.test.persistent.priority.sc" if spec.is_logged else "bmq.test.mem.priority"
            ),
            name=spec.domain,
            mode=spec.mode,
            app_ids=spec.apps if spec.mode is Mode.FANOUT else (),
            durability=Durability.FSYNC if spec.is_synced else Durability.OS,
            queue_limits=replace(_UNLIMITED, messages=spec.limit),
            domain_limits=replace(_UNLIMITED, messages=spec.domain_limit),
            max_consumers=spec.clients_max,
            max_producers=spec.clients_max,
            message_ttl_s=spec.ttl_s,
            max_delivery_attempts=spec.attempts,
        )
        for spec in (BYSTANDER_QUEUE, *QUEUES[:-2])
    }
)


class Lane(NamedTuple):
    """One way to open a queue.

    Attributes:
        flags: READ 2, WRITE 4.
        reads: the read count.
        writes: the write count.
        sub_id: which app it names; 0 for none.
        is_reserved: whether it asks for a qId from the reserved range.
    """

    flags: int
    reads: int
    writes: int
    sub_id: int = 0
    is_reserved: bool = False


#: App ids by subId; the last one is known to no domain.
SUB_APPS: Final = (DEFAULT_APP_ID, "foo", "bar", "baz")
_BOTH: Final = Lane(6, 1, 1)
_READ: Final = Lane(2, 1, 0)
#: By number.
LANES: Final = (
    _BOTH,
    Lane(4, 0, 1),
    _READ,
    Lane(2, 1, 0, 2),
    Lane(2, 1, 0, 3),
    Lane(4, 1, 0),
    Lane(4, 0, 1, 1),
    Lane(6, 1, 1, is_reserved=True),
)


def lane_of(spec: QueueSpec, number: int) -> Lane:
    """Return how a queue is opened; the usual ways to read a fanout queue name an app of its."""
    lane = LANES[number % len(LANES)]
    if spec.mode is Mode.FANOUT and lane in (_BOTH, _READ):
        return Lane(2, 1, 0, 1)
    return lane


class Flow(NamedTuple):
    """One way to configure a stream.

    Attributes:
        windows: maxUnconfirmedMessages of each subscription; none deconfigures.
        priority: of the first subscription; the others have one less each.
        weight: consumerPriorityCount; 0 is refused.
        expressions: of the subscriptions; empty for none.
        is_old: whether a configureQueueStream says it.
    """

    windows: tuple[int, ...]
    priority: int = 1
    weight: int = 1
    expressions: tuple[str, ...] = ("",)
    is_old: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is foreseen who gets what."""
        return len(self.windows) <= 1 and self.expressions == ("",)


#: By number.
FLOWS: Final = (
    Flow((16,)),
    Flow((1,)),
    Flow((5,)),
    Flow((16,), priority=2),
    Flow(()),
    Flow((0,)),
    Flow((16,), weight=0),
    Flow((16,), is_old=True),
    Flow((), is_old=True),
    Flow((4, 4), expressions=("price > 5", "price <= 5")),
    Flow((4,), expressions=("price >",)),
    Flow((2, 2), expressions=("", "")),
    Flow((16,), weight=2),
)


class Return(NamedTuple):
    """One way to close a queue: what is given back."""

    reads: int
    writes: int
    is_final: bool = False


#: By number.
RETURNS: Final = (
    Return(1, 1, is_final=True), Return(1, 0), Return(0, 1), Return(0, 0), Return(1, 1),
)  # fmt: skip


class Who(Enum):
    """Who a client says it is."""

    CLIENT = 0
    JSON = 1
    NO_GUIDS = 2
    OLD_PROPERTIES = 3
    ADMIN = 4
    OLD_SDK = 5
    NOBODY = 6
    PROXY = 7


class Credentials(NamedTuple):
    """What a client authenticates itself with."""

    mechanism: str
    data: bytes
    principal: str  # empty for one that is refused


_ALICE: Final = Credentials("BASIC", b"alice:secret", "alice")
SLOW: Final = Credentials("TEST", b"", "TEST_USER")
#: By number.
CREDENTIALS: Final = (
    _ALICE, Credentials("ANONYMOUS", b"", "anonymous"), Credentials("Basic", b"bob:hidden", "bob"),
    Credentials("BASIC", b"alice:wrong", ""), SLOW, Credentials("KERBEROS", b"alice", ""),
)  # fmt: skip
SLOW_MS: Final = 500
AUTHENTICATION: Final = AuthenticationConfig(
    authenticators=(
        PluginConfig(name="AnonAuthenticator"),
        PluginConfig(name="BasicAuthenticator", settings=(("alice", "secret"), ("bob", "hidden"))),
        PluginConfig(name="TestAuthenticator", settings=(("sleepTimeMs", SLOW_MS),)),
    ),
    anonymous_credential=Credential(mechanism="ANONYMOUS", identity=""),
)

_GUIDS: Final = GuidInfo(client_id="0A0B0C0D0E0F", nano_seconds_from_epoch=1)
_CLIENT: Final = ClientIdentity(
    protocol_version=1,
    client_type=ClientType.E_TCPCLIENT,
    process_name="fuzz",
    features=CLIENT_FEATURES,
    guid_info=_GUIDS,
)
_IDENTITIES: Final[Mapping[Who, ClientIdentity]] = {
    Who.CLIENT: _CLIENT,
    Who.JSON: replace(_CLIENT, features="PROTOCOL_ENCODING:JSON;MPS:MESSAGE_PROPERTIES_EX", pid=2),
    Who.NO_GUIDS: replace(_CLIENT, guid_info=GuidInfo()),
    Who.OLD_PROPERTIES: replace(_CLIENT, features="PROTOCOL_ENCODING:BER,JSON"),
    Who.ADMIN: replace(_CLIENT, client_type=ClientType.E_TCPADMIN),
    Who.OLD_SDK: replace(_CLIENT, sdk_version=10_000),
    Who.NOBODY: replace(_CLIENT, client_type=ClientType.E_UNKNOWN),
    Who.PROXY: replace(_CLIENT, cluster_name="local"),
}

#: Admin commands that change nothing a client could notice, by number; `COLLECT` forgets queues.
_DOMAIN: Final = "DOMAINS DOMAIN fuzz"
_CLUSTER_NAME: Final = f"CLUSTERS CLUSTER {CLUSTER.name}"
COLLECT: Final = f"{_CLUSTER_NAME} FORCE_GC_QUEUES"
COMMANDS: Final = (
    "HELP",
    f"{_DOMAIN}.memory INFOS",
    f"{_DOMAIN}.fanout QUEUE q LIST 0 10",
    f"{_DOMAIN}.synced QUEUE q INTERNALS",
    "STAT SHOW",
    f"{_CLUSTER_NAME} STATUS",
    f"{_CLUSTER_NAME} STORAGE SUMMARY",
    f"{_CLUSTER_NAME} STORAGE PARTITION ALL ROLLOVER",
    COLLECT,
    "DOMAINS RECONFIGURE fuzz.fanout",
    f"{_DOMAIN}.fanout QUEUE q LIST foo -3 0",
    f"{_DOMAIN}.aging QUEUE q INTERNALS",
    "CLUSTERS LIST",
    "MAKE COFFEE",
)
#: Apps that a purge names; empty for a whole queue.
PURGED: Final = (*[(number, "*") for number in range(8)], (2, "foo"), (2, "bar"))


def command(number: int) -> tuple[str, tuple[int, str] | None]:
    """Return a command by number, and what it purges: queue number and app."""
    number %= len(COMMANDS) + len(PURGED)
    if number < len(COMMANDS):
        return COMMANDS[number], None
    queue, app = PURGED[number - len(COMMANDS)]
    spec = QUEUES[queue]
    return f"DOMAINS DOMAIN {spec.domain} QUEUE {spec.uri.rpartition('/')[2]} PURGE {app}", (
        queue,
        app,
    )


@lru_cache(maxsize=_WORDS_MADE_MAX)
def identity(who: Who, name: str = "fuzz") -> bytes:
    """Return the first event of a client."""
    message = NegotiationMessage(choice=replace(_IDENTITIES[who], process_name=name))
    return control_event(message, Encoding.JSON if who is Who.JSON else Encoding.BER)


@lru_cache(maxsize=_WORDS_MADE_MAX)
def authentication(credentials: Credentials) -> bytes:
    """Return the event of a client that authenticates itself."""
    asked = AuthenticationRequest(mechanism=credentials.mechanism, data=credentials.data)
    message = AuthenticationMessage(choice=asked)
    return control_event(message, Encoding.BER, EventType.AUTHENTICATION)


@lru_cache(maxsize=_WORDS_MADE_MAX)
def request(r_id: int, choice: ControlChoice, *, is_json: bool = False) -> bytes:
    """Return a request as an event."""
    encoding = Encoding.JSON if is_json else Encoding.BER
    return control_event(ControlMessage(r_id=r_id, choice=choice), encoding)


@lru_cache(maxsize=_WORDS_MADE_MAX)
def open_queue(uri: str, queue_id: int, lane: Lane) -> OpenQueue:
    """Return the request to open a queue."""
    return OpenQueue(
        handle_parameters=QueueHandleParameters(
            uri=_with_app(uri, lane.sub_id),
            q_id=queue_id,
            sub_id_info=_sub_id_info(lane.sub_id),
            flags=lane.flags,
            read_count=lane.reads,
            write_count=lane.writes,
            admin_count=0,
        )
    )


def _with_app(uri: str, sub_id: int) -> str:
    return f"{uri}?id={SUB_APPS[sub_id]}" if sub_id else uri


def _sub_id_info(sub_id: int) -> SubQueueIdInfo | None:
    return SubQueueIdInfo(sub_id=sub_id, app_id=SUB_APPS[sub_id]) if sub_id else None


@lru_cache(maxsize=_WORDS_MADE_MAX)
def close_queue(uri: str, queue_id: int, sub_id: int, given: Return) -> CloseQueue:
    """Return the request to close a queue."""
    return CloseQueue(
        handle_parameters=QueueHandleParameters(
            uri=_with_app(uri, sub_id),
            q_id=queue_id,
            sub_id_info=_sub_id_info(sub_id),
            read_count=given.reads,
            write_count=given.writes,
            admin_count=0,
        ),
        is_final=given.is_final,
    )


@lru_cache(maxsize=_WORDS_MADE_MAX)
def configure(queue_id: int, sub_id: int, flow: Flow) -> ConfigureStream | ConfigureQueueStream:
    """Return the request to configure a stream."""
    if flow.is_old:
        return _configure_old(queue_id, sub_id, flow)
    subscriptions = [
        Subscription(
            s_id=push_id(sub_id, index),
            expression=_expression(flow.expressions[index]),
            consumers=(
                ConsumerInfo(
                    max_unconfirmed_messages=window,
                    max_unconfirmed_bytes=1 << 40,
                    consumer_priority=flow.priority - index,
                    consumer_priority_count=flow.weight,
                ),
            ),
        )
        for index, window in enumerate(flow.windows)
    ]
    parameters = StreamParameters(app_id=SUB_APPS[sub_id], subscriptions=tuple(subscriptions))
    return ConfigureStream(q_id=queue_id, stream_parameters=parameters)


def _configure_old(queue_id: int, sub_id: int, flow: Flow) -> ConfigureQueueStream:
    parameters = QueueStreamParameters(sub_id_info=_sub_id_info(sub_id))
    if flow.windows:
        parameters = replace(
            parameters,
            max_unconfirmed_messages=flow.windows[0],
            max_unconfirmed_bytes=1 << 40,
            consumer_priority=flow.priority,
            consumer_priority_count=flow.weight,
        )
    return ConfigureQueueStream(q_id=queue_id, stream_parameters=parameters)


def push_id(sub_id: int, index: int) -> int:
    """Return the id that messages for a subscription carry; no two of a qId have the same."""
    return 16 * (1 + sub_id) + index


def _expression(text: str) -> Expression:
    version = ExpressionVersion.E_VERSION_1 if text else ExpressionVersion.E_UNDEFINED
    return Expression(version=version, text=text)


def admin_command(text: str) -> AdminCommand:
    """Return the request to execute an admin command."""
    return AdminCommand(text)


DISCONNECT: Final = Disconnect()
