"""The child processes of a run: waited for by several threads, ended by one."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from reference_broker.base import OperatorError
from suites.harness.bound import bound


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
        process = self._start(command, environment, output)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
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
                )
            except OSError as error:
                raise OperatorError(f"the fuzzing process cannot be started: {error}") from error
            self._running.add(process)
            return process

    def end(self) -> None:
        """Kill what runs, and start nothing more."""
        with self._lock:
            self._is_over = True
            for process in self._running:
                process.kill()
