"""The log file on disk: a name made of the time, a new file when one is full or a day old.

| specifier      | in a file name                       |
|----------------|--------------------------------------|
| `%T`           | time, `yyyymmdd_hhmmss` in UTC       |
| `%Y` `%M` `%D` | year, month, day                     |
| `%h` `%m` `%s` | hour, minute, second                 |
| `%p`           | process id                           |
| `%%`           | a percent sign                       |
"""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from logging.handlers import BaseRotatingHandler
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reference_broker.base import OperatorError

_DAY_S: Final = 86_400
_COMPLAINT_INTERVAL_S: Final = 60.0
_SPECIFIER: Final = re.compile(r"%([TYMDhmsp%])")
_TIMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "T": "%Y%m%d_%H%M%S",
        "Y": "%Y",
        "M": "%m",
        "D": "%d",
        "h": "%H",
        "m": "%M",
        "s": "%S",
    }
)


def expand_name(pattern: str, now_s: float, pid: int) -> str:
    """Return the file name that a pattern makes at a time (seconds since 1970)."""
    parts = time.gmtime(now_s)

    def expand(found: re.Match[str]) -> str:
        letter = found.group(1)
        if letter in _TIMES:
            return time.strftime(_TIMES[letter], parts)
        return str(pid) if letter == "p" else "%"

    return _SPECIFIER.sub(expand, pattern)


class RotatingLogFile(BaseRotatingHandler):
    """Writes records to files, and removes old ones.

    Args:
        pattern: path with specifiers; see the module. Folders are made.
        rotation_bytes: size from which a new file is begun; 0 is never.
        age_days_max: files last written longer ago are removed; 0 keeps all.
        clock: seconds since 1970.

    Raises:
        OperatorError: the file cannot be written.
    """

    def __init__(
        self,
        pattern: str,
        *,
        rotation_bytes: int = 0,
        age_days_max: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pattern = pattern
        self._rotation_bytes = rotation_bytes
        self._age_days_max = age_days_max
        self._clock = clock
        self._opened_s = clock()
        self._complained_s = -_COMPLAINT_INTERVAL_S
        path = Path(expand_name(pattern, self._opened_s, os.getpid()))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            super().__init__(path, "a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            text = f"log file {path} cannot be written: {error.strerror or error}"
            raise OperatorError(f"{text}; see taskConfig.logController.fileName") from error
        self.terminator = ""  # the pattern of a line has its own end
        self._remove_old()

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: ARG002, N802 - logging's name and shape
        """Return whether the next record belongs in a new file."""
        if self._clock() - self._opened_s >= _DAY_S:
            return True
        if not self._rotation_bytes or self.stream is None:
            return False
        return self.stream.tell() >= self._rotation_bytes

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        """Begin a new file; one of the same name is moved aside."""
        self._opened_s = self._clock()
        if self.stream is not None:
            self.stream.close()
        path = os.path.abspath(expand_name(self._pattern, self._opened_s, os.getpid()))  # noqa: PTH100 - as logging keeps it
        if path == self.baseFilename:
            self._move_aside()
        self.baseFilename = path
        self.stream = self._open()
        self._remove_old()

    def _move_aside(self) -> None:
        stamp = time.strftime("%Y%m%d_%H%M%S", time.gmtime(self._opened_s))
        aside, number = f"{self.baseFilename}.{stamp}", 0
        while Path(aside).exists():
            number += 1
            aside = f"{self.baseFilename}.{stamp}.{number}"
        self.rotate(self.baseFilename, aside)

    def _remove_old(self) -> None:
        if not self._age_days_max:
            return
        oldest_s = self._clock() - self._age_days_max * _DAY_S
        pattern = Path(self._pattern)
        # The pieces between specifiers, with anything in their place and behind the last.
        name = "*".join([glob.escape(piece) for piece in _SPECIFIER.split(pattern.name)[::2]])
        for path in pattern.parent.glob(name.rstrip("*") + "*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest_s and path.is_file():
                    path.unlink()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name and shape
        """Complain once a minute: a full disk must not end the broker, nor fill the console."""
        now_s = self._clock()
        if now_s - self._complained_s >= _COMPLAINT_INTERVAL_S:
            self._complained_s = now_s
            error = sys.exc_info()[1]
            with contextlib.suppress(OSError):
                sys.stderr.write(f"log file {self.baseFilename} cannot be written: {error}\n")
