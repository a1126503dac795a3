"""BMQ-DEDUP, BMQ-TTL, BMQ-POISON: how often messages come, how long they live."""

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
    DOMAINS,
    FANOUT_DOMAIN,
    FILE_DOMAIN,
    MEM_DOMAIN,
    POISON_DOMAIN,
    POISON_FANOUT_DOMAIN,
    TTL_DOMAIN,
    TTL_FILE_DOMAIN,
    TTL_S,
    DomainShape,
)
from suites.integration.actor import Actor
from suites.integration.admin import AdminActor
from suites.integration.case import case
from suites.integration.connections import Wire

_CONFIGURED: Final = (Capability.CONFIGURED,)
#: TTL is looked at every 5 s, and a message of 1 s goes when it is 2 s old; there is room for a slow
#: machine.
_EXPIRY_SECONDS_MAX: Final = 10.0
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


@case(
    "BMQ-DEDUP-5",
    statement="What a queue knows of GUIDs is its own.",
    expectation="The same message for two queues of a domain, twice for each: success each time, and one "
    "delivery from each queue; when it is confirmed in one of them the other one still has it.",
    proves=("DEDUP-5", "ACK-8"),
)
def test_same_guid_in_two_queues(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uris = [new_uri(MEM_DOMAIN) for _ in range(2)]
    producer = wire.actor("producer")
    for q_id, uri in enumerate(uris):
        producer.open(uri, q_id, write=True)
    (put,) = producer.puts([b"one of two"])
    twins = [put._replace(queue_id=q_id) for q_id in range(2)]
    for twin in twins * 2:
        producer.send(put_event([twin]))
        assert producer.take_acks(1) == [(AckStatus.SUCCESS, 0, put.guid, twin.queue_id)]
    first = wire.reader(uris[0], "first")
    assert _guids(first, 1) == [put.guid]
    first.confirm(put.guid)
    _is_quiet(first)
    second = wire.reader(uris[1], "second")
    assert _guids(second, 1) == [put.guid]
    _is_quiet(second)
    second.confirm(put.guid)


@case(
    "BMQ-DEDUP-6",
    statement="A GUID that is stored is refused, whoever posts it.",
    expectation="A second client posts the message of a first one, while it is stored and when it is "
    "confirmed: success each time, and one delivery, of what the first client has posted.",
    proves=("DEDUP-6", "DEDUP-1", "DEDUP-3"),
)
def test_same_guid_from_another_client(wire: Wire, queue_uri: str) -> None:
    consumer = wire.reader(queue_uri)
    first, second = wire.writer(queue_uri, "first"), wire.writer(queue_uri, "second")
    (put,) = first.puts([b"of the first"])
    _repeat(first, [put])
    other = put._replace(data=b"of the second")
    _repeat(second, [other])
    (push,) = consumer.take_pushes(1)
    assert (push.guid, push.data) == (put.guid, b"of the first")
    consumer.confirm(put.guid)
    consumer.settle()
    _repeat(second, [other])
    _is_quiet(consumer)


# Time to live.


class _Ages:
    """Messages that are posted to one queue all the time, and how old they are when they go.

    Args:
        producer: who posts.
        uri: of the queue, which nobody else uses.
        admin: who looks.
    """

    def __init__(self, producer: Actor, uri: str, admin: AdminActor) -> None:
        self._producer = producer
        self._uri = uri
        self._admin = admin
        #: When they were sent, and when they were acknowledged.
        self._posted: dict[str, tuple[float, float]] = {}
        self._looked_at = 0.0
        producer.open(uri, 1, write=True)

    def post(self) -> None:
        """Post one message."""
        sent_at = time.monotonic()
        (guid,) = self._producer.post(b"young", q_id=1)
        self._posted[guid.hex().upper()] = (sent_at, time.monotonic())

    def look(self) -> bool:
        """See that what goes is old enough, and what stays is not too old; returns whether any has gone.

        The ages are in whole seconds, so that a message goes when it is one or two seconds older than
        its TTL says; where the broker cannot have looked, nothing is said of what stays.
        """
        looked_before, self._looked_at = self._looked_at, time.monotonic()
        left = set(self._admin.contents(self._uri))
        now = time.monotonic()
        gone = [self._posted.pop(guid) for guid in self._posted.keys() - left]
        for sent_at, _ in gone:
            age_s = now - sent_at
            assert age_s >= TTL_S, f"a message has expired at the age of {age_s:.3f} s"
        for _, stored_at in self._posted.values() if gone else ():
            age_s = looked_before - stored_at
            assert age_s <= TTL_S + 1, f"when others expire, one of {age_s:.3f} s stays"
        return bool(gone)


def _wait_until_empty(admin: AdminActor, uri: str, ages: _Ages) -> bool:
    """Wait until all has expired in a queue; returns whether any of the younger ones has."""
    has_gone = False
    give_up = time.monotonic() + _EXPIRY_SECONDS_MAX
    while True:
        ages.post()
        is_empty = not admin.contents(uri)
        has_gone |= ages.look()
        if is_empty:
            return has_gone
        assert time.monotonic() < give_up, "messages outlive their time"
        admin.settle()


@case(
    "BMQ-TTL-1",
    statement="A message that is older than its domain's TTL is deleted, whether or not it was "
    "delivered.",
    expectation=f"TTL {TTL_S} s: within {_EXPIRY_SECONDS_MAX:g} s LIST shows no message. One that still "
    "holds one may confirm it, and is served again; what one held who does not comes to nobody; new "
    "messages are delivered. Of messages that are posted to another queue all the time none goes that "
    f"is younger than {TTL_S} s, and when some go none stays that is older than {TTL_S + 1} s.",
    needs=_CONFIGURED,
    proves=("TTL-1", "TTL-2", "TTL-6"),
)
def test_messages_expire(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri, admin = new_uri(TTL_DOMAIN), wire.admin()
    producer = wire.writer(uri)
    holder, keeper = (wire.reader(uri, name, messages=1) for name in ("holder", "keeper"))
    guids = producer.post(b"held", b"held too", b"waiting", b"waiting too")
    (held,) = _guids(holder, 1)
    assert {held, *_guids(keeper, 1)} == set(guids[:2])
    _wait_until_empty(admin, uri, _Ages(producer, new_uri(TTL_DOMAIN), admin))
    _is_quiet(holder, keeper)
    holder.confirm(held)
    keeper.shut(uri, read=True)
    _is_quiet(holder)
    later = producer.post(b"later")
    assert _guids(holder, 1) == later
    fresh = wire.reader(uri, "new")
    _is_quiet(holder, fresh)
    holder.confirm(*later)


@case(
    "BMQ-TTL-2",
    statement="A message's age counts from its posting, also across a restart, and ends for every "
    "app.",
    expectation="Posted, half of it confirmed by one app, the broker killed, and started again when "
    f"the messages are {TTL_S + 1} s old: LIST shows none within {_EXPIRY_SECONDS_MAX:g} s (with the "
    "reference broker at once, while what is posted now stays), and after another restart, with a TTL "
    "of an hour, none is back for any app. What was posted right before that is there for each, and "
    "so is what was posted in the beginning to a domain with a longer TTL.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("TTL-3", "TTL-4", "TTL-5", "TTL-6"),
)
def test_expiry_across_a_restart(wire: Wire, fresh_target: Target) -> None:
    uri, patient_uri = f"bmq://{TTL_FILE_DOMAIN}/restart", f"bmq://{FILE_DOMAIN}/patient"
    producer = wire.writer(uri, target=fresh_target)
    producer.open(patient_uri, 1, write=True)
    patient = producer.post(b"patient", b"too", q_id=1)
    foo = wire.reader(uri, app_id="foo", target=fresh_target)
    guids = producer.post(*(b"%d" % number for number in range(4)))
    too_old_at = time.monotonic() + TTL_S + 1
    foo.take_pushes(4)
    foo.confirm(*guids[:2], app_id="foo")
    foo.settle()
    for peer in (foo, producer):
        peer.crash()
    fresh_target.kill()
    bystander = wire.admin()
    while time.monotonic() < too_old_at:  # nothing but time makes them older
        bystander.settle()
    fresh_target.restart()
    again, admin = wire.writer(uri, target=fresh_target), wire.admin(target=fresh_target)
    ages = _Ages(again, f"bmq://{TTL_FILE_DOMAIN}/young", admin)
    has_gone = _wait_until_empty(admin, uri, ages)
    # Who looks for the first time after a while cannot show which of the two ages it has gone by.
    assert not (has_gone and fresh_target.spec.is_ours), "the ages begin with the broker"
    last = again.post(b"last")
    fresh_target.kill()
    long = DOMAINS[TTL_FILE_DOMAIN]._replace(changes={"messageTtl": 3_600})
    fresh_target.write_domain(TTL_FILE_DOMAIN, long)
    fresh_target.restart()
    for read_uri, app_id, due in (
        *((uri, app_id, last) for app_id in APP_IDS),
        (patient_uri, "", patient),
    ):
        reader = wire.reader(read_uri, app_id=app_id, target=fresh_target)
        assert _guids(reader, len(due)) == due, app_id
        _is_quiet(reader)


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
