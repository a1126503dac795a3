"""The journal that the operator has bounded: full, refused, and cured."""

from __future__ import annotations

from typing import Any

import pytest

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
from reference_broker.storage import OFFSET_MASK, STORED_HEADER_SIZE
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


# Whatever makes messages go, their records go too.


def fanout(*apps: str) -> Any:
    return domain("test.fan", mode="fanout", storage="fileBacked", apps=apps)


def reconfigured(made: World, *apps: str) -> None:
    made.domains["test.fan"] = fanout(*apps)
    assert made.admin("DOMAINS RECONFIGURE test.fan").rc == 0


def post(producer: Wire, first: int) -> None:
    """Post ten messages, which must be taken."""
    producer.send(puts(*range(first, first + 10)))
    assert statuses(producer.events()) == [AckStatus.SUCCESS] * 10


def outstanding(made: World) -> int:
    """Return how many records a rollover copies."""
    made.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")
    return made.broker._publisher._journal._budgets[0].outstanding


def test_poisonous_messages_that_are_dropped_make_room():
    kind = domain("test.file", storage="fileBacked", maxDeliveryAttempts=1)
    made = World([kind], cluster=cluster(journal_bytes=BYTES))
    producer = writer_of(made, FILE_URI)
    for round_ in range(40):
        consumer = reader_of(made, FILE_URI)
        post(producer, round_ * 10)
        consumer.close()
        assert made.broker.statistics().messages == 0
    assert outstanding(made) == 2  # the queue and its app


def test_the_messages_of_an_app_that_goes_make_room():
    made = World([fanout("foo")], cluster=cluster(journal_bytes=BYTES))
    producer = writer_of(made, FANOUT_URI)
    for round_ in range(40):
        post(producer, round_ * 10)
        reconfigured(made, "foo" if round_ % 2 else "bar")
        assert made.broker.statistics().messages == 0
    assert outstanding(made) == 2


def test_damaged_messages_that_are_given_up_make_room():
    made = World([FILE], cluster=cluster(journal_bytes=BYTES))
    first = writer_of(made, FILE_URI)
    for number in range(0, 100, 10):
        post(first, number)
    made = made.restarted(cluster=cluster(journal_bytes=BYTES))
    store = made.broker._context.queues[FILE_URI].queue.store
    (name,) = [name for name in made.files if name.endswith("data")]
    for ordinal in store.ordinals():
        made.files[name][(store.location_of(ordinal) & OFFSET_MASK) + STORED_HEADER_SIZE] ^= 1
    reader_of(made, FILE_URI).close()
    assert made.broker.statistics().messages == 0
    second = writer_of(made, FILE_URI)
    for number in range(200, 300, 10):
        post(second, number)
    assert outstanding(made) == 2 + 100


@pytest.mark.parametrize("first", ["foo", "bar"])
def test_the_confirms_of_an_app_that_goes_make_room_with_the_messages(first: str):
    made = World([fanout("foo", "bar")], cluster=cluster(journal_bytes=BYTES))
    second = "bar" if first == "foo" else "foo"
    producer = writer_of(made, FANOUT_URI)
    for round_ in range(40):
        reconfigured(made, "foo", "bar")
        numbers = range(round_ * 10, round_ * 10 + 10)
        post(producer, numbers.start)
        for app in (first, second):
            consumer = reader_of(made, FANOUT_URI, app)
            consumer.send(confirms(*numbers, sub_id=1))
            consumer.close()
            if app == first:
                assert outstanding(made) == 3 + 10 + 10
                reconfigured(made, second)
        assert made.broker.statistics().messages == 0
    assert outstanding(made) == 2


def test_an_app_that_came_later_has_confirmed_nothing_of_what_was_before():
    made = World([fanout("foo", "bar")], cluster=cluster(journal_bytes=BYTES))
    producer = writer_of(made, FANOUT_URI)
    post(producer, 0)
    reconfigured(made, "foo", "bar", "new")
    post(producer, 10)
    reader_of(made, FANOUT_URI, "new").send(confirms(12, 13, sub_id=1))
    reader_of(made, FANOUT_URI, "foo").send(confirms(3, 12, sub_id=1))
    assert outstanding(made) == 4 + 20 + 4
    after = made.restarted(cluster=cluster(journal_bytes=BYTES))
    assert outstanding(after) == 4 + 20 + 4


def test_queues_whose_domain_is_not_there_count():
    made = world()
    post(writer_of(made, FILE_URI), 0)
    post(writer_of(made, FANOUT_URI), 0)
    reader_of(made, FANOUT_URI, "foo").send(confirms(3, 4, sub_id=1))
    del made.domains["test.fan"], made.domains["test.file"]
    after = made.restarted(cluster=cluster(journal_bytes=BYTES))
    assert outstanding(after) == 2 + 10 + 3 + 10 + 2


def test_a_full_journal_is_looked_at_again_after_a_while():
    kind = domain("test.file", storage="fileBacked", maxDeliveryAttempts=1)
    made = World([kind], cluster=cluster(journal_bytes=BYTES))
    producer, _ = fill(made, FILE_URI)
    reader_of(made, FILE_URI, messages=1_000).close()
    assert made.broker.statistics().messages == 0
    made.advance(5)
    assert is_taken(producer, 908)


def test_a_whole_purge_cures_at_once_by_what_it_has_removed():
    made = World([fanout("foo", "bar", "baz")], cluster=cluster(journal_bytes=BYTES))
    small, large = FANOUT_URI, FANOUT_URI + "2"
    post(writer_of(made, small), 0)
    for app in ("foo", "bar"):
        reader_of(made, small, app).send(confirms(*range(10), sub_id=1))
    producer, count = fill(made, large)
    assert count == ROOM - 30
    assert not is_taken(producer, 909)
    made.admin("DOMAINS DOMAIN test.fan QUEUE q PURGE *")
    assert is_taken(producer, 910)
