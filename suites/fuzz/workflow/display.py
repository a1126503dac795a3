"""What a campaign looks like while it runs: a table on a terminal, elsewhere lines now and then.

::

    [0:20 of 1:00] FUZZ-PUTS: 2,048/s, coverage 243, features 1,155, corpus 167, last new 3 s ago
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from suites.fuzz.registry import Target
from suites.fuzz.workflow.status import Status, Tail, together

#: Between two lines of a target where there is no terminal.
LINE_SECONDS: Final = 10.0
#: Between two looks at the children's logs.
LOOK_SECONDS: Final = 1.0
#: So many targets have a row; of others only the numbers are told.
_ROWS_MAX: Final = 24

#: Short enough for 80 columns.
_COLUMNS: Final = ("Exec/s", "Runs", "Cov", "Feat", "Corpus", "Last new", "Found")


class _Row:
    """One target: what its ended runs came to, and those that go on."""

    def __init__(self) -> None:
        self.ended: list[Status] = []
        self.running: dict[Path, Tail] = {}

    def read(self, now: float) -> Status:
        running = together([tail.read(now) for tail in self.running.values()])
        return together([*self.ended, running])


class Board:
    """The state of a campaign, told by its threads and shown by `shown`.

    Args:
        seconds: that the campaign takes.
        clock: seconds that only grow.
    """

    def __init__(self, seconds: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._rows: dict[str, _Row] = {}

    def starts(self, target: Target, log: Path) -> None:
        """A run of a target starts, and prints to a file."""
        with self._lock:
            row = self._rows.setdefault(target.id, _Row())
            row.running[log] = Tail(log, self._clock())

    def ends(self, target: Target, log: Path) -> None:
        """That run has ended, and its file goes."""
        with self._lock:
            row = self._rows[target.id]
            status = row.running.pop(log).read(self._clock())
            row.ended.append(_at_rest(status))

    def statuses(self) -> dict[str, tuple[Status, bool]]:
        """Return the state of every target that has begun, and whether it is running."""
        now = self._clock()
        with self._lock:
            return {id_: (row.read(now), bool(row.running)) for id_, row in self._rows.items()}

    def lines(self) -> list[str]:
        """Return a line for each target that is running."""
        now = self._clock()
        return [
            f"{self._time(now)} {id_}: {_said(status, now)}"
            for id_, (status, is_running) in self.statuses().items()
            if is_running
        ]

    def table(self) -> Table:
        """Return the targets as a table: those that are running, and the latest of the others."""
        now = self._clock()
        statuses = self.statuses()
        table = Table(box=None, pad_edge=False, title=self._time(now), title_justify="left")
        table.add_column("Target", no_wrap=True)
        for column in _COLUMNS:
            table.add_column(column, justify="right", no_wrap=True)
        running = {id_ for id_, (_, is_running) in statuses.items() if is_running}
        latest = [id_ for id_ in statuses if id_ not in running][
            -max(0, _ROWS_MAX - len(running)) :
        ]
        for id_, (status, is_running) in statuses.items():
            if is_running or id_ in latest:
                style = "" if is_running else "dim"
                table.add_row(id_, *_cells(status, now, is_running=is_running), style=style)
        hidden = len(statuses) - len(running) - len(latest)
        if hidden:
            table.caption = f"and {hidden} more that have had their time"
        return table

    def _time(self, now: float) -> str:
        return f"[{_clock_text(now - self._began)} of {_clock_text(self._seconds)}]"


@contextmanager
def shown(board: Board, console: Console) -> Iterator[Callable[[], None]]:
    """Show a board as long as the context lasts; gives what must be called every `LOOK_SECONDS`."""
    if console.is_terminal:
        with Live(console=console, get_renderable=board.table, auto_refresh=False) as live:
            yield live.refresh
        return
    next_at = time.monotonic() + LINE_SECONDS

    def print_lines() -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            next_at += LINE_SECONDS
            for line in board.lines():
                console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            board.statuses()  # so that it is known when something was new

    yield print_lines


def _at_rest(status: Status) -> Status:
    """Return the state of a run that has ended: it is not fast any more."""
    return Status(
        executions=status.executions,
        coverage=status.coverage,
        features=status.features,
        corpus=status.corpus,
        findings=status.findings,
        last_new=status.last_new,
        is_started=True,
    )


def _cells(status: Status, now: float, *, is_running: bool) -> tuple[str, ...]:
    if not status.is_started:
        return ("starts", *[""] * (len(_COLUMNS) - 1))
    return (
        f"{status.executions_per_s:,}" if is_running else "",
        f"{status.executions:,}",
        f"{status.coverage:,}",
        f"{status.features:,}",
        f"{status.corpus:,}",
        f"{max(0.0, now - status.last_new):,.0f} s" if is_running else "",
        str(status.findings),
    )


def _said(status: Status, now: float) -> str:
    if not status.is_started:
        return "starts"
    return (
        f"{status.executions_per_s:,}/s, coverage {status.coverage:,}, "
        f"features {status.features:,}, corpus {status.corpus:,}, "
        f"last new {max(0.0, now - status.last_new):,.0f} s ago, findings {status.findings}"
    )


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
