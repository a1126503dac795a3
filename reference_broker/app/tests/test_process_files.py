"""The files in the working directory."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from reference_broker.app.process_files import (
    HISTORY_LINES_MAX,
    add_to_history,
    pid_file,
    refuse_special_file,
)
from reference_broker.base import OperatorError


def add(path: Path, config_version: int) -> None:
    add_to_history(path, version=999_999, config_version=config_version, broker_id=b"\x0a" * 6)


def test_the_process_id_is_there_while_it_runs(tmp_path: Path):
    path = tmp_path / "pid"
    path.write_text("an older one")
    with pid_file(path):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()


def test_a_process_id_that_cannot_be_written_is_an_alarm_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with pid_file(tmp_path / "nowhere" / "pid"):
        assert caplog.messages[0].startswith("ALARM [STARTUP] pid file ")


def test_a_process_id_of_somebody_else_stays(tmp_path: Path):
    path = tmp_path / "pid"
    with pid_file(path):
        path.unlink()
        path.write_text("1\n")
    assert path.read_text() == "1\n"


def test_the_file_of_a_broker_that_runs_is_refused_and_stays(tmp_path: Path):
    path = tmp_path / "pid"
    with pid_file(path):
        with (
            pytest.raises(OperatorError, match="another broker that runs; stop it"),
            pid_file(path),
        ):
            raise AssertionError("it was let in")
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_named_pipe_is_refused_and_nobody_waits_for_its_other_end(tmp_path: Path):
    path = tmp_path / "pid"
    os.mkfifo(path)
    text = "is a named pipe and should be a file; remove it"
    with pytest.raises(OperatorError, match=text), pid_file(path):
        raise AssertionError("it was let in")
    with pytest.raises(OperatorError, match=text):
        add(path, 1)
    with pytest.raises(OperatorError, match=text):
        refuse_special_file(path)


def test_a_device_is_refused_and_what_is_not_there_is_not(tmp_path: Path):
    refuse_special_file(tmp_path / "nothing")
    (tmp_path / "null").symlink_to("/dev/null")
    with pytest.raises(OperatorError, match="is a device"):
        refuse_special_file(tmp_path / "null")


def test_the_history_has_the_newest_first_and_ninety_at_most(tmp_path: Path):
    path = tmp_path / "hist"
    for number in range(HISTORY_LINES_MAX + 10):
        add(path, number)
    lines = path.read_text().splitlines()
    assert len(lines) == HISTORY_LINES_MAX == 90
    assert [line.split("|")[2] for line in lines[:2]] == ["99", "98"]
    stamp = r"\d\d[A-Z]{3}\d{4}_\d\d:\d\d:\d\d\.\d{6}"
    assert re.fullmatch(rf"{stamp}\|999999\|99\|0A0A0A0A0A0A", lines[0])


def test_a_history_that_cannot_be_written_is_an_alarm_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    add(tmp_path, 1)
    assert caplog.messages[0].startswith("ALARM [STARTUP] history file ")


def test_a_history_of_something_else_is_bounded(tmp_path: Path):
    path = tmp_path / "hist"
    path.write_bytes(b"\xff" + b"x" * 100_000)
    add(path, 1)
    assert path.stat().st_size < 2_000
