"""Results about clusters: their nodes, election, partitions, storage and queues."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reference_broker.admin.parts import Locality, StorageContent


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node of a cluster."""

    host_name: str
    node_id: int
    data_center: str


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """A cluster and its nodes."""

    locality: Locality
    name: str
    nodes: tuple[ClusterNode, ...]


@dataclass(frozen=True, slots=True)
class ClusterList:
    """The clusters that are active."""

    clusters: tuple[ClusterInfo, ...]


class FileStoreState(StrEnum):
    """Whether a partition's files are open."""

    OPEN = "open"
    CLOSED = "closed"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class FileSet:
    """Files that are still there, and how many payloads in memory refer to them."""

    data_file_name: str
    aliased_blob_buffer_count: int


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file of the active set: how far it is written, how long it is, how much is in use."""

    position_bytes: int
    size_bytes: int
    outstanding_bytes: int


@dataclass(frozen=True, slots=True)
class ActiveFileSet:
    """The files that are written to; a size of 0 says that there is no list of queues."""

    data_file: FileInfo
    journal_file: FileInfo
    qlist_file: FileInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStoreSummary:
    """A partition's primary, files and queues."""

    primary_node_description: str
    primary_lease_id: int
    sequence_num: int
    is_available: bool
    file_sets: tuple[FileSet, ...]
    active_file_set: ActiveFileSet
    total_mapped_bytes: int
    num_outstanding_records: int
    num_unreceipted_messages: int
    nagle_packet_count: int
    storage_content: StorageContent


@dataclass(frozen=True, slots=True)
class FileStore:
    """A partition; the summary is of an open one."""

    partition_id: int
    state: FileStoreState
    summary: FileStoreSummary | None = None


@dataclass(frozen=True, slots=True)
class ClusterStorageSummary:
    """The partitions of a cluster, and the folder that they are in."""

    cluster_file_store_location: str
    file_stores: tuple[FileStore, ...]


class NodeStatus(StrEnum):
    """What a node says about itself."""

    UNKNOWN = "E_UNKNOWN"
    STARTING = "E_STARTING"
    AVAILABLE = "E_AVAILABLE"
    STOPPING = "E_STOPPING"
    UNAVAILABLE = "E_UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNodeInfo:
    """A node as this one sees it; `is_available` is `None` for this node itself."""

    description: str
    is_available: bool | None
    status: NodeStatus
    primary_for_partition_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NodeStatuses:
    """The nodes of a cluster."""

    nodes: tuple[ClusterNodeInfo, ...]


class ElectorState(StrEnum):
    """The part that this node has in the election."""

    DORMANT = "DORMANT"
    FOLLOWER = "FOLLOWER"
    CANDIDATE = "CANDIDATE"
    LEADER = "LEADER"


class LeaderStatus(StrEnum):
    """Whether a leader, or a partition's primary, has begun its work."""

    UNDEFINED = "UNDEFINED"
    PASSIVE = "PASSIVE"
    ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True)
class LeaderMessageSequence:
    """The number of a leader's last message."""

    elector_term: int
    sequence_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectorInfo:
    """The election as this node sees it."""

    elector_state: ElectorState
    leader_node: str
    leader_message_sequence: LeaderMessageSequence
    leader_status: LeaderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionInfo:
    """A partition of the cluster's state; its id is its place in the list."""

    num_queues_mapped: int
    num_active_queues: int
    primary_node: str | None
    primary_lease_id: int
    primary_status: LeaderStatus


@dataclass(frozen=True, slots=True)
class PartitionsInfo:
    """The partitions of a cluster."""

    partitions: tuple[PartitionInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """A cluster that this node is a member of."""

    name: str
    description: str
    self_node_description: str
    is_healthy: bool
    node_statuses: NodeStatuses
    elector_info: ElectorInfo
    partitions_info: PartitionsInfo
    queues_info: StorageContent
    cluster_storage_summary: ClusterStorageSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterProxyStatus:
    """A cluster that this broker is a proxy to."""

    description: str
    active_node_description: str | None
    is_healthy: bool
    node_statuses: NodeStatuses
    queues_info: StorageContent


@dataclass(frozen=True, slots=True)
class ClusterDomain:
    """A domain with queues in a cluster."""

    name: str
    num_assigned_queues: int
    loaded: bool


@dataclass(frozen=True, slots=True)
class SubId:
    """A stream of a queue: its number and its app."""

    sub_id: int
    app_id: str


@dataclass(frozen=True, slots=True)
class OpenContext:
    """An open of a queue that waits."""

    queue_handle_parameters_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterQueue:
    """A queue of a cluster.

    The text form has the primary's description right behind the partition: the peer's begins with
    a blank, ` (primary: [localhost, 0])`.
    """

    uri: str
    num_in_flight_contexts: int
    is_assigned: bool
    is_primary_available: bool
    id: int
    sub_ids: tuple[SubId, ...]
    partition_id: int
    primary_node_description: str | None
    key: str
    is_created: bool
    contexts: tuple[OpenContext, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterQueueHelper:
    """The queues of a cluster and how far their opening is."""

    cluster_name: str
    locality: Locality
    num_queues: int
    num_queue_keys: int
    num_pending_reopen_queue_requests: int
    domains: tuple[ClusterDomain, ...]
    queues: tuple[ClusterQueue, ...]
