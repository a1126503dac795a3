"""`python -m suites.fuzz`: run the suite, or replay one input; exit code 0 pass, 1 fail, 2 neither."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from reference_broker.base import OperatorError
from suites.fuzz.suite import (
    CORPUS_ID,
    SUITE,
    Options,
    read_input,
    replay_input,
    run_suite,
)
from suites.harness.ending import in_order
from suites.harness.report import Case, SuiteResult, Verdict
from suites.harness.report.text import printable
from suites.harness.target import TargetSpec

SECONDS_DEFAULT: Final = 10
_SEED_BITS: Final = 31
_CRASH_FOLDER: Final = "fuzz-crashes"
_RUN_ID: Final = "FUZZ-RUN"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; returns the exit code."""
    options = _parser().parse_args(arguments)
    seed = secrets.randbits(_SEED_BITS) or 1 if options.seed is None else options.seed
    started = time.monotonic()
    try:
        result = _result(options, seed)
    except OperatorError as error:
        result = _could_not_run(str(error), time.monotonic() - started)
    if options.result:
        options.result.write_bytes(msgspec.json.encode(result))
    _print(result, is_replay=options.input is not None)
    if result.verdict is Verdict.FAIL:
        return 1
    return 2 if result.verdict is Verdict.ERROR else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m suites.fuzz", description=__doc__)
    parser.add_argument("--target", default="reference", metavar="SPEC")
    parser.add_argument("--break", dest="defect", default="", metavar="DEFECT")
    parser.add_argument("--seed", type=int, help="of the fuzzers; by default a random one")
    parser.add_argument("--seconds", type=_seconds, default=SECONDS_DEFAULT, metavar="S")
    parser.add_argument(
        "--case",
        dest="cases",
        action="append",
        default=[],
        metavar="ID",
        help="a case, or the dotted name of a module with test_one_input(data); may be repeated",
    )
    parser.add_argument(
        "--input",
        metavar="FILE|hex:DIGITS",
        help="run one input through the one --case, with a dump",
    )
    parser.add_argument("--unguided", action="store_true", help="fuzz without coverage")
    parser.add_argument(
        "--no-mutator",
        dest="mutator",
        action="store_false",
        help="mutate plain bytes, whatever structure inputs have",
    )
    parser.add_argument(
        "--result", type=Path, metavar="FILE", help="where the result goes, as JSON"
    )
    return parser


def _seconds(text: str) -> int:
    seconds = round(float(text))
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1 second")
    return seconds


def _result(options: argparse.Namespace, seed: int) -> SuiteResult:
    folder = options.result.parent if options.result else Path()
    chosen = Options(
        spec=TargetSpec.parse(options.target, options.defect),
        seed=seed,
        seconds=options.seconds,
        cases=tuple(options.cases),
        crash_folder=folder / _CRASH_FOLDER,
        unguided=options.unguided,
        mutator=options.mutator,
    )
    if options.input is None:
        return run_suite(chosen)
    if len(chosen.cases) != 1 or chosen.cases[0] == CORPUS_ID:
        raise OperatorError(f"--input needs exactly one --case, and not {CORPUS_ID}")
    return replay_input(chosen, chosen.cases[0], read_input(options.input))


def _could_not_run(reason: str, duration_s: float) -> SuiteResult:
    case = Case(
        id=_RUN_ID,
        suite=SUITE,
        title="The suite runs",
        verdict=Verdict.ERROR,
        duration_s=duration_s,
        reason=reason.partition("\n")[0],
        details=reason,
    )
    return SuiteResult(name=SUITE, cases=(case,), duration_s=duration_s)


def _print(result: SuiteResult, *, is_replay: bool) -> None:
    lines: list[str] = []
    for case in result.cases:
        lines.append(f"{case.id}: {case.verdict.label}: {case.reason or case.title}")
        lines += _facts(case)
        if case.details and (is_replay or case.verdict is Verdict.ERROR):
            lines.append(case.details)
        if case.replay and case.verdict.is_bad:
            lines.append(f"  replay: {case.replay}")
    lines += [f"note: {note}" for note in result.notes]
    sys.stdout.write(printable("\n".join(lines)) + "\n")


def _facts(case: Case) -> list[str]:
    facts = ", ".join(f"{name} {value}" for name, value in case.properties.items())
    return [f"  {facts}"] if facts else []


if __name__ == "__main__":
    sys.exit(in_order(main))
