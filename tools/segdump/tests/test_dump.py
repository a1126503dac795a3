"""What segdump prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reference_broker.storage import Ledger, PartitionLog, StoredApp, StoredQueue
from tools.segdump.__main__ import main
from tools.segdump.dump import iso_time
from tools.segdump.tests.logs import GUIDS, URI, segment, write


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_segment_is_printed_record_by_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = segment(tmp_path)
    assert main([str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == [
        "HEAD", "QUEUE", "APP", "PUTS", "MOVED", "CONFIRMS",
    ]  # fmt: skip
    assert "uri=bmq://test.file/q" in lines[1]
    assert "first_ordinal=7 messages=3 bytes=12 guids_count=3" in lines[3]
    assert "queue=1 uri=bmq://test.file/q wall_ns=5 time=1970-01-01T00:00:00.000000005Z" in lines[3]
    assert lines[5].endswith("uri=bmq://test.file/q app=0 ordinals_count=3 ordinals_ends=7,9")


def test_a_queue_that_no_record_has_named_has_no_uri(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = PartitionLog(0)
    path = write(tmp_path, log.append_confirms(9, 0, [7]))
    assert main(["--json", str(path)]) == 0
    assert [line["queue"] for line in printed(capsys) if "queue" in line] == [9]


def test_times_are_exact_to_the_nanosecond():
    assert iso_time(1_704_067_199_999_999_999) == "2023-12-31T23:59:59.999999999Z"
    assert iso_time(2**64 - 1).startswith("2554-07-21T")


def test_every_line_is_a_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = segment(tmp_path)
    main(["--json", str(path)])
    head, queue, *_ = printed(capsys)
    assert head == {
        "file": path.name, "offset": 0, "kind": "HEAD", "partition": 0, "number": 1,
        "first_index": 1, "oldest": 1,
    }  # fmt: skip
    assert (queue["offset"], queue["index"]) == (40, 1)


def test_snapshots_and_ledgers_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    queue = StoredQueue(1, URI, 5, {0: StoredApp(0, "a", 0)}, history=b"".join(GUIDS))
    snapshot = write(tmp_path, PartitionLog(0).write_snapshot([queue], 0))
    ledger = Ledger(1_000)
    write(tmp_path, ledger.roll_over(0).effects)
    write(tmp_path, ledger.assign(URI, b"12345", 0, 1, ["a", "b"]))
    write(tmp_path, ledger.update_apps(URI, ["b"]))
    path = write(tmp_path, ledger.unassign(URI))
    assert main(["--json", str(snapshot), str(path)]) == 0
    lines = printed(capsys)
    assert [line["kind"] for line in lines] == [
        "SNAPSHOT", "SEALED", "QUEUE", "APP", "HISTORY", "SNAPSHOT_END",
        "LEDGER", "LEDGER_READY", "ASSIGN", "UPDATE", "UNASSIGN",
    ]  # fmt: skip
    assert (lines[0]["offset"], lines[0]["segment_offset"]) == (8, 0)
    assert lines[8]["apps"] == ["a", "b"]
    assert lines[4]["guids_ends"] == [GUIDS[0].hex().upper(), GUIDS[2].hex().upper()]


def test_damage_is_told_from_an_unfinished_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = segment(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert main([str(path)]) == 1
    assert "DAMAGED: body of 32 bytes, but 31 are left; nothing whole" in capsys.readouterr().out
    broken = bytearray(whole)
    broken[75] ^= 1
    path.write_bytes(broken)
    assert main([str(path)]) == 1
    out = capsys.readouterr().out
    assert f"{path.name}         40 DAMAGED: checksum of the record of" in out
    assert "whole records follow" in out
    broken[20] ^= 1
    path.write_bytes(broken)
    assert main([str(path)]) == 1
    assert " 0 DAMAGED: checksum of the segment's head" in capsys.readouterr().out


def test_a_file_that_is_none_of_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "notes"
    path.write_bytes(b"some text")
    assert main([str(path)]) == 1
    assert "DAMAGED: it starts with b'some tex'" in capsys.readouterr().out
    assert main([str(tmp_path / "absent")]) == 2
    assert "absent: No such file" in capsys.readouterr().err
