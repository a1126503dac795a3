"""Admin commands about the cluster and its storage, executed on its only node.

The node is leader and primary of everything from the start; the tunables keep what they are set to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reference_broker.admin import (
    ActiveFileSet,
    ClusterCommand,
    ClusterDomain,
    ClusterInfo,
    ClusterList,
    ClusterNode,
    ClusterNodeInfo,
    ClusterQueue,
    ClusterQueueHelper,
    ClusterStatus,
    ClusterStorageSummary,
    ControlPartition,
    ElectorInfo,
    ElectorState,
    Error,
    FileInfo,
    FileSet,
    FileStore,
    FileStoreState,
    FileStoreSummary,
    ForceGcQueues,
    GetTunable,
    LeaderMessageSequence,
    LeaderStatus,
    ListTunables,
    Locality,
    NodeStatus,
    NodeStatuses,
    PartitionAction,
    PartitionInfo,
    PartitionsInfo,
    PurgeStorageDomain,
    PurgeStorageQueue,
    Result,
    SetTunable,
    ShowClusterStatus,
    ShowQueueHelper,
    ShowStorage,
    ShowStorageDomain,
    StorageContent,
    StorageQueueInfo,
    SubId,
    Success,
    Tunable,
    TunableConfirmation,
    TunableGroup,
    Tunables,
)
from reference_broker.base import Duration
from reference_broker.core.admin_domains import DomainOffice, storage_info
from reference_broker.core.context import Context
from reference_broker.core.journal import JournalKeeper
from reference_broker.core.state import QueueEntry
from reference_broker.core.upkeep import Upkeep
from reference_broker.ports import Severity

_PRIMARY_ID: Final = 2**32 - 2
_QUORUM: Final = "QUORUM"
#: Terms and leases begin with 1, and a lone node never loses them.
_FIRST: Final = 1
_NAGLE: Final = 100
_PURPOSES: Final = {
    TunableGroup.ELECTOR: "count of nodes that must agree; 0 is a majority",
    TunableGroup.REPLICATION: "count of nodes that must have stored a message",
}


class ClusterOffice:
    """Answer the commands about the cluster.

    Args:
        context: of the core.
        upkeep: removes unused queues.
        journal: begins new files.
        unclaimed: rows of the queues in the log whose domain could not be loaded.
        domains: purges by domain and queue.
    """

    def __init__(
        self,
        context: Context,
        upkeep: Upkeep,
        journal: JournalKeeper,
        unclaimed: Callable[[], tuple[StorageQueueInfo, ...]],
        domains: DomainOffice,
    ) -> None:
        self._context = context
        self._upkeep = upkeep
        self._journal = journal
        self._unclaimed = unclaimed
        self._domains = domains
        #: What the tunables are set to; neither can change anything on a lone node.
        self._quorum = {TunableGroup.ELECTOR: 0, TunableGroup.REPLICATION: 1}
        self._actions: dict[type, Callable[[], Result]] = {
            ShowClusterStatus: self._status,
            ShowQueueHelper: self._queue_helper,
            ForceGcQueues: self._force_collection,
            ShowStorage: self._whole_storage,
        }

    def list_all(self) -> ClusterList:
        """Return the one cluster [CLUSTER-1]."""
        nodes = tuple(
            ClusterNode(node.name, node.id, node.data_center)
            for node in self._context.cluster.nodes
        )
        return ClusterList((ClusterInfo(Locality.LOCAL, self._context.cluster.name, nodes),))

    def execute(self, command: ClusterCommand) -> Result:
        """Execute a command about a cluster, if there is one of that name [CLUSTER-5]."""
        if command.cluster != self._context.cluster.name:
            return Error(f"cluster '{command.cluster}' not found !")
        action = self._actions.get(type(command))
        return self._on_storage(command) if action is None else action()

    def _on_storage(self, command: ClusterCommand) -> Result:
        match command:
            case ControlPartition():
                return self._control_partition(command)
            case ShowStorageDomain():
                return self._storage_of_domain(command.domain)
            case PurgeStorageDomain():
                return self._domains.purge_domain(command.domain)
            case PurgeStorageQueue():
                return self._domains.purge_uri(command.canonical_uri, command.app_id)
            case SetTunable() | GetTunable() | ListTunables():
                return self._on_tunables(command)
            case _:
                raise AssertionError(command)

    def _force_collection(self) -> Result:
        """Remove the queues that nobody uses [CLUSTER-8]."""
        self._upkeep.collect_queues(Duration(0))
        return Success()

    # Status.

    @property
    def _node(self) -> str:
        node = self._context.node
        return f"[{node.name}, {node.id}]"

    def _status(self) -> ClusterStatus:
        """Return the status of a cluster whose one node is leader and primary [CLUSTER-2]."""
        context = self._context
        partitions = range(len(context.logs))
        node = ClusterNodeInfo(
            description=self._node,
            is_available=None,
            status=NodeStatus.STOPPING if context.is_stopping else NodeStatus.AVAILABLE,
            primary_for_partition_ids=tuple(partitions),
        )
        return ClusterStatus(
            name=context.cluster.name,
            description=f"Cluster ({context.cluster.name})",
            self_node_description=self._node,
            is_healthy=not context.is_stopping,
            node_statuses=NodeStatuses((node,)),
            elector_info=ElectorInfo(
                elector_state=ElectorState.LEADER,
                leader_node=self._node,
                leader_message_sequence=LeaderMessageSequence(_FIRST, context.ledger.sequence),
                leader_status=LeaderStatus.ACTIVE,
            ),
            partitions_info=PartitionsInfo(tuple(map(self._partition, partitions))),
            queues_info=StorageContent(
                tuple(
                    StorageQueueInfo(
                        queue_uri=uri,
                        queue_key=entry.key.hex().upper(),
                        partition_id=entry.partition,
                        internal_queue_id=_PRIMARY_ID,
                    )
                    for uri, entry in context.queues.items()
                )
            ),
            cluster_storage_summary=self._storage(partitions),
        )

    def _partition(self, partition: int) -> PartitionInfo:
        queues = self._queues_of(partition)
        return PartitionInfo(
            num_queues_mapped=len(queues),
            num_active_queues=sum(entry.is_active for entry in queues),
            primary_node=self._node,
            primary_lease_id=_FIRST,
            primary_status=LeaderStatus.ACTIVE,
        )

    def _queues_of(self, partition: int) -> list[QueueEntry]:
        return [e for e in self._context.queues.values() if e.partition == partition]

    def _queue_helper(self) -> ClusterQueueHelper:
        """Return the domains and how many queues each has, and the queues [CLUSTER-3]."""
        context = self._context
        return ClusterQueueHelper(
            cluster_name=context.cluster.name,
            locality=Locality.MEMBER,
            num_queues=len(context.queues),
            num_queue_keys=len(context.queues),
            num_pending_reopen_queue_requests=0,
            domains=tuple(
                ClusterDomain(domain.name, len(domain.queues), loaded=True)
                for domain in context.domains.values()
            ),
            queues=tuple(self._queue(uri, entry) for uri, entry in context.queues.items()),
        )

    def _queue(self, uri: str, entry: QueueEntry) -> ClusterQueue:
        return ClusterQueue(
            uri=uri,
            num_in_flight_contexts=0,
            is_assigned=True,
            is_primary_available=True,
            id=_PRIMARY_ID,
            sub_ids=tuple(
                SubId(app.number, app.app_id) for app in entry.queue.apps.values() if app.number
            ),
            partition_id=entry.partition,
            primary_node_description=f" (primary: {self._node})",
            key=entry.key.hex().upper(),
            is_created=entry.is_active,
            contexts=(),
        )

    # Storage.

    def _whole_storage(self) -> ClusterStorageSummary:
        return self._storage(range(len(self._context.logs)))

    def _storage(self, partitions: range) -> ClusterStorageSummary:
        """Return partitions with what their queues have stored [CLUSTER-4]."""
        return ClusterStorageSummary(
            cluster_file_store_location=self._context.cluster.partitions.location,
            file_stores=tuple(
                FileStore(partition, FileStoreState.OPEN, self._file_store(partition))
                for partition in partitions
            ),
        )

    def _file_store(self, partition: int) -> FileStoreSummary:
        context = self._context
        log = context.logs[partition]
        settings = context.cluster.partitions
        queues = self._queues_of(partition)
        rows = [storage_info(entry) for entry in queues]
        rows += [row for row in self._unclaimed() if row.partition_id == partition]
        messages = sum(row.num_messages for row in rows)
        size = sum(row.num_bytes for row in rows)
        usage = log.usage()
        return FileStoreSummary(
            primary_node_description=self._node,
            primary_lease_id=_FIRST,
            sequence_num=log.next_index - 1,
            is_available=True,
            file_sets=tuple(FileSet(name, 0) for name in usage.files),
            active_file_set=ActiveFileSet(
                FileInfo(usage.bytes, settings.data_file_bytes_max, size),
                FileInfo(usage.journal_bytes, settings.journal_file_bytes_max, usage.journal_bytes),
                FileInfo(0, 0, 0),
            ),
            total_mapped_bytes=usage.bytes + usage.journal_bytes,
            num_outstanding_records=messages,
            num_unreceipted_messages=0,
            nagle_packet_count=_NAGLE,
            storage_content=StorageContent(tuple(rows)),
        )

    def _control_partition(self, command: ControlPartition) -> Result:
        """Do something to a partition, if there is such a one [CLUSTER-5]."""
        partition, count = command.partition_id, len(self._context.logs)
        lowest = -1 if command.action is PartitionAction.ROLLOVER else 0
        if partition < lowest:
            return Error(f"Too low partitionId value: '{partition}'")
        if partition >= count:
            return Error(f"Too high partitionId value: '{partition}'")
        match command.action:
            case PartitionAction.SUMMARY:
                return self._storage(range(partition, partition + 1))
            case PartitionAction.ROLLOVER:
                for each in range(count) if partition < 0 else [partition]:
                    self._journal.roll(each)
                return Success()
            case PartitionAction.ENABLE | PartitionAction.DISABLE:
                text = f"partition {partition}: {command.action.value} has no effect on a lone node"
                self._context.note(Severity.WARN, text)
                return Success()

    def _storage_of_domain(self, name: str) -> Result:
        """Return the rows of a domain's queues, if there is such a domain [CLUSTER-10]."""
        domain = self._context.domains.get(name)
        if domain is None:
            return Error(f"Unknown domain '{name}'")
        return StorageContent(tuple(map(storage_info, domain.queues.values())))

    # Tunables.

    def _on_tunables(self, command: SetTunable | GetTunable | ListTunables) -> Result:
        """Tell or set the one parameter that there is [CLUSTER-6, CLUSTER-7]."""
        if isinstance(command, ListTunables):
            return Tunables((self._tunable(command.group, _QUORUM),))
        if command.name.upper() != _QUORUM:
            return Error(f"Unknown tunable name '{command.name}'")
        if isinstance(command, GetTunable):
            return self._tunable(command.group, "Quorum")
        return self._set_tunable(command)

    def _set_tunable(self, command: SetTunable) -> Result:
        """Set the quorum and tell what it was [CLUSTER-6]; it must be a number [CLUSTER-7]."""
        value = command.value
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            text = f"but instead the following was specified: {value}"
            return Error(f"The QUORUM tunable must be a non-negative integer, {text}")
        old, self._quorum[command.group] = self._quorum[command.group], value
        return TunableConfirmation("Quorum", old, value)

    def _tunable(self, group: TunableGroup, name: str) -> Tunable:
        return Tunable(name, self._quorum[group], _PURPOSES[group])
