"""SIGINT and SIGTERM: a wish to stop, from the first moment of a process to its last.

An event loop's own handlers would come after the imports, which take their time, and go when the loop
closes: a second Ctrl-C would then kill a broker that has stopped well.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Final

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """The signals of one process; for its main thread."""

    def __init__(self) -> None:
        #: Those that came before anybody took them, each once.
        self._early: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._take: Callable[[signal.Signals], None] = lambda _number: None

    def catch(self) -> None:
        """Note signals from now on, instead of dying of them."""
        for number in _NUMBERS:
            signal.signal(number, self._on_signal)

    def hand_to(self, take: Callable[[signal.Signals], None]) -> None:
        """Call `take` for each signal from now on, on this event loop, and now for those noted."""
        self._take = take
        self._loop = asyncio.get_running_loop()
        for number in self._early:
            take(signal.Signals(number))

    def ignore(self) -> None:
        """Let signals have no effect from now on, nor those on their way: the process ends anyway."""
        self._take = lambda _number: None
        for number in _NUMBERS:
            signal.signal(number, signal.SIG_IGN)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hand_over, signal.Signals(number))
        elif number not in self._early:
            self._early.append(number)

    def _hand_over(self, number: signal.Signals) -> None:
        self._take(number)
