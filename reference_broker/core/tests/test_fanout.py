"""Fanout mode: every app gets everything, each at its own pace."""

from __future__ import annotations

import pytest

from reference_broker.core.tests.pair import World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    close_queue,
    configure_request,
    confirms,
    numbers_of,
    open_queue,
    pushes,
    puts,
    reader_of,
    statuses,
    writer_of,
)
from reference_broker.wire.control import (
    ConfigureQueueStream,
    ConfigureQueueStreamResponse,
    ConfigureStreamResponse,
    QueueStreamParameters,
)


def fanout(*apps: str, storage: str = "inMemory") -> World:
    return World([domain("test.fan", mode="fanout", apps=apps, storage=storage)])


def reconfigured(world: World, *apps: str) -> None:
    world.domains["test.fan"] = domain("test.fan", mode="fanout", apps=apps)
    assert world.admin("DOMAINS RECONFIGURE test.fan").text == "SUCCESS"


def unregistered(world: World) -> list[str]:
    return [text for text in world.alarms() if "FANOUT_UNREGISTERED_APPID" in text]


# Who gets what.


@pytest.mark.parametrize("storage", ["inMemory", "fileBacked"])
def test_each_app_gets_one_copy(storage: str):
    world = fanout("foo", "bar", storage=storage)
    producer = writer_of(world, FANOUT_URI)
    foo, bar = (reader_of(world, FANOUT_URI, app) for app in ("foo", "bar"))
    producer.send(puts(1, 2))
    assert statuses(producer.events()) == [0, 0]
    assert [numbers_of(wire.events()) for wire in (foo, bar)] == [[1, 2], [1, 2]]
    assert world.broker.statistics().messages == 2


def test_a_message_is_stored_until_every_app_has_confirmed_it():
    world = fanout("foo", "bar")
    producer = writer_of(world, FANOUT_URI)
    foo, bar = (reader_of(world, FANOUT_URI, app) for app in ("foo", "bar"))
    producer.send(puts(1, 2))
    foo.send(confirms(1, 2, sub_id=1))
    assert world.broker.statistics().messages == 2
    bar.send(confirms(2, sub_id=1))
    assert world.broker.statistics().messages == 1
    bar.send(confirms(1, sub_id=1))
    assert world.broker.statistics()[2:] == (0, 0, 0)


def test_a_late_app_gets_all_that_is_stored():
    world = fanout("foo", "bar")
    producer, foo = writer_of(world, FANOUT_URI), reader_of(world, FANOUT_URI, "foo")
    producer.send(puts(1, 2))
    foo.send(confirms(1, 2, sub_id=1))
    assert numbers_of(reader_of(world, FANOUT_URI, "bar").events()) == [1, 2]


def test_two_consumers_of_an_app_share_its_messages():
    world = fanout("foo", "bar")
    producer = writer_of(world, FANOUT_URI)
    foo, foo_too, bar = (reader_of(world, FANOUT_URI, app) for app in ("foo", "foo", "bar"))
    producer.send(puts(*range(4)))
    found = [numbers_of(wire.events()) for wire in (foo, foo_too, bar)]
    assert found == [[0, 2], [1, 3], [0, 1, 2, 3]]


def test_priorities_are_those_of_the_app():
    world = fanout("foo", "bar")
    producer = writer_of(world, FANOUT_URI)
    low, high = (reader_of(world, FANOUT_URI, "foo", priority=n) for n in (1, 2))
    bar = reader_of(world, FANOUT_URI, "bar")
    producer.send(puts(1))
    assert [numbers_of(wire.events()) for wire in (low, high, bar)] == [[], [1], [1]]


def test_what_an_app_gives_back_goes_to_that_app_alone():
    world = fanout("foo", "bar")
    producer = writer_of(world, FANOUT_URI)
    foo, bar = (reader_of(world, FANOUT_URI, app) for app in ("foo", "bar"))
    producer.send(puts(1, 2))
    foo.send(confirms(1, sub_id=1))
    foo.close()
    bar.take()
    again = pushes(reader_of(world, FANOUT_URI, "foo").events())
    assert [(push.guid[-1], push.flags) for push in again] == [(2, 4)]
    assert bar.take() == b""


def test_one_client_reads_two_apps_under_one_queue_id():
    world = fanout("foo", "bar")
    wire = world.session()
    open_queue(wire, FANOUT_URI, write=1)
    for sub_id, app in ((1, "foo"), (2, "bar")):
        open_queue(wire, FANOUT_URI, read=1, app=(sub_id, app))
        wire.request(configure_request(s_id=10 + sub_id, app_id=app))
    wire.send(puts(1))
    assert sorted(push.ids for push in pushes(wire.events())) == [(11,), (12,)]
    wire.send(confirms(1, sub_id=2))
    assert world.broker.statistics()[2:] == (1, 4, 1)
    close_queue(wire, FANOUT_URI, read=1, app=(1, "foo"), is_final=False)
    wire.send(puts(2))
    assert [push.ids for push in pushes(wire.events())] == [(12,)]


