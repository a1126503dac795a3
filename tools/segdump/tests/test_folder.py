"""The files of a log in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_broker.base import OperatorError
from tools.segdump.folder import find_files, segment_paths

NAMES = [
    "bmq_2.000000000009.bmq_data",
    "bmq_2.000000000010.bmq_data",
    "bmq_10.000000000001.bmq_data",
]


def test_segments_come_in_the_order_of_the_log(tmp_path: Path):
    others = ["bmq_2.20240101_000000.1.bmq_journal", "notes.txt"]
    for name in reversed(NAMES + others):
        (tmp_path / name).write_bytes(b"12")
    assert [path.name for path in segment_paths(tmp_path)] == NAMES
    (snapshot,) = find_files(tmp_path).partitions[2].snapshots
    assert snapshot == (others[0], 2)


def test_a_name_that_no_broker_gives(tmp_path: Path):
    (tmp_path / "bmq_x.bmq_data").touch()
    with pytest.raises(OperatorError, match=r"bmq_x\.bmq_data"):
        find_files(tmp_path)
