"""The log file and its successors."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from reference_broker.app.log_format import PatternFormatter
from reference_broker.app.log_rotation import RotatingLogFile, expand_name

DAY_S = 86_400.0


class Clock:
    """A clock that stands until somebody moves it."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


def opened(pattern: Path, clock: Clock, **options: int) -> RotatingLogFile:
    file = RotatingLogFile(str(pattern), clock=clock, **options)
    file.setFormatter(PatternFormatter("%m"))
    return file


def write(file: RotatingLogFile, text: str) -> None:
    file.handle(logging.LogRecord("x", logging.INFO, "", 0, text, None, None))


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_a_name_is_made_of_time_and_process():
    name = expand_name("%T-%Y-%M-%D-%h-%m-%s.%p.%%%q", 1_700_000_000.0, 42)
    assert name == "20231114_221320-2023-11-14-22-13-20.42.%%q"


def test_a_full_file_is_followed_by_a_new_one(tmp_path: Path):
    clock = Clock()
    file = opened(tmp_path / "logs" / "log.%T", clock, rotation_bytes=6)
    for text in ("one", "two", "three"):
        write(file, text)
        clock.now_s += 1
    file.close()
    assert contents(tmp_path / "logs") == {
        "log.20231114_221320": "one\ntwo\n",
        "log.20231114_221322": "three\n",
    }


def test_a_file_of_the_same_name_is_moved_aside(tmp_path: Path):
    file = opened(tmp_path / "log", Clock(), rotation_bytes=1)
    for text in ("one", "two", "three"):
        write(file, text)
    file.close()
    assert contents(tmp_path) == {
        "log": "three\n",
        "log.20231114_221320": "one\n",
        "log.20231114_221320.1": "two\n",
    }


def test_a_file_is_for_one_day(tmp_path: Path):
    clock = Clock()
    file = opened(tmp_path / "log.%D", clock)
    write(file, "today")
    clock.now_s += DAY_S - 1
    write(file, "still")
    clock.now_s += 1
    write(file, "tomorrow")
    file.close()
    assert contents(tmp_path) == {"log.14": "today\nstill\n", "log.15": "tomorrow\n"}


def test_old_files_go_and_others_stay(tmp_path: Path):
    clock = Clock()
    names = ["log[1].20200101_000000.9", "log[1].20231114_000000.9", "log1.x.9", "other"]
    for name, age_days in zip(names, (11, 1, 11, 11), strict=True):
        (tmp_path / name).write_text(name)
        then_s = clock.now_s - age_days * DAY_S
        os.utime(tmp_path / name, (then_s, then_s))
    file = opened(tmp_path / "log[1].%T.%p", clock, age_days_max=10)
    file.close()
    assert set(contents(tmp_path)) == {*names[1:], f"log[1].20231114_221320.{os.getpid()}"}


def test_a_disk_that_is_full_is_complained_of_once_a_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    clock = Clock()
    file = opened(tmp_path / "log", clock)

    class Full:
        def write(self, _text: str) -> None:
            raise OSError(28, "No space left on device")

        flush = close = lambda _self: None

    assert file.stream is not None
    file.stream.close()
    file.stream = Full()  # type: ignore[assignment]
    for _ in range(3):
        write(file, "lost")
    clock.now_s += 60
    write(file, "lost")
    file.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "log cannot be written: [Errno 28] No space left" in lines[0]
