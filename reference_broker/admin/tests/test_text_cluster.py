"""The TEXT form of results about clusters that the recordings with JSON lack."""

from __future__ import annotations

from reference_broker.admin import (
    ActiveFileSet,
    ClusterDomain,
    ClusterNodeInfo,
    ClusterProxyStatus,
    ClusterQueue,
    ClusterQueueHelper,
    ClusterStorageSummary,
    FileInfo,
    FileSet,
    FileStore,
    FileStoreState,
    FileStoreSummary,
    Locality,
    NodeStatus,
    NodeStatuses,
    OpenContext,
    OutputEncoding,
    Result,
    StorageContent,
    SubId,
    render,
)
from reference_broker.admin.tests.samples import real_answers

REAL = real_answers()
DOMAIN = "bmq.test.persistent.priority"


def text(result: Result) -> str:
    return render(result, OutputEncoding.TEXT)


def helper(
    domains: tuple[ClusterDomain, ...], queues: tuple[ClusterQueue, ...]
) -> ClusterQueueHelper:
    return ClusterQueueHelper(
        cluster_name="local",
        locality=Locality.LOCAL,
        num_queues=1,
        num_queue_keys=1,
        num_pending_reopen_queue_requests=0,
        domains=domains,
        queues=queues,
    )


def test_the_real_queue_helper():
    queue = ClusterQueue(
        uri=f"bmq://{DOMAIN}/q1",
        num_in_flight_contexts=0,
        is_assigned=True,
        is_primary_available=True,
        id=4294967294,
        sub_ids=(),
        partition_id=0,
        primary_node_description=" (primary: [localhost, 0])",
        key="EEE8CCD14E",
        is_created=True,
        contexts=(),
    )
    result = helper((ClusterDomain(DOMAIN, 1, True),), (queue,))
    assert text(result) == REAL["CLUSTERS CLUSTER local QUEUEHELPER"]


def test_a_queue_that_is_being_opened():
    queue = ClusterQueue(
        uri="bmq://d/q",
        num_in_flight_contexts=2,
        is_assigned=False,
        is_primary_available=False,
        id=3,
        sub_ids=(SubId(1, "foo"), SubId(2, "bar")),
        partition_id=-1,
        primary_node_description=None,
        key="0000000000",
        is_created=False,
        contexts=(OpenContext("[ first ]"), OpenContext("[ second ]")),
    )
    assert text(helper((), (queue,))).splitlines()[11:] == [
        "        bmq://d/q",
        "            inFlightContexts.: 2",
        "            assigned.........: false",
        "            primaryAvailable..: false",
        "            id...............: 3",
        "            subIds...........: (1, foo), (2, bar)",
        "            partitionId......: -1",
        "            key..............: 0000000000",
        "            queue............: *NOT* created",
        "            nbContext........: 2",
        "                #1: [handle parameters: [ first ]]",
        "                #2: [handle parameters: [ second ]]",
    ]


def test_partitions_that_are_not_open_have_a_line_each():
    summary = FileStoreSummary(
        primary_node_description="[east1, 1]",
        primary_lease_id=1,
        sequence_num=5,
        is_available=False,
        file_sets=(FileSet("data", 12_345),),
        active_file_set=ActiveFileSet(
            FileInfo(1, 3, 1000), FileInfo(2048, 4096, 7), FileInfo(0, 0, 0)
        ),
        total_mapped_bytes=2049,
        num_outstanding_records=4000,
        num_unreceipted_messages=0,
        nagle_packet_count=100,
        storage_content=StorageContent(),
    )
    stores = (
        FileStore(0, FileStoreState.CLOSED),
        FileStore(1, FileStoreState.STOPPING),
        FileStore(2, FileStoreState.OPEN, summary),
    )
    assert text(ClusterStorageSummary("storage", stores)).split("\n") == [
        "Storage Summary:",
        "----------------",
        "    Storage location: storage",
        "",
        "Partition [0]: NOT OPEN.",
        "Partition [1]: STOPPING.",
        "    Partition [2]:",
        "    ----------------",
        "        Primary Node: [east1, 1], PSN: [ primaryLeaseId = 1 sequenceNumber = 5]",
        "        IsAvailable: false",
        "        Total maintained file sets: 1",
        "",
        "        Aliased payload count: ",
        "            data : 12,345",
        "",
        "        Active file set details: ",
        "            Data file size    (used/total): 1  B / 3  B  (33 %). Outstanding bytes: 1,000",
        "            Journal file size (used/total): 2.00 KB / 4.00 KB  (50 %). Outstanding bytes: 7",
        "            ",
        "",
        "        Total mapped size      : 2.00 KB",
        "        Num outstanding records: 4,000",
        "        Num unreceipted messages: 0",
        "        Current Nagle count: 100",
        "",
        "        Number of assigned queue-storages: 0",
        "",
    ]


def test_a_proxy():
    node = ClusterNodeInfo(
        description="[east1, 1]",
        is_available=False,
        status=NodeStatus.UNKNOWN,
        primary_for_partition_ids=(0, 3),
    )
    status = ClusterProxyStatus(
        description="proxy",
        active_node_description=None,
        is_healthy=True,
        node_statuses=NodeStatuses((node,)),
        queues_info=StorageContent(),
    )
    assert text(status).split("\n") == [
        "Cluster",
        "-------",
        "    Cluster name: proxy",
        "    Active node : * none *",
        "    Is Healthy  : Yes",
        "",
        "Nodes",
        "-----",
        "[east1, 1]",
        "    IsConnected: false",
        "    Node Status: E_UNKNOWN",
        "    Primary for partitions: [ 0, 3 ]",
        "",
        "Queues",
        "------",
        "Num Queues: 0",
    ]
