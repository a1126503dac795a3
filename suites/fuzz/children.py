"""The child processes of a run: waited for by several threads, ended by one."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from reference_broker.base import OperatorError
from suites.harness.bound import bound


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code; None if its time was over.
        cpu_s: seconds of CPU that it used, with its own children; 0 where nobody can tell.
    """

    code: int | None
    cpu_s: float


class Children:
    """Processes that can be ended together, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_over = False

    def run(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: IO[bytes],
        seconds: float,
    ) -> int | None:
        """Run a command.

        Args:
            command: the program, by its path, and its arguments.
            environment: its whole environment.
            output: a file for all that it prints.
            seconds: after so many it is killed.

        Returns:
            Its exit code; None if its time was over.

        Raises:
            OperatorError: it cannot be started, or `end` was called.
        """
        return self.measure(command, environment=environment, output=output, seconds=seconds).code

    def measure(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: IO[bytes],
        seconds: float,
    ) -> Ended:
        """Run a command as `run` does; returns also what it cost.

        Raises:
            OperatorError: it cannot be started, or `end` was called.
        """
        process = self._start(command, environment, output)
        try:
            is_over = not _ends_within(process, seconds)
            if is_over:
                process.kill()
            cpu_s = _reap(process)
            return Ended(None if is_over else process.returncode, cpu_s)
        finally:
            process.kill()
            process.wait()
            with self._lock:
                self._running.discard(process)

    def _start(
        self, command: Sequence[str], environment: Mapping[str, str], output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_over:
                raise OperatorError("the run was ended")
            try:
                process = subprocess.Popen(
                    bound(command, is_awaited_here=True),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    process_group=0,  # Ctrl-C is for us, who end them in order
                )
            except OSError as error:
                raise OperatorError(f"the fuzzing process cannot be started: {error}") from error
            self._running.add(process)
            return process

    def stop(self) -> None:
        """Kill what runs; more may be started."""
        with self._lock:
            for process in self._running:
                process.kill()

    def end(self) -> None:
        """Kill what runs, and start nothing more."""
        with self._lock:
            self._is_over = True
            for process in self._running:
                process.kill()


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of a process, and leave it to `_reap` where there is a way to do that."""
    if hasattr(os, "pidfd_open"):
        handle = os.pidfd_open(process.pid)
        try:
            return bool(select.select([handle], [], [], seconds)[0])
        finally:
            os.close(handle)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _reap(process: subprocess.Popen[bytes]) -> float:
    """Take the exit code of a process that has ended; returns the seconds of CPU that it used."""
    cpu_s = 0.0
    if process.returncode is None:
        # Whoever killed it may have reaped it, and then nobody knows.
        with contextlib.suppress(ChildProcessError):
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu_s = usage.ru_utime + usage.ru_stime
    process.wait()
    return cpu_s
