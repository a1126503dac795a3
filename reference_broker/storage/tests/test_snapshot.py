"""Snapshots: what they say comes back, in pieces of any size."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import QueueUri
from reference_broker.base.limits import MIB
from reference_broker.storage import Columns, RecordError, StoredApp, StoredQueue, location_of
from reference_broker.storage.bodies import SnapshotRecord
from reference_broker.storage.names import SNAPSHOT_SERIAL_MAX
from reference_broker.storage.snapshot import (
    SNAPSHOT_PREFIX_SIZE,
    SnapshotReader,
    decode_position,
    encode_snapshot,
    is_foreign,
    is_snapshot_due,
)
from reference_broker.storage.tests.disk import guid

POSITION = SnapshotRecord(0, 3, 7, 1_234, 99, 5)


def queue(number: int, count: int) -> StoredQueue:
    ordinals = range(10, 10 + count)
    columns = Columns(
        array("Q", ordinals),
        b"".join(map(guid, ordinals)),
        array("Q", [location_of(6, 100 * n) for n in ordinals]),
        array("I", [n % 7 + 1 for n in ordinals]),
        array("Q", ordinals),
        array("I", [n % 2 << 31 | n % 5 for n in ordinals]),
    )
    apps = {
        0: StoredApp(0, "foo", 0, array("Q", ordinals[::2])),
        1: StoredApp(1, "bar", 3),
    }
    uri = QueueUri.parse(f"bmq://test.file/q{number}")
    return StoredQueue(number, uri, 10 + count, apps, columns, guid(1) + guid(2))


QUEUES = [queue(1, 100), queue(2, 1), queue(3, 0)]
SNAPSHOT = b"".join(encode_snapshot(POSITION, [11, 12], QUEUES))


def read(data: bytes, piece: int) -> SnapshotReader:
    reader = SnapshotReader()
    for start in range(0, len(data), piece):
        reader.feed(data[start : start + piece])
    reader.check_end()
    return reader


@given(st.integers(1, len(SNAPSHOT)))
def test_what_is_written_comes_back(piece: int):
    reader = read(SNAPSHOT, piece)
    assert [each.settle() for each in reader.replay.queues.values()] == QUEUES
    assert reader.sealed == {5: 11, 6: 12}
    assert reader.offset == len(SNAPSHOT)
    assert reader.replay.highest_queue == 3


def test_many_messages_take_many_records():
    large = [queue(1, 150_000)]
    data = b"".join(encode_snapshot(POSITION, [], large))
    assert [each.settle() for each in read(data, MIB).replay.queues.values()] == large


@pytest.mark.parametrize("kept", range(0, len(SNAPSHOT), 101))
def test_a_part_of_a_snapshot_is_not_a_snapshot(kept: int):
    with pytest.raises(RecordError):
        read(SNAPSHOT[:kept], 64)


@pytest.mark.parametrize("place", range(8, len(SNAPSHOT), 101))
def test_any_change_is_noticed(place: int):
    data = bytearray(SNAPSHOT)
    data[place] ^= 16
    with pytest.raises(RecordError):
        read(bytes(data), 64)


def test_nothing_follows_the_end():
    with pytest.raises(RecordError):
        read(SNAPSHOT + SNAPSHOT[8:], 64)


def test_the_position_is_at_the_start():
    assert decode_position(SNAPSHOT[:SNAPSHOT_PREFIX_SIZE], 0) == POSITION
    with pytest.raises(RecordError, match="log of partition 1 should be"):
        decode_position(SNAPSHOT, 1)
    with pytest.raises(RecordError):
        decode_position(SNAPSHOT[: SNAPSHOT_PREFIX_SIZE - 1], 0)


@pytest.mark.parametrize("odd", [{"next_index": 0}, {"oldest": 8}, {"segment": 0}], ids=str)
def test_a_position_that_nobody_writes_is_damage(odd: dict[str, int]):
    position = POSITION._replace(**odd)
    with pytest.raises(RecordError, match="is no place in a log"):
        decode_position(b"".join(encode_snapshot(position, [], [])), 0)


def test_a_serial_that_leaves_no_name_for_the_next_snapshot_is_damage():
    last = POSITION._replace(serial=SNAPSHOT_SERIAL_MAX - 1)
    assert decode_position(b"".join(encode_snapshot(last, [], [])), 0) == last
    beyond = POSITION._replace(serial=SNAPSHOT_SERIAL_MAX)
    with pytest.raises(RecordError, match="serial 999999999, but the next one must not"):
        decode_position(b"".join(encode_snapshot(beyond, [], [])), 0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", False), (SNAPSHOT, False), (SNAPSHOT[:3], False), (bytes(50), False), (b"BMQ?", True)],
)
def test_what_is_not_even_an_unfinished_snapshot(data: bytes, expected: bool):
    assert is_foreign(data) is expected


@pytest.mark.parametrize(
    ("log", "size", "expected"),
    [
        (256 * MIB, 0, False),
        (256 * MIB + 1, 0, True),
        (399 * MIB, 100 * MIB, False),
        (401 * MIB, 100 * MIB, True),
    ],
)
def test_when_a_snapshot_is_due(log: int, size: int, expected: bool):
    assert is_snapshot_due(log, size) is expected
