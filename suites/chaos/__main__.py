"""`python -m suites.chaos`: break links and brokers under load, and see what becomes of messages.

Exit codes: 0 pass, 1 fail, 2 could not run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.text import Text

from reference_broker.base import OperatorError
from suites.chaos.cases import CASES, ChaosCase
from suites.chaos.runner import Options, run_suite
from suites.harness.ending import in_order
from suites.harness.report import Case, SuiteResult, Verdict
from suites.harness.target import TargetSpec

SECONDS_MIN: Final = 1.0
SECONDS_MAX: Final = 120.0
_COULD_NOT_RUN: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite and return the exit code."""
    given = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        cases = _selected(given.case)
        options = Options(
            target=TargetSpec.parse(given.target, given.defect),
            seed=given.seed,
            seconds=given.seconds,
            toxiproxy=given.toxiproxy,
            histories=given.histories,
        )
        result = run_suite(options, cases, lambda case: _show(case, console))
        if given.result is not None:
            given.result.write_bytes(msgspec.json.encode(result))
    except (OperatorError, OSError) as error:
        Console(stderr=True).print(f"could not run: {error}", style="bold red", markup=False)
        return _COULD_NOT_RUN
    return _exit_code(result, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gauntlet chaos", description=__doc__)
    parser.add_argument(
        "--target", default="reference", help="'reference', or external:HOST:PORT on this machine"
    )
    parser.add_argument(
        "--break",
        dest="defect",
        default="",
        metavar="DEFECT",
        help="a seeded defect (docs/defects.md lists them)",
    )
    parser.add_argument("--seed", type=_seed, default=1, help="of everything random (1)")
    parser.add_argument(
        "--seconds", type=_seconds, default=4.0, help="of load in each case (4), from 1 to 120"
    )
    parser.add_argument(
        "--case", action="append", default=[], metavar="ID", help="only this one; may be repeated"
    )
    parser.add_argument(
        "--toxiproxy",
        choices=["auto", "real", "own"],
        default="auto",
        help="which server the links run through: the real one where it is found (auto)",
    )
    parser.add_argument(
        "--histories", type=Path, metavar="FOLDER", help="keep a history of each case in there"
    )
    parser.add_argument("--result", type=Path, metavar="FILE", help="write the result, as JSON")
    return parser


def _seed(text: str) -> int:
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError(f"{seed} is below 0")
    return seed


def _seconds(text: str) -> float:
    seconds = float(text)
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        limits = f"from {SECONDS_MIN:g} to {SECONDS_MAX:g}"
        raise argparse.ArgumentTypeError(f"{text} is not {limits}")
    return seconds


def _selected(names: Sequence[str]) -> list[ChaosCase]:
    known = {case.id: case for case in CASES}
    for name in names:
        if name not in known:
            raise OperatorError(f"no case is called {name!r}; known: {', '.join(known)}")
    return [case for case in CASES if not names or case.id in names]


def _show(case: Case, console: Console) -> None:
    text = f"{case.verdict.label:<14} {case.id}  {case.title}  ({case.duration_s:.1f} s)"
    console.print(Text(text))
    facts = [f"{name} {value}" for name, value in case.properties.items() if value]
    if facts:
        console.print(Text(f"    {', '.join(facts)}"))
    if not case.verdict.is_passed:
        console.print(Text(f"    reason  {case.reason}"))
    if case.verdict.is_bad and case.replay:
        console.print(Text(f"    replay  {case.replay}"))


def _exit_code(result: SuiteResult, console: Console) -> int:
    notes = "; ".join(result.notes)
    console.print(Text(f"{result.verdict.label} in {result.duration_s:.1f} s; {notes}"))
    if result.verdict is Verdict.FAIL:
        return 1
    return _COULD_NOT_RUN if result.verdict.is_bad else 0


if __name__ == "__main__":
    sys.exit(in_order(main))
