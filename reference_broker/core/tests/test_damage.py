"""One bit of one file flips: no message that is not what was posted is ever delivered.

A broker is led through a random life and killed. A bit of its files flips, anywhere. The next broker
refuses to start and names the file and the byte, or it starts; then what it delivers is what was
posted, and what is missing is told. The same holds for the broker after that one, so that nobody has
copied the damage under a good checksum.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.core.tests.pair import Wire, World, cluster, domain
from reference_broker.core.tests.shapes import (
    ACK,
    FANOUT_URI,
    FILE_URI,
    PROPERTIES,
    confirms,
    guid,
    pushes,
    put,
    reader_of,
    statuses,
    with_properties,
    writer_of,
)
from reference_broker.ports import Stop
from reference_broker.storage import (
    OFFSET_MASK,
    SEGMENT_SHIFT,
    STORED_HEADER_SIZE,
    StorageCorruptionError,
)
from reference_broker.wire import Put, put_event

ROOMY = (1_000_000, 1 << 30)
DOMAINS = [
    domain("test.file", storage="fileBacked", limits=ROOMY, domain_limits=ROOMY),
    domain(
        "test.fan",
        storage="fileBacked",
        mode="fanout",
        apps=("foo", "bar"),
        limits=ROOMY,
        domain_limits=ROOMY,
    ),
]
#: URI and app of each reader.
READERS = ((FILE_URI, ""), (FANOUT_URI, "foo"), (FANOUT_URI, "bar"))
OPTIONS: dict[str, Any] = {"cluster": cluster(), "segment_bytes_max": 1_500, "hot_bytes_max": 500}


class Content(NamedTuple):
    """What of a message a consumer must get as it was posted."""

    data: bytes
    flags: int
    compression: int
    schema: int


@pytest.fixture(autouse=True)
def small_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a queue keep less in memory than it always may."""
    monkeypatch.setattr("reference_broker.core.context.HOT_QUEUE_BYTES_MIN", 500)


def made_put(number: int) -> Put:
    """Return a message; how its data are to be read goes by the number."""
    payload = b"%d" % number * (1 + number % 5)
    match number % 5:
        case 0:
            return with_properties(number, {"n": number}, payload)
        case 1:
            return with_properties(number, {"n": number}, payload, is_new_style=False)
        case 2:
            return put(number, payload, compression=1)
        case 3:
            return put(number, payload, schema=1)
        case _:
            return put(number, payload, flags=ACK)


def posted(number: int) -> Content:
    """Return what a consumer must get of the message with a number."""
    made = made_put(number)
    return Content(made.data, made.flags & PROPERTIES, made.compression, made.schema)


class Life:
    """A broker before the damage.

    Args:
        seed: of all that is random.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World(DOMAINS, files={}, **OPTIONS)
        self.count = 0
        #: What each reader has not confirmed.
        self.pending: dict[tuple[str, str], list[int]] = {reader: [] for reader in READERS}

    def run(self, steps: int) -> None:
        actions = [self.post, self.confirm, self.roll_over, self.wait, self.restart]
        for action in self.random.choices(actions, [8, 4, 2, 1, 1], k=steps):
            action()
        if self.random.random() < 0.3:
            self.stop()

    def post(self) -> None:
        uri = self.random.choice([FILE_URI, FANOUT_URI])
        numbers = range(self.count, self.count + self.random.randrange(1, 40))
        self.count = numbers.stop
        wire = writer_of(self.world, uri)
        wire.send(put_event([made_put(number) for number in numbers]))
        assert statuses(wire.events()) == [0] * len(numbers)
        wire.close()
        for reader in READERS:
            if reader[0] == uri:
                self.pending[reader] += numbers

    def confirm(self) -> None:
        reader = self.random.choice(READERS)
        pending = self.pending[reader]
        share = self.random.choice([0.5, 1.0])
        done = [number for number in pending[:60] if self.random.random() < share]
        wire = consumer(self.world, *reader)
        wire.send(confirms(*done, sub_id=int(bool(reader[1]))))
        wire.close()
        self.pending[reader] = [number for number in pending if number not in set(done)]

    def roll_over(self) -> None:
        self.world.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")

    def wait(self) -> None:
        self.world.advance(6)

    def restart(self) -> None:
        self.world = self.world.restarted(**OPTIONS)

    def stop(self) -> None:
        self.world.step(Stop())
        assert self.world.has_stopped()

    def flip(self) -> str:
        """Flip a bit, often in a message's header; returns the name of the file."""
        files = self.world.files
        headers = [header_of(self.world, *place) for place in self.stored()]
        if headers and self.random.random() < 0.5:
            name, start = self.random.choice(headers)
            place = start + self.random.randrange(STORED_HEADER_SIZE)
        else:
            name = self.random.choice(sorted(name for name, data in files.items() if data))
            place = self.random.randrange(len(files[name]))
        files[name][place] ^= 1 << self.random.randrange(8)
        return name

    def stored(self) -> list[tuple[str, int]]:
        """Return URI and ordinal of what the broker holds."""
        queues = self.world.broker._context.queues
        return [
            (uri, each) for uri, entry in queues.items() for each in entry.queue.store.ordinals()
        ]

    def expected(self) -> set[tuple[str, str, int]]:
        return {(*reader, number) for reader, some in self.pending.items() for number in some}


