"""A partition's log: what is asked of the disk, and where messages will be."""

from __future__ import annotations

import pytest

from reference_broker.base import QueueUri
from reference_broker.ports import CreateFile, Effect, RemoveFile, Sync, Write
from reference_broker.storage import (
    PartitionLog,
    PurgeReason,
    decode_segment_head,
    read_record,
)
from reference_broker.storage.log import LoggedApp
from reference_broker.storage.names import segment_name
from reference_broker.storage.tests.disk import WALL_NS, Disk, append, guid, message

URI = QueueUri.parse("bmq://test.file/q")
FIRST, SECOND = segment_name(0, 1), segment_name(0, 2)


def kinds(effects: list[Effect]) -> list[type[Effect]]:
    return [type(effect) for effect in effects]


def one_queue(segment_bytes_max: int = 400) -> tuple[Disk, PartitionLog]:
    disk, log = Disk(), PartitionLog(0, segment_bytes_max)
    disk.carry_out(log.append_queue(1, URI))
    disk.carry_out(log.append_app(1, 0, "a", 0, is_registered=True))
    return disk, log


def test_the_first_record_begins_a_segment():
    log = PartitionLog(3)
    effects = log.append_queue(1, URI)
    assert kinds(effects) == [CreateFile, Write, Write]
    assert effects[0] == CreateFile(segment_name(3, 1))
    assert log.append_queue(1, URI) == []
    assert log.name_of(1) == segment_name(3, 1)


@pytest.mark.parametrize("size", [1, 30, 500])
def test_messages_are_where_the_log_said(size: int):
    disk, log = one_queue()
    for first in range(0, 20, 2):
        locations = append(disk, log, 1, first, [b"x" * size, b"y" * size])
        for ordinal, location in enumerate(locations, first):
            name, offset = log.name_of(location >> 40), location & (1 << 40) - 1
            assert disk.files[name][offset + 12 : offset + 28] == guid(ordinal)


def test_asking_for_the_place_changes_nothing_else():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"x" * 400])
    assert log.next_location() == log.next_location()
    assert SECOND not in disk.files
    assert log.take_unsynced() == [FIRST, SECOND][:1]
    effects = log.append_confirms(1, 0, [0])
    assert kinds(effects) == [CreateFile, Write, Write, Write, Write]
    assert log.take_unsynced() == [SECOND]


def test_a_new_segment_introduces_what_there_is():
    disk, log = one_queue()
    disk.carry_out(log.append_app(1, 1, "b", 0, is_registered=True))
    disk.carry_out(log.append_app(1, 1, "b", 0, is_registered=False))
    append(disk, log, 1, 0, [b"x" * 400])
    disk.carry_out(log.append_purge(1, None, 1, PurgeReason.PURGE))
    assert log.queues[1].apps == {0: LoggedApp("a", 1)}
    head = decode_segment_head(bytes(disk.files[SECOND]))
    assert (head.number, head.oldest) == (2, 1)


def test_a_segment_that_is_full_of_introductions_takes_records_nevertheless():
    disk, log = one_queue(100)
    for number in range(2, 30):
        disk.carry_out(log.append_queue(number, QueueUri.parse(f"bmq://test.file/q{number}")))
    count = len(disk.files)
    disk.carry_out(log.append_confirms(1, 0, [1]))
    disk.carry_out(log.append_confirms(1, 0, [2]))
    assert len(disk.files) <= count + 1


def dying(disk: Disk, log: PartitionLog) -> list[Effect]:
    """Fill the first segment with a message, and let it go; returns the effects of the latter."""
    (location,) = append(disk, log, 1, 0, [b"x" * 400])
    append(disk, log, 1, 1, [b"y"])
    disk.carry_out(log.append_confirms(1, 0, [0]))
    return log.release([(guid(0), 400, location, 0)])


def test_dead_segments_go_after_a_record_that_says_so():
    disk, log = one_queue()
    (location,) = append(disk, log, 1, 0, [b"x" * 400])
    append(disk, log, 1, 1, [b"y"])
    disk.carry_out(log.write_snapshot([], WALL_NS))
    effects = log.release([(guid(0), 400, location, 0)])
    assert kinds(effects) == [Write, RemoveFile]
    assert effects[-1] == RemoveFile(FIRST)
    assert log.oldest == 2
    assert log.take_unsynced() == [SECOND]


