"""BMQ-FAN: fanout queues, where every app gets every message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_broker.wire.control import OpenQueue, StatusCategory
from reference_broker.wire.push import FLAG_OUT_OF_ORDER
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import APP_IDS, FANOUT_DOMAIN, FANOUT_FILE_DOMAIN
from suites.integration.actor import Actor
from suites.integration.case import case
from suites.integration.connections import Wire


@pytest.fixture
def uri(new_uri: Callable[[str], str]) -> str:
    """The URI of a fanout queue that nobody has used."""
    return new_uri(FANOUT_DOMAIN)


def _numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def _guids(actor: Actor, count: int) -> list[bytes]:
    return [push.guid for push in actor.take_pushes(count)]


def _confirm_for(wire: Wire, uri: str, guids: list[bytes], *app_ids: str) -> None:
    """Take and confirm messages for apps that a case is not about."""
    for app_id in app_ids:
        reader = wire.reader(uri, app_id=app_id)
        reader.take_pushes(len(guids))
        reader.confirm(*guids, app_id=app_id)
        reader.settle()


@case(
    "BMQ-FAN-1",
    statement="In fanout mode every registered app gets every message.",
    expectation="Twenty messages come to the reader of each of three apps, in order, each once; "
    "after all have confirmed nothing is left for anybody.",
    proves=("FAN-1",),
)
def test_one_copy_for_each_app(wire: Wire, uri: str) -> None:
    readers = {app_id: wire.reader(uri, app_id=app_id) for app_id in APP_IDS}
    guids = wire.writer(uri).post(*_numbered(20))
    for app_id, reader in readers.items():
        assert _guids(reader, 20) == guids
        reader.settle()
        assert not reader.pushes
        reader.confirm(*guids, app_id=app_id)
        reader.settle()
        reader.shut(uri, read=True, app_id=app_id)
    for app_id in APP_IDS:
        later = wire.reader(uri, app_id=app_id)
        later.settle()
        assert not later.pushes, f"confirmed messages came back to {app_id}"


@case(
    "BMQ-FAN-2",
    statement="A client may read for several apps of a queue, under one qId, with a subId each; a CONFIRM is for the app of its subId.",
    expectation="Each message comes once with the sId of each app; what is confirmed for one app "
    "stays with the other, and comes again to that one only.",
    proves=("CONFIRM-9", "PUSH-6", "OPEN-6"),
)
def test_two_apps_of_one_client(wire: Wire, uri: str) -> None:
    client = wire.actor("both")
    s_ids: dict[str, int] = {}
    for app_id in ("foo", "bar"):
        client.open(uri, read=True, app_id=app_id)
        s_ids[app_id] = client.configure(app_id=app_id)
    guids = wire.writer(uri).post(*_numbered(3))
    client.settle()
    came = [(push.guid, s_id) for push in client.pushes for s_id in push.ids]
    assert sorted(came) == sorted((guid, s_id) for guid in guids for s_id in s_ids.values())
    client.confirm(*guids, app_id="foo")
    client.settle()
    client.crash()
    foo, bar = wire.reader(uri, app_id="foo"), wire.reader(uri, app_id="bar")
    assert _guids(bar, 3) == guids
    foo.settle()
    assert not foo.pushes
    bar.confirm(*guids, app_id="bar")
    _confirm_for(wire, uri, guids, "baz")


@case(
    "BMQ-FAN-3",
    statement="A message is kept until every registered app has confirmed it, whether or not the "
    "app has readers.",
    expectation="Two apps confirm everything; a reader of the third, which comes when the producer "
    "and the others have gone, gets all, in order.",
    proves=("FAN-2",),
)
def test_kept_for_an_app_without_readers(wire: Wire, uri: str) -> None:
    producer = wire.writer(uri)
    guids = producer.post(*_numbered(10))
    _confirm_for(wire, uri, guids, "foo", "bar")
    producer.disconnect()
    late = wire.reader(uri, app_id="baz")
    assert _guids(late, 10) == guids
    late.confirm(*guids, app_id="baz")


@case(
    "BMQ-FAN-4",
    statement="An app that the domain does not know may be opened, and gets nothing; it holds "
    "nothing up.",
    expectation="Open and configure succeed, nothing is delivered to it; the registered apps get "
    "everything.",
    proves=("OPEN-8", "FAN-3", "FAN-4"),
)
def test_unregistered_app(wire: Wire, uri: str) -> None:
    stranger = wire.reader(uri, app_id="stranger")
    foo = wire.reader(uri, app_id="foo")
    guids = wire.writer(uri).post(*_numbered(5))
    assert _guids(foo, 5) == guids
    stranger.settle()
    assert not stranger.pushes
    foo.confirm(*guids, app_id="foo")
    _confirm_for(wire, uri, guids, "bar", "baz")
    stranger.shut(uri, read=True, app_id="stranger")


@case(
    "BMQ-FAN-5",
    statement="Flow control works for each app by itself.",
    expectation="With a limit of one message for foo, foo gets one of three, bar and baz all; with "
    "each confirmation foo gets the next.",
    proves=("FLOW-6",),
)
def test_flow_control_of_one_app(wire: Wire, uri: str) -> None:
    foo = wire.reader(uri, app_id="foo", messages=1)
    others = [wire.reader(uri, app_id=app_id) for app_id in ("bar", "baz")]
    guids = wire.writer(uri).post(*_numbered(3))
    for other in others:
        assert _guids(other, 3) == guids
    for guid in guids:
        foo.settle()
        assert [push.guid for push in foo.pushes] == [guid]
        foo.pushes.clear()
        foo.confirm(guid, app_id="foo")
    foo.settle()
    assert not foo.pushes
    for other, app_id in zip(others, ("bar", "baz"), strict=True):
        other.confirm(*guids, app_id=app_id)


@case(
    "BMQ-FAN-6",
    statement="What a closed reader has not confirmed goes to other readers of its app, and to "
    "nobody else.",
    expectation="Of four messages foo's first reader confirms one and closes; the other three come "
    "to its second reader, in order and flagged OUT_OF_ORDER; bar sees nothing twice.",
    proves=("BACK-1", "BACK-3"),
)
def test_redelivery_within_the_app(wire: Wire, uri: str) -> None:
    first, bar = wire.reader(uri, "foo 1", app_id="foo"), wire.reader(uri, app_id="bar")
    guids = wire.writer(uri).post(*_numbered(4))
    assert _guids(first, 4) == guids
    assert _guids(bar, 4) == guids
    first.confirm(guids[1], app_id="foo")
    first.settle()
    second = wire.reader(uri, "foo 2", app_id="foo")
    first.shut(uri, read=True, app_id="foo")
    pushes = second.take_pushes(3)
    assert [push.guid for push in pushes] == [guids[0], *guids[2:]]
    assert all(push.flags & FLAG_OUT_OF_ORDER for push in pushes)
    for actor in (second, bar):
        actor.settle()
        assert not actor.pushes
    second.confirm(*guids, app_id="foo")
    bar.confirm(*guids, app_id="bar")
    _confirm_for(wire, uri, guids, "baz")


@case(
    "BMQ-FAN-7",
    statement="When the readers of an app are full, what comes back waits for one of them.",
    expectation="Two readers of one app, limit 1, hold one message each; the first one closes, and "
    "its message goes to the second after that one has confirmed.",
    proves=("BACK-4",),
)
def test_redelivery_waits_for_room(wire: Wire, uri: str) -> None:
    readers = [wire.reader(uri, f"foo {n}", app_id="foo", messages=1) for n in (1, 2)]
    guids = wire.writer(uri).post(*_numbered(2))
    held = [_guids(reader, 1)[0] for reader in readers]
    assert sorted(held) == sorted(guids)
    first, second = readers
    first.shut(uri, read=True, app_id="foo")
    second.settle()
    assert not second.pushes
    second.confirm(held[1], app_id="foo")
    assert _guids(second, 1) == [held[0]]
    second.confirm(held[0], app_id="foo")
    _confirm_for(wire, uri, guids, "bar", "baz")


@case(
    "BMQ-FAN-8",
    statement="Consumer priorities count within an app.",
    expectation="Of two clients, one has the higher priority for foo and the lower for bar, the "
    "other the other way round: each gets everything of one app. Configured the other way round, "
    "they change places.",
    proves=("ROUTE-9", "FAN-6"),
)
def test_priorities_of_each_app(wire: Wire, uri: str) -> None:
    actors = {"foo": wire.actor("first"), "bar": wire.actor("second")}
    for favourite, actor in actors.items():
        for app_id in ("foo", "bar"):
            actor.open(uri, read=True, app_id=app_id)
            actor.configure(app_id=app_id, priority=2 if app_id == favourite else 1)
    producer = wire.writer(uri)
    guids = producer.post(*_numbered(4))
    for app_id, actor in actors.items():
        assert _guids(actor, 4) == guids
        actor.confirm(*guids, app_id=app_id)
        actor.settle()
        assert not actor.pushes
    for favourite, actor in actors.items():
        for app_id in ("foo", "bar"):
            actor.configure(app_id=app_id, priority=1 if app_id == favourite else 2)
    later = producer.post(*_numbered(4))
    for app_id, actor in zip(("bar", "foo"), actors.values(), strict=True):
        assert _guids(actor, 4) == later
        actor.confirm(*later, app_id=app_id)
        actor.settle()
        assert not actor.pushes
    _confirm_for(wire, uri, [*guids, *later], "baz")


@case(
    "BMQ-FAN-9",
    statement="Readers of one app take turns; the other apps do not notice.",
    expectation="Two readers of foo get every other message of ten, the one reader of bar all.",
    proves=("FAN-5",),
)
def test_round_robin_of_one_app(wire: Wire, uri: str) -> None:
    foos = [wire.reader(uri, f"foo {n}", app_id="foo") for n in (1, 2)]
    bar = wire.reader(uri, app_id="bar")
    guids = wire.writer(uri).post(*_numbered(10))
    assert _guids(bar, 10) == guids
    assert [_guids(foo, 5) for foo in foos] == [guids[::2], guids[1::2]]
    for actor in (*foos, bar):
        actor.settle()
        assert not actor.pushes
        actor.confirm(*guids, app_id="bar" if actor is bar else "foo")
    _confirm_for(wire, uri, guids, "baz")


@case(
    "BMQ-FAN-10",
    statement="A reader of a fanout queue must name an app.",
    expectation="E_UNKNOWN with code -1, `Reader of a fanout queue requires an appId to be "
    "specified.`; a writer needs none.",
    proves=("OPEN-18",),
)
def test_reader_without_an_app(wire: Wire, uri: str, target_spec: TargetSpec) -> None:
    actor = wire.actor()
    status = actor.refusal(OpenQueue(handle_parameters=actor.handle(uri, read=True)))
    assert (status.category, status.code) == (StatusCategory.E_UNKNOWN, -1), status
    if target_spec.is_ours:
        text = "Reader of a fanout queue requires an appId to be specified."
        assert status.message == text
    actor.open(uri, write=True)
    _confirm_for(wire, uri, actor.post(b"from a writer"), *APP_IDS)


@case(
    "BMQ-FAN-11",
    statement="openQueueResponse tells how a fanout queue routes: DELIVER_CONSUMER_PRIORITY and "
    "HAS_MULTIPLE_SUB_STREAMS.",
    expectation="Routing flags 10 for a writer and for the readers of two apps; the echo names "
    "each one's app.",
    proves=("OPEN-2",),
)
def test_routing_flags(wire: Wire, uri: str) -> None:
    actor = wire.actor()
    answers = [
        actor.open(uri, write=True),
        actor.open(uri, read=True, app_id="foo"),
        actor.open(uri, read=True, app_id="bar"),
    ]
    assert [answer.routing_configuration.flags for answer in answers] == [10, 10, 10]
    echoes = [answer.original_request.handle_parameters.sub_id_info for answer in answers]
    assert [echo and echo.app_id for echo in echoes] == [None, "foo", "bar"]


@case(
    "BMQ-FAN-12",
    statement="A client may post to a queue and read it for an app, under one qId.",
    expectation="Its own messages come to it and to the other app; after the app is closed it may "
    "still post.",
    proves=("OPEN-7", "CLOSE-6"),
)
def test_producer_reads_for_an_app(wire: Wire, uri: str) -> None:
    both, bar = wire.actor("both"), wire.reader(uri, app_id="bar")
    both.open(uri, write=True)
    both.open(uri, read=True, app_id="foo")
    both.configure(app_id="foo")
    first = both.post(b"first")
    assert _guids(both, 1) == first
    both.confirm(*first, app_id="foo")
    both.shut(uri, read=True, app_id="foo", is_final=False)
    second = both.post(b"second")
    assert _guids(bar, 2) == [*first, *second]
    both.settle()
    assert not both.pushes
    bar.confirm(*first, *second, app_id="bar")
    _confirm_for(wire, uri, second, "foo")
    _confirm_for(wire, uri, [*first, *second], "baz")


@case(
    "BMQ-FAN-13",
    statement="Closing one app of a qId leaves the others as they are.",
    expectation="After foo is closed, not for good, bar's messages still come, with bar's sId.",
    proves=("CLOSE-5",),
)
def test_close_one_of_two_apps(wire: Wire, uri: str) -> None:
    client = wire.actor("both")
    for app_id in ("foo", "bar"):
        client.open(uri, read=True, app_id=app_id)
    client.configure(app_id="foo")
    bar_s_id = client.configure(app_id="bar")
    client.shut(uri, read=True, app_id="foo", is_final=False)
    guids = wire.writer(uri).post(*_numbered(3))
    pushes = client.take_pushes(3)
    assert [(push.guid, push.ids) for push in pushes] == [(guid, (bar_s_id,)) for guid in guids]
    client.confirm(*guids, app_id="bar")
    client.shut(uri, read=True, app_id="bar")
    _confirm_for(wire, uri, guids, "foo", "baz")


@case(
    "BMQ-FAN-14",
    statement="A CONFIRM with a subId that is not open is ignored.",
    expectation="It confirms nothing: the message comes again to the app's next reader.",
)
def test_confirm_with_a_strange_sub_id(wire: Wire, uri: str) -> None:
    foo = wire.reader(uri, app_id="foo")
    guids = wire.writer(uri).post(b"stays")
    foo.take_pushes(1)
    for sub_id in (0, 7):
        foo.confirm(*guids, sub_id=sub_id)
    foo.settle()
    foo.shut(uri, read=True, app_id="foo")
    _confirm_for(wire, uri, guids, *APP_IDS)


@case(
    "BMQ-FAN-15",
    statement="What each app still has to get survives the broker.",
    expectation="Three apps confirm everything, the first half, and nothing; after SIGKILL and a "
    "restart they get nothing, the second half, and everything, in order, each once.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("STORE-6",),
)
def test_apps_across_a_restart(wire: Wire, fresh_target: Target) -> None:
    uri = f"bmq://{FANOUT_FILE_DOMAIN}/restart"
    producer = wire.writer(uri, target=fresh_target)
    guids = [guid for _ in range(4) for guid in producer.post(*_numbered(5))]
    left = {"foo": guids[20:], "bar": guids[10:], "baz": guids}
    for app_id, still in left.items():
        reader = wire.reader(uri, app_id=app_id, target=fresh_target)
        assert _guids(reader, 20) == guids
        reader.confirm(*guids[: len(guids) - len(still)], app_id=app_id)
        reader.settle()
        reader.crash()
    producer.crash()
    fresh_target.kill()
    fresh_target.restart()
    for app_id, still in left.items():
        reader = wire.reader(uri, f"{app_id} again", app_id=app_id, target=fresh_target)
        reader.settle()
        assert [push.guid for push in reader.pushes] == still, app_id
