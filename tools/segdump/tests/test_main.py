"""The command line of segdump."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reference_broker.storage import PartitionLog
from tools.segdump.__main__ import main
from tools.segdump.tests.logs import GUIDS, URI, fanout_log, segment, write

ROOT = Path(__file__).resolve().parents[3]


def test_a_folder_stands_for_its_segments_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    fanout_log(tmp_path, partition=2)
    fanout_log(tmp_path, partition=10)
    write(tmp_path, PartitionLog(2).write_snapshot([], 0))  # a snapshot is not of them
    assert main(["--json", str(tmp_path)]) == 0
    files = dict.fromkeys(json.loads(line)["file"] for line in capsys.readouterr().out.splitlines())
    assert list(files) == ["bmq_2.000000000001.bmq_data", "bmq_10.000000000001.bmq_data"]


def test_a_folder_without_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path)]) == 2
    assert f"segdump: {tmp_path}: there are no segments" in capsys.readouterr().err


def test_what_is_outstanding_is_a_line_a_message_and_app(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    fanout_log(tmp_path)
    assert main(["--outstanding", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0] == (
        f"{URI.canonical} app=foo ordinal=1 guid={GUIDS[1].hex().upper()} size=2 "
        "arrival_ns=1000000000 arrival=1970-01-01T00:00:01.000000000Z"
    )
    assert main(["--outstanding", "--json", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["app"] == "foo"


def test_what_is_outstanding_cannot_be_said_of_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = segment(tmp_path)
    assert main(["--outstanding", str(path)]) == 2
    assert "needs the folder of a log" in capsys.readouterr().err


def test_the_outstanding_of_a_damaged_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = segment(tmp_path)
    data = bytearray(path.read_bytes())
    data[75] ^= 1
    path.write_bytes(data)
    assert main(["--outstanding", str(tmp_path)]) == 1
    assert f"log file {path.name} is damaged at byte" in capsys.readouterr().err


def test_it_ends_quietly_when_nobody_reads_on(tmp_path: Path):
    path = segment(tmp_path)
    command = [sys.executable, "-m", "tools.segdump", *[str(path)] * 500]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"HEAD" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == -signal.SIGPIPE
        assert process.stderr.read() == b""