def test_an_app_may_be_read_under_the_sub_id_that_the_writer_has():
    world = fanout("foo")
    wire = world.session()
    open_queue(wire, FANOUT_URI, write=1)
    open_queue(wire, FANOUT_URI, read=1, app=(0, "foo"))
    old_style = ConfigureQueueStream(0, QueueStreamParameters(None, 10, 1000, 0, 1))
    assert isinstance(wire.request(old_style), ConfigureQueueStreamResponse)
    assert isinstance(wire.request(configure_request(app_id="foo")), ConfigureStreamResponse)
    wire.send(puts(1))
    assert numbers_of(wire.events()) == [1]
    close_queue(wire, FANOUT_URI, read=1, write=1, app=(0, "foo"))


# Apps that nobody has registered.


def test_an_unregistered_app_gets_nothing_and_is_told_once():
    world = fanout("foo")
    producer = writer_of(world, FANOUT_URI)
    strangers = [reader_of(world, FANOUT_URI, "quux") for _ in range(2)]
    for stranger in strangers:
        stranger.take()
    producer.send(puts(1))
    assert [stranger.take() for stranger in strangers] == [b"", b""]
    assert unregistered(world) == [
        (
            "ALARM [FANOUT_UNREGISTERED_APPID] AppId 'quux' is not authorized for queue "
            "'bmq://test.fan/q' - please update the domain configuration to include the appId to "
            "enable consumption."
        )
    ]


def test_an_unregistered_app_is_told_with_the_queue_and_not_with_who_opened_it_first():
    world = fanout("foo")
    reader_of(world, FANOUT_URI, "foo")
    reader_of(world, FANOUT_URI, "quux")
    (alarm,) = unregistered(world)
    assert "AppId 'quux' is not authorized for queue 'bmq://test.fan/q' - " in alarm


def test_an_unregistered_app_is_told_again_after_all_its_consumers_went():
    world = fanout("foo")
    for _ in range(2):
        stranger = reader_of(world, FANOUT_URI, "quux")
        stranger.take()
        close_queue(stranger, FANOUT_URI, read=1, app=(1, "quux"))
    assert len(unregistered(world)) == 2
    reader_of(world, FANOUT_URI, "foo")
    assert len(unregistered(world)) == 2


def test_a_confirm_of_an_unregistered_app_means_nothing():
    world = fanout("foo")
    producer, stranger = writer_of(world, FANOUT_URI), reader_of(world, FANOUT_URI, "quux")
    producer.send(puts(1))
    stranger.send(confirms(1, sub_id=1))
    assert world.broker.statistics().messages == 1
    assert numbers_of(reader_of(world, FANOUT_URI, "foo").events()) == [1]


# Apps that come and go.


def test_an_app_that_is_added_gets_what_is_posted_from_then_on():
    world = fanout("foo")
    producer, waiting = writer_of(world, FANOUT_URI), reader_of(world, FANOUT_URI, "quux")
    waiting.take()
    producer.send(puts(1))
    reconfigured(world, "foo", "quux")
    assert waiting.take() == b""
    producer.send(puts(2))
    assert numbers_of(waiting.events()) == [2]
    assert numbers_of(reader_of(world, FANOUT_URI, "foo").events()) == [1, 2]
    waiting.send(confirms(2, sub_id=1))
    assert world.broker.statistics().messages == 2


def test_an_app_that_is_removed_needs_nothing_any_more():
    world = fanout("foo", "bar")
    producer = writer_of(world, FANOUT_URI)
    foo, bar = (reader_of(world, FANOUT_URI, app) for app in ("foo", "bar"))
    producer.send(puts(1, 2))
    foo.send(confirms(1, sub_id=1))
    reconfigured(world, "foo")
    assert world.broker.statistics()[2:4] == (1, 4)
    bar.take()
    producer.send(puts(3))
    assert bar.take() == b""
    bar.send(confirms(2, sub_id=1))  # held from before; it means nothing now
    assert world.broker.statistics().messages == 2


def test_an_app_that_is_removed_and_added_again_begins_afresh():
    world = fanout("foo", "bar")
    producer, bar = writer_of(world, FANOUT_URI), reader_of(world, FANOUT_URI, "bar")
    producer.send(puts(1))
    reconfigured(world, "foo")
    reconfigured(world, "foo", "bar")
    bar.take()
    producer.send(puts(2))
    assert numbers_of(bar.events()) == [2]
    bar.send(confirms(1, 2, sub_id=1))
    foo = reader_of(world, FANOUT_URI, "foo")
    assert numbers_of(foo.events()) == [1, 2]
    foo.send(confirms(1, 2, sub_id=1))
    assert world.broker.statistics()[2:] == (0, 0, 0)


def test_without_any_app_nothing_is_stored_and_all_is_acknowledged():
    world = fanout()
    producer = writer_of(world, FANOUT_URI)
    producer.send(puts(1))
    assert statuses(producer.events()) == [0]
    assert world.broker.statistics().messages == 0
