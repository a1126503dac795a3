"""Control messages: one table of the schema, two encodings.

`encode_message` and `decode_message` go between a message and the payload of a CONTROL,
AUTHENTICATION or ELECTOR event; header and padding of the event belong to the caller.
"""

from __future__ import annotations

from enum import IntEnum

from reference_broker.base import WireError
from reference_broker.wire.control import ber, json_codec
from reference_broker.wire.control.cluster_messages import (
    AppIdInfo,
    ClusterChoice,
    ClusterMessage,
    ClusterStateFSMChoice,
    ClusterStateFSMMessage,
    ElectionProposal,
    ElectionResponse,
    ElectorChoice,
    ElectorMessage,
    ElectorNodeStatus,
    FollowerClusterStateRequest,
    FollowerClusterStateResponse,
    FollowerLSNRequest,
    FollowerLSNResponse,
    HeartbeatResponse,
    LeaderAdvisory,
    LeaderAdvisoryAck,
    LeaderAdvisoryCommit,
    LeaderHeartbeat,
    LeaderMessageSequence,
    LeaderPassive,
    LeadershipCessionNotification,
    LeaderSyncDataQuery,
    LeaderSyncDataQueryResponse,
    LeaderSyncStateQuery,
    LeaderSyncStateQueryResponse,
    NodeStatus,
    NodeStatusAdvisory,
    PartitionPrimaryAdvisory,
    PartitionPrimaryInfo,
    QueueAssignmentAdvisory,
    QueueAssignmentRequest,
    QueueInfo,
    QueueInfoUpdate,
    QueueUnAssignmentAdvisory,
    QueueUnassignmentRequest,
    QueueUpdateAdvisory,
    RegistrationRequest,
    RegistrationResponse,
    ScoutingRequest,
    ScoutingResponse,
    StateNotification,
    StateNotificationChoice,
    StopRequest,
    StopResponse,
)
from reference_broker.wire.control.messages import (
    CONSUMER_PRIORITY_INVALID,
    AdminCommand,
    AdminCommandResponse,
    AuthenticationChoice,
    AuthenticationMessage,
    AuthenticationRequest,
    AuthenticationResponse,
    BrokerResponse,
    ClientIdentity,
    ClientLanguage,
    ClientType,
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStream,
    ConfigureQueueStreamResponse,
    ConfigureStream,
    ConfigureStreamResponse,
    ConsumerInfo,
    ControlChoice,
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    Expression,
    ExpressionVersion,
    GuidInfo,
    NegotiationChoice,
    NegotiationMessage,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    QueueStreamParameters,
    RoutingConfiguration,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
)
from reference_broker.wire.control.partition_messages import (
    PartitionChoice,
    PartitionMessage,
    PartitionSequenceNumber,
    PartitionSyncDataQuery,
    PartitionSyncDataQueryResponse,
    PartitionSyncDataQueryStatus,
    PartitionSyncStateQuery,
    PartitionSyncStateQueryResponse,
    PrimaryStateRequest,
    PrimaryStateResponse,
    PrimaryStatus,
    PrimaryStatusAdvisory,
    ReplicaDataRequest,
    ReplicaDataResponse,
    ReplicaDataType,
    ReplicaStateRequest,
    ReplicaStateResponse,
    StorageSyncRequest,
    StorageSyncResponse,
    StorageSyncResponseType,
    SyncPoint,
    SyncPointOffsetPair,
)
from reference_broker.wire.control.printer import print_message
from reference_broker.wire.control.schema import M
from reference_broker.wire.control.status import Status, StatusCategory

