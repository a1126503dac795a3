"""`python -m suites.integration`: put the cases to one target or several.

Exit codes: 0 nothing failed, 1 something failed or wavered, 2 something could not run.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from reference_broker.base import OperatorError
from suites.harness.ending import EXIT_INTERRUPTED, in_order
from suites.harness.report import (
    Column,
    Matrix,
    SuiteResult,
    matrix_to_json,
    merge_runs,
    print_matrix,
    print_report,
    write_matrix,
)
from suites.harness.target import TargetError, TargetSpec
from suites.integration.areas import AREA_TEXTS
from suites.integration.case import CaseInfo
from suites.integration.runner import (
    RunOptions,
    complete,
    due_cases,
    run_apart,
    run_here,
)
from suites.integration.verdict import SUITE

_EXIT_COULD_NOT_RUN: Final = 2
_TITLE: Final = "Integration suite"
_RUNS_MAX: Final = 1_000
_NO_WORKERS: Final = "0"
_EPILOG: Final = """\
targets: reference, in-process, bmqbrkr:/PATH/TO/bmqbrkr.tsk, docker:IMAGE, external:HOST:PORT
exit codes: 0 nothing failed, 1 something failed or wavered, 2 something could not run
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases that the command line asks for, and return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    try:
        specs = _specs(options)
        if options.quiet:
            return _run_for_another(options, specs[0])
        _tell_of_workers(options, specs)
        due = due_cases(options.case)
        options.case = [info.id for info in due] if options.case else []
        if len(specs) == 1 and options.repeat == 1 and not options.json:
            return _run_one(options, specs[0], due, words)
        return _run_many(options, specs, due, words)
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_COULD_NOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gauntlet integration",
        description="Put numbered cases to a broker, or to several and compare.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--target", action="append", help="what to test; again for a matrix (default: reference)"
    )
    parser.add_argument("--break", dest="defect", default="", help="a seeded defect")
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        metavar="ID|AREA",
        help="run only this case (BMQ-PUT-7), or this area (BMQ-PUT); may be repeated",
    )
    parser.add_argument("--seconds", type=float, help="begin no case later than this")
    parser.add_argument("--seed", type=int, help="accepted from the gate; nothing here is random")
    parser.add_argument("--repeat", type=_runs, default=1, metavar="N", help="run all N times")
    parser.add_argument("--out", type=Path, help="write the report's pages below this folder")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--result", type=Path, help="write one target's verdicts there, as JSON")
    parser.add_argument("-n", "--workers", default=_NO_WORKERS, help="processes to run cases in")
    # Between the command that runs many and those that it starts.
    parser.add_argument("--talks", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--quiet", action="store_true", help=argparse.SUPPRESS)
    return parser


def _runs(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= _RUNS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {_RUNS_MAX}")
    return count


def _specs(options: argparse.Namespace) -> list[TargetSpec]:
    """Return the targets asked for.

    Raises:
        TargetError: one makes no sense, or is named twice; or they do not go with `--result`.
    """
    texts = options.target or ["reference"]
    for text in texts:
        if texts.count(text) > 1:
            raise TargetError(f"target {text} is named {texts.count(text)} times; name it once")
    if options.result is not None and len(texts) > 1:
        raise TargetError("--result holds the verdicts of one target; for several use --out")
    return [TargetSpec.parse(text, options.defect) for text in texts]


def _run_options(options: argparse.Namespace, spec: TargetSpec) -> RunOptions:
    return RunOptions(
        case_ids=tuple(options.case),
        seconds=options.seconds,
        # On one broker, a case that fills a domain would disturb those beside it.
        workers=options.workers if spec.address is None else _NO_WORKERS,
        with_talks=options.talks or options.out is not None or options.json,
    )


def _tell_of_workers(options: argparse.Namespace, specs: Sequence[TargetSpec]) -> None:
    shared = [spec.text for spec in specs if spec.address is not None]
    if shared and options.workers != _NO_WORKERS:
        text = "cases run one after the other, since they share one broker and its domains"
        sys.stderr.write(f"{', '.join(shared)}: {text}\n")


def _run_for_another(options: argparse.Namespace, spec: TargetSpec) -> int:
    """Run the cases for a command that shows the verdicts itself: see `run_apart`."""
    found, is_interrupted = run_here(spec, _run_options(options, spec))
    if found is None or is_interrupted:
        return EXIT_INTERRUPTED
    _write_result(options, found)
    return 0


def _run_one(
    options: argparse.Namespace, spec: TargetSpec, due: Sequence[CaseInfo], words: Sequence[str]
) -> int:
    """Run the cases once, in this process."""
    started = datetime.now(UTC)
    found, is_interrupted = run_here(spec, _run_options(options, spec))
    result = complete(found, due, spec)
    _write_result(options, result)
    matrix = _matrix([Column(_name(spec), result)], words, started)
    console = Console()
    print_report(matrix.reports[0], console)
    _write_pages(options, matrix, console)
    return EXIT_INTERRUPTED if is_interrupted else matrix.exit_code


def _run_many(
    options: argparse.Namespace,
    specs: Sequence[TargetSpec],
    due: Sequence[CaseInfo],
    words: Sequence[str],
) -> int:
    """Run the cases on every target as often as asked for, one run after the other."""
    console = Console(stderr=options.json)
    started = datetime.now(UTC)
    columns = [_run_target(options, spec, due, console) for spec in specs]
    matrix = _matrix(columns, words, started)
    _write_result(options, columns[0].result)
    print_matrix(matrix, console)
    _write_pages(options, matrix, console)
    if options.json:
        sys.stdout.write(matrix_to_json(matrix).decode())
    return matrix.exit_code


def _run_target(
    options: argparse.Namespace, spec: TargetSpec, due: Sequence[CaseInfo], console: Console
) -> Column:
    runs: list[SuiteResult] = []
    for number in range(1, options.repeat + 1):
        name = f"{_name(spec)}, run {number} of {options.repeat}"
        name = name if options.repeat > 1 else _name(spec)
        with console.status(f"{name} …"):
            runs.append(complete(run_apart(spec, _run_options(options, spec), due), due, spec))
        counts = [
            f"{count} {found.label.lower()}" for found, count in runs[-1].totals.items() if count
        ]
        text = f"{name}: {', '.join(counts)} in {runs[-1].duration_s:.1f} s"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    return merge_runs(_name(spec), runs)


def _name(spec: TargetSpec) -> str:
    return f"{spec.text} with {spec.defect}" if spec.defect else spec.text


def _matrix(columns: Sequence[Column], words: Sequence[str], started: datetime) -> Matrix:
    return Matrix(
        title=_TITLE,
        started_utc=started.isoformat(timespec="seconds"),
        command=f"gauntlet {SUITE} {shlex.join(words)}".strip(),
        environment=_environment(),
        columns=tuple(columns),
        area_texts=dict(AREA_TEXTS),
    )


def _environment() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    found["processors"] = str(os.cpu_count())
    try:
        found["bmq-gauntlet"] = version("bmq-gauntlet")
    except PackageNotFoundError:
        found["bmq-gauntlet"] = "not installed"
    return found


def _write_result(options: argparse.Namespace, result: SuiteResult) -> None:
    if options.result is not None:
        options.result.write_bytes(msgspec.json.encode(result))


def _write_pages(options: argparse.Namespace, matrix: Matrix, console: Console) -> None:
    if options.out is None:
        if matrix.exit_code:
            text = "--out FOLDER writes a page for each case, with what went over the wire"
            console.print(text, markup=False, soft_wrap=True)
        return
    folder = options.out / SUITE
    write_matrix(matrix, folder)
    console.print(f"report: {folder / 'index.html'}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(in_order(main))
