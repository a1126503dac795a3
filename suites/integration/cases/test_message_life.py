"""BMQ-DEDUP, BMQ-TTL, BMQ-POISON: how often, how long, how many times."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from reference_broker.wire import AckStatus, Put, put_event
from reference_broker.wire.push import FLAG_OUT_OF_ORDER
from suites.harness.target import Capability, Target
from suites.harness.topology import (
    APP_IDS,
    ATTEMPTS_MAX,
    FANOUT_DOMAIN,
    POISON_DOMAIN,
    POISON_FANOUT_DOMAIN,
    TTL_DOMAIN,
    TTL_FILE_DOMAIN,
    DomainShape,
)
from suites.integration.actor import Actor
from suites.integration.admin import AdminActor
from suites.integration.case import case
from suites.integration.connections import Wire

_CONFIGURED: Final = (Capability.CONFIGURED,)
#: TTL is looked at every 5 s, and a message of 1 s goes when it is 2 s old; there is room for a slow
#: machine.
_EXPIRY_SECONDS_MAX: Final = 15.0
_DEDUPLICATION_MS: Final = 200


def _guids(actor: Actor, count: int) -> list[bytes]:
    return [push.guid for push in actor.take_pushes(count)]


def _is_quiet(*actors: Actor) -> None:
    for actor in actors:
        actor.settle()
        assert not actor.pushes, f"{len(actor.pushes)} messages are delivered"


def _repeat(producer: Actor, puts: list[Put]) -> None:
    """Post messages again, and see them acknowledged with success."""
    producer.send(put_event(puts))
    acks = producer.take_acks(len(puts))
    assert [ack[:3] for ack in acks] == [(AckStatus.SUCCESS, 0, put.guid) for put in puts]


# Duplicates.


@case(
    "BMQ-DEDUP-1",
    statement="A duplicate is stored for no app, however many have confirmed the message.",
    expectation="Posted again when no app, one app, and every app has confirmed it: success each "
    "time, and one delivery to each app in all.",
    proves=("DEDUP-1", "DEDUP-3"),
)
def test_duplicates_in_fanout_mode(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(FANOUT_DOMAIN)
    readers = {app_id: wire.reader(uri, app_id=app_id) for app_id in APP_IDS}
    producer = wire.writer(uri)
    puts = producer.puts([b"once"])
    _repeat(producer, puts)
    _repeat(producer, puts)
    for app_id, reader in readers.items():
        assert _guids(reader, 1) == [puts[0].guid]
        reader.confirm(puts[0].guid, app_id=app_id)
        reader.settle()
        _repeat(producer, puts)
    _is_quiet(*readers.values())


@case(
    "BMQ-DEDUP-2",
    statement="A message that is stored refuses its GUID however long ago it came.",
    expectation=f"With a de-duplication time of {_DEDUPLICATION_MS} ms, a message that nobody "
    "confirms is posted again for twice that time: success each time, one delivery.",
    needs=_CONFIGURED,
    proves=("DEDUP-2",),
)
def test_stored_guid_outlives_the_time(
    wire: Wire, new_domain: Callable[[DomainShape], str]
) -> None:
    shape = DomainShape(changes={"deduplicationTimeMs": _DEDUPLICATION_MS})
    uri = f"bmq://{new_domain(shape)}/q"
    producer = wire.writer(uri)
    puts = producer.puts([b"once"])
    over = time.monotonic() + 2 * _DEDUPLICATION_MS / 1000
    while time.monotonic() < over:
        _repeat(producer, puts)
        producer.settle()
    consumer = wire.reader(uri)
    assert _guids(consumer, 1) == [puts[0].guid]
    _is_quiet(consumer)
    consumer.confirm(puts[0].guid)


@case(
    "BMQ-DEDUP-3",
    statement="openQueueResponse tells the domain's de-duplication time.",
    expectation=f"{_DEDUPLICATION_MS} where the domain says so.",
    needs=_CONFIGURED,
    proves=("OPEN-3",),
)
def test_time_is_told(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    shape = DomainShape(changes={"deduplicationTimeMs": _DEDUPLICATION_MS})
    answer = wire.actor().open(f"bmq://{new_domain(shape)}/q", write=True)
    assert answer.deduplication_time_ms == _DEDUPLICATION_MS


@case(
    "BMQ-DEDUP-4",
    statement="A GUID is forgotten when its message has been gone for the de-duplication time.",
    expectation=f"Confirmed, and posted again and again: after {_DEDUPLICATION_MS} ms it is "
    "delivered once more, as a new message.",
    needs=_CONFIGURED,
    proves=("DEDUP-3", "DEDUP-4"),
)
def test_guid_is_forgotten(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    shape = DomainShape(changes={"deduplicationTimeMs": _DEDUPLICATION_MS})
    uri = f"bmq://{new_domain(shape)}/q"
    consumer, producer = wire.reader(uri), wire.writer(uri)
    puts = producer.puts([b"twice"])
    _repeat(producer, puts)
    assert _guids(consumer, 1) == [puts[0].guid]
    confirmed_at = time.monotonic()
    consumer.confirm(puts[0].guid)
    consumer.settle()
    give_up = confirmed_at + consumer.timeout_s
    while not consumer.pushes:
        assert time.monotonic() < give_up, "the GUID is never forgotten"
        _repeat(producer, puts)
        consumer.settle()
    assert time.monotonic() - confirmed_at >= _DEDUPLICATION_MS / 1000, "forgotten too early"
    (push,) = consumer.take_pushes(1)
    assert (push.guid, push.flags & FLAG_OUT_OF_ORDER) == (puts[0].guid, 0)
    consumer.confirm(push.guid)


# Time to live.


def _wait_until_empty(admin: AdminActor, uri: str) -> None:
    give_up = time.monotonic() + _EXPIRY_SECONDS_MAX
    while left := admin.contents(uri):
        assert time.monotonic() < give_up, f"{len(left)} messages outlive their time"
        admin.settle()


@case(
    "BMQ-TTL-1",
    statement="A message that is older than its domain's TTL is deleted, whether or not it was "
    "delivered.",
    expectation=f"TTL 1 s: within {_EXPIRY_SECONDS_MAX:g} s LIST shows no message; a new consumer gets "
    "none; one that still holds one may confirm it; new messages are delivered.",
    needs=_CONFIGURED,
    proves=("TTL-1", "TTL-2"),
)
def test_messages_expire(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(TTL_DOMAIN)
    producer, holder = wire.writer(uri), wire.reader(uri, "holder", messages=1)
    guids = producer.post(b"held", b"waiting", b"waiting too")
    assert _guids(holder, 1) == guids[:1]
    _wait_until_empty(wire.admin(), uri)
    _is_quiet(holder)
    holder.confirm(*guids)
    holder.settle()
    holder.shut(uri, read=True)
    fresh = wire.reader(uri, "new")
    later = producer.post(b"later")
    assert _guids(fresh, 1) == later
    _is_quiet(fresh)
    fresh.confirm(*later)


@case(
    "BMQ-TTL-2",
    statement="A message's age counts from its posting, also across a restart, and ends for every "
    "app.",
    expectation="Posted, half of it confirmed by one app, the broker killed and started again: LIST "
    f"shows no message within {_EXPIRY_SECONDS_MAX:g} s, no app gets one, and after another restart "
    "none is back.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("TTL-3", "TTL-4", "TTL-5"),
)
def test_expiry_across_a_restart(wire: Wire, fresh_target: Target) -> None:
    uri = f"bmq://{TTL_FILE_DOMAIN}/restart"
    producer = wire.writer(uri, target=fresh_target)
    guids = producer.post(*(b"%d" % number for number in range(4)))
    foo = wire.reader(uri, app_id="foo", target=fresh_target)
    foo.take_pushes(4)
    foo.confirm(*guids[:2], app_id="foo")
    foo.settle()
    for peer in (foo, producer):
        peer.crash()
    fresh_target.kill()
    fresh_target.restart()
    wire.writer(uri, "opens", target=fresh_target)
    _wait_until_empty(wire.admin(target=fresh_target), uri)
    fresh_target.kill()
    fresh_target.restart()
    readers = [wire.reader(uri, app_id=app_id, target=fresh_target) for app_id in APP_IDS]
    _is_quiet(*readers)


# Poisonous messages.


def _lose(wire: Wire, uri: str, guids: list[bytes], app_id: str = "") -> None:
    """Let a consumer take these messages, and vanish."""
    victim = wire.reader(uri, "victim", app_id=app_id)
    assert _guids(victim, len(guids)) == guids
    victim.crash()


@case(
    "BMQ-POISON-1",
    statement="A message is dropped after it went down with maxDeliveryAttempts consumers.",
    expectation="Attempts 2: two consumers get it and vanish; the second time it is flagged "
    "OUT_OF_ORDER; the third consumer gets only what is newer, and nothing of it is stored.",
    needs=_CONFIGURED,
    proves=("ATT-1", "ATT-6"),
)
def test_dropped_after_two_lost_consumers(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(POISON_DOMAIN)
    producer = wire.writer(uri)
    poison = producer.post(b"poison")
    _lose(wire, uri, poison)
    second = wire.reader(uri, "second victim")
    (push,) = second.take_pushes(1)
    assert push.guid == poison[0]
    assert push.flags & FLAG_OUT_OF_ORDER
    second.crash()
    later = producer.post(b"harmless")
    third = wire.reader(uri, "third")
    assert _guids(third, 1) == later
    _is_quiet(third)
    assert wire.admin().contents(uri) == [later[0].hex().upper()]
    third.confirm(*later)


@case(
    "BMQ-POISON-2",
    statement="A consumer that closes or disconnects costs no attempt.",
    expectation="Attempts 2: four consumers get the message and go, by closeQueue and by disconnect "
    "in turn; the fifth one gets it still.",
    needs=_CONFIGURED,
    proves=("ATT-2",),
)
def test_graceful_consumers_cost_nothing(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(POISON_DOMAIN)
    guids = wire.writer(uri).post(b"unlucky")
    for number in range(4):
        consumer = wire.reader(uri, f"consumer {number}")
        assert _guids(consumer, 1) == guids
        if number % 2:
            consumer.disconnect()
        else:
            consumer.shut(uri, read=True)
    last = wire.reader(uri, "last")
    assert _guids(last, 1) == guids
    last.confirm(*guids)


@case(
    "BMQ-POISON-3",
    statement="Attempts are counted for each message by itself.",
    expectation="The first of three messages goes down with two consumers whose limit is 1; the "
    "other two, which nobody held, are delivered, and survive one lost consumer.",
    needs=_CONFIGURED,
    proves=("ATT-3",),
)
def test_only_what_was_held_counts(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(POISON_DOMAIN)
    guids = wire.writer(uri).post(b"poison", b"second", b"third")
    for number in range(ATTEMPTS_MAX):
        victim = wire.reader(uri, f"victim {number}", messages=1)
        assert _guids(victim, 1) == guids[:1]
        victim.crash()
    _lose(wire, uri, guids[1:])
    last = wire.reader(uri, "last")
    assert _guids(last, 2) == guids[1:]
    _is_quiet(last)
    last.confirm(*guids)


@case(
    "BMQ-POISON-4",
    statement="A message is dropped for the app whose consumers were lost, and for no other.",
    expectation="Two consumers of foo vanish with it: foo gets it no more, bar and baz do; it is "
    "stored until they have confirmed it.",
    needs=_CONFIGURED,
    proves=("ATT-4", "ATT-6"),
)
def test_dropped_for_one_app(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(POISON_FANOUT_DOMAIN)
    guids = wire.writer(uri).post(b"poison")
    for _ in range(ATTEMPTS_MAX):
        _lose(wire, uri, guids, "foo")
    _is_quiet(wire.reader(uri, app_id="foo"))
    admin = wire.admin()
    for app_id in ("bar", "baz"):
        assert admin.contents(uri) == [guids[0].hex().upper()]
        reader = wire.reader(uri, app_id=app_id)
        assert _guids(reader, 1) == guids
        reader.confirm(*guids, app_id=app_id)
        reader.settle()
    assert admin.contents(uri) == []


@case(
    "BMQ-POISON-5",
    statement="With maxDeliveryAttempts 0 no message is ever dropped.",
    expectation="Six consumers vanish with it; the seventh gets it.",
    proves=("ATT-5",),
)
def test_unlimited_attempts(wire: Wire, queue_uri: str) -> None:
    guids = wire.writer(queue_uri).post(b"patient")
    for _ in range(6):
        _lose(wire, queue_uri, guids)
    last = wire.reader(queue_uri, "last")
    assert _guids(last, 1) == guids
    last.confirm(*guids)


@case(
    "BMQ-POISON-6",
    statement="RECONFIGURE changes maxDeliveryAttempts for messages that are there.",
    expectation="A message that has gone down with one consumer is dropped with the next one after "
    "unlimited attempts became 1.",
    needs=_CONFIGURED,
    proves=("RECONF-1",),
)
def test_reconfigured_attempts(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(DomainShape())
    uri = f"bmq://{domain}/q"
    guids = wire.writer(uri).post(b"poison")
    _lose(wire, uri, guids)
    target.write_domain(domain, DomainShape(changes={"maxDeliveryAttempts": 1}))
    assert wire.admin().command(f"DOMAINS RECONFIGURE {domain}") == "SUCCESS"
    _lose(wire, uri, guids)
    _is_quiet(wire.reader(uri, "last"))
