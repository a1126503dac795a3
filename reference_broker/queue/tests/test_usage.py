from __future__ import annotations

import pytest

from reference_broker.queue.usage import Level, Refusal, Transition, Usage

NORMAL, HIGH, FULL = Level


def test_one_message_more_than_the_limit_is_not_refused():
    usage = Usage(3, 100)
    for _ in range(4):
        assert usage.refusal() is None
        usage.add(1, 1)
    assert usage.refusal() is Refusal.LIMIT_MESSAGES


def test_the_byte_limit_may_be_exceeded_by_one_message():
    usage = Usage(100, 100)
    for _ in range(3):
        assert usage.refusal() is None
        usage.add(1, 40)
    assert usage.refusal() is Refusal.LIMIT_BYTES


def test_what_fits_is_not_refused_to_its_last_message():
    usage = Usage(3, 100)
    assert usage.fits(4, 100)
    assert not usage.fits(5, 5)
    assert not usage.fits(1, 101)


def test_levels_rise_at_the_watermark_and_at_the_limit():
    usage = Usage(10, 1000, 0.8, 0.5)
    usage.add(7, 0)
    assert usage.level() is NORMAL
    assert usage.transition() is None
    usage.add(1, 0)
    assert usage.transition() == Transition(HIGH, messages=HIGH, bytes=NORMAL)
    assert usage.transition() is None
    usage.add(1, 500)
    assert usage.transition() is None  # the bytes are high too, which is no higher
    usage.add(1, 0)
    assert usage.transition() == Transition(FULL, messages=FULL, bytes=HIGH)
    usage.add(1, 0)
    assert usage.transition() is None


def test_a_watermark_that_is_jumped_over_is_not_reported():
    usage = Usage(2, 1000)
    usage.add(1, 6)
    assert usage.transition() is None
    usage.add(1, 6)
    assert usage.transition() == Transition(FULL, messages=FULL, bytes=NORMAL)


@pytest.mark.parametrize(
    ("left", "level"), [(9, FULL), (8, HIGH), (5, HIGH), (4, NORMAL), (0, NORMAL)]
)
def test_a_level_is_left_at_the_watermark_and_at_half_of_it(left: int, level: Level):
    usage = Usage(10, 1000)
    usage.add(10, 10)
    assert usage.level() is FULL
    usage.add(left - 10, left - 10)
    assert usage.level() is level


def test_a_level_that_is_reached_again_is_reported_again_only_when_it_was_left():
    usage = Usage(10, 1000)
    usage.add(10, 10)
    assert usage.transition() is not None
    usage.add(-1, -1)
    usage.add(1, 1)
    assert usage.transition() is None
    usage.add(-10, -10)
    usage.add(10, 10)  # nobody asked in between
    assert usage.transition() == Transition(FULL, messages=FULL, bytes=NORMAL)


def test_what_is_accepted_and_not_counted_yet_takes_room_too():
    usage = Usage(3, 10)
    usage.add(1, 4)
    assert [usage.refusal(n) for n in (1, 2, 3)] == [None, None, Refusal.LIMIT_MESSAGES]
    assert [usage.refusal(1, size) for size in (5, 6, 7)] == [None, None, Refusal.LIMIT_BYTES]


def test_what_is_deleted_one_byte_at_a_time_is_seen_too():
    usage = Usage(1000, 10)
    usage.add(1, 10)
    usage.add(-1, -6)
    assert usage.level() is NORMAL


def test_new_limits_are_applied_to_what_is_stored():
    usage = Usage(100, 1000)
    usage.add(8, 8)
    usage.set_limits(10, 1000)
    assert usage.transition() == Transition(HIGH, messages=HIGH, bytes=NORMAL)
    usage.set_limits(8, 8, 0.5, 0.5)
    assert usage.transition() == Transition(FULL, messages=FULL, bytes=FULL)
    usage.set_limits(100, 100)
    assert usage.level() is NORMAL
    usage.set_limits(8, 100)
    assert usage.transition() == Transition(FULL, messages=FULL, bytes=NORMAL)


def test_a_limit_of_zero_is_always_full():
    usage = Usage(0, 1000)
    assert usage.level() is FULL
    usage.add(1, 1)
    usage.add(-1, -1)
    assert usage.level() is FULL
