"""BMQ-APP: application subscriptions, by which a domain filters what its apps get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from reference_broker.wire.control import OpenQueue, StatusCategory
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import (
    APP_IDS,
    APP_SUBSCRIPTIONS_DOMAIN,
    DomainShape,
    app_subscriptions,
)
from suites.integration.actor import Actor, Want
from suites.integration.admin import queue_words
from suites.integration.case import case
from suites.integration.connections import Wire

_CONFIGURED: Final = (Capability.CONFIGURED,)
_ALL_FILTERED: Final = app_subscriptions(foo="x == 1", bar="x == 2", baz="x == 3")
_ONE: Final = DomainShape(changes={"subscriptions": app_subscriptions(default="x == 1")})


@pytest.fixture
def uri(new_uri: Callable[[str], str]) -> str:
    """The URI of a queue that nobody has used: `x == 1` for foo, `x == 2` for bar, all for baz."""
    return new_uri(APP_SUBSCRIPTIONS_DOMAIN)


def _x(*values: int) -> list[dict[str, int]]:
    return [{"x": value} for value in values]


def _get(actor: Actor, guids: list[bytes], app_id: str = "") -> None:
    """See that these messages come, in order, and no others; confirm them."""
    assert [push.guid for push in actor.take_pushes(len(guids))] == guids, app_id
    actor.settle()
    assert not actor.pushes, app_id
    if guids:
        actor.confirm(*guids, app_id=app_id)
        actor.settle()


@case(
    "BMQ-APP-1",
    statement="An app gets only messages for which its application subscription is true.",
    expectation="`x == 1` for foo, `x == 2` for bar, none for baz: each gets its part, baz "
    "everything.",
    needs=_CONFIGURED,
    proves=("APP-1",),
)
def test_filter_of_each_app(wire: Wire, uri: str) -> None:
    readers = {app_id: wire.reader(uri, app_id=app_id) for app_id in APP_IDS}
    guids = wire.writer(uri).post_with(*_x(1, 2, 3, 1))
    due = {"foo": guids[::3], "bar": guids[1:2], "baz": guids}
    for app_id, reader in readers.items():
        _get(reader, due[app_id], app_id)


@case(
    "BMQ-APP-2",
    statement="The expression is evaluated once, when the message is posted; false counts as "
    "confirmed by that app.",
    expectation="Nobody reads: LIST shows 3 messages, 1 of foo, 0 of bar, 3 of baz; after foo and "
    "baz have confirmed there is none.",
    needs=_CONFIGURED,
    proves=("APP-2",),
)
def test_false_is_confirmed_at_once(wire: Wire, uri: str) -> None:
    guids = wire.writer(uri).post_with(*_x(1, 0, 0))
    admin = wire.admin()
    counts = [len(admin.contents(uri, app_id)) for app_id in ("", *APP_IDS)]
    assert counts == [3, 1, 0, 3]
    _get(wire.reader(uri, app_id="foo"), guids[:1], "foo")
    _get(wire.reader(uri, app_id="bar"), [], "bar")
    _get(wire.reader(uri, app_id="baz"), guids, "baz")
    assert admin.contents(uri) == []


@case(
    "BMQ-APP-3",
    statement="A message that no app wants is acknowledged, and not stored.",
    expectation="Every app has an expression that is false: success, no delivery, LIST shows none; "
    "a message that one app wants is stored.",
    needs=_CONFIGURED,
    proves=("APP-3",),
)
def test_nobody_wants_it(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    shape = DomainShape(mode="fanout", app_ids=APP_IDS, changes={"subscriptions": _ALL_FILTERED})
    uri = f"bmq://{new_domain(shape)}/q"
    foo, producer, admin = wire.reader(uri, app_id="foo"), wire.writer(uri), wire.admin()
    producer.post_with(*_x(0, 7))
    assert admin.contents(uri) == []
    guids = producer.post_with(*_x(1))
    assert admin.contents(uri) == [guid.hex().upper() for guid in guids]
    _get(foo, guids, "foo")
    assert admin.contents(uri) == []


@case(
    "BMQ-APP-4",
    statement="A priority queue has one application subscription, without an app id.",
    expectation="`x == 1`: what does not match is acknowledged and neither delivered nor stored.",
    needs=_CONFIGURED,
    proves=("APP-4",),
)
def test_priority_mode(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    uri = f"bmq://{new_domain(_ONE)}/q"
    consumer, producer = wire.reader(uri), wire.writer(uri)
    guids = producer.post_with(*_x(0, 1, 2, 1))
    assert wire.admin().contents(uri) == [guid.hex().upper() for guid in guids[1::2]]
    _get(consumer, guids[1::2])


@case(
    "BMQ-APP-5",
    statement="Application subscriptions filter broadcast messages too.",
    expectation="`x == 1`: both consumers get what matches, and nothing else.",
    needs=_CONFIGURED,
    proves=("APP-4",),
)
def test_broadcast_mode(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    uri = f"bmq://{new_domain(_ONE._replace(mode='broadcast'))}/q"
    consumers = [wire.reader(uri, f"consumer {number}") for number in range(2)]
    guids = wire.writer(uri).post_with(*_x(0, 1, 2))
    for consumer in consumers:
        assert [push.guid for push in consumer.take_pushes(1)] == guids[1:2]
        consumer.settle()
        assert not consumer.pushes


@case(
    "BMQ-APP-6",
    statement="A message must satisfy the domain's expression and the consumer's.",
    expectation="`x > 0` in the domain, `x < 10` at the consumer: it gets 5; 20 is stored and waits, "
    "and comes once the consumer wants everything; -5 is gone.",
    needs=_CONFIGURED,
    proves=("APP-5",),
)
def test_with_a_consumer_subscription(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    shape = DomainShape(changes={"subscriptions": app_subscriptions(default="x > 0")})
    uri = f"bmq://{new_domain(shape)}/q"
    consumer = wire.subscriber(uri, Want("x < 10"))
    five, twenty, _ = wire.writer(uri).post_with(*_x(5, 20, -5))
    _get(consumer, [five])
    assert wire.admin().contents(uri) == [twenty.hex().upper()]
    consumer.subscribe(Want())
    _get(consumer, [twenty])


@case(
    "BMQ-APP-7",
    statement="An error of evaluation counts as false.",
    expectation="Without the property, with a string in place of a number, and without any "
    "properties, the message comes to baz only.",
    needs=_CONFIGURED,
    proves=("EXPR-22", "APP-6"),
)
def test_errors_are_false(wire: Wire, uri: str) -> None:
    readers = {app_id: wire.reader(uri, app_id=app_id) for app_id in APP_IDS}
    producer = wire.writer(uri)
    guids = producer.post_with({"y": 1}, {"x": "1"})
    guids += producer.post(b"without any")
    for app_id, reader in readers.items():
        _get(reader, guids if app_id == "baz" else [], app_id)


@case(
    "BMQ-APP-8",
    statement="An expression that does not compile makes the domain's configuration invalid; RECONFIGURE takes a valid one, and refuses an invalid one.",
    expectation="openQueue is refused with E_REFUSED, code -10; after the domain's file is mended "
    "and RECONFIGURE it succeeds; an invalid file then changes nothing.",
    needs=_CONFIGURED,
    proves=("OPEN-16", "APP-7", "RECONF-5"),
)
def test_invalid_expression(
    wire: Wire, target: Target, target_spec: TargetSpec, new_domain: Callable[[DomainShape], str]
) -> None:
    invalid = DomainShape(changes={"subscriptions": app_subscriptions(default="x ==")})
    domain = new_domain(invalid)
    uri = f"bmq://{domain}/q"
    actor, admin = wire.actor(), wire.admin()
    status = actor.refusal(OpenQueue(handle_parameters=actor.handle(uri, write=True)))
    assert (status.category, status.code) == (StatusCategory.E_REFUSED, -10), status
    if target_spec.is_ours:
        assert "failed to load domain config" in status.message
    target.write_domain(domain, _ONE)
    assert admin.command(f"DOMAINS RECONFIGURE {domain}") == "SUCCESS"
    actor.open(uri, read=True, write=True)
    actor.configure()
    target.write_domain(domain, invalid)
    assert "error" in admin.result(f"DOMAINS RECONFIGURE {domain}")
    _get(actor, actor.post_with(*_x(0, 1))[1:])


@case(
    "BMQ-APP-9",
    statement="RECONFIGURE changes application subscriptions for what is posted from then on.",
    expectation="`x == 1`, then two others, then none: messages that were stored before stay; new ones "
    "follow the new expression.",
    needs=_CONFIGURED,
    proves=("APP-8", "RECONF-1"),
)
def test_reconfigured_expression(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(_ONE)
    uri = f"bmq://{domain}/q"
    producer, admin = wire.writer(uri), wire.admin()
    due = producer.post_with(*_x(1, 2, 3))[:1]
    for subscriptions, wanted in (
        (app_subscriptions(default="x == 2"), slice(1, 2)),
        (app_subscriptions(default="x < 3"), slice(2)),
        ([], slice(3)),
    ):
        target.write_domain(domain, DomainShape(changes={"subscriptions": subscriptions}))
        assert admin.command(f"DOMAINS RECONFIGURE {domain}") == "SUCCESS"
        due += producer.post_with(*_x(1, 2, 3))[wanted]
    # BlazingMQ fails here once there is no subscription any more: the apps that have turned away the
    # last message before that are counted again for every message that comes, as nothing empties
    # the list of them; so nobody is taken to want any.
    _get(wire.reader(uri), due)


@case(
    "BMQ-APP-10",
    statement="What an application subscription has let through, or kept out, survives the broker.",
    expectation="After SIGKILL and a restart each app gets what it would have got before; purging "
    "baz leaves the others' messages.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("APP-9",),
)
def test_filters_across_a_restart(wire: Wire, fresh_target: Target) -> None:
    domain = "gauntlet.app-subscriptions.restart"
    shape = DomainShape(
        "fileBacked",
        mode="fanout",
        app_ids=APP_IDS,
        changes={"subscriptions": app_subscriptions(foo="x == 1", bar="x == 2")},
    )
    fresh_target.write_domain(domain, shape)
    uri = f"bmq://{domain}/q"
    producer = wire.writer(uri, target=fresh_target)
    guids = producer.post_with(*_x(1, 2, 3, 1))
    producer.crash()
    fresh_target.kill()
    fresh_target.restart()
    admin = wire.admin(target=fresh_target)
    wire.writer(uri, "opens", target=fresh_target)
    counts = [len(admin.contents(uri, app_id)) for app_id in ("", *APP_IDS)]
    assert counts == [4, 2, 1, 4]
    admin.command(f"{queue_words(uri)} PURGE baz")
    due = {"foo": guids[::3], "bar": guids[1:2], "baz": []}
    for app_id in APP_IDS:
        _get(wire.reader(uri, app_id=app_id, target=fresh_target), due[app_id], app_id)
    assert admin.contents(uri) == []
