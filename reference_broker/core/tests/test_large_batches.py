"""Batches that fill blocks, with duplicates and at limits: what is accepted, kept and delivered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.base.limits import BLOCK_BYTES
from reference_broker.config import DomainConfig
from reference_broker.core.tests.pair import Wire, World, domain
from reference_broker.core.tests.shapes import (
    FILE_URI,
    MEM_URI,
    confirms,
    guid,
    pushes,
    put,
    reader_of,
    statuses,
    writer_of,
)
from reference_broker.wire import AckStatus, put_event

_ROOMY = (1_000_000, 1 << 30)
_OK, _MESSAGES, _BYTES = AckStatus.SUCCESS, AckStatus.LIMIT_MESSAGES, AckStatus.LIMIT_BYTES
_HUGE = 600_000
assert BLOCK_BYTES < _HUGE
_SMALL: dict[str, Any] = {"hot_bytes_max": 0, "segment_bytes_max": 1_000_000}

pytestmark = pytest.mark.usefixtures("eager_paging")
on_both = pytest.mark.parametrize("is_file", [False, True], ids=["memory", "file"])


@pytest.fixture(scope="module")
def eager_paging() -> Iterator[None]:
    """Page out everything that can be, so that what is read comes from where the log has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reference_broker.core.context.HOT_QUEUE_BYTES_MIN", 0)
        yield


def kept(
    is_file: bool, limits: tuple[int, int] = _ROOMY, domain_limits: tuple[int, int] = _ROOMY
) -> DomainConfig:
    """Return a domain that keeps its messages, and remembers their GUIDs, for long."""
    return domain(
        "test.file" if is_file else "test.mem",
        storage="fileBacked" if is_file else "inMemory",
        limits=limits,
        domain_limits=domain_limits,
        messageTtl=10_000_000,
        deduplicationTimeMs=2_000_000_000,
    )


