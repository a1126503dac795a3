"""How many queues there are: limits, alarms, and the going of unused ones."""

from __future__ import annotations

import pytest

from reference_broker.core.tests.pair import FILE, MEM, World, cluster, domain
from reference_broker.core.tests.shapes import (
    FILE_URI,
    MEM_URI,
    close_queue,
    confirms,
    open_queue,
    open_request,
    puts,
    reader_of,
    refusal,
    writer_of,
)

GC = "CLUSTERS CLUSTER local FORCE_GC_QUEUES"


def opened(world: World, count: int) -> None:
    wire = world.session()
    for number in range(count):
        open_queue(wire, f"bmq://test.mem/q{number}", number, write=1)


# Limits.


def test_alarms_on_the_way_to_the_maximum():
    world = World([domain("test.mem", maxQueues=5)])
    opened(world, 3)
    assert world.alarms() == []
    opened(world, 4)
    (watermark,) = world.alarms()
    assert watermark == (
        "ALARM [DOMAIN_QUEUE_LIMIT_HIGH_WATERMARK] domain 'bmq://test.mem' has reached the 80% "
        "watermark limit for the number of queues (current: 4, limit: 5)."
    )
    opened(world, 5)
    assert world.alarms() == [watermark]
    answer = world.session().request(open_request("bmq://test.mem/q5", write=1))
    assert refusal(answer) == ("E_REFUSED", -205, "maximum number of queues reached")
    assert world.alarms()[1:] == [
        (
            "PANIC [DOMAIN_QUEUE_LIMIT_FULL] domain 'bmq://test.mem' has reached the maximum number "
            "of queues (limit: 5)."
        )
    ]


def test_room_is_there_again_when_a_queue_has_gone():
    world = World([domain("test.mem", maxQueues=1)])
    wire = writer_of(world)
    wire.close()
    answer = world.session().request(open_request("bmq://test.mem/other", write=1))
    assert refusal(answer)[1] == -205
    world.admin(GC)
    open_queue(world.session(), "bmq://test.mem/other", write=1)


# Unused queues.


def test_only_queues_that_nobody_has_open_and_that_are_empty_go():
    world = World([MEM, FILE])
    used, empty, full = world.session(), world.session(), world.session()
    open_queue(used, "bmq://test.file/used", write=1)
    open_queue(empty, "bmq://test.file/empty", write=1)
    open_queue(full, "bmq://test.file/full", write=1)
    full.send(puts(1))
    close_queue(empty, "bmq://test.file/empty", write=1)
    full.close()
    assert world.admin(GC).text == "SUCCESS"
    assert list(world.broker._context.queues) == ["bmq://test.file/used", "bmq://test.file/full"]
    (line,) = [text for text in world.logs() if "queueUnAssignmentAdvisory" in text]
    assert "bmq://test.file/empty" in line


def test_a_queue_that_was_collected_is_new_when_it_is_opened_again():
    world = World([FILE])
    wire = writer_of(world, FILE_URI)
    wire.send(puts(1))
    consumer = reader_of(world, FILE_URI)
    consumer.send(confirms(1))
    consumer.close()
    wire.close()
    world.admin(GC)
    assert world.broker.statistics().queues == 0
    writer_of(world, FILE_URI).send(puts(1))  # no duplicate: the queue is another one
    assert world.broker.statistics().messages == 1
    after = world.restarted()
    assert after.broker.statistics()[1:3] == (1, 1)


def test_a_collected_queue_does_not_come_back():
    world = World([FILE])
    writer_of(world, FILE_URI).close()
    world.admin(GC)
    assert world.restarted().broker.statistics().queues == 0


@pytest.mark.parametrize("uri", [MEM_URI, FILE_URI])
def test_a_queue_that_nobody_uses_goes_after_its_time(uri: str):
    world = World([MEM, FILE], cluster=cluster(queue_keepalive_ms=100_000))
    wire = writer_of(world, uri)
    world.advance(300)
    assert world.broker.statistics().queues == 1
    close_queue(wire, uri, write=1)
    world.advance(99)
    assert world.broker.statistics().queues == 1
    world.advance(61)
    assert world.broker.statistics().queues == 0


def test_a_queue_that_is_opened_again_stays():
    world = World([MEM], cluster=cluster(queue_keepalive_ms=100_000))
    writer_of(world).close()
    world.advance(90)
    writer_of(world)
    world.advance(200)
    assert world.broker.statistics().queues == 1


def test_a_recovered_queue_that_nobody_opens_goes_when_it_is_empty():
    world = World([FILE])
    writer_of(world, FILE_URI).send(puts(1))
    after = world.restarted()
    after.admin(GC)
    assert after.broker.statistics().queues == 1
    after.admin("DOMAINS DOMAIN test.file PURGE")
    after.admin(GC)
    assert after.broker.statistics().queues == 0
