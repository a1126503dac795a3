"""The results of admin commands as values, member by member those of the peer's schema.

A field is called as the schema's member, in snake case; a member that may be absent is `None`. Text
and JSON are made of them elsewhere. Counts and sizes are plain integers, sizes in bytes.

Peer: mqbcmd.xsd, the choice `Result`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from reference_broker.admin.cluster_results import (
    ClusterList,
    ClusterProxyStatus,
    ClusterQueueHelper,
    ClusterStatus,
    ClusterStorageSummary,
)
from reference_broker.admin.parts import CHOICE, CapacityMeter, StorageContent, named
from reference_broker.admin.queue_results import QueueInternals
from reference_broker.admin.values import Datetime, Value


@dataclass(frozen=True, slots=True)
class Success:
    """It is done, and there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Error:
    """It is not done."""

    message: str


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A line of the help: a command's form and what it does."""

    command: str
    description: str


@dataclass(frozen=True, slots=True)
class Help:
    """The commands that there are."""

    commands: tuple[CommandSpec, ...]
    is_plumbing: bool


@dataclass(frozen=True, slots=True)
class BrokerConfigDump:
    """The broker's configuration as a JSON text."""

    as_json: str = field(metadata=named("asJSON"))


@dataclass(frozen=True, slots=True)
class Stats:
    """Statistics as a text: tables, or JSON if the command asked for JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Tunable:
    """A parameter, its value, and what it is for."""

    name: str
    value: Value = field(metadata=CHOICE)
    description: str


@dataclass(frozen=True, slots=True)
class Tunables:
    """The parameters that there are."""

    tunables: tuple[Tunable, ...]


@dataclass(frozen=True, slots=True)
class TunableConfirmation:
    """A parameter has another value now."""

    name: str
    old_value: Value = field(metadata=CHOICE)
    new_value: Value = field(metadata=CHOICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainInfo:
    """A domain, its configuration as a JSON text, its queues and its storage."""

    name: str
    config_json: str
    cluster_name: str
    capacity_meter: CapacityMeter
    queue_uris: tuple[str, ...]
    storage_content: StorageContent


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgedQueue:
    """What was purged of one queue."""

    queue_uri: str
    app_id: str
    app_key: str
    num_messages_purged: int
    num_bytes_purged: int


@dataclass(frozen=True, slots=True)
class PurgedQueues:
    """What was purged, and why what could not be was not."""

    queues: tuple[PurgedQueue | Error, ...] = field(metadata=CHOICE)


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a listing; the GUID has 32 hexadecimal digits."""

    guid: str
    size_bytes: int
    arrival_timestamp: Datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueContents:
    """A range of a queue's messages; the offset counts from the queue's first message."""

    messages: tuple[Message, ...]
    offset: int
    total_queue_messages: int


Result: TypeAlias = (
    Success
    | Error
    | Help
    | BrokerConfigDump
    | Stats
    | Tunable
    | Tunables
    | TunableConfirmation
    | DomainInfo
    | PurgedQueues
    | QueueContents
    | QueueInternals
    | StorageContent
    | ClusterList
    | ClusterStatus
    | ClusterProxyStatus
    | ClusterQueueHelper
    | ClusterStorageSummary
)
