"""Applications: fanout, filters, confirms by GUID, poison messages, early exits, listing."""

from __future__ import annotations

import pytest

from reference_broker.base import DEFAULT_APP_ID
from reference_broker.queue import (
    DeliveryBudget,
    QueueMode,
    RestoredApp,
    Stream,
)
from reference_broker.queue.tests.shapes import (
    OUT_OF_ORDER,
    SECOND,
    Bench,
    guid,
    held,
    message,
    number,
    spec,
)


def fanout(apps: str = "foo bar", **settings) -> Bench:
    """Return a queue in fanout mode."""
    return Bench(mode=QueueMode.FANOUT, apps=apps, **settings)


def pending(bench: Bench) -> dict[str, tuple[int, int]]:
    """Return messages and bytes that each application has not confirmed."""
    return {app.app_id: (app.messages, app.bytes) for app in bench.queue.statistics().apps}


# Fanout.


def test_a_message_stays_until_every_application_has_confirmed_it():
    bench = fanout()
    foo = bench.reader(spec(), app_id="foo")
    bar = bench.reader(spec(), app_id="bar", connection=2)
    bench.post(1, 2, size=3)
    assert bench.turns() == [(foo, 1), (foo, 2), (bar, 1), (bar, 2)]
    assert bench.confirm(foo, 1, 2) == []
    assert pending(bench) == {"foo": (0, 0), "bar": (2, 6)}
    assert bench.confirm(bar, 2) == [2]
    assert bench.listed() == bench.listed("bar") == [1]
    assert bench.listed("foo") == []


def test_confirming_twice_counts_once():
    bench = fanout()
    foo = bench.reader(spec(), app_id="foo")
    bench.reader(spec(), app_id="bar", connection=2)
    bench.post(1)
    bench.numbers()
    for _ in range(3):
        assert bench.confirm(foo, 1, 1) == []
    assert bench.listed() == [1]


def test_confirms_say_whose_they_are():
    bench = fanout()
    bar = bench.reader(spec(), app_id="bar")
    bench.post(1, 2)
    bench.numbers()
    confirmed = bench.queue.confirm(bar, [guid(2), guid(9)], bench.now)
    assert (confirmed.ordinals, confirmed.removed, confirmed.number) == ([1], [], 2)


def test_what_one_application_confirms_before_it_is_delivered_the_others_still_get():
    bench = fanout()
    foo = bench.reader(spec(0), app_id="foo")
    bar = bench.reader(spec(), app_id="bar", connection=2)
    bench.post(1, 2, 3)
    assert bench.confirm(foo, 2) == []
    assert bench.turns() == [(bar, n) for n in (1, 2, 3)]
    bench.configure(foo, spec())
    assert bench.turns() == [(foo, 1), (foo, 3)]


def test_nobody_to_need_a_message():
    bench = fanout(apps="")
    assert bench.post(1, 2) == []
    assert bench.queue.post([message(3, 0)], 0, bench.now).swallowed == 1
    assert bench.queue.is_idle


def test_an_application_gets_what_is_posted_after_its_registration():
    bench = fanout(apps="foo")
    bench.post(1)
    app = bench.queue.register_app("bar", 7)
    bench.post(2)
    bench.reader(spec(), app_id="bar")
    assert (app.number, app.status) == (7, "alive")
    assert bench.numbers() == [2]
    assert bench.listed("bar") == [2]


def test_consumers_of_an_unknown_application_get_nothing_until_it_is_registered():
    bench = fanout(apps="foo")
    stream = bench.reader(spec(), app_id="quux")
    bench.post(1)
    assert bench.numbers() == []
    assert bench.queue.apps["quux"].status == "unauthorized"
    bench.queue.register_app("quux", 2)
    bench.post(2)
    assert bench.turns() == [(stream, 2)]
    assert [*bench.queue.apps] == ["foo", "quux"]


def test_an_unknown_application_goes_with_its_last_consumer():
    bench = fanout(apps="foo")
    streams = [bench.reader(spec(), app_id="quux", connection=n) for n in range(2)]
    for stream in streams:
        assert "quux" in bench.queue.apps
        bench.detach(stream)
    assert [*bench.queue.apps] == ["foo"]
    assert bench.queue.apps["foo"].status == "registered"


