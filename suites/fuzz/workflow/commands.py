"""The command lines of the workflow.

::

    gauntlet fuzz TARGET... --minutes M [--jobs N]    a campaign
    gauntlet fuzz merge TARGET                        a smaller corpus that reaches as much
    gauntlet fuzz coverage TARGET... --out FOLDER     what seeds and corpora reach, as HTML
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.console import Console

from reference_broker.base import OperatorError
from suites.fuzz.registry import Target
from suites.fuzz.workflow import coverage
from suites.fuzz.workflow.corpora import FOLDER, merge
from suites.fuzz.workflow.names import targets_named
from suites.harness.report.text import plural

EXIT_COULD_NOT_RUN: Final = 2
#: The share of branches that seeds alone should reach in the rooms of `coverage.AIMED_AT`.
BRANCHES_PERCENT_MIN: Final = 95.0


def default_jobs() -> int:
    """Return how many processes to run at a time: one a core."""
    return os.cpu_count() or 1


def run_merge(arguments: Sequence[str]) -> int:
    """Merge a corpus; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="gauntlet fuzz merge",
        description="Keep of a corpus the smallest inputs that reach all that it reaches.",
    )
    parser.add_argument("target", help="an id, or a short name such as puts")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER", help=f"default: {FOLDER}/TARGET")
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="add there what it does not reach yet; by default the corpus itself is made smaller",
    )
    options = parser.parse_args(arguments)
    (target,) = _one(options.target)
    done = merge(target, options.corpus or FOLDER / target.id, options.into)
    print(  # noqa: T201
        f"{target.id}: {plural(done.before, 'input')} merged into {done.after:,} in {done.folder}, "
        f"{done.features:,} new features"
    )
    return 0


def run_coverage(arguments: Sequence[str]) -> int:
    """Measure coverage; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="gauntlet fuzz coverage",
        description="Write what seeds and corpora reach of the broker as HTML.",
    )
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="ids, short names, or 'all'")
    parser.add_argument("--corpus", type=Path, metavar="FOLDER", help=f"default: {FOLDER}/TARGET")
    parser.add_argument("--seeds-only", action="store_true", help="leave corpora out")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=default_jobs(), metavar="N")
    options = parser.parse_args(arguments)
    targets = targets_named(options.targets)
    corpora = {} if options.seeds_only else _corpora(targets, options.corpus)
    found = coverage.report(targets, corpora, options.out, jobs=max(1, options.jobs))
    for reached in found.rooms:
        is_aimed_at = reached.name in coverage.AIMED_AT
        aim = f"  (aim: {BRANCHES_PERCENT_MIN:g})" if is_aimed_at else ""
        print(  # noqa: T201
            f"{reached.name:<9} branches {reached.branches_percent:5.1f} %  "
            f"lines {reached.lines_percent:5.1f} %{aim}"
        )
        for module in reached.modules if is_aimed_at else ():
            if module.branches_percent < BRANCHES_PERCENT_MIN:
                print(f"  {module.branches_percent:5.1f} %  {module.name}")  # noqa: T201
    print(f"{plural(found.inputs, 'input')}; {found.index}")  # noqa: T201
    for problem in found.problems:
        print(f"not measured: {problem}", file=sys.stderr)  # noqa: T201
    return EXIT_COULD_NOT_RUN if found.problems else 0


def _one(name: str) -> tuple[Target]:
    found = targets_named([name])
    if len(found) != 1:
        raise OperatorError(f"one target at a time, not {name!r}")
    return (found[0],)


def _corpora(targets: Sequence[Target], chosen: Path | None) -> dict[str, Path]:
    """Return the corpora that are there; one that was asked for must be."""
    if chosen and not chosen.is_dir():
        raise OperatorError(f"there is no folder {chosen}")
    root = chosen or FOLDER
    if chosen and len(targets) == 1:
        return {targets[0].id: chosen}
    return {target.id: root / target.id for target in targets if (root / target.id).is_dir()}


def main(command: str, arguments: Sequence[str]) -> int:
    """Run one of `COMMANDS`; returns the exit code."""
    try:
        return COMMANDS[command](arguments)
    except OperatorError as error:
        Console(stderr=True).print(f"could not run: {error}", style="bold red", markup=False)
        return EXIT_COULD_NOT_RUN


COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], int]]] = MappingProxyType(
    {"merge": run_merge, "coverage": run_coverage}
)
