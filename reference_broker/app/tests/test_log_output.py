"""Which records go where."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reference_broker.app.log_output import AlarmEcho, LogOutput
from reference_broker.app.records import LOGGER
from reference_broker.base import OperatorError
from reference_broker.config import LogSettings

OTHER = {"category": "MQB.OTHER"}


def settings(**changes: Any) -> LogSettings:
    plain = LogSettings(console_format="%s %m", console_severity="INFO", verbosity="INFO")
    return replace(plain, **changes)


@pytest.fixture(autouse=True)
def _logger_as_it_was() -> Iterator[None]:
    handlers, level, propagate = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate
    yield
    for handler in set(LOGGER.handlers) - set(handlers):
        handler.close()
    LOGGER.handlers = handlers
    LOGGER.setLevel(level)
    LOGGER.propagate = propagate


def opened(**options: str | bool | None) -> LogOutput:
    log = LogOutput(**options)  # type: ignore[arg-type]
    log.open()
    return log


def log_all() -> None:
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        LOGGER.log(level, "mine")
        LOGGER.log(level, "other", extra=OTHER)


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_before_the_configuration_is_known(capsys: pytest.CaptureFixture[str]):
    opened()
    LOGGER.info("early")
    (line,) = shown(capsys)
    assert line.endswith(" INFO early")


def test_without_a_folder_the_layout_is_ours(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    log = opened()
    file = str(tmp_path / "log")
    log.configure(settings(console_severity="WARN", file_name=file), has_folder=False)
    log_all()
    lines = shown(capsys)
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "WARN mine", "WARN other", "ERROR mine", "ERROR other",
    ]  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_verbosity_categories_and_console(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    log = opened()
    categories = ("MQB*:ERROR:red", "MQB.OTHER:WARN:white")
    file = tmp_path / "logs" / "log"
    log.configure(
        settings(
            verbosity="DEBUG",
            categories=categories,
            console_severity="ERROR",
            file_name=str(file),
            file_format="%s|%m",
        ),
        has_folder=True,
    )
    log_all()
    assert shown(capsys) == ["ERROR mine", "ERROR other"]
    assert file.read_text().splitlines() == [
        "DEBUG|mine", "INFO|mine", "WARN|mine", "WARN|other", "ERROR|mine", "ERROR|other",
    ]  # fmt: skip
    log.close()
    LOGGER.error("after")
    assert "after" not in file.read_text()


def test_a_level_of_the_command_line_is_for_everything(capsys: pytest.CaptureFixture[str]):
    log = opened(level="DEBUG")
    log.configure(settings(categories=("*:ERROR:red",)), has_folder=True)
    log_all()
    assert len(shown(capsys)) == 8


def test_the_operator_may_change_thresholds(capsys: pytest.CaptureFixture[str]):
    log = opened()
    log.configure(settings(), has_folder=True)
    log.set_verbosity("DEBUG")
    log_all()
    assert shown(capsys)[0] == "INFO mine"
    log.set_console("DEBUG")
    log_all()
    assert shown(capsys)[:2] == ["DEBUG mine", "DEBUG other"]
    assert log.set_category("MQB*", "OFF")
    assert log.set_category("BMQBRKR", "WARN")
    log_all()
    assert shown(capsys) == ["WARN mine", "ERROR mine"]
    assert log.describe().splitlines() == [
        "verbosity: DEBUG", "console: DEBUG", "log file: none",
        "category MQB*: OFF", "category BMQBRKR: WARN",
    ]  # fmt: skip
    log.set_verbosity("ERROR")
    log_all()
    assert shown(capsys) == ["ERROR mine", "ERROR other"]


def test_thresholds_of_categories_are_bounded():
    log = opened()
    assert all(log.set_category(f"c{number}", "INFO") for number in range(100))
    assert not log.set_category("one more", "INFO")
    assert log.set_category("c7", "WARN")


def test_more_in_the_configuration_are_the_operators_to_mend():
    log = opened()
    categories = tuple(f"c{number}:INFO:red" for number in range(101))
    log.configure(settings(categories=categories[:100]), has_folder=True)
    with pytest.raises(OperatorError, match=r"logController\.categories has over 100 items"):
        opened().configure(settings(categories=categories), has_folder=True)


def test_a_category_is_looked_up_once(monkeypatch: pytest.MonkeyPatch):
    log = opened()
    log.configure(settings(verbosity="DEBUG", categories=("MQB*:ERROR:red",)), has_folder=True)
    looked_up: list[str] = []
    look_up = log._threshold

    def threshold(category: str) -> int:
        looked_up.append(category)
        return look_up(category)

    monkeypatch.setattr(log, "_threshold", threshold)
    log_all()
    log_all()
    assert sorted(looked_up) == ["BMQBRKR", "MQB.OTHER"]
    log.set_category("MQB.OTHER", "WARN")
    log_all()
    assert len(looked_up) == 4


def test_a_log_file_that_cannot_be_written_is_the_operators_to_mend(tmp_path: Path):
    (tmp_path / "file").write_text("")
    log = opened()
    with pytest.raises(OperatorError, match=r"cannot be written: .*logController\.fileName"):
        log.configure(settings(file_name=str(tmp_path / "file" / "log")), has_folder=True)


def test_json(capsys: pytest.CaptureFixture[str]):
    log = opened(is_json=True)
    log.configure(settings(), has_folder=True)
    LOGGER.info("record")
    log.say("said")
    assert [json.loads(line)["message"] for line in shown(capsys)] == ["record", "said"]


# Alarms.


def test_alarms_are_repeated_once_a_minute_by_category_and_source(
    capsys: pytest.CaptureFixture[str],
):
    echo = AlarmEcho()

    def raised(text: str, at_s: float, line: int = 1) -> None:
        record = logging.LogRecord("x", logging.ERROR, "a.py", line, text, None, None)
        record.created = at_s
        record.is_text = True
        echo.handle(record)

    raised("ALARM [STUCK] first\nrest", 0)
    raised("ALARM [STUCK] too soon", 59)
    raised("ALARM [STUCK] elsewhere", 59, line=2)
    raised("PANIC [OTHER] other", 59)
    raised("ALARM [STUCK] again", 60)
    raised("nothing of an ALARM [STUCK] ", 70)
    assert capsys.readouterr().err.splitlines() == [
        "ALARM [STUCK] first", "rest", "ALARM [STUCK] elsewhere", "PANIC [OTHER] other",
        "ALARM [STUCK] again",
    ]  # fmt: skip


def test_what_is_remembered_of_alarms_is_bounded():
    echo = AlarmEcho()
    for number in range(3_000):
        echo.emit(logging.LogRecord("x", 40, "a.py", number, "ALARM [X] y", None, None))
        assert len(echo._last_s) <= 1_000
