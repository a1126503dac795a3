from __future__ import annotations

from array import array

import pytest

from reference_broker.base import Instant
from reference_broker.queue.block import Entry
from reference_broker.queue.message import Message
from reference_broker.queue.store import MessageStore
from reference_broker.queue.tests.store_shapes import (
    NOW,
    fill,
    located,
    made_guid,
    made_message,
    made_store,
)


@pytest.fixture
def store() -> MessageStore:
    return made_store()


def numbers(entries: list[Entry]) -> list[int]:
    return [entry[3] for entry in entries]


def cold_blocks(store: MessageStore) -> list[int]:
    """The numbers of the blocks whose first message is cold."""
    return [n for n in range(20) if store.cold_entries(n * 512)]


def thawed(store: MessageStore, ordinal: int) -> list[Message]:
    """What the log would give for the block of an ordinal."""
    return [
        made_message(store.guid_of(o), o, size, location)
        for o, location, size in store.cold_entries(ordinal)
    ]


# Putting in.


def test_a_batch_may_span_blocks(store: MessageStore):
    batch = fill(store, 1200)
    assert store.next_ordinal == 1200
    assert store.run(0, 5000) == (batch, 1200)
    assert (len(store), store.usage.bytes, store.domain_usage.messages) == (1200, 12000, 1200)
    assert list(store.ordinals(510)) == list(range(510, 1200))


def test_a_block_is_closed_early_when_its_data_are_large(store: MessageStore):
    fill(store, 2, 300_000)
    assert store.next_ordinal == 512
    batch = fill(store, 1, 300_000)
    assert batch[0][5] == 512
    assert store.next_ordinal == 513
    assert [m[5] for m in store.run(0, 9)[0]] == [0, 1, 512]


def test_a_batch_is_looked_at_as_a_whole_before_a_block_is_closed(store: MessageStore):
    fill(store, 600, 10_000)
    assert list(store.ordinals()) == list(range(600))
    assert store.next_ordinal == 1024


@pytest.mark.parametrize("ordinals", [[0, 1, 3], [5, 6], [2, 511, 512, 2000]])
def test_ordinals_may_be_left_out(store: MessageStore, ordinals: list[int]):
    batch = [made_message(made_guid(n), n) for n in ordinals]
    store.append(batch, 7, list(range(1, len(batch) + 1)))
    assert list(store.ordinals()) == ordinals
    assert store.first_ordinal == ordinals[0]
    assert store.next_ordinal == ordinals[-1] + 1
    assert store.run(0, 10) == (batch, store.next_ordinal)
    assert not store.is_stored(4)
    assert numbers(store.release(range(3000), NOW)) == ordinals[:1]


def test_an_empty_batch_changes_nothing(store: MessageStore):
    store.append([], 7)
    assert (len(store), store.first_ordinal, store.next_ordinal) == (0, 0, 0)
    assert store.run(0, 5) == ([], 0)


def test_a_guid_that_is_stored_or_remembered_is_a_duplicate(store: MessageStore):
    fill(store, 1024)
    store.trim([1024], 0)
    fill(store, 10)
    store.release([3, 1030], Instant(0))
    batch = dict.fromkeys(
        [made_guid(n) for n in (3, 4, 1030, 1031, 5000)], made_message(made_guid(0), 0)
    )
    assert store.duplicates(batch) == {made_guid(n) for n in (3, 4, 1030, 1031)}
    store.history.expire(Instant(100))
    assert store.duplicates(batch) == {made_guid(n) for n in (4, 1031)}
    assert store.ordinal_of(made_guid(3)) is None
    assert store.ordinal_of(made_guid(4)) == 4
    assert store.ordinal_of(made_guid(1030)) is None
    assert store.ordinal_of(made_guid(1031)) == 1031


# Taking out.


def test_what_nobody_needs_any_more_is_removed(store: MessageStore):
    fill(store, 10, 7, references=2)
    assert store.release(range(3, 6), NOW) == []
    assert store.release([4, 5, 9], NOW) == [
        (made_guid(4), 7, located(4), 4),
        (made_guid(5), 7, located(5), 5),
    ]
    assert (store.usage.messages, store.usage.bytes) == (8, 56)
    assert (store.domain_usage.messages, store.domain_usage.bytes) == (8, 56)
    assert store.history.guids() == [made_guid(4), made_guid(5)]
    assert numbers(store.remove([1, 4, 9, 77], NOW)) == [1, 9]


