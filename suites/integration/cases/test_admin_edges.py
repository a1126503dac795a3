"""BMQ-ADMIN-25 and on: commands at their edges, in both forms, and the words of their answers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any, Final

from reference_broker.base import QueueUri
from reference_broker.wire.control import OpenQueue, StatusCategory
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import FANOUT_DOMAIN, DomainShape
from suites.integration.admin import AdminActor, queue_words
from suites.integration.case import case
from suites.integration.connections import Wire

_CONFIGURED: Final = (Capability.CONFIGURED,)
_CLUSTER: Final = "CLUSTERS CLUSTER local"
_UNREADABLE: Final = "Unable to decode command (rc: -1, error: '{}')"
_TOO_OFTEN: Final = "Cannot save the recent snapshot, trying to make snapshots too often"
_NO_QUORUM: Final = "The QUORUM tunable must be a non-negative integer, "
#: More statistics at once than a broker has snapshots for, however slow the machine is.
_SNAPSHOTS_ASKED: Final = 24
#: Between two looks at whether a snapshot may be had again.
_SNAPSHOT_PATIENCE_S: Final = 0.02
_CLOCK: Final = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+")
_LIST: Final = "DOMAINS DOMAIN <name> QUEUE <queue_name> LIST [<appId>] <offset> <count>"
_PARTITION: Final = "command CLUSTERS CLUSTER <name> STORAGE PARTITION <partitionId>"
_STORAGE: Final = "CLUSTERS CLUSTER <name> STORAGE"
_STATE: Final = "CLUSTERS CLUSTER <name> STATE"
_QUEUE: Final = "DOMAINS DOMAIN <name> QUEUE <queue_name>"
_COMMANDS: Final = (
    "HELP",
    "BROKERCONFIG DUMP",
    "DOMAINS DOMAIN <name> PURGE",
    "DOMAINS DOMAIN <name> INFOS",
    f"{_QUEUE} PURGE <appId>",
    f"{_QUEUE} INTERNALS",
    f"{_QUEUE} LIST [<appId>] <offset> <count>",
    "DOMAINS RECONFIGURE <domain>",
    "DOMAINS RESOLVER CACHE_CLEAR (<domain>|ALL)",
    "DOMAINS REMOVE <domain> [FINALIZE]",
    "CONFIGPROVIDER CACHE_CLEAR (<domain>|ALL)",
    "STAT SHOW",
    "STAT SET <parameter> <value>",
    "STAT GET <parameter>",
    "STAT LIST_TUNABLES",
    "CLUSTERS LIST",
    "CLUSTERS CLUSTER <name> STATUS",
    "CLUSTERS CLUSTER <name> QUEUEHELPER",
    "CLUSTERS CLUSTER <name> FORCE_GC_QUEUES",
    f"{_STORAGE} SUMMARY",
    f"{_STORAGE} PARTITION <partitionId> [ENABLE|DISABLE]",
    f"{_STORAGE} PARTITION <partitionId> SUMMARY",
    f"{_STORAGE} PARTITION (<partitionId>|ALL) ROLLOVER",
    f"{_STORAGE} DOMAIN <domain_name> QUEUE_STATUS",
    f"{_STORAGE} REPLICATION [SET|SET_ALL] <parameter> <value>",
    f"{_STORAGE} REPLICATION [GET|GET_ALL] <parameter>",
    f"{_STORAGE} REPLICATION LIST_TUNABLES",
    f"{_STATE} ELECTOR [SET|SET_ALL] <parameter> <value>",
    f"{_STATE} ELECTOR [GET|GET_ALL] <parameter>",
    f"{_STATE} ELECTOR LIST_TUNABLES",
)


def _await_snapshot(admin: AdminActor) -> None:
    """Ask for statistics until there are any."""
    give_up = time.monotonic() + admin.timeout_s
    while "error" in admin.result("STAT SHOW"):
        assert time.monotonic() < give_up, "no statistics to be had"
        admin.pump(_SNAPSHOT_PATIENCE_S)


@case(
    "BMQ-ADMIN-25",
    statement="Statistics as JSON are to be had a few times at once, and then again after a while; "
    "as text always.",
    expectation=f"Of {_SNAPSHOTS_ASKED} requests at once the first is answered and the last is an "
    "error, one that says so; text is there all the same; a little later JSON is there again.",
    proves=("STAT-3",),
)
def test_statistics_too_often(wire: Wire) -> None:
    admin = wire.admin()
    _await_snapshot(admin)
    admin.pump(_SNAPSHOT_PATIENCE_S)
    command = "ENCODING JSON_COMPACT STAT SHOW"
    r_ids = [admin.ask(command) for _ in range(_SNAPSHOTS_ASKED)]
    answers = [json.loads(admin.text_of(r_id)) for r_id in r_ids]
    refused = [answer for answer in answers if "stats" not in answer]
    assert refused, "no end of statistics"
    assert all(answer == {"error": {"message": _TOO_OFTEN}} for answer in refused), refused
    assert answers[-1] == refused[-1]
    assert "DOMAINQUEUES" in admin.command("STAT SHOW")
    _await_snapshot(admin)


@case(
    "BMQ-ADMIN-26",
    statement="HELP lists the commands, each with what it does; PLUMBING gives a line to each.",
    expectation=f"The {len(_COMMANDS)} commands of BlazingMQ in their order, with PLUMBING as "
    "`command - text` without a heading; as JSON the same commands, and isPlumbing.",
    proves=("ADMIN-10", "ADMIN-12"),
)
def test_help_plumbing(wire: Wire) -> None:
    admin = wire.admin()
    lines = admin.command("HELP").splitlines()[1:]
    assert tuple(line.strip() for line in lines[::2]) == _COMMANDS
    assert all(line.startswith(" " * 8) and line.strip() for line in lines[1::2])
    plumbing = admin.command("help plumbing").splitlines()
    assert tuple(line.partition(" - ")[0] for line in plumbing) == _COMMANDS
    assert all(line.partition(" - ")[2] for line in plumbing)
    for words, is_plumbing in (("HELP", False), ("HELP PLUMBING", True)):
        result = admin.result(words)["help"]
        assert tuple(each["command"] for each in result["commands"]) == _COMMANDS
        assert result["isPlumbing"] is is_plumbing


@case(
    "BMQ-ADMIN-27",
    statement="CACHE_CLEAR of the resolver and of the configuration provider forgets what was read, "
    "and leaves alone what is in force.",
    expectation="SUCCESS for a domain in use and for ALL, an error for one that there is not; the "
    "queue keeps its messages, and a changed file comes into force by RECONFIGURE only.",
    needs=_CONFIGURED,
    proves=("DOMAIN-3", "DOMAIN-4"),
)
def test_cache_clear(wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]) -> None:
    domain = new_domain(DomainShape())
    uri = f"bmq://{domain}/q"
    guids = wire.writer(uri).post(b"stays")
    admin = wire.admin()
    target.write_domain(domain, DomainShape(changes={"maxProducers": 1}))
    unknown = f"{domain}.unknown"
    for words in ("DOMAINS RESOLVER CACHE_CLEAR", "CONFIGPROVIDER CACHE_CLEAR"):
        assert admin.command(f"{words} {domain}") == "SUCCESS"
        assert admin.command(f"{words} {unknown}") == f"Domain '{unknown}' doesn't exist"
        assert admin.result(f"{words} all") == {"success": {}}
        missing = _UNREADABLE.format(f'{words} command must be followed by a domain name or "ALL".')
        assert admin.command(words) == missing
    assert admin.contents(uri) == [guid.hex().upper() for guid in guids]
    wire.writer(uri, "second producer")
    assert admin.command(f"DOMAINS RECONFIGURE {domain}") == "SUCCESS"
    third = wire.actor("third producer")
    status = third.refusal(OpenQueue(handle_parameters=third.handle(uri, write=True)))
    assert status.category == StatusCategory.E_UNKNOWN, status


@case(
    "BMQ-ADMIN-28",
    statement="A command about a queue, domain or cluster that there is not says what is missing.",
    expectation="INTERNALS, LIST, PURGE and QUEUE_STATUS of unknown names: BlazingMQ's words, with "
    "the name; nothing comes into being by being asked for.",
    needs=_CONFIGURED,
    proves=("DOMAIN-3", "INTERN-3", "PURGE-5", "LIST-6", "CLUSTER-5", "CLUSTER-10"),
)
def test_unknown_names(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    domain, other = new_domain(DomainShape()), new_domain(DomainShape())
    nowhere = f"{domain}.unknown"
    wire.writer(f"bmq://{domain}/q").post(b"abc")
    admin = wire.admin()
    for words, text in (
        (
            f"DOMAINS DOMAIN {domain} QUEUE no INTERNALS",
            f"Queue 'no' was not found on domain '{domain}'",
        ),
        (
            f"DOMAINS DOMAIN {other} QUEUE no INTERNALS",
            f"Queue 'no' was not found on domain '{other}'",
        ),
        (
            f"DOMAINS DOMAIN {domain} QUEUE no LIST 0 0",
            f"Queue 'no' was not found on domain '{domain}'",
        ),
        (
            f"DOMAINS DOMAIN {domain} QUEUE Q LIST 0 0",
            f"Queue 'Q' was not found on domain '{domain}'",
        ),
        (f"DOMAINS DOMAIN {domain} QUEUE q LIST no 0 0", "Invalid 'LIST' command: invalid APPID"),
        (
            f"DOMAINS DOMAIN {domain} QUEUE no PURGE *",
            f"Queue was not found in a storage 'bmq://{domain}/no'",
        ),
        (f"DOMAINS DOMAIN {nowhere} QUEUE q INTERNALS", f"Domain '{nowhere}' doesn't exist"),
        (f"DOMAINS DOMAIN {nowhere} QUEUE q LIST 0 0", f"Domain '{nowhere}' doesn't exist"),
        (f"DOMAINS DOMAIN {nowhere} QUEUE q PURGE *", f"Domain '{nowhere}' doesn't exist"),
        (f"DOMAINS REMOVE {nowhere}", f"Domain '{nowhere}' doesn't exist"),
        (f"{_CLUSTER} STORAGE DOMAIN {nowhere} QUEUE_STATUS", f"Unknown domain '{nowhere}'"),
        ("CLUSTERS CLUSTER nope QUEUEHELPER", "cluster 'nope' not found !"),
        ("CLUSTERS CLUSTER LOCAL STORAGE SUMMARY", "cluster 'LOCAL' not found !"),
    ):
        assert admin.command(words) == text, words
        assert admin.result(words) == {"error": {"message": text}}, words
    storages = admin.result(f"{_CLUSTER} STORAGE DOMAIN {domain} QUEUE_STATUS")["storageContent"][
        "storages"
    ]
    assert [(row["queueUri"], row["numMessages"], row["numBytes"]) for row in storages] == [
        (f"bmq://{domain}/q", 1, 3)
    ]


@case(
    "BMQ-ADMIN-29",
    statement="PURGE tells what it has deleted, also where that is nothing.",
    expectation="A domain without queues, an empty queue, an app, all of a queue and an app that "
    "there is not: BlazingMQ's words, and as JSON the app's name and key, or none and zeros for all.",
    needs=_CONFIGURED,
    proves=("PURGE-2", "PURGE-3", "PURGE-5", "PURGE-7"),
)
def test_purge_of_little(
    wire: Wire, new_uri: Callable[[str], str], new_domain: Callable[[DomainShape], str]
) -> None:
    admin, bare = wire.admin(), new_domain(DomainShape())
    assert admin.command(f"DOMAINS DOMAIN {bare} PURGE") == "No queue purged."
    assert admin.result(f"DOMAINS DOMAIN {bare} PURGE") == {"purgedQueues": {}}
    for name in ("first", "second"):
        wire.writer(f"bmq://{bare}/{name}", name)
    lines = admin.command(f"DOMAINS DOMAIN {bare} PURGE").splitlines()
    assert lines[0] == "Purged 0 message(s) for a total of 0  B from 2 queue(s):"
    assert sorted(line.split()[-1] for line in lines[2:4]) == [
        f"bmq://{bare}/first",
        f"bmq://{bare}/second",
    ]
    uri = new_uri(FANOUT_DOMAIN)
    words = queue_words(uri)
    wire.writer(uri).post(b"abc", b"de")
    for unknown in ("nobody", "__default", "FOO"):
        text = f"Specified appId '{unknown}' not found in the storage of queue '{uri}'."
        assert text in admin.command(f"{words} PURGE {unknown}").splitlines()
    missing = f'{_QUEUE} PURGE command must be followed by an appId or "*".'
    assert admin.command(f"{words} PURGE") == _UNREADABLE.format(missing)
    (foo,) = admin.result(f"{words} PURGE foo")["purgedQueues"]["queues"]
    key = foo["queue"].pop("appKey")
    assert len(key) == 10, key
    assert int(key, 16) != 0
    due = {"queueUri": uri, "appId": "foo", "numMessagesPurged": 2, "numBytesPurged": 5}
    assert foo == {"queue": due}
    due |= {"appId": "", "appKey": "0" * 10}
    (everything,) = admin.result(f"{words} PURGE *")["purgedQueues"]["queues"]
    assert everything == {"queue": due}
    assert admin.contents(uri) == []


@case(
    "BMQ-ADMIN-30",
    statement="A number that is out of range is refused, or is as good as the nearest one that is "
    "not; it does no harm.",
    expectation="LIST beyond both ends of a queue shows what there is; offsets and counts of more "
    "than 32 bits, and partitions that there are not, are errors with BlazingMQ's words; QUORUM "
    "takes no negative number, fraction, truth value or text and keeps what it was.",
    needs=_CONFIGURED,
    proves=("LIST-1", "LIST-2", "LIST-4", "CLUSTER-5", "CLUSTER-7", "ADMIN-8"),
)
def test_numbers_out_of_range(wire: Wire, queue_uri: str, target_spec: TargetSpec) -> None:
    guids = wire.writer(queue_uri).post(*[b"abc"] * 4)
    admin, words = wire.admin(), f"{queue_words(queue_uri)} LIST"
    ranges = [
        (5, 1, 5, 0),
        (9, -3, 6, 0),
        (4, -9, 0, 4),
        (0, -2, 0, 2),
        (-9, 2, 0, 2),
    ]
    if target_spec.is_ours:  # BlazingMQ makes room for so many, and ends
        ranges += [(0, 2**31 - 1, 0, 4), (2**31 - 1, -(2**31), 0, 4)]
        ranges += [(9, 0, 9, 0), (-(2**31), 1, 0, 1)]
    for offset, count, first, shown in ranges:
        listed = admin.result(f"{words} {offset} {count}")["queueContents"]
        assert (listed["offset"], listed["totalQueueMessages"]) == (first, 4), (offset, count)
        names = [message["guid"] for message in listed.get("messages", [])]
        assert names == [guid.hex().upper() for guid in guids[:shown]], (offset, count)
    partition = f"{_CLUSTER} STORAGE PARTITION"
    for command, text in (
        (f"{words} 0 {2**31}", _UNREADABLE.format(f"Invalid <count> for {_LIST}: {2**31}")),
        (f"{words} {-(2**31) - 1} 0", _UNREADABLE.format(f"Invalid <offset> for {_LIST}: {-(2**31) - 1}")),
        (f"{words} 0 1.5", _UNREADABLE.format(f"Invalid <count> for {_LIST}: 1.5")),
        (f"{words} 0", _UNREADABLE.format(f"Invalid <count> for {_LIST}: ")),
        (f"{partition} {2**31} SUMMARY", _UNREADABLE.format(f"Invalid <partitionId> in {_PARTITION}: {2**31}")),
        (f"{partition} {2**31 - 1} SUMMARY", f"Too high partitionId value: '{2**31 - 1}'"),
        (f"{partition} {-(2**31)} ENABLE", f"Too low partitionId value: '{-(2**31)}'"),
        (f"{partition} -2 ROLLOVER", "Too low partitionId value: '-2'"),
        (f"{partition} 99 ROLLOVER", "Too high partitionId value: '99'"),
        (f"{partition} ALL SUMMARY", "Too low partitionId value: '-1'"),
    ):  # fmt: skip
        assert admin.command(command) == text, command
    quorum = f"{_CLUSTER} STORAGE REPLICATION"
    before = admin.command(f"{quorum} GET QUORUM")
    for value in (-1, 2**63, 1.5, "true", "null", "2026-01-02", "some"):
        assert admin.command(f"{quorum} SET QUORUM {value}").startswith(_NO_QUORUM), value
    assert admin.command(f"{quorum} SET QUORA 1") == "Unknown tunable name 'QUORA'"
    assert admin.command(f"{quorum} GET QUORUM") == before


@case(
    "BMQ-ADMIN-31",
    statement="Every command has a form in JSON, which means the same.",
    expectation="Commands of every kind in words and in JSON, with answers as text and as JSON: the "
    "answers are the same, errors too.",
    proves=("ADMIN-5", "ADMIN-6", "ADMIN-7"),
)
def test_commands_in_json(wire: Wire, queue_uri: str) -> None:
    wire.writer(queue_uri).post(b"abc", b"de")
    admin = wire.admin()
    for words, command in _json_forms(QueueUri.parse(queue_uri)):
        for encoding in ("TEXT", "JSON_COMPACT"):
            by_words = admin.command(f"ENCODING {encoding} {words}")
            by_json = admin.command(json.dumps(command | {"encoding": encoding}))
            # BlazingMQ computes when a message came anew each time, to within a microsecond.
            assert _CLOCK.sub("", by_json) == _CLOCK.sub("", by_words), f"{words}: {encoding}"


def _json_forms(uri: QueueUri) -> list[tuple[str, dict[str, Any]]]:
    """Return commands in words and in JSON."""
    domain = uri.qualified_domain

    def of_queue(command: object) -> dict[str, Any]:
        return of_domain({"queue": {"name": uri.queue, "command": command}})

    def of_domain(command: object) -> dict[str, Any]:
        return {"domains": {"domain": {"name": domain, "command": command}}}

    def of_cluster(command: object) -> dict[str, Any]:
        return {"clusters": {"cluster": {"name": "local", "command": command}}}

    def of_replication(command: object) -> dict[str, Any]:
        return of_cluster({"storage": {"replication": command}})

    about = f"DOMAINS DOMAIN {domain}"
    queue, storage = f"{about} QUEUE {uri.queue}", f"{_CLUSTER} STORAGE"
    status = {"name": domain, "command": {"queueStatus": {}}}
    partition = {"partitionId": 99, "command": {"summary": {}}}
    rollover = {"partitionId": -2, "command": {"rollover": {}}}
    value = {"name": "QUORUM", "value": {"theInteger": -1}, "self": {}}
    return [
        ("HELP PLUMBING", {"help": {"plumbing": True}}),
        ("BROKERCONFIG DUMP", {"brokerConfig": {"dump": {}}}),
        ("STAT LIST_TUNABLES", {"stat": {"listTunables": {}}}),
        ("STAT GET nope", {"stat": {"getTunable": "nope"}}),
        (f"{about} INFOS", of_domain({"info": {}})),
        (f"{queue} INTERNALS", of_queue({"internals": {}})),
        (f"{queue} LIST 1 0", of_queue({"messages": {"offset": 1, "count": 0}})),
        (f"{queue} LIST no -1 2", of_queue({"messages": {"appId": "no", "offset": -1, "count": 2}})),
        (f"{queue} PURGE nobody", of_queue({"purgeAppId": "nobody"})),
        ("DOMAINS RECONFIGURE no.such", {"domains": {"reconfigure": {"domain": "no.such"}}}),
        ("DOMAINS REMOVE no.such", {"domains": {"remove": {"domain": "no.such"}}}),
        ("CONFIGPROVIDER CACHE_CLEAR no.such", {"configProvider": {"clearCache": {"domain": "no.such"}}}),
        ("DOMAINS RESOLVER CACHE_CLEAR ALL", {"domains": {"resolver": {"clearCache": {"all": {}}}}}),
        ("CLUSTERS LIST", {"clusters": {"list": {}}}),
        (f"{_CLUSTER} QUEUEHELPER", of_cluster({"queueHelper": {}})),
        (f"{storage} DOMAIN {domain} QUEUE_STATUS", of_cluster({"storage": {"domain": status}})),
        (f"{storage} PARTITION 99 SUMMARY", of_cluster({"storage": {"partition": partition}})),
        (f"{storage} PARTITION -2 ROLLOVER", of_cluster({"storage": {"partition": rollover}})),
        (f"{storage} REPLICATION LIST_TUNABLES", of_replication({"listTunables": {}})),
        (f"{storage} REPLICATION GET QUORUM", of_replication({"getTunable": {"name": "QUORUM", "self": {}}})),
        (f"{storage} REPLICATION SET QUORUM -1", of_replication({"setTunable": value})),
        (f"{_CLUSTER} STATE ELECTOR LIST_TUNABLES", of_cluster({"state": {"elector": {"listTunables": {}}}})),
    ]  # fmt: skip


@case(
    "BMQ-ADMIN-32",
    statement="Words are parted by blanks; keywords may be in any case, and names may not.",
    expectation="Blanks between the words and behind them do not matter; a blank in front, a tab, a "
    "name in capitals, and words too many or too few are errors with BlazingMQ's words.",
    needs=_CONFIGURED,
    proves=("ADMIN-4", "ADMIN-8", "ADMIN-9", "ADMIN-13"),
)
def test_words_of_commands(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    domain, admin = new_domain(DomainShape()), wire.admin()
    for command in (f"DOMAINS  reconfigure   {domain}  ", f"Domains Reconfigure {domain}"):
        assert admin.command(command) == "SUCCESS"
    name = domain.upper()
    assert admin.command(f"DOMAINS RECONFIGURE {name}") == f"Domain '{name}' doesn't exist"
    trailing = (
        "Unexpected trailing words in an otherwise well-formed command: The extra words are: "
    )
    encoding = (
        "The ENCODING option must be followed by one of the [TEXT, JSON_COMPACT, JSON_PRETTY] "
        "settings (default: TEXT), but "
    )
    invalid = 'Invalid command. Send "HELP" for list of commands. Invalid command word: '
    for command, reason in (
        (" HELP", "Command must contain at least one word."),
        ("ENCODING TEXT", "Command must contain at least one word."),
        ("ENCODING", f"{encoding}no setting was specified."),
        ("ENCODING XML HELP", f"{encoding}the following was given: XML"),
        ("HELP\tPLUMBING", f"{invalid}HELP\tPLUMBING"),
        ("help me", "Invalid HELP subcommand: me"),
        ("HELP PLUMBING now and here", f"{trailing}now and here"),
        (f"domains reconfigure {domain} FINALIZE", f"{trailing}FINALIZE"),
        ("DOMAINS RECONFIGURE", "DOMAINS RECONFIGURE command must be followed by a domain name."),
        ("STAT HIDE", "Unexpected STAT subcommand: HIDE"),
        ("CLUSTERS LIST local", f"{trailing}local"),
    ):
        assert admin.command(command) == _UNREADABLE.format(reason), command
