"""One run of the cases against one target: pytest, here or in a process of its own.

Several targets, and several runs, have a process each: a seeded defect, a patched module or a
thread that one of them leaves behind must not be there for the next.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import pytest

from suites.harness.bound import bound
from suites.harness.report import Case, SuiteResult, Verdict
from suites.harness.target import TargetError, TargetSpec
from suites.integration import cases
from suites.integration.case import CaseInfo, registered_cases
from suites.integration.verdict import SUITE, replay_command

_PACKAGE_FOLDER: Final = Path(__file__).parent
_CASE_SECONDS_MAX: Final = 60
#: What a run may take to end in order.
_END_SECONDS_MAX: Final = 30
_OUTPUT_TAIL_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run, beside the target.

    Attributes:
        case_ids: only these; empty for all.
        seconds: begin no case later than this; None for no limit.
        workers: processes to run cases in, as xdist takes them.
        with_talks: whether verdicts carry what went over the wire.
    """

    case_ids: tuple[str, ...] = ()
    seconds: float | None = None
    workers: str = "0"
    with_talks: bool = False

    @property
    def arguments(self) -> list[str]:
        """The options that the suite's command and pytest have in common."""
        words = [f"--case={case_id}" for case_id in self.case_ids]
        return words + ([f"--seconds={self.seconds}"] if self.seconds is not None else [])


def import_cases() -> None:
    """Import every module of cases, so that all of them are known."""
    for name in _module_names():
        importlib.import_module(name)


def _module_names() -> Iterator[str]:
    for module in pkgutil.iter_modules(cases.__path__):
        yield f"{cases.__name__}.{module.name}"


def due_cases(wanted: Sequence[str]) -> list[CaseInfo]:
    """Return the cases to run.

    Args:
        wanted: ids (`BMQ-PUT-7`, or `PUT-7`) and areas (`BMQ-PUT`, or `PUT`); all if there are none.

    Raises:
        TargetError: one of those wanted does not exist.
    """
    import_cases()
    known = registered_cases()
    names = {f"BMQ-{name.upper().removeprefix('BMQ-')}": name for name in wanted}
    there = {f"BMQ-{info.sort_key[0]}" for info in known.values()}
    unknown = [name for full, name in names.items() if full not in known and full not in there]
    if unknown:
        areas = ", ".join(sorted(there))
        raise TargetError(
            f"there is no case {', '.join(unknown)}, nor such an area; areas: {areas}"
        )
    return [
        info
        for info in known.values()
        if not names or info.id in names or f"BMQ-{info.sort_key[0]}" in names
    ]


def run_here(spec: TargetSpec, options: RunOptions) -> tuple[SuiteResult | None, bool]:
    """Run pytest in this process.

    Returns:
        What it found, None if it did not get that far, and whether it was interrupted.
    """
    for name in _module_names():
        sys.modules.pop(name, None)  # pytest explains assertions only of what it imports itself
    with tempfile.TemporaryDirectory(prefix="gauntlet-integration-") as folder:
        result = Path(folder) / "result.json"
        command = [
            # Whatever configuration is found around the current folder is not ours.
            f"--config-file={os.devnull}",
            f"--rootdir={_PACKAGE_FOLDER}",
            "--import-mode=importlib",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:logging",  # a broker in this process writes its own log
            # No assertion is in what we have imported already.
            "-Wignore::pytest.PytestAssertRewriteWarning",
            "--quiet",
            "--no-header",
            "--no-summary",
            "--tb=short",
            f"--timeout={_CASE_SECONDS_MAX}",
            f"--numprocesses={options.workers}",
            f"--target={spec.text}",
            f"--gauntlet-result={result}",
            str(_PACKAGE_FOLDER),
        ]
        command += [f"--break={spec.defect}"] if spec.defect else []
        command += ["--gauntlet-talks"] if options.with_talks else []
        is_interrupted = pytest.main([*command, *options.arguments]) == pytest.ExitCode.INTERRUPTED
        return _read(result), is_interrupted


def run_apart(spec: TargetSpec, options: RunOptions, due: Sequence[CaseInfo]) -> SuiteResult:
    """Run the suite's command in a process of its own.

    Args:
        spec: of the target.
        options: what to run.
        due: the cases that must come out of it.

    Returns:
        What it found; if that is not all, with the process's last words as a note.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gauntlet-integration-") as folder:
        result, log = Path(folder) / "result.json", Path(folder) / "log"
        command = [sys.executable, "-m", __package__, f"--target={spec.text}"]
        command += [f"--break={spec.defect}"] if spec.defect else []
        command += [*options.arguments, f"--workers={options.workers}"]
        command += [f"--result={result}", "--quiet"]
        command += ["--talks"] if options.with_talks else []
        with log.open("wb") as output:
            code = _run_process(command, output.fileno())
        found = _read(result) or SuiteResult(SUITE, (), time.monotonic() - started)
        tail = log.read_text(errors="replace")[-_OUTPUT_TAIL_CHARS:]
    missing = len(due) - len(found.cases)
    if not missing:
        return found
    note = f"the run ended with exit code {code}, and {missing} cases are missing: {tail}".strip()
    return replace(found, notes=(*found.notes, note))


def _run_process(command: Sequence[str], output: int) -> int:
    """Run a command to its end, which ends with us, and return its exit code."""
    process = subprocess.Popen(
        bound(list(command), signal.SIGTERM),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    try:
        return process.wait()
    except BaseException:
        process.terminate()  # it ends what it has started, in order
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS_MAX)
        process.kill()
        process.wait()
        raise


def _read(path: Path) -> SuiteResult | None:
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=SuiteResult)


def complete(result: SuiteResult | None, due: Sequence[CaseInfo], spec: TargetSpec) -> SuiteResult:
    """Add what was due and is not there, and put the cases into their order."""
    found = {case.id: case for case in result.cases} if result is not None else {}
    in_order = tuple(found.get(info.id) or _not_run(info, spec) for info in due)
    if result is None:
        return SuiteResult(name=SUITE, cases=in_order, duration_s=0.0)
    return replace(result, cases=in_order)


def _not_run(info: CaseInfo, spec: TargetSpec) -> Case:
    return Case(
        id=info.id,
        suite=SUITE,
        title=info.title,
        verdict=Verdict.NOT_RUN,
        duration_s=0.0,
        statement=info.statement,
        proves=info.proves,
        expectation=info.expectation,
        reason="the run ended before it",
        replay=replay_command(spec, info.id),
    )
