"""BMQ-CAST: broadcast queues, where everybody who listens gets a message once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_broker.wire.control import OpenQueue, StatusCategory
from suites.harness.target import Capability, Target
from suites.harness.topology import BROADCAST_DOMAIN
from suites.integration.actor import Actor, Want
from suites.integration.case import case
from suites.integration.connections import Wire


@pytest.fixture
def uri(new_uri: Callable[[str], str]) -> str:
    """The URI of a broadcast queue that nobody has used."""
    return new_uri(BROADCAST_DOMAIN)


def _numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def _get(actor: Actor, guids: list[bytes]) -> None:
    """See that these messages come, in order, and no others."""
    assert [push.guid for push in actor.take_pushes(len(guids))] == guids
    actor.settle()
    assert not actor.pushes


def _get_nothing(*actors: Actor) -> None:
    for actor in actors:
        actor.settle()
        assert not actor.pushes


@case(
    "BMQ-CAST-1",
    statement="In broadcast mode every consumer gets every message.",
    expectation="Ten messages of each of two producers come to all of three consumers, once each.",
    proves=("CAST-1",),
)
def test_everybody_gets_everything(wire: Wire, uri: str) -> None:
    consumers = [wire.reader(uri, f"consumer {number}") for number in range(3)]
    guids = [guid for name in "ab" for guid in wire.writer(uri, name).post(*_numbered(10))]
    for consumer in consumers:
        _get(consumer, guids)


@case(
    "BMQ-CAST-2",
    statement="A broadcast message is acknowledged at once and not stored: who comes later does "
    "not get it.",
    expectation="Without any consumer all are acknowledged with success; a consumer that comes "
    "afterwards gets only what is posted later.",
    proves=("CAST-2", "CAST-3"),
)
def test_latecomers_get_nothing(wire: Wire, uri: str) -> None:
    producer = wire.writer(uri)
    producer.post(*_numbered(5))
    late = wire.reader(uri, "late")
    _get_nothing(late)
    _get(late, producer.post(b"in time"))


@case(
    "BMQ-CAST-3",
    statement="Of several priorities only the highest gets broadcast messages.",
    expectation="Two consumers of the higher priority get everything, one of the lower nothing, "
    "until both others have closed; it gets then what is posted from there on.",
    proves=("CAST-4",),
)
def test_highest_priority_only(wire: Wire, uri: str) -> None:
    low = wire.reader(uri, "low", priority=1)
    highs = [wire.reader(uri, f"high {number}", priority=2) for number in range(2)]
    producer = wire.writer(uri)
    guids = producer.post(*_numbered(3))
    for high in highs:
        _get(high, guids)
    highs[0].shut(uri, read=True)
    _get(highs[1], producer.post(b"one of them has gone"))
    highs[1].shut(uri, read=True)
    _get_nothing(low)
    _get(low, producer.post(b"both have"))


@case(
    "BMQ-CAST-4",
    statement="Priorities may change on the fly.",
    expectation="Two equal consumers both get a message; the first one alone after it raised its "
    "priority, the second one alone after it went still higher, both when they are equal again.",
    proves=("CAST-4", "ROUTE-9"),
)
def test_changing_priorities(wire: Wire, uri: str) -> None:
    first, second = wire.reader(uri, "first"), wire.reader(uri, "second")
    producer = wire.writer(uri)
    for actor, priority, winners in (
        (None, 0, (first, second)),
        (first, 5, (first,)),
        (second, 7, (second,)),
        (first, 7, (first, second)),
    ):
        if actor is not None:
            actor.configure(priority=priority)
        guids = producer.post(b"now")
        for winner in winners:
            _get(winner, guids)
        _get_nothing(first, second)


@case(
    "BMQ-CAST-5",
    statement="Broadcast messages need no CONFIRM.",
    expectation="A consumer whose limit is 3 messages, and who confirms none, gets all of ten, and "
    "nothing again after it closes.",
    proves=("CAST-5", "CAST-8"),
)
def test_nothing_to_confirm(wire: Wire, uri: str) -> None:
    consumer = wire.reader(uri, messages=3)
    producer = wire.writer(uri)
    guids = [producer.post(payload)[0] for payload in _numbered(10)]
    _get(consumer, guids)
    other = wire.reader(uri, "other")
    consumer.shut(uri, read=True)
    _get_nothing(other)


@case(
    "BMQ-CAST-6",
    statement="A consumer without capacity misses what is broadcast.",
    expectation="With limits of 0, and while it is deconfigured, it gets nothing; what it missed "
    "does not come afterwards.",
    proves=("CFG-11", "CAST-6"),
)
def test_consumer_without_capacity(wire: Wire, uri: str) -> None:
    deaf, other = wire.reader(uri, "deaf", messages=0), wire.reader(uri, "other")
    producer = wire.writer(uri)
    _get(other, producer.post(b"missed"))
    deaf.configure()
    _get_nothing(deaf)
    guids = producer.post(b"heard")
    _get(deaf, guids)
    deaf.deconfigure()
    guids += producer.post(b"missed too")
    deaf.configure()
    _get_nothing(deaf)
    guids += producer.post(b"heard again")
    _get(other, guids)
    _get(deaf, guids[-1:])


@case(
    "BMQ-CAST-7",
    statement="openQueueResponse tells how a broadcast queue routes: AT_MOST_ONCE, "
    "DELIVER_CONSUMER_PRIORITY and DELIVER_ALL.",
    expectation="Routing flags 7; a reader that names an app is refused with E_UNKNOWN, code -1.",
    proves=("OPEN-2", "OPEN-19"),
)
def test_routing_flags(wire: Wire, uri: str) -> None:
    actor = wire.actor()
    assert actor.open(uri, read=True, write=True).routing_configuration.flags == 7
    other = wire.actor("with an app")
    status = other.refusal(OpenQueue(handle_parameters=other.handle(uri, read=True, app_id="foo")))
    assert (status.category, status.code) == (StatusCategory.E_UNKNOWN, -1), status


@case(
    "BMQ-CAST-8",
    statement="Subscriptions choose among broadcast messages too.",
    expectation="Consumers for `x > 0`, `x < 0` and everything get the messages that match, and "
    "all of them; each once.",
    proves=("CAST-7",),
)
def test_subscriptions(wire: Wire, uri: str) -> None:
    positive = wire.subscriber(uri, Want("x > 0"), name="positive")
    negative = wire.subscriber(uri, Want("x < 0"), name="negative")
    everything = wire.reader(uri, "everything")
    guids = wire.writer(uri).post_with(*({"x": x} for x in (1, -1, 2, -2, 0)))
    _get(positive, guids[0:4:2])
    _get(negative, guids[1:4:2])
    _get(everything, guids)


@case(
    "BMQ-CAST-9",
    statement="A consumer that is lost takes nothing with it: nothing is delivered twice.",
    expectation="One of two consumers crashes with messages unconfirmed; the other one, and a new "
    "one, get only what is posted later.",
    proves=("CAST-8",),
)
def test_lost_consumer(wire: Wire, uri: str) -> None:
    lost, other = wire.reader(uri, "lost"), wire.reader(uri, "other")
    producer = wire.writer(uri)
    guids = producer.post(*_numbered(3))
    _get(other, guids)
    _get(lost, guids)
    lost.crash()
    fresh = wire.reader(uri, "new")
    _get_nothing(other, fresh)
    later = producer.post(b"later")
    for actor in (other, fresh):
        _get(actor, later)


@case(
    "BMQ-CAST-10",
    statement="Nothing of a broadcast queue counts as stored.",
    expectation="With a consumer that has confirmed nothing, LIST shows no message.",
    needs=(Capability.CONFIGURED,),
    proves=("CAST-3",),
)
def test_nothing_is_stored(wire: Wire, uri: str, target: Target) -> None:
    consumer = wire.reader(uri)
    _get(consumer, wire.writer(uri).post(*_numbered(4)))
    assert wire.admin(target=target).contents(uri) == []
