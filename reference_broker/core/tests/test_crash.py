"""Crashes at any effect and at any byte of it: what was acknowledged is there again.

A random conversation is recorded; then the disk is brought to what it was in the middle of any
effect. A broker that starts on it has every message that was acknowledged and not confirmed, and
can be crashed again.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.base import seconds
from reference_broker.core.tests.pair import FILE, STRONG, Wire, World
from reference_broker.core.tests.shapes import (
    acks,
    configure,
    guid,
    open_queue,
    pushes,
    put,
)
from reference_broker.ports import (
    CreateFile,
    Effect,
    RemoveFile,
    Send,
    Sync,
    TruncateFile,
    Write,
)
from reference_broker.wire import EventReader, confirm_event, put_event

_URIS = ("bmq://test.file/a", "bmq://test.file/b", "bmq://test.strong/c")
_SEGMENT_BYTES = 500


class Step(NamedTuple):
    """Post some messages to a queue, or confirm some of those that are stored."""

    queue: int
    posts: int
    confirms: int
    size: int


class Crash(NamedTuple):
    """Where to crash: shares of the effects, and of the bytes of the last one."""

    effect: float
    part: float


_steps = st.lists(
    st.builds(
        Step,
        queue=st.integers(0, 2),
        posts=st.integers(0, 3),
        confirms=st.sampled_from([0, 1, 2, 99]),
        size=st.integers(1, 150),
    ),
    min_size=1,
    max_size=15,
)
_crashes = st.builds(
    Crash,
    effect=st.floats(0, 1),
    part=st.floats(0, 1, exclude_max=True),
)


class Story:
    """What was posted and confirmed, over all crashes."""

    def __init__(self) -> None:
        self.next_number = 1
        self.stored: dict[int, list[int]] = {0: [], 1: [], 2: []}
        self.confirmed: set[int] = set()

    def play(self, world: World, steps: list[Step]) -> None:
        wire = world.session()
        for queue, uri in enumerate(_URIS):
            open_queue(wire, uri, queue, read=1, write=1)
            configure(wire, queue, queue + 1)
        for step in steps:
            if step.posts:
                self._post(wire, step)
            self._confirm(wire, step)

    def _post(self, wire: Wire, step: Step) -> None:
        numbers = range(self.next_number, self.next_number + step.posts)
        self.next_number += step.posts
        wire.send(put_event([put(n, bytes(step.size), step.queue) for n in numbers]))
        self.stored[step.queue] += numbers

    def _confirm(self, wire: Wire, step: Step) -> None:
        stored = self.stored[step.queue]
        chosen, self.stored[step.queue] = stored[: step.confirms], stored[step.confirms :]
        if chosen:
            wire.send(confirm_event([(step.queue, guid(n), 0) for n in chosen]))
            self.confirmed.update(chosen)


def crashed(
    effects: list[Effect], before: dict[str, bytes], crash: Crash
) -> tuple[dict[str, bytes], set[int]]:
    """Return the files in the middle of an effect, and the numbers acknowledged before it."""
    last = min(int(crash.effect * len(effects)), len(effects) - 1)
    disk = Disk(before)
    acknowledged: set[int] = set()
    done = 0
    for effect in effects[:last]:
        if isinstance(effect, Send):
            if effect.after <= done:
                acknowledged |= numbers_acknowledged(effect)
        elif isinstance(effect, Sync) and effect.token:
            done = effect.token
        disk.carry_out(effect)
    final = effects[last]
    if isinstance(final, Write):
        data = b"".join(final.chunks)
        disk.files[final.name] += data[: int(crash.part * len(data))]
    return disk.files, acknowledged


class Disk:
    """Files as the effects make them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = dict(files)

    def carry_out(self, effect: Effect) -> None:
        match effect:
            case CreateFile(name):
                self.files[name] = b""
            case Write(name, chunks):
                self.files[name] += b"".join(chunks)
            case TruncateFile(name, size):
                self.files[name] = self.files[name][:size]
            case RemoveFile(name):
                del self.files[name]
            case _:
                pass


def numbers_acknowledged(effect: Send) -> set[int]:
    events = list(EventReader(2**24).feed(b"".join(effect.chunks)))
    return {int.from_bytes(g[1:], "big") for status, _, g, _ in acks(events) if status == 0}


def recovered_numbers(world: World) -> set[int]:
    found: set[int] = set()
    for uri in _URIS:
        wire = world.session()
        open_queue(wire, uri, read=1)
        found |= {int.from_bytes(push.guid[1:], "big") for push in pushes(configure(wire))}
        wire.close()
    return found


def started(files: dict[str, bytes], life: int) -> World:
    """Return a broker on files; each life begins later than the one before."""
    now = seconds(60 * (life + 1))
    return World([FILE, STRONG], files=files, segment_bytes_max=_SEGMENT_BYTES, now=now)


@given(st.lists(st.tuples(_steps, _crashes), min_size=1, max_size=3))
@settings(deadline=None, max_examples=150)
@pytest.mark.slow
def test_nothing_acknowledged_is_lost_and_nothing_is_invented(
    lives: list[tuple[list[Step], Crash]],
):
    story = Story()
    safe: set[int] = set()
    files: dict[str, bytes] = {}
    for number, (steps, crash) in enumerate(lives):
        world = started(files, number)
        found = recovered_numbers(world)
        assert safe - story.confirmed <= found
        assert found <= set(range(1, story.next_number))
        story.stored = {
            queue: [n for n in numbers if n in found] for queue, numbers in story.stored.items()
        }
        story.play(world, steps)
        files, acknowledged = crashed(world.journal, files, crash)
        safe = (safe & found) | acknowledged
    assert safe - story.confirmed <= recovered_numbers(started(files, len(lives)))