def header_of(world: World, uri: str, ordinal: int) -> tuple[str, int]:
    """Return the file and the place in it where a message is stored."""
    entry = world.broker._context.queues[uri]
    location = entry.queue.store.location_of(ordinal)
    name = world.broker._context.log_of(entry).name_of(location >> SEGMENT_SHIFT)
    return name, location & OFFSET_MASK


def consumer(world: World, uri: str, app: str) -> Wire:
    return reader_of(world, uri, app, messages=100_000, size=1 << 30)


def delivered(world: World) -> set[tuple[str, str, int]]:
    """Let every reader read everything; returns reader and number of what comes, all as posted."""
    found: set[tuple[str, str, int]] = set()
    for uri, app in READERS:
        wire = consumer(world, uri, app)
        for push in pushes(wire.events()):
            number = int.from_bytes(push.guid[1:], "big")
            assert push.guid == guid(number)
            content = Content(push.data, push.flags & PROPERTIES, push.compression, push.schema)
            assert content == posted(number)
            assert (uri, app, number) not in found
            found.add((uri, app, number))
        wire.close()
    return found


def is_told(world: World, name: str) -> bool:
    """Return whether the log names a file and a byte of it."""
    return any(name in text and "at byte" in text for text in world.logs())


def start(world: World, name: str) -> World | None:
    """Return the next broker, or None when it refuses, as it should, because of a file."""
    try:
        return world.restarted(**OPTIONS)
    except StorageCorruptionError as error:
        text = str(error)
    assert name in text
    assert "at byte" in text
    return None


def look_at_a_flip(seed: int, steps: int) -> None:
    life = Life(seed)
    life.run(steps)
    expected = life.expected()
    name = life.flip()
    world = start(life.world, name)
    if world is None:
        return
    if life.random.random() < 0.5:
        world.advance(6)  # it compacts its log before anybody has read it
        found = expected
    else:
        found = delivered(world)
        assert found == expected or is_told(world, name)
    if life.random.random() < 0.5:
        world.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")
    after = start(world, name)
    if after is not None:
        again = delivered(after)
        assert again == found or is_told(world, name) or is_told(after, name)
        assert max([number for _, _, number in again], default=-1) < life.count


@given(st.integers(0, 2**32), st.integers(1, 12))
@settings(max_examples=50)
@pytest.mark.usefixtures("small_share")
def test_a_flipped_bit_is_refused_or_told_or_makes_no_difference(seed: int, steps: int):
    look_at_a_flip(seed, steps)


@given(st.integers(0, 2**32), st.integers(1, 40))
@settings(max_examples=400)
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.usefixtures("small_share")
def test_a_flipped_bit_after_a_long_time(seed: int, steps: int):
    look_at_a_flip(seed, steps)


# Each bit of a message's header, in a segment that is not read when the broker starts.

#: Bytes of the header that say nothing once a message is stored: qId and what is reserved.
_IDLE_BYTES = (8, 9, 10, 11, 34, 35)


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("byte", range(STORED_HEADER_SIZE))
def test_each_bit_of_a_header_that_a_snapshot_hides(byte: int, number: int):
    world = World(DOMAINS, files={}, **OPTIONS)
    wire = writer_of(world, FILE_URI)
    wire.send(put_event([made_put(each) for each in range(5)]))
    name, place = header_of(world, FILE_URI, number)
    world.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")
    for bit in range(8):
        world.files[name][place + byte] ^= 1 << bit
        after = world.restarted(**OPTIONS)
        found = {each for _, _, each in delivered(after)}
        # Of the four flags one is about the data; reserved are those that nobody reads.
        is_idle = byte in _IDLE_BYTES or (byte == 0 and bit in (4, 6, 7))
        assert found == set(range(5)) - (set() if is_idle else {number})
        assert is_told(after, name) != is_idle
        world.files[name][place + byte] ^= 1 << bit
