"""BMQ-ALARM: what the log tells the operator of queues that need looking after."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from reference_broker.wire.control import OpenQueue
from suites.harness.target import Capability, Target
from suites.harness.topology import (
    APP_IDS,
    ATTEMPTS_MAX,
    FANOUT_DOMAIN,
    POISON_DOMAIN,
    DomainShape,
)
from suites.integration.actor import Want
from suites.integration.admin import queue_words
from suites.integration.case import case
from suites.integration.connections import Wire
from suites.integration.log import alarms, wait_for_alarm, wait_for_log

_NEEDS: Final = (Capability.LIFECYCLE, Capability.CONFIGURED)
_IDLE_S: Final = 1
_MANY: Final = 1_000_000


def _levels(lines: list[str]) -> list[tuple[str, str]]:
    """Return level and number of messages of capacity alarms."""
    found = [re.match(r"\[CAPACITY_(\w+)\] .*Messages \(\w+\): ([\d,]+) ", line) for line in lines]
    assert all(found), lines
    return [(match[1], match[2]) for match in found if match is not None]


@case(
    "BMQ-ALARM-1",
    statement="A queue that reaches the watermark of a limit, or the limit, raises an alarm, once "
    "until it has emptied.",
    expectation="Limit 10: of ten messages, one by one, the eighth brings a CAPACITY_STATE_"
    "HIGH_WATERMARK that names queue, number and limit, the tenth a CAPACITY_STATE_FULL, and the others "
    "nothing; after a PURGE both come again.",
    needs=_NEEDS,
    proves=("ALARM-1",),
)
def test_capacity_of_a_queue(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    uri = f"bmq://{new_domain(DomainShape(queue_limits=(10, _MANY)))}/q"
    producer, admin = wire.writer(uri), wire.admin()
    for rounds in (1, 2):
        for number in range(11):
            producer.post(b"%d" % number)
        wait_for_alarm(target, "CAPACITY_STATE_FULL", re.escape(uri), times=rounds)
        lines = alarms(target, r"CAPACITY_\w+", uri)
        expected = [("STATE_HIGH_WATERMARK", "8"), ("STATE_FULL", "10")] * rounds
        assert _levels(lines) == expected, lines
        assert all("(limit: 10)" in line for line in lines), lines
        admin.command(f"{queue_words(uri)} PURGE *")


@case(
    "BMQ-ALARM-2",
    statement="A domain raises the alarm for all its queues together, and bytes do as messages do.",
    expectation="Two queues with room for themselves, in a domain of 100 bytes: 80 of them, in "
    "halves, bring a CAPACITY_STATE_HIGH_WATERMARK that names the domain, 100 a CAPACITY_STATE_FULL, "
    "and neither names a queue.",
    needs=_NEEDS,
    proves=("ALARM-1",),
)
def test_capacity_of_a_domain(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(DomainShape(domain_limits=(_MANY, 100)))
    producer = wire.actor("producer")
    for q_id, name in enumerate("ab"):
        producer.open(f"bmq://{domain}/{name}", q_id, write=True)
        producer.post(bytes(39), q_id=q_id)
    producer.post(b"80", q_id=1)
    producer.post(bytes(20), q_id=0)
    wait_for_alarm(target, "CAPACITY_STATE_FULL", re.escape(domain))
    lines = alarms(target, r"CAPACITY_\w+", domain)
    assert _levels(lines) == [("STATE_HIGH_WATERMARK", "3"), ("STATE_FULL", "4")], lines
    assert all("Bytes (STATE_" in line and f"{domain}/" not in line for line in lines), lines


def _stuck(uri: str, app_id: str = "") -> str:
    """Return what matches an app of a queue; BlazingMQ may name the one app of a priority queue."""
    app = rf"\?id={app_id}" if app_id else r"(?:\?id=__default)?"
    return f"Queue '{re.escape(uri)}{app}'"


@case(
    "BMQ-ALARM-3",
    statement="An app whose oldest undelivered message is older than maxIdleTime raises an alarm, once "
    "until it gets on.",
    expectation=f"maxIdleTime {_IDLE_S} s: QUEUE_STUCK, not before that time, of a queue whose consumer is "
    "full, of one without consumers, and of the one app of a fanout queue that nobody reads; none of "
    "a queue whose message is delivered and not confirmed. When the consumer has confirmed and got on, its "
    "queue no longer appears to be stuck.",
    needs=_NEEDS,
    proves=("ALARM-2",),
)
def test_stuck_queues(wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]) -> None:
    changes = {"maxIdleTime": _IDLE_S}
    domain = new_domain(DomainShape(changes=changes))
    fanout = f"bmq://{new_domain(DomainShape(mode='fanout', app_ids=APP_IDS, changes=changes))}/f"
    held, full, unread = (f"bmq://{domain}/{name}" for name in ("held", "full", "unread"))
    (
        wire.reader(held, "holder"),
        wire.reader(fanout, app_id="foo"),
        wire.reader(fanout, app_id="bar"),
    )
    consumer = wire.reader(full, messages=1)
    begun_at = time.monotonic()
    wire.writer(held).post(b"held")
    guids = wire.writer(full).post(b"1", b"2")
    for uri in (unread, fanout):
        wire.writer(uri).post(b"1")
    for uri in (_stuck(full), _stuck(unread), _stuck(fanout, "baz")):
        wait_for_alarm(target, "QUEUE_STUCK", rf"{uri}.* max idle time {_IDLE_S}\.00 s appears")
    assert time.monotonic() - begun_at >= _IDLE_S, "the alarm comes too early"
    for app_id in ("foo", "bar"):
        assert not alarms(target, "QUEUE_STUCK", f"{fanout}?id={app_id}")
    consumer.confirm(guids[0])
    wait_for_log(target, f"{_stuck(full)} no longer appears to be stuck")
    assert not alarms(target, "QUEUE_STUCK", held)
    assert len(alarms(target, "QUEUE_STUCK", full)) <= 1, "the alarm is raised twice"


@case(
    "BMQ-ALARM-4",
    statement="The record of a stuck app says what it waits for.",
    expectation="Of an app with one message that no subscription wants and one that came back: its "
    "id, the lengths of the put-aside and the redelivery list, the subscriptions' expressions, and "
    "the oldest message put aside, by its GUID.",
    needs=_NEEDS,
    proves=("ALARM-5",),
)
def test_dump_of_a_stuck_app(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    uri = f"bmq://{new_domain(DomainShape(changes={'maxIdleTime': _IDLE_S}))}/q"
    only_ones = Want("x == 1", messages=1)
    consumer, gone = wire.subscriber(uri, only_ones), wire.subscriber(uri, only_ones, name="gone")
    producer = wire.writer(uri)
    (unwanted,) = producer.post_with({"x": 0})
    producer.post_with({"x": 1}, {"x": 1})
    consumer.take_pushes(1)
    gone.take_pushes(1)
    gone.disconnect()
    log = wait_for_alarm(target, "QUEUE_STUCK", _stuck(uri) + r"[\s\S]*?10 oldest messages")
    record = log[log.rindex(f"[QUEUE_STUCK] Queue '{uri}") :]
    expected = (
        "It currently has 1 consumers.",
        "For appId: __default",
        "Put aside list size: 1",
        "Redelivery list size: 1",
        "Consumer subscription expressions:",
        "x == 1",
        "Oldest message in the 'Put aside' list:",
        unwanted.hex().upper(),
    )
    places = [record.find(text) for text in expected]
    assert -1 not in places, f"not in the record: {expected[places.index(-1)]}"
    assert places == sorted(places), "the parts of the record are in another order"


@case(
    "BMQ-ALARM-5",
    statement="A domain raises an alarm when four fifths of its maxQueues exist, and a panic when one "
    "is refused.",
    expectation="Of five queues the fourth brings a DOMAIN_QUEUE_LIMIT_HIGH_WATERMARK, and nothing "
    "else does; the sixth, which is refused, a panic DOMAIN_QUEUE_LIMIT_FULL.",
    needs=_NEEDS,
    proves=("ALARM-3", "OPEN-22"),
)
def test_alarm_about_queues(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(DomainShape(changes={"maxQueues": 5}))
    actor = wire.actor()
    for number in range(5):
        actor.open(f"bmq://{domain}/{number}", number, write=True)
    parameters = actor.handle(f"bmq://{domain}/5", 5, write=True)
    actor.refusal(OpenQueue(handle_parameters=parameters))
    log = wait_for_alarm(target, "DOMAIN_QUEUE_LIMIT_FULL", rf"{re.escape(domain)}.*limit: 5")
    assert re.search(rf"PANIC \[DOMAIN_QUEUE_LIMIT_FULL\] [^\n]*{re.escape(domain)}", log)
    (line,) = alarms(target, "DOMAIN_QUEUE_LIMIT_HIGH_WATERMARK", domain)
    assert "current: 4, limit: 5" in line


@case(
    "BMQ-ALARM-6",
    statement="The first reader of an app that the domain does not have raises an alarm.",
    expectation="FANOUT_UNREGISTERED_APPID, with the app and the queue: one for two readers of the "
    "same app, one more for another app, and one more when both have closed and one opens again; none "
    "for an app that the domain has.",
    needs=_NEEDS,
    proves=("ALARM-4", "OPEN-8"),
)
def test_alarm_about_unknown_apps(
    wire: Wire, target: Target, new_uri: Callable[[str], str]
) -> None:
    uri, category = new_uri(FANOUT_DOMAIN), "FANOUT_UNREGISTERED_APPID"

    wire.reader(uri, app_id="foo")
    first, second = wire.reader(uri, app_id="qux"), wire.reader(uri, "second", app_id="qux")
    other = wire.reader(uri, app_id="quux")
    for reader in (first, second):
        reader.shut(uri, read=True, app_id="qux")
    wire.reader(uri, app_id="qux")
    other.open(uri, read=True, app_id="corge")
    wait_for_alarm(target, category, rf"'corge' .*'{re.escape(uri)}'")
    lines = alarms(target, category, f"'{uri}'")
    told = [line.partition("AppId '")[2].partition("'")[0] for line in lines]
    assert told == ["qux", "quux", "qux", "corge"]


@case(
    "BMQ-ALARM-7",
    statement="A message that is given up raises an alarm.",
    expectation="When the second of two consumers has vanished with it: one alarm, whose category "
    "speaks of poison, with the queue and the GUID.",
    needs=_NEEDS,
    proves=("ALARM-4", "ATT-1"),
)
def test_alarm_about_poison(wire: Wire, target: Target, new_uri: Callable[[str], str]) -> None:
    uri, category = new_uri(POISON_DOMAIN), r"\w*POISON\w*"
    (guid,) = wire.writer(uri).post(b"poison")
    for number in range(ATTEMPTS_MAX):
        assert not alarms(target, category, uri)
        victim = wire.reader(uri, f"victim {number}")
        victim.take_pushes(1)
        victim.crash()
    wait_for_alarm(target, category, rf"{re.escape(uri)}.*{guid.hex().upper()}")
    assert len(alarms(target, category, uri)) == 1
