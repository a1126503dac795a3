"""The TEXT form of results about clusters."""

from __future__ import annotations

from reference_broker.admin.cluster_results import (
    ClusterList,
    ClusterNodeInfo,
    ClusterProxyStatus,
    ClusterQueue,
    ClusterQueueHelper,
    ClusterStatus,
    ClusterStorageSummary,
    ElectorInfo,
    FileInfo,
    FileStore,
    FileStoreState,
    FileStoreSummary,
    NodeStatuses,
    PartitionInfo,
    PartitionsInfo,
)
from reference_broker.admin.parts import StorageContent
from reference_broker.admin.text_forms import (
    at,
    flag_text,
    headed,
    queue_id_text,
    queue_table,
    size_text,
)


def cluster_list_lines(result: ClusterList) -> list[str]:
    """Return the clusters, each with its nodes and an empty line."""
    lines = ["The following clusters are active:"]
    for cluster in result.clusters:
        lines.append(at(1, f"[{cluster.locality.upper():6}] {cluster.name}:"))
        lines += [
            at(2, f"{node.host_name:20}{node.node_id:<7d}{node.data_center:14}")
            for node in cluster.nodes
        ]
        lines.append("")
    return lines


def cluster_status_lines(status: ClusterStatus) -> list[str]:
    """Return the status of a cluster at a member of it."""
    title = f"Cluster ('{status.name}') :"
    return [
        *headed(0, title, "-" * len(title)),
        at(1, f"Cluster name  : {status.description}"),
        at(1, f"Cluster size  : {len(status.node_statuses.nodes)} node(s)"),
        at(1, f"Self Node     : {status.self_node_description}"),
        at(1, f"Is Healthy    : {_yes(status.is_healthy)}"),
        "",
        *_nodes(status.node_statuses, 1),
        "",
        *_elector(status.elector_info),
        "",
        *_partitions(status.partitions_info),
        "",
        *_queues(status.queues_info, 1),
        "",
        *storage_summary_lines(status.cluster_storage_summary, 1),
    ]


def proxy_status_lines(status: ClusterProxyStatus) -> list[str]:
    """Return the status of a cluster at a proxy."""
    active = status.active_node_description
    return [
        *headed(0, "Cluster", "-------"),
        at(1, f"Cluster name: {status.description}"),
        at(1, f"Active node : {'* none *' if active is None else active}"),
        at(1, f"Is Healthy  : {_yes(status.is_healthy)}"),
        "",
        *_nodes(status.node_statuses, 0),
        "",
        *_queues(status.queues_info, 0),
    ]


def storage_summary_lines(summary: ClusterStorageSummary, level: int) -> list[str]:
    """Return the partitions of a cluster.

    The peer runs the line of a partition that is not open into the next one; here each has its own.
    """
    return [
        *headed(level, "Storage Summary:", "----------------"),
        at(level + 1, f"Storage location: {summary.cluster_file_store_location}"),
        "",
        *(line for store in summary.file_stores for line in _file_store(store, level)),
        "",
    ]


def queue_helper_lines(helper: ClusterQueueHelper) -> list[str]:
    """Return the queues of a cluster and how far their opening is."""
    longest = max((len(domain.name) for domain in helper.domains), default=0)
    lines = [
        *headed(0, "ClusterQueueHelper :", "--------------------"),
        at(1, f"cluster......................: {helper.cluster_name} ({helper.locality})"),
        at(1, f"nbQueues.....................: {helper.num_queues}"),
        at(1, f"nbQueueKeys..................: {helper.num_queue_keys}"),
        at(1, f"nbPendingReopenQueueRequests.: {helper.num_pending_reopen_queue_requests}"),
        "",
        *headed(1, "Domains :", "---------"),
    ]
    for domain in helper.domains:
        # The peer counts the label into the width, so dots appear only behind far shorter names.
        label = ": numAssignedQueues=".rjust(longest - len(domain.name), ".")
        suffix = "" if domain.loaded else " (domain not yet loaded)"
        lines += [at(2, f"{domain.name}{label}{domain.num_assigned_queues}{suffix}"), ""]
    lines += headed(1, "Queues :", "--------")
    for queue in helper.queues:
        lines += _helper_queue(queue)
    return lines


def _helper_queue(queue: ClusterQueue) -> list[str]:
    sub_ids = ", ".join(f"({sub_id.sub_id}, {sub_id.app_id})" for sub_id in queue.sub_ids)
    primary = queue.primary_node_description or ""
    return [
        at(2, queue.uri),
        at(3, f"inFlightContexts.: {queue.num_in_flight_contexts}"),
        at(3, f"assigned.........: {flag_text(queue.is_assigned)}"),
        at(3, f"primaryAvailable..: {flag_text(queue.is_primary_available)}"),
        at(3, f"id...............: {queue_id_text(queue.id)}"),
        at(3, f"subIds...........: {sub_ids}"),
        at(3, f"partitionId......: {queue.partition_id}{primary}"),
        at(3, f"key..............: {queue.key}"),
        at(3, f"queue............: {'created' if queue.is_created else '*NOT* created'}"),
        at(3, f"nbContext........: {len(queue.contexts)}"),
        *(
            at(4, f"#{number}: [handle parameters: {context.queue_handle_parameters_json}]")
            for number, context in enumerate(queue.contexts, 1)
        ),
    ]


