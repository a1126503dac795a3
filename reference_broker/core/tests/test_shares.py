"""No session gets more than its share of a step, nor of memory."""

from __future__ import annotations

import pytest

import reference_broker.core.broker as broker_module
from reference_broker.base.limits import (
    ADMIN_COMMANDS_PER_STEP_MAX,
    REQUESTS_PER_SESSION_MAX,
    REQUESTS_PER_STEP_MAX,
)
from reference_broker.core.tests.pair import MEM, Wire, World, identity_of
from reference_broker.core.tests.shapes import (
    MEM_URI,
    confirms,
    numbers_of,
    open_queue,
    open_request,
    puts,
    reader_of,
    statuses,
    writer_of,
)
from reference_broker.ports import Closed, Congested, Drained, Received, Send
from reference_broker.session import BrokerFacts
from reference_broker.wire import HEARTBEAT_REQUEST, EventType, event_header
from reference_broker.wire.control import (
    AdminCommand,
    ClientType,
    OpenQueueResponse,
)


def one_step(world: World, *inputs: Received | Closed | Congested | Drained) -> dict[int, bytes]:
    """Make a single step and return what it sends, by connection."""
    sent: dict[int, bytes] = {}
    for effect in world.broker.step(world.now, inputs, wall_ns=world.now):
        if isinstance(effect, Send):
            sent[effect.connection] = sent.get(effect.connection, b"") + b"".join(effect.chunks)
    return sent


def heartbeats(count: int) -> bytes:
    return HEARTBEAT_REQUEST * count


def is_due(world: World) -> bool:
    return world.broker.next_deadline() == world.now


def test_requests_beyond_the_share_of_a_step_are_answered_in_the_next():
    world = World([MEM])
    wire = world.session()
    count = REQUESTS_PER_SESSION_MAX * 2 + 1
    answered = []
    sent = one_step(world, Received(wire.number, heartbeats(count)))
    while sent:
        answered.append(len(sent[wire.number]) // 8)
        sent = one_step(world) if is_due(world) else {}
    assert answered == [REQUESTS_PER_SESSION_MAX, REQUESTS_PER_SESSION_MAX, 1]


def test_all_sessions_share_a_step_and_none_waits_for_ever():
    world = World([MEM])
    wires = [world.session() for _ in range(10)]
    mine = REQUESTS_PER_SESSION_MAX * 3
    answers = dict.fromkeys([wire.number for wire in wires], 0)
    sent = one_step(world, *(Received(wire.number, heartbeats(mine)) for wire in wires))
    steps = 1
    while sent:
        assert sum(map(len, sent.values())) <= 8 * (REQUESTS_PER_STEP_MAX + len(wires))
        for number, data in sent.items():
            answers[number] += len(data) // 8
        if steps == 3:
            assert all(answers.values()), "somebody got nothing yet"
        sent = one_step(world) if is_due(world) else {}
        steps += 1
    assert set(answers.values()) == {mine}


def test_a_bystander_is_served_while_a_storm_of_requests_waits():
    world = World([MEM])
    storm, writer, reader = world.session(), writer_of(world), reader_of(world)
    one_step(world, Received(storm.number, heartbeats(1_000)))
    sent = one_step(world, Received(writer.number, puts(1)))
    assert reader.number in sent
    assert writer.number in sent
    assert len(sent[storm.number]) == 8 * REQUESTS_PER_SESSION_MAX


def test_what_follows_a_postponed_request_keeps_its_place():
    world = World([MEM])
    wire = world.session()
    opening = wire.request_event(open_request(MEM_URI, 0, write=1))
    wire.send(heartbeats(200), opening, puts(1), puts(2))
    events = wire.events()
    assert [event.type for event in events[:200]] == [EventType.HEARTBEAT_RSP] * 200
    assert events[200].type == EventType.CONTROL
    assert statuses(events[201:]) == [0, 0]


def test_a_session_that_goes_while_its_requests_wait_is_forgotten():
    world = World([MEM])
    wire = world.session()
    one_step(world, Received(wire.number, heartbeats(1_000)))
    assert is_due(world)
    one_step(world, Closed(wire.number, "gone"))
    assert not is_due(world)


def admin(world: World) -> Wire:
    wire = world.connect()
    wire.negotiate(identity_of(client_type=ClientType.E_TCPADMIN))
    return wire


def commands(wire: Wire, *texts: str) -> bytes:
    return b"".join(wire.request_event(AdminCommand(command=text)) for text in texts)


def test_a_step_executes_so_many_admin_commands():
    world = World([MEM])
    wire = admin(world)
    count = ADMIN_COMMANDS_PER_STEP_MAX * 2 + 3
    steps = 0
    data = commands(wire, *["CLUSTERS LIST"] * count)
    one_step(world, Received(wire.number, data))
    while is_due(world):
        one_step(world)
        steps += 1
    assert steps == 2


def test_a_session_that_does_not_read_gets_no_further_answers_until_it_does():
    world = World([MEM])
    deaf, other = admin(world), admin(world)
    one_step(world, Congested(deaf.number))
    sent = one_step(world, Received(deaf.number, commands(deaf, "HELP", "HELP")))
    assert deaf.number not in sent
    assert not is_due(world)
    assert other.number in one_step(world, Received(other.number, commands(other, "HELP")))
    one_step(world, Drained(deaf.number))
    assert is_due(world)
    sent = one_step(world)
    assert len(sent[deaf.number]) > 1_000


def test_an_answer_beyond_the_limit_is_an_error_that_names_it(monkeypatch):
    monkeypatch.setattr("reference_broker.core.admin_desk.ADMIN_ANSWER_BYTES_MAX", 100)
    result = World([MEM]).admin("HELP")
    assert result.rc != 0
    assert "at most 100 are sent" in result.text


def test_unfinished_events_of_all_sessions_together_have_a_limit(monkeypatch):
    monkeypatch.setattr(broker_module, "WAITING_BYTES_MAX", 10_000)
    world = World([MEM])
    large, small, bystander = world.session(), world.session(), reader_of(world)
    header = event_header(EventType.PUT, 20_000)
    large.send(header, bytes(6_000))
    small.send(header, bytes(3_000))
    assert [large.is_closed, small.is_closed] == [False, False]
    small.send(bytes(2_000))
    assert [large.is_closed, small.is_closed] == [True, False]
    assert "at most 10000 may" in large.close_reason
    writer_of(world).send(puts(1))
    assert numbers_of(bystander.events()) == [1]
    bystander.send(confirms(1))
    small.close()
    again = world.session()
    again.send(header, bytes(9_000))
    assert not again.is_closed, "what has gone is still counted"


@pytest.mark.parametrize("members", [{"heartbeat_interval_ms": 0}, {"heartbeat_misses_max": 0}])
def test_heartbeats_can_be_switched_off(members):
    world = World([MEM], facts=BrokerFacts(**members))
    wire = world.session()
    assert isinstance(open_queue(wire, MEM_URI, read=1), OpenQueueResponse)
    world.advance(1_000)
    assert not wire.is_closed
    assert not [event for event in wire.events() if event.type == EventType.HEARTBEAT_REQ]
