"""Purging by command: a queue, an app, a domain."""

from __future__ import annotations

import re

import pytest

from reference_broker.core.tests.pair import FILE, MEM, World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    MEM_URI,
    confirms,
    numbers_of,
    open_queue,
    puts,
    reader_of,
    writer_of,
)

FAN = domain("test.fan", mode="fanout", storage="fileBacked", apps=("foo", "bar"))
HEADING = "    NumBytes     NumMsgs      AppKey             AppId  QueueName"


def world() -> World:
    return World([MEM, FILE, FAN])


def row(size: str, messages: int, app: str, uri: str) -> str:
    """Return a pattern for a row of the answer."""
    name = re.escape(f"{app:>16}")
    return rf"  {size:>10}  {messages:>10}  [0-9A-F]{{10}}  {name}  {re.escape(uri)}"


def purge(world: World, command: str) -> list[str]:
    """Return the lines of the answer to a purge that works."""
    result = world.admin(command)
    assert result.rc == 0, result
    return result.text.split("\n")


# A queue.


@pytest.mark.parametrize(("name", "uri"), [("test.mem", MEM_URI), ("test.file", FILE_URI)])
def test_a_whole_queue(name: str, uri: str):
    made = world()
    producer, consumer = writer_of(made, uri), reader_of(made, uri, messages=2)
    producer.send(puts(1, 2, 3, data=b"abc"))
    assert numbers_of(consumer.events()) == [1, 2]
    lines = purge(made, f"DOMAINS DOMAIN {name} QUEUE q PURGE *")
    assert lines[:2] == ["Purged 3 message(s) for a total of 9  B from 1 queue(s):", HEADING]
    assert re.fullmatch(row("9  B", 3, "", uri), lines[2])
    assert len(lines) == 3
    assert made.broker.statistics()[2:4] == (0, 0)
    consumer.send(confirms(1))
    producer.send(puts(4))
    assert made.broker.statistics().messages == 1


def test_an_empty_queue():
    made = world()
    writer_of(made)
    lines = purge(made, "DOMAINS DOMAIN test.mem QUEUE q PURGE *")
    assert lines[0] == "Purged 0 message(s) for a total of 0  B from 1 queue(s):"


def test_the_only_app_of_a_priority_queue():
    made = world()
    writer_of(made).send(puts(1, 2))
    lines = purge(made, "DOMAINS DOMAIN test.mem QUEUE q PURGE __default")
    assert lines[0] == "Purged 2 message(s) for a total of 8  B from 1 queue(s):"
    assert made.broker.statistics().messages == 0


def test_purged_messages_are_not_delivered_and_no_longer_held():
    made = world()
    producer, consumer = writer_of(made), reader_of(made, messages=1)
    producer.send(puts(1, 2))
    consumer.take()
    purge(made, "DOMAINS DOMAIN test.mem QUEUE q PURGE *")
    assert consumer.take() == b""
    consumer.close()
    assert numbers_of(reader_of(made).events()) == []


def test_purged_messages_are_duplicates():
    made = world()
    producer = writer_of(made)
    producer.send(puts(1))
    purge(made, "DOMAINS DOMAIN test.mem PURGE")
    producer.send(puts(1))
    assert made.broker.statistics().messages == 0


# An app.


def test_one_app_of_a_fanout_queue():
    made = world()
    producer, foo = writer_of(made, FANOUT_URI), reader_of(made, FANOUT_URI, "foo")
    producer.send(puts(1, 2, 3, data=b"abc"))
    foo.take()
    foo.send(confirms(1, sub_id=1))
    lines = purge(made, "DOMAINS DOMAIN test.fan QUEUE q PURGE foo")
    assert lines[0] == "Purged 2 message(s) for a total of 6  B from 1 queue(s):"
    assert re.fullmatch(row("6  B", 2, "foo", FANOUT_URI), lines[2])
    assert made.broker.statistics().messages == 3
    lines = purge(made, "DOMAINS DOMAIN test.fan QUEUE q PURGE bar")
    assert lines[0] == "Purged 3 message(s) for a total of 9  B from 1 queue(s):"
    assert made.broker.statistics().messages == 0


