"""What starts and ends a broker, whatever it is; and the log that it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

#: How long a broker may take for a graceful stop, in seconds; then it is killed.
STOP_SECONDS_MAX: Final = 20.0
#: How much of a log is shown, in bytes, if nobody asks for more.
LOG_TAIL_BYTES: Final = 8 * 1024
#: Between the end of a broker's log file and that of what it has printed, where it has both.
PRINTED_BELOW: Final = "\n-- printed:\n"


class Runner(Protocol):
    """Runs one broker at a time in a folder that is configured already."""

    @property
    def pid(self) -> int | None:
        """The broker's process; None if it runs not, or in no process of its own."""

    def start(self) -> None:
        """Start it, without waiting until it answers.

        Raises:
            TargetError: it cannot be started.
        """

    def wait_ended(self, timeout_s: float) -> str:
        """Wait until it has ended by itself, for a while; say how it did, empty if it did not."""

    def stop(self) -> int:
        """Stop it gracefully, kill it if that takes over 20 s, and return its exit code."""

    def kill(self) -> int:
        """End it as a crash would, and return its exit code."""

    def log_tail(self, size: int = LOG_TAIL_BYTES) -> str:
        """Return the end of what it has logged, so many bytes of each file at most."""


def tail_of(path: Path, size: int = LOG_TAIL_BYTES) -> str:
    """Return the last bytes of a text file; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
