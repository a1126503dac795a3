"""The time to live of messages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reference_broker.core.tests.pair import FILE, World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    MEM_URI,
    confirms,
    numbers_of,
    puts,
    reader_of,
    writer_of,
)


def short(storage: str = "inMemory", ttl: int = 10, **parameters: Any) -> World:
    name = "test.mem" if storage == "inMemory" else "test.file"
    return World([domain(name, storage=storage, messageTtl=ttl, **parameters)])


def collected(world: World) -> list[str]:
    return [text for text in world.logs() if "garbage-collected" in text]


@pytest.mark.parametrize(("storage", "uri"), [("inMemory", MEM_URI), ("fileBacked", FILE_URI)])
def test_old_messages_go_and_a_line_tells(storage: str, uri: str):
    world = short(storage)
    writer_of(world, uri).send(puts(1, 2))
    world.advance(5.5)
    writer_of(world, uri).send(puts(3))
    world.advance(5)
    assert (world.broker.statistics().messages, collected(world)) == (3, [])
    world.advance(5)
    assert world.broker.statistics().messages == 1
    (line,) = collected(world)
    assert re.fullmatch(
        r"Partition \[0\] \(cluster: local\): For storage for queue \[" + re.escape(uri) + r"\] "
        r"and queueKey \[[0-9A-F]{10}\] configured with TTL value of \[10\] seconds, "
        r"garbage-collected \[2\] messages due to TTL expiration\. "
        r"Timestamp \(UTC\) of the latest encountered message: \S+",
        line,
    )
    # The harness of the peer's tests finds the line so.
    assert re.search(rf"queue \[{re.escape(uri)}\].*garbage-collected \[2\] messages", line)
    world.advance(5)
    assert world.broker.statistics().messages == 0
    assert "[1] messages" in collected(world)[1]


def test_no_line_without_messages():
    world = short()
    writer_of(world)
    world.advance(30)
    assert collected(world) == []


def test_broadcast_messages_do_not_expire():
    world = World([domain("test.mem", mode="broadcast", messageTtl=0)])
    producer, _ = writer_of(world), reader_of(world)
    producer.send(puts(1))
    world.advance(30)
    assert collected(world) == []


def test_what_a_consumer_holds_expires_too():
    world = short()
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(puts(1, 2))
    consumer.take()
    world.advance(16)
    assert world.broker.statistics().messages == 0
    consumer.send(confirms(1))
    consumer.close()
    assert numbers_of(reader_of(world).events()) == []
    producer.send(puts(3))
    assert world.broker.statistics().messages == 1


def test_an_expired_message_is_no_duplicate_of_its_own_guid_for_a_while():
    world = short(deduplicationTimeMs=60_000)
    producer = writer_of(world)
    producer.send(puts(1))
    world.advance(16)
    producer.send(puts(1))
    assert world.broker.statistics().messages == 0
    world.advance(120)
    producer.send(puts(1))
    assert world.broker.statistics().messages == 1


def test_an_app_that_lags_behind_keeps_nothing():
    world = World([domain("test.fan", mode="fanout", apps=("foo", "bar"), messageTtl=10)])
    producer, foo = writer_of(world, FANOUT_URI), reader_of(world, FANOUT_URI, "foo")
    producer.send(puts(1, 2))
    foo.send(confirms(1, sub_id=1))
    world.advance(16)
    assert world.broker.statistics()[2:4] == (0, 0)
    assert numbers_of(reader_of(world, FANOUT_URI, "bar").events()) == []


def test_expired_messages_do_not_come_back():
    world = short("fileBacked")
    writer_of(world, FILE_URI).send(puts(1, 2))
    world.advance(16)
    world.domains["test.file"] = FILE
    after = world.restarted()
    assert after.broker.statistics().messages == 0
    writer_of(after, FILE_URI).send(puts(1))
    assert after.broker.statistics().messages == 0  # their GUIDs are remembered


def test_the_age_counts_from_before_the_restart():
    world = short("fileBacked")
    writer_of(world, FILE_URI).send(puts(1))
    world.advance(8)
    after = world.restarted()
    assert after.broker.statistics().messages == 1
    after.advance(8)
    assert after.broker.statistics().messages == 0


def test_a_new_time_to_live_is_in_force_at_once():
    world = short(ttl=1_000)
    writer_of(world).send(puts(1))
    world.advance(20)
    world.domains["test.mem"] = domain("test.mem", messageTtl=10)
    world.admin("DOMAINS RECONFIGURE test.mem")
    world.advance(5)
    assert world.broker.statistics().messages == 0
