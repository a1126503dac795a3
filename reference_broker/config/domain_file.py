"""The schema of a domain file. Peer: mqbconf.xsd.

One member is ours: `storage.durability`, a choice of `os` and `fsync`. The peer skips it as unknown.
Limits and `messageTtl` have no default in the peer's schema; there a missing one silently becomes
zero and messages vanish within seconds, so here they are required.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from reference_broker.config.reader import Choice
from reference_broker.config.scalars import Attempts, Count32, Count64, Name, Ratio


class Empty(Struct, frozen=True):
    """An object without members."""


class FanoutFile(Struct, frozen=True, kw_only=True):
    """`mode.fanout`."""

    app_ids: tuple[Name, ...] = field(name="appIDs", default=())
    publish_app_id_metrics: bool = field(name="publishAppIdMetrics", default=True)


class ModeFile(Choice, frozen=True, kw_only=True):
    """`mode`."""

    fanout: FanoutFile | None = None
    priority: Empty | None = None
    broadcast: Empty | None = None


class ConsistencyFile(Choice, frozen=True, kw_only=True):
    """`consistency`."""

    eventual: Empty | None = None
    strong: Empty | None = None


class StorageKindFile(Choice, frozen=True, kw_only=True, rename="camel"):
    """`storage.config`."""

    in_memory: Empty | None = None
    file_backed: Empty | None = None


class DurabilityFile(Choice, frozen=True, kw_only=True):
    """`storage.durability`, our extension."""

    os: Empty | None = None
    fsync: Empty | None = None


class LimitsFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`storage.queueLimits` and `storage.domainLimits`."""

    messages: Count64
    messages_watermark_ratio: Ratio = 0.8
    bytes: Count64
    bytes_watermark_ratio: Ratio = 0.8


class StorageFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`storage`."""

    domain_limits: LimitsFile
    queue_limits: LimitsFile
    config: StorageKindFile
    durability: DurabilityFile | None = None


class MessageGroupFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`msgGroupIdConfig`."""

    rebalance: bool = False
    max_groups: Count32 = 2**31 - 1
    ttl_seconds: Count64 = 0


class ExpressionFile(Struct, frozen=True, kw_only=True):
    """`subscriptions[].expression`."""

    version: Literal["E_UNDEFINED", "E_VERSION_1"] = "E_UNDEFINED"
    text: str = ""


class SubscriptionFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`subscriptions[]`; the app id is empty where the mode has no apps."""

    app_id: str = ""
    expression: ExpressionFile = ExpressionFile()


class ParametersFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`definition.parameters`."""

    name: str = ""
    mode: ModeFile
    storage: StorageFile
    max_consumers: Count32 = 0
    max_producers: Count32 = 0
    max_queues: Count32 = 0
    msg_group_id_config: MessageGroupFile | None = None
    max_idle_time: Count32 = 0
    message_ttl: Count64
    max_delivery_attempts: Attempts = 0
    deduplication_time_ms: Count32 = 300_000
    consistency: ConsistencyFile = ConsistencyFile(eventual=Empty())
    subscriptions: tuple[SubscriptionFile, ...] = ()


class DefinitionFile(Struct, frozen=True, kw_only=True):
    """`definition`."""

    location: Name
    parameters: ParametersFile


class DomainFile(Choice, frozen=True, kw_only=True):
    """The document."""

    definition: DefinitionFile | None = None
    redirect: Name | None = None