def test_an_application_that_goes_needs_nothing_any_more():
    bench = fanout()
    foo = bench.reader(spec(2), app_id="foo")
    bench.post(1, 2, 3, size=5)
    bench.numbers()
    bench.confirm(foo, 1)
    released = bench.queue.unregister_app("foo", bench.now)
    assert released == (2, 10, [])
    assert bench.queue.apps["foo"].status == "unauthorized"
    assert bench.confirm(foo, 2, 3) == []
    released = bench.queue.unregister_app("bar", bench.now)
    assert [number(entry[0]) for entry in released.removed] == [1, 2, 3]
    assert [*bench.queue.apps] == ["foo"]
    assert bench.detach(foo) == 0
    assert bench.queue.is_idle


def test_an_application_that_is_registered_again_does_not_confirm_what_it_had():
    bench = fanout()
    foo = bench.reader(spec(), app_id="foo")
    bench.post(1)
    bench.numbers()
    bench.queue.unregister_app("foo", bench.now)
    bench.queue.register_app("foo", 3)
    bench.post(2)
    assert bench.numbers() == [2]
    assert bench.confirm(foo, 1) == []
    assert pending(bench) == {"bar": (2, 2), "foo": (1, 1)}
    assert bench.detach(foo) == 1


def test_the_budget_goes_round():
    bench = fanout()
    foo = bench.reader(spec(), app_id="foo")
    bar = bench.reader(spec(), app_id="bar", connection=2)
    bench.post(1, 2)
    got: list[tuple[Stream, int]] = []
    while not got or bench.queue.has_more:
        deliveries = bench.queue.deliver(bench.now, DeliveryBudget(1))
        got += [(d.subscription.stream, number(m)) for d in deliveries for m in d.messages]
    assert got == [(foo, 1), (bar, 1), (foo, 2), (bar, 2)]


# Filters.


def test_a_filter_turns_messages_away_for_its_application():
    bench = fanout()
    foo = bench.reader(spec(), app_id="foo")
    bar = bench.reader(spec(), app_id="bar", connection=2)
    bench.filter("foo", "x > 1")
    outcome = bench.queue.post([message(n, n) for n in range(3)], 0, bench.now)
    assert (outcome.skipped, outcome.swallowed) == ({1: [0, 1]}, 0)
    assert bench.turns() == [(foo, 2), (bar, 0), (bar, 1), (bar, 2)]
    assert pending(bench) == {"foo": (1, 1), "bar": (3, 3)}
    assert bench.confirm(bar, 0, 1, 2) == [0, 1]
    assert bench.confirm(foo, 0, 1, 2) == [2]


def test_what_no_application_wants_is_not_stored():
    bench = fanout(apps="foo")
    bench.filter("foo", "x > 1")
    batch = [message(n, n) for n in (0, 1, 2)]
    outcome = bench.queue.post(batch, 0, bench.now)
    assert ([number(m) for m in outcome.stored], outcome.swallowed) == ([2], 2)
    assert (outcome.refused, outcome.skipped) == ([], {})
    assert bench.listed() == [2]


def test_a_full_queue_swallows_what_nobody_wants():
    bench = Bench(limits=(0, 0))
    bench.filter(DEFAULT_APP_ID, "x > 1")
    assert bench.post(5) == ["5"]
    assert bench.post(0, 6) == ["6 LIMIT_MESSAGES"]


# Messages that come back.


def test_what_was_held_of_a_purged_application_does_not_come_back():
    bench = fanout()
    foo = bench.reader(spec(2), app_id="foo")
    bench.post(1, 2, 3, size=2)
    bench.numbers()
    assert bench.queue.purge("foo", bench.now)[:2] == (3, 6)
    assert held(foo) == [1, 2]  # the client still has them
    bench.post(4)
    assert bench.numbers() == []
    bench.confirm(foo, 1, 2)
    assert bench.numbers() == [4]
    assert pending(bench) == {"foo": (1, 1), "bar": (4, 7)}
    assert bench.detach(foo) == 1


def test_purging_everything():
    bench = fanout()
    bench.reader(spec(1), app_id="foo")
    bench.post(1, 2, size=2)
    bench.numbers()
    purged = bench.queue.purge(None, bench.now)
    assert purged[:2] == (2, 4)
    assert [number(entry[0]) for entry in purged.removed] == [1, 2]
    assert purged.upto_ordinal == bench.queue.next_ordinal
    assert pending(bench) == {"foo": (0, 0), "bar": (0, 0)}


