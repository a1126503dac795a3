"""Commands that only look: LIST, INTERNALS, INFOS, STORAGE, QUEUEHELPER."""

from __future__ import annotations

import json
import re

import pytest

from reference_broker.core.tests.pair import FILE, MEM, World, cluster, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    confirms,
    guid,
    open_queue,
    puts,
    reader_of,
    subscribe,
    subscription,
    writer_of,
)

FAN = domain("test.fan", mode="fanout", apps=("foo", "bar", "corge"))


def world() -> World:
    return World([MEM, FILE, FAN])


# LIST.


def listed(made: World, arguments: str, where: str = "test.mem") -> tuple[str, list[int]]:
    """Return the first line of a LIST, and the numbers of the messages."""
    result = made.admin(f"DOMAINS DOMAIN {where} QUEUE q LIST {arguments}")
    assert result.rc == 0, result
    first, heading, *rows, last = result.text.split("\n")
    assert heading == "       GUID                              Size        Timestamp (UTC)"
    assert last == ""
    for row in rows:
        assert re.fullmatch(
            r" *\d+: [0-9A-F]{32}  +\d+  B  \d\d[A-Z]{3}\d{4}_\d\d:\d\d:\d\d\.\d{6}\S*", row
        ), row
    return first, [int(row.split()[1][4:], 16) for row in rows]


@pytest.mark.parametrize(
    ("arguments", "span", "numbers"),
    [
        ("0 UNLIMITED", "[0-4 / 5]", [0, 1, 2, 3, 4]),
        ("0 0", "[0-4 / 5]", [0, 1, 2, 3, 4]),
        ("0 2", "[0-1 / 5]", [0, 1]),
        ("3 2", "[3-4 / 5]", [3, 4]),
        ("3 99", "[3-4 / 5]", [3, 4]),
        ("3 UNLIMITED", "[3-4 / 5]", [3, 4]),
        ("-2 UNLIMITED", "[3-4 / 5]", [3, 4]),
        ("-2 1", "[3-3 / 5]", [3]),
        ("-99 1", "[0-0 / 5]", [0]),
        ("4 -2", "[2-3 / 5]", [2, 3]),
        ("-1 -3", "[1-3 / 5]", [1, 2, 3]),
        ("5 UNLIMITED", "[5-4 / 5]", []),
        ("9 1", "[9-4 / 5]", []),
    ],
)
def test_a_part_of_a_queue(arguments: str, span: str, numbers: list[int]):
    made = world()
    writer_of(made).send(puts(*range(5)))
    first, found = listed(made, arguments)
    size = f"{4 * len(numbers)}  B"
    assert first == f"Printing {len(numbers)} message(s) {span} (total: {size})"
    assert found == numbers


def test_an_empty_queue():
    made = world()
    writer_of(made)
    assert listed(made, "0 UNLIMITED") == ("Printing 0 message(s) [0--1 / 0] (total: 0  B)", [])


def test_what_one_app_has_not_confirmed():
    made = world()
    producer, foo = writer_of(made, FANOUT_URI), reader_of(made, FANOUT_URI, "foo", messages=3)
    producer.send(puts(*range(5)))
    foo.send(confirms(1, sub_id=1))
    assert listed(made, "foo 0 UNLIMITED", "test.fan")[1] == [0, 2, 3, 4]
    assert listed(made, "foo 1 2", "test.fan") == (
        "Printing 2 message(s) [1-2 / 4] (total: 8  B)",
        [2, 3],
    )
    assert listed(made, "0 UNLIMITED", "test.fan")[1] == [0, 1, 2, 3, 4]


def test_large_messages_have_pretty_sizes():
    made = world()
    writer_of(made).send(puts(1, data=bytes(2_048)))
    result = made.admin("DOMAINS DOMAIN test.mem QUEUE q LIST 0 UNLIMITED")
    assert "(total: 2.00 KB)" in result.text
    assert f"    0: {guid(1).hex().upper()}     2.00 KB  " in result.text


@pytest.mark.parametrize(
    ("command", "rc", "text"),
    [
        ("test.mem QUEUE q LIST foo 0 1", -2, "Invalid 'LIST' command: invalid APPID"),
        ("test.mem QUEUE zz LIST 0 1", -2, "Queue 'zz' was not found on domain 'test.mem'"),
        ("nowhere QUEUE q LIST 0 1", -2, "Domain 'nowhere' doesn't exist"),
        ("test.mem QUEUE q LIST", -31, None),
        ("test.mem QUEUE q LIST 0", -31, None),
        ("test.mem QUEUE q LIST a b", -31, None),
        ("test.mem QUEUE q LIST foo 0 1 2", -31, None),
    ],
)
def test_a_list_that_cannot_be(command: str, rc: int, text: str | None):
    made = world()
    writer_of(made).send(puts(1))
    result = made.admin(f"DOMAINS DOMAIN {command}")
    assert result.rc == rc
    assert text is None or result.text == text


