"""Log records of the core, on their way to Python's logging."""

from __future__ import annotations

import logging
from typing import Final

from reference_broker.ports import Log, Severity

LOGGER: Final = logging.getLogger("reference_broker")

#: The core has no files to name: its records come from one place.
_CATEGORY: Final = "MQBA.APPLICATION"
_SOURCE: Final = ("broker.py", 0)
_LEVELS: Final = {
    Severity.DEBUG: logging.DEBUG,
    Severity.INFO: logging.INFO,
    Severity.WARN: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}
#: How a record begins that wants an operator now.
ALARM_MARKS: Final = ("ALARM [", "PANIC [")


def log_record(record: Log) -> None:
    """Hand one record to Python's logging."""
    level = _LEVELS[record.severity]
    if LOGGER.isEnabledFor(level):
        extra = {
            "category": _CATEGORY,
            "source": _SOURCE,
            "fields": record.fields,
            "is_text": record.message.startswith(ALARM_MARKS),
        }
        LOGGER.log(level, "%s", record.message, extra=extra)
