"""Messages between brokers: ClusterMessage and ElectorMessage.

Declared as `messages.py` explains; those on partitions are in `partition_messages.py`. "Asked by"
and "answered by" are the two ends of a request; an advisory has no answer. The advisories on the
cluster's state are also the entries of the cluster state ledger.

Peer: bmqp_ctrlmsg.xsd.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, TypeAlias

from reference_broker.wire.control.kinds import I32, U32, U64, Id
from reference_broker.wire.control.partition_messages import (
    PartitionMessage,
    PartitionSyncDataQuery,
    PartitionSyncDataQueryResponse,
    PartitionSyncDataQueryStatus,
    PartitionSyncStateQuery,
    PartitionSyncStateQueryResponse,
    PrimaryStatusAdvisory,
    StorageSyncRequest,
    StorageSyncResponse,
)


class NodeStatus(IntEnum):
    """What a cluster member says of itself."""

    E_UNKNOWN = 0
    E_STARTING = 10
    E_AVAILABLE = 20
    E_STOPPING = 30
    E_UNAVAILABLE = 40


# --- Shared types


@dataclass(frozen=True, slots=True)
class LeaderMessageSequence:
    """Number of an advisory of the leader, counted within the term of its election."""

    elector_term: U64 = 0
    sequence_number: U64 = 0


@dataclass(frozen=True, slots=True)
class PartitionPrimaryInfo:
    """Which node is the primary of a partition, and under which lease."""

    partition_id: I32 = 0
    primary_node_id: I32 = 0
    primary_lease_id: U32 = 0


@dataclass(frozen=True, slots=True)
class AppIdInfo:
    """An app id and its 5-byte key."""

    app_id: str = ""
    app_key: bytes = b""


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """A queue, its 5-byte key, where it is stored and its app ids."""

    uri: str = ""
    key: bytes = b""
    partition_id: I32 = 0
    app_ids: tuple[AppIdInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueInfoUpdate:
    """Change of a queue's app ids."""

    uri: str = ""
    key: bytes = b""
    partition_id: I32 = 0
    added_app_ids: tuple[AppIdInfo, ...] = ()
    removed_app_ids: tuple[AppIdInfo, ...] = ()
    domain: str = ""


# --- The leader and the cluster's state


@dataclass(frozen=True, slots=True)
class PartitionPrimaryAdvisory:
    """Advisory of the leader: primaries of partitions."""

    sequence_number: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)
    partitions: tuple[PartitionPrimaryInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaderAdvisory:
    """Advisory of the leader: the whole state of the cluster."""

    sequence_number: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)
    partitions: tuple[PartitionPrimaryInfo, ...] = ()
    queues: tuple[QueueInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueAssignmentAdvisory:
    """Advisory of the leader: queues and the partitions they went to."""

    sequence_number: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)
    queues: tuple[QueueInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueUnAssignmentAdvisory:
    """Advisory of the leader: queues that have left their partition."""

    sequence_number: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)
    partition_id: I32 = 0
    primary_lease_id: U32 = 0
    primary_node_id: I32 = 0
    queues: tuple[QueueInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueUpdateAdvisory:
    """Advisory of the leader: changed app ids."""

    sequence_number: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)
    queue_updates: tuple[QueueInfoUpdate, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaderAdvisoryAck:
    """A follower has stored an advisory; only in CLUSTER_STATE events."""

    sequence_number_acked: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)


@dataclass(frozen=True, slots=True)
class LeaderAdvisoryCommit:
    """The leader: a quorum has stored an advisory."""

    sequence_number: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)
    sequence_number_committed: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)


@dataclass(frozen=True, slots=True)
class LeaderSyncStateQuery:
    """Asked by a new leader: which advisory did you see last?"""


@dataclass(frozen=True, slots=True)
class LeaderSyncStateQueryResponse:
    """Answered by a follower: its last advisory."""

    leader_message_sequence: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)


@dataclass(frozen=True, slots=True)
class LeaderSyncDataQuery:
    """Asked by a new leader of the follower that knows most: send your state."""


@dataclass(frozen=True, slots=True)
class LeaderSyncDataQueryResponse:
    """Answered by that follower: the state as an advisory."""

    leader_sync_data: LeaderAdvisory = field(default_factory=LeaderAdvisory)


@dataclass(frozen=True, slots=True)
class QueueAssignmentRequest:
    """Asked of the leader: assign this queue; the answer is a `Status`."""

    queue_uri: str = ""


@dataclass(frozen=True, slots=True)
class QueueUnassignmentRequest:
    """Asked of the leader: this queue is not in use any more."""

    queue_uri: str = ""
    partition_id: I32 = 0
    queue_key: bytes = b""


# --- Nodes


@dataclass(frozen=True, slots=True)
class NodeStatusAdvisory:
    """Advisory of a member: its own status."""

    status: NodeStatus = NodeStatus.E_UNKNOWN


@dataclass(frozen=True, slots=True)
class LeaderPassive:
    """The leader cannot serve yet."""


StateNotificationChoice: TypeAlias = Annotated[LeaderPassive, Id(0)]


