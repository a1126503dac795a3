"""How full the peer's journal would be."""

from __future__ import annotations

import pytest

from reference_broker.storage import JournalBudget, JournalRoom


def fill(budget: JournalBudget) -> int:
    """Write records of stored messages until one is not free; returns how many."""
    count = 0
    while budget.look() is JournalRoom.FREE:
        budget.write()
        count += 1
    return count


@pytest.mark.parametrize(("size", "count"), [(1_844, 12), (4_567, 57), (8_192, 117)])
def test_a_rollover_is_due_when_the_reserve_is_reached(size: int, count: int):
    budget = JournalBudget(size)
    assert fill(budget) == count
    assert budget.position + 1_140 > size >= budget.position + 1_080


def test_a_rollover_copies_only_what_is_outstanding():
    budget = JournalBudget(8_192)
    for _ in range(50):
        budget.write(1)
        budget.write(1, outstanding=0)
        budget.drop(1)
    fill(budget)
    budget.drop(10)
    assert budget.look() is JournalRoom.ROLLOVER
    budget.roll_over()
    assert budget.position == 44 + 60 * budget.outstanding
    assert budget.look() is JournalRoom.FREE


def test_records_are_refused_when_too_little_would_be_free():
    budget = JournalBudget(8_192)
    fill(budget)
    assert budget.look() is JournalRoom.REFUSED
    assert budget.refuse()
    assert not budget.refuse()
    budget.drop(20)
    assert budget.look() is JournalRoom.REFUSED  # whatever happens, until the rollover
    assert budget.can_roll_over()
    budget.roll_over()
    assert budget.look() is JournalRoom.FREE


def test_the_limit_of_a_rollover_is_a_fifth_free():
    budget = JournalBudget(8_192)
    budget.write(107)
    assert budget.can_roll_over(1)
    assert not budget.can_roll_over(2)


def test_a_batch_is_asked_for_at_once():
    budget = JournalBudget(8_192)
    assert budget.look(117) is JournalRoom.FREE
    assert budget.look(118) is JournalRoom.REFUSED
    budget.write(50, outstanding=0)
    assert budget.look(100) is JournalRoom.ROLLOVER


def test_a_journal_without_limit_is_never_full():
    budget = JournalBudget(0)
    budget.write(10**9)
    assert budget.look(10**9) is JournalRoom.FREE
