"""STAT SHOW: the peer's 38 metrics, and how often they may be asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reference_broker.core import AdminSettings
from reference_broker.core.tests.pair import MEM, Wire, World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    MEM_URI,
    close_queue,
    guid,
    puts,
    reader_of,
    writer_of,
)
from reference_broker.ports import AdminResult
from reference_broker.wire import confirm_event

TOO_OFTEN = "Cannot save the recent snapshot, trying to make snapshots too often"
NAMES = [
    "ack_msgs",
    "ack_msgs_abs",
    "ack_time_avg",
    "ack_time_max",
    "bytes_current",
    "bytes_utilization_max",
    "cfg_bytes",
    "cfg_msgs",
    "confirm_msgs",
    "confirm_msgs_abs",
    "confirm_time_avg",
    "confirm_time_max",
    "consumers_count",
    "content_bytes",
    "content_msgs",
    "gc_msgs",
    "gc_msgs_abs",
    "history_abs",
    "msgs_current",
    "msgs_utilization_max",
    "nack_msgs",
    "nack_msgs_abs",
    "nack_noquorum_msgs",
    "nack_noquorum_msgs_abs",
    "producers_count",
    "push_bytes",
    "push_bytes_abs",
    "push_msgs",
    "push_msgs_abs",
    "put_bytes",
    "put_bytes_abs",
    "put_msgs",
    "put_msgs_abs",
    "queue_time_avg",
    "queue_time_max",
    "reject_msgs",
    "reject_msgs_abs",
    "role",
]
#: Metrics whose values depend on the machine.
TIMES = {f"{kind}_time_{each}" for kind in ("ack", "confirm", "queue") for each in ("avg", "max")}


def fanout() -> World:
    return World([MEM, domain("test.fan", mode="fanout", limits=(1_000, 1_048_576))])


def shown(world: World) -> dict[str, Any]:
    """Return the queues of each domain, by URI."""
    result = world.admin("ENCODING JSON_COMPACT STAT SHOW")
    assert result.rc == 0, result
    tree = json.loads(json.loads(result.text)["stats"])
    assert set(tree) == {"_timestamp", "domainQueues"}
    domains: dict[str, Any] = tree["domainQueues"]["domains"]
    return domains


def counts(values: dict[str, int]) -> dict[str, int]:
    """Return the metrics that are not 0, without their prefix and without times."""
    assert set(values) == {f"queue_{name}" for name in NAMES}
    assert all(type(value) is int for value in values.values())
    plain = {name.removeprefix("queue_"): value for name, value in values.items()}
    return {name: value for name, value in plain.items() if value and name not in TIMES}


def of_queue(world: World) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Return the metrics of the fanout queue, and of each app."""
    queue = shown(world)["test.fan"][FANOUT_URI]
    assert set(queue) == {"values", "appIds"}
    apps = {app: counts(tree["values"]) for app, tree in queue["appIds"].items()}
    return counts(queue["values"]), apps


CONFIGURED = {"cfg_bytes": 1_048_576, "cfg_msgs": 1_000, "role": 1}
PUT = {
    **dict.fromkeys(("ack_msgs", "ack_msgs_abs", "put_msgs", "put_msgs_abs"), 32),
    **dict.fromkeys(("put_bytes", "put_bytes_abs"), 96),
}
CONTENT = {"content_msgs": 32, "content_bytes": 96}
CONFIRMED = {
    **dict.fromkeys(("push_msgs", "push_msgs_abs"), 96),
    **dict.fromkeys(("push_bytes", "push_bytes_abs"), 288),
    **dict.fromkeys(("confirm_msgs", "confirm_msgs_abs"), 65),
}


def posted(world: World) -> None:
    wire = writer_of(world, FANOUT_URI)
    wire.send(puts(*range(32), data=b"abc"))
    wire.take()
    close_queue(wire, FANOUT_URI, write=1)


def confirmed(world: World) -> list[Wire]:
    readers = []
    for app, count in (("foo", 32), ("bar", 22), ("baz", 11)):
        reader = reader_of(world, FANOUT_URI, app)
        reader.send(confirm_event([(0, guid(n), 1) for n in range(count)]))
        readers.append(reader)
    return readers


def current(messages: int) -> dict[str, int]:
    found = {"msgs_current": messages, "bytes_current": 3 * messages}
    return {name: value for name, value in found.items() if value}


