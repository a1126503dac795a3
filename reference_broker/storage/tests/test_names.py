"""The names of the log's files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import OperatorError
from reference_broker.storage import sort_files
from reference_broker.storage.names import (
    file_stamp,
    ledger_name,
    segment_name,
    snapshot_name,
    snapshot_serial_of,
)

WALL_NS = 1_700_000_000_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_stamps_are_utc_dates(wall_ns: int):
    expected = EPOCH + timedelta(seconds=wall_ns // 10**9)
    assert file_stamp(wall_ns) == expected.strftime("%Y%m%d_%H%M%S")


def test_names_are_those_that_tools_look_for():
    assert segment_name(3, 12) == "bmq_3.000000000012.bmq_data"
    assert snapshot_name(0, WALL_NS, 7) == "bmq_0.20231114_221320.7.bmq_journal"
    assert ledger_name(WALL_NS, b"\x01\xab\0\0\xff") == "bmq_csl_20231114_221320_01AB0000FF.bmq_csl"


def test_snapshots_of_one_second_have_names_of_their_own():
    names = [snapshot_name(0, WALL_NS, serial) for serial in (1, 2, 12)]
    assert [snapshot_serial_of(name) for name in names] == [1, 2, 12]
    found = sort_files([(name, 1) for name in names], 1)
    assert [file.name for file in found.partitions[0].snapshots] == sorted(names)


def test_a_name_without_a_serial_has_none():
    assert snapshot_serial_of("bmq_0.20231114_221320.bmq_journal") == 0


def test_files_are_sorted_out_by_partition_and_number():
    names = [segment_name(1, 10), segment_name(1, 9), segment_name(0, 1)]
    names += [snapshot_name(1, WALL_NS, 1), ledger_name(WALL_NS, bytes(5))]
    found = sort_files([(name, len(name)) for name in names], 2)
    assert list(found.partitions[1].segments) == [9, 10]
    assert found.partitions[1].segments[10] == (names[0], len(names[0]))
    assert [list(files.segments) for files in found.partitions] == [[1], [9, 10]]
    assert [file.name for file in found.partitions[1].snapshots] == [names[3]]
    assert [file.name for file in found.ledgers] == [names[4]]


@pytest.mark.parametrize(
    "name", ["bmq_0.20240101_000000.bmq_data", "bmq_0.1.bmq_data", "bmq_x.bmq_journal", "notes"]
)
def test_a_file_of_another_making_is_refused(name: str):
    with pytest.raises(OperatorError, match=f"{name} in the storage folder is not a file of this"):
        sort_files([(name, 0)], 1)


@pytest.mark.parametrize("name", [segment_name(4, 1), snapshot_name(4, 0, 1)])
def test_a_file_of_a_partition_that_there_is_not_is_refused(name: str):
    with pytest.raises(OperatorError, match="partition 4, but numPartitions is 4; set it to 5"):
        sort_files([(name, 0)], 4)