# INTERNALS.


def test_the_apps_of_a_fanout_queue():
    made = world()
    producer = writer_of(made, FANOUT_URI)
    foo = reader_of(made, FANOUT_URI, "foo")
    reader_of(made, FANOUT_URI, "quux")
    reader_of(made, FANOUT_URI, "corge", messages=1)
    producer.send(puts(1, 2))
    foo.send(confirms(1, sub_id=1))
    text = made.admin("DOMAINS DOMAIN test.fan QUEUE q INTERNALS").text
    states = re.findall(r"(\w+) *: status=(\w+)(?:, StorageIter.atEnd=(\w+))?", text)
    assert states == [
        ("foo", "alive", "true"),
        ("bar", "registered", "false"),
        ("corge", "alive", "false"),
        ("quux", "unauthorized", ""),
    ]
    assert "Num virtual storages: 3" in text
    assert re.search(r"Storage \.*: 2 messages, 8  B\n", text)
    counts = re.findall(r"(\w+) : \[appKey: [0-9A-F]{10}, numMessages: (\d+)\]", text)
    assert counts == [("foo", "1"), ("bar", "2"), ("corge", "2")]
    assert "FanoutQueueEngine (fanout):" in text
    assert re.search(r"URI \.+: bmq://test.fan/q\n", text)
    assert "4 handles:" in text


@pytest.mark.parametrize("encoding", ["TEXT", "JSON_COMPACT", "JSON_PRETTY"])
def test_a_priority_queue_with_all_that_can_be_in_it(encoding: str):
    made = world()
    producer, consumer, other = writer_of(made), reader_of(made, messages=3), made.session()
    open_queue(other, read=1)  # not configured
    subscribe(consumer, subscription(1, "n > 1", messages=3), subscription(2, priority=4))
    producer.send(puts(*range(5)))
    reader_of(made).close()
    consumer.send(confirms(1))
    result = made.admin(f"ENCODING {encoding} DOMAINS DOMAIN test.mem QUEUE q INTERNALS")
    assert result.rc == 0
    if encoding == "TEXT":
        assert "FanoutQueueEngine (priority):" in result.text
        assert "__default: status=alive, StorageIter.atEnd=true" in result.text
        assert "raw:1 @ 127.0.0.1" in result.text
    else:
        (choice,) = json.loads(result.text).items()
        assert choice[0] == "queueInternals"
        assert choice[1]["state"]["storage"]["numMessages"] == 4


def test_a_queue_without_handles():
    made = world()
    wire = writer_of(made)
    wire.close()
    assert made.admin("DOMAINS DOMAIN test.mem QUEUE q INTERNALS").rc == 0


def test_a_queue_that_is_not_there():
    result = world().admin("DOMAINS DOMAIN test.mem QUEUE zz INTERNALS")
    assert result.text == "Queue 'zz' was not found on domain 'test.mem'"


# INFOS.


def test_what_a_domain_is():
    made = world()
    writer_of(made).send(puts(1, 2))
    lines = made.admin("DOMAINS DOMAIN test.mem INFOS").text.split("\n")
    text = "\n".join(lines)
    assert "    Name ............: test.mem" in lines
    assert "    Cluster .........: Cluster (local)" in lines
    assert re.search(r"Messages: \[current: 2, limit: 2,000\]", text)
    assert re.search(r"Bytes   : \[current: 8  B, limit: 2\.00 MB\]", text)
    assert re.search(r"ActiveQueues \.\.: 1\n +0\. bmq://test.mem/q\n", text)
    assert "    Number of assigned queue-storages: 1" in lines
    row = r"^ *[0-9A-F]{10} +0 +2 +8  B +bmq://test.mem/q  \(non-persistent\)$"
    assert re.search(row, text, re.MULTILINE)


def test_a_domain_as_json():
    made = world()
    result = made.admin("ENCODING JSON_COMPACT DOMAINS DOMAIN test.fan INFOS")
    info = json.loads(result.text)["domainInfo"]
    config = json.loads(info["configJson"])
    assert info["name"] == "test.fan"
    assert config["mode"]["fanout"]["appIDs"] == ["foo", "bar", "corge"]


def test_a_queue_that_only_storage_knows_is_not_active():
    made = world()
    writer_of(made, FILE_URI).send(puts(1))
    after = made.restarted()
    text = after.admin("DOMAINS DOMAIN test.file INFOS").text
    assert "ActiveQueues ..: 0" in text
    assert "Number of assigned queue-storages: 1" in text
    writer_of(after, FILE_URI)
    assert "ActiveQueues ..: 1" in after.admin("DOMAINS DOMAIN test.file INFOS").text


