"""The TEXT form of a queue's internals where the recorded one has nothing."""

from __future__ import annotations

from reference_broker.admin import (
    AppState,
    ConsumerState,
    ConsumerStatus,
    FanoutQueueEngine,
    LocalQueue,
    OutputEncoding,
    QueueHandle,
    QueueHandleSubStream,
    QueueInternals,
    QueueState,
    RelayQueueEngine,
    RelayQueueEngineSubStream,
    RemoteQueue,
    RemoteStreamInfo,
    RoundRobinRouter,
    RouterConsumer,
    Routing,
    UninitializedQueue,
    render,
)

EMPTY_APP = [
    "                Consumers .........: 0",
    "                RedeliveryList ....: 0",
    "                RoundRobinRouter ..:",
    "                    [",
    "                        consumers = [",
    "                        ]",
    "                    ]",
    "",
]


def app(app_id: str, consumers: tuple[RouterConsumer, ...] = ()) -> AppState:
    return AppState(
        app_id=app_id,
        num_consumers=len(consumers),
        redelivery_list_length=0,
        round_robin_router=RoundRobinRouter(consumers),
    )


def consumer_state(app_id: str, status: ConsumerStatus, is_at_end: bool | None) -> ConsumerState:
    return ConsumerState(
        app_id=app_id, status=status, is_at_end_of_storage=is_at_end, app_state=app(app_id)
    )


def lines(
    queue: LocalQueue | RemoteQueue | UninitializedQueue, handles: tuple[QueueHandle, ...] = ()
) -> list[str]:
    state = QueueState(
        uri="bmq://d/q",
        handle_parameters_json="[ ]",
        stream_parameters_json=" [ ]",
        id=4294967295,
        key="0000000000",
        partition_id=-1,
        storage=None,
        capacity_meter=None,
        handles=handles,
    )
    text = render(QueueInternals(state, queue), OutputEncoding.TEXT)
    return text.split("\n")


def test_the_apps_of_a_primary():
    engine = FanoutQueueEngine(
        max_consumers=7,
        mode="fanout",
        consumer_states=(
            consumer_state("foo", ConsumerStatus.REGISTERED, True),
            consumer_state("longest", ConsumerStatus.UNAUTHORIZED, None),
        ),
        routing=Routing(),
    )
    shown = lines(LocalQueue(engine))
    assert shown[shown.index("    LocalQueue:") :] == [
        "    LocalQueue:",
        "    -----------",
        "        FanoutQueueEngine (fanout):",
        "        -----------------",
        "             (maxConsumers: 7)",
        "            foo    : status=registered, StorageIter.atEnd=true",
        "            -------",
        *EMPTY_APP,
        "            longest: status=unauthorized",
        "            -------",
        *EMPTY_APP,
        "",
    ]


def test_a_replica():
    engine = RelayQueueEngine(
        num_substreams=1,
        sub_streams=(RelayQueueEngineSubStream("foo", "ABCDEF0123", 3),),
        app_states=(app("foo"),),
        routing=Routing(),
    )
    remote = RemoteQueue(
        num_pending_puts=1,
        num_pending_confirms=2,
        is_push_expiration_timer_scheduled=False,
        num_upstream_generation=3,
        streams=(RemoteStreamInfo(0, "e_OPENED", 4),),
        queue_engine=engine,
    )
    shown = lines(remote)
    assert shown[shown.index("    RemoteQueue:") :] == [
        "    RemoteQueue:",
        "    ------------",
        "        Pending PUTs .......................: 1 items",
        "        Pending CONFIRMs ...................: 2 items",
        "        Has PUSH expiration timer scheduled : no",
        "        Upstream generation count ..........: 3",
        "        Streams ............................: ",
        "            [Id: 0, state: e_OPENED, genCount: 4]",
        "",
        "        RelayQueueEngine:",
        "        -----------------",
        "            Num SubStreams ....: 1",
        "                [foo] - [ABCDEF0123] : 3",
        "            App: foo",
        "            -----------------",
        *EMPTY_APP,
        "",
    ]


def test_handles_of_a_queue_that_is_not_ready():
    streams = tuple(
        QueueHandleSubStream(sub_id=each, app_id=None, parameters_json="[ ]") for each in (0, 1)
    )
    handles = (
        QueueHandle(client_description="producer", parameters_json="[ w ]"),
        QueueHandle(
            client_description="node",
            parameters_json="[ r ]",
            is_client_cluster_member=True,
            sub_streams=streams,
        ),
    )
    assert lines(UninitializedQueue(), handles)[7:] == [
        "        Id/Key ............: unassigned ~ 0000000000",
        "        PartitionId .......: -1",
        "        Storage ...........: none",
        "        Capacity Meter ....:none",
        "",
        "    QueueHandleCatalog:",
        "    -------------------",
        "            2 handles:",
        "                1. producer",
        "                    Handle Parameters .....: [ w ]",
        "                    IsClientClusterMember .: false",
        "                2. node",
        "                    Handle Parameters .....: [ r ]",
        "                    IsClientClusterMember .: true",
        "                    subId .................: 0",
        "                    Stream Parameters .....: [ ]",
        "                    UnconfirmedMonitors ...:",
        "                        --------",
        "",
        "                    subId .................: 1",
        "                    Stream Parameters .....: [ ]",
        "                    UnconfirmedMonitors ...:",
        "                        --------",
        "",
        "Uninitialized queue !!",
        "",
    ]


def test_a_router_prints_all_of_a_handle():
    stream = QueueHandleSubStream(sub_id=1, app_id=None, parameters_json="p")
    handle = QueueHandle(client_description="c", parameters_json="", sub_streams=(stream,))
    state = ConsumerState(
        app_id="foo",
        status=ConsumerStatus.ALIVE,
        is_at_end_of_storage=False,
        app_state=app("foo", (RouterConsumer(-1, handle, 2, "x > 1"),)),
    )
    engine = FanoutQueueEngine(
        max_consumers=0, mode="broadcast", consumer_states=(state,), routing=Routing()
    )
    shown = [line.strip() for line in lines(LocalQueue(engine))]
    start = shown.index("consumers = [")
    assert shown[start + 2 : shown.index('expression = "x > 1"') + 1] == [
        "priority = -1",
        "queueHandle = [",
        'clientDescription = "c"',
        'parametersJson = ""',
        "isClientClusterMember = false",
        "subStreams = [",
        "[",
        "subId = 1",
        "appId = NULL",
        'parametersJson = "p"',
        "unconfirmedMonitors = [",
        "]",
        "numUnconfirmedMessages = NULL",
        "]",
        "]",
        "]",
        "count = 2",
        'expression = "x > 1"',
    ]
