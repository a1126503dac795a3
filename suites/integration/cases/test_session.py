"""BMQ-CONFIRM, BMQ-HB, BMQ-DISC: the rest of a session's life (WIRE 1.3, 2.7, 8.1, 9.8, 9.9)."""

from __future__ import annotations

import time

from reference_broker.wire import HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE, EventType, put_event
from reference_broker.wire.control import (
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    decode_message,
)
from suites.harness.target import Capability, Target, TargetSpec
from suites.integration.case import case
from suites.integration.connections import Wire
from suites.integration.raw import ClosedError


@case(
    "BMQ-CONFIRM-1",
    statement="A confirmed message is deleted; the others come again (WIRE 9.8, 9.9).",
    expectation="Of six messages every other one is confirmed, in one event; exactly the rest goes "
    "to the next consumer.",
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
    "ignored (WIRE 8.1).",
    expectation="No answer, no close, and nothing else is confirmed by it.",
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
    statement="A confirmation by a consumer that no longer holds the message is honoured "
    "(WIRE 9.8).",
    expectation="A message that went to a second consumer is confirmed by the first, after it "
    "opened the queue again; a third consumer does not get it.",
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
    statement="HEARTBEAT_REQ is answered with HEARTBEAT_RSP at once (WIRE 1.3).",
    expectation="Three requests in a row, three answers; an answer that nobody asked for is "
    "dropped.",
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
    "configured number of misses (WIRE 1.3).",
    expectation="Interval 50 ms, 10 misses: a silent client sees about nine requests and then the "
    "close; one that answers stays, and its messages with it.",
    needs=(Capability.LIFECYCLE,),
)
def test_silent_clients(wire: Wire, target_spec: TargetSpec) -> None:
    with Target(target_spec, heartbeat_ms=50) as target:
        silent = wire.actor("silent", target=target)
        lively = wire.actor("lively", target=target)
        silent.is_alive = False
        silent.settle()
        lively.settle()
        give_up = time.monotonic() + silent.timeout_s
        try:
            while time.monotonic() < give_up:
                silent.pump(0.01)
                lively.pump(0.01)
        except ClosedError:
            pass
        assert silent.heartbeats["asked"] == 9, silent.heartbeats
        assert lively.heartbeats["asked"] >= 5, lively.heartbeats
        lively.settle()
        silent.expect_closed()


@case(
    "BMQ-DISC-1",
    statement="disconnectResponse is the last thing that a broker sends; it does not close the "
    "connection itself, and ignores what still comes (WIRE 2.7).",
    expectation="After the response neither heartbeats nor PUTs nor requests are answered, the "
    "connection stays open, and the PUT is not stored.",
)
def test_disconnect(wire: Wire, queue_uri: str) -> None:
    peer, consumer = wire.writer(queue_uri), wire.reader(queue_uri)
    peer.post(b"before")
    late = put_event(peer.puts([b"after"]))
    r_id = peer.send_request(Disconnect())
    peer.send(late + HEARTBEAT_REQUEST)
    peer.send_request(Disconnect())
    event = peer.read_event()
    assert event.type == EventType.CONTROL, event
    message = decode_message(ControlMessage, event.encoding, event.body)
    assert message == ControlMessage(r_id=r_id, choice=DisconnectResponse())
    assert peer.poll_event(0.15) is None, "something follows the disconnectResponse"
    consumer.settle()
    assert [push.data for push in consumer.pushes] == [b"before"]
    consumer.confirm(*(push.guid for push in consumer.pushes))


@case(
    "BMQ-DISC-2",
    statement="A client that disconnects gives its unconfirmed messages back (WIRE 2.7).",
    expectation="Everything is delivered again, in order, to the consumer that comes next.",
)
def test_disconnect_returns_messages(wire: Wire, queue_uri: str) -> None:
    first = wire.reader(queue_uri, "first")
    guids = wire.writer(queue_uri).post(*(b"%d" % number for number in range(3)))
    first.take_pushes(3)
    first.disconnect()
    second = wire.reader(queue_uri, "second")
    assert [push.guid for push in second.take_pushes(3)] == guids
    second.confirm(*guids)


@case(
    "BMQ-DISC-3",
    statement="A connection that dies is as good as a disconnect (WIRE 2.7, 9.9).",
    expectation="After a TCP reset what the consumer held goes to another one that is waiting, in "
    "order; what it had confirmed does not.",
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
