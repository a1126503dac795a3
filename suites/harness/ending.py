"""Ending in order: SIGTERM means what Ctrl-C means.

A suite owns processes: the target, the fault proxy, fuzzers. They end with the contexts that
started them, so a signal must unwind these instead of ending the suite on the spot.

An exception that a signal raises inside a finalizer goes no further: Python reports it as one that
nobody can raise, and the program would run on. It is raised again a moment later.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

EXIT_INTERRUPTED: Final = 2
#: Between an interruption that a finalizer swallowed and the next one.
_AGAIN_SECONDS: Final = 0.02


def end_in_order_on_sigterm() -> None:
    """Turn the first SIGTERM into KeyboardInterrupt in the main thread; more change nothing."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _interrupt_again


def in_order(main: Callable[[], int]) -> int:
    """Run a command so that SIGTERM and Ctrl-C unwind it.

    Args:
        main: returns the exit code.

    Returns:
        That code, or 2 if it was interrupted.
    """
    end_in_order_on_sigterm()
    try:
        return main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: no verdict\n")
        return EXIT_INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # What unwinds must not be interrupted again. Not SIG_IGN: processes would inherit that.
    signal.signal(signal.SIGTERM, lambda *_: None)
    raise KeyboardInterrupt


def _interrupt_again(swallowed: UnraisableHookArgs) -> None:
    if not isinstance(swallowed.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(swallowed)
        return
    # Signals are handled in the main thread alone, so this is it.
    signal.signal(signal.SIGTERM, _interrupt)
    main = threading.get_ident()
    threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, (main, signal.SIGTERM)).start()
