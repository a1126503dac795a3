"""What the real broker was asked, asked of ours: the answers are the same, but for named differences.

A transcript's client side is sent event by event. Answers are compared per kind of event, in
order: the real broker interleaves ACK and PUSH by its threads, ours by its steps.

What differs, always:

- who the broker is: process, pid, host, running count of sessions, version of its user agent and
  heartbeat maximum;
- the schema id of a PUSH: the real broker hands on what it has learnt, ours says "new style,
  nothing to remember".
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import replace
from typing import Any, Final, NamedTuple

import pytest

from reference_broker.base import OperatorError
from reference_broker.core.tests.pair import Wire, World, domain
from reference_broker.core.tests.shapes import (
    Push,
    acks,
    configure,
    open_queue,
    pushes,
)
from reference_broker.wire import Event, EventReader, EventType, Put, put_event
from reference_broker.wire.control import (
    BrokerResponse,
    ControlMessage,
    NegotiationMessage,
    decode_message,
)
from reference_broker.wire.control.tests import recordings
from reference_broker.wire.control.tests.recordings import Recorded
from reference_broker.wire.properties import (
    SCHEMA_NEW_STYLE,
    area_size,
    decode_properties,
    encode_properties,
)

PRIORITY: Final = "bmq.test.mem.priority"


class Answers(NamedTuple):
    """What a broker said, by kind."""

    control: list[Any]
    pushes: list[Push]
    acks: list[tuple[int, int, bytes, int]]


def transcript(name: str) -> list[tuple[str, Recorded]]:
    """Return (sender, event) of each line of a transcript."""
    lines = [event for event in recordings.ALL if event.name.startswith(f"real_session_{name}:")]
    assert lines, name
    return [(event.name[-1], event) for event in lines]


def world() -> World:
    """Return a broker with the domains that the recordings use."""
    made = World(
        [
            domain(PRIORITY),
            domain("bmq.test.mem.fanout", mode="fanout"),
            domain("bmq.test.mem.broadcast", mode="broadcast"),
            domain("bmq.test.persistent.fanout", storage="fileBacked", mode="fanout"),
            domain("bmq.test.persistent.priority.sc", storage="fileBacked", consistency="strong"),
            domain("lim.queues", maxQueues=1),
            domain("lim.msgs", limits=(3, 1_048_576)),
            domain("lim.bytes", limits=(1_000, 100)),
        ]
    )
    made.domains["sub.bad"] = OperatorError("Failed configuring domain'")
    return made


def ask(name: str) -> tuple[Answers, Answers]:
    """Return what the real broker answered, and what ours does."""
    wire = world().connect()
    lines = transcript(name)
    for sender, event in lines:
        if sender == "C":
            wire.send(event.data)
    stream = b"".join(event.data for sender, event in lines if sender == "B")
    theirs = list(EventReader(2**24).feed(stream))
    return answers(theirs), answers(wire.events())


def answers(events: list[Event]) -> Answers:
    """Return events as comparable values, without the differences that are always there."""
    control = [e for e in events if e.type == EventType.CONTROL]
    first, *rest = control
    hello = decode_message(NegotiationMessage, first.encoding, first.body).choice
    assert isinstance(hello, BrokerResponse)
    messages = [(e.encoding, decode_message(ControlMessage, e.encoding, e.body)) for e in rest]
    pushed = [p._replace(schema=SCHEMA_NEW_STYLE if p.schema else 0) for p in pushes(events)]
    return Answers([(first.encoding, anonymous(hello)), *messages], pushed, acks(events))


def anonymous(hello: BrokerResponse) -> BrokerResponse:
    identity = replace(
        hello.broker_identity,
        process_name="",
        pid=0,
        session_id=0,
        host_name="",
        user_agent=hello.broker_identity.user_agent.split(":")[0],
    )
    return replace(hello, broker_identity=identity, max_missed_heartbeats=0)


def by_request(control: list[Any]) -> dict[int, Any]:
    messages = [message for _, message in control if isinstance(message, ControlMessage)]
    return {message.r_id or 0: message.choice for message in messages}


def test_a_session_in_priority_mode():
    theirs, ours = ask("priority")
    assert ours == theirs
    assert [len(kind) for kind in ours] == [7, 4, 3]


def test_a_session_with_strong_consistency():
    theirs, ours = ask("strong")
    assert ours == theirs
    assert [len(kind) for kind in ours] == [6, 2, 2]


def test_a_session_in_broadcast_mode():
    theirs, ours = ask("broadcast")
    assert ours == theirs
    assert [len(kind) for kind in ours] == [6, 1, 1]


def test_a_session_in_fanout_mode():
    theirs, ours = ask("fanout")
    assert (ours.control, ours.acks) == (theirs.control, theirs.acks)
    # The real broker names all apps of one client in one message, ours sends each its own.
    expected = [push._replace(ids=(each,)) for push in theirs.pushes for each in push.ids]
    assert sorted(ours.pushes) == sorted(expected)
    assert len(ours.pushes) == 4


def test_a_session_with_subscriptions():
    theirs, ours = ask("subscriptions")
    assert ours == theirs
    assert [len(kind) for kind in ours] == [5, 8, 0]


@pytest.mark.parametrize(("name", "count"), [("request_errors", 21), ("errors", 4)])
def test_requests_that_are_refused(name: str, count: int):
    theirs, ours = ask(name)
    assert by_request(ours.control) == by_request(theirs.control)
    assert ours == theirs
    assert len(by_request(ours.control)) == count
    assert (ours.pushes, ours.acks) == ([], [])


@pytest.mark.parametrize("name", ["limit_messages", "limit_bytes"])
def test_limits(name: str):
    theirs, ours = ask(name)
    assert ours == theirs
    assert len(ours.acks) >= 5


def test_json_and_correlation_ids():
    theirs, ours = ask("json_correlation_mode")
    (their_guid,) = {push.guid for push in theirs.pushes}
    (our_guid,) = {push.guid for push in ours.pushes}
    assert their_guid != our_guid  # made by the broker
    assert our_guid[0] == their_guid[0] == 0x40

    def renamed(found: Answers, guid: bytes) -> Answers:
        return Answers(
            found.control,
            [push._replace(guid=b"") for push in found.pushes],
            [(status, cid, b"" if g == guid else g, q) for status, cid, g, q in found.acks],
        )

    assert renamed(ours, our_guid) == renamed(theirs, their_guid)
    assert all(encoding == 1 for encoding, _ in ours.control)


def test_an_old_consumer_of_new_style_properties():
    """The recording has the consumer only; the producer is rebuilt from what it was sent."""
    lines = transcript("old_consumer_conversion")
    theirs = answers(
        list(EventReader(2**24).feed(b"".join(e.data for sender, e in lines if sender == "B")))
    )
    ((_, guid, data, *_),) = theirs.pushes
    size = area_size(data)
    properties = decode_properties(data[:size], new_style=False)
    area = encode_properties(properties, new_style=True)
    packed = zlib.compress(data[size:])
    assert len(packed) < len(data[size:])

    made = world()
    wire = made.connect()
    for sender, event in lines:
        if sender == "C":
            wire.send(event.data)
    producer = made.session()
    open_queue(producer, f"bmq://{PRIORITY}/conv", write=1)
    producer.send(put_event([Put(0, guid, area + packed, 3, 1, 3)]))
    assert answers(wire.events()) == theirs


def test_every_answer_comes_between_the_same_requests():
    """Requests are answered one by one: after each client event as many answers are there."""
    names = ("priority", "fanout", "broadcast", "subscriptions", "strong", "errors")
    for name in (*names, "request_errors", "json_correlation_mode"):
        wire = world().connect()
        theirs: dict[int, int] = defaultdict(int)
        ours: dict[int, int] = {}
        at = 0
        for number, (sender, event) in enumerate(transcript(name)):
            if sender == "C":
                at = number
                wire.send(event.data)
                ours[at] = controls(wire)
                theirs[at] += 0
            elif event.event_type == EventType.CONTROL:
                theirs[at] += 1
        assert ours == theirs, name


def controls(wire: Wire) -> int:
    return sum(event.type == EventType.CONTROL for event in wire.events())


def test_the_sessions_of_the_real_broker_can_be_gone_through_without_an_error():
    """No recorded client breaks the protocol for us, nor disturbs another."""
    for name in ("broadcast", "fanout", "subscriptions", "errors", "strong"):
        made = world()
        bystander = made.session()
        wire = made.connect()
        for sender, event in transcript(name):
            if sender == "C":
                wire.send(event.data)
        assert not wire.is_closed, name
        open_queue(bystander, f"bmq://{PRIORITY}/still", read=1)
        assert configure(bystander) == []
