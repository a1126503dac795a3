"""What happens in a run is noted here once: for the history, the checker and the chart."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, TypedDict, Unpack

from suites.chaos.schedule import CURES
from suites.harness.checkers import DeliveryChecker
from suites.harness.history import Event, EventType, Function, HistoryWriter
from suites.harness.report import Band, Chart, Series

_NS: Final = 1_000_000_000
#: Width of a point of the chart, nanoseconds.
_BIN_NS: Final = 200_000_000
_FAULTS: Final = frozenset(map(str, CURES))
_CURES: Final = frozenset(map(str, CURES.values()))


class Fields(TypedDict, total=False):
    """What a record may have beside its function, its type and its process."""

    queue: str
    value: str
    guid: str
    digest: str
    is_redelivered: bool
    window: int


class Recorder:
    """Take notes of one run.

    Args:
        history: where they are written; entered already.
    """

    def __init__(self, history: HistoryWriter) -> None:
        self.checker = DeliveryChecker()
        #: Seconds from the end of the first fault to the next acknowledgement; None before.
        self.recovery_s: float | None = None
        self._history = history
        self._rates: dict[Function, Counter[int]] = {
            Function.ACK: Counter(),
            Function.PUSH: Counter(),
        }
        self._faults: list[Event] = []
        self._cured_ns: int | None = None
        self._changed = asyncio.Event()

    def note(
        self, function: Function, event_type: EventType, process: str, **fields: Unpack[Fields]
    ) -> None:
        """Note what happens now.

        Raises:
            HistoryError: the history is full, or this contradicts what was noted before.
        """
        event = self._history.append(function, event_type, process, **fields)
        self.checker.observe(event)
        self._changed.set()
        if event_type is not EventType.OK:
            return
        if function in self._rates:
            self._rates[function][event.time_ns // _BIN_NS] += 1
        if function is Function.FAULT:
            self._faults.append(event)
            if event.value in _CURES and self.recovery_s is None:
                self._cured_ns = event.time_ns
        elif function is Function.ACK and self._cured_ns is not None:
            self.recovery_s = (event.time_ns - self._cured_ns) / _NS
            self._cured_ns = None

    async def wait_until(
        self, condition: Callable[[], bool], *, stall_s: float, limit_s: float
    ) -> bool:
        """Wait for a condition on what was noted.

        Args:
            condition: asked again after every note.
            stall_s: give up when nothing is noted for so long.
            limit_s: give up in any case.

        Returns:
            Whether the condition holds.
        """
        give_up = time.monotonic() + limit_s
        while not condition():
            left = min(stall_s, give_up - time.monotonic())
            self._changed.clear()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return condition()
        return True

    def chart(self, title: str) -> Chart:
        """Return acknowledgements and deliveries over time, with the faults."""
        end = self._history.now_ns // _BIN_NS
        names = {Function.ACK: "acknowledgements", Function.PUSH: "deliveries"}
        series = tuple(
            Series(
                names[function],
                "msg/s",
                tuple((n * _BIN_NS / _NS, counts[n] * _NS / _BIN_NS) for n in range(end)),
            )
            for function, counts in self._rates.items()
        )
        return Chart(title, series, tuple(self._bands()))

    def _bands(self) -> list[Band]:
        bands: list[Band] = []
        fault: Event | None = None
        for event in self._faults:
            if event.value in _FAULTS:
                fault = fault or event
            elif fault is not None:
                bands.append(Band(fault.time_ns / _NS, event.time_ns / _NS, fault.value))
                fault = None
        if fault is not None:
            bands.append(Band(fault.time_ns / _NS, self._history.now_ns / _NS, fault.value))
        return bands
