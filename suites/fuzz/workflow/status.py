"""What a child says while it runs, read from the file that it prints to; the child does nothing more.

::

    #8192   pulse  cov: 243 ft: 1155 corp: 167/60Kb lim: 4096 exec/s: 2048 rss: 53Mb
    #8301   NEW    cov: 243 ft: 1156 corp: 168/60Kb ...
    gauntlet: a finding
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from suites.fuzz.engine import STATUS
from suites.fuzz.run_target import FOUND, STARTED

#: What is read at a time; a child that says more is read a little later.
_CHUNK_BYTES: Final = 4 * 1024 * 1024
#: How libFuzzer ends what hangs or eats the memory.
_GIVEN_UP: Final = ("SUMMARY: libFuzzer: timeout", "SUMMARY: libFuzzer: out-of-memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of one run, or of several of one target together.

    Attributes:
        executions: how often the target ran, as far as was said.
        executions_per_s: how fast it is.
        coverage: branches reached.
        features: branches with their counts, and comparisons.
        corpus: inputs that each reached something new.
        findings: crashes with stacks of their own, hangs included.
        last_new: when something new was reached; the start, if nothing was. Seconds of the clock
            that `Tail.read` is given.
        is_started: whether it has begun to fuzz.
    """

    executions: int = 0
    executions_per_s: int = 0
    coverage: int = 0
    features: int = 0
    corpus: int = 0
    findings: int = 0
    last_new: float = 0.0
    is_started: bool = False


def together(statuses: Sequence[Status]) -> Status:
    """Return the status of runs that go on at the same time and share a corpus."""
    return Status(
        executions=sum(status.executions for status in statuses),
        executions_per_s=sum(status.executions_per_s for status in statuses),
        coverage=max((status.coverage for status in statuses), default=0),
        features=max((status.features for status in statuses), default=0),
        corpus=max((status.corpus for status in statuses), default=0),
        findings=sum(status.findings for status in statuses),
        last_new=max((status.last_new for status in statuses), default=0.0),
        is_started=any(status.is_started for status in statuses),
    )


class Tail:
    """Reads what a child has added to its log.

    Args:
        path: of the log; it need not be there yet.
        now: when the child was started.
    """

    def __init__(self, path: Path, now: float) -> None:
        self._path = path
        self._position = 0
        self._rest = b""
        self._status = Status(last_new=now)

    def read(self, now: float) -> Status:
        """Read what is new; returns the state of the run.

        Args:
            now: seconds of the caller's clock.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                added = file.read(_CHUNK_BYTES)
        except FileNotFoundError:
            return self._status
        self._position += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        for line in lines:
            self._take(line.decode("utf-8", "replace"), now)
        return self._status

    def _take(self, line: str, now: float) -> None:
        match = STATUS.match(line)
        if match:
            is_new = match["event"] == "NEW"
            self._status = replace(
                self._status,
                executions=int(match["executions"]),
                executions_per_s=int(match["speed"]),
                coverage=int(match["coverage"]),
                features=int(match["features"]),
                corpus=int(match["units"]),
                last_new=now if is_new else self._status.last_new,
            )
        elif line.startswith(STARTED):
            self._status = replace(self._status, is_started=True, last_new=now)
        elif line.startswith((FOUND, *_GIVEN_UP)):
            self._status = replace(self._status, findings=self._status.findings + 1)
