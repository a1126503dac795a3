r"""How a log record becomes text: by a pattern in the peer's notation, or as a JSON object.

| specifier | what it stands for                         |
|-----------|--------------------------------------------|
| `%c`      | category                                   |
| `%d`      | time, `ddMMMyyyy_hh:mm:ss.mmm` in UTC      |
| `%D`      | the same with microseconds                 |
| `%i` `%I` | time in ISO 8601, `%I` with milliseconds   |
| `%p` `%t` | process id, thread id in decimal           |
| `%s`      | severity                                   |
| `%f` `%F` | source file, with and without its folder   |
| `%l`      | source line                                |
| `%m`      | message and fields                         |
| `%x` `%X` | message with escapes                       |
| `%%`      | a percent sign                             |

`\n`, `\t` and `\\` are escapes, whoever wrote them. A record stays on its line, since
peers name themselves and could write records of their own otherwise; only texts for the operator,
such as the answer to a command or an alarm, may have several.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

#: Severities as configurations and commands name them.
LEVELS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "OFF": logging.CRITICAL + 10,
        "FATAL": logging.CRITICAL,
        "ERROR": logging.ERROR,
        "WARN": logging.WARNING,
        "INFO": logging.INFO,
        "DEBUG": logging.DEBUG,
        "TRACE": 5,
    }
)
#: The layout of a broker without a configuration folder.
SHORT_PATTERN: Final = "%d %s %m\n"
#: Of records that name no other.
CATEGORY: Final = "BMQBRKR"

_NAMES: Final = MappingProxyType({level: name for name, level in LEVELS.items()})
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNPRINTABLE_IN_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BARE: Final = re.compile(r"[^\s\"=]+")
_PIECE: Final = re.compile(r"%(.)|\\([nt\\])|([^%\\]+|.)", re.DOTALL)
_ESCAPES: Final = MappingProxyType({"n": "\n", "t": "\t", "\\": "\\"})


def severity_name(level: int) -> str:
    """Return the name of a level, in the peer's words."""
    return _NAMES.get(level) or logging.getLevelName(level)


def category_of(record: logging.LogRecord) -> str:
    """Return a record's category."""
    category: str = getattr(record, "category", CATEGORY)
    return category


def source_of(record: logging.LogRecord) -> tuple[str, int]:
    """Return the file and line that a record names as its source."""
    source: tuple[str, int] = getattr(record, "source", (record.pathname, record.lineno))
    return source


class PatternFormatter(logging.Formatter):
    """Writes records by a pattern; see the module.

    Args:
        pattern: with specifiers and escapes. What is no specifier stands for itself. A line feed is
            added to a pattern that does not end with one.
    """

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pieces: list[str | Callable[[logging.LogRecord], str]] = []
        for specifier, escape, text in _PIECE.findall(pattern):
            if specifier:
                self._pieces.append(_SPECIFIERS.get(specifier, f"%{specifier}"))
            else:
                self._pieces.append(_ESCAPES[escape] if escape else text)
        last = self._pieces[-1] if self._pieces else ""
        if not isinstance(last, str) or not last.endswith("\n"):
            self._pieces.append("\n")

    def format(self, record: logging.LogRecord) -> str:
        """Return the text, line feed included."""
        pieces = [piece if isinstance(piece, str) else piece(record) for piece in self._pieces]
        return "".join(pieces)


class JsonFormatter(logging.Formatter):
    """Writes a JSON object a line: time, severity, category, message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        shown: dict[str, object] = {
            "time": _iso_long(record),
            "severity": severity_name(record.levelno),
            "category": category_of(record),
            "message": record.getMessage(),
            "fields": dict(getattr(record, "fields", ())),
        }
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        return json.dumps(shown) + "\n"


def _datetime(record: logging.LogRecord) -> str:
    stamp = time.strftime("%d%b%Y_%H:%M:%S", time.gmtime(record.created)).upper()
    return f"{stamp}.{int(record.msecs):03d}"


def _datetime_long(record: logging.LogRecord) -> str:
    stamp = time.strftime("%d%b%Y_%H:%M:%S", time.gmtime(record.created)).upper()
    return f"{stamp}.{int(record.created % 1 * 1e6):06d}"


def _iso(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


def _iso_long(record: logging.LogRecord) -> str:
    return f"{_iso(record)[:-1]}.{int(record.msecs):03d}Z"


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    if getattr(record, "is_text", False):
        message = _escape(_UNPRINTABLE_IN_TEXT, message)
    else:
        message = _escape(_UNPRINTABLE, message)
    fields = getattr(record, "fields", ())
    tail = "".join([f" {name}={_value(value)}" for name, value in fields])
    if record.exc_info:
        tail += "\n" + logging.Formatter().formatException(record.exc_info)
    return message + tail


def _value(value: str | int) -> str:
    text = _escape(_UNPRINTABLE, str(value))
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _escape(pattern: re.Pattern[str], text: str) -> str:
    """Return text that leaves the terminal alone."""
    return pattern.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


_SPECIFIERS: Final[Mapping[str, str | Callable[[logging.LogRecord], str]]] = MappingProxyType(
    {
        "c": category_of,
        "d": _datetime,
        "D": _datetime_long,
        "i": _iso,
        "I": _iso_long,
        "p": lambda record: str(record.process),
        "t": lambda record: str(record.thread),
        "s": lambda record: severity_name(record.levelno),
        "f": lambda record: source_of(record)[0],
        "F": lambda record: source_of(record)[0].rpartition("/")[2],
        "l": lambda record: str(source_of(record)[1]),
        "m": _message,
        "x": lambda record: _escape(_UNPRINTABLE, record.getMessage()),
        "X": lambda record: _escape(_UNPRINTABLE, record.getMessage()),
        "%": "%",
    }
)