@pytest.mark.parametrize(
    "ordinals",
    [[5, 4, 3], [3, 5, 4], [4, 3, 600, 5], [3, 3, 4, 5], [599, 600, 601, 3], [*range(400, 700)]],
)
def test_ordinals_may_come_in_any_order(store: MessageStore, ordinals: list[int]):
    fill(store, 1000)
    assert numbers(store.release(ordinals, NOW)) == list(dict.fromkeys(ordinals))
    assert list(store.ordinals()) == [n for n in range(1000) if n not in ordinals]


def test_the_first_ordinal_moves_on(store: MessageStore):
    fill(store, 700)
    for start in range(0, 700, 70):
        assert store.first_ordinal == start
        store.release(range(start, start + 70), NOW)
    assert store.first_ordinal == 700
    assert store.hot_bytes == 0
    fill(store, 1)
    assert store.first_ordinal == 700


def test_a_run_skips_what_is_gone(store: MessageStore):
    fill(store, 2000)
    store.remove([0, 1, 5, *range(400, 1100), 1999], NOW)
    assert [m[5] for m in store.run(0, 5)[0]] == [2, 3, 4, 6, 7]
    assert store.run(0, 5)[1] == 8
    assert [m[5] for m in store.run(398, 4)[0]] == [398, 399, 1100, 1101]
    assert store.run(1998, 9)[1] == 2000
    assert store.run(4000, 9) == ([], 4000)
    assert store.run(3, 0) == ([], 3)


def test_a_block_with_few_messages_left_stays_right(store: MessageStore):
    fill(store, 1024, references=2)
    kept = [7, 300, 301, 511]
    store.remove([n for n in range(512) if n not in kept], NOW)
    assert list(store.ordinals())[:5] == [*kept, 512]
    assert [m[5] for m in store.run(8, 3)[0]] == [300, 301, 511]
    assert store.get(300) is not None
    assert store.get(302) is None
    assert store.arrival_ns(511) == 0
    assert store.release([300, 302], NOW) == []
    assert numbers(store.release([300, 301], NOW)) == [300]


# Paging.


def test_a_cold_message_answers_without_its_data(store: MessageStore):
    fill(store, 600, 33)
    store.trim([], 0)
    assert store.is_cold(511)
    assert not store.is_cold(512)
    assert store.get(100) is None
    assert store.is_stored(100)
    assert (store.size_of(100), store.guid_of(100), store.arrival_ns(100)) == (
        33,
        made_guid(100),
        0,
    )
    assert store.ordinal_of(made_guid(100)) == 100
    assert store.run(0, 1000) == ([], 0)
    assert store.cold_entries(5)[3] == (3, located(3), 33)
    assert store.cold_entries(512) == []
    assert len(store.cold_entries(5)) == 512


def test_thawing_brings_a_block_back_as_it_was(store: MessageStore):
    batch = fill(store, 600, references=2)
    store.release([3], NOW)
    store.remove([4, 5], NOW)
    hot_bytes = store.hot_bytes
    store.trim([], 0)
    assert store.hot_bytes < hot_bytes
    store.release([6], NOW)
    store.remove([7], NOW)
    assert store.run(4, 10) == ([], 6)
    store.thaw(thawed(store, 0))
    assert not store.is_cold(0)
    assert store.run(0, 6) == ([*batch[:4], batch[6], batch[8]], 9)
    assert numbers(store.release(range(9), NOW)) == [3, 6]
    assert store.ordinal_of(made_guid(9)) == 9
    store.trim([], 0)
    assert store.ordinal_of(made_guid(9)) == 9
    assert store.ordinal_of(made_guid(7)) is None


def test_a_run_ends_before_a_cold_block(store: MessageStore):
    fill(store, 1600)
    store.trim([0, 1600], 1100 * 330)
    assert cold_blocks(store) == [2]
    messages, position = store.run(1000, 500)
    assert [m[5] for m in messages] == list(range(1000, 1024))
    assert position == 1024
    assert store.is_cold(position)
    store.remove(range(1020, 1030), NOW)
    assert store.run(1019, 9)[1] == 1030


def test_what_cannot_be_read_back_is_given_up_by_removing_it(store: MessageStore):
    fill(store, 600)
    store.trim([], 0)
    store.thaw([m for m in thawed(store, 0) if m[5] not in (10, 11)])
    assert store.get(10) is None
    assert store.is_stored(10)
    assert not store.is_cold(10)
    assert [m[5] for m in store.run(9, 2)[0]] == [9, 12]
    store.trim([], 0)
    assert not store.is_cold(9)  # what is missing now would be missing again
    assert numbers(store.remove([10, 11], NOW)) == [10, 11]
    store.trim([], 0)
    assert store.is_cold(9)


