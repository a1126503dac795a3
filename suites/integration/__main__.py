"""`python -m suites.integration`: run the cases against a target.

Exit codes: 0 nothing failed, 1 something failed, 2 something could not run.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import pytest
from rich.console import Console

from suites.harness.ending import EXIT_INTERRUPTED, in_order
from suites.harness.report import Case, Report, SuiteResult, Verdict, print_report
from suites.harness.target import TargetError, TargetSpec
from suites.integration import cases
from suites.integration.case import CaseInfo, registered_cases
from suites.integration.verdict import SUITE, replay_command

_PACKAGE_FOLDER: Final = Path(__file__).parent
_CASE_SECONDS_MAX: Final = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases that the command line asks for, and return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    try:
        spec = TargetSpec.parse(options.target, options.defect)
        due = _due(options.case)
    except TargetError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    found, is_interrupted = _run(options, spec)
    result = _complete(found, due, spec)
    if options.result is not None:
        options.result.write_bytes(msgspec.json.encode(result))
    code = _show(result, spec, f"gauntlet {SUITE} {shlex.join(words)}")
    return EXIT_INTERRUPTED if is_interrupted else code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m suites.integration", description=__doc__)
    parser.add_argument("--target", default="reference", help="'reference' or external:HOST:PORT")
    parser.add_argument("--break", dest="defect", default="", help="a seeded defect")
    parser.add_argument("--case", action="append", default=[], help="run only this case")
    parser.add_argument("--seconds", type=float, help="begin no case later than this")
    parser.add_argument("--seed", type=int, help="accepted from the gate; nothing here is random")
    parser.add_argument("--result", type=Path, help="write the verdicts there, as JSON")
    parser.add_argument("-n", "--workers", default="0", help="processes to run cases in")
    return parser


def import_cases() -> None:
    """Import every module of cases, so that all of them are known."""
    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module(f"{cases.__name__}.{module.name}")


def _due(wanted: Sequence[str]) -> list[CaseInfo]:
    """Return the cases to run.

    Raises:
        TargetError: one of those asked for does not exist.
    """
    import_cases()
    known = registered_cases()
    unknown = [case_id for case_id in wanted if case_id not in known]
    if unknown:
        raise TargetError(f"there is no case {', '.join(unknown)}; known areas: {_areas()}")
    return [info for info in known.values() if not wanted or info.id in wanted]


def _areas() -> str:
    return ", ".join(sorted({info.sort_key[0] for info in registered_cases().values()}))


def _run(options: argparse.Namespace, spec: TargetSpec) -> tuple[SuiteResult | None, bool]:
    """Run pytest.

    Returns:
        What it found, None if it did not get that far, and whether it was interrupted.
    """
    with tempfile.TemporaryDirectory(prefix="gauntlet-integration-") as folder:
        result = Path(folder) / "result.json"
        command = [
            # Whatever configuration is found around the current folder is not ours.
            f"--config-file={os.devnull}",
            f"--rootdir={_PACKAGE_FOLDER}",
            "--import-mode=importlib",
            "-p",
            "no:cacheprovider",
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
        command += [f"--case={case_id}" for case_id in options.case]
        command += [f"--seconds={options.seconds}"] if options.seconds is not None else []
        is_interrupted = pytest.main(command) == pytest.ExitCode.INTERRUPTED
        if not result.exists():
            return None, is_interrupted
        return msgspec.json.decode(result.read_bytes(), type=SuiteResult), is_interrupted


def _complete(result: SuiteResult | None, due: Sequence[CaseInfo], spec: TargetSpec) -> SuiteResult:
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
        expectation=info.expectation,
        reason="the run ended before it",
        replay=replay_command(spec, info.id),
    )


def _show(result: SuiteResult, spec: TargetSpec, command: str) -> int:
    report = Report(
        title="Integration suite",
        target=spec.text,
        started_utc=datetime.now(UTC).isoformat(),
        command=command.strip(),
        environment={},
        suites=(result,),
    )
    print_report(report, Console())
    return report.exit_code


if __name__ == "__main__":
    sys.exit(in_order(main))
