"""A suite that is ended ends what it has started."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE_S = 30.0


def children(pid: int) -> set[int]:
    found: set[int] = set()
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended
            for child in listing.read_text().split():
                found |= {int(child)} | children(int(child))
    return found


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are listed in /proc")
def test_sigterm_leaves_nothing_behind():
    command = [sys.executable, "-m", "suites.chaos", "--seconds", "60", "--case", "CHAOS-CRASH-1"]
    suite = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + PATIENCE_S
        started: set[int] = set()
        while not started:
            assert time.monotonic() < give_up, started
            assert suite.poll() is None
            started = children(suite.pid)
        suite.send_signal(signal.SIGTERM)
        assert suite.wait(PATIENCE_S) != 0
        while left := {pid for pid in started if is_running(pid)}:
            assert time.monotonic() < give_up + PATIENCE_S, left
    finally:
        suite.kill()
