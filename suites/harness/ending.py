"""Ending in order: SIGTERM means what Ctrl-C means.

A suite owns processes: the target, the fault proxy, fuzzers. They end with the contexts that
started them, so a signal must unwind these instead of ending the suite on the spot.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final

EXIT_INTERRUPTED: Final = 2


def end_in_order_on_sigterm() -> None:
    """Turn the first SIGTERM into KeyboardInterrupt in the main thread; more change nothing."""
    signal.signal(signal.SIGTERM, _interrupt)


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
