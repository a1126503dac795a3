"""What a log holds for whom: one look for queues in use and for those without their domain."""

from __future__ import annotations

import pytest

from reference_broker.core.holdings import Holding, StoredHolding, holding_of, holdings_of
from reference_broker.core.tests.pair import World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    confirms,
    guid,
    numbers_of,
    puts,
    reader_of,
    writer_of,
)
from reference_broker.storage import SEGMENT_SHIFT

FAN = domain("test.fan", storage="fileBacked", mode="fanout", apps=("foo", "bar"))
KINDS = pytest.mark.parametrize("kind", ["in memory", "paged out", "unclaimed"])


def held_by(kind: str) -> tuple[World, Holding]:
    """Return a broker with messages 0 to 9, of which foo does not need the even ones."""
    world = World([FAN], files={})
    foo = reader_of(world, FANOUT_URI, "foo")
    writer_of(world, FANOUT_URI).send(puts(*range(10), data=b"data"))
    foo.send(confirms(*range(0, 10, 2), sub_id=1))
    if kind == "unclaimed":
        del world.domains["test.fan"]
    if kind != "in memory":
        world = world.restarted()
    holding = holding_of(world.broker._context, FANOUT_URI)
    assert holding is not None
    assert isinstance(holding, StoredHolding) == (kind == "unclaimed")
    return world, holding


@KINDS
def test_messages_are_found_portion_by_portion(kind: str):
    world, holding = held_by(kind)
    assert holdings_of(world.broker._context, 0) == [FANOUT_URI]
    found: list[int] = []
    start: int | None = 0
    while start is not None:
        held, start = holding.find(1, start, 3)
        assert len(held) <= (10 if kind == "paged out" else 3)
        found += [each.ordinal for each in held]
        assert [each.location for each in held] == [holding.location_of(e.ordinal) for e in held]
        assert {each.size for each in held} <= {4}
    assert found == list(range(10))
    assert holding.find(2, 0, 100)[0] == []
    assert [each.ordinal for each in holding.find(1, 7, 100)[0]] == [7, 8, 9]


@KINDS
def test_facts(kind: str):
    _, holding = held_by(kind)
    facts = [holding.facts_of(ordinal) for ordinal in range(10)]
    assert [each.guid for each in facts] == [guid(number) for number in range(10)]
    assert {each.coding_word for each in facts} == {0}
    assert all(each.arrival_ns > 0 for each in facts)
    assert (holding.from_memory(3) is None) == (kind != "in memory")
    assert len(holding.app_firsts()) == 2
    assert holding.location_of(10) == 0


@KINDS
def test_what_apps_do_not_need(kind: str):
    _, holding = held_by(kind)
    (foo, _), *_ = done = holding.done([2, 3, 4])
    assert done == [(foo, 2), (foo, 4)]
    assert holding.done([1, 5]) == []


@KINDS
def test_moving(kind: str):
    _, holding = held_by(kind)
    place = 7 << SEGMENT_SHIFT | 100
    holding.move([3, 5], [place, place + 50])
    assert [each.ordinal for each in holding.find(7, 0, 100)[0]] == [3, 5]
    assert holding.location_of(5) == place + 50


@KINDS
def test_giving_up(kind: str):
    world, holding = held_by(kind)
    place = holding.location_of(4)
    removed = holding.remove([4, 5])
    assert [(each[0], each[3]) for each in removed] == [(guid(4), 4), (guid(5), 5)]
    assert removed[0][2] == place
    assert holding.location_of(4) == holding.location_of(5) == 0
    assert holding.location_of(6) > 0
    world.domains["test.fan"] = FAN
    assert numbers_of(reader_of(world, FANOUT_URI, "foo").events()) == (
        [] if kind == "in memory" else [1, 3, 7, 9]
    )
    bar = numbers_of(reader_of(world, FANOUT_URI, "bar").events())
    assert bar == [0, 1, 2, 3, 6, 7, 8, 9]


def test_a_queue_that_is_gone_holds_nothing():
    world, holding = held_by("unclaimed")
    world.domains["test.fan"] = FAN
    reader_of(world, FANOUT_URI, "bar")
    assert holding.location_of(3) == 0  # it is in use now
    world, holding = held_by("in memory")
    del world.broker._context.queues[FANOUT_URI]
    assert holding.location_of(3) == 0
    assert holding_of(world.broker._context, FANOUT_URI) is None
