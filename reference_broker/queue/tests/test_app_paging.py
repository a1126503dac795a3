"""Applications of a queue whose messages are paged out, or were there before a restart."""

from __future__ import annotations

from reference_broker.base import DEFAULT_APP_ID
from reference_broker.queue import (
    Columns,
    QueueMode,
    RestoredApp,
)
from reference_broker.queue.tests.shapes import (
    OUT_OF_ORDER,
    Bench,
    guid,
    held,
    message,
    number,
    spec,
)
from reference_broker.queue.tests.test_app import fanout, pending


def logged(count: int = 1_500) -> Bench:
    """Return a queue that was recovered with `count` messages, all of them paged out."""
    bench = Bench(is_pageable=True)
    batch = [message(n, n, 1, n + 1) for n in range(count)]
    source = Bench(is_pageable=True)
    source.queue.post(batch, source.wall_ns, source.now)
    restore(bench, source.queue.store.export())
    return bench


def restore(bench: Bench, columns: Columns, *apps: RestoredApp) -> None:
    """Recover a queue."""
    bench.queue.restore(columns, apps or [RestoredApp(DEFAULT_APP_ID, 0, 0, [])], bench.now)


def thaw(bench: Bench, ordinal: int) -> None:
    """Read the block of an ordinal back."""
    entries = bench.queue.store.cold_entries(ordinal)
    bench.queue.store.thaw([message(o, o, size, at) for o, at, size in entries])


def test_a_message_that_is_paged_out_is_asked_for_and_goes_in_its_turn():
    bench = logged()
    bench.reader(spec())
    got: list[int] = []
    wanted: list[int] = []
    while (now := bench.numbers()) or bench.queue.wanted:
        got += now
        for ordinal in bench.queue.wanted:
            wanted.append(ordinal)
            thaw(bench, ordinal)
    assert got == list(range(1_500))
    assert wanted == [0, 512, 1_024]


def test_messages_that_come_back_are_asked_for_too():
    bench = logged()
    stream = bench.reader(spec(2))
    bench.deliver()
    thaw(bench, 0)
    assert bench.numbers() == [0, 1]
    bench.detach(stream)
    bench.queue.store.trim([1_400], 0)
    assert bench.queue.store.is_cold(0)
    bench.reader(spec(3))
    assert bench.numbers() == []
    assert bench.queue.wanted == [0]
    thaw(bench, 0)
    assert bench.flagged() == [(0, OUT_OF_ORDER), (1, OUT_OF_ORDER), (2, 0)]


def test_two_applications_ask_for_a_block_once():
    source = fanout(is_pageable=True)
    source.queue.post([message(n, n, 1, n + 1) for n in range(20)], 0, source.now)
    bench = Bench(mode=QueueMode.FANOUT, is_pageable=True)
    apps = [RestoredApp("foo", 1, 0, []), RestoredApp("bar", 2, 5, [])]
    restore(bench, source.queue.store.export(), *apps)
    bench.reader(spec(), app_id="foo")
    bench.reader(spec(), app_id="bar", connection=2)
    bench.deliver()
    assert len(bench.queue.wanted) == 1


def test_what_was_confirmed_before_a_restart_is_not_delivered_again():
    source = fanout(is_pageable=True)
    source.queue.post([message(n, n, 2, n + 1) for n in range(8)], 0, source.now)
    bench = Bench(mode=QueueMode.FANOUT, is_pageable=True)
    apps = [RestoredApp("foo", 1, 3, [4, 5, 99]), RestoredApp("bar", 2, 0, [])]
    restore(bench, source.queue.store.export(), *apps)
    assert pending(bench) == {"foo": (3, 6), "bar": (8, 16)}
    assert bench.listed("foo") == [3, 6, 7]
    foo = bench.reader(spec(), app_id="foo")
    bench.deliver()
    thaw(bench, 0)
    assert bench.turns() == [(foo, n) for n in (3, 6, 7)]
    assert bench.queue.confirm(foo, [guid(4), guid(1), guid(3)], bench.now).ordinals == [3]


def test_a_restored_guid_is_a_duplicate_and_ordinals_go_on():
    bench = logged(3)
    assert bench.post(1, 9) == ["9", "1 DUPLICATE"]
    assert bench.queue.next_ordinal > 3


def test_restored_messages_ignore_limits():
    source = Bench(is_pageable=True)
    source.queue.post([message(n, n, 1, n + 1) for n in range(3)], 0, source.now)
    bench = Bench(limits=(0, 0), is_pageable=True)
    restore(bench, source.queue.store.export())
    assert bench.post(8) == ["8 LIMIT_MESSAGES"]
    assert bench.listed() == [0, 1, 2]


def test_what_the_log_cannot_give_back_is_given_up():
    bench = logged(5)
    stream = bench.reader(spec(1))
    bench.deliver()
    thaw(bench, 0)
    assert bench.numbers() == [0]
    removed = bench.queue.remove([0, 2], bench.now)
    assert [number(entry[0]) for entry in removed] == [0, 2]
    assert held(stream) == []
    bench.configure(stream, spec())
    assert bench.numbers() == [1, 3, 4]
    assert pending(bench) == {DEFAULT_APP_ID: (3, 3)}


def test_positions_say_where_reading_goes_on():
    bench = Bench()
    first = bench.reader(spec(2))
    bench.post(*range(5))
    bench.deliver()
    assert bench.queue.positions() == [2]
    bench.detach(first)
    assert sorted(bench.queue.positions()) == [0, 2]
