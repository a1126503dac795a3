"""Recovery: what was written comes back; what a crash tore is cut; what is damaged is refused."""

from __future__ import annotations

import pytest

from reference_broker.base import QueueUri
from reference_broker.storage import (
    RECORD_HEADER_SIZE,
    SEGMENT_HEAD_SIZE,
    PartitionLog,
    PurgeReason,
    RecordKind,
    StorageCorruptionError,
    StoredQueue,
    decode_stored,
    read_record,
    stored_size,
)
from reference_broker.storage.columns import OFFSET_MASK, SEGMENT_SHIFT
from reference_broker.storage.names import segment_name
from reference_broker.storage.records import SegmentHead, encode_record, encode_segment_head
from reference_broker.storage.tests.disk import WALL_NS, Disk, append, guid

URI = QueueUri.parse("bmq://test.file/q")
OTHER = QueueUri.parse("bmq://test.file/r")
FIRST = segment_name(0, 1)


def one_queue(segment_bytes_max: int = 1_000) -> tuple[Disk, PartitionLog]:
    """Return a log with one queue and its one app."""
    disk = Disk()
    log = disk.recover(segment_bytes_max).log
    disk.carry_out(log.append_queue(1, URI))
    disk.carry_out(log.append_app(1, 0, "__default", 0, is_registered=True))
    return disk, log


def contents(disk: Disk, queue: StoredQueue) -> dict[int, bytes]:
    """Return the data of each message, read back by its location."""
    found: dict[int, bytes] = {}
    columns = queue.columns
    for index, ordinal in enumerate(columns.ordinals):
        location, size = columns.locations[index], columns.sizes[index]
        name = segment_name(0, location >> SEGMENT_SHIFT)
        offset = location & OFFSET_MASK
        data = bytes(disk.files[name][offset : offset + stored_size(size)])
        stored = decode_stored(data, name, offset)
        assert stored.guid == columns.guids[index * 16 : index * 16 + 16] == guid(ordinal)
        found[ordinal] = stored.data[:size]
    return found


def offsets(content: bytes) -> list[int]:
    """Return where the records of a segment start."""
    found = [SEGMENT_HEAD_SIZE]
    while found[-1] < len(content):
        found.append(read_record(content, found[-1]).end)
    return found[:-1]


def refused(disk: Disk) -> str:
    with pytest.raises(StorageCorruptionError) as caught:
        disk.recover()
    return str(caught.value)


def queues_of(disk: Disk) -> list[StoredQueue]:
    return list(disk.recover(150, carries_out=False).queues.values())


def without_snapshots(disk: Disk) -> Disk:
    for name in disk.names(".bmq_journal"):
        del disk.files[name]
    return disk


# What comes back.


def test_a_broker_starts_empty_and_with_one_snapshot():
    disk = Disk()
    recovered = disk.recover()
    assert (recovered.queues, recovered.notes) == ({}, [])
    assert disk.names("") == ["bmq_0.20231114_221320.1.bmq_journal"]
    again = disk.recover()
    assert again.effects == []
    assert again.log.snapshots == disk.names(".bmq_journal")


@pytest.mark.parametrize("has_snapshot", [True, False])
def test_what_was_written_comes_back(has_snapshot: bool):
    disk, log = one_queue()
    locations = append(disk, log, 1, 0, [b"one", b"two", b"three"])
    locations += append(disk, log, 1, 512, [b"four", b"five"])
    disk.carry_out(log.append_confirms(1, 0, [1, 512]))
    queue = (disk if has_snapshot else without_snapshots(disk)).recover().queues[1]
    assert contents(disk, queue) == {0: b"one", 2: b"three", 513: b"five"}
    assert list(queue.columns.locations) == [locations[0], locations[2], locations[4]]
    assert list(queue.columns.arrivals) == [WALL_NS, WALL_NS, WALL_NS + 512]
    assert (queue.uri, queue.next_ordinal) == (URI, 514)
    assert queue.history == guid(1) + guid(512)


def test_messages_of_one_size_and_of_many_come_back_alike():
    disk, log = one_queue(100_000)
    append(disk, log, 1, 0, [b"%05d" % n for n in range(300)])
    append(disk, log, 1, 300, [b"x" * n for n in range(1, 200)])
    queue = disk.recover().queues[1]
    expected = {n: b"%05d" % n for n in range(300)}
    expected |= {300 + n: b"x" * (n + 1) for n in range(199)}
    assert contents(disk, queue) == expected


