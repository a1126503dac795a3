"""The heartbeat monitor in virtual time."""

from __future__ import annotations

import pytest

from reference_broker.base import Instant, seconds
from reference_broker.session import Heartbeat, HeartbeatMonitor

QUIET, ASK, LOST = Heartbeat.QUIET, Heartbeat.ASK, Heartbeat.LOST
START = Instant(seconds(3600))  # a multiple of every interval here: looks are on a grid


def at(count: float) -> Instant:
    return Instant(START + seconds(count))


def monitor(interval: float = 1, misses_max: int = 3) -> HeartbeatMonitor:
    return HeartbeatMonitor(START, seconds(interval), misses_max)


def test_a_silent_peer_is_asked_each_interval_and_lost_at_the_maximum():
    watched = monitor()
    watched.heard()
    assert [watched.look(at(n)) for n in range(1, 5)] == [QUIET, ASK, ASK, LOST]


def test_any_byte_resets_the_count():
    watched = monitor()
    watched.heard()
    found = []
    for n in range(1, 9):
        found.append(watched.look(at(n)))
        if n == 3:
            watched.heard()
    assert found == [QUIET, ASK, ASK, QUIET, ASK, ASK, LOST, LOST]


def test_a_peer_that_talks_is_never_asked():
    watched = monitor()
    for n in range(1, 100):
        watched.heard()
        assert watched.look(at(n)) is QUIET


def test_a_look_that_comes_too_early_is_nothing():
    watched = monitor()
    assert watched.look(at(0.999)) is QUIET
    assert watched.next_look == at(1)
    assert watched.look(at(1)) is ASK
    assert watched.next_look == at(2)


def test_a_late_look_counts_once_and_is_not_made_up_for():
    watched = monitor()
    watched.heard()
    watched.look(at(1))
    assert watched.look(at(50)) is ASK
    assert watched.next_look == at(51)
    assert watched.look(at(50.5)) is QUIET


def test_until_the_first_byte_there_are_three_minutes_of_grace():
    watched = monitor()
    looks = [watched.look(at(n)) for n in range(1, 190)]
    assert looks.index(LOST) + 1 == pytest.approx(181.5, abs=2)
    assert set(looks[:179]) == {ASK}


def test_the_first_byte_ends_the_grace():
    watched = monitor()
    watched.look(at(1))
    watched.look(at(2))
    watched.look(at(3))
    watched.heard()
    assert [watched.look(at(n)) for n in range(4, 8)] == [QUIET, ASK, ASK, LOST]


def test_a_maximum_of_one_never_asks():
    watched = monitor(misses_max=1)
    watched.heard()
    assert [watched.look(at(n)) for n in (1, 2)] == [QUIET, LOST]


def test_a_maximum_of_zero_is_off():
    watched = monitor(misses_max=0)
    assert watched.next_look is None
    assert watched.look(at(1_000_000)) is QUIET


def test_an_interval_of_nothing_switches_it_off():
    watched = monitor(interval=0)
    assert watched.next_look is None
    assert watched.look(at(10_000)) is QUIET


def test_looks_are_on_one_grid_whenever_the_sessions_began():
    looks = set()
    for began in (at(0), at(0.1), at(0.999)):
        watched = HeartbeatMonitor(began, seconds(3), 3)
        assert watched.next_look is not None
        assert watched.next_look - began >= seconds(3)
        watched.look(watched.next_look)
        looks.add(watched.next_look % seconds(3))
    assert looks == {0}