@dataclass(frozen=True, slots=True)
class StateNotification:
    """Advisory: a state that the others should know of."""

    choice: StateNotificationChoice | None = None


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Asked by a broker that is about to stop."""

    cluster_name: str = ""
    version: I32 = 1


@dataclass(frozen=True, slots=True)
class StopResponse:
    """Answered when nothing is in the way of the stop."""

    cluster_name: str = ""


# --- The cluster state machine


@dataclass(frozen=True, slots=True)
class FollowerLSNRequest:
    """Asked by the leader: what is your last sequence number?"""


@dataclass(frozen=True, slots=True)
class FollowerLSNResponse:
    """Answered by a follower: its last sequence number."""

    sequence_number: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """Asked by a follower: count me in, this is my last sequence number."""

    sequence_number: LeaderMessageSequence = field(default_factory=LeaderMessageSequence)


@dataclass(frozen=True, slots=True)
class RegistrationResponse:
    """Answered by the leader."""


@dataclass(frozen=True, slots=True)
class FollowerClusterStateRequest:
    """Asked by the leader of the follower that knows most: send your state."""


@dataclass(frozen=True, slots=True)
class FollowerClusterStateResponse:
    """Answered by that follower: the state as an advisory."""

    cluster_state_snapshot: LeaderAdvisory = field(default_factory=LeaderAdvisory)


ClusterStateFSMChoice: TypeAlias = (
    Annotated[FollowerLSNRequest, Id(0)]
    | Annotated[FollowerLSNResponse, Id(1)]
    | Annotated[RegistrationRequest, Id(2)]
    | Annotated[RegistrationResponse, Id(3)]
    | Annotated[FollowerClusterStateRequest, Id(4)]
    | Annotated[FollowerClusterStateResponse, Id(5)]
)


@dataclass(frozen=True, slots=True)
class ClusterStateFSMMessage:
    """Requests and answers of the cluster state machine."""

    choice: ClusterStateFSMChoice | None = None


# The ids 17 to 19 are retired.
ClusterChoice: TypeAlias = (
    Annotated[PartitionPrimaryAdvisory, Id(0)]
    | Annotated[LeaderAdvisory, Id(1)]
    | Annotated[QueueAssignmentAdvisory, Id(2)]
    | Annotated[NodeStatusAdvisory, Id(3)]
    | Annotated[LeaderSyncStateQuery, Id(4)]
    | Annotated[LeaderSyncStateQueryResponse, Id(5)]
    | Annotated[LeaderSyncDataQuery, Id(6)]
    | Annotated[LeaderSyncDataQueryResponse, Id(7)]
    | Annotated[QueueAssignmentRequest, Id(8)]
    | Annotated[StorageSyncRequest, Id(9)]
    | Annotated[StorageSyncResponse, Id(10)]
    | Annotated[PartitionSyncStateQuery, Id(11)]
    | Annotated[PartitionSyncStateQueryResponse, Id(12)]
    | Annotated[PartitionSyncDataQuery, Id(13)]
    | Annotated[PartitionSyncDataQueryResponse, Id(14)]
    | Annotated[PartitionSyncDataQueryStatus, Id(15)]
    | Annotated[PrimaryStatusAdvisory, Id(16)]
    | Annotated[QueueUnAssignmentAdvisory, Id(20)]
    | Annotated[LeaderAdvisoryAck, Id(21)]
    | Annotated[LeaderAdvisoryCommit, Id(22)]
    | Annotated[StateNotification, Id(23)]
    | Annotated[StopRequest, Id(24)]
    | Annotated[StopResponse, Id(25)]
    | Annotated[QueueUnassignmentRequest, Id(26)]
    | Annotated[QueueUpdateAdvisory, Id(27)]
    | Annotated[ClusterStateFSMMessage, Id(28)]
    | Annotated[PartitionMessage, Id(29)]
)


@dataclass(frozen=True, slots=True)
class ClusterMessage:
    """Every control message between brokers; also bare, in the ledger and in CLUSTER_STATE."""

    choice: ClusterChoice | None = None


# --- Election


@dataclass(frozen=True, slots=True)
class ElectionProposal:
    """A candidate asks for votes."""


@dataclass(frozen=True, slots=True)
class ElectionResponse:
    """A vote."""


@dataclass(frozen=True, slots=True)
class LeaderHeartbeat:
    """The leader is alive."""


@dataclass(frozen=True, slots=True)
class ElectorNodeStatus:
    """Whether a node takes part in the election."""

    is_available: bool = False


@dataclass(frozen=True, slots=True)
class HeartbeatResponse:
    """Answer to the heartbeat of a leader whose term is over."""


@dataclass(frozen=True, slots=True)
class ScoutingRequest:
    """Would you vote for me?"""


@dataclass(frozen=True, slots=True)
class ScoutingResponse:
    """Answer to `ScoutingRequest`."""

    will_vote: bool = False


@dataclass(frozen=True, slots=True)
class LeadershipCessionNotification:
    """The leader steps down."""


ElectorChoice: TypeAlias = (
    Annotated[ElectionProposal, Id(0)]
    | Annotated[ElectionResponse, Id(1)]
    | Annotated[LeaderHeartbeat, Id(2)]
    | Annotated[ElectorNodeStatus, Id(3)]
    | Annotated[HeartbeatResponse, Id(4)]
    | Annotated[ScoutingRequest, Id(5)]
    | Annotated[ScoutingResponse, Id(6)]
    | Annotated[LeadershipCessionNotification, Id(7)]
)


@dataclass(frozen=True, slots=True)
class ElectorMessage:
    """Body of an ELECTOR event, always in BER."""

    term: U64 = 0
    choice: ElectorChoice | None = None
