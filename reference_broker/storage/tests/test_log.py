"""The log: appending, rolling over, letting go."""

from __future__ import annotations

import pytest

from reference_broker.base import QueueUri
from reference_broker.ports import CreateFile, Effect, RemoveFile, Sync, Write
from reference_broker.storage import PartitionLog, recover_log
from reference_broker.storage.log import parse_segment_name, segment_name

A, B = QueueUri.parse("bmq://test.file/a"), QueueUri.parse("bmq://test.file/b")


def guid(number: int) -> bytes:
    return number.to_bytes(16, "big")


def shapes(effects: list[Effect]) -> list[tuple[str, int]]:
    """Return (kind, number of the segment) of each effect."""
    names = [e.name for e in effects if isinstance(e, CreateFile | Write | RemoveFile | Sync)]
    assert len(names) == len(effects)
    return [
        (type(effect).__name__, int(name[-16:-4]))
        for effect, name in zip(effects, names, strict=True)
    ]


def test_the_first_record_makes_the_first_segment():
    log = PartitionLog(3)
    assert log.next_segment == 1
    effects = log.append_queue(1, A)
    assert shapes(effects) == [("CreateFile", 1), ("Write", 1), ("Write", 1)]
    assert log.segments[0].name == "partition-0003-segment-000000000001.log"
    assert shapes(log.append_queue(2, B)) == [("Write", 1)]


def test_a_full_segment_is_followed_by_one_that_names_all_queues():
    log = PartitionLog(0, segment_bytes_max=200)
    log.append_queue(1, A)
    log.append_queue(2, B)
    log.append_puts(1, 0, [bytes(200)], 1)
    assert log.next_segment == 2
    effects = log.append_puts(1, 0, [bytes(10)], 1)
    assert shapes(effects) == [("CreateFile", 2), *[("Write", 2)] * 4]
    files = [("partition-0000-segment-000000000002.log", content(effects))]
    assert recover_log(0, files, 200).log.queues == {1: A, 2: B}


def content(effects: list[Effect]) -> bytes:
    return b"".join(b"".join(e.chunks) for e in effects if isinstance(e, Write))


def test_sizes_are_what_was_written():
    log = PartitionLog(0)
    effects = log.append_queue(1, A) + log.append_puts(1, 5, [b"abc", b"defg"], 2)
    effects += log.append_confirms(1, [guid(1)], [1])
    assert log.segments[0].size == len(content(effects))


def full_log(count: int) -> PartitionLog:
    """Return a log with one message in each of `count` segments."""
    log = PartitionLog(0, segment_bytes_max=100)
    log.append_queue(1, A)
    for _ in range(count):
        log.append_puts(1, 0, [bytes(100)], 1)
    assert [segment.live for segment in log.segments] == [1] * count
    return log


def test_dead_segments_go_from_the_front_only():
    log = full_log(4)
    assert ("RemoveFile", 2) not in shapes(log.append_confirms(1, [guid(2)], [2]))
    assert [segment.number for segment in log.segments] == [1, 2, 3, 4, 5]
    effects = log.append_confirms(1, [guid(1)], [1])
    removed = [shape for shape in shapes(effects) if shape[0] == "RemoveFile"]
    assert removed == [("RemoveFile", 1), ("RemoveFile", 2)]
    assert log.segments[0].number == 3


def test_the_last_segment_never_goes():
    log = PartitionLog(0)
    log.append_queue(1, A)
    log.append_puts(1, 0, [b"x"], 1)
    assert shapes(log.append_confirms(1, [guid(1)], [1])) == [("Write", 1)]


def test_a_removal_follows_the_record_that_allows_it():
    log = full_log(2)
    effects = log.append_confirms(1, [guid(1), guid(2)], [1, 2])
    kinds = [kind for kind, _ in shapes(effects)]
    assert kinds.index("RemoveFile") > max(i for i, kind in enumerate(kinds) if kind == "Write")


@pytest.mark.parametrize("segments", [[1, 1, 2, 3], [3, 2, 1, 1], [1, 2, 1, 3]])
def test_messages_of_several_segments_are_counted_out(segments: list[int]):
    log = full_log(3)
    log.segments[0].live = 2
    log.release(segments)
    assert [segment.live for segment in log.segments] == [0, 0, 0]


def test_a_sync_names_every_file_written_since_the_last_one():
    log = full_log(3)
    syncs = log.sync(9)
    assert [(sync.name[-5], sync.token) for sync in syncs if isinstance(sync, Sync)] == [
        ("1", 0),
        ("2", 0),
        ("3", 9),
    ]
    assert shapes(log.sync(10)) == [("Sync", 3)]


def test_a_removed_file_is_not_synced():
    log = full_log(2)
    log.append_confirms(1, [guid(1), guid(2)], [1, 2])
    assert shapes(log.sync(1)) == [("Sync", 3)]


def test_indices_are_consecutive_over_segments():
    log = full_log(3)
    # Three messages, and a QUEUE record at the head of each segment.
    assert log.next_index == 7


@pytest.mark.parametrize(("partition", "number"), [(0, 1), (12, 34), (9999, 999_999_999_999)])
def test_names_can_be_read_back(partition: int, number: int):
    assert parse_segment_name(segment_name(partition, number)) == (partition, number)


def test_names_sort_by_age():
    names = [segment_name(0, number) for number in (1, 2, 9, 10, 99, 100, 10**11)]
    assert names == sorted(names)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".log",
        "x.log",
        "partition-0-1.log",
        "partition-a-segment-1.log",
        "partition-0-segment-b.log",
        "partition-0-segment--1.log",
        "segment-0-partition-1.log",
        "partition-0-segment-1-2.log",
    ],
)
def test_other_names_are_not_ours(name: str):
    assert parse_segment_name(name) is None