def test_thawing_what_is_not_cold_any_more_changes_nothing(store: MessageStore):
    fill(store, 600)
    store.trim([], 0)
    late = thawed(store, 0)
    store.thaw(late)
    store.remove([0], NOW)
    store.thaw(late)
    assert not store.is_stored(0)
    store.remove(range(600), NOW)
    store.thaw(late)
    store.thaw([])
    assert (len(store), store.hot_bytes) == (0, 0)


def test_what_is_read_next_stays(store: MessageStore):
    fill(store, 512 * 8)
    store.trim([600], 0)
    assert cold_blocks(store) == [0, 3, 4, 5, 6, 7]
    store = made_store()
    fill(store, 512 * 8)
    one = store.hot_bytes // 8
    store.trim([0, 512 * 4], one * 7)
    assert cold_blocks(store) == [7]
    store.trim([0, 512 * 4], one * 6)
    assert cold_blocks(store) == [3, 7]
    store.trim([512 * 3, 512 * 4], one * 4)
    assert cold_blocks(store) == [1, 2, 3, 7]


def test_only_what_the_log_has_is_paged_out(store: MessageStore):
    batch = [made_message(made_guid(n), n, location=int(n != 77)) for n in range(512)]
    store.append(batch, 0)
    store.trim([], 0)
    assert not store.is_cold(0)
    store.remove([77], NOW)
    store.trim([], 0)
    assert store.is_cold(0)
    in_memory = made_store(is_pageable=False)
    fill(in_memory, 1024)
    in_memory.trim([], 0)
    assert not in_memory.is_cold(0)


def test_the_open_block_is_paged_out_once_it_is_closed(store: MessageStore):
    fill(store, 5)
    store.trim([], 0)
    assert not store.is_cold(0)
    store.close_open_block()
    store.close_open_block()
    assert store.next_ordinal == 512
    store.trim([], 0)
    assert store.is_cold(0)
    assert store.hot_bytes == 0
    store.remove(range(5), NOW)
    assert store.first_ordinal == 512


def test_a_message_that_was_copied_has_another_place(store: MessageStore):
    fill(store, 600)
    store.trim([], 0)
    for ordinal in (3, 550, 7000):
        store.move(ordinal, 5)
    store.remove([4], NOW)
    store.move(4, 5)
    moved = [entry for entry in store.remove(range(600), NOW) if entry[2] == 5]
    assert numbers(moved) == [3, 550]


# Snapshots and recovery.


@pytest.mark.parametrize("references", [1, 2])
def test_what_is_exported_is_restored(references: int):
    store = made_store()
    fill(store, 2000, 10, references)
    store.trim([2000], 0)
    store.thaw(thawed(store, 512))
    store.remove([0, 700, *range(1100, 1500), 1999], NOW)
    columns = store.export()
    assert (columns.references is None) == (references == 1)
    again = made_store()
    again.restore(columns)
    assert again.export() == columns
    assert (len(again), again.usage.bytes, again.domain_usage.bytes) == (
        len(store),
        store.usage.bytes,
        store.usage.bytes,
    )
    assert again.hot_bytes == 0
    assert again.next_ordinal == 2048
    assert list(again.ordinals()) == list(store.ordinals())
    for ordinal in (1, 699, 1099, 1500, 1998):
        assert again.ordinal_of(made_guid(ordinal)) == ordinal
        assert again.is_cold(ordinal)
    assert again.ordinal_of(made_guid(700)) is None
    removed = [numbers(again.release(range(2048), NOW)) for _ in range(references)]
    assert removed == [[]] * (references - 1) + [list(columns.ordinals)]
    assert len(again) == 0


def test_ordinals_that_were_used_are_not_used_again(store: MessageStore):
    fill(store, 3)
    again = made_store()
    again.restore(store.export(), 5000)
    assert again.next_ordinal == 5120
    empty = made_store()
    empty.restore(made_store().export(), 512)
    assert (empty.next_ordinal, empty.first_ordinal, len(empty)) == (512, 512, 0)


def test_a_large_restore_is_indexed_in_several_runs(store: MessageStore):
    count = 70_000
    fill(store, count)
    columns = store.export()
    assert columns.ordinals == array("Q", range(count))
    again = made_store()
    again.restore(columns)
    for ordinal in (0, 66_000, count - 1):
        assert again.ordinal_of(made_guid(ordinal)) == ordinal
    again.remove(range(count), NOW)
    assert (len(again), again.first_ordinal) == (0, again.next_ordinal)