__all__ = [
    "CONSUMER_PRIORITY_INVALID",
    "AdminCommand",
    "AdminCommandResponse",
    "AppIdInfo",
    "AuthenticationChoice",
    "AuthenticationMessage",
    "AuthenticationRequest",
    "AuthenticationResponse",
    "BrokerResponse",
    "ClientIdentity",
    "ClientLanguage",
    "ClientType",
    "CloseQueue",
    "CloseQueueResponse",
    "ClusterChoice",
    "ClusterMessage",
    "ClusterStateFSMChoice",
    "ClusterStateFSMMessage",
    "ConfigureQueueStream",
    "ConfigureQueueStreamResponse",
    "ConfigureStream",
    "ConfigureStreamResponse",
    "ConsumerInfo",
    "ControlChoice",
    "ControlMessage",
    "Disconnect",
    "DisconnectResponse",
    "ElectionProposal",
    "ElectionResponse",
    "ElectorChoice",
    "ElectorMessage",
    "ElectorNodeStatus",
    "Encoding",
    "Expression",
    "ExpressionVersion",
    "FollowerClusterStateRequest",
    "FollowerClusterStateResponse",
    "FollowerLSNRequest",
    "FollowerLSNResponse",
    "GuidInfo",
    "HeartbeatResponse",
    "LeaderAdvisory",
    "LeaderAdvisoryAck",
    "LeaderAdvisoryCommit",
    "LeaderHeartbeat",
    "LeaderMessageSequence",
    "LeaderPassive",
    "LeaderSyncDataQuery",
    "LeaderSyncDataQueryResponse",
    "LeaderSyncStateQuery",
    "LeaderSyncStateQueryResponse",
    "LeadershipCessionNotification",
    "NegotiationChoice",
    "NegotiationMessage",
    "NodeStatus",
    "NodeStatusAdvisory",
    "OpenQueue",
    "OpenQueueResponse",
    "PartitionChoice",
    "PartitionMessage",
    "PartitionPrimaryAdvisory",
    "PartitionPrimaryInfo",
    "PartitionSequenceNumber",
    "PartitionSyncDataQuery",
    "PartitionSyncDataQueryResponse",
    "PartitionSyncDataQueryStatus",
    "PartitionSyncStateQuery",
    "PartitionSyncStateQueryResponse",
    "PrimaryStateRequest",
    "PrimaryStateResponse",
    "PrimaryStatus",
    "PrimaryStatusAdvisory",
    "QueueAssignmentAdvisory",
    "QueueAssignmentRequest",
    "QueueHandleParameters",
    "QueueInfo",
    "QueueInfoUpdate",
    "QueueStreamParameters",
    "QueueUnAssignmentAdvisory",
    "QueueUnassignmentRequest",
    "QueueUpdateAdvisory",
    "RegistrationRequest",
    "RegistrationResponse",
    "ReplicaDataRequest",
    "ReplicaDataResponse",
    "ReplicaDataType",
    "ReplicaStateRequest",
    "ReplicaStateResponse",
    "RoutingConfiguration",
    "ScoutingRequest",
    "ScoutingResponse",
    "StateNotification",
    "StateNotificationChoice",
    "Status",
    "StatusCategory",
    "StopRequest",
    "StopResponse",
    "StorageSyncRequest",
    "StorageSyncResponse",
    "StorageSyncResponseType",
    "StreamParameters",
    "SubQueueIdInfo",
    "Subscription",
    "SyncPoint",
    "SyncPointOffsetPair",
    "decode_message",
    "encode_message",
    "print_message",
]

# Where the encoding's number stands in an event: the byte of the header that depends on the type.
_TYPE_SPECIFIC_OFFSET = 6
_PADDING_BYTES_MAX = 4


class Encoding(IntEnum):
    """How a control event's payload is written: the top three bits of its type-specific byte."""

    BER = 0
    JSON = 1


def encode_message(message: object, encoding: Encoding) -> bytes:
    """Return the payload of a message, without padding.

    Args:
        message: any message of the schema, mostly a `ControlMessage`, `NegotiationMessage`,
            `AuthenticationMessage` or (BER only) an `ElectorMessage`.
        encoding: what the peer can read.

    Raises:
        AssertionError: the encoding is unknown, or a value is of the wrong type or too wide for its
            member.
    """
    if encoding == Encoding.BER:
        return ber.encode(message)
    assert encoding == Encoding.JSON, encoding
    return json_codec.encode(message)


def decode_message(
    message_type: type[M],
    encoding: int,
    payload: bytes | bytearray | memoryview,
    base_offset: int = 0,
) -> M:
    """Decode the payload of an event by the encoding that it names itself [FRAME-15].

    BER ends by itself and what follows is ignored; from JSON the padding is cut first, if there is
    any: 1 to 4 bytes of which each holds their number.

    Args:
        message_type: the message that must be there.
        encoding: the number from the event's header.
        payload: what follows the header, with or without padding.
        base_offset: where the payload begins in its event; errors report offsets in the event.

    Raises:
        WireError: the encoding is unknown [FRAME-16], or the payload is not such a message.
    """
    if encoding == Encoding.BER:
        return ber.decode(message_type, bytes(payload), base_offset)
    if encoding == Encoding.JSON:
        return json_codec.decode(message_type, _without_padding(bytes(payload)), base_offset)
    at = _TYPE_SPECIFIC_OFFSET if base_offset else 0
    raise WireError(
        f"{message_type.__name__} encoding", encoding, "must be 0 (BER) or 1 (JSON)", at
    )


def _without_padding(payload: bytes) -> bytes:
    count = payload[-1] if payload else 0
    if 1 <= count <= _PADDING_BYTES_MAX and payload.endswith(bytes([count]) * count):
        return payload[:-count]
    return payload