# The cluster.


def test_the_storage_of_all_partitions():
    made = World([MEM, FILE, FAN], cluster=cluster(partitions=2))
    writer_of(made, FILE_URI).send(puts(1, 2))
    writer_of(made)
    text = made.admin("CLUSTERS CLUSTER local STORAGE SUMMARY").text
    assert re.findall(r"Partition \[(\d)\]:", text) == ["0", "1"]
    assert re.findall(r"Primary Node.*\[(.+), \d+\]", text) == ["localhost"] * 2
    row = r"\w{10}\s+0\s+2\s+\d+\s+B\s+bmq://test.file/q"
    assert re.search(row, text)
    assert re.search(r"\w{10}\s+1\s+0\s+\d+\s+B\s+bmq://test.mem/q  \(non-persistent\)", text)


@pytest.mark.parametrize(
    ("partition", "rc", "text"),
    [
        ("0", 0, None),
        ("1", 0, None),
        ("-1", -2, "Too low partitionId value: '-1'"),
        ("2", -2, "Too high partitionId value: '2'"),
    ],
)
def test_the_storage_of_one_partition(partition: str, rc: int, text: str | None):
    made = World(cluster=cluster(partitions=2))
    result = made.admin(f"CLUSTERS CLUSTER local STORAGE PARTITION {partition} SUMMARY")
    assert result.rc == rc
    if text is None:
        assert re.findall(r"Partition \[(\d)\]:", result.text) == [partition]
    else:
        assert result.text == text


def test_the_cluster_is_healthy():
    text = world().admin("CLUSTERS CLUSTER local STATUS").text
    assert "Is Healthy    : Yes" in text
    assert "Self Node     : [localhost, 0]" in text


def test_how_many_queues_a_domain_has():
    made = world()
    wire = made.session()
    for number in range(3):
        open_queue(wire, f"bmq://test.mem/q{number}", number, write=1)
    text = made.admin("CLUSTERS CLUSTER local QUEUEHELPER").text
    assert re.search(r"test\.mem.*numAssignedQueues=3", text)


@pytest.mark.parametrize("encoding", ["TEXT", "JSON_COMPACT", "JSON_PRETTY"])
@pytest.mark.parametrize(
    "command",
    [
        "HELP",
        "HELP PLUMBING",
        "BROKERCONFIG DUMP",
        "STAT SHOW",
        "STAT LIST_TUNABLES",
        "CLUSTERS LIST",
        "CLUSTERS CLUSTER local STATUS",
        "CLUSTERS CLUSTER local QUEUEHELPER",
        "CLUSTERS CLUSTER local STORAGE SUMMARY",
        "CLUSTERS CLUSTER local STORAGE PARTITION 0 SUMMARY",
        "CLUSTERS CLUSTER local STORAGE PARTITION 0 ENABLE",
        "CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER",
        "CLUSTERS CLUSTER local STORAGE DOMAIN test.file QUEUE_STATUS",
        "CLUSTERS CLUSTER local STORAGE REPLICATION LIST_TUNABLES",
        "CLUSTERS CLUSTER local STORAGE REPLICATION SET quorum 2",
        "CLUSTERS CLUSTER local STATE ELECTOR GET quorum",
        "CLUSTERS CLUSTER local STATE ELECTOR SET_ALL quorum 1",
        "CLUSTERS CLUSTER local FORCE_GC_QUEUES",
        "DOMAINS DOMAIN test.file INFOS",
        "DOMAINS DOMAIN test.fan QUEUE q INTERNALS",
        "DOMAINS DOMAIN test.fan QUEUE q LIST foo 0 UNLIMITED",
        "DOMAINS RESOLVER CACHE_CLEAR ALL",
        "CONFIGPROVIDER CACHE_CLEAR test.file",
        "DOMAINS RECONFIGURE test.fan",
    ],
)
def test_every_command_is_answered_in_every_encoding(command: str, encoding: str):
    made = world()
    writer_of(made, FILE_URI).send(puts(1))
    writer_of(made, FANOUT_URI).send(puts(1))
    reader_of(made, FANOUT_URI, "foo")
    result = made.admin(f"ENCODING {encoding} {command}")
    assert result.rc == 0, result
    if encoding != "TEXT":
        assert len(json.loads(result.text)) == 1


def test_tunables_keep_what_they_are_set_to():
    made = world()
    prefix = "CLUSTERS CLUSTER local STATE ELECTOR"
    assert made.admin(f"{prefix} SET quorum 3").text == "Quorum set to 3 from 0"
    assert made.admin(f"{prefix} GET Quorum").text == "Quorum = 3"
    assert made.admin(f"{prefix} SET quorum x").rc == -2
    assert made.admin(f"{prefix} SET zz 1").text == "Unknown tunable name 'zz'"
