"""The files that a broker leaves in its working directory: process id, and history of starts."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from reference_broker.app.records import LOGGER

HISTORY_LINES_MAX: Final = 90
#: A line is far shorter; whoever wrote more did not mean this file.
_HISTORY_LINE_CHARS_MAX: Final = 1_000


@contextlib.contextmanager
def pid_file(path: Path) -> Iterator[None]:
    """Write the process id, and remove the file in the end; one that cannot be written is no reason to stop."""
    try:
        path.write_text(f"{os.getpid()}\n", encoding="ascii")
    except OSError as error:
        text = "ALARM [STARTUP] pid file %s cannot be written: %s; the broker goes on without"
        LOGGER.error(text, path, error.strerror or error)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def add_to_history(path: Path, *, version: int, config_version: int, broker_id: bytes) -> None:
    """Put a line for this start on top of the history of starts, which keeps 90.

    Args:
        path: the file; made if it is not there.
        version: the program's, as a number.
        config_version: the configuration's.
        broker_id: of this start; written in hexadecimal.
    """
    now_s = time.time()
    stamp = time.strftime("%d%b%Y_%H:%M:%S", time.gmtime(now_s)).upper()
    newest = (
        f"{stamp}.{int(now_s % 1 * 1e6):06d}|{version}|{config_version}|{broker_id.hex().upper()}"
    )
    try:
        older = _read_history(path)
        path.write_text("\n".join([newest, *older]) + "\n", encoding="utf-8")
    except (OSError, UnicodeError) as error:
        LOGGER.error("ALARM [STARTUP] history file %s cannot be written: %s", path, error)


def _read_history(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="backslashreplace") as file:
        lines = [line.rstrip("\n") for line in islice(file, HISTORY_LINES_MAX - 1)]
    return [line[:_HISTORY_LINE_CHARS_MAX] for line in lines]
