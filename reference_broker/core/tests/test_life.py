"""Connections from hello to the peer's last mistake."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import Instant, limits
from reference_broker.core.tests.pair import (
    World,
    control_event,
    identity_of,
)
from reference_broker.core.tests.shapes import (
    configure,
    guid,
    kinds,
    open_queue,
    payloads,
    puts,
    statuses,
)
from reference_broker.ports import Close, Closed, Log, Received, Severity
from reference_broker.session import BrokerFacts
from reference_broker.wire import (
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    EventType,
    ack_event,
    confirm_event,
    event_header,
)
from reference_broker.wire.control import (
    AdminCommand,
    BrokerResponse,
    ClientType,
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    Encoding,
    NegotiationMessage,
    StatusCategory,
    decode_message,
)
from reference_broker.wire.tests.recorded import read

FACTS = BrokerFacts(heartbeat_interval_ms=1_000, heartbeat_misses_max=3)


# Hello.


def test_an_identity_is_answered_with_the_brokers():
    facts = BrokerFacts(host_name="here", pid=7, heartbeat_misses_max=5)
    answer = World(facts=facts).connect().negotiate()
    assert isinstance(answer, BrokerResponse)
    assert answer.result.category is StatusCategory.E_SUCCESS
    assert (answer.broker_identity.host_name, answer.broker_identity.pid) == ("here", 7)
    assert answer.max_missed_heartbeats == 5


def test_sessions_are_counted():
    world = World()
    answers = [world.connect().negotiate() for _ in range(3)]
    assert [answer.broker_identity.session_id for answer in answers] == [1, 2, 3]
    assert world.broker.statistics().sessions == 3


def test_a_client_that_reads_only_json_is_answered_in_json():
    wire = World().connect()
    identity = identity_of(features="PROTOCOL_ENCODING:JSON")
    assert isinstance(wire.negotiate(identity), BrokerResponse)
    wire.send(wire.request_event(Disconnect()))  # in BER: each event says what it is
    (event,) = wire.events()
    assert event.encoding == Encoding.JSON
    message = decode_message(ControlMessage, event.encoding, event.body)
    assert message == ControlMessage(r_id=1, choice=DisconnectResponse())


@pytest.mark.parametrize(
    "first",
    [
        puts(1),
        HEARTBEAT_REQUEST,
        confirm_event([(0, guid(1), 0)]),
        control_event(ControlMessage(r_id=1, choice=Disconnect())),
        read("real_b2c_brokerResponse"),
        read("c2b_negotiation_clientIdentity_ber")[:8] + b"\x30\x80\xff" + bytes(133),
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(8),
        (limits.HANDSHAKE_EVENT_BYTES_MAX + 1).to_bytes(4, "big"),
    ],
)
def test_anything_else_first_closes_the_connection_without_an_answer(first: bytes):
    world = World()
    bystander = world.session()
    wire = world.connect()
    wire.send(first)
    assert (wire.is_closed, wire.take()) == (True, b"")
    open_queue(bystander, write=1)


def test_an_impossible_identity_closes_without_an_answer():
    wire = World().connect()
    wire.send(identity_event(client_type=ClientType.E_UNKNOWN))
    assert (wire.is_closed, wire.take()) == (True, b"")


@pytest.mark.parametrize("version", [0, 2, 999_999])
def test_the_protocol_version_is_not_looked_at(version: int):
    answer = World().connect().negotiate(identity_of(protocol_version=version))
    assert answer.result.category is StatusCategory.E_SUCCESS
    assert answer.protocol_version == 1


def identity_event(**members: Any) -> bytes:
    return control_event(NegotiationMessage(choice=identity_of(**members)))


def test_an_sdk_that_is_too_old_is_told_so_and_stays():
    wire = World().connect()
    answer = wire.negotiate(identity_of(sdk_version=10_400))
    assert answer.result.category is StatusCategory.E_NOT_SUPPORTED
    assert answer.is_deprecated_sdk
    assert not wire.is_closed


@pytest.mark.parametrize(
    "members",
    [{"cluster_name": "c"}, {"cluster_name": "c", "cluster_node_id": 1}],
    ids=["proxy", "cluster member"],
)
def test_a_peer_that_is_no_client_is_refused_and_closed(members: dict[str, Any]):
    wire = World().connect()
    wire.send(identity_event(**members))
    assert kinds(wire.events()) == ["CONTROL"]
    assert wire.is_closed


def test_a_second_identity_is_no_request():
    wire = World().session()
    wire.send(identity_event())
    assert (wire.take(), wire.is_closed) == (b"", True)


def test_silence_before_the_identity_ends_after_three_minutes():
    world = World()
    wire, quick = world.connect(), world.session()
    world.advance(179.9)
    assert not wire.is_closed
    world.advance(0.1)
    assert (wire.is_closed, quick.is_closed) == (True, False)


def test_too_many_connections():
    world = World(connections_max=2)
    wires = [world.connect() for _ in range(3)]
    assert [wire.is_closed for wire in wires] == [False, False, True]
    wires[0].close()
    assert not world.connect().is_closed


# Heartbeats.


def test_a_heartbeat_request_is_answered_at_once():
    wire = World().session()
    wire.send(HEARTBEAT_REQUEST * 2 + HEARTBEAT_RESPONSE)
    assert wire.take() == HEARTBEAT_RESPONSE * 2


def test_a_silent_client_is_asked_every_interval_and_then_closed():
    world = World(facts=FACTS)
    wire = world.session()
    wire.send(HEARTBEAT_RESPONSE)
    world.advance(1)  # the byte of before
    assert wire.take() == b""
    world.advance(2)
    assert wire.take() == HEARTBEAT_REQUEST * 2
    world.advance(1)
    assert (wire.take(), wire.is_closed) == (b"", True)


def test_a_client_that_answers_stays():
    world = World(facts=FACTS)
    wire = world.session()
    for _ in range(20):
        world.advance(1)
        if wire.take():
            wire.send(HEARTBEAT_RESPONSE)
    assert not wire.is_closed


def test_a_client_that_never_said_anything_has_three_minutes_of_grace():
    world = World(facts=FACTS)
    wire = world.session()
    world.advance(179)
    assert not wire.is_closed
    assert wire.take() == HEARTBEAT_REQUEST * 179
    world.advance(5)
    assert wire.is_closed


def test_without_a_maximum_nobody_is_asked():
    world = World(facts=BrokerFacts(heartbeat_misses_max=0))
    wire = world.session()
    world.advance(10_000)
    assert (wire.take(), wire.is_closed) == (b"", False)


# A peer's error.


@pytest.mark.parametrize(
    "garbage",
    [
        bytes(8),
        b"\xff" * 20,
        (limits.EVENT_BYTES_MAX + 1).to_bytes(4, "big"),
        event_header(EventType.CONTROL, 4) + b"\x31\x80\0\0",
        event_header(EventType.CONTROL, 4, 2 << 5) + b"{}\2\2",
        event_header(EventType.CONTROL, 4, 1 << 5) + b"{]\2\2",
        event_header(EventType.CONTROL, limits.CONTROL_EVENT_BYTES_MAX + 4)
        + bytes(limits.CONTROL_EVENT_BYTES_MAX + 4),
        event_header(EventType.CONFIRM, 3) + b"\x16\0\0",
        event_header(EventType.CONFIRM, 7) + b"\x16\0\0\0abc",
        ack_event([(0, 0, guid(1), 0)]),
        event_header(EventType.PUSH, 0),
        event_header(EventType.STORAGE, 0),
        event_header(EventType.REJECT, 4) + b"\x16\0\0\0",
        event_header(EventType.AUTHENTICATION, 4) + bytes(4),
    ],
)
def test_a_peers_error_closes_its_connection_and_nothing_else(garbage: bytes):
    world = World()
    bystander, wire = world.session(), world.session()
    for peer in (bystander, wire):
        open_queue(peer, read=1, write=1)
    configure(wire)
    configure(bystander, priority=-1)
    wire.send(puts(1) + garbage + puts(2))
    assert wire.is_closed
    assert statuses(wire.events()) == [0]
    assert payloads(bystander.events()) == [b"data"]
    bystander.send(puts(3))
    assert kinds(bystander.events()) == ["ACK", "PUSH"]


def test_a_peers_error_is_logged_with_its_name():
    world = World()
    wire = world.connect()
    wire.negotiate(identity_of(process_name="culprit"))
    wire.send(bytes(8))
    (record,) = [e for e in world.journal if isinstance(e, Log) and e.severity == Severity.ERROR]
    assert "culprit" in record.message
    assert "eventHeader.length is 0" in record.message


def test_nothing_is_taken_from_a_connection_that_is_being_closed():
    world = World()
    wire = world.session()
    open_queue(wire, write=1)
    effects = world.broker.step(
        world.now, [Received(wire.number, bytes(8)), Received(wire.number, puts(1))]
    )
    (close,) = [effect for effect in effects if isinstance(effect, Close)]
    assert close.connection == wire.number
    assert close.reason.startswith("eventHeader.length is 0")
    assert world.broker.statistics().messages == 0


@pytest.mark.parametrize(
    "message",
    [
        ControlMessage(r_id=None, choice=Disconnect()),
        ControlMessage(r_id=-1, choice=Disconnect()),
        ControlMessage(r_id=1, choice=None),
        ControlMessage(r_id=1, choice=AdminCommand("HELP")),
        ControlMessage(r_id=1, choice=DisconnectResponse()),
    ],
)
def test_an_invalid_control_message_is_ignored(message: ControlMessage):
    wire = World().session()
    wire.send(control_event(message))
    assert (wire.take(), wire.is_closed) == (b"", False)


def test_inputs_of_unknown_connections_mean_nothing():
    world = World()
    assert world.step(Received(9, b"x"), Closed(9, "gone")) == []


def test_time_does_not_go_backwards():
    world = World()
    world.step()
    with pytest.raises(AssertionError, match="time goes backwards"):
        world.broker.step(Instant(world.now - 1), [])
