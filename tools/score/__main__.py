"""`python -m tools.score`: which cases of the integration suite does each seeded defect turn red?

Exit codes: 0 every defect was caught, 1 one survived, 2 something could not run.

A run goes on where an earlier one ended: a defect whose areas were measured is passed over, unless
`--again`. What is measured is written after each defect, so that it may be interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from reference_broker.base import OperatorError
from suites.harness.defects import DEFECTS, Defect
from suites.harness.ending import in_order
from suites.harness.report import Case
from suites.integration import kills as kills_module
from suites.integration.case import registered_cases
from suites.integration.kills import Kill, area_of, read_kills, write_kills
from suites.integration.runner import import_cases
from suites.integration.spared import SPARED
from tools.score.measure import measure, merged
from tools.score.page import page

EXIT_SURVIVED: Final = 1
EXIT_COULD_NOT_RUN: Final = 2
_PAGE: Final = Path("docs/defects.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    unknown = [name for name in options.defect if name not in DEFECTS]
    if unknown:
        console.print(f"no defect is called {', '.join(unknown)}", style="bold red")
        return EXIT_COULD_NOT_RUN
    if options.out and not options.out.parent.is_dir():
        text = f"{options.out} cannot be written: run it in a checkout, or name a file by --out"
        console.print(text, style="bold red")
        return EXIT_COULD_NOT_RUN
    import_cases()
    known = read_kills(options.kills)
    plan = _plan(options, known)
    problems = _measure_all(plan, known, options, console)
    kills = {name: known[name] for name in DEFECTS if name in known}
    unkilled = unkilled_cases(kills)
    if options.out:
        options.out.write_text(page(DEFECTS, kills, unkilled, SPARED))
    _show(options.defect or list(DEFECTS), kills, unkilled, console)
    for problem in problems:
        console.print(problem, style="red", markup=False)
    if problems:
        return EXIT_COULD_NOT_RUN
    asked = options.defect or list(DEFECTS)
    return 0 if all(name in kills and kills[name].cases for name in asked) else EXIT_SURVIVED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.score", description=__doc__)
    parser.add_argument("--suite", choices=["integration"], default="integration")
    parser.add_argument("--defect", action="append", default=[], help="only this one")
    parser.add_argument("--area", action="append", default=[], help="run these, not a defect's own")
    parser.add_argument("--all", action="store_true", help="run the whole suite against each")
    parser.add_argument("--again", action="store_true", help="measure what is measured already")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time (2)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="a run begins no case later than this (60)"
    )
    parser.add_argument("--kills", type=Path, default=kills_module.PATH, help="what is measured")
    parser.add_argument("--out", type=Path, default=_PAGE, help="the page for people")
    return parser


def _plan(options: argparse.Namespace, known: Mapping[str, Kill]) -> dict[str, list[str]]:
    """Return the cases to run, by defect."""
    plan: dict[str, list[str]] = {}
    cases = registered_cases()
    for name in options.defect or DEFECTS:
        areas = set(options.area or DEFECTS[name].areas)
        if options.all:
            areas = {area_of(case_id) for case_id in cases}
        if not options.again and name in known:
            areas -= set(known[name].areas)
        chosen = [case_id for case_id in cases if area_of(case_id) in areas]
        if chosen:
            plan[name] = chosen
    return plan


def _measure_all(
    plan: Mapping[str, list[str]],
    known: dict[str, Kill],
    options: argparse.Namespace,
    console: Console,
) -> list[str]:
    """Run what is planned, and write down each outcome; returns what could not run."""
    problems: list[str] = []
    with Progress(console=console) as progress, ThreadPoolExecutor(options.jobs) as pool:
        task = progress.add_task("defects", total=len(plan))
        futures: dict[Future[list[Case]], Defect] = {
            pool.submit(measure, DEFECTS[name], cases, options.seconds): DEFECTS[name]
            for name, cases in plan.items()
        }
        try:
            for future in as_completed(futures):
                line = _note(futures[future], future, known, options.kills)
                progress.print(line)
                progress.advance(task)
                problems += [line] if future.exception() else []
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return problems


def _note(defect: Defect, future: Future[list[Case]], known: dict[str, Kill], path: Path) -> str:
    """Write down what came of one run, and return it in a line."""
    try:
        kill = known[defect.name] = merged(known.get(defect.name), future.result())
    except OperatorError as error:
        return str(error)
    write_kills({name: known[name] for name in DEFECTS if name in known}, path)
    red = len(kill.ids)
    return f"{defect.name}: {red} red" if red else f"{defect.name}: SURVIVED"


def unkilled_cases(kills: Mapping[str, Kill]) -> list[str]:
    """Return the cases that no defect turns red."""
    killed = {case_id for kill in kills.values() for case_id in kill.ids}
    return [case_id for case_id in registered_cases() if case_id not in killed]


def _show(
    names: Sequence[str], kills: Mapping[str, Kill], unkilled: Sequence[str], console: Console
) -> None:
    table = Table("defect", "room", "red", "first", "s", title="kill matrix")
    for name in names:
        kill = kills.get(name)
        if kill is None:
            table.add_row(name, DEFECTS[name].room, "?", "not measured", "")
            continue
        ids = kill.ids
        first = " ".join(each.removeprefix("BMQ-") for each in ids[:3])
        table.add_row(name, DEFECTS[name].room, str(len(ids)), first, f"{kill.seconds:.1f}")
    console.print(table)
    console.print(f"{len(unkilled)} cases that no defect turns red: {' '.join(unkilled)}")


if __name__ == "__main__":
    sys.exit(in_order(main))
