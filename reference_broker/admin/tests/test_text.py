"""The TEXT form of results that the peer gave no JSON of."""

from __future__ import annotations

from reference_broker.admin import (
    BrokerConfigDump,
    CapacityMeter,
    ClusterDomain,
    ClusterList,
    ClusterQueueHelper,
    Date,
    Datetime,
    Error,
    Locality,
    Message,
    OutputEncoding,
    PurgedQueue,
    PurgedQueues,
    QueueContents,
    Result,
    Success,
    Time,
    Tunable,
    TunableConfirmation,
    Tunables,
    render,
)
from reference_broker.admin.tests.samples import real_answers
from reference_broker.admin.text_forms import capacity_lines

REAL = real_answers()
DOMAIN = "bmq.test.persistent.priority"
URI = f"bmq://{DOMAIN}/q1"


def text(result: Result) -> str:
    return render(result, OutputEncoding.TEXT)


def purged(messages: int, size: int, uri: str = URI) -> PurgedQueue:
    return PurgedQueue(
        queue_uri=uri,
        app_id="",
        app_key="0000000000",
        num_messages_purged=messages,
        num_bytes_purged=size,
    )


def test_what_is_only_a_line():
    assert text(Success()) == REAL["DOMAINS RESOLVER CACHE_CLEAR ALL"]
    missing = "cluster 'nope' not found !"
    assert text(Error(missing)) == REAL["CLUSTERS CLUSTER nope STATUS"] == missing
    assert text(BrokerConfigDump("{}")) == "{}"


def test_tunables():
    group = "CLUSTERS CLUSTER local STORAGE REPLICATION"
    description = (
        "non-negative integer count of the number of peers required to persist each message"
    )
    assert text(Tunables((Tunable("QUORUM", 1, description),))) == REAL[f"{group} LIST_TUNABLES"]
    assert text(Tunable("Quorum", 1, description)) == REAL[f"{group} GET QUORUM"]
    assert text(Tunables(())) == REAL["STAT LIST_TUNABLES"] == ""


def test_every_kind_of_value():
    kinds = {
        None: "null",
        True: "1",
        False: "0",
        -3: "-3",
        1.5: "1.5",
        0.1 + 0.2: "0.3",
        "any words": "any words",
        Date(2026, 1, 2): "02JAN2026+0000",
        Time(10, 20, 30, 5, -90): "10:20:30.000005-0130",
        Datetime(Date(2026, 12, 31), Time(0, 0, 0)): "31DEC2026_00:00:00.000000+0000",
    }
    for value, shown in kinds.items():
        assert text(TunableConfirmation("X", "old", value)) == f"X set to {shown} from old"


def test_purging():
    prefix = f"DOMAINS DOMAIN {DOMAIN}"
    assert text(PurgedQueues((purged(3, 12),))) == REAL[f"{prefix} QUEUE q1 PURGE *"]
    assert text(PurgedQueues((purged(0, 0),))) == REAL[f"{prefix} PURGE"]


def test_the_largest_purge_comes_first_and_errors_last():
    queues = (
        Error("one"),
        purged(1, 1, "a"),
        purged(2, 1025, "b"),
        Error("two"),
        purged(9, 1, "c"),
    )
    assert text(PurgedQueues(queues)).splitlines() == [
        "Purged 12 message(s) for a total of 1.00 KB from 5 queue(s):",
        "    NumBytes     NumMsgs      AppKey             AppId  QueueName",
        "     1.00 KB           2  0000000000                    b",
        "        1  B           1  0000000000                    a",
        "        1  B           9  0000000000                    c",
        "Errors encountered: ",
        "one",
        "two",
    ]


def test_listing():
    second = 1_795_490_117 * 1_000_000_000
    messages = tuple(
        Message(f"{guid}000000000000000123456789AB", 4, Datetime.from_wall_ns(second + rest))
        for guid, rest in (
            ("400001", 471_233_999),
            ("400002", 471_867_000),
            ("400003", 471_944_000),
        )
    )
    contents = QueueContents(messages=messages, offset=0, total_queue_messages=3)
    assert text(contents) == REAL[f"DOMAINS DOMAIN {DOMAIN} QUEUE q1 LIST 0 UNLIMITED"]


def test_the_range_of_a_listing():
    message = Message("4" * 32, 1, Datetime.from_wall_ns(0))
    for count, offset, total, shown in (
        (0, 0, 0, "[0--1 / 0]"),
        (2, 1, 5, "[1-2 / 5]"),
        (2, 3, 5, "[3-4 / 5]"),
        (1, 7, 5, "[7-4 / 5]"),
        (1, 1999, 2000, "[1999-1999 / 2,000]"),
    ):
        contents = QueueContents(
            messages=(message,) * count, offset=offset, total_queue_messages=total
        )
        title = text(contents).splitlines()[0]
        assert title == f"Printing {count} message(s) {shown} (total: {count}  B)"


def test_capacity_meters():
    domain = CapacityMeter(
        name="domain",
        num_messages=1,
        message_capacity=2,
        num_messages_reserved=3000,
        num_bytes=4,
        byte_capacity=5,
        num_bytes_reserved=6000,
        parent=CapacityMeter(
            name="off",
            is_disabled=True,
            num_messages=0,
            message_capacity=0,
            num_bytes=0,
            byte_capacity=0,
            parent=None,
        ),
    )
    assert capacity_lines(domain, 0) == [
        "domain:",
        "    Messages: [current: 1, limit: 2, reserved: 3,000]",
        "    Bytes   : [current: 4  B, limit: 5  B, reserved: 5.86 KB]",
        "[ ** DISABLED ** ]",
    ]


def test_no_clusters_and_no_queues():
    assert text(ClusterList(())) == "The following clusters are active:"
    helper = ClusterQueueHelper(
        cluster_name="itCluster",
        locality=Locality.MEMBER,
        num_queues=0,
        num_queue_keys=0,
        num_pending_reopen_queue_requests=0,
        domains=(ClusterDomain("d", 2, False), ClusterDomain("d" * 30, 1, True)),
        queues=(),
    )
    assert text(helper).splitlines()[7:] == [
        "    Domains :",
        "    ---------",
        f"        d{'.' * 9}: numAssignedQueues=2 (domain not yet loaded)",
        "",
        f"        {'d' * 30}: numAssignedQueues=1",
        "",
        "    Queues :",
        "    --------",
    ]
