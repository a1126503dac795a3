"""Recovery: what was written comes back; what a crash tore is cut; what is damaged is refused."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.base import QueueUri
from reference_broker.ports import CreateFile, Effect, RemoveFile, Write
from reference_broker.storage import (
    ConfirmRecord,
    PartitionLog,
    PutRecord,
    QueueRecord,
    RecoveredLog,
    StorageCorruptionError,
    recover_log,
)
from reference_broker.storage.log import segment_name
from reference_broker.storage.records import SEGMENT_MAGIC, TERM_MARK, Body, read_record

URI = QueueUri.parse("bmq://test.file/q")


class Disk:
    """The files of a log, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case CreateFile(name):
                    assert name not in self.files
                    self.files[name] = b""
                case Write(name, chunks):
                    self.files[name] += b"".join(chunks)
                case RemoveFile(name):
                    del self.files[name]
                case _:
                    raise AssertionError(effect)

    def recover(self, segment_bytes_max: int = 1_000) -> RecoveredLog:
        return recover_log(0, sorted(self.files.items()), segment_bytes_max)


def guid(number: int) -> bytes:
    return number.to_bytes(16, "big")


def small_log() -> tuple[Disk, list[Body]]:
    """Return a disk with one segment, and what it says."""
    disk, log = Disk(), PartitionLog(0)
    disk.carry_out(log.append_queue(1, URI))
    disk.carry_out(log.append_puts(1, 5, [b"first"], 1))
    disk.carry_out(log.append_puts(1, 6, [b"second"], 1))
    disk.carry_out(log.append_confirms(1, [guid(1)], [1]))
    bodies: list[Body] = [
        QueueRecord(1, URI),
        PutRecord(1, 5, b"first"),
        PutRecord(1, 6, b"second"),
        ConfirmRecord(1, 0, [guid(1)]),
    ]
    return disk, bodies


def offsets(content: bytes) -> list[int]:
    """Return where the records of a segment start."""
    found = [len(SEGMENT_MAGIC)]
    while found[-1] < len(content):
        found.append(read_record(content, found[-1]).end)
    return found[:-1]


def bodies_of(recovered: RecoveredLog) -> list[Body]:
    return [body for _, body in recovered.entries]


def refused(disk: Disk) -> str:
    with pytest.raises(StorageCorruptionError) as caught:
        disk.recover()
    return str(caught.value)


NAME = segment_name(0, 1)


# The end of the last segment.


def test_what_was_written_comes_back():
    disk, bodies = small_log()
    recovered = disk.recover()
    assert recovered.entries == [(1, body) for body in bodies]
    assert recovered.cut is None
    assert recovered.log.queues == {1: URI}
    assert (recovered.log.next_index, recovered.log.segments[0].size) == (5, len(disk.files[NAME]))


def test_a_tail_torn_at_any_byte_is_cut_and_everything_before_survives():
    disk, bodies = small_log()
    whole = disk.files[NAME]
    *_, last = offsets(whole)
    for kept in range(last, len(whole)):
        disk.files[NAME] = whole[:kept]
        recovered = disk.recover()
        assert bodies_of(recovered) == bodies[:-1], kept
        assert recovered.log.segments[0].size == last
        if kept == last:
            assert recovered.cut is None
        else:
            assert recovered.cut is not None
            assert recovered.cut[:2] == (NAME, last)


def test_a_tail_torn_anywhere_leaves_whole_records():
    disk, bodies = small_log()
    whole = disk.files[NAME]
    starts = [*offsets(whole), len(whole)]
    for kept in range(len(whole)):
        disk.files[NAME] = whole[:kept]
        expected = sum(end <= kept for end in starts[1:])
        assert bodies_of(disk.recover()) == bodies[:expected], kept


def test_garbage_behind_the_last_record_is_cut():
    disk, bodies = small_log()
    size = len(disk.files[NAME])
    disk.files[NAME] += b"\xff" * 100
    recovered = disk.recover()
    assert bodies_of(recovered) == bodies
    assert recovered.cut is not None
    assert recovered.cut[:2] == (NAME, size)


