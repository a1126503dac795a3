"""The admin commands as values; `docs/protocol/admin.md` has their grammar.

Each says everything that whoever executes it has to know: names as they were given, numbers in
their ranges. A name is never empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, TypeAlias

from reference_broker.admin.values import Value
from reference_broker.base.errors import BrokerError

# What `PURGE` takes instead of an appId to empty the whole queue.
ALL_APPS: Final = "*"
# What `PARTITION ALL` says; only ROLLOVER can do it.
ALL_PARTITIONS: Final = -1

_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


class CommandError(BrokerError):
    """A text that is no admin command; `str()` is the reason in the peer's words."""


def is_unicode(text: str) -> bool:
    """Return whether a text is without the halves of pairs that stand for bytes that are not UTF-8.

    A name is repeated in answers and in log lines, which could not carry them.
    """
    return text.isascii() or not _SURROGATE.search(text)


class OutputEncoding(StrEnum):
    """How the answer is to be written."""

    TEXT = "TEXT"
    JSON_COMPACT = "JSON_COMPACT"
    JSON_PRETTY = "JSON_PRETTY"


@dataclass(frozen=True, slots=True)
class ShowHelp:
    """`HELP [PLUMBING]`."""

    plumbing: bool = False


@dataclass(frozen=True, slots=True)
class DumpBrokerConfig:
    """`BROKERCONFIG DUMP`."""


@dataclass(frozen=True, slots=True)
class PurgeDomain:
    """`DOMAINS DOMAIN <name> PURGE`."""

    domain: str


@dataclass(frozen=True, slots=True)
class ShowDomain:
    """`DOMAINS DOMAIN <name> INFOS`."""

    domain: str


@dataclass(frozen=True, slots=True)
class PurgeQueue:
    """`DOMAINS DOMAIN <name> QUEUE <queue> PURGE <appId>`; the appId may be `ALL_APPS`."""

    domain: str
    queue: str
    app_id: str


@dataclass(frozen=True, slots=True)
class ShowQueueInternals:
    """`DOMAINS DOMAIN <name> QUEUE <queue> INTERNALS`."""

    domain: str
    queue: str


@dataclass(frozen=True, slots=True)
class ListMessages:
    """`DOMAINS DOMAIN <name> QUEUE <queue> LIST [<appId>] <offset> <count>`.

    Args:
        domain: where the queue is.
        queue: its name.
        app_id: list only what this app has not confirmed; `None` lists all.
        offset: index of the first message; a negative one counts from the end.
        count: how many; 0 is all from the offset on, a negative one so many before the offset.
    """

    domain: str
    queue: str
    app_id: str | None
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class ReconfigureDomain:
    """`DOMAINS RECONFIGURE <domain>`."""

    domain: str


@dataclass(frozen=True, slots=True)
class RemoveDomain:
    """`DOMAINS REMOVE <domain> [FINALIZE]`."""

    domain: str
    finalize: bool = False


@dataclass(frozen=True, slots=True)
class ClearResolverCache:
    """`DOMAINS RESOLVER CACHE_CLEAR (<domain>|ALL)`; `None` is all."""

    domain: str | None


@dataclass(frozen=True, slots=True)
class ClearConfigCache:
    """`CONFIGPROVIDER CACHE_CLEAR (<domain>|ALL)`; `None` is all."""

    domain: str | None


@dataclass(frozen=True, slots=True)
class ShowStatistics:
    """`STAT SHOW`."""


@dataclass(frozen=True, slots=True)
class SetStatTunable:
    """`STAT SET <parameter> <value>`."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class GetStatTunable:
    """`STAT GET <parameter>`."""

    name: str


@dataclass(frozen=True, slots=True)
class ListStatTunables:
    """`STAT LIST_TUNABLES`."""


@dataclass(frozen=True, slots=True)
class ListClusters:
    """`CLUSTERS LIST`."""


@dataclass(frozen=True, slots=True)
class ShowClusterStatus:
    """`CLUSTERS CLUSTER <name> STATUS`."""

    cluster: str


@dataclass(frozen=True, slots=True)
class ShowQueueHelper:
    """`CLUSTERS CLUSTER <name> QUEUEHELPER`."""

    cluster: str


@dataclass(frozen=True, slots=True)
class ForceGcQueues:
    """`CLUSTERS CLUSTER <name> FORCE_GC_QUEUES`."""

    cluster: str


@dataclass(frozen=True, slots=True)
class ShowStorage:
    """`CLUSTERS CLUSTER <name> STORAGE SUMMARY`."""

    cluster: str


class PartitionAction(Enum):
    """What `STORAGE PARTITION` does."""

    ENABLE = "enable"
    DISABLE = "disable"
    SUMMARY = "summary"
    ROLLOVER = "rollover"


@dataclass(frozen=True, slots=True)
class ControlPartition:
    """`CLUSTERS CLUSTER <name> STORAGE PARTITION (<partitionId>|ALL) <action>`.

    The partition may be any 32-bit integer; that there is one of that number is not checked here.
    """

    cluster: str
    partition_id: int
    action: PartitionAction


@dataclass(frozen=True, slots=True)
class ShowStorageDomain:
    """`CLUSTERS CLUSTER <name> STORAGE DOMAIN <domain> QUEUE_STATUS`."""

    cluster: str
    domain: str


@dataclass(frozen=True, slots=True)
class PurgeStorageDomain:
    """Purge a domain by its storage; only the JSON form can say it."""

    cluster: str
    domain: str


@dataclass(frozen=True, slots=True)
class PurgeStorageQueue:
    """Purge a queue by its storage; only the JSON form can say it."""

    cluster: str
    canonical_uri: str
    app_id: str


class TunableGroup(Enum):
    """Which part of a cluster a tunable parameter belongs to."""

    ELECTOR = "elector"
    REPLICATION = "replication"


@dataclass(frozen=True, slots=True)
class SetTunable:
    """`CLUSTERS CLUSTER <name> ... (SET|SET_ALL) <parameter> <value>`."""

    cluster: str
    group: TunableGroup
    name: str
    value: Value
    on_all_nodes: bool = False


@dataclass(frozen=True, slots=True)
class GetTunable:
    """`CLUSTERS CLUSTER <name> ... (GET|GET_ALL) <parameter>`."""

    cluster: str
    group: TunableGroup
    name: str
    on_all_nodes: bool = False


@dataclass(frozen=True, slots=True)
class ListTunables:
    """`CLUSTERS CLUSTER <name> ... LIST_TUNABLES`."""

    cluster: str
    group: TunableGroup


ClusterCommand: TypeAlias = (
    ShowClusterStatus
    | ShowQueueHelper
    | ForceGcQueues
    | ShowStorage
    | ControlPartition
    | ShowStorageDomain
    | PurgeStorageDomain
    | PurgeStorageQueue
    | SetTunable
    | GetTunable
    | ListTunables
)
DomainCommand: TypeAlias = (
    PurgeDomain
    | ShowDomain
    | PurgeQueue
    | ShowQueueInternals
    | ListMessages
    | ReconfigureDomain
    | RemoveDomain
    | ClearResolverCache
)
StatCommand: TypeAlias = ShowStatistics | SetStatTunable | GetStatTunable | ListStatTunables
Command: TypeAlias = (
    ShowHelp
    | DumpBrokerConfig
    | DomainCommand
    | ClearConfigCache
    | StatCommand
    | ListClusters
    | ClusterCommand
)


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A command, and how its answer is to be written."""

    command: Command
    encoding: OutputEncoding = OutputEncoding.TEXT
