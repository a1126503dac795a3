"""What is still needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_broker.storage import StorageCorruptionError
from tools.segdump.outstanding import outstanding
from tools.segdump.tests.logs import GUIDS, URI, fanout_log, segment

NAMES = [guid.hex().upper() for guid in GUIDS]


def found(folder: Path, notes: list[str] | None = None) -> list[tuple[object, object]]:
    lines = outstanding(folder, (notes if notes is not None else []).append)
    return [(line["app"], line["guid"]) for line in lines]


def test_an_app_needs_what_it_has_not_confirmed(tmp_path: Path):
    fanout_log(tmp_path)
    lines = list(outstanding(tmp_path, print))
    assert [(line["app"], line["ordinal"]) for line in lines] == [
        ("foo", 1), ("foo", 2), ("bar", 0), ("bar", 2),
    ]  # fmt: skip
    assert lines[1] == {
        "uri": URI.canonical,
        "app": "foo",
        "ordinal": 2,
        "guid": NAMES[2],
        "size": 3,
        "arrival_ns": 2_000_000_000,
        "arrival": "1970-01-01T00:00:02.000000000Z",
    }


def test_all_partitions_are_looked_at(tmp_path: Path):
    fanout_log(tmp_path, partition=11)
    segment(tmp_path)  # of partition 0, where nothing is needed
    assert found(tmp_path) == [
        ("foo", NAMES[1]), ("foo", NAMES[2]), ("bar", NAMES[0]), ("bar", NAMES[2]),
    ]  # fmt: skip


def test_nothing_is_mended(tmp_path: Path):
    fanout_log(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + b"\x01")
    before = path.read_bytes()
    notes: list[str] = []
    assert len(found(tmp_path, notes)) == 4
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert len(notes) == 1
    assert "unfinished end" in notes[0]


def test_a_log_that_no_broker_starts_on(tmp_path: Path):
    fanout_log(tmp_path)
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[75] ^= 1
    path.write_bytes(data)
    with pytest.raises(StorageCorruptionError, match=f"{path.name} is damaged"):
        found(tmp_path)
