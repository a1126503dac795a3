"""Tests of `suites.integration.log`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from suites.harness.target import Target, TargetSpec
from suites.integration.log import alarms, log_of, wait_for_alarm, wait_for_log
from suites.integration.raw import SilentError

_FULL = "[CAPACITY_STATE_FULL] for 'bmq://d/q': [Messages (STATE_FULL): 2 (limit: 2)]"
#: As a broker writes it that repeats alarms on standard error.
_LOG = f"""\
17:00 INFO broker.py:0 opened bmq://d/q
17:01 ERROR broker.py:0 ALARM {_FULL}

For appId: __default
ALARM {_FULL}
17:02 ERROR broker.py:0 PANIC [DOMAIN_QUEUE_LIMIT_FULL] domain 'bmq://d' has no room
17:03 ERROR broker.py:0 ALARM [CAPACITY_STATE_FULL] for 'bmq://e/q': [Messages]
"""


class Logging(Target):
    """A target that is not there, with a log that grows whenever it is looked at."""

    def __init__(self, *texts: str) -> None:
        super().__init__(TargetSpec.parse("in-process"))
        self._texts: Iterator[str] = iter(texts)
        self._last = ""

    def log_tail(self, size: int = 0) -> str:
        del size
        self._last = next(self._texts, self._last)
        return self._last


def test_an_alarm_is_counted_once_although_it_is_repeated_elsewhere() -> None:
    target = Logging(_LOG)
    assert alarms(target, r"CAPACITY_\w+", "bmq://d/q") == [_FULL]
    assert len(alarms(target, "CAPACITY_STATE_FULL", "")) == 2
    assert alarms(target, "QUEUE_STUCK", "bmq://d/q") == []


def test_a_panic_is_an_alarm() -> None:
    (line,) = alarms(Logging(_LOG), "DOMAIN_QUEUE_LIMIT_FULL", "bmq://d")
    assert line.endswith("has no room")


def test_what_was_printed_besides_the_log_is_left_out() -> None:
    assert log_of(Logging(f"logged\n-- printed:\n{_LOG}")) == "logged"
    assert log_of(Logging(_LOG)) == _LOG


def test_waiting_ends_when_the_record_is_there() -> None:
    assert wait_for_log(Logging("", "one", "one two"), "t.o") == "one two"
    assert wait_for_alarm(Logging("", _LOG), r"\w+_FULL", "e/q") == _LOG


def test_as_many_alarms_as_are_asked_for() -> None:
    assert (
        wait_for_alarm(Logging(_LOG, _LOG * 2), "CAPACITY_STATE_FULL", "d/q", times=2) == _LOG * 2
    )


def test_a_record_that_does_not_come_is_missed() -> None:
    with pytest.raises(SilentError, match=r"the log does not have 'four' within 0 s"):
        wait_for_log(Logging(_LOG), "four", timeout_s=0)
