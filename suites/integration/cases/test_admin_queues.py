"""BMQ-ADMIN-12 and on: commands about domains and queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from reference_broker.wire.control import OpenQueue, StatusCategory
from suites.harness.target import Capability, Target
from suites.harness.topology import (
    APP_IDS,
    FANOUT_DOMAIN,
    FANOUT_FILE_DOMAIN,
    FILE_DOMAIN,
    DomainShape,
)
from suites.integration.admin import queue_words
from suites.integration.case import case
from suites.integration.connections import Wire

_CONFIGURED: Final = (Capability.CONFIGURED,)
_FANOUT: Final = DomainShape(mode="fanout", app_ids=APP_IDS)


def _names(guids: list[bytes]) -> list[str]:
    return [guid.hex().upper() for guid in guids]


@case(
    "BMQ-ADMIN-12",
    statement="LIST shows a part of a queue: a negative offset counts from the end, UNLIMITED or 0 "
    "means the rest, a negative count so many before the offset.",
    expectation="Of six messages eleven ranges, each with the right GUIDs, sizes and total, as JSON "
    "and in the heading of the text.",
    needs=_CONFIGURED,
    proves=("LIST-1", "LIST-2", "LIST-3", "LIST-4"),
)
def test_list_ranges(wire: Wire, queue_uri: str) -> None:
    payloads = [b"x" * (size + 1) for size in range(6)]
    guids = _names(wire.writer(queue_uri).post(*payloads))
    admin = wire.admin()
    for words, first, end in (
        ("0 UNLIMITED", 0, 6),
        ("0 0", 0, 6),
        ("0 2", 0, 2),
        ("2 3", 2, 5),
        ("4 10", 4, 6),
        ("6 1", 6, 6),
        ("-2 UNLIMITED", 4, 6),
        ("-6 1", 0, 1),
        ("-1 1", 5, 6),
        ("4 -2", 2, 4),
        ("-1 -3", 2, 5),
    ):
        listed = admin.result(f"{queue_words(queue_uri)} LIST {words}")["queueContents"]
        messages = listed.get("messages", [])
        assert [message["guid"] for message in messages] == guids[first:end], words
        assert [message["sizeBytes"] for message in messages] == list(range(first + 1, end + 1))
        assert (listed["offset"], listed["totalQueueMessages"]) == (first, 6), words
        text = admin.command(f"{queue_words(queue_uri)} LIST {words}").splitlines()[0]
        assert text.startswith(f"Printing {end - first} message(s) [{first}-{end - 1} / 6]"), text


@case(
    "BMQ-ADMIN-13",
    statement="LIST with an app shows what the app has not confirmed.",
    expectation="Of five messages foo has confirmed the first two, bar all, baz none: 3, 0 and 5; "
    "an unknown app is an error; sizes in the text are totals.",
    proves=("LIST-5", "LIST-6"),
)
def test_list_of_an_app(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(FANOUT_DOMAIN)
    guids = wire.writer(uri).post(*[b"1234"] * 5)
    for app_id, count in (("foo", 2), ("bar", 5)):
        reader = wire.reader(uri, app_id=app_id)
        reader.take_pushes(5)
        reader.confirm(*guids[:count], app_id=app_id)
        reader.settle()
    admin = wire.admin()
    assert admin.contents(uri) == _names(guids)
    assert admin.contents(uri, "foo") == _names(guids[2:])
    assert admin.contents(uri, "bar") == []
    assert admin.contents(uri, "baz") == _names(guids)
    text = admin.command(f"{queue_words(uri)} LIST foo 0 UNLIMITED").splitlines()[0]
    assert text == "Printing 3 message(s) [0-2 / 3] (total: 12  B)"
    unknown = admin.command(f"{queue_words(uri)} LIST nobody 0 1")
    assert unknown == "Invalid 'LIST' command: invalid APPID"
    for app_id in ("foo", "baz"):
        reader = wire.reader(uri, f"{app_id} clears", app_id=app_id)
        reader.confirm(*guids, app_id=app_id)
        reader.settle()
    assert admin.contents(uri) == []


@case(
    "BMQ-ADMIN-14",
    statement="PURGE * deletes all messages of a queue, delivered or not.",
    expectation="Ten messages, three of them held by a consumer: 10 purged, then 0; nothing is "
    "delivered any more, late CONFIRMs are harmless, and new messages come.",
    needs=_CONFIGURED,
    proves=("PURGE-1", "PURGE-2", "PURGE-6"),
)
def test_purge_a_queue(wire: Wire, queue_uri: str) -> None:
    consumer, producer, admin = (
        wire.reader(queue_uri, messages=3),
        wire.writer(queue_uri),
        wire.admin(),
    )
    guids = producer.post(*[b"abc"] * 10)
    consumer.take_pushes(3)
    command = f"{queue_words(queue_uri)} PURGE *"
    text = admin.command(command)
    assert text.splitlines()[0] == "Purged 10 message(s) for a total of 30  B from 1 queue(s):"
    (purged,) = admin.result(command)["purgedQueues"]["queues"]
    assert purged["queue"]["numMessagesPurged"] == 0
    assert purged["queue"]["queueUri"] == queue_uri
    consumer.confirm(*guids)
    consumer.settle()
    assert not consumer.pushes
    later = producer.post(b"later")
    assert [push.guid for push in consumer.take_pushes(1)] == later
    consumer.confirm(*later)


@case(
    "BMQ-ADMIN-15",
    statement="PURGE of an app deletes its copies only.",
    expectation="Of four messages foo has confirmed one: 3 purged for foo, then 0; bar and baz get "
    "all; an unknown app and an unknown queue are errors.",
    proves=("PURGE-2", "PURGE-3", "PURGE-5"),
)
def test_purge_an_app(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(FANOUT_DOMAIN)
    guids = wire.writer(uri).post(*[b"abc"] * 4)
    foo, admin = wire.reader(uri, app_id="foo"), wire.admin()
    foo.take_pushes(4)
    foo.confirm(guids[0], app_id="foo")
    foo.settle()
    for count in (3, 0):
        text = admin.command(f"{queue_words(uri)} PURGE foo").splitlines()[0]
        assert text == f"Purged {count} message(s) for a total of {count * 3}  B from 1 queue(s):"
    foo.shut(uri, read=True, app_id="foo")
    again = wire.reader(uri, "foo again", app_id="foo")
    again.settle()
    assert not again.pushes
    for app_id in ("bar", "baz"):
        reader = wire.reader(uri, app_id=app_id)
        assert [push.guid for push in reader.take_pushes(4)] == guids
        reader.confirm(*guids, app_id=app_id)
        reader.settle()
    # BlazingMQ reports it for the queue, the reference for the command.
    assert '"error"' in admin.command(f"ENCODING JSON_COMPACT {queue_words(uri)} PURGE nobody")
    unknown = f"{uri}.unknown"
    text = f"Queue was not found in a storage '{unknown}'"
    assert admin.command(f"{queue_words(unknown)} PURGE *") == text


@case(
    "BMQ-ADMIN-16",
    statement="PURGE of a domain deletes the messages of all its queues.",
    expectation="Three queues with 1, 2 and 3 messages, one of them closed by everybody: 6 purged "
    "of 3 queues, then 0; other domains are not touched.",
    needs=_CONFIGURED,
    proves=("PURGE-2", "PURGE-4"),
)
def test_purge_a_domain(
    wire: Wire, queue_uri: str, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(DomainShape())
    kept = wire.writer(queue_uri).post(b"elsewhere")
    for count in (1, 2, 3):
        wire.writer(f"bmq://{domain}/{count}", f"producer {count}").post(*[b"abc"] * count)
    wire.writer(f"bmq://{domain}/1", "leaves").disconnect()
    admin = wire.admin()
    command = f"DOMAINS DOMAIN {domain} PURGE"
    text = admin.command(command).splitlines()
    assert text[0] == "Purged 6 message(s) for a total of 18  B from 3 queue(s):"
    assert [line.split()[2] for line in text[2:5]] == ["3", "2", "1"], "not by falling size"
    purged = admin.result(command)["purgedQueues"]["queues"]
    assert [each["queue"]["numMessagesPurged"] for each in purged] == [0, 0, 0]
    assert admin.contents(queue_uri) == _names(kept)


@case(
    "BMQ-ADMIN-17",
    statement="What was purged does not come back.",
    expectation="A queue and one app of another are purged; after SIGKILL and a restart they are "
    "empty, and what was posted later is there.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("STORE-8",),
)
def test_purges_across_a_restart(wire: Wire, fresh_target: Target) -> None:
    plain, fanout = f"bmq://{FILE_DOMAIN}/purged", f"bmq://{FANOUT_FILE_DOMAIN}/purged"
    producers = [wire.writer(uri, target=fresh_target) for uri in (plain, fanout)]
    for producer in producers:
        producer.post(b"1", b"2", b"3")
    admin = wire.admin(target=fresh_target)
    admin.command(f"{queue_words(plain)} PURGE *")
    admin.command(f"{queue_words(fanout)} PURGE foo")
    later = [producer.post(b"later")[0] for producer in producers]
    for producer in producers:
        producer.crash()
    fresh_target.kill()
    fresh_target.restart()
    admin = wire.admin(target=fresh_target)
    for uri in (plain, fanout):  # BlazingMQ knows queues by name when somebody has opened them
        wire.writer(uri, target=fresh_target)
    assert admin.contents(plain) == _names(later[:1])
    assert admin.contents(fanout, "foo") == _names(later[1:])
    assert len(admin.contents(fanout, "bar")) == 4
    text = admin.command(f"{queue_words(fanout)} PURGE bar").splitlines()[0]
    assert text.startswith("Purged 4 message(s)")
    consumer = wire.reader(plain, target=fresh_target)
    assert [push.guid for push in consumer.take_pushes(1)] == later[:1]


@case(
    "BMQ-ADMIN-18",
    statement="INTERNALS shows each app's state: alive with consumers, registered without, "
    "unauthorized if the domain does not know it.",
    expectation="foo alive, bar and baz registered, stranger unauthorized; handles, storage and what "
    "foo's consumer holds; an unknown queue is an error.",
    proves=("INTERN-1", "INTERN-2", "INTERN-3"),
)
def test_internals(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(FANOUT_DOMAIN)
    foo, stranger = wire.reader(uri, app_id="foo"), wire.reader(uri, app_id="stranger")
    guids = wire.writer(uri).post(b"1", b"2")
    foo.take_pushes(2)
    foo.confirm(guids[0], app_id="foo")
    foo.settle()
    admin = wire.admin()
    lines = [line.strip() for line in admin.command(f"{queue_words(uri)} INTERNALS").splitlines()]
    statuses = [line.split(":")[1].split(",")[0].strip() for line in lines if ": status=" in line]
    assert sorted(statuses) == [
        "status=alive",
        "status=registered",
        "status=registered",
        "status=unauthorized",
    ]
    assert "3 handles:" in lines
    assert "Num virtual storages: 3" in lines
    internals = admin.result(f"{queue_words(uri)} INTERNALS")["queueInternals"]
    storage = internals["state"]["storage"]
    assert {app["appId"]: app["numMessages"] for app in storage["virtualStorages"]} == {
        "foo": 1,
        "bar": 2,
        "baz": 2,
    }
    assert "localQueue" in internals["queue"]
    unknown = admin.command(f"{queue_words(uri)}.unknown INTERNALS")
    assert "was not found on domain" in unknown
    stranger.disconnect()
    for app_id in APP_IDS:
        reader = wire.reader(uri, f"{app_id} clears", app_id=app_id)
        reader.confirm(*guids, app_id=app_id)
        reader.settle()


@case(
    "BMQ-ADMIN-19",
    statement="INFOS shows a domain's configuration, capacity and queues.",
    expectation="Before and after a queue is opened: 0 and 1 active queues; the configuration as "
    "JSON; messages and bytes against the limits.",
    needs=_CONFIGURED,
    proves=("DOMAIN-1",),
)
def test_domain_infos(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    domain = new_domain(DomainShape(changes={"maxDeliveryAttempts": 7}))
    uri, command = f"bmq://{domain}/q", f"DOMAINS DOMAIN {domain} INFOS"
    admin = wire.admin()
    assert "ActiveQueues ..: 0" in admin.command(command)
    wire.writer(uri).post(b"abc", b"de")
    text = admin.command(command)
    assert "ActiveQueues ..: 1" in text
    assert f"0. {uri}\n" in text
    infos = admin.result(command)["domainInfo"]
    assert infos["name"] == domain
    assert infos["queueUris"] == [uri]
    assert json.loads(infos["configJson"])["maxDeliveryAttempts"] == 7
    assert (infos["capacityMeter"]["numMessages"], infos["capacityMeter"]["numBytes"]) == (2, 5)
    (storage,) = infos["storageContent"]["storages"]
    assert (storage["numMessages"], storage["isPersistent"]) == (2, False)


@case(
    "BMQ-ADMIN-20",
    statement="A domain that has a file and is not loaded may be commanded; one without is an error.",
    expectation="INFOS and RECONFIGURE succeed for the first; all commands about the other are "
    "answered `Domain '...' doesn't exist`.",
    needs=_CONFIGURED,
    proves=("DOMAIN-2", "DOMAIN-3"),
)
def test_domains_not_loaded(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    admin = wire.admin()
    assert admin.command(f"DOMAINS RECONFIGURE {new_domain(DomainShape())}") == "SUCCESS"
    assert "domainInfo" in admin.result(f"DOMAINS DOMAIN {new_domain(DomainShape())} INFOS")
    name = "gauntlet.no.such.domain"
    for words in (f"DOMAIN {name} INFOS", f"DOMAIN {name} PURGE", f"RECONFIGURE {name}"):
        assert admin.command(f"DOMAINS {words}") == f"Domain '{name}' doesn't exist", words


@case(
    "BMQ-ADMIN-21",
    statement="RECONFIGURE registers and unregisters apps of queues that exist; a new app gets what "
    "is posted from then on.",
    expectation="A reader of quux waits unauthorized; registered, it gets the second message and not "
    "the first; foo, unregistered, gets nothing more and holds nothing up; registered again it "
    "gets what is newer.",
    needs=_CONFIGURED,
    proves=("RECONF-2", "RECONF-3"),
)
def test_reconfigured_apps(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(_FANOUT._replace(app_ids=("foo", "bar")))
    uri = f"bmq://{domain}/q"
    readers = {app_id: wire.reader(uri, app_id=app_id) for app_id in ("foo", "bar", "quux")}
    producer, admin = wire.writer(uri), wire.admin()
    came: dict[str, list[bytes]] = {app_id: [] for app_id in readers}
    guids = producer.post(b"0")
    for app_ids in (("foo", "bar", "quux"), ("bar", "quux"), ("foo", "bar", "quux")):
        target.write_domain(domain, _FANOUT._replace(app_ids=app_ids))
        assert admin.command(f"DOMAINS RECONFIGURE {domain}") == "SUCCESS"
        guids += producer.post(b"%d" % len(guids))
    for app_id, reader in readers.items():
        reader.settle()
        came[app_id] = [push.guid for push in reader.pushes]
    assert came == {"foo": [*guids[:2], guids[3]], "bar": guids, "quux": guids[1:]}
    for app_id, reader in readers.items():
        reader.confirm(*came[app_id], app_id=app_id)
        reader.settle()
    assert admin.contents(uri) == []


@case(
    "BMQ-ADMIN-22",
    statement="The mode and the storage of a domain that exists cannot be changed.",
    expectation="RECONFIGURE is an error each time, and the queue works on as it was.",
    needs=_CONFIGURED,
    proves=("RECONF-4", "RECONF-5"),
)
def test_unchangeable_configuration(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    shape = DomainShape()
    domain = new_domain(shape)
    uri = f"bmq://{domain}/q"
    consumer, producer, admin = wire.reader(uri), wire.writer(uri), wire.admin()
    for changed in (shape._replace(mode="broadcast"), shape._replace(storage="fileBacked")):
        target.write_domain(domain, changed)
        assert "error" in admin.result(f"DOMAINS RECONFIGURE {domain}"), changed
        guids = producer.post(b"as before")
        assert admin.contents(uri) == _names(guids)
        assert [push.guid for push in consumer.take_pushes(1)] == guids
        consumer.confirm(*guids)
        consumer.settle()


@case(
    "BMQ-ADMIN-23",
    statement="DOMAINS REMOVE takes two rounds, and none while a queue is open.",
    expectation="FINALIZE before the first round, and the first round with an open queue, are "
    "errors; after the first the messages are gone and opens are refused with E_REFUSED; after "
    "FINALIZE the domain may be used anew.",
    needs=_CONFIGURED,
    proves=("REMOVE-1", "REMOVE-2", "REMOVE-3", "REMOVE-4", "REMOVE-5"),
)
def test_remove_a_domain(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    domain = new_domain(DomainShape())
    uri = f"bmq://{domain}/q"
    producer, admin = wire.writer(uri), wire.admin()
    producer.post(b"1", b"2")
    first, second = f"DOMAINS REMOVE {domain}", f"DOMAINS REMOVE {domain} FINALIZE"
    text = f"First round of DOMAINS REMOVE '{domain}' is not completed."
    assert admin.command(second) == text
    text = f"Trying to remove the domain '{domain}' while there are queues opened or opening"
    assert admin.command(first) == text
    producer.shut(uri, write=True)
    assert admin.command(first).startswith("Purged 2 message(s)")
    status = producer.refusal(OpenQueue(handle_parameters=producer.handle(uri, write=True)))
    assert status.category == StatusCategory.E_REFUSED, status
    assert admin.command(second) == "SUCCESS"
    consumer = wire.reader(uri)
    producer.open(uri, write=True)
    guids = producer.post(b"anew")
    assert [push.guid for push in consumer.take_pushes(1)] == guids
    consumer.confirm(*guids)


@case(
    "BMQ-ADMIN-24",
    statement="A domain's file may come while the broker runs.",
    expectation="An open before it is there is refused with E_UNKNOWN; afterwards it succeeds, "
    "without any command.",
    needs=_CONFIGURED,
    proves=("OPEN-15", "FILE-4"),
)
def test_new_domain(wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]) -> None:
    domain = f"{new_domain(DomainShape())}.later"
    actor = wire.actor()
    request = OpenQueue(handle_parameters=actor.handle(f"bmq://{domain}/q", write=True))
    assert actor.refusal(request).category == StatusCategory.E_UNKNOWN
    target.write_domain(domain, DomainShape())
    actor.open(f"bmq://{domain}/q", write=True)
    actor.post(b"there it is")
