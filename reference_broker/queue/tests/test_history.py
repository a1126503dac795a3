from __future__ import annotations

import pytest

from reference_broker.base import Instant
from reference_broker.queue import history as history_module
from reference_broker.queue.history import History
from reference_broker.queue.tests.store_shapes import made_guid as guid


def guids(*numbers: int) -> list[bytes]:
    return [guid(n) for n in numbers]


@pytest.fixture
def history() -> History:
    return History(10)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "DEDUPLICATION_GUIDS_MAX", 6)
    monkeypatch.setattr(history_module, "HISTORY_CHUNK_GUIDS", 2)


def test_guids_are_forgotten_when_their_time_is_over(history: History):
    history.remember(guids(1, 2), Instant(0))
    history.remember(guids(3), Instant(5))
    history.expire(Instant(9))
    assert history.guids() == guids(1, 2, 3)
    history.expire(Instant(10))
    assert history.guids() == guids(3)
    assert list(history.known) == guids(3)
    history.expire(Instant(15))
    assert len(history) == 0
    assert not history.known


def test_guids_that_were_in_memory_stay_where_they_are(history: History):
    history.known.update({guid(1): 100, guid(2): 101})
    history.leave(guids(1), Instant(0))
    assert set(history.known) == {guid(1), guid(2)}
    assert len(history) == 1
    history.expire(Instant(10))
    assert history.known == {guid(2): 101}


def test_with_no_time_nothing_is_remembered():
    history = History(0)
    history.known.update({guid(1): 100})
    history.leave(guids(1), Instant(0))
    history.remember(guids(2), Instant(0))
    assert not history.known
    assert history.guids() == []


def test_a_new_time_holds_for_what_is_remembered_from_then_on(history: History):
    history.remember(guids(1), Instant(0))
    history.deduplication_ns = 2
    history.remember(guids(2), Instant(0))
    history.expire(Instant(10))
    assert history.guids() == []


@pytest.mark.usefixtures("_small")
def test_the_oldest_are_forgotten_beyond_the_limit(history: History):
    history.remember(guids(1, 2, 3), Instant(0))
    history.remember(guids(4, 5, 6, 7), Instant(0))
    assert history.guids() == guids(3, 4, 5, 6, 7)
    assert list(history.known) == guids(3, 4, 5, 6, 7)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("is_hot", [False, True])
def test_of_a_batch_above_the_limit_the_newest_stay(history: History, *, is_hot: bool):
    batch = guids(*range(15))
    if is_hot:
        history.known.update(dict.fromkeys(batch, 7))
        history.leave(batch, Instant(0))
    else:
        history.remember(batch, Instant(0))
    assert history.guids() == batch[-5:]
    assert list(history.known) == batch[-5:]
