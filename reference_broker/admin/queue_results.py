"""The result of `INTERNALS`: a queue from the inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from reference_broker.admin.parts import CHOICE, CapacityMeter, named


@dataclass(frozen=True, slots=True)
class VirtualStorage:
    """The messages of one app."""

    app_id: str
    app_key: str
    num_messages: int


@dataclass(frozen=True, slots=True)
class QueueStorage:
    """The messages of a queue, and of each of its apps."""

    num_messages: int
    num_bytes: int
    virtual_storages: tuple[VirtualStorage, ...] = ()


class ResourceUsageState(StrEnum):
    """How far a limit is used up."""

    NORMAL = "STATE_NORMAL"
    HIGH_WATERMARK = "STATE_HIGH_WATERMARK"
    FULL = "STATE_FULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUsageMonitor:
    """What a consumer has not confirmed, against its limits; the ratios are whole numbers."""

    state: ResourceUsageState
    messages_state: ResourceUsageState
    num_messages: int
    messages_low_watermark_ratio: int
    messages_high_watermark_ratio: int
    messages_capacity: int
    bytes_state: ResourceUsageState
    num_bytes: int
    bytes_low_watermark_ratio: int
    bytes_high_watermark_ratio: int
    bytes_capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueHandleSubStream:
    """A stream that a client has of a queue."""

    sub_id: int
    app_id: str | None
    parameters_json: str
    unconfirmed_monitors: tuple[ResourceUsageMonitor, ...] = ()
    num_unconfirmed_messages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueHandle:
    """A client that has opened a queue."""

    client_description: str
    parameters_json: str
    is_client_cluster_member: bool = False
    sub_streams: tuple[QueueHandleSubStream, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """A queue, its storage and its clients.

    The parameters have the text that the peer prints, which is no JSON in spite of their names.
    """

    uri: str
    handle_parameters_json: str
    stream_parameters_json: str
    id: int
    key: str
    partition_id: int
    storage: QueueStorage | None
    capacity_meter: CapacityMeter | None
    handles: tuple[QueueHandle, ...]


@dataclass(frozen=True, slots=True)
class RouterConsumer:
    """A consumer that gets messages in turn: `count` of its subscriptions, in one expression."""

    priority: int
    queue_handle: QueueHandle
    count: int
    expression: str


@dataclass(frozen=True, slots=True)
class RoundRobinRouter:
    """The consumers of an app, in the order of their turns."""

    consumers: tuple[RouterConsumer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppState:
    """The delivery to one app."""

    app_id: str
    num_consumers: int
    redelivery_list_length: int
    round_robin_router: RoundRobinRouter


class ConsumerStatus(StrEnum):
    """An app with consumers, one without, and one that the domain does not have."""

    ALIVE = "alive"
    REGISTERED = "registered"
    UNAUTHORIZED = "unauthorized"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerState:
    """An app of a queue; where it stands in the storage is `None` for an unauthorized one."""

    app_id: str
    status: ConsumerStatus
    is_at_end_of_storage: bool | None
    app_state: AppState


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerInfo:
    """The limits and the priority of a subscription."""

    max_unconfirmed_messages: int
    max_unconfirmed_bytes: int
    consumer_priority: int
    consumer_priority_count: int


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whose subscription it is."""

    downstream_sub_queue_id: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription of a consumer."""

    downstream_subscription_id: int
    consumer: ConsumerInfo
    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class PriorityGroup:
    """The subscriptions of the highest priority."""

    id: int
    highest_subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionGroup:
    """The subscriptions of one expression."""

    id: int
    expression: str
    upstream_sub_queue_id: int
    priority_group: PriorityGroup | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """How messages find subscriptions; only JSON shows it."""

    subscription_groups: tuple[SubscriptionGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FanoutQueueEngine:
    """The engine of a primary, whatever the domain's mode: `fanout`, `priority`, `broadcast`."""

    max_consumers: int
    mode: str
    consumer_states: tuple[ConsumerState, ...]
    routing: Routing = field(metadata=named("Routing"))


@dataclass(frozen=True, slots=True)
class RelayQueueEngineSubStream:
    """What a replica or proxy holds for one app."""

    app_id: str
    app_key: str
    num_messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayQueueEngine:
    """The engine of a replica or proxy."""

    num_substreams: int
    sub_streams: tuple[RelayQueueEngineSubStream, ...]
    app_states: tuple[AppState, ...]
    routing: Routing = field(metadata=named("Routing"))


QueueEngine: TypeAlias = FanoutQueueEngine | RelayQueueEngine


@dataclass(frozen=True, slots=True)
class LocalQueue:
    """A queue whose primary this broker is."""

    queue_engine: QueueEngine = field(metadata=CHOICE)


@dataclass(frozen=True, slots=True)
class RemoteStreamInfo:
    """A stream of a remote queue."""

    id: int
    state: str
    gen_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteQueue:
    """A queue whose primary is another broker."""

    num_pending_puts: int
    num_pending_confirms: int
    is_push_expiration_timer_scheduled: bool
    num_upstream_generation: int
    streams: tuple[RemoteStreamInfo, ...]
    queue_engine: QueueEngine = field(metadata=CHOICE)


@dataclass(frozen=True, slots=True)
class UninitializedQueue:
    """A queue that is not ready yet."""


@dataclass(frozen=True, slots=True)
class QueueInternals:
    """A queue from the inside."""

    state: QueueState
    queue: LocalQueue | RemoteQueue | UninitializedQueue = field(metadata=CHOICE)