def test_the_log_goes_on_where_it_was_cut():
    disk, bodies = small_log()
    disk.files[NAME] = disk.files[NAME][:-1]
    recovered = disk.recover()
    disk.files[NAME] = disk.files[NAME][: recovered.log.segments[0].size]
    disk.carry_out(recovered.log.append_puts(1, 7, [b"third"], 1))
    again = disk.recover()
    assert bodies_of(again) == [*bodies[:-1], PutRecord(1, 7, b"third")]
    assert again.cut is None


def test_zeros_that_imitate_thousands_of_headers_are_taken_for_corruption():
    disk, _ = small_log()
    disk.files[NAME] += TERM_MARK * 20_000
    assert "damaged at byte" in refused(disk)


@pytest.mark.parametrize("content", [b"", b"B", SEGMENT_MAGIC[:-1], SEGMENT_MAGIC])
def test_a_last_file_without_a_record_is_what_a_crash_leaves(content: bytes):
    disk, bodies = small_log()
    disk.files[segment_name(0, 2)] = content
    recovered = disk.recover()
    assert bodies_of(recovered) == bodies
    assert [segment.number for segment in recovered.log.segments] == [1, 2]


def test_an_empty_last_file_is_gone_on_with():
    disk, bodies = small_log()
    disk.files[segment_name(0, 2)] = b""
    log = disk.recover().log
    assert log.next_segment == 2
    disk.carry_out(log.append_puts(1, 7, [b"third"], 1))
    expected = [*bodies, QueueRecord(1, URI), PutRecord(1, 7, b"third")]
    assert bodies_of(disk.recover()) == expected


def test_no_file_at_all_is_an_empty_log():
    recovered = recover_log(0, [], 1_000)
    assert (recovered.entries, recovered.cut, recovered.log.next_segment) == ([], None, 1)


# Damage.


def test_a_flipped_bit_before_the_last_record_names_file_and_offset():
    disk, _ = small_log()
    whole = disk.files[NAME]
    starts = offsets(whole)
    for start, end in itertools.pairwise(starts):
        for position in range(start, end):
            damaged = bytearray(whole)
            damaged[position] ^= 0x10
            disk.files[NAME] = bytes(damaged)
            message = refused(disk)
            assert f"log file {NAME} is damaged at byte {start}:" in message, position
            assert "restore the file from a copy" in message


def test_a_flipped_bit_in_the_last_record_is_a_torn_tail():
    disk, bodies = small_log()
    damaged = bytearray(disk.files[NAME])
    damaged[-1] ^= 1
    disk.files[NAME] = bytes(damaged)
    assert bodies_of(disk.recover()) == bodies[:-1]


def test_a_torn_segment_that_is_not_the_last_is_refused():
    disk, log = Disk(), PartitionLog(0, segment_bytes_max=100)
    disk.carry_out(log.append_queue(1, URI))
    for _ in range(2):
        disk.carry_out(log.append_puts(1, 0, [bytes(100)], 1))
    disk.files[NAME] = disk.files[NAME][:-1]
    assert f"log file {NAME} is damaged" in refused(disk)


@pytest.mark.parametrize("content", [b"XMQGLOG1", b"BMQGLOG2", b"\0" * 8, b"BMQ\0"])
def test_another_kind_of_file_is_refused(content: bytes):
    disk = Disk()
    disk.files[NAME] = content
    assert "does not start with BMQGLOG1" in refused(disk)


def test_an_empty_file_in_the_middle_is_refused():
    disk, log = Disk(), PartitionLog(0, segment_bytes_max=100)
    disk.carry_out(log.append_queue(1, URI))
    for _ in range(3):
        disk.carry_out(log.append_puts(1, 0, [bytes(100)], 1))
    disk.files[segment_name(0, 2)] = b""
    assert segment_name(0, 2) in refused(disk)


