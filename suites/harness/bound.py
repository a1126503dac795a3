"""Processes that end when the one that started them is killed; for Linux.

`bound` puts this file in front of a command. It asks the kernel for a signal at the death of its
parent and becomes the command: the process id stays, and so does what was asked for. A process that
can unwind ends its children itself; this is for the one that cannot any more.

To the kernel the parent is the thread that started the process, so only the main thread's processes
are bound, and those of threads that say that they wait for them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Final

#: Exit code if the command cannot be run, as a shell's.
EXIT_CANNOT_RUN: Final = 127
_PR_SET_PDEATHSIG: Final = 1


def bound(
    command: Sequence[str],
    number: signal.Signals = signal.SIGKILL,
    *,
    is_awaited_here: bool = False,
) -> list[str]:
    """Return a command that gets a signal when we die.

    Args:
        command: the program, by its path, and its arguments.
        number: the signal.
        is_awaited_here: this thread does not end before the command does.
    """
    is_safe = is_awaited_here or threading.current_thread() is threading.main_thread()
    if sys.platform != "linux" or not is_safe:
        return list(command)
    prefix = [sys.executable, "-I", "-S", __file__, str(int(number)), str(os.getpid())]
    return [*prefix, *command]


def main(arguments: Sequence[str]) -> int:
    """Become the command: signal number, process id of the parent, program, its arguments."""
    number, parent, *command = arguments
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != int(parent):
        return EXIT_CANNOT_RUN  # it died before the kernel knew
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
        return EXIT_CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