def test_each_app_needs_what_it_has_not_confirmed():
    disk, log = one_queue()
    disk.carry_out(log.append_app(1, 1, "late", 2, is_registered=True))
    append(disk, log, 1, 0, [b"a", b"b", b"c", b"d", b"e"])
    disk.carry_out(log.append_confirms(1, 0, [0, 2, 3]))
    disk.carry_out(log.append_confirms(1, 1, [3, 4]))
    queue = disk.recover().queues[1]
    assert list(queue.columns.ordinals) == [1, 2, 4]
    assert {n: (a.first_ordinal, list(a.done)) for n, a in queue.apps.items()} == {
        0: (0, [2]),
        1: (2, [4]),
    }


def test_nobody_needs_what_only_an_app_that_is_gone_has_not_confirmed():
    disk, log = one_queue()
    disk.carry_out(log.append_app(1, 1, "foo", 0, is_registered=True))
    append(disk, log, 1, 0, [b"a", b"b"])
    disk.carry_out(log.append_confirms(1, 0, [0]))
    disk.carry_out(log.append_app(1, 1, "foo", 0, is_registered=False))
    disk.carry_out(log.append_confirms(1, 1, [1]))  # late, and without meaning
    queue = disk.recover().queues[1]
    assert list(queue.columns.ordinals) == [1]
    assert list(queue.apps) == [0]


def test_an_app_that_comes_again_needs_only_what_comes_then():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"a", b"b"])
    disk.carry_out(log.append_app(1, 0, "__default", 0, is_registered=False))
    disk.carry_out(log.append_app(1, 0, "__default", 2, is_registered=True))
    append(disk, log, 1, 2, [b"c"])
    assert contents(disk, disk.recover().queues[1]) == {2: b"c"}


@pytest.mark.parametrize("app", [None, 0])
def test_what_was_purged_stays_away_and_other_apps_keep_theirs(app: int | None):
    disk, log = one_queue()
    disk.carry_out(log.append_app(1, 1, "foo", 0, is_registered=True))
    append(disk, log, 1, 0, [b"a", b"b", b"c"])
    disk.carry_out(log.append_purge(1, app, 2, PurgeReason.PURGE))
    queue = disk.recover().queues[1]
    assert list(queue.columns.ordinals) == ([2] if app is None else [0, 1, 2])
    assert queue.apps[0].first_ordinal == 2
    assert queue.next_ordinal == 3


def test_a_queue_that_was_removed_is_gone_and_its_number_is_not_given_again():
    disk, log = one_queue()
    disk.carry_out(log.append_queue(2, OTHER))
    disk.carry_out(log.append_removed(2))
    recovered = disk.recover()
    assert list(recovered.queues) == [1]
    assert recovered.highest_queue == 2


def test_ordinals_are_not_given_again_after_all_messages_are_gone():
    disk, log = one_queue(200)
    for first in range(0, 40, 2):
        locations = append(disk, log, 1, first, [b"a" * 50, b"b" * 50])
        disk.carry_out(log.append_confirms(1, 0, [first, first + 1]))
        removed = [(guid(first + i), 50, each, first + i) for i, each in enumerate(locations)]
        disk.carry_out(log.release(removed))
    disk.carry_out(log.write_snapshot([], WALL_NS))
    assert len(disk.names(".bmq_data")) <= 2
    queue = without_snapshots(disk).recover(200).queues[1]
    assert (len(queue), queue.next_ordinal) == (0, 40)


def test_the_log_goes_on_after_a_recovery():
    disk, log = one_queue(150)
    for first in range(5):
        append(disk, log, 1, first, [b"x" * 40])
    log = disk.recover(150).log
    for first in range(5, 10):
        append(disk, log, 1, first, [b"y" * 40])
    expected = dict.fromkeys(range(5), b"x" * 40) | dict.fromkeys(range(5, 10), b"y" * 40)
    assert contents(disk, disk.recover().queues[1]) == expected
    assert contents(disk, without_snapshots(disk).recover().queues[1]) == expected


# Snapshots.


def test_what_lies_before_a_snapshot_is_not_read():
    disk, log = one_queue(150)
    for first in range(6):
        append(disk, log, 1, first, [b"x" * 100])
    log = disk.recover(150).log
    disk.carry_out(log.write_snapshot(list(disk.recover(150).queues.values()), WALL_NS))
    append(disk, log, 1, 6, [b"y"])
    for name in disk.names(".bmq_data")[:-2]:
        disk.files[name][60:] = bytes(len(disk.files[name]) - 60)
    queue = disk.recover(150).queues[1]
    assert list(queue.columns.ordinals) == list(range(7))
    assert sum(queue.columns.sizes) == 601


def test_a_snapshot_takes_the_place_of_the_one_before():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"a", b"b"])
    disk.carry_out(log.append_confirms(1, 0, [0]))
    queues = list(disk.recover().queues.values())
    disk.carry_out(log.write_snapshot(queues, WALL_NS))
    assert disk.names(".bmq_journal") == ["bmq_0.20231114_221320.2.bmq_journal"]
    disk.carry_out(log.append_confirms(1, 0, [1]))
    queue = disk.recover().queues[1]
    assert (len(queue), queue.next_ordinal, queue.history) == (0, 2, guid(0) + guid(1))


