"""Which records go where: the console, the log file, and alarms to standard error as well.

A record passes when its severity reaches the threshold of its category; the console asks for its
own threshold besides.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from typing import Final, TextIO

from reference_broker.app.log_format import (
    LEVELS,
    SHORT_PATTERN,
    JsonFormatter,
    PatternFormatter,
    category_of,
    severity_name,
    source_of,
)
from reference_broker.app.log_rotation import RotatingLogFile
from reference_broker.app.records import LOGGER
from reference_broker.base import OperatorError
from reference_broker.base.limits import LOG_CATEGORIES_MAX
from reference_broker.config import LogSettings

#: An alarm is repeated on standard error at most this often, by category and source.
_ALARM_INTERVAL_S: Final = 60.0
_ALARM: Final = re.compile(r"(?:ALARM|PANIC) \[([^\]]*)\] ")
_ALARM_SOURCES_MAX: Final = 1_000


def say(line: str) -> None:
    """Write a line to standard output; nobody need read it."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


class LogOutput:
    """The broker's log, as one process has it.

    Args:
        is_json: write JSON objects to the console instead of the configured lines.
        level: least severity everywhere, instead of what the configuration says.
    """

    def __init__(self, *, is_json: bool = False, level: str | None = None) -> None:
        self._is_json = is_json
        self._level = level
        self._verbosity = LEVELS["INFO"]
        #: (expression, level): a later one wins.
        self._categories: list[tuple[str, int]] = []
        #: By category, what the expressions come to.
        self._thresholds: dict[str, int] = {}
        self._console = _Console(_text_stream(sys.stdout))
        self._file: RotatingLogFile | None = None
        self._handlers: list[logging.Handler] = []

    def open(self) -> None:
        """Write to the console, from INFO up, until the configuration is known."""
        self._set_console_pattern(SHORT_PATTERN)
        for handler in (self._console, AlarmEcho()):
            self._add(handler)
        LOGGER.propagate = False
        self._apply()

    def configure(self, settings: LogSettings, *, has_folder: bool) -> None:
        """Do as the configuration says.

        Args:
            settings: of the configuration.
            has_folder: whether it came from a configuration folder: only then its layout counts, and
                only then there is a log file.

        Raises:
            OperatorError: the log file cannot be written, or there are too many categories.
        """
        self._verbosity = LEVELS[self._level or settings.verbosity]
        self._console.setLevel(LEVELS[self._level or settings.console_severity])
        for category in () if self._level else settings.categories:
            expression, severity, _colour = category.split(":")
            if not self.set_category(expression, severity.upper()):
                text = f"taskConfig.logController.categories has over {LOG_CATEGORIES_MAX} items"
                raise OperatorError(f"{text}; say less, or several in one by PREFIX*")
        if has_folder:
            self._set_console_pattern(settings.console_format)
            if settings.file_name:
                self._open_file(settings)
        self._apply()

    def close(self) -> None:
        """Let go of the logger and of the file."""
        for handler in self._handlers:
            LOGGER.removeHandler(handler)
            handler.close()
        self._handlers.clear()

    def say(self, line: str) -> None:
        """Write a line to standard output as it is: those that start scripts wait for have no layout.

        Where all is JSON it is a record.
        """
        if self._is_json:
            LOGGER.info("%s", line)
        else:
            say(line)

    # What the operator may change while it runs.

    def set_verbosity(self, severity: str) -> None:
        """Set the threshold of every category."""
        self._verbosity = LEVELS[severity]
        self._categories.clear()
        self._apply()

    def set_console(self, severity: str) -> None:
        """Set what the console asks for besides."""
        self._console.setLevel(LEVELS[severity])
        self._apply()

    def set_category(self, expression: str, severity: str) -> bool:
        """Set the threshold of a category, or of all that begin alike (`MQB*`).

        Returns:
            False if there are too many expressions already.
        """
        kept = [pair for pair in self._categories if pair[0] != expression]
        if len(kept) >= LOG_CATEGORIES_MAX:
            return False
        self._categories = [*kept, (expression, LEVELS[severity])]
        self._apply()
        return True

    def describe(self) -> str:
        """Return the thresholds and the log file, a line each."""
        file = self._file.baseFilename if self._file is not None else "none"
        lines = [
            f"verbosity: {severity_name(self._verbosity)}",
            f"console: {severity_name(self._console.level)}",
            f"log file: {file}",
        ]
        lines += [f"category {name}: {severity_name(level)}" for name, level in self._categories]
        return "\n".join(lines)

    # Parts.

    def _add(self, handler: logging.Handler) -> None:
        handler.addFilter(self._passes)
        LOGGER.addHandler(handler)
        self._handlers.append(handler)

    def _set_console_pattern(self, pattern: str) -> None:
        self._console.setFormatter(JsonFormatter() if self._is_json else PatternFormatter(pattern))

    def _open_file(self, settings: LogSettings) -> None:
        self._file = RotatingLogFile(
            settings.file_name,
            rotation_bytes=settings.rotation_bytes,
            age_days_max=settings.file_age_days_max,
        )
        self._file.setFormatter(PatternFormatter(settings.file_format))
        self._add(self._file)

    def _passes(self, record: logging.LogRecord) -> bool:
        category = category_of(record)
        threshold = self._thresholds.get(category)
        if threshold is None:
            threshold = self._thresholds[category] = self._threshold(category)
        return record.levelno >= threshold

    def _threshold(self, category: str) -> int:
        for expression, level in reversed(self._categories):
            if _matches(expression, category):
                return level
        return self._verbosity

    def _apply(self) -> None:
        """Tell the logger what nobody asks for, so that it is not even made."""
        self._thresholds.clear()
        LOGGER.setLevel(min([self._verbosity, *(level for _, level in self._categories)]))


def _matches(expression: str, category: str) -> bool:
    if expression.endswith("*"):
        return category.startswith(expression[:-1])
    return category == expression


def _text_stream(stream: TextIO) -> TextIO:
    """Return the stream as UTF-8: what cannot be encoded must not end the line."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    return stream


class _Console(logging.StreamHandler[TextIO]):
    """Writes and flushes each record; the pattern has the end of the line."""

    terminator = ""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Go on when nobody reads any more."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class AlarmEcho(logging.Handler):
    """Repeats alarms on standard error, where whoever starts brokers looks first."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._last_s: dict[tuple[str, tuple[str, int]], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write the message of an alarm, unless the same was written in the last minute."""
        message = record.getMessage()
        found = _ALARM.match(message)
        if found is None:
            return
        key = (found.group(1), source_of(record))
        last_s = self._last_s.get(key)
        if last_s is not None and 0 <= record.created - last_s < _ALARM_INTERVAL_S:
            return
        if len(self._last_s) >= _ALARM_SOURCES_MAX:
            self._last_s.clear()
        self._last_s[key] = record.created
        with contextlib.suppress(OSError):
            sys.stderr.write(_ECHO.format(record))
            sys.stderr.flush()


_ECHO: Final = PatternFormatter("%m\n")
