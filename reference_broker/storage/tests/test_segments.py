"""Segments: what is live in which, which of them go, and when copying is worth it."""

from __future__ import annotations

import random

from reference_broker.storage import location_of, stored_size
from reference_broker.storage.segments import Removed, Segments
from reference_broker.storage.tests.disk import guid

SIZE = 100


def segments_of(*contents: int) -> Segments:
    """Return segments with so many messages of 100 bytes each."""
    segments = Segments(0)
    for number, count in enumerate(contents, 1):
        segments.begin(number)
        segments.grow(count * stored_size(SIZE))
        segments.add_live(number, count, count * stored_size(SIZE))
    return segments


def removed(*places: tuple[int, int]) -> list[Removed]:
    """Return (segment, count) pairs as what a queue lets go of."""
    return [
        (guid(index), SIZE, location_of(segment, index), index)
        for segment, count in places
        for index in range(count)
    ]


def test_a_released_message_is_no_longer_live_where_it_was():
    segments = segments_of(3, 3, 3)
    segments.release(removed((2, 2)))
    segments.release(removed((1, 1), (3, 2)))
    segments.release([(guid(1), SIZE, 0, 1)])  # stored nowhere
    segments.release([])
    assert [file.live for file in segments.files] == [2, 1, 1]
    assert [file.live_bytes for file in segments.files] == [
        file.live * stored_size(SIZE) for file in segments.files
    ]
    assert (segments.live, segments.live_bytes) == (4, 4 * stored_size(SIZE))


def test_dead_segments_go_from_the_oldest_on_but_never_the_last():
    segments = segments_of(1, 1, 1)
    segments.release(removed((2, 1)))
    assert segments.pop_dead() == []
    segments.release(removed((1, 1)))
    assert [file.number for file in segments.pop_dead()] == [1, 2]
    segments.release(removed((3, 1)))
    assert segments.pop_dead() == []
    assert segments.total_bytes == stored_size(SIZE)


def test_a_segment_is_copied_when_less_than_half_is_live():
    segments = segments_of(4, 4)
    segments.release(removed((2, 4)))
    assert segments.compaction_candidate() is None  # half of it
    segments.release(removed((1, 1)))
    assert segments.compaction_candidate() == 1


def test_the_last_segment_is_never_copied():
    segments = segments_of(4)
    segments.release(removed((1, 4)))
    assert segments.compaction_candidate() is None


def test_copying_at_most_doubles_what_is_written():
    chance = random.Random(7)
    segments = segments_of(0)
    live: dict[int, list[int]] = {1: []}
    written = copied = 0
    full = 20 * stored_size(SIZE)

    def write(ordinal: int) -> None:
        if segments.files[-1].size >= full:
            live[segments.begin(segments.files[-1].number + 1).number] = []
        number = segments.files[-1].number
        segments.grow(stored_size(SIZE))
        segments.add_live(number, 1, stored_size(SIZE))
        live[number].append(ordinal)

    def release(number: int, ordinal: int) -> None:
        live[number].remove(ordinal)
        segments.release([(guid(ordinal), SIZE, location_of(number, 0), ordinal)])

    for ordinal in range(6_000):
        write(ordinal)
        written += 1
        number = chance.choice([each for each in live if live[each]])
        if segments.live > 100:
            release(number, chance.choice(live[number]))
        while (candidate := segments.compaction_candidate()) is not None:
            for moving in list(live[candidate]):
                write(moving)
                copied += 1
                release(candidate, moving)
            segments.pop_dead()
        assert segments.total_bytes <= max(2 * segments.live_bytes, 2 * full) + full
    assert 0 < copied <= written


def test_sizes_of_sealed_segments():
    assert segments_of(1, 2, 3).sealed_sizes() == [stored_size(SIZE), 2 * stored_size(SIZE)]