def content(number: int, size: int) -> bytes:
    """Return data that no other message has."""
    return (number.to_bytes(4, "big") * (size // 4 + 1))[:size]


class Story:
    """A broker with one queue, and what the queue should hold."""

    def __init__(
        self,
        is_file: bool,
        limits: tuple[int, int] = _ROOMY,
        domain_limits: tuple[int, int] = _ROOMY,
    ) -> None:
        self.is_file = is_file
        self.uri = FILE_URI if is_file else MEM_URI
        #: The queue's limits come before the domain's; these hold the same messages.
        self.limits = limits, domain_limits
        self.held: dict[int, bytes] = {}  # by number, in order
        self.known: set[int] = set()
        self.world = World([kept(is_file, limits, domain_limits)], files={}, **_SMALL)

    def expected(self, number: int, data: bytes) -> AckStatus:
        """Post one message to the model."""
        if number in self.known:
            return _OK
        size = sum(map(len, self.held.values()))
        for messages_max, bytes_max in self.limits:
            if len(self.held) > messages_max:
                return _MESSAGES
            if size > bytes_max:
                return _BYTES
        self.known.add(number)
        self.held[number] = data
        return _OK

    def post(self, *batch: tuple[int, int]) -> list[int]:
        """Post messages of given (number, size), and compare the answers; returns them."""
        messages = [(number, content(number, size)) for number, size in batch]
        expected = [self.expected(number, data) for number, data in messages]
        wire = writer_of(self.world, self.uri)
        wire.send(put_event([put(number, data) for number, data in messages]))
        found = statuses(wire.events())
        assert found == expected
        wire.close()
        return found

    def confirm(self, *numbers: int) -> None:
        """Read everything, and confirm some of it."""
        wire = self._reader()
        wire.send(confirms(*numbers))
        wire.close()
        for number in numbers:
            self.held.pop(number, None)
        self.check()

    def roll_over(self) -> None:
        """Write a snapshot, which a restart begins with."""
        self.world.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")

    def restart(self) -> None:
        """Kill the broker and start it again, if there is anything that survives it."""
        if self.is_file:
            self.world = self.world.restarted(**_SMALL)
            self.check()

    def check(self) -> None:
        """Read everything and compare it."""
        wire = self._reader()
        found = [(push.guid, push.data) for push in pushes(wire.events())]
        assert found == [(guid(number), data) for number, data in self.held.items()]
        wire.close()
        counts = self.world.broker.statistics()
        assert (counts.messages, counts.unconfirmed) == (len(self.held), 0)

    def _reader(self) -> Wire:
        return reader_of(self.world, self.uri, messages=100_000, size=1 << 30)


# What once ended the broker: a block that ends in the middle of a batch.


@on_both
def test_two_huge_messages_near_the_limit(is_file: bool):
    story = Story(is_file, limits=(1_000, 1_048_576))
    assert story.post((1, _HUGE), (2, _HUGE)) == [_OK, _OK]
    assert story.post((3, 1), (1, 1)) == [_BYTES, _OK]
    story.check()
    story.restart()


@on_both
@pytest.mark.parametrize(("queue_max", "domain_max"), [(10, 1_000), (1_000, 10)])
def test_many_large_messages_of_which_some_fit(is_file: bool, queue_max: int, domain_max: int):
    story = Story(is_file, (queue_max, 1 << 30), (domain_max, 1 << 30))
    batch = [(number, 100_000) for number in range(20)]
    assert story.post(*batch) == [_OK] * 11 + [_MESSAGES] * 9
    story.confirm(0, 4, 10)
    assert story.post(*batch) == [_OK] * 11 + [_OK] * 3 + [_MESSAGES] * 6
    story.check()
    story.restart()


@on_both
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_duplicate_beside_huge_messages(is_file: bool, place: int):
    story = Story(is_file)
    story.post((1, 10))
    batch = [(2, _HUGE), (3, 5), (4, _HUGE)]
    batch.insert(place, (1, 10))
    assert story.post(*batch, (3, 5), (2, 1)) == [_OK] * 6
    story.confirm(3)
    story.restart()
    story.post((3, 5), (5, 5), (4, 5), (6, _HUGE), (7, 7))
    story.check()
    story.restart()


# ... and everything of the kind.

_size = st.one_of(
    st.integers(1, 200),
    st.sampled_from([BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1]),
    st.integers(1, 700_000),
)
_number = st.integers(0, 40)
_batch = st.one_of(
    st.lists(st.tuples(_number, _size), min_size=1, max_size=12),
    # More than a block has slots for.
    st.builds(
        lambda first, count: [(number, 1) for number in range(first, first + count)],
        st.integers(100, 1_000),
        st.integers(300, 900),
    ),
)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), _batch),
        st.tuples(st.just("post"), _batch),
        st.tuples(st.just("confirm"), st.lists(_number, max_size=12, unique=True)),
        st.tuples(st.just("roll_over"), st.just([])),
        st.tuples(st.just("restart"), st.just([])),
    ),
    min_size=1,
    max_size=8,
)
_limits = st.tuples(
    st.one_of(st.just(1_000_000), st.integers(0, 15), st.integers(500, 530)),
    st.one_of(st.just(1 << 30), st.integers(0, 3_000_000)),
)


@given(st.booleans(), _limits, _limits, _steps)
@settings(max_examples=60)
@pytest.mark.slow
def test_what_is_accepted_is_kept_in_order(
    is_file: bool,
    limits: tuple[int, int],
    domain_limits: tuple[int, int],
    steps: list[tuple[str, list[Any]]],
):
    story = Story(is_file, limits, domain_limits)
    for verb, arguments in steps:
        getattr(story, verb)(*arguments)
    story.check()
    story.restart()


@on_both
@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("by_bytes", [False, True])
def test_a_batch_that_ends_about_the_limit(is_file: bool, more: int, by_bytes: bool):
    """The limit is of as many messages as are posted, or as many bytes, give or take one."""
    sizes = [1, 300_000, 300_000, 5, 2, 400_000, 7]
    limits = (1_000, sum(sizes) + more) if by_bytes else (len(sizes) + more, 1 << 30)
    story = Story(is_file, limits)
    story.post(*enumerate(sizes), (0, 1), (90, 1), (91, 1), (92, 1))
    story.check()
    story.restart()
