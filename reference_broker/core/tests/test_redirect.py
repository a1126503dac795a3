"""Domains whose file points to another: their queues are the other's."""

from __future__ import annotations

from dataclasses import replace

from reference_broker.config import DomainConfig, DomainNotFound
from reference_broker.core.tests.pair import FILE, MEM, World, domain
from reference_broker.core.tests.shapes import (
    FILE_URI,
    MEM_URI,
    configure,
    open_queue,
    open_request,
    payloads,
    puts,
    refusal,
)
from reference_broker.ports import FilesFound
from reference_broker.wire.control import OpenQueueResponse

FAN = domain("test.fan", mode="fanout", apps=("foo", "bar"))


def aliased(*domains: DomainConfig) -> World:
    """Return a world in which `alias` leads to the first of its domains."""
    world = World(domains)
    world.domains["alias"] = domains[0]
    return world


def test_a_queue_is_one_of_the_other_domain():
    world = aliased(MEM)
    producer, consumer = world.session(), world.session()
    request = open_request("bmq://alias/q", write=1)
    answer = producer.request(request)
    assert isinstance(answer, OpenQueueResponse)
    assert answer.original_request == request, "not the request as it came"
    open_queue(consumer, MEM_URI, read=1)
    configure(consumer)
    producer.send(puts(1))
    assert payloads(consumer.events()) == [b"data"]
    assert list(world.broker._context.queues) == [MEM_URI]


def test_limits_are_the_other_domains():
    world = aliased(domain("test.mem", maxProducers=1))
    open_queue(world.session(), MEM_URI, write=1)
    text = "Client would exceed the limit of 1 producer(s)"
    answer = world.session().request(open_request("bmq://alias/q", write=1))
    assert refusal(answer) == ("E_UNKNOWN", -1, text)


def test_apps_of_one_queue_id_by_both_names():
    world = aliased(FAN)
    wire = world.session()
    for sub_id, (app_id, name) in enumerate((("foo", "alias"), ("bar", FAN.name)), start=1):
        open_queue(wire, f"bmq://{name}/q", read=1, app=(sub_id, app_id))
    (handle,) = world.broker._context.sessions[wire.number].handles.values()
    assert handle.uri.canonical == f"bmq://{FAN.name}/q"
    assert len(handle.sub_streams) == 2


def test_commands_know_the_other_name_only():
    world = aliased(MEM)
    open_queue(world.session(), "bmq://alias/q", write=1)
    for words in ("DOMAIN alias INFOS", "DOMAIN alias PURGE", "RECONFIGURE alias", "REMOVE alias"):
        assert world.admin(f"DOMAINS {words}").text == "Domain 'alias' doesn't exist", words
    assert world.admin(f"DOMAINS DOMAIN {MEM.name} QUEUE q LIST 0 0").rc == 0


def test_a_name_that_leads_elsewhere_by_now():
    world = aliased(MEM, FILE)
    open_queue(world.session(), "bmq://alias/q", write=1)
    world.domains["alias"] = FILE
    open_queue(world.session(), "bmq://alias/q", write=1)
    world.domains["alias"] = DomainNotFound("alias.json")
    assert (
        refusal(world.session().request(open_request("bmq://alias/q", write=1)))[0] == "E_UNKNOWN"
    )
    assert list(world.broker._context.queues) == [MEM_URI, FILE_URI]


def test_a_domain_that_no_uri_can_have():
    world = aliased(replace(MEM, name="a domain"))
    category, code, text = refusal(world.session().request(open_request("bmq://alias/q", write=1)))
    assert (category, code) == ("E_REFUSED", -10)
    assert "no queue can be in 'a domain': Domain parsing failed" in text


def test_messages_come_back_under_the_other_name():
    world = aliased(FILE)
    producer = world.session()
    open_queue(producer, "bmq://alias/q", write=1)
    producer.send(puts(1))
    after = world.restarted()
    after.domains["alias"] = FILE
    for uri in ("bmq://alias/q", FILE_URI):
        consumer = after.session()
        open_queue(consumer, uri, read=1)
        assert payloads(configure(consumer)) == [b"data"], uri
        consumer.close()


def test_a_domain_with_queues_on_disk_stays_one():
    own = domain("alias", storage="fileBacked")
    world = World([own])
    producer = world.session()
    open_queue(producer, "bmq://alias/q", write=1)
    producer.send(puts(1))
    after = World(())
    after.domains["alias"] = FILE
    after.files = world.files
    after.step(FilesFound(tuple((n, len(f)) for n, f in sorted(world.files.items()))))
    consumer = after.session()
    open_queue(consumer, "bmq://alias/q", read=1)
    assert payloads(configure(consumer)) == [b"data"]
    assert list(after.broker._context.queues) == ["bmq://alias/q"]
