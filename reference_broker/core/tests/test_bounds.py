"""Bounds of time and number: heartbeats, consumers, counts, what is remembered of messages gone."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import limits, seconds
from reference_broker.core.tests.pair import Wire, World, domain
from reference_broker.core.tests.shapes import (
    MEM_URI,
    configure,
    guid,
    kinds,
    open_queue,
    open_request,
    pushes,
    puts,
    refusal,
)
from reference_broker.session import BrokerFacts
from reference_broker.wire import HEARTBEAT_RESPONSE, confirm_event
from reference_broker.wire.control import (
    ConfigureStream,
    ConfigureStreamResponse,
    ConsumerInfo,
    StreamParameters,
    Subscription,
)

FACTS = BrokerFacts(heartbeat_interval_ms=3_000, heartbeat_misses_max=3)

# Heartbeats.


def test_the_looks_at_many_sessions_fall_together():
    world = World(facts=FACTS)
    for number in range(200):
        world.now = type(world.now)(world.now + seconds(0.013) + number)
        world.session()
    world.advance(10)  # all have been looked at, and the handshake is over for all
    steps = 0
    end = world.now + seconds(3)
    while (deadline := world.broker.next_deadline()) is not None and deadline <= end:
        world.now = deadline
        world.broker.step(world.now, [])
        steps += 1
        assert steps < 10
    assert 1 <= steps <= 2


# Consumers of a stream.


def consumers(*counts: int) -> ConfigureStream:
    """Return a request with one subscription for each count, of so many consumers."""
    one = ConsumerInfo(10, 1_000, 0, 1)
    subscriptions = tuple(
        Subscription(s_id=number, consumers=(one,) * count)
        for number, count in enumerate(counts, 1)
    )
    parameters = StreamParameters(app_id="__default", subscriptions=subscriptions)
    return ConfigureStream(q_id=0, stream_parameters=parameters)


MOST = limits.SUBSCRIPTIONS_PER_STREAM_MAX


@pytest.mark.parametrize("counts", [(MOST,), (MOST // 2, MOST - MOST // 2), (1,) * MOST])
def test_as_many_consumers_as_the_limit_allows(counts: tuple[int, ...]):
    wire = World().session()
    open_queue(wire, read=1)
    assert isinstance(wire.request(consumers(*counts)), ConfigureStreamResponse)


@pytest.mark.parametrize("counts", [(MOST + 1,), (MOST, 1), (2,) * (MOST // 2) + (1,)])
def test_one_consumer_more_is_refused(counts: tuple[int, ...]):
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    assert sum(counts) == MOST + 1
    answer = wire.request(consumers(*counts))
    assert refusal(answer) == (
        "E_INVALID_ARGUMENT", -1, f"a stream has at most {MOST} consumers",
    )  # fmt: skip
    wire.send(puts(1))
    assert kinds(wire.events()) == ["ACK"]  # nothing was configured


# Counts of an open.


@pytest.mark.parametrize(
    "members",
    [
        {"read": -1},
        {"write": -1},
        {"read": -1, "write": -1},
        {"read": 1, "write": -1},
        {"read": -(2**31), "write": 1},
    ],
)
def test_negative_counts_are_refused(members: dict[str, Any]):
    world = World()
    answer = world.session().request(open_request(**members))
    text = "readCount and writeCount must not be negative"
    assert refusal(answer) == ("E_INVALID_ARGUMENT", 0, text)
    assert world.broker.statistics().queues == 0


# GUIDs of messages that are gone.


def history(world: World) -> int:
    """Return how many GUIDs the only queue remembers."""
    (entry,) = world.broker._context.queues.values()
    remembered = entry.queue.store.history
    assert len(remembered) == len(remembered.guids()) == len(set(remembered.guids()))
    return len(remembered)


def used(world: World, *numbers: int) -> Wire:
    """Post and confirm messages, one CONFIRM event for each; returns the client."""
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    wire.send(puts(*numbers))
    wire.take()
    for number in numbers:
        wire.send(confirm_event([(0, guid(number), 0)]))
    return wire


def test_an_idle_queue_forgets_in_time():
    dedup_s = 20
    mem = domain("test.mem", deduplicationTimeMs=dedup_s * 1_000)
    world = World([mem], facts=FACTS)
    wire = used(world, *range(10))
    seen: list[int] = []
    for _ in range(dedup_s + 60 + 3):
        seen.append(history(world))
        wire.send(HEARTBEAT_RESPONSE)
        world.advance(1)
    assert not wire.is_closed
    assert seen[:dedup_s] == [10] * dedup_s
    assert history(world) == 0
    wire.take()
    wire.send(puts(0))
    assert [push.guid for push in pushes(wire.events())] == [guid(0)]


def test_a_queue_without_clients_forgets_as_long_as_anybody_is_connected():
    world = World([domain("test.mem", deduplicationTimeMs=1_000)], facts=FACTS)
    used(world, 1, 2).close()
    other = world.session()
    for _ in range(66):
        other.send(HEARTBEAT_RESPONSE)
        world.advance(1)
    assert history(world) == 0


def test_the_oldest_are_forgotten_beyond_the_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.queue.history.DEDUPLICATION_GUIDS_MAX", 5)
    world = World()
    wire = used(world, *range(12))
    assert history(world) == 5
    wire.take()
    wire.send(puts(6, 7, 11))
    assert [push.guid for push in pushes(wire.events())] == [guid(6)]
    assert world.broker.statistics().messages == 1
    assert MEM_URI in world.broker._context.queues
