"""What a client sends behind an open whose domain is not loaded yet."""

from __future__ import annotations

import pytest

from reference_broker.core.tests.pair import (
    World,
)
from reference_broker.core.tests.shapes import (
    configure_request,
    kinds,
    open_request,
    puts,
    refusal,
)
from reference_broker.wire import (
    HEARTBEAT_REQUEST,
    EventType,
)
from reference_broker.wire.control import (
    ControlMessage,
    OpenQueueResponse,
    decode_message,
)


def test_what_is_sent_behind_an_open_keeps_its_place():
    world = World()
    wire = world.session()
    world.loads_domains = False
    stream = (
        wire.request_event(open_request(read=1, write=1))
        + wire.request_event(configure_request())
        + puts(1)
        + HEARTBEAT_REQUEST
    )
    wire.send(stream[:100], stream[100:], puts(2))
    assert wire.take() == b""
    world.load_pending()
    assert kinds(wire.events()) == ["CONTROL", "CONTROL", "ACK", "HEARTBEAT_RSP", "ACK", "PUSH"]


def test_two_opens_of_two_domains_behind_each_other():
    world = World()
    wire = world.session()
    world.loads_domains = False
    wire.send(
        wire.request_event(open_request("bmq://test.mem/q", 0, write=1))
        + wire.request_event(open_request("bmq://nowhere/q", 1, write=1))
        + wire.request_event(open_request("bmq://test.file/q", 2, write=1))
        + puts(1, q_id=2)
    )
    for expected in (["test.mem"], ["nowhere"], ["test.file"]):
        assert world.pending_loads == expected
        world.load_pending()
    (first, second, third, ack) = wire.events()
    answers = [decode_message(ControlMessage, 0, e.body) for e in (first, second, third)]
    assert [answer.r_id for answer in answers] == [1, 2, 3]
    assert isinstance(answers[0].choice, OpenQueueResponse)
    assert refusal(answers[1].choice)[0] == "E_UNKNOWN"
    assert ack.type == EventType.ACK


def test_two_clients_wait_for_one_domain_and_it_is_asked_for_once():
    world = World()
    wires = [world.session(), world.session()]
    world.loads_domains = False
    for wire in wires:
        wire.send(wire.request_event(open_request(write=1)) + puts(wire.number))
    assert world.pending_loads == ["test.mem"]
    world.load_pending()
    assert [kinds(wire.events()) for wire in wires] == [["CONTROL", "ACK"]] * 2


def test_a_client_that_goes_while_it_waits_is_forgotten():
    world = World()
    wire = world.session()
    world.loads_domains = False
    wire.send(wire.request_event(open_request(read=1)))
    wire.close()
    world.load_pending()
    assert world.broker.statistics() == (0, 0, 0, 0, 0)


def test_an_error_behind_an_open_comes_after_its_answer():
    world = World()
    wire = world.session()
    world.loads_domains = False
    wire.send(wire.request_event(open_request(write=1)), puts(1) + bytes(8))
    assert not wire.is_closed
    world.load_pending()
    assert kinds(wire.events()) == ["CONTROL", "ACK"]
    assert wire.is_closed


def test_what_may_wait_behind_an_open_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.core.broker.EVENT_BYTES_MAX", 1_000)
    world = World()
    wire = world.session()
    world.loads_domains = False
    wire.send(wire.request_event(open_request(write=1)))
    wire.send(bytes(1_000))
    assert not wire.is_closed
    wire.send(b"!")
    assert wire.is_closed
