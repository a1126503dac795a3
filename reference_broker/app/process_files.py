"""The files that a broker leaves in its working directory: process id, and history of starts."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from reference_broker.app.records import LOGGER
from reference_broker.base import OperatorError

HISTORY_LINES_MAX: Final = 90
#: A line is far shorter; whoever wrote more did not mean this file.
_HISTORY_LINE_CHARS_MAX: Final = 1_000
#: No process id is longer.
_PID_BYTES_MAX: Final = 32


@contextlib.contextmanager
def pid_file(path: Path) -> Iterator[None]:
    """Write the process id [PROC-6]; remove the file in the end, unless it is another's by then.

    One that cannot be written is no reason to stop.

    Raises:
        OperatorError: it is no file, or another broker that runs has written it.
    """
    own = f"{os.getpid()}\n".encode("ascii")
    descriptor = None
    try:
        descriptor = _open_file(path)
        _write_pid(path, descriptor, own)
    except OSError as error:
        text = "ALARM [STARTUP] pid file %s cannot be written: %s; the broker goes on without"
        LOGGER.error(text, path, error.strerror or error)
    try:
        yield
    finally:
        if descriptor is not None:
            _remove_if(path, own)
            os.close(descriptor)


def _write_pid(path: Path, descriptor: int, own: bytes) -> None:
    import fcntl  # noqa: PLC0415 - absent on Windows, where there is no such file

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until the process ends
    except BlockingIOError:
        os.close(descriptor)
        text = f"{path} is the file of another broker that runs"
        raise OperatorError(f"{text}; stop it, or start this one elsewhere (BMQ_PREFIX)") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, own)


def _remove_if(path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError, OperatorError):
        descriptor = _open_file(path, os.O_RDONLY)
        try:
            if os.read(descriptor, _PID_BYTES_MAX) == content:
                path.unlink()
        finally:
            os.close(descriptor)


def refuse_special_file(path: Path) -> None:
    """Refuse what is there and is no file, such as a named pipe that would never be read.

    A folder is left to whoever opens it, which fails.

    Raises:
        OperatorError: it is no file.
    """
    with contextlib.suppress(OSError):
        _check_kind(path, path.stat().st_mode)


def _check_kind(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = "a named pipe" if stat.S_ISFIFO(mode) else "a device or a socket"
        text = f"{path} is {kind} and should be a file"
        raise OperatorError(f"{text}; remove it, or start elsewhere (BMQ_PREFIX)")


def _open_file(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file without ever waiting for the other end of a pipe.

    Raises:
        OperatorError: it is no file.
        OSError: it cannot be opened.
    """
    refuse_special_file(path)
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    try:
        _check_kind(path, os.fstat(descriptor).st_mode)
    except OperatorError:
        os.close(descriptor)
        raise
    return descriptor


def add_to_history(path: Path, *, version: int, config_version: int, broker_id: bytes) -> None:
    """Put a line for this start on top of the history of starts, which keeps 90.

    Args:
        path: the file; made if it is not there.
        version: the program's, as a number.
        config_version: the configuration's.
        broker_id: of this start; written in hexadecimal.

    Raises:
        OperatorError: it is no file.
    """
    now_s = time.time()
    stamp = time.strftime("%d%b%Y_%H:%M:%S", time.gmtime(now_s)).upper()
    newest = (
        f"{stamp}.{int(now_s % 1 * 1e6):06d}|{version}|{config_version}|{broker_id.hex().upper()}"
    )
    try:
        with open(_open_file(path), "r+", encoding="utf-8", errors="backslashreplace") as file:
            older = [line.rstrip("\n") for line in islice(file, HISTORY_LINES_MAX - 1)]
            file.seek(0)
            file.truncate()
            file.writelines(f"{line[:_HISTORY_LINE_CHARS_MAX]}\n" for line in (newest, *older))
    except (OSError, UnicodeError) as error:
        LOGGER.error("ALARM [STARTUP] history file %s cannot be written: %s", path, error)
