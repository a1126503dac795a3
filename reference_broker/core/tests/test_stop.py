"""The graceful end of a broker."""

from __future__ import annotations

from reference_broker.core.tests.pair import (
    Wire,
    World,
    cluster,
    domain,
)
from reference_broker.core.tests.shapes import (
    ACK,
    configure,
    guid,
    open_queue,
    payloads,
    puts,
)
from reference_broker.ports import Close, Closed, Log, Opened, Received, Stop, Stopped
from reference_broker.wire import (
    Put,
    confirm_event,
    put_event,
)


def consumer_with_messages(world: World) -> Wire:
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    wire.send(puts(1, 2))
    wire.take()
    return wire


def test_a_stop_without_unconfirmed_messages_is_complete_at_once():
    world = World()
    wires = [world.connect(), world.session()]
    world.step(Stop())
    assert world.has_stopped()
    assert all(wire.is_closed for wire in wires)


def test_a_stop_waits_until_consumers_have_confirmed():
    world = World()
    wire = consumer_with_messages(world)
    world.step(Stop())
    wire.send(confirm_event([(0, guid(1), 0)]))
    assert not world.has_stopped()
    wire.send(confirm_event([(0, guid(2), 0)]))
    assert world.has_stopped()
    assert wire.is_closed


def test_nothing_new_is_delivered_while_stopping():
    world = World()
    wire = consumer_with_messages(world)
    world.step(Stop())
    wire.send(put_event([Put(0, guid(3), b"late", ACK)]))
    assert payloads(wire.events()) == []


def test_a_consumer_that_goes_need_not_be_waited_for():
    world = World()
    wire = consumer_with_messages(world)
    world.step(Stop())
    wire.close()
    assert world.has_stopped()


def test_a_stop_waits_no_longer_than_its_time_limit():
    world = World(cluster=cluster(shutdown_timeout_ms=5_000))
    wire = consumer_with_messages(world)
    world.step(Stop())
    world.advance(4.9)
    assert not world.has_stopped()
    world.advance(0.1)
    assert world.has_stopped()
    assert wire.is_closed
    assert "Cluster (local): giving up on 2 unconfirmed message(s)" in world.logs()


def told(world: World) -> list[str]:
    """Return what was said of unconfirmed messages."""
    lines = [text for text in world.logs() if text.startswith("Cluster (local): ")]
    return [text.removeprefix("Cluster (local): ") for text in lines]


def test_once_a_second_it_is_told_what_a_stop_waits_for():
    world = World(cluster=cluster(shutdown_timeout_ms=60_000))
    wire = consumer_with_messages(world)
    world.step(Stop())
    assert told(world) == ["waiting for 2 unconfirmed message(s)"]
    world.advance(0.9)
    assert len(told(world)) == 1
    world.advance(0.1)
    assert told(world) == ["waiting for 2 unconfirmed message(s)"] * 2
    wire.send(confirm_event([(0, guid(1), 0)]))
    world.advance(1)
    assert told(world)[2:] == ["waiting for 1 unconfirmed message(s)"]
    wire.send(confirm_event([(0, guid(2), 0)]))
    assert told(world)[3:] == ["no unconfirmed message(s)"]
    assert world.has_stopped()


def test_a_stop_without_unconfirmed_messages_says_so():
    world = World()
    world.step(Stop())
    assert told(world) == ["no unconfirmed message(s)"]


def test_the_messages_of_who_did_not_confirm_stay():
    kind = domain("test.file", storage="fileBacked", maxDeliveryAttempts=1)
    world = World([kind], files={}, cluster=cluster(shutdown_timeout_ms=1_000))
    wire = world.session()
    open_queue(wire, "bmq://test.file/q", read=1, write=1)
    configure(wire)
    wire.send(puts(1, 2))
    world.step(Stop())
    world.advance(1)
    assert told(world)[-1] == "giving up on 2 unconfirmed message(s)"
    last = max(i for i, e in enumerate(world.journal) if isinstance(e, Stopped | Close))
    assert {type(e) for e in world.journal[last + 1 :]} <= {Log}  # nothing more is asked for
    assert world.durable == {name: len(data) for name, data in world.files.items()}
    assert world.restarted().broker.statistics().messages == 2


def test_stopping_twice_is_stopping_once():
    world = World(cluster=cluster(shutdown_timeout_ms=5_000))
    consumer_with_messages(world)
    world.step(Stop())
    world.advance(3)
    world.step(Stop())
    world.advance(2)
    assert world.has_stopped()


def test_new_connections_are_refused_while_stopping():
    world = World()
    consumer_with_messages(world)
    world.step(Stop())
    assert world.connect().is_closed


def test_nothing_happens_after_the_end():
    world = World()
    world.step(Stop())
    effects = world.step(Opened(50, "x"), Received(50, b"abc"), Closed(50, "gone"))
    assert not any(type(effect).__name__ == "Stopped" for effect in effects)