def test_a_guid_that_was_purged_and_came_again_is_confirmed_wherever_it_is():
    bench = Bench(deduplication_ns=0)
    stream = bench.reader(spec(1), spec(1, key="1/0"))
    bench.post(1)
    assert bench.numbers() == [1]
    bench.queue.purge(None, bench.now)
    bench.post(1)
    assert bench.numbers() == [1]  # the first subscription has the old, the second the new one
    assert held(stream) == [1, 1]
    assert bench.confirm(stream, 1) == [1]
    assert held(stream) == []


def test_a_guid_of_before_a_purge_does_not_confirm_for_an_application_that_no_longer_needs_it():
    bench = fanout()
    foo = bench.reader(spec(), app_id="foo")
    bench.post(1, 2)
    bench.queue.purge("foo", bench.now)
    assert bench.queue.confirm(foo, [guid(1)], bench.now).ordinals == []
    assert pending(bench) == {"foo": (0, 0), "bar": (2, 2)}


def test_what_another_consumer_still_holds_of_before_a_purge_is_not_confirmed():
    bench = fanout()
    bench.reader(spec(1), app_id="foo")
    other = bench.reader(spec(0), app_id="foo", connection=2)
    bench.post(1)
    assert bench.numbers() == [1]
    bench.queue.purge("foo", bench.now)
    assert bench.queue.confirm(other, [guid(1)], bench.now).ordinals == []
    assert pending(bench) == {"foo": (0, 0), "bar": (1, 1)}


def test_too_old_messages_go_from_the_front_only():
    bench = fanout(ttl_s=1)
    foo = bench.reader(spec(1), app_id="foo")
    bench.post(1, 2)
    bench.numbers()
    bench.wait(SECOND)
    bench.post(3)
    bench.wait(SECOND - 1)
    assert bench.queue.expire(bench.wall_ns, bench.now).count == 0
    bench.wait(1)
    expired = bench.queue.expire(bench.wall_ns, bench.now)
    assert (expired.count, expired.upto_ordinal, expired.has_more) == (2, 2, False)
    assert expired.newest_arrival_ns == bench.wall_ns - 2 * SECOND
    assert pending(bench) == {"foo": (1, 1), "bar": (1, 1)}
    assert bench.confirm(foo, 1) == []
    assert bench.numbers() == [3]


def test_expiry_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.queue.queue.EXPIRY_MESSAGES_MAX", 2)
    bench = Bench(ttl_s=0)
    bench.post(1, 2, 3)
    bench.wait(SECOND)
    expired = [bench.queue.expire(bench.wall_ns, bench.now) for _ in range(2)]
    assert [(part.count, part.has_more) for part in expired] == [(2, True), (1, False)]


def test_broadcast_does_not_expire():
    bench = Bench(mode=QueueMode.BROADCAST, ttl_s=0)
    bench.post(1)
    bench.wait(9 * SECOND)
    assert bench.queue.expire(bench.wall_ns, bench.now).count == 0


# Poison messages.


def lost_with(bench: Bench, *numbers: int) -> list[int]:
    """Deliver to a consumer that is lost; returns what was dropped."""
    stream = bench.reader(spec())
    assert bench.numbers() == list(numbers)
    return [number(g) for _, g in bench.queue.lose(stream, bench.now).dropped]


def test_a_message_is_dropped_after_its_last_attempt():
    bench = Bench(attempts_max=2)
    bench.post(1, 2)
    assert lost_with(bench, 1, 2) == []
    stream = bench.reader(spec())
    assert bench.flagged() == [(1, OUT_OF_ORDER), (2, OUT_OF_ORDER)]
    bench.confirm(stream, 2)
    detached = bench.queue.lose(stream, bench.now)
    assert (detached.returned, detached.dropped) == (0, [(0, guid(1))])
    assert [number(entry[0]) for entry in detached.removed] == [1]
    assert bench.queue.usage.messages == 0


def test_closing_is_no_attempt():
    bench = Bench(attempts_max=1)
    bench.post(1)
    for _ in range(3):
        stream = bench.reader(spec())
        assert bench.numbers() == [1]
        assert bench.detach(stream) == 1
    assert lost_with(bench, 1) == [1]


