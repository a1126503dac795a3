from __future__ import annotations

import pytest

from suites.fuzz.core.client import Phase
from suites.fuzz.core.program import CLIENTS
from suites.fuzz.core.starts import STARTS, play_at


@pytest.mark.parametrize("number", range(STARTS))
def test_copies_are_equal_and_strangers(number):
    first, second = play_at(number), play_at(number)
    assert first.world.broker is not second.world.broker
    assert first.world.broker.statistics() == second.world.broker.statistics()
    assert first.world.files == second.world.files
    for one, other in zip(first.clients, second.clients, strict=True):
        assert one is not other
        assert one.connection == other.connection


def test_what_is_there():
    assert [play_at(0).clients[i].phase for i in range(CLIENTS)] == [Phase.GONE] * CLIENTS
    for number in range(1, STARTS):
        assert {client.phase for client in play_at(number).clients} == {Phase.OPEN}
    assert play_at(7).world.broker.statistics().messages == 6
    assert play_at(7 + STARTS).world.broker.statistics().messages == 6
