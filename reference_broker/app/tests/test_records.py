"""Log lines."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

import pytest

from reference_broker.app.records import LOGGER, LineFormatter, log_record
from reference_broker.ports import Log, Severity


class Collector(logging.Handler):
    """Keeps the lines that a console would get."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(LineFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    handler, level, propagate = Collector(), LOGGER.level, LOGGER.propagate
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.propagate = False
    yield handler.lines
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(level)
    LOGGER.propagate = propagate


def test_a_line_has_time_severity_and_message(lines: list[str]):
    log_record(Log(Severity.INFO, "all is well"))
    stamp = r"\d{2}[A-Z]{3}\d{4}_\d{2}:\d{2}:\d{2}\.\d{3}"
    assert re.fullmatch(rf"{stamp} INFO all is well", lines[0])


def test_the_time_is_utc():
    record = logging.LogRecord("x", logging.INFO, "", 0, "text", None, None)
    record.created, record.msecs = 1_700_000_000.5, 500
    assert LineFormatter().format(record) == "14NOV2023_22:13:20.500 INFO text"


@pytest.mark.parametrize("severity", list(Severity))
def test_severities_have_the_peers_names(lines: list[str], severity: Severity):
    log_record(Log(severity, "text"))
    assert lines[0].split()[1] == severity.name


def test_fields_follow_the_message(lines: list[str]):
    fields = (("queue_id", 7), ("uri", "bmq://d/q"), ("text", 'a "b"'), ("eq", "a=b"), ("no", ""))
    log_record(Log(Severity.WARN, "message", fields))
    tail = lines[0].partition(" message ")[2]
    assert tail == r'queue_id=7 uri=bmq://d/q text="a \"b\"" eq="a=b" no=""'
    assert json.loads(tail.partition("text=")[2].partition(" eq=")[0]) == 'a "b"'


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\u2028b", "a\x00b"])
def test_whatever_a_peer_calls_itself_stays_on_its_line(lines: list[str], text: str):
    log_record(Log(Severity.INFO, f"peer {text}", (("name", text),)))
    (line,) = lines
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_a_name_that_is_no_unicode_can_be_written():
    # Not logged here: pytest would report the record, and cannot.
    record = logging.LogRecord("x", logging.INFO, "", 0, "peer " + chr(0xDCE9), None, None)
    assert LineFormatter().format(record).endswith("peer \\udce9")


def test_what_is_below_the_level_is_not_even_made(lines: list[str]):
    LOGGER.setLevel(logging.WARNING)
    log_record(Log(Severity.INFO, "unheard"))
    assert lines == []