@pytest.mark.parametrize("kept", [0, 5, 30, 90, 120])
def test_an_unfinished_snapshot_is_not_used_and_goes(kept: int):
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"a"])
    queues = list(disk.recover().queues.values())
    old = disk.names(".bmq_journal")[0]
    before = bytes(disk.files[old])
    disk.carry_out(log.write_snapshot(queues, WALL_NS + 10**9))
    (new,) = disk.names(".bmq_journal")
    disk.files[old] = bytearray(before)
    del disk.files[new][kept:]
    recovered = disk.recover()
    assert contents(disk, recovered.queues[1]) == {0: b"a"}
    assert disk.names(".bmq_journal") == [old]
    (note,) = recovered.notes
    assert note.startswith(f"snapshot {new} is damaged at byte ")


def test_a_damaged_snapshot_is_reported_and_the_log_says_the_same():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"a", b"b"])
    disk.carry_out(log.write_snapshot(list(disk.recover().queues.values()), WALL_NS))
    (name,) = disk.names(".bmq_journal")
    disk.files[name][-40] ^= 1
    recovered = disk.recover()
    assert contents(disk, recovered.queues[1]) == {0: b"a", 1: b"b"}
    assert f"snapshot {name} is damaged at byte" in recovered.notes[0]
    assert len(disk.names(".bmq_journal")) == 1
    assert disk.recover().notes == []


def test_the_files_of_another_broker_are_not_touched():
    disk = Disk()
    disk.files["bmq_0.20240101_000000.bmq_journal"] = bytearray(b"\x12\x34BlazingMQ")
    assert "no snapshot of this broker; move it away" in refused(disk)


# What a crash leaves.


def test_a_tail_torn_at_any_byte_is_cut_and_everything_before_survives():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"first"])
    append(disk, log, 1, 1, [b"second"])
    whole = bytes(disk.files[FIRST])
    *_, last = offsets(whole)
    for kept in range(last, len(whole)):
        disk.files[FIRST] = bytearray(whole[:kept])
        recovered = disk.recover(carries_out=False)
        assert list(recovered.queues[1].columns.ordinals) == [0], kept
        assert recovered.log.segments.files[0].size == last
        if kept == last:
            assert recovered.notes == []
        else:
            (note,) = recovered.notes
            assert f"{FIRST}: the unfinished end was cut off at byte {last} of {kept}" in note
    disk.recover()
    assert len(disk.files[FIRST]) == last


@pytest.mark.parametrize("kept", range(0, 250, 3))
def test_a_segment_torn_in_its_introductions_is_completed(kept: int):
    disk, log = one_queue(150)
    locations = append(disk, log, 1, 0, [b"x" * 150])
    disk.carry_out(log.append_queue(2, OTHER))
    disk.carry_out(log.append_app(2, 0, "__default", 0, is_registered=True))
    second = segment_name(0, 2)
    del disk.files[second][kept:]
    log = disk.recover(150).log
    if 2 not in log.queues:
        disk.carry_out(log.append_queue(2, OTHER))
    append(disk, log, 1, 1, [b"y"])
    disk.carry_out(log.append_confirms(1, 0, [0]))
    disk.carry_out(log.release([(guid(0), 150, locations[0], 0)]))
    disk.carry_out(log.write_snapshot([], WALL_NS))
    assert disk.names(".bmq_data")[0] == second
    recovered = without_snapshots(disk).recover(150)
    assert contents(disk, recovered.queues[1]) == {1: b"y"}
    assert recovered.queues[2].uri == OTHER


def test_zeros_at_the_end_are_cut():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"a"])
    size = len(disk.files[FIRST])
    disk.files[FIRST] += bytes(5_000)
    disk.recover()
    assert len(disk.files[FIRST]) == size


def test_segments_that_are_no_longer_needed_go():
    disk, log = one_queue(150)
    locations = append(disk, log, 1, 0, [b"x" * 150])
    append(disk, log, 1, 1, [b"y" * 150])
    left_over = bytes(disk.files[FIRST])
    disk.carry_out(log.append_confirms(1, 0, [0]))
    disk.carry_out(log.release([(guid(0), 150, locations[0], 0)]))
    disk.carry_out(log.write_snapshot(queues_of(disk), WALL_NS))
    assert FIRST not in disk.files
    disk.files[FIRST] = bytearray(left_over)
    recovered = disk.recover(150)
    assert FIRST not in disk.files
    assert f"{FIRST} is no longer needed" in recovered.notes[0]
    assert list(recovered.queues[1].columns.ordinals) == [1]


