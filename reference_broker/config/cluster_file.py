"""The schema of `clusters.json`. Peer: mqbcfg.xsd, ClustersDefinition."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from reference_broker.config.reader import Choice
from reference_broker.config.scalars import Count32, Count64, CountU32, Name, PartitionCount


class TcpEndpointFile(Struct, frozen=True, kw_only=True):
    """`nodes[].transport.tcp`."""

    endpoint: Name


class TransportFile(Choice, frozen=True, kw_only=True):
    """`nodes[].transport`."""

    tcp: TcpEndpointFile | None = None


class NodeFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`nodes[]`. The peer's schema wants ids above 0; its own samples use 0."""

    id: Count32
    name: Name
    data_center: str = ""
    transport: TransportFile


class SyncFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`partitionConfig.syncConfig`."""

    startup_recovery_max_duration_ms: Count32 = 1_200_000
    max_attempts_storage_sync: Count32 = 3
    storage_sync_req_timeout_ms: Count32 = 300_000
    master_sync_max_duration_ms: Count32 = 600_000
    partition_sync_state_req_timeout_ms: Count32 = 120_000
    partition_sync_data_req_timeout_ms: Count32 = 120_000
    startup_wait_duration_ms: Count32 = 60_000
    file_chunk_size: Count32 = 4_194_304
    partition_sync_event_size: Count32 = 4_194_304


class PartitionFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`partitionConfig`. `name` is no longer in the schema, but it is in the peer's samples."""

    name: str = ""
    num_partitions: PartitionCount
    location: Name
    archive_location: str = ""
    max_data_file_size: Count64 = 0
    max_journal_file_size: Count64 = 0
    max_qlist_file_size: Count64 = 0
    max_csl_file_size: Count64 = field(name="maxCSLFileSize", default=67_108_864)
    preallocate: bool = False
    max_archived_file_sets: Count32 = 0
    prefault_pages: bool = False
    flush_at_shutdown: bool = True
    sync_config: SyncFile = SyncFile()


class ElectorFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`elector`."""

    initial_wait_timeout_ms: Count32 = 8_000
    max_random_wait_timeout_ms: Count32 = 3_000
    scouting_result_timeout_ms: Count32 = 4_000
    election_result_timeout_ms: Count32 = 4_000
    heartbeat_broadcast_period_ms: Count32 = 2_000
    heartbeat_check_period_ms: Count32 = 1_000
    heartbeat_miss_count: Count32 = 10
    quorum: CountU32 = 0
    leader_sync_delay_ms: Count32 = 80_000


class QueueOperationsFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`queueOperations`."""

    open_timeout_ms: Count32 = 300_000
    configure_timeout_ms: Count32 = 300_000
    close_timeout_ms: Count32 = 300_000
    reopen_timeout_ms: Count32 = 43_200_000
    reopen_retry_interval_ms: Count32 = 5_000
    reopen_max_attempts: Count32 = 10
    assignment_timeout_ms: Count32 = 15_000
    keepalive_duration_ms: Count32 = 1_800_000
    consumption_monitor_period_ms: Count32 = 30_000
    stop_timeout_ms: Count32 = 10_000
    shutdown_timeout_ms: Count32 = 20_000
    ack_window_size: Count32 = 500


class AttributesFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`clusterAttributes`."""

    is_csl_mode_enabled: bool = field(name="isCSLModeEnabled", default=False)
    is_fsm_workflow: bool = field(name="isFSMWorkflow", default=False)
    does_fsm_write_qlist: bool = field(name="doesFSMwriteQLIST", default=True)
    cluster_fsm_watchdog_timeout_sec: Count32 = 300
    cluster_fsm_watchdog_num_retries: Count32 = 1
    partition_fsm_watchdog_timeout_sec: Count32 = 300
    partition_fsm_watchdog_num_retries: Count32 = 1


class MonitorFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`clusterMonitorConfig`, in seconds."""

    max_time_leader: Count32 = 60
    max_time_master: Count32 = 120
    max_time_node: Count32 = 120
    max_time_failover: Count32 = 600
    threshold_leader: Count32 = 30
    threshold_master: Count32 = 60
    threshold_node: Count32 = 60
    threshold_failover: Count32 = 300


class ThrottleFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`messageThrottleConfig`."""

    low_threshold: CountU32 = 2
    high_threshold: CountU32 = 4
    low_interval: CountU32 = 1_000
    high_interval: CountU32 = 3_000


class MemberClusterFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`myClusters[]`."""

    name: Name
    nodes: tuple[NodeFile, ...]
    partition_config: PartitionFile
    master_assignment: Literal["E_LEADER_IS_MASTER_ALL", "E_LEAST_ASSIGNED"] = (
        "E_LEADER_IS_MASTER_ALL"
    )
    elector: ElectorFile = ElectorFile()
    queue_operations: QueueOperationsFile = QueueOperationsFile()
    cluster_attributes: AttributesFile = AttributesFile()
    cluster_monitor_config: MonitorFile = MonitorFile()
    message_throttle_config: ThrottleFile = ThrottleFile()


class VirtualClusterFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`myVirtualClusters[]`."""

    name: Name
    self_node_id: Count32


class ProxyClusterFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`proxyClusters[]`."""

    name: Name
    nodes: tuple[NodeFile, ...]
    queue_operations: QueueOperationsFile = QueueOperationsFile()
    cluster_monitor_config: MonitorFile = MonitorFile()
    message_throttle_config: ThrottleFile = ThrottleFile()


class ClustersFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """The document."""

    my_clusters: tuple[MemberClusterFile, ...] = ()
    my_virtual_clusters: tuple[VirtualClusterFile, ...] = ()
    proxy_clusters: tuple[ProxyClusterFile, ...] = ()
