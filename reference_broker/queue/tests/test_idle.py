"""The consumption monitor."""

from __future__ import annotations

from reference_broker.base import DEFAULT_APP_ID
from reference_broker.queue import AppFacts, IdleChange, QueueMode
from reference_broker.queue.tests.shapes import SECOND, Bench, spec


def watched(idle_s: int = 1, **options) -> Bench:
    """Return a queue whose applications are stuck after `idle_s` seconds."""
    return Bench(idle_ns_max=idle_s * SECOND, **options)


def look(bench: Bench) -> list[IdleChange]:
    """Look at the queue if it is time."""
    deadline = bench.queue.idle.deadline
    if deadline is None or deadline > bench.now:
        return []
    return bench.queue.look(bench.now, bench.wall_ns)


def names(bench: Bench) -> list[tuple[str, bool]]:
    """Return what changed: (app id, whether it is stuck)."""
    return [(change.app_id, change.is_stuck) for change in look(bench)]


STUCK = [(DEFAULT_APP_ID, True)]
MOVING = [(DEFAULT_APP_ID, False)]


def test_nothing_is_stuck_when_all_is_delivered():
    bench = watched()
    bench.reader(spec())
    bench.post(1)
    bench.deliver()
    bench.wait(5 * SECOND)
    assert names(bench) == []
    assert bench.queue.idle.deadline is None


def test_an_undelivered_message_is_told_of_once_and_again_when_it_has_gone():
    bench = watched()
    stream = bench.reader(spec(1))
    bench.post(1, 2)
    bench.deliver()
    bench.wait(SECOND - 1)
    assert names(bench) == []
    bench.wait(1)
    assert names(bench) == STUCK
    bench.wait(SECOND)
    assert names(bench) == []
    bench.confirm(stream, 1)
    assert bench.numbers() == [2]
    assert names(bench) == MOVING


def test_a_slow_queue_is_not_stuck():
    bench = watched(3)
    stream = bench.reader(spec(1))
    bench.post(1, 2, 3)
    bench.deliver()
    for n in (1, 2):
        bench.wait(SECOND)
        bench.confirm(stream, n)
        bench.deliver()
        assert names(bench) == []
    bench.wait(5 * SECOND)
    assert names(bench) == []


def test_the_age_counts_from_the_arrival():
    bench = watched()
    bench.reader(spec(1))
    bench.post(1)
    bench.deliver()
    bench.wait(SECOND // 2)
    bench.post(2)
    bench.wait(SECOND // 2)
    assert names(bench) == []
    assert bench.queue.idle.deadline == bench.now + SECOND // 2
    bench.wait(SECOND // 2)
    assert names(bench) == STUCK


def test_messages_that_come_back_are_as_old_as_before():
    bench = watched()
    stream = bench.reader(spec())
    bench.post(1)
    bench.deliver()
    bench.wait(5 * SECOND)
    assert names(bench) == []
    bench.detach(stream)
    (change,) = look(bench)
    assert change.is_stuck
    assert change.facts == AppFacts(0, 1, 1, 0, 1, (), 0, None)


def test_what_nobody_wants_is_stuck_and_the_facts_say_why():
    bench = watched()
    bench.reader(spec(wants="x == 1"))
    bench.post(1, 0, size=3)
    bench.deliver()
    bench.wait(SECOND)
    (change,) = look(bench)
    assert change.facts == AppFacts(1, 2, 6, 1, 0, ("x == 1",), 1, 1)


def test_each_application_for_itself():
    bench = watched(mode=QueueMode.FANOUT, apps="foo bar")
    bench.reader(spec(), app_id="foo")
    bench.post(1)
    bench.deliver()
    bench.wait(SECOND)
    assert names(bench) == [("bar", True)]
    bench.reader(spec(), app_id="bar", connection=2)
    bench.deliver()
    assert names(bench) == [("bar", False)]


def test_a_new_limit_counts_at_once():
    bench = watched(3)
    bench.post(1)
    bench.wait(2 * SECOND)
    assert names(bench) == []
    settings = bench.queue.settings
    bench.queue.reconfigure(settings._replace(idle_ns_max=SECOND), bench.now)
    assert names(bench) == STUCK
    bench.queue.reconfigure(settings._replace(idle_ns_max=9 * SECOND), bench.now)
    assert names(bench) == MOVING


def test_a_limit_of_zero_ends_it_silently():
    bench = watched()
    bench.post(1)
    bench.wait(SECOND)
    assert names(bench) == STUCK
    bench.queue.reconfigure(bench.queue.settings._replace(idle_ns_max=0), bench.now)
    bench.post(2)
    bench.reader(spec())
    bench.deliver()
    bench.wait(99 * SECOND)
    assert names(bench) == []
    assert bench.queue.idle.deadline is None


def test_a_stuck_queue_is_looked_at_again_after_a_while():
    bench = watched(99)
    bench.post(1)
    bench.wait(99 * SECOND)
    assert names(bench) == STUCK
    assert bench.queue.idle.deadline == bench.now + 30 * SECOND


def test_purging_frees_a_stuck_queue():
    bench = watched()
    bench.post(1)
    bench.wait(SECOND)
    assert names(bench) == STUCK
    bench.queue.purge(None, bench.now)
    assert names(bench) == MOVING