def test_a_missing_segment_is_refused():
    disk, log = Disk(), PartitionLog(0, segment_bytes_max=100)
    disk.carry_out(log.append_queue(1, URI))
    for _ in range(3):
        disk.carry_out(log.append_puts(1, 0, [bytes(100)], 1))
    del disk.files[segment_name(0, 2)]
    message = refused(disk)
    assert f"{segment_name(0, 3)} is out of place" in message
    assert "segment 2" in message


@pytest.mark.parametrize(
    "name", ["other.log", segment_name(1, 1), "partition-0000-segment-x.log", "a-b-c-d.log"]
)
def test_a_file_that_is_none_of_this_partitions_is_refused(name: str):
    disk, _ = small_log()
    disk.files[name] = SEGMENT_MAGIC
    assert name in refused(disk)


def test_a_gap_between_two_records_is_refused():
    disk, _ = small_log()
    whole = disk.files[NAME]
    starts = offsets(whole)
    disk.files[NAME] = whole[: starts[1]] + whole[starts[2] :]
    assert "record 3 where 2 should be" in refused(disk)


# Everything together.


class _Op(NamedTuple):
    kind: str
    number: int
    size: int


_ops = st.lists(
    st.builds(
        _Op, st.sampled_from(["queue", "puts", "puts", "confirm"]), st.integers(0, 3),
        st.integers(1, 80),
    ),
    max_size=40,
)  # fmt: skip


@given(_ops, st.integers(60, 400), st.integers(0, 10_000))
@settings(deadline=None)
def test_recovery_equals_what_was_written(ops: list[_Op], segment_bytes_max: int, torn: int):
    disk, log = Disk(), PartitionLog(0, segment_bytes_max)
    queues: dict[int, QueueUri] = {}
    live: list[tuple[int, int, int]] = []  # (queue, message, segment)
    said: list[Body] = []
    restarts = 0
    for op in ops:
        uri = QueueUri.parse(f"bmq://test.file/q{op.number}")
        if op.number not in queues:
            disk.carry_out(log.append_queue(op.number, uri))
            queues[op.number] = uri
        if op.kind == "puts":
            data = len(said).to_bytes(4, "big") + bytes(op.size)
            segment = log.next_segment
            disk.carry_out(log.append_puts(op.number, 1, [data], 1))
            live.append((op.number, len(said), segment))
            said.append(PutRecord(op.number, 1, data))
        elif op.kind == "confirm" and live:
            queue, message, segment = live.pop(op.size % len(live))
            disk.carry_out(log.append_confirms(queue, [guid(message)], [segment]))
            said.append(ConfirmRecord(queue, 0, [guid(message)]))
        elif op.kind == "queue" and op.size < 20:  # a restart
            restarts += 1
            recovered = disk.recover(segment_bytes_max)
            for _, _, number in live:
                recovered.log.segments[number - recovered.log.segments[0].number].live += 1
            log = recovered.log
    assert set(disk.files) == {segment.name for segment in log.segments}
    recovered = disk.recover(segment_bytes_max)
    assert recovered.cut is None
    assert recovered.log.queues == queues
    found = [body for body in bodies_of(recovered) if not isinstance(body, QueueRecord)]
    assert found == said[len(said) - len(found) :]
    kept = {body for body in found if isinstance(body, PutRecord)}
    assert {said[message] for _, message, _ in live} <= kept
    if disk.files:
        _check_torn(disk, torn, segment_bytes_max)


def _check_torn(disk: Disk, torn: int, segment_bytes_max: int) -> None:
    """Tear the last file anywhere: no whole record is lost, and nothing is refused."""
    name = max(disk.files)
    whole = disk.files[name]
    before = bodies_of(disk.recover(segment_bytes_max))
    kept = torn % (len(whole) + 1)
    lost = sum(1 for start in [*offsets(whole), len(whole)][1:] if start > kept)
    disk.files[name] = whole[:kept]
    after = bodies_of(disk.recover(segment_bytes_max))
    assert after == before[: len(before) - lost]
