"""A target's program with a command line and an environment of the case's own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from suites.harness.bound import bound
from suites.harness.target import READY_SECONDS_MAX, STOP_SECONDS_MAX, TargetSpec
from suites.harness.target.process import reference_command

_LOOK_S: Final = 0.01


class BrokerProcess:
    """A broker's process, with what it prints; `launched` makes it.

    Args:
        process: that was started.
        output: the file with its standard output.
        errors: the file with its standard error.
    """

    def __init__(self, process: subprocess.Popen[bytes], output: Path, errors: Path) -> None:
        self._process = process
        self._output = output
        self._errors = errors

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def output(self) -> str:
        """What it has printed on standard output so far."""
        return self._output.read_text(errors="replace")

    @property
    def errors(self) -> str:
        """What it has printed on standard error so far."""
        return self._errors.read_text(errors="replace")

    def wait_printed(self, text: str) -> None:
        """Wait until standard output has a text.

        Raises:
            AssertionError: the process ends before, or the text does not come in time.
        """
        give_up = time.monotonic() + READY_SECONDS_MAX
        while text not in self.output:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(_LOOK_S)
                assert text in self.output, f"it ended with {code} before {text!r}: {self.errors}"
            assert time.monotonic() < give_up, f"it did not print {text!r} in time"

    def wait(self) -> int:
        """Wait until it has ended, and return its exit code.

        Raises:
            AssertionError: it does not end in time.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(STOP_SECONDS_MAX)
        raise AssertionError(f"it has not ended within {STOP_SECONDS_MAX} s")


@contextlib.contextmanager
def launched(
    spec: TargetSpec, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[BrokerProcess]:
    """Start a target's program; what is left of it in the end is killed.

    Args:
        spec: of a target that is a process of its own.
        folder: where it works.
        arguments: the whole command line.
        environment: variables to set besides those that are.
    """
    command, variables = reference_command(spec.defect)
    if spec.path is not None:
        command, variables = [str(spec.path)], {}
    with contextlib.ExitStack() as stack:
        prints = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gauntlet-prints-")))
        output, errors = prints / "output", prints / "errors"
        process = subprocess.Popen(
            bound([*command, *arguments]),
            cwd=folder,
            env={**os.environ, **variables, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stack.enter_context(output.open("wb")),
            stderr=stack.enter_context(errors.open("wb")),
        )
        try:
            yield BrokerProcess(process, output, errors)
        finally:
            process.kill()
            process.wait(STOP_SECONDS_MAX)
