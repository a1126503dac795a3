"""A fanout queue through random lives, against a model: crashes, paging, compaction, other apps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.config import DomainConfig
from reference_broker.core.tests.pair import Wire, World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    confirms,
    numbers_of,
    put,
    reader_of,
    statuses,
    writer_of,
)
from reference_broker.ports import Stop
from reference_broker.wire import put_event

APPS = ("a", "b", "c")
_SEGMENT_BYTES = 6_000
_ROOMY = (1_000_000, 1 << 30)

_app = st.sampled_from(APPS)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.integers(1, 120), st.integers(1, 200)),
        st.tuples(st.just("post"), st.integers(1, 700), st.just(1)),
        st.tuples(st.just("again"), st.integers(0, 50)),
        st.tuples(st.just("read"), _app, st.sampled_from([1, 7, 100_000])),
        st.tuples(st.just("confirm"), _app, st.integers(0, 700), st.integers(1, 700)),
        st.tuples(st.just("confirm"), _app, st.just(0), st.just(100_000)),
        st.tuples(st.just("leave"), _app, st.booleans()),
        st.tuples(st.just("purge"), st.sampled_from(["*", *APPS])),
        st.tuples(st.just("other apps"), st.sets(_app)),
        st.tuples(st.just("wait")),
        st.tuples(st.just("rollover")),
        st.tuples(st.just("restart"), st.booleans()),
        st.tuples(st.just("late apps"), st.sets(_app)),
    ),
    min_size=1,
    max_size=30,
)


def fanout(apps: list[str]) -> DomainConfig:
    return domain(
        "test.fan",
        mode="fanout",
        storage="fileBacked",
        apps=apps,
        limits=_ROOMY,
        domain_limits=_ROOMY,
        messageTtl=10_000_000,
        deduplicationTimeMs=2_000_000_000,
    )


class Story:
    """A broker, and what it should hold."""

    def __init__(self) -> None:
        self.apps = ["a", "b"]
        #: What each app has not confirmed, in order.
        self.pending: dict[str, list[int]] = {"a": [], "b": []}
        self.next_number = 0
        self.world = self.start(files={})
        self.readers: dict[str, Wire] = {}

    def start(self, **options: Any) -> World:
        options |= {"segment_bytes_max": _SEGMENT_BYTES, "hot_bytes_max": 2_000}
        return World([fanout(self.apps)], **options)

    def do(self, verb: str, *arguments: Any) -> None:
        getattr(self, verb.replace(" ", "_"))(*arguments)
        self.check()

    def post(self, count: int, size: int) -> None:
        numbers = range(self.next_number, self.next_number + count)
        self.next_number += count
        for app in self.apps:
            self.pending[app] += numbers
        wire = writer_of(self.world, FANOUT_URI)
        wire.send(put_event([put(n, bytes(size)) for n in numbers]))
        assert statuses(wire.events()) == [0] * count
        wire.close()

    def again(self, number: int) -> None:
        """Post a message a second time, if there was a first; nothing comes of it."""
        if number < self.next_number and any(self.pending.values()):
            stored = next(iter(n for numbers in self.pending.values() for n in numbers))
            wire = writer_of(self.world, FANOUT_URI)
            wire.send(put_event([put(stored)]))
            assert statuses(wire.events()) == [0]
            wire.close()

    def read(self, app: str, limit: int) -> None:
        if app not in self.readers:
            options = {"messages": limit, "size": 1 << 30}
            self.readers[app] = reader_of(self.world, FANOUT_URI, app, **options)

    def confirm(self, app: str, start: int, count: int) -> None:
        if app in self.readers and app in self.pending:
            chosen = self.pending[app][start : start + count]
            del self.pending[app][start : start + count]
            self.readers[app].send(confirms(*chosen, sub_id=1))

    def leave(self, app: str, is_lost: bool) -> None:
        wire = self.readers.pop(app, None)
        if wire is not None:
            wire.close("lost" if is_lost else "closed by the peer")

    def purge(self, app: str) -> None:
        if not self.world.broker.statistics().queues:
            return
        result = self.world.admin(f"DOMAINS DOMAIN test.fan QUEUE q PURGE {app}")
        if app == "*":
            self.pending = {each: [] for each in self.pending}
        elif app in self.pending:
            count = len(self.pending[app])
            assert result.text.startswith(f"Purged {count:,} message(s)"), result
            self.pending[app] = []
        else:
            assert result.rc == -2

    def apps_are(self, chosen: set[str]) -> None:
        self.apps = sorted(chosen)
        self.pending = {app: self.pending.get(app, []) for app in self.apps}
        self.world.domains["test.fan"] = fanout(self.apps)

    def other_apps(self, chosen: set[str]) -> None:
        """Change the configuration while the broker runs."""
        self.apps_are(chosen)
        assert self.world.admin("DOMAINS RECONFIGURE test.fan").rc == 0

    def late_apps(self, chosen: set[str]) -> None:
        """Change the configuration while the broker is not there."""
        self.apps_are(chosen)
        self.restart(False)

    def wait(self) -> None:
        self.world.advance(6)

    def rollover(self) -> None:
        self.world.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")

    def restart(self, is_stopped: bool) -> None:
        if is_stopped:
            for wire in list(self.world.wires.values()):
                wire.close()
            self.world.step(Stop())
            assert self.world.has_stopped()
        self.readers = {}
        files = {name: bytes(data) for name, data in self.world.files.items()}
        self.world = self.start(files=files, now=self.world.now + 1_000_000_000)
        assert self.world.is_ready

    def check(self) -> None:
        """Compare what the broker holds with what it should."""
        world = self.world
        entry = world.broker._context.queues.get(FANOUT_URI)
        if entry is None:
            assert not any(self.pending.values())
            return
        stored = {n for numbers in self.pending.values() for n in numbers}
        assert len(entry.queue.store) == len(stored)
        counts = {
            a.app_id: a.pending_messages for a in entry.queue.apps.values() if a.is_registered
        }
        assert counts == {app: len(numbers) for app, numbers in self.pending.items()}
        (log,) = world.broker._context.logs
        assert log.segments.live == sum(file.live for file in log.segments.files) == len(stored)
        assert [text for text in world.alarms() if "[STORAGE]" in text] == []

    def drain(self) -> None:
        """Let everybody read everything."""
        for app in list(self.readers):
            self.leave(app, is_lost=False)
        for app, numbers in self.pending.items():
            wire = reader_of(self.world, FANOUT_URI, app, messages=100_000, size=1 << 30)
            assert numbers_of(wire.events()) == numbers, app
            wire.send(confirms(*numbers, sub_id=1))
            numbers.clear()
        self.check()


@given(_steps)
@settings(max_examples=200)
@pytest.mark.slow
def test_every_app_gets_what_it_has_not_confirmed(steps: list[tuple[Any, ...]]):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reference_broker.core.context.HOT_QUEUE_BYTES_MIN", 2_000)
        story = Story()
        for step in steps:
            story.do(*step)
        story.drain()