@pytest.mark.parametrize("count", range(7))
def test_a_crash_while_segments_go_forgets_no_guid(count: int):
    disk, log = one_queue(150)
    disk.carry_out(log.write_snapshot(queues_of(disk), WALL_NS))
    locations = append(disk, log, 1, 0, [b"x" * 150])
    append(disk, log, 1, 1, [b"y" * 150])
    disk.carry_out(log.append_confirms(1, 0, [0]))
    assert log.release([(guid(0), 150, locations[0], 0)]) == []
    effects = log.write_snapshot(queues_of(disk), WALL_NS + 1)
    assert len(effects) == 6
    disk.carry_out(effects[:count])
    for _ in range(3):
        recovered = disk.recover(150)
        assert recovered.queues[1].history == guid(0)
        assert list(recovered.queues[1].columns.ordinals) == [1]
    assert (FIRST in disk.files) == (count == 0)


def test_a_write_that_a_full_disk_cut_is_cut_off_whatever_it_holds():
    disk, log = one_queue(1_000_000)
    append(disk, log, 1, 0, [b"first"])
    size = len(disk.files[FIRST])
    forged = [b"".join(encode_record(RecordKind.PURGE, index, [b"!"])) for index in range(1_000)]
    append(disk, log, 1, 1, [b"".join(forged) + (1).to_bytes(16, "big") * 12_000])
    for kept in (size + 40, size + 5_000, len(disk.files[FIRST]) - 1):
        torn = Disk()
        torn.files = {FIRST: disk.files[FIRST][:kept]}
        recovered = torn.recover()
        assert list(recovered.queues[1].columns.ordinals) == [0]
        assert len(torn.files[FIRST]) == size


# What no crash explains.


def test_damage_before_the_end_is_named():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"first"])
    append(disk, log, 1, 1, [b"second"])
    *_, last_but_one, _ = offsets(bytes(disk.files[FIRST]))
    disk.files[FIRST][last_but_one + RECORD_HEADER_SIZE + 30] ^= 1
    text = refused(disk)
    assert f"log file {FIRST} is damaged at byte {last_but_one}: checksum of the record" in text
    assert "remove all files bmq_0.*" in text


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("has_snapshot", [True, False])
def test_a_missing_segment_is_named(number: int, has_snapshot: bool):
    disk, log = one_queue(150)
    for first in range(4):
        append(disk, log, 1, first, [b"x" * 150])
    if not has_snapshot:
        without_snapshots(disk)
    name = segment_name(0, number)
    del disk.files[name]
    assert f"log file {name} is missing" in refused(disk)


def test_all_segments_missing_while_the_snapshot_is_there():
    disk, log = one_queue()
    disk.carry_out(log.write_snapshot(list(disk.recover().queues.values()), WALL_NS))
    del disk.files[FIRST]
    assert f"log file {FIRST} is missing" in refused(disk)


def test_a_segment_shorter_than_its_snapshot_says():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"a"])
    disk.carry_out(log.write_snapshot(list(disk.recover().queues.values()), WALL_NS))
    size = len(disk.files[FIRST])
    del disk.files[FIRST][-1]
    assert f"damaged at byte {size - 1}: it ends here, but the snapshot says" in refused(disk)


@pytest.mark.parametrize("content", [b"something else", b"BMQGLOG1" + bytes(40)])
def test_a_file_that_is_no_segment(content: bytes):
    disk = Disk()
    disk.files[FIRST] = bytearray(content)
    assert f"{FIRST} is damaged at byte 0" in refused(disk)


def test_a_segment_in_the_place_of_another():
    disk, log = one_queue(150)
    for first in range(4):
        append(disk, log, 1, first, [b"x" * 150])
    disk.files[segment_name(0, 3)] = disk.files[segment_name(0, 2)]
    assert f"{segment_name(0, 3)} is damaged at byte 0: it is segment 2 of" in refused(disk)


@pytest.mark.parametrize(
    ("first_index", "oldest"), [(0, 1), (1, 2), (1, 2**63)], ids=["index", "next", "far"]
)
def test_a_head_that_nobody_writes(first_index: int, oldest: int):
    disk = Disk()
    disk.files[FIRST] = bytearray(encode_segment_head(SegmentHead(0, 1, first_index, oldest)))
    what = f"record {first_index} is its first, segment {oldest} the oldest needed"
    assert f"{FIRST} is damaged at byte 0: {what}" in refused(disk)


def test_all_files_removed_is_an_empty_start():
    disk, log = one_queue()
    append(disk, log, 1, 0, [b"a"])
    disk.files.clear()
    assert disk.recover().queues == {}
