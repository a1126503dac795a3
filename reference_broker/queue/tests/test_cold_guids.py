from __future__ import annotations

from array import array

import pytest

from reference_broker.queue import cold_guids as cold_guids_module
from reference_broker.queue.block import Block, ColdBlock
from reference_broker.queue.cold_guids import ColdGuids
from reference_broker.queue.tests.store_shapes import made_guid


def cold(number: int, guids: list[bytes]) -> ColdBlock:
    """Return a cold block of 512 ordinals."""
    count = len(guids)
    one = array("Q", [1]) * count
    return ColdBlock(
        number * 512, b"".join(guids), one, array("I", one), one[:], array("I", one), None, None
    )


class Index:
    """Blocks and the index over them."""

    def __init__(self) -> None:
        self.blocks: dict[int, Block] = {}
        self.index = ColdGuids(self.blocks)

    def add(self, number: int, guids: list[bytes]) -> None:
        self.blocks[number] = cold(number, guids)
        self.index.add([number])

    def drop(self, number: int) -> None:
        block = self.blocks.pop(number)
        self.index.discard(number, block.indexed)

    @property
    def runs(self) -> list[int]:
        """The lengths of the runs."""
        return sorted(len(run.entries) for tier in self.index._tiers for run in tier)


@pytest.fixture
def index() -> Index:
    return Index()


def test_what_is_in_a_cold_block_is_found_and_nothing_else(index: Index):
    for number in range(40):
        index.add(number, [made_guid(number * 100 + i) for i in range(0, 100, 2)])
    for timer in range(4000):
        expected = None if timer % 2 else timer // 100 * 512 + timer % 100 // 2
        assert index.index.find(made_guid(timer)) == expected


def test_runs_alike_are_merged(index: Index):
    for number in range(64):
        index.add(number, [made_guid(number * 100 + i) for i in range(16)])
    assert index.runs == [1024]
    for number in range(64, 67):
        index.add(number, [made_guid(number * 100 + i) for i in range(16)])
    assert index.runs == [16, 16, 16, 1024]


def test_runs_are_not_merged_beyond_what_an_entry_can_name(
    index: Index, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cold_guids_module, "COLD_RUN_GUIDS_MAX", 200)
    for number in range(32):
        index.add(number, [made_guid(number * 100 + i) for i in range(24)])
    assert max(index.runs) <= 200
    assert index.index.find(made_guid(3105)) == 31 * 512 + 5


def test_a_guid_above_the_highest_of_its_client_is_no_suspect(index: Index):
    index.add(1, [made_guid(5), made_guid(9), made_guid(7)])
    above = [made_guid(10), made_guid(1, b"others")]
    below = [made_guid(9), made_guid(9, counter=0x400001), made_guid(0)]
    assert index.index.suspects([*above, *below]) == below
    index.add(2, [made_guid(20), made_guid(3, b"others"), made_guid(1, b"others")])
    assert index.index.suspects([*above, *below]) == [*above, *below]


def test_clients_beyond_the_limit_are_always_suspects(
    index: Index, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cold_guids_module, "COLD_CLIENTS_MAX", 2)
    clients = [b"clie-%d" % n for n in range(3)]
    index.add(1, [made_guid(5, client) for client in clients])
    assert index.index.suspects([made_guid(6, client) for client in clients]) == [
        made_guid(6, clients[2])
    ]
    assert index.index.suspects([made_guid(6, b"newest")])
    assert [index.index.find(made_guid(5, client)) for client in clients] == [512, 513, 514]
    index.drop(1)
    assert not index.index.suspects([made_guid(5, client) for client in clients])


def test_equal_hashes_are_told_apart(index: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cold_guids_module, "_HASH_MASK", 0)
    for number in range(5):
        index.add(number, [made_guid(number * 10 + i) for i in range(10)])
    assert [index.index.find(made_guid(t)) for t in (0, 19, 42)] == [0, 512 + 9, 4 * 512 + 2]
    assert index.index.find(made_guid(5, counter=0x400001)) is None


def test_blocks_that_go_take_their_runs_along(index: Index):
    for number in range(20):
        index.add(number, [made_guid(number * 100 + i) for i in range(16)])
    for number in range(16):
        index.drop(number)
    assert sum(index.runs) == 64
    assert index.index.find(made_guid(1505)) is None
    assert index.index.find(made_guid(1605)) == 16 * 512 + 5
    for number in range(16, 20):
        index.drop(number)
    assert index.runs == []
    assert not index.index.suspects([made_guid(0)])


def test_a_run_shrinks_with_the_blocks_that_are_compacted(index: Index):
    for number in range(8):
        index.add(number, [made_guid(number * 100 + i) for i in range(64)])
    for number, block in index.blocks.items():
        block.remove(0, 60)
        block.compact()
        index.index.discard(number, block.indexed - block.live)
        block.indexed = block.live
    assert sum(index.runs) <= 4 * 8 * 4
    for number in range(8):
        assert index.index.find(made_guid(number * 100)) is None
        assert index.index.find(made_guid(number * 100 + 61)) == number * 512 + 61


def test_a_guid_is_not_found_across_two_others(index: Index):
    first, second = made_guid(5), made_guid(6)
    index.add(1, [first, second])
    block = index.blocks[1]
    assert isinstance(block, ColdBlock)
    assert block.find((first + second)[8:24]) == -1
    assert block.find(second) == 1


def test_merging_runs_keeps_count_of_what_is_gone(index: Index):
    for number in range(0, 16, 2):
        for n in (number, number + 1):
            index.blocks[n] = cold(n, [made_guid(n * 100 + i) for i in range(16)])
        index.index.add([number, number + 1])
        if number < 14:
            index.drop(number)
    assert index.runs == [256]
    ((run,),) = [tier for tier in index.index._tiers if tier]
    assert run.live == 9 * 16
    assert sorted(index.index._run_of) == sorted(index.blocks)
    for number in range(1, 12, 2):
        index.drop(number)
    assert index.runs == [48]
    assert index.index.find(made_guid(1505)) == 15 * 512 + 5
