"""Records of the core."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from reference_broker.app.log_format import PatternFormatter
from reference_broker.app.records import LOGGER, log_record
from reference_broker.ports import Log, Severity


class Collector(logging.Handler):
    """Keeps the lines that a console would get."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(PatternFormatter("%c %F:%l %s %m"))

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


@pytest.mark.parametrize("severity", list(Severity))
def test_a_record_arrives_with_all_that_it_has(lines: list[str], severity: Severity):
    log_record(Log(severity, "all is well: 100%s", (("n", 1),)))
    assert lines == [f"MQBA.APPLICATION broker.py:0 {severity.name} all is well: 100%s n=1\n"]


def test_an_alarm_may_have_lines_and_nothing_else_may(lines: list[str]):
    log_record(Log(Severity.ERROR, "ALARM [QUEUE_STUCK] it is stuck\n  1. client"))
    log_record(Log(Severity.ERROR, "PANIC [STARTUP] no\nmore"))
    log_record(Log(Severity.ERROR, "the client called 'ALARM [X] \n' went"))
    assert [line.count("\n") for line in lines] == [2, 2, 1]


def test_what_is_below_the_level_is_not_even_made(lines: list[str]):
    LOGGER.setLevel(logging.WARNING)
    log_record(Log(Severity.INFO, "unheard"))
    assert lines == []