def test_the_numbers_of_the_peers_own_test():
    world = fanout()
    posted(world)
    queue, apps = of_queue(world)
    usual = CONFIGURED | PUT | CONTENT | {"msgs_utilization_max": 3}
    assert queue == usual | current(32)
    assert apps == {app: CONTENT | current(32) for app in ("foo", "bar", "baz")}
    confirmed(world)
    queue, apps = of_queue(world)
    usual |= CONFIRMED | {"consumers_count": 3}
    assert queue == usual | current(21) | {"history_abs": 11}
    assert apps == {
        "foo": CONTENT | current(0),
        "bar": CONTENT | current(10),
        "baz": CONTENT | current(21),
    }
    world.admin("DOMAINS DOMAIN test.fan QUEUE q PURGE baz")
    queue, apps = of_queue(world)
    assert queue == usual | current(10) | {"history_abs": 22}
    assert apps == {
        "foo": CONTENT | current(0),
        "bar": CONTENT | current(10),
        "baz": CONTENT | current(0),
    }


def test_times_are_there_after_deliveries():
    world = fanout()
    posted(world)
    world.advance(2)
    confirmed(world)
    values = shown(world)["test.fan"][FANOUT_URI]["values"]
    assert values["queue_queue_time_avg"] == values["queue_queue_time_max"] == 2_000_000_000


def test_refused_expired_and_dropped_messages_are_counted():
    world = World([domain("test.mem", limits=(1, 1_000), messageTtl=10, maxDeliveryAttempts=1)])
    producer = writer_of(world)
    producer.send(puts(1, 2, 3, 4))
    reader_of(world, messages=1).close()
    world.advance(16)
    found = counts(shown(world)["test.mem"][MEM_URI]["values"])
    assert found["put_msgs_abs"] == 4
    assert (found["ack_msgs_abs"], found["nack_msgs_abs"]) == (2, 2)
    assert (found["reject_msgs_abs"], found["gc_msgs_abs"]) == (1, 1)
    assert found["producers_count"] == 1


def test_a_domain_that_publishes_no_metrics_of_apps():
    kind = domain("test.fan", mode="fanout")
    assert kind.publish_app_id_metrics
    world = World([kind, MEM])
    writer_of(world, FANOUT_URI)
    writer_of(world)
    found = shown(world)
    assert "appIds" in found["test.fan"][FANOUT_URI]
    assert "appIds" not in found["test.mem"][MEM_URI]


def test_an_admin_session_is_not_counted():
    world = fanout()
    posted(world)
    before = of_queue(world)
    world.connect()
    assert of_queue(world) == before


def test_queues_that_only_storage_knows_are_not_shown():
    world = World()
    writer_of(world, FILE_URI).send(puts(1))
    after = world.restarted()
    assert shown(after) == {"test.file": {}}


# Too often.


def asked(world: World) -> AdminResult:
    return world.admin("ENCODING JSON_COMPACT STAT SHOW")


def test_asking_without_end_is_refused():
    world = fanout()
    results = [asked(world) for _ in range(6)]
    assert [result.rc for result in results] == [0, 0, 0, 0, -2, -2]
    assert json.loads(results[-1].text) == {"error": {"message": TOO_OFTEN}}


def test_one_more_is_allowed_each_quarter_of_the_interval():
    world = fanout()
    for _ in range(4):
        asked(world)
    world.advance(0.24)
    assert asked(world).rc == -2
    world.advance(0.01)
    assert [asked(world).rc for _ in range(2)] == [0, -2]
    world.advance(100)
    assert [asked(world).rc for _ in range(5)] == [0, 0, 0, 0, -2]


def test_the_interval_is_configured():
    world = World(admin=AdminSettings(snapshot_seconds=4))
    for _ in range(4):
        asked(world)
    world.advance(0.9)
    assert asked(world).rc == -2
    world.advance(0.1)
    assert asked(world).rc == 0


def test_text_is_not_limited():
    world = fanout()
    posted(world)
    texts = [world.admin("STAT SHOW").text for _ in range(10)]
    text = texts[-1]
    lines = text.split("\n")
    assert lines[0] == ""
    assert ":::::::::: :::::::::: DOMAINQUEUES >>" in lines[1]
    for title in ("CLIENTS", "CLUSTERS", "TCP CHANNELS", "ALLOCATORS"):
        assert f":::::::::: {title} >>" in text
    assert "bmq://test.fan/q" in text


@pytest.mark.parametrize("encoding", ["JSON_COMPACT", "JSON_PRETTY"])
def test_the_inner_json_has_the_form_that_was_asked_for(encoding: str):
    world = fanout()
    posted(world)
    result = world.admin(f"ENCODING {encoding} STAT SHOW")
    assert ("    " in result.text) is (encoding == "JSON_PRETTY")
    assert ("    " in json.loads(result.text)["stats"]) is (encoding == "JSON_PRETTY")