def test_attempts_are_counted_for_each_application():
    bench = fanout(attempts_max=1)
    foo = bench.reader(spec(), app_id="foo")
    bar = bench.reader(spec(), app_id="bar", connection=2)
    bench.post(1)
    bench.numbers()
    detached = bench.queue.lose(foo, bench.now)
    assert (detached.dropped, detached.removed, detached.number) == ([(0, guid(1))], [], 1)
    assert bench.confirm(bar, 1) == [1]


def test_without_a_limit_nothing_is_dropped():
    bench = Bench()
    bench.post(1)
    for _ in range(5):
        assert lost_with(bench, 1) == []


def test_a_rejected_message_counts_an_attempt_and_goes_again():
    bench = Bench(attempts_max=2)
    stream = bench.reader(spec())
    bench.post(1, 2)
    bench.numbers()
    assert bench.queue.reject(stream, [guid(1), guid(9)], bench.now)[:2] == (1, [])
    assert bench.numbers() == [1]
    assert bench.queue.reject(stream, [guid(1)], bench.now)[:2] == (0, [(0, guid(1))])
    assert bench.listed() == [2]


def test_attempts_are_forgotten_when_their_number_becomes_unlimited():
    bench = Bench(attempts_max=2)
    bench.post(1)
    lost_with(bench, 1)
    bench.queue.reconfigure(bench.queue.settings._replace(attempts_max=0), bench.now)
    bench.queue.reconfigure(bench.queue.settings._replace(attempts_max=2), bench.now)
    assert lost_with(bench, 1) == []
    assert lost_with(bench, 1) == [1]


def slow(attempts: int = 9) -> Bench:
    """Return a queue that lets 30 ns pass between messages with 1 attempt left, else 10 ns."""
    return Bench(
        attempts_max=attempts,
        low_threshold=1,
        high_threshold=9,
        low_interval_ns=10,
        high_interval_ns=30,
    )


def test_messages_that_may_be_poisonous_go_slowly():
    bench = slow()
    bench.post(1, 2, 3)
    lost_with(bench, 1, 2, 3)
    bench.reader(spec())
    assert bench.numbers() == [1]
    bench.wait(9)
    assert bench.numbers() == []
    assert bench.queue.next_deadline() == bench.now + 1
    bench.wait(1)
    assert bench.numbers() == [2]
    bench.wait(10)
    assert bench.numbers() == [3]
    assert bench.queue.next_deadline() is None


def test_the_last_attempt_waits_longer():
    bench = slow(attempts=2)
    bench.post(1, 2)
    lost_with(bench, 1, 2)
    bench.reader(spec())
    assert bench.numbers() == [1]
    assert bench.queue.next_deadline() == bench.now + 30


def test_confirming_a_suspect_lets_the_next_go_at_once():
    bench = slow()
    bench.post(1, 2)
    lost_with(bench, 1, 2)
    stream = bench.reader(spec())
    assert bench.numbers() == [1]
    bench.confirm(stream, 1)
    assert bench.numbers() == [2]


# Early exits.


def test_an_early_exit_is_told_when_a_message_finds_no_room():
    bench = Bench()
    bench.reader(spec(1))
    bench.post(1)
    bench.deliver()
    assert bench.queue.early_exits == []
    bench.post(2)
    bench.deliver()
    assert bench.queue.early_exits == [(DEFAULT_APP_ID, guid(2))]


def test_the_observed_early_exits():
    bench = Bench()
    exits: list[int] = []

    def deliver(*numbers: int) -> None:
        assert bench.numbers() == [*numbers]
        exits.extend(number(g) for _, g in bench.queue.early_exits)

    first = bench.reader(spec(1, wants="x > 0"), connection=1)
    bench.post(1)
    deliver(1)
    bench.post(2)
    deliver()
    assert exits == [2]
    bench.post(3)
    deliver()
    assert exits == [2]
    bench.confirm(first, 1)
    deliver(2)
    assert exits == [2, 3]
    bench.post(0)  # wanted by nobody
    deliver()
    bench.reader(spec(1, wants="x > 99"), connection=2)
    bench.post(100)
    deliver(100)
    bench.reader(spec(1, wants="x == 0"), connection=3)
    deliver(0)
    assert exits == [2, 3]