def test_dead_segments_wait_for_a_snapshot_that_knows_the_guids_in_them():
    disk, log = one_queue()
    disk.carry_out(log.write_snapshot([], WALL_NS))
    old = log.snapshot
    assert dying(disk, log) == []
    assert log.usage().files == (FIRST, SECOND)
    assert log.oldest == 1
    assert log.compaction_candidate() is None
    due = log.is_snapshot_due
    assert due  # it is worth it: a whole segment waits
    effects = log.write_snapshot([], WALL_NS)
    assert kinds(effects) == [Write, CreateFile, Write, Sync, RemoveFile, RemoveFile]
    assert effects[-2:] == [RemoveFile(old), RemoveFile(FIRST)]
    assert log.usage().files == (SECOND,)
    assert log.oldest == 2
    assert not log.is_snapshot_due
    assert log.take_unsynced() == [SECOND]


def test_what_apps_do_not_need_of_a_batch_is_in_the_same_write():
    disk, log = one_queue(150)
    disk.carry_out(log.append_app(1, 1, "b", 0, is_registered=True))
    messages = [message(n, b"x" * 200) for n in range(2)]
    effects = log.append_puts(1, WALL_NS, 0, messages, 2, {0: [1], 1: [0]})
    assert isinstance(effects[-1], Write)
    data = b"".join(effects[-1].chunks)
    puts = read_record(data, 0)
    first = read_record(data, puts.end)
    second = read_record(data, first.end)
    assert second.end == len(data)
    assert [record.log_index for record in (puts, first, second)] == [
        log.next_index - 3, log.next_index - 2, log.next_index - 1
    ]  # fmt: skip
    disk.carry_out(effects)
    recovered = disk.recover(150).queues[1]
    assert [list(recovered.apps[app].done) for app in (0, 1)] == [[1], [0]]


def test_every_record_is_to_be_synced_once():
    disk, log = one_queue()
    assert log.take_unsynced() == [FIRST]
    assert log.take_unsynced() == []
    append(disk, log, 1, 0, [b"x" * 400])
    append(disk, log, 1, 1, [b"x"])
    assert log.take_unsynced() == [FIRST, SECOND]


def test_nothing_is_written_of_no_confirms():
    _, log = one_queue()
    assert log.append_confirms(1, 0, []) == []


def test_a_snapshot_is_durable_before_the_old_one_goes():
    disk, log = one_queue()
    first = log.write_snapshot([], WALL_NS)
    assert kinds(first) == [CreateFile, Write, Sync]
    disk.carry_out(first)
    old = log.snapshot
    second = log.write_snapshot([], WALL_NS)
    assert kinds(second) == [CreateFile, Write, Sync, RemoveFile]
    assert second[-1] == RemoveFile(old)
    assert log.snapshot != old
    assert (log.bytes_since_snapshot, log.is_snapshot_due) == (0, False)
    append(disk, log, 1, 0, [b"x"])
    assert log.bytes_since_snapshot > 40


def test_moved_messages_are_copied_and_their_old_place_released():
    disk, log = one_queue()
    datas = [b"a" * 150, b"b" * 150, b"c" * 150]
    locations = append(disk, log, 1, 0, datas)
    append(disk, log, 1, 3, [b"d"])
    messages = [message(n, data) for n, data in enumerate(datas)]
    places, effects = log.append_moved(1, [0, 2], [5, 6], [messages[0], messages[2]], [(0, 2)])
    disk.carry_out(effects)
    assert places[1] - places[0] == len(messages[0])
    offset = places[1] & (1 << 40) - 1
    assert disk.files[SECOND][offset : offset + len(messages[2])] == messages[2]
    released = [(guid(n), 150, location, n) for n, location in enumerate(locations)]
    disk.carry_out(log.release(released))
    assert [segment.name for segment in log.dead] == [FIRST]


def test_large_messages_are_moved_in_several_records():
    _, log = one_queue()
    large = [message(n, bytes(9 * 1024 * 1024)) for n in range(3)]
    places, effects = log.append_moved(1, [0, 1, 2], [1, 1, 1], large, [(0, 1)])
    assert len(places) == len(set(places)) == 3
    sizes = [sum(map(len, effect.chunks)) for effect in effects if isinstance(effect, Write)]
    assert sum(size > 9 * 1024 * 1024 for size in sizes) == 3


def test_usage_tells_files_and_sizes():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"x" * 400])
    append(disk, log, 1, 1, [b"x"])
    disk.carry_out(log.write_snapshot([], WALL_NS))
    usage = log.usage()
    assert usage.files == (FIRST, SECOND)
    assert usage.bytes == len(disk.files[FIRST]) + len(disk.files[SECOND])
    assert usage.journal_bytes == len(disk.files[log.snapshot])
