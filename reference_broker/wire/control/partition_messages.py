"""Messages between brokers about the partitions of the storage.

Declared as `messages.py` explains; wrapped by the `ClusterMessage` of `cluster_messages.py`.

Peer: bmqp_ctrlmsg.xsd.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, TypeAlias

from reference_broker.wire.control.kinds import I32, U32, U64, Id
from reference_broker.wire.control.status import Status


class PrimaryStatus(IntEnum):
    """What a partition's primary says of itself."""

    E_UNDEFINED = 0
    E_PASSIVE = 1
    E_ACTIVE = 5


class ReplicaDataType(IntEnum):
    """Which way a partition's data goes, seen from the primary."""

    E_UNKNOWN = 0
    E_PULL = 10
    E_PUSH = 20
    E_DROP = 30


class StorageSyncResponseType(IntEnum):
    """What follows an answer to a storage sync request."""

    E_UNDEFINED = 0
    E_PATCH = 1
    E_FILE = 2
    E_IN_SYNC = 3
    E_EMPTY = 4


# --- Shared types


@dataclass(frozen=True, slots=True)
class PartitionSequenceNumber:
    """Number of a record of a partition, counted within the lease of its primary."""

    primary_lease_id: U32 = 0
    sequence_number: U64 = 0


@dataclass(frozen=True, slots=True)
class SyncPoint:
    """A mark in a partition's journal, with the sizes of its other files at that moment."""

    primary_lease_id: U32 = 0
    sequence_num: U64 = 0
    data_file_offset_dwords: U32 = 0
    qlist_file_offset_words: U32 = 0


@dataclass(frozen=True, slots=True)
class SyncPointOffsetPair:
    """A sync point and where it stands in the journal, in bytes."""

    sync_point: SyncPoint = field(default_factory=SyncPoint)
    offset: U64 = 0


# --- Partitions without the state machine


@dataclass(frozen=True, slots=True)
class PrimaryStatusAdvisory:
    """Advisory of a partition's primary: its status."""

    partition_id: I32 = 0
    primary_lease_id: U32 = 0
    status: PrimaryStatus = PrimaryStatus.E_UNDEFINED


@dataclass(frozen=True, slots=True)
class StorageSyncRequest:
    """Asked by a recovering node: send what lies between these sync points."""

    partition_id: I32 = 0
    begin_sync_point_offset_pair: SyncPointOffsetPair | None = None
    end_sync_point_offset_pair: SyncPointOffsetPair | None = None


@dataclass(frozen=True, slots=True)
class StorageSyncResponse:
    """Answered before the data come as RECOVERY events."""

    partition_id: I32 = 0
    storage_sync_response_type: StorageSyncResponseType = StorageSyncResponseType.E_UNDEFINED
    begin_sync_point: SyncPoint = field(default_factory=SyncPoint)
    end_sync_point: SyncPoint = field(default_factory=SyncPoint)


@dataclass(frozen=True, slots=True)
class PartitionSyncStateQuery:
    """Asked by a new primary: how far are you?"""

    partition_id: I32 = -1


@dataclass(frozen=True, slots=True)
class PartitionSyncStateQueryResponse:
    """Answered by a replica: its last record and sync point."""

    partition_id: I32 = 0
    primary_lease_id: U32 = 0
    sequence_num: U64 = 0
    last_sync_point_offset_pair: SyncPointOffsetPair = field(default_factory=SyncPointOffsetPair)


@dataclass(frozen=True, slots=True)
class PartitionSyncDataQuery:
    """Asked by a new primary: send the records that I lack."""

    partition_id: I32 = 0
    last_primary_lease_id: U32 = 0
    last_sequence_num: U64 = 0
    upto_primary_lease_id: U32 = 0
    upto_sequence_num: U64 = 0
    last_sync_point_offset_pair: SyncPointOffsetPair = field(default_factory=SyncPointOffsetPair)


@dataclass(frozen=True, slots=True)
class PartitionSyncDataQueryResponse:
    """Answered by a replica when the records have been sent."""

    partition_id: I32 = 0
    end_primary_lease_id: U32 = 0
    end_sequence_num: U64 = 0


@dataclass(frozen=True, slots=True)
class PartitionSyncDataQueryStatus:
    """Advisory: how sending the records went."""

    partition_id: I32 = 0
    status: Status = field(default_factory=Status)


# --- The partition state machine


@dataclass(frozen=True, slots=True)
class _PartitionState:
    """How far one side is with a partition; the four state messages are alike."""

    partition_id: I32 = 0
    primary_lease_id: U32 = 0
    latest_sequence_number: PartitionSequenceNumber = field(default_factory=PartitionSequenceNumber)
    first_sync_point_after_rollover_sequence_number: PartitionSequenceNumber = field(
        default_factory=PartitionSequenceNumber
    )


@dataclass(frozen=True, slots=True)
class ReplicaStateRequest(_PartitionState):
    """Asked by the primary: how far are you? This is how far I am."""


@dataclass(frozen=True, slots=True)
class ReplicaStateResponse(_PartitionState):
    """Answered by a replica: how far it is."""


@dataclass(frozen=True, slots=True)
class PrimaryStateRequest(_PartitionState):
    """Asked by a replica: how far are you? This is how far I am."""


@dataclass(frozen=True, slots=True)
class PrimaryStateResponse(_PartitionState):
    """Answered by the primary: how far it is."""


@dataclass(frozen=True, slots=True)
class _ReplicaData:
    """A range of records and what shall happen to it; the two data messages are alike."""

    partition_id: I32 = 0
    primary_lease_id: U32 = 0
    replica_data_type: ReplicaDataType = ReplicaDataType.E_UNKNOWN
    begin_sequence_number: PartitionSequenceNumber = field(default_factory=PartitionSequenceNumber)
    end_sequence_number: PartitionSequenceNumber = field(default_factory=PartitionSequenceNumber)


@dataclass(frozen=True, slots=True)
class ReplicaDataRequest(_ReplicaData):
    """Asked by the primary: send, take or drop these records."""


@dataclass(frozen=True, slots=True)
class ReplicaDataResponse(_ReplicaData):
    """Answered by a replica when that is done."""


PartitionChoice: TypeAlias = (
    Annotated[ReplicaStateRequest, Id(0)]
    | Annotated[ReplicaStateResponse, Id(1)]
    | Annotated[PrimaryStateRequest, Id(2)]
    | Annotated[PrimaryStateResponse, Id(3)]
    | Annotated[ReplicaDataRequest, Id(4)]
    | Annotated[ReplicaDataResponse, Id(5)]
)


@dataclass(frozen=True, slots=True)
class PartitionMessage:
    """Requests and answers of the partition state machine."""

    choice: PartitionChoice | None = None
