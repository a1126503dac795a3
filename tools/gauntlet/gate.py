"""The gate: four suites, one after the other, one verdict.

Each suite runs in a process of its own, because Locust patches sockets and atheris instruments
imports; it leaves its result in a file. A suite that leaves none, or takes too long, is an error
of the gate and not a pass.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from suites.harness.bound import bound
from suites.harness.report import SUITE_NAMES, Case, Report, SuiteResult, Verdict
from suites.harness.target import TargetSpec

#: Beyond the time asked for, a suite may take this long before it is ended, in seconds.
SUITE_SECONDS_MAX: Final = 240
#: What a suite may take to end in order.
_END_SECONDS_MAX: Final = 30
_OUTPUT_TAIL_CHARS: Final = 16 * 1024
_PACKAGES: Final = ("bmq-gauntlet", "blazingmq", "locust", "atheris", "hypothesis", "pytest")


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What to run.

    Attributes:
        target: against which broker.
        seed: of everything random.
        seconds: of load, and of fuzzing.
    """

    target: TargetSpec
    seed: int = 1
    seconds: int = 10

    @property
    def command(self) -> str:
        """The command line that runs this gate again."""
        return f"gauntlet gate {self.target.arguments} --seed {self.seed} --seconds {self.seconds}"


def run_gate(options: GateOptions, console: Console) -> Report:
    """Run the suites and return the report.

    Args:
        options: what to run.
        console: where progress is shown.
    """
    started = datetime.now(UTC)
    suites: list[SuiteResult] = []
    with tempfile.TemporaryDirectory(prefix="gauntlet-gate-") as folder:
        for name in SUITE_NAMES:
            with console.status(f"{name} …"):
                suites.append(_run_suite(name, options, Path(folder) / f"{name}.json"))
            result = suites[-1]
            text = f"{name}: {result.verdict.label} in {result.duration_s:.1f} s"
            console.print(text, markup=False, highlight=False)
    return Report(
        title="Gauntlet gate",
        target=options.target.arguments.removeprefix("--target "),
        started_utc=started.isoformat(timespec="seconds"),
        command=options.command,
        environment=_environment(),
        suites=tuple(suites),
    )


def suite_command(name: str, options: GateOptions, result: Path) -> list[str]:
    """Return the command that runs one suite."""
    command = [sys.executable, "-m", f"suites.{name}", *shlex.split(options.target.arguments)]
    command += ["--seed", str(options.seed), "--result", str(result)]
    if name in {"stress", "fuzz"}:
        command += ["--seconds", str(options.seconds)]
    return command


def _run_suite(name: str, options: GateOptions, result: Path) -> SuiteResult:
    started = time.monotonic()
    limit = options.seconds + SUITE_SECONDS_MAX
    log = result.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            bound(suite_command(name, options, result), signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
            problem = f"ended with exit code {code} and left no result"
        except subprocess.TimeoutExpired:
            _end_group(process)
            problem = f"took more than {limit} s and was ended"
        except BaseException:
            _end_group(process)
            raise
    duration = time.monotonic() - started
    try:
        return msgspec.json.decode(result.read_bytes(), type=SuiteResult)
    except (OSError, msgspec.MsgspecError, AssertionError) as error:
        return _broken_suite(name, f"{problem} ({error})", log, duration)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a suite with the processes that it started: they share the session made for it."""
    try:
        process.terminate()  # it ends what it has started, in order
        process.wait(_END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _broken_suite(name: str, problem: str, log: Path, duration: float) -> SuiteResult:
    tail = log.read_text(errors="replace")[-_OUTPUT_TAIL_CHARS:]
    case = Case(
        id=f"{name.upper()}-RUN",
        suite=name,
        title=f"the {name} suite runs",
        verdict=Verdict.ERROR,
        duration_s=duration,
        reason=f"the suite {problem}",
        details=tail,
    )
    return SuiteResult(name=name, cases=(case,), duration_s=duration)


def _environment() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    found["processors"] = str(os.cpu_count())
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found
