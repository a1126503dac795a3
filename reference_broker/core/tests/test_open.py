"""Opening queues: every check, in its order, with its text."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import OperatorError
from reference_broker.core.tests.pair import MEM, World, domain
from reference_broker.core.tests.shapes import (
    MEM_URI,
    close_queue,
    configure,
    handle,
    open_queue,
    open_request,
    puts,
    refusal,
)
from reference_broker.ports import LoadDomain, Stop
from reference_broker.wire.control import OpenQueue, RoutingConfiguration

INVALID = "E_INVALID_ARGUMENT"
COUNTS = "At least one of ([read|write]) Count must be >0"
WRITER_APP = "AppId should not be specified in the URI if queue is opened in write mode"


def refused(request: OpenQueue, *domains: Any) -> tuple[str, int, str]:
    """Return how a fresh broker refuses the request of a fresh client."""
    return refusal(World(domains or (MEM,)).session().request(request))


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("bmq://test.mem", "Missing queue"),
        ("bmq:///q", "Missing domain"),
        ("amqp://test.mem/q", 'Invalid scheme: uri must start with "bmq://"'),
        ("bmq://test.mem/q~", "Path parsing failed: unsupported char (int)126"),
        ("bmq://test.mem/" + "q" * 65, "Queue name exceeds 64 characters"),
    ],
)
def test_a_uri_that_does_not_parse(uri: str, text: str):
    assert refused(open_request(uri, read=1)) == ("E_REFUSED", 0, text)


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({}, COUNTS),
        ({"flags": 6}, COUNTS),
        ({"admin": 1}, "adminCount must be 0"),
        ({"read": 1, "admin": 1}, "adminCount must be 0"),
        ({"read": 1, "flags": 0}, "Read flag and readCount must both be set accordingly"),
        ({"write": 1, "flags": 6}, "Read flag and readCount must both be set accordingly"),
        ({"write": 1, "flags": 0}, "Write flag and writeCount must both be set accordingly"),
        ({"read": 1, "flags": 6}, "Write flag and writeCount must both be set accordingly"),
        (
            {"read": 1, "q_id": 0xFFFFFFF6},
            "qId must not be set from the reserved queue ids range",
        ),
        (
            {"read": 1, "q_id": 0xFFFFFFFF},
            "qId must not be set from the reserved queue ids range",
        ),
        ({"write": 1, "app": (1, "foo")}, WRITER_APP),
    ],
)
def test_parameters_that_do_not_fit(members: dict[str, Any], text: str):
    assert refused(open_request(**members)) == (INVALID, 0, text)


def test_the_last_id_before_the_reserved_ones_is_good():
    open_queue(World().session(), q_id=0xFFFFFFF5, read=1)


def test_checks_come_in_the_peers_order():
    request = open_request("bmq://nowhere/q", 0xFFFFFFFF, write=1, flags=2, app=(1, "foo"))
    assert refused(request)[2].startswith("Read flag")
    request = open_request("bmq://nowhere/q", 0xFFFFFFFF, write=1, app=(1, "foo"))
    assert refused(request)[2].startswith("qId")
    request = open_request("bmq://nowhere/q", write=1, app=(1, "foo"))
    assert refused(request)[2] == WRITER_APP


def test_a_domain_that_is_not_there():
    expected = ("E_UNKNOWN", -1, "Domain file 'etc/domains/nowhere.json' doesn't exist")
    assert refused(open_request("bmq://nowhere/q", read=1)) == expected


def test_a_domain_that_cannot_be_configured():
    world = World(())
    world.domains["bad"] = OperatorError("Failed configuring domain'")
    text = (
        "Attempt failed. Details: ConfigProvider failed to load domain config "
        "[ domain = 'bad' configProviderError = 'Failed configuring domain'' ]"
    )
    answer = world.session().request(open_request("bmq://bad/q", read=1))
    assert refusal(answer) == ("E_REFUSED", -10, text)


@pytest.mark.parametrize(
    ("mode", "members", "flags"),
    [
        ("priority", {"read": 1, "write": 1}, 2),
        ("fanout", {"read": 1, "app": (1, "foo")}, 10),
        ("fanout", {"write": 1}, 10),
        ("broadcast", {"read": 1, "write": 1}, 7),
    ],
)
def test_the_answer_tells_the_mode(mode: str, members: dict[str, Any], flags: int):
    answer = open_queue(World([domain("test.mem", mode=mode)]).session(), **members)
    assert answer.routing_configuration == RoutingConfiguration(flags=flags)


def test_a_reader_in_fanout_mode_needs_an_app_id():
    text = "Reader of a fanout queue requires an appId to be specified."
    fanout = domain("test.mem", mode="fanout")
    assert refused(open_request(read=1), fanout) == ("E_UNKNOWN", -1, text)


def test_a_domain_that_failed_is_looked_up_again():
    world = World(())
    wire = world.session()
    wire.request(open_request(read=1))
    world.domains[MEM.name] = MEM
    open_queue(wire, read=1)
    assert [e.name for e in world.journal if isinstance(e, LoadDomain)] == ["test.mem"] * 2


def test_a_broker_that_is_stopping():
    world = World()
    holder = world.session()
    open_queue(holder, read=1, write=1)
    configure(holder)
    holder.send(puts(1))
    other = world.session()
    world.step(Stop())
    answer = other.request(open_request(write=1))
    assert refusal(answer) == ("E_REFUSED", -11, "Self node is stopping.")


def test_too_many_queues_in_the_domain():
    world = World([domain("test.mem", maxQueues=1)])
    wire = world.session()
    open_queue(wire, write=1)
    answer = wire.request(open_request("bmq://test.mem/other", 1, write=1))
    assert refusal(answer) == ("E_REFUSED", -205, "maximum number of queues reached")
    open_queue(world.session(), read=1)  # it exists already


def test_a_queue_id_that_means_another_queue():
    wire = World().session()
    open_queue(wire, write=1)
    answer = wire.request(open_request("bmq://test.mem/other", 0, write=1))
    assert refusal(answer) == (INVALID, -1, "queueId is already in use for a different queue")


def test_an_app_id_where_there_are_none():
    text = "AppId should not be specified when opening a non-fanout queue"
    request = open_request(MEM_URI + "?id=foo", read=1, app=(1, "foo"))
    assert refused(request) == ("E_UNKNOWN", -1, text)


@pytest.mark.parametrize(
    ("side", "limit", "noun"),
    [
        ({"read": 1}, {"maxConsumers": 2}, "consumer"),
        ({"write": 1}, {"maxProducers": 2}, "producer"),
    ],
)
def test_too_many_consumers_or_producers(side: dict[str, Any], limit: dict[str, Any], noun: str):
    world = World([domain("test.mem", **limit)])
    wires = [world.session() for _ in range(3)]
    for wire in wires[:2]:
        open_queue(wire, **side)
    answer = wires[2].request(open_request(**side))
    text = f"Client would exceed the limit of 2 {noun}(s)"
    assert refusal(answer) == ("E_UNKNOWN", -1, text)
    close_queue(wires[0], **side)
    open_queue(wires[2], **side)


def test_a_connection_that_is_lost_gives_its_places_back():
    world = World([domain("test.mem", maxConsumers=1, maxProducers=1)])
    wire = world.session()
    open_queue(wire, read=1, write=1)
    wire.close()
    open_queue(world.session(), read=1, write=1)


def test_a_good_open_is_answered_with_the_request_and_the_domains_facts():
    world = World([domain("test.mem", deduplicationTimeMs=1234)])
    answer = open_queue(world.session(), q_id=7, read=1, write=1)
    assert answer.original_request.handle_parameters == handle(q_id=7, read=1, write=1)
    assert answer.routing_configuration == RoutingConfiguration(flags=2)
    assert answer.deduplication_time_ms == 1234


def test_a_queue_can_be_opened_for_reading_after_writing_under_one_id():
    wire = World().session()
    open_queue(wire, write=1)
    open_queue(wire, read=1)
    configure(wire)


def test_two_tiers_are_two_domains():
    world = World([domain("test.mem"), domain("test.mem.~qa")])
    wire = world.session()
    open_queue(wire, "bmq://test.mem/q", 0, write=1)
    open_queue(wire, "bmq://test.mem.~qa/q", 1, write=1)
    assert world.broker.statistics().queues == 2