def test_a_purged_app_gets_what_comes_later():
    made = world()
    producer, foo = writer_of(made, FANOUT_URI), reader_of(made, FANOUT_URI, "foo")
    producer.send(puts(1))
    purge(made, "DOMAINS DOMAIN test.fan QUEUE q PURGE foo")
    foo.take()
    producer.send(puts(2))
    assert numbers_of(foo.events()) == [2]
    foo.close()
    assert numbers_of(reader_of(made, FANOUT_URI, "foo").events()) == [2]
    assert numbers_of(reader_of(made, FANOUT_URI, "bar").events()) == [1, 2]


# A domain.


def test_a_domain_with_several_queues():
    made = world()
    wire = made.session()
    for number, name in enumerate(("a", "b", "c")):
        open_queue(wire, f"bmq://test.mem/{name}", number, write=1)
    wire.send(puts(1), puts(1, 2, 3, q_id=1))
    lines = purge(made, "DOMAINS DOMAIN test.mem PURGE")
    assert lines[0] == "Purged 4 message(s) for a total of 16  B from 3 queue(s):"
    assert [line.rsplit("/")[-1] for line in lines[2:]] == ["b", "a", "c"]  # by bytes, descending
    assert made.broker.statistics().messages == 0


def test_a_domain_without_queues():
    assert purge(world(), "DOMAINS DOMAIN test.mem PURGE") == ["No queue purged."]


def test_queues_that_nobody_opened_since_the_start_are_purged_too():
    made = world()
    writer_of(made, FILE_URI).send(puts(1, 2))
    after = made.restarted()
    lines = purge(after, "DOMAINS DOMAIN test.file PURGE")
    assert lines[0] == "Purged 2 message(s) for a total of 8  B from 1 queue(s):"
    assert after.restarted().broker.statistics().messages == 0


@pytest.mark.parametrize("app", ["*", "foo"])
def test_a_purge_survives_a_restart(app: str):
    made = world()
    producer = writer_of(made, FANOUT_URI)
    producer.send(puts(1, 2))
    purge(made, f"DOMAINS DOMAIN test.fan QUEUE q PURGE {app}")
    producer.send(puts(3))
    after = made.restarted()
    assert numbers_of(reader_of(after, FANOUT_URI, "foo").events()) == [3]
    bar = numbers_of(reader_of(after, FANOUT_URI, "bar").events())
    assert bar == ([3] if app == "*" else [1, 2, 3])


def test_a_purge_is_durable():
    made = world()
    writer_of(made, FILE_URI).send(puts(1))
    made.finishes_syncs = False
    made.admin("DOMAINS DOMAIN test.file PURGE")
    assert made.pending_syncs


# What cannot be purged.


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("DOMAINS DOMAIN nowhere PURGE", "Domain 'nowhere' doesn't exist"),
        ("DOMAINS DOMAIN nowhere QUEUE q PURGE *", "Domain 'nowhere' doesn't exist"),
        (
            "DOMAINS DOMAIN test.mem QUEUE zz PURGE *",
            "Queue was not found in a storage 'bmq://test.mem/zz'",
        ),
        (
            "DOMAINS DOMAIN test.mem QUEUE q PURGE foo",
            "Specified appId 'foo' not found in the storage of queue 'bmq://test.mem/q'.",
        ),
        ("CLUSTERS CLUSTER zz STATUS", "cluster 'zz' not found !"),
    ],
)
def test_what_is_not_there(command: str, text: str):
    made = world()
    writer_of(made).send(puts(1))
    result = made.admin(command)
    assert (result.text, result.rc) == (text, -2)
    assert made.broker.statistics().messages == 1


def test_an_unregistered_app_has_nothing_to_purge():
    made = world()
    reader_of(made, FANOUT_URI, "quux")
    result = made.admin("DOMAINS DOMAIN test.fan QUEUE q PURGE quux")
    assert (result.rc, "appId 'quux' not found" in result.text) == (-2, True)
