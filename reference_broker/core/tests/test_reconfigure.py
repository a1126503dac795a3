"""DOMAINS RECONFIGURE, CACHE_CLEAR and REMOVE."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import OperatorError
from reference_broker.config import DomainNotFound
from reference_broker.core.tests.pair import FILE, MEM, Wire, World, domain
from reference_broker.core.tests.shapes import (
    FILE_URI,
    MEM_URI,
    configure,
    numbers_of,
    open_queue,
    open_request,
    puts,
    reader_of,
    refusal,
    statuses,
    writer_of,
)
from reference_broker.ports import AdminCommand, AdminResult, LoadDomain


def reconfigured(world: World, **parameters: Any) -> AdminResult:
    world.domains["test.mem"] = domain("test.mem", **parameters)
    return world.admin("DOMAINS RECONFIGURE test.mem")


# What changes.


def test_limits_change_for_queues_that_exist():
    world = World()
    producer = writer_of(world)
    producer.send(puts(1, 2, 3))
    assert reconfigured(world, limits=(1, 1_000_000)).text == "SUCCESS"
    producer.send(puts(4))
    assert statuses(producer.events()) == [0, 0, 0, 1]
    reconfigured(world, limits=(5, 1_000_000))
    producer.send(puts(4))
    assert statuses(producer.events()) == [0]


def test_the_domains_limits_change():
    world = World()
    producer = writer_of(world)
    reconfigured(world, domain_limits=(1, 5))
    for number in range(3):
        producer.send(puts(number))
    assert statuses(producer.events()) == [0, 0, 1]


@pytest.mark.parametrize(
    ("limit", "side"), [("maxConsumers", {"read": 1}), ("maxProducers", {"write": 1})]
)
def test_the_number_of_clients_changes(limit: str, side: dict[str, Any]):
    world = World()
    reconfigured(world, **{limit: 1})
    open_queue(world.session(), **side)
    assert refusal(world.session().request(open_request(**side)))[0] == "E_UNKNOWN"
    reconfigured(world, **{limit: 0})
    open_queue(world.session(), **side)


def test_the_deduplication_time_changes():
    world = World()
    writer_of(world)
    reconfigured(world, deduplicationTimeMs=17)
    assert open_queue(world.session(), write=1).deduplication_time_ms == 17


def test_the_attempts_change():
    world = World()
    producer = writer_of(world)
    producer.send(puts(1))
    reconfigured(world, maxDeliveryAttempts=1)
    reader_of(world).close()
    assert world.broker.statistics().messages == 0


@pytest.mark.parametrize("storage", ["fileBacked"])
def test_consistency_changes(storage: str):
    world = World([FILE])
    producer = writer_of(world, FILE_URI)
    world.finishes_syncs = False
    producer.send(puts(1))
    assert statuses(producer.events()) == [0]
    world.domains["test.file"] = domain("test.file", storage=storage, consistency="strong")
    assert world.admin("DOMAINS RECONFIGURE test.file").rc == 0
    producer.send(puts(2))
    assert statuses(producer.events()) == []
    world.finish_syncs()
    assert statuses(producer.events()) == [0]


def test_what_is_stored_and_held_stays():
    world = World()
    producer, consumer = writer_of(world), reader_of(world, messages=1)
    producer.send(puts(1, 2))
    assert numbers_of(consumer.events()) == [1]
    reconfigured(world, limits=(7, 7_000))
    assert world.broker.statistics()[2:] == (2, 8, 1)
    assert numbers_of(configure(consumer, messages=9)) == [2]


def test_the_answer_to_infos_changes():
    world = World()
    writer_of(world)
    reconfigured(world, maxConsumers=123)
    text = world.admin("DOMAINS DOMAIN test.mem INFOS").text
    assert '"maxConsumers": 123' in text


# What cannot be.


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"mode": "broadcast"}, "mode cannot be changed from 'priority' to 'broadcast'"),
        ({"storage": "fileBacked"}, "storage cannot be changed from 'inMemory' to 'fileBacked'"),
    ],
)
def test_mode_and_storage_stay(parameters: dict[str, Any], text: str):
    world = World()
    producer = writer_of(world)
    result = reconfigured(world, limits=(0, 0), **parameters)
    assert result.rc == -2
    assert text in result.text
    producer.send(puts(1, 2))
    assert statuses(producer.events()) == [0, 0]


def test_a_file_that_cannot_be_read_leaves_the_old_configuration():
    world = World()
    producer = writer_of(world)
    world.domains["test.mem"] = OperatorError("it is no JSON")
    result = world.admin("DOMAINS RECONFIGURE test.mem")
    assert (result.rc, "it is no JSON" in result.text) == (-2, True)
    producer.send(puts(1))
    assert statuses(producer.events()) == [0]
    open_queue(world.session(), read=1)


@pytest.mark.parametrize("outcome", [None, DomainNotFound("etc/domains/nowhere.json")])
def test_a_domain_that_is_not_there(outcome: OperatorError | None):
    world = World()
    if outcome is not None:
        world.domains["nowhere"] = outcome
    result = world.admin("DOMAINS RECONFIGURE nowhere")
    assert (result.text, result.rc) == ("Domain 'nowhere' doesn't exist", -2)


def test_a_domain_that_nobody_has_used_is_loaded():
    world = World()
    assert world.admin("DOMAINS RECONFIGURE test.mem").text == "SUCCESS"
    assert "Name ............: test.mem" in world.admin("DOMAINS DOMAIN test.mem INFOS").text


# Commands that wait for a file.


def test_commands_are_executed_in_their_order_however_long_a_file_takes():
    world = World()
    world.loads_domains = False
    world.step(AdminCommand(1, "DOMAINS RECONFIGURE test.mem"))
    world.step(AdminCommand(2, "DOMAINS DOMAIN nowhere PURGE"), AdminCommand(3, "HELP"))
    assert results(world) == []
    world.load_pending()
    assert results(world) == [1]
    world.load_pending()
    assert results(world) == [1, 2, 3]


def results(world: World) -> list[int]:
    return [effect.token for effect in world.journal if isinstance(effect, AdminResult)]


def test_an_open_and_a_command_wait_for_the_same_domain():
    world = World()
    world.loads_domains = False
    wire = world.session()
    wire.send(wire.request_event(open_request(write=1)))
    world.step(AdminCommand(1, "DOMAINS RECONFIGURE test.mem"))
    assert world.pending_loads == ["test.mem", "test.mem"]
    world.load_pending()
    assert results(world) == [1]
    wire.take()
    wire.send(puts(1))
    assert statuses(wire.events()) == [0]


def test_a_command_takes_the_answer_to_its_own_question():
    world = World([domain("test.mem", limits=(9, 9_000))])
    world.loads_domains = False
    wire = world.session()
    wire.send(wire.request_event(open_request(write=1)))
    world.step(AdminCommand(1, "DOMAINS RECONFIGURE test.mem"))
    first = world._domain_loaded("test.mem")
    world.domains["test.mem"] = domain("test.mem", limits=(7, 7_000))
    second = world._domain_loaded("test.mem")
    world.pending_loads.clear()
    world.step(first)
    assert results(world) == []
    world.step(second)
    assert results(world) == [1]
    assert world.broker._context.queues[MEM_URI].queue.usage.messages_max == 7


def test_an_open_refused_before_a_reconfigure_is_good_after_it():
    world = World(())
    wire = world.session()
    world.domains["test.mem"] = OperatorError("not yet")
    assert refusal(wire.request(open_request(write=1)))[1] == -10
    world.domains["test.mem"] = MEM
    assert world.admin("DOMAINS RECONFIGURE test.mem").rc == 0
    open_queue(wire, write=1)


# Clearing caches, removing.


@pytest.mark.parametrize("what", ["DOMAINS RESOLVER", "CONFIGPROVIDER"])
def test_caches_are_cleared(what: str):
    world = World()
    writer_of(world)
    assert world.admin(f"{what} CACHE_CLEAR ALL").text == "SUCCESS"
    assert world.admin(f"{what} CACHE_CLEAR test.mem").text == "SUCCESS"


def test_a_domain_is_removed_in_two_rounds():
    world = World([FILE])
    wire = writer_of(world, FILE_URI)
    wire.send(puts(1, 2))
    in_use = world.admin("DOMAINS REMOVE test.file")
    assert (in_use.rc, "while there are queues opened" in in_use.text) == (-2, True)
    early = world.admin("DOMAINS REMOVE test.file FINALIZE")
    assert (early.rc, "First round" in early.text) == (-2, True)
    wire.close()
    first = world.admin("DOMAINS REMOVE test.file")
    assert first.text.startswith("Purged 2 message(s) for a total of 8  B from 1 queue(s):")
    assert refusal(world.session().request(open_request(FILE_URI, write=1)))[:2] == (
        "E_REFUSED", -10,
    )  # fmt: skip
    assert world.admin("DOMAINS REMOVE test.file FINALIZE").text == "SUCCESS"
    assert world.broker.statistics().queues == 0
    writer_of(world, FILE_URI).send(puts(1))
    assert world.broker.statistics().messages == 1
    names = [effect.name for effect in world.journal if isinstance(effect, LoadDomain)]
    assert names == ["test.file", "test.file"]


def test_a_removed_domain_does_not_come_back():
    world = World([FILE])
    wire = writer_of(world, FILE_URI)
    wire.send(puts(1, 2))
    wire.close()
    world.admin("DOMAINS REMOVE test.file")
    world.admin("DOMAINS REMOVE test.file FINALIZE")
    assert world.restarted().broker.statistics()[1:3] == (0, 0)


# Stronger than before.


def strengthened() -> tuple[World, Wire]:
    """Return a broker with a message that is not durable in a domain that is strong now."""
    world = World([FILE])
    producer = writer_of(world, FILE_URI)
    world.finishes_syncs = False
    producer.send(puts(1))
    assert statuses(producer.events()) == [0]
    strong = domain("test.file", storage="fileBacked", consistency="strong")
    world.domains["test.file"] = strong
    assert world.admin("DOMAINS RECONFIGURE test.file").rc == 0
    return world, producer


def test_an_ack_in_a_domain_that_became_strong_waits_for_what_was_posted_before():
    world, producer = strengthened()
    producer.send(puts(1))  # sent again
    assert statuses(producer.events()) == []
    world.finish_syncs()
    assert statuses(producer.events()) == [0]


def test_a_push_in_a_domain_that_became_strong_waits_for_what_was_posted_before():
    world, _ = strengthened()
    consumer = reader_of(world, FILE_URI)
    assert numbers_of(consumer.events()) == []
    world.finish_syncs()
    assert numbers_of(consumer.events()) == [1]


def test_a_domain_that_stays_strong_syncs_nothing():
    world, producer = strengthened()
    producer.send(puts(2))
    asked = len(world.pending_syncs)
    assert world.admin("DOMAINS RECONFIGURE test.file").rc == 0
    assert len(world.pending_syncs) == asked
