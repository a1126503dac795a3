"""The journal that the operator has bounded: full, refused, and cured (DROPIN 5.2)."""

from __future__ import annotations

from reference_broker.core.tests.pair import FILE, MEM, Wire, World, cluster, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    MEM_URI,
    confirms,
    puts,
    reader_of,
    statuses,
    writer_of,
)
from reference_broker.wire import AckStatus

FAN = domain("test.fan", mode="fanout", storage="fileBacked", apps=("foo", "bar"))
BYTES = 8_192
ROOM = 117  # records of 60 bytes behind a header of 44, before the 1,140 bytes that are reserved


def world() -> World:
    return World([MEM, FILE, FAN], cluster=cluster(journal_bytes=BYTES))


def fill(made: World, uri: str) -> tuple[Wire, int]:
    """Post until a message is refused; returns the producer and how many were taken."""
    producer = writer_of(made, uri)
    for count in range(500):
        producer.send(puts(count + 1))
        (status,) = statuses(producer.events())
        if status == AckStatus.STORAGE_FAILURE:
            return producer, count
        assert status == AckStatus.SUCCESS
    raise AssertionError("the journal is never full")


def panics(made: World) -> list[str]:
    return [text for text in made.alarms() if text.startswith("PANIC [PARTITION_READONLY] ")]


def is_taken(producer: Wire, number: int) -> bool:
    producer.send(puts(number))
    return statuses(producer.events()) == [AckStatus.SUCCESS]


def test_a_full_journal_refuses_and_tells_once():
    made = world()
    producer, count = fill(made, FILE_URI)
    assert count == ROOM
    assert not is_taken(producer, 901)
    (panic,) = panics(made)
    assert f"journal of {BYTES} bytes (maxJournalFileSize) is full" in panic
    assert made.broker.statistics().messages == count


def test_queues_in_memory_do_not_mind():
    made = world()
    fill(made, FILE_URI)
    assert is_taken(writer_of(made, MEM_URI), 902)


def test_one_apps_purge_does_not_cure_and_the_whole_queues_does():
    made = world()
    producer, _ = fill(made, FANOUT_URI)
    assert made.admin("DOMAINS DOMAIN test.fan QUEUE q PURGE foo").rc == 0
    assert not is_taken(producer, 903)
    warning = "to journal despite partition being unavailable"
    assert not [text for text in made.logs() if warning in text]
    assert made.admin("DOMAINS DOMAIN test.fan QUEUE q PURGE *").rc == 0
    assert len([text for text in made.logs() if "Writing PURGE record" in text]) == 1
    assert is_taken(producer, 904)


def test_consumers_that_confirm_cure_too():
    made = world()
    producer, count = fill(made, FILE_URI)
    consumer = reader_of(made, FILE_URI, messages=1_000)
    consumer.send(confirms(*range(1, count + 1)))
    assert is_taken(producer, 905)
    assert len(panics(made)) == 1


def test_what_is_confirmed_makes_room_before_it_is_full():
    made = world()
    producer, consumer = writer_of(made, FILE_URI), reader_of(made, FILE_URI, messages=10)
    for number in range(1, 400):
        assert is_taken(producer, number)
        consumer.send(confirms(number))
    assert [text for text in made.logs() if "ROLLOVER COMPLETE" in text]
    assert not panics(made)


def test_a_restart_counts_what_is_outstanding():
    made = world()
    _, count = fill(made, FILE_URI)
    again = made.restarted(cluster=cluster(journal_bytes=BYTES))
    assert again.broker.statistics().messages == count
    assert not is_taken(writer_of(again, FILE_URI), 906)
    assert again.admin("DOMAINS DOMAIN test.file QUEUE q PURGE *").rc == 0
    assert is_taken(writer_of(again, FILE_URI), 907)
