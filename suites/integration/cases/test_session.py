"""BMQ-CONFIRM, BMQ-HB, BMQ-DISC: the rest of a session's life."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from reference_broker.wire import (
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    EventType,
    confirm_event,
    put_event,
)
from reference_broker.wire.control import (
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.push import FLAG_OUT_OF_ORDER
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import MEM_DOMAIN
from suites.integration.case import STRICT_TARGETS, case, non_strict
from suites.integration.config_files import set_heartbeats, start_anew
from suites.integration.connections import Wire
from suites.integration.raw import ClosedError

_UNWATCHED_S: Final = 0.6


@case(
    "BMQ-CONFIRM-1",
    statement="A confirmed message is deleted; the others come again.",
    expectation="Of six messages every other one is confirmed, in one event; exactly the rest goes "
    "to the next consumer.",
    proves=("CONFIRM-1", "CONFIRM-2", "CONFIRM-4"),
)
def test_confirmed_messages_are_gone(wire: Wire, queue_uri: str) -> None:
    first = wire.reader(queue_uri, "first")
    guids = wire.writer(queue_uri).post(*(b"%d" % number for number in range(6)))
    first.take_pushes(6)
    first.confirm(*guids[::2])
    first.settle()
    first.shut(queue_uri, read=True)
    second = wire.reader(queue_uri, "second")
    assert [push.guid for push in second.take_pushes(3)] == guids[1::2]
    second.settle()
    assert not second.pushes
    second.confirm(*guids[1::2])


@case(
    "BMQ-CONFIRM-2",
    statement="A CONFIRM of an unknown GUID, of a confirmed message or for an unknown queue is "
    "ignored.",
    expectation="No answer, no close, and nothing else is confirmed by it.",
    proves=("CONFIRM-3", "CONFIRM-4", "CONFIRM-6", "CONFIRM-7", "CONFIRM-8"),
)
def test_strange_confirms(wire: Wire, queue_uri: str) -> None:
    consumer, producer = wire.reader(queue_uri), wire.writer(queue_uri)
    done, held = producer.post(b"done", b"held")
    consumer.take_pushes(2)
    consumer.confirm(done, done)
    consumer.confirm(done)
    consumer.confirm(consumer.new_guid())
    consumer.confirm(held, q_id=77)
    consumer.confirm(held, q_id=0xFFFF_FFFF)
    consumer.confirm(held, sub_id=9)
    consumer.settle()
    assert not consumer.answers
    consumer.shut(queue_uri, read=True)
    second = wire.reader(queue_uri, "second")
    assert [push.guid for push in second.take_pushes(1)] == [held]
    second.settle()
    assert not second.pushes
    second.confirm(held)


@case(
    "BMQ-CONFIRM-3",
    statement="A confirmation by a consumer that no longer holds the message is honoured.",
    expectation="A message that went to a second consumer is confirmed by the first, after it "
    "opened the queue again; a third consumer does not get it.",
    proves=("CONFIRM-5",),
)
def test_confirm_of_a_moved_message(wire: Wire, queue_uri: str) -> None:
    first, producer = wire.reader(queue_uri, "first"), wire.writer(queue_uri)
    (guid,) = producer.post(b"moves on")
    first.take_pushes(1)
    first.shut(queue_uri, read=True)
    second = wire.reader(queue_uri, "second")
    second.take_pushes(1)
    first.open(queue_uri, read=True)
    first.configure()
    first.confirm(guid)
    first.settle()
    second.shut(queue_uri, read=True)
    third = wire.reader(queue_uri, "third")
    first.settle()
    third.settle()
    assert not first.pushes
    assert not third.pushes


@case(
    "BMQ-HB-1",
    statement="HEARTBEAT_REQ is answered with HEARTBEAT_RSP at once.",
    expectation="Three requests in a row, three answers; an answer that nobody asked for is "
    "dropped.",
    proves=("HB-1", "HB-2", "FRAME-2"),
)
def test_heartbeats_are_answered(wire: Wire) -> None:
    peer = wire.actor()
    peer.send(HEARTBEAT_RESPONSE)
    peer.send(HEARTBEAT_REQUEST * 3)
    peer.settle()
    assert peer.heartbeats["answered"] == 4, "three, and the one of the settling"


@case(
    "BMQ-HB-2",
    statement="A client that falls silent is asked once an interval, and given up after the "
    "configured number of misses.",
    expectation="Interval 50 ms, 10 misses: a silent client sees about nine requests and then the "
    "close; one that answers stays, and its messages with it.",
    needs=(Capability.LIFECYCLE,),
    proves=("HB-4", "HB-5", "HB-6"),
)
def test_silent_clients(wire: Wire, target_spec: TargetSpec) -> None:
    with Target(target_spec, heartbeat_ms=50) as target:
        silent = wire.actor("silent", target=target)
        lively = wire.actor("lively", target=target)
        silent.is_alive = False
        for actor in (silent, lively):  # one who has never said anything is given minutes
            actor.send(HEARTBEAT_REQUEST)
        give_up = time.monotonic() + silent.timeout_s
        try:
            while time.monotonic() < give_up:
                silent.pump(0.01)
                lively.pump(0.01)
        except ClosedError:
            pass
        # The first interval may have begun before it said something.
        assert silent.heartbeats["asked"] in {9, 10}, silent.heartbeats
        assert lively.heartbeats["asked"] >= 5, lively.heartbeats
        lively.settle()
        silent.expect_closed()


@case(
    "BMQ-HB-3",
    statement="Where no missed heartbeats are configured clients are not watched.",
    expectation=f"Interval 50 ms, 0 misses: a client that is silent for {_UNWATCHED_S * 20:g} intervals "
    "is not asked, and stays.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("HB-7",),
)
def test_unwatched_clients(wire: Wire, fresh_target: Target) -> None:
    start_anew(fresh_target, "bmqbrkrcfg.json", set_heartbeats(50, 0))
    silent = wire.actor("silent", target=fresh_target)
    silent.settle()  # one who has never said anything is given minutes
    assert silent.poll_event(_UNWATCHED_S) is None, "a client is asked that nobody watches"
    silent.settle()


@case(
    "BMQ-DISC-1",
    statement="disconnectResponse is the last thing that a broker sends; it does not close the "
    "connection itself, and ignores what still comes.",
    expectation="After the response neither heartbeats nor PUTs nor requests are answered, the "
    "connection stays open, and the PUT is not stored. (BlazingMQ still answers heartbeats.)",
    grade="should",
    expects_strict_from=STRICT_TARGETS,
    proves=("END-1", "END-2", "END-3", "END-4", "CTRL-1"),
)
def test_disconnect(wire: Wire, queue_uri: str) -> None:
    peer, consumer = wire.writer(queue_uri), wire.reader(queue_uri)
    peer.post(b"before")
    late = put_event(peer.puts([b"after"]))
    r_id = peer.send_request(Disconnect())
    peer.send(late + HEARTBEAT_REQUEST)
    peer.send_request(Disconnect())
    came = [peer.read_event()]
    while (event := peer.poll_event(0.15)) is not None:
        came.append(event)
    answers = [
        decode_message(ControlMessage, event.encoding, event.body)
        for event in came
        if event.type == EventType.CONTROL
    ]
    assert answers == [ControlMessage(r_id=r_id, choice=DisconnectResponse())]
    types = {EventType(event.type) for event in came}
    consumer.settle()
    assert [push.data for push in consumer.pushes] == [b"before"]
    consumer.confirm(*(push.guid for push in consumer.pushes))
    if types == {EventType.CONTROL, EventType.HEARTBEAT_RSP}:
        non_strict("a heartbeat behind the disconnect is answered")
    assert types == {EventType.CONTROL}, "something follows the disconnectResponse"


@case(
    "BMQ-DISC-2",
    statement="A client that disconnects gives its unconfirmed messages back.",
    expectation="Everything is delivered again, in order, to the consumer that comes next: what the "
    "client held of either of two queues, flagged OUT_OF_ORDER, as soon as the disconnect is "
    "answered, though the connection is still open. What it confirmed right before the disconnect "
    "is gone, and no message follows the answer, though some were waiting for that confirmation.",
    proves=("END-2", "END-5", "END-7", "PUSH-7"),
)
def test_disconnect_returns_messages(
    wire: Wire, queue_uri: str, new_uri: Callable[[str], str]
) -> None:
    first, other_uri = wire.reader(queue_uri, "first", messages=3), new_uri(MEM_DOMAIN)
    first.open(other_uri, 1, read=True)
    first.configure(1)
    guids = wire.writer(queue_uri).post(*(b"%d" % number for number in range(5)))
    others = wire.writer(other_uri).post(b"a", b"b")
    assert {push.guid for push in first.take_pushes(5)} == {*guids[:3], *others}
    r_id = first.take_r_id()
    goodbye = control_event(ControlMessage(r_id, Disconnect()))
    first.send(confirm_event([(0, guids[0], 0)]) + goodbye)
    assert first.answer(r_id) == DisconnectResponse()
    seen = len(first.seen)
    for uri, due, held in ((queue_uri, guids[1:], guids[1:3]), (other_uri, others, others)):
        heir = wire.reader(uri, "heir")
        pushes = heir.take_pushes(len(due))
        assert [push.guid for push in pushes] == due
        again = {push.guid for push in pushes if push.flags & FLAG_OUT_OF_ORDER}
        assert again >= set(held), "what comes again does not say so"
        assert guids[4] not in again, "what nobody had is said to come again"
        heir.settle()
        assert not heir.pushes, "something comes twice"
        heir.confirm(*due)
    while first.pump(0.0):
        pass
    assert "PUSH" not in first.seen[seen:], "a message follows the disconnectResponse"


@case(
    "BMQ-DISC-3",
    statement="A connection that dies is as good as a disconnect.",
    expectation="After a TCP reset what the consumer held goes to another one that is waiting, in "
    "order; what it had confirmed does not.",
    proves=("END-6", "END-7"),
)
def test_crash_returns_messages(wire: Wire, queue_uri: str) -> None:
    first = wire.reader(queue_uri, "first")
    guids = wire.writer(queue_uri).post(*(b"%d" % number for number in range(4)))
    first.take_pushes(4)
    first.confirm(guids[1])
    first.settle()
    second = wire.reader(queue_uri, "second")
    first.crash()
    assert [push.guid for push in second.take_pushes(3)] == [guids[0], guids[2], guids[3]]
    second.settle()
    assert not second.pushes
    second.confirm(*guids)
