"""What a process has used, as the kernel counts it; for Linux."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

from suites.harness.target import Target

_TICKS: Final = os.sysconf("SC_CLK_TCK")
#: Files that a bench may have open at once: its connections, and what it has open anyway.
_FILES_MIN: Final = 20_000


def pid_of(target: Target) -> int:
    """Return the process id of a target that was started here."""
    assert target.pid is not None, "the bench starts its own broker"
    return target.pid


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process, all its threads, ended ones too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def main_thread_seconds(pid: int) -> float:
    """Return how long the main thread of a process has run on a CPU, finer than `cpu_seconds`."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def own_cpu_seconds() -> float:
    """Return user and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory_bytes(pid: int) -> int:
    """Return how much memory a process has resident now."""
    return _status_bytes(pid, "VmRSS:")


def peak_memory_mb(pid: int) -> float:
    """Return the most that a process ever had resident, in MiB."""
    return _status_bytes(pid, "VmHWM:") / 1024**2


def _status_bytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def allow_many_files() -> None:
    """Raise the soft limit of open files of this process and of those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_MIN if hard == resource.RLIM_INFINITY else min(_FILES_MIN, hard)
    if soft not in (wanted, resource.RLIM_INFINITY) and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
