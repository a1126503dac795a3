"""The store against a dictionary of what is stored, with blocks of eight messages.

Hypothesis posts, releases, removes, pages out and in, loses, moves and restarts; after every step
each question that the store answers is put to both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reference_broker.base import Instant
from reference_broker.base.limits import HOT_MESSAGE_BYTES
from reference_broker.queue import cold_guids as cold_guids_module
from reference_broker.queue import store as store_module
from reference_broker.queue.block import HotBlock
from reference_broker.queue.message import Message
from reference_broker.queue.tests.store_shapes import (
    made_coding,
    made_guid,
    made_message,
    made_store,
)

_BLOCK = 8
_DEDUPLICATION = 20
_CLIENTS = (b"client", b"others", b"third.", b"fourth")


@dataclass(slots=True)
class Stored:
    """A message in the model."""

    message: Message
    arrival_ns: int
    references: int
    is_lost: bool = False


class StoreMachine(RuleBasedStateMachine):
    """A store and its model, in step."""

    def __init__(self) -> None:
        super().__init__()
        self.store = made_store(_DEDUPLICATION)
        self.model: dict[int, Stored] = {}
        self.history: dict[bytes, int] = {}  # GUID to when it is forgotten
        self.now = 0
        self.location = 0

    # What can happen.

    @rule(
        timers=st.lists(st.integers(0, 40), min_size=1, max_size=20),
        clients=st.lists(st.sampled_from(_CLIENTS), min_size=20, max_size=20),
        gap=st.sampled_from([0, 0, 0, 1, 5, 9, 30]),
        size=st.integers(1, 9),
        references=st.one_of(
            st.integers(1, 3), st.lists(st.integers(1, 3), min_size=20, max_size=20)
        ),
    )
    def post(
        self,
        timers: list[int],
        clients: list[bytes],
        gap: int,
        size: int,
        references: int | list[int],
    ) -> None:
        wanted = [made_guid(*pair) for pair in zip(timers, clients, strict=False)]
        known = {entry.message[0] for entry in self.model.values()} | self.history.keys()
        asked = {guid: made_message(guid, 0) for guid in wanted}
        assert self.store.duplicates(asked) == known & asked.keys()
        fresh = [guid for guid in asked if guid not in known]
        middle = len(fresh) // 2 if gap % 2 else 0
        batch: list[Message] = []
        for index, guid in enumerate(fresh):
            self.location += 1
            ordinal = self.store.next_ordinal + index + (gap if index >= middle else 0)
            batch.append(made_message(guid, ordinal, size, self.location))
        counts = references if isinstance(references, int) else references[: len(batch)]
        self.store.append(batch, self.now, counts)
        for index, message in enumerate(batch):
            count = counts if isinstance(counts, int) else counts[index]
            self.model[message[5]] = Stored(message, self.now, count)

    @rule(data=st.data(), is_forced=st.booleans())
    def take(self, data: st.DataObject, *, is_forced: bool) -> None:
        ordinals = data.draw(st.one_of(self._some(), self._stretch()))
        expected: list[tuple[bytes, int, int, int]] = []
        for ordinal in ordinals:
            if (entry := self.model.get(ordinal)) is None:
                continue
            entry.references -= 1
            if is_forced or entry.references == 0:
                guid, _, _, _, size, _, location = entry.message
                expected.append((guid, size, location, ordinal))
                self.history[guid] = self.now + _DEDUPLICATION
                del self.model[ordinal]
        take = self.store.remove if is_forced else self.store.release
        assert take(ordinals, Instant(self.now)) == expected
        self._forget()

    @rule(data=st.data(), room=st.sampled_from([0, 1000, 5000]))
    def trim(self, data: st.DataObject, room: int) -> None:
        keep = data.draw(self._some(3))
        cold = [n for n in self.model if self.store.is_cold(n)]
        self.store.trim(keep, room)
        for ordinal in keep:
            if ordinal in self.model and ordinal not in cold:
                assert not self.store.is_cold(ordinal)
        assert all(self.store.is_cold(ordinal) for ordinal in cold)

    @precondition(lambda self: any(self.store.is_cold(n) for n in self.model))
    @rule(data=st.data())
    def thaw(self, data: st.DataObject) -> None:
        cold = [n for n in self.model if self.store.is_cold(n)]
        entries = self.store.cold_entries(data.draw(st.sampled_from(cold)))
        lost = data.draw(st.sets(st.sampled_from([e[0] for e in entries]), max_size=2))
        found = [self.model[ordinal].message for ordinal, _, _ in entries]
        assert entries == [(m[5], m[6], m[4]) for m in found]
        given = [message for message in found if message[5] not in lost]
        self.store.thaw(given)
        for ordinal in lost if given else ():
            self.model[ordinal].is_lost = True

    @rule()
    def close(self) -> None:
        self.store.close_open_block()

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        for ordinal in data.draw(self._some()):
            self.location += 1
            self.store.move(ordinal, self.location)
            entry = self.model.get(ordinal)
            if entry is not None and not entry.is_lost:
                entry.message = (*entry.message[:6], self.location)

    @rule(passed=st.integers(1, _DEDUPLICATION))
    def wait(self, passed: int) -> None:
        self.now += passed
        self.store.history.expire(Instant(self.now))
        self._forget()

    @rule()
    def restart(self) -> None:
        columns = self.store.export()
        remembered = self.store.history.guids()
        next_ordinal = self.store.next_ordinal
        self.store = made_store(_DEDUPLICATION)
        self.store.restore(columns, next_ordinal)
        self.store.history.remember(remembered, Instant(self.now))
        self.history = dict.fromkeys(self.history, self.now + _DEDUPLICATION)
        for entry in self.model.values():
            entry.is_lost = False
        assert next_ordinal <= self.store.next_ordinal < next_ordinal + _BLOCK
        assert all(self.store.is_cold(ordinal) for ordinal in self.model)

    # What must hold.

    @invariant()
    def counts_agree(self) -> None:
        entries = self.model.values()
        size = sum(entry.message[4] for entry in entries)
        usage, domain = self.store.usage, self.store.domain_usage
        assert len(self.store) == usage.messages == domain.messages == len(self.model)
        assert usage.bytes == domain.bytes == size
        hot = [entry for n, entry in self.model.items() if not self.store.is_cold(n)]
        assert self.store.hot_bytes == sum(entry.message[4] + HOT_MESSAGE_BYTES for entry in hot)
        assert set(self.store.history.guids()) == self.history.keys()

    @invariant()
    def ordinals_agree(self) -> None:
        assert list(self.store.ordinals()) == list(self.model)
        assert self.store.first_ordinal == min(self.model, default=self.store.next_ordinal)
        assert self.store.next_ordinal > max(self.model, default=-1)

    @invariant()
    def messages_agree(self) -> None:
        for ordinal in range(self.store.next_ordinal + 2):
            entry = self.model.get(ordinal)
            assert self.store.is_stored(ordinal) == (entry is not None)
            if entry is None:
                assert not self.store.is_cold(ordinal)
                assert self.store.get(ordinal) is None
                continue
            is_here = not (self.store.is_cold(ordinal) or entry.is_lost)
            assert self.store.get(ordinal) == (entry.message if is_here else None)
            guid, size = entry.message[0], entry.message[4]
            assert self.store.ordinal_of(guid) == ordinal
            assert self.store.guid_of(ordinal) == guid
            assert self.store.size_of(ordinal) == size
            assert self.store.coding_of(ordinal) == made_coding(guid)
            assert self.store.arrival_ns(ordinal) == entry.arrival_ns
        assert all(self.store.ordinal_of(guid) is None for guid in self.history)

    @invariant()
    def runs_agree(self) -> None:
        for count in (1, 5, 100):
            position = 0
            while position < self.store.next_ordinal:
                expected, goes_on = self._run(position, count)
                messages, reached = self.store.run(position, count)
                assert messages == expected
                assert position <= reached <= goes_on
                if reached == position:
                    assert self.store.is_cold(position)
                    reached += 1
                position = reached

    @invariant()
    def exports_agree(self) -> None:
        columns = self.store.export()
        entries = self.model.values()
        assert columns.guids == b"".join(entry.message[0] for entry in entries)
        assert list(columns.ordinals) == list(self.model)
        assert list(columns.locations) == [entry.message[6] for entry in entries]
        assert list(columns.sizes) == [entry.message[4] for entry in entries]
        assert list(columns.arrivals) == [entry.arrival_ns for entry in entries]
        assert list(columns.codings) == [made_coding(entry.message[0]) for entry in entries]
        counts = columns.references or [1] * len(entries)
        assert list(counts) == [entry.references for entry in entries]

    @invariant()
    def nothing_is_left_behind(self) -> None:
        blocks = self.store._blocks
        assert self.store._numbers == sorted(blocks)
        hot = [number for number, block in blocks.items() if isinstance(block, HotBlock)]
        assert sorted(self.store._hot_numbers) == sorted(hot)
        for block in blocks.values():
            assert block is self.store._open or block.live > 0
            assert isinstance(block, HotBlock) or block.indexed >= block.live
            has_lost = isinstance(block, HotBlock) and block.lost
            assert block is self.store._open or has_lost or not block.is_sparse()
        in_memory = {e.message[0] for n, e in self.model.items() if not self.store.is_cold(n)}
        assert self.store.history.known.keys() == in_memory | self.history.keys()
        index = self.store._cold_guids
        runs = [run for tier in index._tiers for run in tier]
        for run in runs:
            assert run.live == sum(blocks[n].indexed for n in run.blocks if n in blocks)
            assert 0 < run.live <= len(run.entries) <= 4 * run.live
        indexed = sorted(n for n, block in blocks.items() if block.indexed)
        assert indexed == sorted(n for run in runs for n in run.blocks if n in blocks)
        assert sorted(index._run_of) == indexed
        assert index._highest or not indexed

    # Helpers.

    def _some(self, count: int = 9) -> st.SearchStrategy[list[int]]:
        end = self.store.next_ordinal
        return st.lists(st.integers(max(0, end - 60), end), unique=True, max_size=count)

    def _stretch(self) -> st.SearchStrategy[range]:
        end = self.store.next_ordinal
        return st.integers(max(0, end - 60), end).map(lambda start: range(start, start + 20))

    def _forget(self) -> None:
        self.history = {guid: at for guid, at in self.history.items() if at > self.now}

    def _run(self, start: int, count: int) -> tuple[list[Message], int]:
        """Return the messages of a run and the last position that may be given to go on from."""
        found: list[Message] = []
        for ordinal in self._live(start):
            if len(found) == count or self.store.is_cold(ordinal):
                return found, ordinal
            if not self.model[ordinal].is_lost:
                found.append(self.model[ordinal].message)
        return found, self.store.next_ordinal

    def _live(self, start: int) -> Iterator[int]:
        return (ordinal for ordinal in self.model if ordinal >= start)


@pytest.mark.parametrize("runs_max", [16, 65_536])
def test_store_against_its_model(monkeypatch: pytest.MonkeyPatch, runs_max: int):
    monkeypatch.setattr(store_module, "BLOCK_MESSAGES", _BLOCK)
    monkeypatch.setattr(store_module, "BLOCK_BYTES", 60)
    monkeypatch.setattr(store_module, "_SHIFT", 3)
    monkeypatch.setattr(store_module, "_MASK", 7)
    monkeypatch.setattr(store_module, "COLD_RUN_GUIDS_MAX", runs_max)
    monkeypatch.setattr(cold_guids_module, "COLD_RUN_GUIDS_MAX", runs_max)
    monkeypatch.setattr(cold_guids_module, "COLD_CLIENTS_MAX", 3)
    monkeypatch.setattr(cold_guids_module, "_ALIKE_MAX", 3)
    run_state_machine_as_test(
        StoreMachine, settings=settings(max_examples=20, stateful_step_count=25)
    )
