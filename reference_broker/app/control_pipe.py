"""The named pipe through which operators and tools talk to a broker.

Any program may write lines to it. The broker keeps both ends open, so that the pipe has a reader
before its first writer comes and after its last one has gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from reference_broker.app.records import LOGGER
from reference_broker.base import OperatorError
from reference_broker.base.limits import CONTROL_PIPE_LINES_PER_TURN_MAX

#: A longer line is thrown away: no command is that long, and memory is not for lines without an end.
LINE_BYTES_MAX: Final = 64 * 1024
_READ_BYTES: Final = 4 * 1024


class ControlPipe:
    """A pipe in the file system, there while this is entered [PIPE-1].

    Args:
        path: where. A pipe without a reader, and a file that a writer made where no pipe was, are
            left over and make room.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptors: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._take: Callable[[str], None] = lambda _line: None
        self._rest = b""
        self._is_skipping = False

    def __enter__(self) -> Self:
        """Make the pipe.

        Raises:
            OperatorError: it cannot be made, or another broker reads from it.
        """
        try:
            _make_room(self._path)
            os.mkfifo(self._path, 0o660)
            for mode in (os.O_RDONLY, os.O_WRONLY):
                self._descriptors.append(os.open(self._path, mode | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            self.__exit__()
            text = f"control pipe {self._path} cannot be made: {error.strerror or error}"
            raise OperatorError(f"{text}; start in a folder that may be written") from error
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove the pipe."""
        if not self._descriptors:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._descriptors[0])
            self._loop = None  # so that a turn that is due takes nothing
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def read(self, take: Callable[[str], None]) -> None:
        """Hand every line to `take` from now on, on this event loop; those written before as well.

        A turn of the loop takes a few of them, and empty ones are passed over: whoever writes many
        does not keep the broker from its clients.
        """
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptors[0], self._on_readable)

    def _on_readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._rest += os.read(self._descriptors[0], _READ_BYTES)
        self._take_some()

    def _take_some(self) -> None:
        """Hand over some of the lines that are here; the pipe is read again when none is left."""
        if self._loop is None:
            return
        *lines, self._rest = self._rest.split(b"\n", CONTROL_PIPE_LINES_PER_TURN_MAX)
        for line in lines:
            self._on_line(line)
        if b"\n" in self._rest:
            self._loop.remove_reader(self._descriptors[0])
            self._loop.call_soon(self._take_some)
            return
        if len(self._rest) > LINE_BYTES_MAX:
            self._skip()
        self._loop.add_reader(self._descriptors[0], self._on_readable)

    def _on_line(self, line: bytes) -> None:
        if self._is_skipping:
            self._is_skipping = False
        elif len(line) > LINE_BYTES_MAX:
            self._skip()
            self._is_skipping = False
        elif line:
            self._take(line.decode(errors="replace"))

    def _skip(self) -> None:
        if not self._is_skipping:
            text = "a line of the control pipe has over %d bytes and is ignored"
            LOGGER.error(text, LINE_BYTES_MAX)
        self._rest = b""
        self._is_skipping = True


def _make_room(path: Path) -> None:
    """Remove what a broker or a writer has left; see `ControlPipe`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.ENXIO:  # which is a pipe without a reader
            raise
    else:
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        if is_pipe:
            text = f"control pipe {path} is in use by another broker"
            raise OperatorError(f"{text}; stop it, or start this one elsewhere (BMQ_PREFIX)")
    path.unlink()