def _nodes(statuses: NodeStatuses, level: int) -> list[str]:
    lines = headed(level, "Nodes", "-----")
    for node in statuses.nodes:
        lines += _node(node, level)
    return lines


def _node(node: ClusterNodeInfo, level: int) -> list[str]:
    connected = "self" if node.is_available is None else flag_text(node.is_available)
    lines = [
        at(level, node.description),
        at(level + 1, f"IsConnected: {connected}"),
        at(level + 1, f"Node Status: {node.status}"),
    ]
    if node.primary_for_partition_ids:
        partitions = ", ".join(str(each) for each in node.primary_for_partition_ids)
        lines.append(at(level + 1, f"Primary for partitions: [ {partitions} ]"))
    return lines


def _elector(info: ElectorInfo) -> list[str]:
    last = info.leader_message_sequence
    number = f"electorTerm = {last.elector_term} sequenceNumber = {last.sequence_number}"
    return [
        *headed(1, "Elector", "-------"),
        at(1, f"Self State            : {info.elector_state}"),
        at(1, f"Leader Node           : {info.leader_node}"),
        at(1, f"LSN: [ {number} ]"),
        at(1, f"Leader Status         : {info.leader_status}"),
    ]


def _partitions(info: PartitionsInfo) -> list[str]:
    lines = headed(1, "Partitions", "----------")
    for partition_id, partition in enumerate(info.partitions):
        lines += _partition(partition_id, partition)
    return lines


def _partition(partition_id: int, partition: PartitionInfo) -> list[str]:
    primary = "[ ** NONE ** ]" if partition.primary_node is None else partition.primary_node
    queues = f"mapped ({partition.num_queues_mapped}), active ({partition.num_active_queues})"
    return [
        at(1, f"PartitionId: {partition_id}"),
        at(2, f"Num Queues    : {queues}"),
        at(2, f"Primary Node   : {primary}"),
        at(2, f"Primary LeaseId: {partition.primary_lease_id}"),
        at(2, f"Primary Status : {partition.primary_status}"),
    ]


def _queues(content: StorageContent, level: int) -> list[str]:
    lines = [
        *headed(level, "Queues", "------"),
        at(level, f"Num Queues: {len(content.storages)}"),
    ]
    if content.storages:
        heading = " QueueKey    Partition    Internal QueueId          QueueUri"
        lines.append(at(level, heading))
    for queue in content.storages:
        queue_id = queue_id_text(queue.internal_queue_id)
        row = f"{queue.queue_key}       {queue.partition_id}           {queue_id:>10}"
        lines.append(at(level, f"{row}       {queue.queue_uri}"))
    return lines


def _file_store(store: FileStore, level: int) -> list[str]:
    match store.state:
        case FileStoreState.CLOSED:
            return [at(level, f"Partition [{store.partition_id}]: NOT OPEN.")]
        case FileStoreState.STOPPING:
            return [at(level, f"Partition [{store.partition_id}]: STOPPING.")]
        case _:
            assert store.summary is not None, "an open partition has a summary"
            return _open_file_store(store.partition_id, store.summary, level + 1)


def _open_file_store(partition_id: int, summary: FileStoreSummary, level: int) -> list[str]:
    primary, active = summary.primary_node_description, summary.active_file_set
    lease = f"primaryLeaseId = {summary.primary_lease_id}"
    queues = len(summary.storage_content.storages)
    qlist = active.qlist_file
    return [
        *headed(level, f"Partition [{partition_id}]:", "----------------"),
        at(
            level + 1,
            f"Primary Node: {primary}, PSN: [ {lease} sequenceNumber = {summary.sequence_num}]",
        ),
        at(level + 1, f"IsAvailable: {flag_text(summary.is_available)}"),
        at(level + 1, f"Total maintained file sets: {len(summary.file_sets)}"),
        "",
        at(level + 1, "Aliased payload count: "),
        *(
            at(level + 2, f"{each.data_file_name} : {each.aliased_blob_buffer_count:,}")
            for each in summary.file_sets
        ),
        "",
        at(level + 1, "Active file set details: "),
        at(level + 2, f"Data file size    {_file(active.data_file)}"),
        at(level + 2, f"Journal file size {_file(active.journal_file)}"),
        at(level + 2, f"Qlist file size   {_file(qlist)}" if qlist.size_bytes else ""),
        "",
        at(level + 1, f"Total mapped size      : {size_text(summary.total_mapped_bytes)}"),
        at(level + 1, f"Num outstanding records: {summary.num_outstanding_records:,}"),
        at(level + 1, f"Num unreceipted messages: {summary.num_unreceipted_messages:,}"),
        at(level + 1, f"Current Nagle count: {summary.nagle_packet_count:,}"),
        "",
        at(level + 1, f"Number of assigned queue-storages: {queues:,}"),
        *queue_table(summary.storage_content, level + 2),
    ]


def _file(info: FileInfo) -> str:
    percent = info.position_bytes * 100 // info.size_bytes if info.size_bytes else 0
    used = f"{size_text(info.position_bytes)} / {size_text(info.size_bytes)}"
    return f"(used/total): {used}  ({percent} %). Outstanding bytes: {info.outstanding_bytes:,}"


def _yes(flag: bool) -> str:  # noqa: FBT001
    return "Yes" if flag else "No"