def test_an_application_without_consumers_exits_early_once():
    bench = fanout()
    foo = bench.reader(spec(), app_id="foo")
    bench.post(1)
    assert bench.turns() == [(foo, 1)]
    assert bench.queue.early_exits == [("bar", guid(1))]
    bench.post(2)
    bench.deliver()
    assert bench.queue.early_exits == []


def test_what_came_back_to_nobody_is_no_early_exit():
    bench = Bench()
    stream = bench.reader(spec())
    bench.post(1)
    bench.numbers()
    bench.detach(stream)
    bench.deliver()
    assert bench.queue.early_exits == []
    bench.post(2)
    bench.deliver()
    assert bench.queue.early_exits == []


def test_an_early_exit_is_not_told_again_when_the_last_consumer_leaves():
    bench = Bench()
    stream = bench.reader(spec(1))
    bench.post(1, 2)
    bench.numbers()
    assert bench.queue.early_exits == [(DEFAULT_APP_ID, guid(2))]
    bench.confirm(stream, 1)
    stream.is_paused = True
    bench.deliver()
    bench.detach(stream)
    bench.deliver()
    assert bench.queue.early_exits == []


def test_what_was_put_aside_is_no_early_exit_without_consumers():
    bench = Bench()
    stream = bench.reader(spec(wants="x > 5"))
    bench.post(1)
    bench.numbers()
    bench.detach(stream)
    bench.deliver()
    assert bench.queue.early_exits == []
    bench.post(2)
    bench.deliver()
    assert bench.queue.early_exits == [(DEFAULT_APP_ID, guid(2))]


def test_what_was_restored_is_no_early_exit_until_more_is_posted():
    old = Bench(is_pageable=True)
    first = old.queue.next_ordinal
    old.queue.post([message(1, first, location=9)], old.wall_ns, old.now)
    bench = Bench(is_pageable=True)
    restored = RestoredApp(DEFAULT_APP_ID, 0, 0, ())
    bench.queue.restore(old.queue.store.export(), [restored], bench.now)
    bench.deliver()
    assert bench.queue.early_exits == []
    bench.post(2)
    bench.deliver()
    assert bench.queue.early_exits == [(DEFAULT_APP_ID, guid(1))]


def test_a_client_that_does_not_read_is_no_early_exit():
    bench = Bench()
    bench.reader(spec()).is_paused = True
    bench.post(1)
    bench.deliver()
    assert bench.queue.early_exits == []


# Decompression.


def test_the_step_decompresses_a_bounded_number_of_messages():
    bench = Bench()
    bench.reader(spec()).is_inflating = True
    zlib = 1 << 16
    batch = [(guid(n), 0, zlib, b"data", 3, n, 0) for n in range(5)]
    bench.queue.post(batch, 0, bench.now)
    counts: list[int] = []
    while not counts or bench.queue.has_more:
        deliveries = bench.queue.deliver(bench.now, DeliveryBudget(1_000_000, 2))
        counts.append(sum(len(d.messages) for d in deliveries))
    assert counts == [2, 2, 1]


def test_broadcast_leaves_out_what_it_may_not_decompress():
    bench = Bench(mode=QueueMode.BROADCAST)
    bench.reader(spec()).is_inflating = True
    batch = [(guid(n), 0, (n % 2) << 16, b"data", 3, n, 0) for n in range(6)]
    bench.queue.post(batch, 0, bench.now)
    (delivery,) = bench.queue.deliver(bench.now, DeliveryBudget(1_000_000, 1))
    assert [number(m) for m in delivery.messages] == [0, 1, 2, 4]


# Listing.


@pytest.mark.parametrize(
    ("offset", "count", "first", "listed"),
    [
        (0, 0, 0, [0, 1, 2, 3, 4]),
        (2, 2, 2, [2, 3]),
        (3, 9, 3, [3, 4]),
        (-2, 0, 3, [3, 4]),
        (-9, 1, 0, [0]),
        (4, -2, 2, [2, 3]),
        (1, -3, 0, [0, 1, 2]),
        (-1, -1, 3, [3]),
        (9, 0, 9, []),
        (9, 2, 9, []),
    ],
)
def test_listing_counts_from_both_ends(offset: int, count: int, first: int, listed: list[int]):
    bench = Bench()
    bench.post(*range(5), size=7)
    total, index, found = bench.queue.list_messages(None, offset, count)
    assert (total, index) == (5, first)
    assert found == [(guid(n), 7, bench.wall_ns) for n in listed]
