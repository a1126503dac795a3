"""Brokers that are processes: ours, and any executable that is a drop-in for `bmqbrkr.tsk`."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from suites.harness.bound import bound
from suites.harness.target.runner import LOG_TAIL_BYTES, PRINTED_BELOW, STOP_SECONDS_MAX, tail_of
from suites.harness.target.spec import TargetError

_ROOT: Final = Path(__file__).resolve().parents[3]
#: Where a broker would put its control pipe and its process id; ours must be in its own folder.
_PREFIX_VARIABLE: Final = "BMQ_PREFIX"


class ProcessRunner:
    """Runs a command in a folder, with its output in a file there.

    Args:
        command: the program, by its path, and its arguments.
        folder: the working folder; `etc` is in it.
        environment: variables to set besides those that are.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = command
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._environment.pop(_PREFIX_VARIABLE, None)
        self._log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process that was started."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process, in the suite's group, so that nothing survives the end of that.

        Raises:
            TargetError: the program cannot be run.
        """
        assert self._process is None, "it runs already"
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    bound(self._command),
                    cwd=self._folder,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        except OSError as error:
            raise TargetError(f"{self._command[0]} cannot be run: {error.strerror}") from error

    def wait_ended(self, timeout_s: float) -> str:
        """See `Runner`."""
        if self._process is None:
            return "the broker was ended"
        with contextlib.suppress(subprocess.TimeoutExpired):
            return f"the broker ended with exit code {self._process.wait(timeout_s)}"
        return ""

    def stop(self) -> int:
        """Stop it by SIGINT, as tools stop BlazingMQ's broker."""
        return self._end(signal.SIGINT)

    def kill(self) -> int:
        """Kill it."""
        return self._end(signal.SIGKILL)

    def log_tail(self, size: int = LOG_TAIL_BYTES) -> str:
        """Return the end of what it has printed."""
        return tail_of(self._log, size)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        told = self.pid
        pids = {told, self._process.pid}
        process, self._process = self._process, None
        try:
            _send([told], number)  # a script that has started it goes when it goes
            if number is signal.SIGKILL:
                _send(pids, number)
            return process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            _send(pids, signal.SIGKILL)
            return process.wait(STOP_SECONDS_MAX)
        finally:
            _send(pids if process.poll() is None else pids - {process.pid}, signal.SIGKILL)
            process.wait(STOP_SECONDS_MAX)


class ExecutableRunner(ProcessRunner):
    """Runs a drop-in broker as start scripts do: `bmqbrkr.tsk etc` in its folder.

    Args:
        path: of the executable.
        folder: the working folder; `etc` is in it.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        super().__init__([str(path), "etc"], folder)
        self._pid_file = folder / "bmqbrkr.pid"

    def start(self) -> None:
        """See `Runner`; a file with the process id that is found later is of this start."""
        self._pid_file.unlink(missing_ok=True)
        super().start()

    @property
    def pid(self) -> int | None:
        """The process that the broker says it is; it may have been started by a script."""
        started = super().pid
        if started is None:
            return None
        with contextlib.suppress(OSError, ValueError):
            told = int(self._pid_file.read_text())
            if os.getpgid(told) == os.getpgid(started):
                return told
        return started

    def log_tail(self, size: int = LOG_TAIL_BYTES) -> str:
        """Return the end of its newest log file, if it has one, and of what it has printed."""
        files = sorted(
            (path for path in (self._folder / "logs").glob("logs.*") if path.is_file()),
            key=lambda path: path.stat().st_mtime_ns,
        )
        printed = super().log_tail(size)
        if not files or not (logged := tail_of(files[-1], size)):
            return printed
        return f"{logged}{PRINTED_BELOW}{printed}" if printed else logged


def reference_runner(folder: Path, defect: str) -> ProcessRunner:
    """Return what runs our broker, with a seeded defect if one is named."""
    command, environment = reference_command(defect)
    return ProcessRunner([*command, "etc"], folder, environment)


def reference_command(defect: str) -> tuple[list[str], dict[str, str]]:
    """Return the beginning of our broker's command line, and the variables that it needs."""
    module = ["suites.harness.broken_broker", defect] if defect else ["reference_broker"]
    places = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])
    return [sys.executable, "-m", *module], {"PYTHONPATH": places}


def _send(pids: Iterable[int | None], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, number)
