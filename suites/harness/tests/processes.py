"""What runs below a process, as /proc tells it."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

PATIENCE_S = 30.0

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(),
    reason="processes are listed in /proc",
)


def children(pid: int) -> set[int]:
    """Return the processes that a process has started, and those that they have."""
    found: set[int] = set()
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended
            for child in map(int, listing.read_text().split()):
                found |= {child} | children(child)
    return found


def is_running(pid: int) -> bool:
    """Return whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def command_line(pid: int) -> str:
    """Return a process's command line; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_for_children(process: subprocess.Popen[bytes], words: Iterable[str]) -> set[int]:
    """Wait until a process has children whose command lines hold each of the words."""
    give_up = time.monotonic() + PATIENCE_S
    missing = list(words)
    while missing:
        assert time.monotonic() < give_up, f"nothing was started that is called {missing}"
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"it ended before, with exit code {process.wait(0.02)}")
        lines = list(map(command_line, children(process.pid)))
        missing = [word for word in missing if not any(word in line for line in lines)]
    return children(process.pid)


def wait_until_gone(pids: Iterable[int]) -> None:
    """Wait until processes have ended."""
    give_up = time.monotonic() + PATIENCE_S
    while left := [command_line(pid) for pid in pids if is_running(pid)]:
        assert time.monotonic() < give_up, f"left behind: {left}"
