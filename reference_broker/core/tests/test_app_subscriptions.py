"""Application subscriptions: the domain decides what an app gets at all."""

from __future__ import annotations

import pytest

from reference_broker.config import DomainConfig
from reference_broker.core.tests.pair import World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    MEM_URI,
    confirms,
    guid,
    numbers_of,
    open_request,
    put,
    reader_of,
    refusal,
    statuses,
    with_properties,
    writer_of,
)
from reference_broker.ports import Write
from reference_broker.wire import put_event


def wishes(**expressions: str) -> list[dict[str, object]]:
    return [
        {"appId": app, "expression": {"version": "E_VERSION_1", "text": text}}
        for app, text in expressions.items()
    ]


def fanout(storage: str = "inMemory", **expressions: str) -> DomainConfig:
    return domain(
        "test.fan",
        mode="fanout",
        storage=storage,
        apps=("foo", "bar"),
        subscriptions=wishes(**expressions),
    )


def priority(text: str) -> DomainConfig:
    return domain("test.mem", subscriptions=wishes(**{"": text}))


def numbered(*numbers: int) -> bytes:
    return put_event([with_properties(number, {"n": number}) for number in numbers])


def lists(world: World, *apps: str) -> list[int]:
    """Return how many messages each app has not confirmed."""
    queue = world.broker._context.queues[FANOUT_URI].queue
    return [queue.apps[app].pending_messages for app in apps]


def test_an_app_does_not_get_what_its_expression_turns_away():
    world = World([fanout(foo="n > 1")])
    producer = writer_of(world, FANOUT_URI)
    foo, bar = (reader_of(world, FANOUT_URI, app) for app in ("foo", "bar"))
    producer.send(numbered(1, 2))
    assert statuses(producer.events()) == [0, 0]
    assert [numbers_of(wire.events()) for wire in (foo, bar)] == [[2], [1, 2]]
    assert lists(world, "foo", "bar") == [1, 2]
    bar.send(confirms(1, sub_id=1))
    assert world.broker.statistics().messages == 1


def test_what_every_app_turns_away_is_acknowledged_and_not_stored():
    world = World([fanout(foo="n > 1", bar="n > 2")])
    producer = writer_of(world, FANOUT_URI)
    producer.send(numbered(1, 2, 3))
    assert sorted(statuses(producer.events())) == [0, 0, 0]
    assert world.broker.statistics().messages == 2
    assert lists(world, "foo", "bar") == [2, 1]


def test_in_priority_mode_the_expression_has_no_app_id():
    world = World([priority("n > 1")])
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(numbered(1, 2))
    assert statuses(producer.events()) == [0, 0]
    assert numbers_of(consumer.events()) == [2]
    assert world.broker.statistics().messages == 1


def test_in_broadcast_mode_too():
    world = World([domain("test.mem", mode="broadcast", subscriptions=wishes(**{"": "n > 1"}))])
    producer, consumer = writer_of(world), reader_of(world)
    producer.send(numbered(1, 2))
    assert statuses(producer.events()) == [0, 0]
    assert numbers_of(consumer.events()) == [2]


def test_an_error_of_evaluation_counts_as_false():
    world = World([priority("n > 1")])
    producer = writer_of(world)
    producer.send(put_event([put(1), with_properties(2, {"n": "x"}), with_properties(3, {"m": 2})]))
    assert statuses(producer.events()) == [0, 0, 0]
    assert world.broker.statistics().messages == 0


def test_a_message_that_was_turned_away_is_no_duplicate_later():
    world = World([priority("n > 1")])
    producer = writer_of(world)
    producer.send(put_event([with_properties(7, {"n": 0})]))
    producer.send(put_event([with_properties(7, {"n": 2})]))
    assert world.broker.statistics().messages == 1


def test_an_expression_that_does_not_compile_makes_the_domain_unusable():
    world = World([priority("n >")])
    category, code, text = refusal(world.session().request(open_request(MEM_URI, write=1)))
    assert (category, code) == ("E_REFUSED", -10)
    assert "the subscription of app '' does not compile" in text


def test_a_restart_does_not_bring_back_what_was_turned_away():
    kind = fanout("fileBacked", foo="n > 1")
    world = World([kind])
    writer_of(world, FANOUT_URI).send(numbered(1, 2, 3))
    after = world.restarted()
    assert numbers_of(reader_of(after, FANOUT_URI, "foo").events()) == [2, 3]
    assert numbers_of(reader_of(after, FANOUT_URI, "bar").events()) == [1, 2, 3]


def test_a_new_expression_is_for_what_is_posted_from_then_on():
    world = World([fanout(foo="n > 1")])
    producer, foo = writer_of(world, FANOUT_URI), reader_of(world, FANOUT_URI, "foo")
    producer.send(numbered(1, 2))
    world.domains["test.fan"] = fanout(foo="n < 10")
    assert world.admin("DOMAINS RECONFIGURE test.fan").text == "SUCCESS"
    producer.send(numbered(3, 10))
    assert numbers_of(foo.events()) == [2, 3]


def test_an_invalid_new_expression_leaves_the_old_one_in_force():
    world = World([fanout(foo="n > 1")])
    producer = writer_of(world, FANOUT_URI)
    world.domains["test.fan"] = fanout(foo="n >")
    result = world.admin("DOMAINS RECONFIGURE test.fan")
    assert result.rc == -2
    assert "does not compile" in result.text
    producer.send(numbered(1))
    assert lists(world, "foo", "bar") == [0, 1]
    assert guid(1) == world.broker._context.queues[FANOUT_URI].queue.store.guid_of(0)


@pytest.mark.parametrize("is_again", [False, True])
def test_what_is_turned_away_is_logged_in_one_write_with_the_messages(*, is_again: bool):
    """So a crash does not leave messages of which an app then gets what it does not want."""
    world = World([fanout("fileBacked", foo="n > 1", bar="n < 4")], files={})
    producer = writer_of(world, FANOUT_URI)
    if is_again:  # a duplicate among them makes several records
        producer.send(numbered(3))
    world.journal.clear()
    producer.send(numbered(1, 2, 3, 4, 5))
    writes = [effect for effect in world.journal if isinstance(effect, Write)]
    assert len(writes) == (2 if is_again else 1)
    name = writes[-1].name
    before = len(world.files[name]) - sum(len(chunk) for chunk in writes[-1].chunks)
    for cut in (None, -1, before):
        whole = bytes(world.files[name])
        world.files[name] = bytearray(whole[:cut])
        after = world.restarted()
        world.files[name] = bytearray(whole)
        foo = numbers_of(reader_of(after, FANOUT_URI, "foo").events())
        bar = numbers_of(reader_of(after, FANOUT_URI, "bar").events())
        if cut is None:
            assert (sorted(foo), sorted(bar)) == ([2, 3, 4, 5], [1, 2, 3])
        elif cut == before:
            assert (foo, bar) == (([3, 2], [3, 1, 2]) if is_again else ([], []))
