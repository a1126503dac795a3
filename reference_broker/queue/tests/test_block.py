from __future__ import annotations

import pytest

from reference_broker.queue.block import Block, HotBlock
from reference_broker.queue.tests.store_shapes import (
    located,
    made_coding,
    made_guid,
    made_message,
)

FIRST = 1024
COUNT = 20


def hot(*, references: int = 1) -> HotBlock:
    """Return a block with all its slots in use."""
    block = HotBlock(FIRST)
    messages = [made_message(made_guid(n), FIRST + n) for n in range(COUNT)]
    block.append(messages, 10 * COUNT, 77, references)
    return block


@pytest.fixture(params=["hot", "cold"])
def block(request: pytest.FixtureRequest) -> Block:
    return hot() if request.param == "hot" else hot().freeze()


def numbers(entries: list[tuple[bytes, int, int, int]]) -> list[int]:
    for guid, size, location, ordinal in entries:
        assert (guid, size) == (made_guid(ordinal - FIRST), 10)
        assert location == located(ordinal)
    return [entry[3] - FIRST for entry in entries]


def test_entries_are_what_is_in_use(block: Block):
    assert numbers(block.entries(3, 6)) == [3, 4, 5]
    assert numbers(block.remove(4, 5)) == [4]
    assert numbers(block.entries(3, 6)) == [3, 5]
    assert block.used_slots(3)[:3] == [3, 5, 6]
    assert block.live == COUNT - 1


def test_what_is_removed_is_not_removed_again(block: Block):
    assert numbers(block.remove(0, 5)) == [0, 1, 2, 3, 4]
    assert numbers(block.remove(3, 7)) == [5, 6]
    assert numbers(block.release(0, 8)) == [7]
    assert block.next_used(0) == 8


def test_a_compacted_block_knows_its_ordinals(block: Block):
    block.remove(0, 5)
    block.remove(6, 19)
    assert block.is_sparse()
    block.compact()
    assert block.used_slots() == [0, 1]
    assert [block.slot(FIRST + n) for n in (4, 5, 6, 19)] == [-1, 0, -1, 1]
    assert [block.slot_from(FIRST + n) for n in (0, 5, 6, 19)] == [0, 0, 1, 1]
    assert block.slot_from(FIRST + 20) == 2
    assert numbers(block.entries(0, 2)) == [5, 19]
    assert list(block.codings_at([0, 1])) == [made_coding(made_guid(n)) for n in (5, 19)]
    assert list(block.arrivals) == [77, 77]
    assert block.ordinal(block.next_used(0)) == FIRST + 5
    block.compact()
    assert numbers(block.entries(0, 2)) == [5, 19]


@pytest.mark.parametrize("is_cold", [False, True])
def test_a_message_goes_when_the_last_application_is_done(*, is_cold: bool):
    made = hot(references=2)
    block: Block = made.freeze() if is_cold else made
    assert block.release(0, 10) == []
    assert numbers(block.release(5, 15)) == [5, 6, 7, 8, 9]
    assert numbers(block.release(0, COUNT)) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert numbers(block.remove(0, COUNT)) == [15, 16, 17, 18, 19]
    assert block.live == 0


def test_references_begin_when_a_message_has_more_than_one():
    block = hot()
    block.remove(0, 2)
    block.skip(3)
    batch = [made_message(made_guid(n), FIRST + n) for n in (23, 24)]
    block.append(batch, 20, 78, [1, 3])
    assert block.references is not None
    assert list(block.references) == [0, 0] + [1] * 18 + [0] * 3 + [1, 3]
    assert numbers(block.release(0, 25)) == [*range(2, 20), 23]
    assert block.release(0, 25) == []
    assert numbers(block.release(0, 25)) == [24]


def test_a_redelivery_does_not_change_what_is_remembered():
    guid = made_guid(2)
    block = HotBlock(FIRST)
    block.append([(guid, 2 | 4, 1 << 16 | 7, b"data\4\4\4\4", 4, FIRST, 1 << 40)], 4, 0, 1)
    assert list(block.codings_at([0])) == list(block.freeze().codings) == [1 << 31 | 1 << 16 | 7]


def test_a_run_skips_what_is_out_of_use():
    block = hot()
    block.remove(0, 3)
    assert [m[5] - FIRST for m in block.run(FIRST + 1, 2)] == [3, 4]
    block.remove(4, 6)
    assert [m[5] - FIRST for m in block.run(0, 3)] == [3, 6, 7]
    assert [m[5] - FIRST for m in block.run(FIRST + 18, 9)] == [18, 19]
    block.remove(6, 19)
    block.compact()
    assert [m[5] - FIRST for m in block.run(FIRST + 4, 9)] == [19]


def test_what_cannot_be_read_back_is_stored_and_delivered_to_nobody():
    cold = hot().freeze()
    cold.remove(0, 1)
    given = [made_message(made_guid(n), FIRST + n) for n in range(COUNT) if n not in (3, 7)]
    given[4] = made_message(made_guid(99), given[4][5])  # ordinal 5, another GUID
    block = cold.thaw(given)
    assert block.live == COUNT - 1
    assert [m[5] - FIRST for m in block.run(FIRST, 6)] == [1, 2, 4, 6, 8, 9]
    assert numbers(block.entries(0, COUNT)) == list(range(1, COUNT))
    codings = [made_coding(made_guid(n)) for n in range(1, COUNT)]
    assert list(block.codings_at(block.used_slots())) == codings
    slot = block.slot(FIRST + 3)
    assert numbers(block.remove(slot, slot + 3)) == [3, 4, 5]
    assert [m[5] - FIRST for m in block.run(FIRST, 4)] == [1, 2, 6, 8]
    assert numbers(block.release(0, COUNT)) == [1, 2, *range(6, COUNT)]
    assert block.lost == {}
