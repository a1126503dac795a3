from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from reference_broker.ports import CreateFile, RemoveFile, Send, Sync, TruncateFile
from reference_broker.storage import LEDGER_MAGIC, SEGMENT_MAGIC, SNAPSHOT_MAGIC, read_record
from suites.fuzz.oracles.log_bench import (
    Disk,
    files_of,
    record,
    stored_ledger,
    stored_log,
    with_right_records,
)

SEGMENTS = files_of(stored_log(), ".bmq_data")


def test_the_log_has_segments_and_queues_with_messages():
    disk = stored_log()
    recovered = disk.recover()
    assert len(SEGMENTS) > 2
    assert recovered.message_count > 5
    assert len(recovered.queues) == 2
    assert not recovered.notes
    assert files_of(disk, ".bmq_journal")


def test_the_ledger_has_queues():
    assert len(stored_ledger().recover_ledger().ledger.entries) == 2


@pytest.mark.parametrize("content", SEGMENTS.values(), ids=SEGMENTS)
def test_a_right_segment_stays_as_it_is(content):
    assert with_right_records(content, SEGMENT_MAGIC) == content


def test_a_right_snapshot_and_a_right_ledger_stay_as_they_are():
    disk = stored_log()
    disk.recover()
    for content in files_of(disk, ".bmq_journal").values():
        assert with_right_records(content, SNAPSHOT_MAGIC) == content
    for content in files_of(stored_ledger(), ".bmq_csl").values():
        assert with_right_records(content, LEDGER_MAGIC) == content


def test_a_wrong_body_is_put_right():
    name, content = next(iter(SEGMENTS.items()))
    wrong = bytearray(content)
    wrong[-1] ^= 1
    with pytest.raises(OperatorError):
        Disk({**SEGMENTS, name: bytes(wrong)}).recover()
    right = with_right_records(bytes(wrong), SEGMENT_MAGIC)
    assert len(right) == len(content)
    assert Disk({name: right}).recover().message_count


@pytest.mark.parametrize("data", [b"", b"x", bytes(50), b"\xff" * 99])
def test_anything_becomes_a_file_of_whole_records(data):
    right = with_right_records(data, LEDGER_MAGIC)
    assert right.startswith(LEDGER_MAGIC)
    if len(right) > 8:
        assert read_record(right, 8).end == len(right)


def test_a_record_is_one_of_the_storage_room():
    found = read_record(b"".join(record(5, 7, b"body")), 0)
    assert (found.kind, found.log_index, bytes(found.body)) == (5, 7, b"body")


@pytest.mark.parametrize(
    "effect",
    [
        CreateFile("a"),
        RemoveFile("b"),
        TruncateFile("a", 5),
        Sync("b", 0),
        Send(1, [b""]),
    ],
    ids=type,
)
def test_an_effect_that_makes_no_sense_is_found_out(effect):
    with pytest.raises((AssertionError, KeyError)):
        Disk({"a": b"1234"}).carry_out([effect])
