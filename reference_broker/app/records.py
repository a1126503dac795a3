"""Log records of the core, on their way to Python's logging.

One line a record: time in UTC, severity, message, then `name=value` for machines. Values with
blanks or quotes are written as JSON strings, so that a line can be cut into fields again.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Final

from reference_broker.ports import Log, Severity

LOGGER: Final = logging.getLogger("reference_broker")

_LEVELS: Final = {
    Severity.DEBUG: logging.DEBUG,
    Severity.INFO: logging.INFO,
    Severity.WARN: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}
#: Severities as configurations name them.
LEVELS: Final = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
_NAMES: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BARE: Final = re.compile(r"[^\s\"=]+")


def log_record(record: Log) -> None:
    """Hand one record to Python's logging."""
    level = _LEVELS[record.severity]
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, "%s", record.message, extra={"fields": record.fields})


class LineFormatter(logging.Formatter):
    """One line a record; see the module."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        stamp = time.strftime("%d%b%Y_%H:%M:%S", time.gmtime(record.created)).upper()
        severity = _NAMES.get(record.levelname, record.levelname)
        message = _printable(record.getMessage())
        fields = getattr(record, "fields", ())
        tail = "".join(f" {name}={_value(value)}" for name, value in fields)
        return f"{stamp}.{int(record.msecs):03d} {severity} {message}{tail}"


def _printable(text: str) -> str:
    """Return text that stays on its line and leaves the terminal alone: peers name themselves."""
    return _UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def _value(value: str | int) -> str:
    text = _printable(str(value))
    return text if _BARE.fullmatch(text) else json.dumps(text)


def log_to_console() -> None:
    """Write the broker's records to standard output, a line each, at once, from INFO up."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(LineFormatter())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
