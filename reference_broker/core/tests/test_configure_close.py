"""Configuring and closing streams: every answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference_broker.core.tests.pair import Wire, World
from reference_broker.core.tests.shapes import (
    close_queue,
    close_request,
    configure,
    configure_request,
    kinds,
    open_queue,
    payloads,
    pushes,
    puts,
    refusal,
    statuses,
)
from reference_broker.wire.control import (
    ConfigureQueueStream,
    ConfigureQueueStreamResponse,
    ConfigureStreamResponse,
    Disconnect,
    DisconnectResponse,
    Expression,
    ExpressionVersion,
    QueueStreamParameters,
    SubQueueIdInfo,
)

INVALID_PRIORITY = (
    "E_UNKNOWN",
    -1,
    "Attempting to configure stream with invalid priority.",
)
NO_PRIORITY = -(2**31)


def reader() -> Wire:
    wire = World().session()
    open_queue(wire, read=1)
    return wire


def old_style(q_id: int = 0, **members: int) -> ConfigureQueueStream:
    return ConfigureQueueStream(
        q_id=q_id,
        stream_parameters=QueueStreamParameters(
            max_unconfirmed_messages=members.get("messages", 10),
            max_unconfirmed_bytes=members.get("size", 1000),
            consumer_priority=members.get("priority", 0),
            consumer_priority_count=members.get("weight", 1),
        ),
    )


# Configuring.


def test_a_good_configure_is_answered_with_its_echo():
    request = configure_request(s_id=5, messages=7)
    assert reader().request(request) == ConfigureStreamResponse(request=request)


def test_an_old_style_configure_is_answered_with_its_echo():
    request = old_style()
    assert reader().request(request) == ConfigureQueueStreamResponse(request=request)


def test_an_unknown_queue_id():
    answer = reader().request(configure_request(99))
    assert refusal(answer) == ("E_UNKNOWN", 0, "No queue with specified Id")
    answer = reader().request(old_style(99))
    assert refusal(answer) == ("E_UNKNOWN", 0, "No queue with specified Id")


def test_a_queue_that_was_closed():
    wire = reader()
    close_queue(wire, read=1)
    answer = wire.request(configure_request())
    assert refusal(answer) == ("E_UNKNOWN", 0, "No queue with specified Id")


def test_an_app_that_is_not_open():
    answer = reader().request(configure_request(app_id="zz"))
    assert refusal(answer) == ("E_UNKNOWN", 0, "No queue with specified appId")


def test_a_sub_id_that_is_not_open():
    parameters = replace(old_style().stream_parameters, sub_id_info=SubQueueIdInfo(3, "zz"))
    request = ConfigureQueueStream(q_id=0, stream_parameters=parameters)
    answer = reader().request(request)
    assert refusal(answer) == ("E_UNKNOWN", 0, "No queue with specified appId")


def test_a_queue_that_is_only_written():
    wire = World().session()
    open_queue(wire, write=1)
    answer = wire.request(configure_request())
    assert refusal(answer) == ("E_UNKNOWN", 0, "No queue with specified appId")


@pytest.mark.parametrize(("priority", "weight"), [(0, 0), (NO_PRIORITY, 1)])
def test_priority_and_count_belong_together(priority: int, weight: int):
    request = configure_request(priority=priority, weight=weight)
    assert refusal(reader().request(request)) == INVALID_PRIORITY
    request_old = old_style(priority=priority, weight=weight)
    assert refusal(reader().request(request_old)) == INVALID_PRIORITY


def test_priorities_out_of_range_are_accepted():
    wire = reader()
    for priority in (2_000_000_000, -2_000_000_000):
        assert isinstance(
            wire.request(configure_request(priority=priority)), ConfigureStreamResponse
        )


def test_a_refused_configure_changes_nothing():
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire, s_id=1)
    wire.request(configure_request(s_id=2, weight=0))
    wire.send(puts(1))
    assert [push.ids for push in pushes(wire.events())] == [(1,)]


@pytest.mark.parametrize("text", ["x > 1", "x >"], ids=["good", "does not compile"])
def test_a_configure_with_an_expression_is_answered_with_its_echo(text: str):
    request = configure_request()
    (subscription,) = request.stream_parameters.subscriptions
    expression = Expression(ExpressionVersion.E_VERSION_1, text)
    subscription = replace(subscription, expression=expression)
    parameters = replace(request.stream_parameters, subscriptions=(subscription,))
    request = replace(request, stream_parameters=parameters)
    assert reader().request(request) == ConfigureStreamResponse(request=request)


def test_the_response_comes_before_the_first_push_with_its_id():
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    wire.send(puts(1, 2))
    wire.take()
    wire.send(wire.request_event(configure_request(s_id=9)))
    events = wire.events()
    assert kinds(events) == ["CONTROL", "PUSH"]
    assert [push.ids for push in pushes(events)] == [(9,), (9,)]


def test_nothing_is_pushed_after_a_deconfigure_was_answered():
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    wire.send(wire.request_event(configure_request(s_id=None)), puts(1))
    assert kinds(wire.events()) == ["CONTROL", "ACK"]
    assert payloads(configure(wire, s_id=3)) == [b"data"]


def test_a_deconfigure_keeps_what_is_held():
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    wire.send(puts(1))
    configure(wire, s_id=None)
    other = world.session()
    open_queue(other, read=1)
    assert configure(other) == []
    close_queue(wire, read=1, write=1)
    assert payloads(other.events()) == [b"data"]


def test_an_old_style_deconfigure_stops_deliveries():
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    wire.request(old_style())
    wire.request(old_style(messages=0, size=0, priority=NO_PRIORITY, weight=0))
    wire.send(puts(1))
    assert kinds(wire.events()) == ["ACK"]


# Closing.


def test_closing_an_unknown_queue_id():
    answer = reader().request(close_request(q_id=77, read=1))
    assert refusal(answer) == ("E_UNKNOWN", 0, "No queue with specified Id")


def test_closing_twice():
    wire = reader()
    close_queue(wire, read=1)
    answer = wire.request(close_request(read=1))
    assert refusal(answer) == ("E_UNKNOWN", 0, "No queue with specified Id")


def test_closing_a_sub_stream_that_is_not_open():
    answer = reader().request(close_request(read=1, app=(4, "zz")))
    assert refusal(answer) == ("E_UNKNOWN", 0, "No subStream of the queue with specified subId")


def test_closing_without_counts():
    answer = reader().request(close_request())
    assert refusal(answer)[:2] == ("E_INVALID_ARGUMENT", 0)


def test_closing_gives_unconfirmed_messages_to_others():
    world = World()
    wire, other = world.session(), world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    open_queue(other, read=1)
    configure(other, priority=-1)
    wire.send(puts(1, 2))
    assert kinds(wire.events()) == ["ACK", "PUSH"]
    close_queue(wire, read=1, write=1)
    assert [push.flags for push in pushes(other.events())] == [4, 4]


def test_closing_the_reading_side_leaves_the_writing_side():
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    close_queue(wire, read=1, is_final=False)
    wire.send(puts(1))
    assert kinds(wire.events()) == ["ACK"]
    close_queue(wire, write=1)
    wire.send(puts(2))
    assert statuses(wire.events()) == [5]


# Disconnecting.


def test_disconnect_is_answered_last_and_what_follows_is_ignored():
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    wire.send(puts(1) + wire.request_event(Disconnect()) + puts(2) + b"garbage that is no event")
    events = wire.events()
    assert kinds(events) == ["ACK", "CONTROL"]
    assert not wire.is_closed
    assert world.broker.statistics()[2:] == (1, 4, 0)


def test_disconnect_gives_messages_to_others():
    world = World()
    wire, other = world.session(), world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    wire.send(puts(1))
    wire.take()
    open_queue(other, read=1)
    configure(other)
    assert wire.request(Disconnect()) == DisconnectResponse()
    assert payloads(other.events()) == [b"data"]
