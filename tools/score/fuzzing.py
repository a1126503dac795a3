"""`python -m tools.score.fuzzing`: how long does the fuzz suite take to find each seeded defect?

A defect is not named to the fuzzer. Of the targets all are run that read what the file reads in which
the defect is, in slices of growing length, one target after the other, until one of them crashes;
what they had found before they go on from. The time is the CPU time of all of them together, starts
included. The order of the targets is another one in each run. What the seeds reveal by themselves is
found in no time, and says so. An input that crashes the target without the defect, too, is no find of
the defect: it is told, and the run goes on.

Exit codes: 0 every defect was found in every run with the mutator, 1 not, 2 something could not run.

What is measured is written after each run, and passed over by the next call, unless `--again`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from rich.console import Console

from reference_broker.base import OperatorError
from suites.fuzz.children import Children
from suites.fuzz.engine import Run, fuzz, replay
from suites.fuzz.registry import TARGETS, Target
from suites.harness.defects import ALL_DEFECTS, PARSER_DEFECTS
from suites.harness.ending import in_order
from tools.score.found import SEEDS, Found, read_found, table, write_found

EXIT_MISSED: Final = 1
EXIT_COULD_NOT_RUN: Final = 2

#: Seconds that the first slice of a target has; each one after it has twice as much.
SLICE_SECONDS: Final = 5
RUNS: Final = 3
#: Seeds of the slices of one run; more than there are slices.
SEEDS_PER_RUN: Final = 1_000

_FRAMES: Final = ("FUZZ-EVENT-READER", "FUZZ-BROKER-CORE")
_MESSAGES: Final = (
    *("FUZZ-PUTS", "FUZZ-PUSHES", "FUZZ-ACKS", "FUZZ-CONFIRMS", "FUZZ-REJECTS"),
    *("FUZZ-OPTIONS", "FUZZ-EVENT-READER"),
)
_DATA: Final = (
    *("FUZZ-APPLICATION-DATA", "FUZZ-PROPERTIES-OLD", "FUZZ-PROPERTIES-NEW"),
    *("FUZZ-COMPRESSION", "FUZZ-EVENT-READER"),
)
_FIRST_WORDS: Final = ("FUZZ-NEGOTIATION", "FUZZ-AUTHENTICATION")
_CONTROL: Final = ("FUZZ-CONTROL-BER", "FUZZ-CONTROL-JSON", "FUZZ-ENCODINGS", *_FIRST_WORDS)
_STATES: Final = ("FUZZ-CORE", "FUZZ-BROKER-CORE")
#: The targets that read what the files of a place read; the first place that fits counts.
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "wire/header": _FRAMES,
    "wire/reader": _FRAMES,
    "wire/control": _CONTROL,
    "wire/features": _FIRST_WORDS,
    "wire/prop": _DATA,
    "wire/compression": _DATA,
    "wire": _MESSAGES,
    "session": _FIRST_WORDS,
    "security": _FIRST_WORDS,
    "base": ("FUZZ-URI",),
    "expr": ("FUZZ-EXPRESSION",),
    "admin": ("FUZZ-ADMIN-COMMAND",),
    "config": ("FUZZ-BROKER-CONFIG", "FUZZ-CLUSTERS-CONFIG", "FUZZ-DOMAIN-CONFIG"),
    "storage": ("FUZZ-LOG-SEGMENT", "FUZZ-LOG-SNAPSHOT", "FUZZ-LEDGER"),
    "core": _STATES,
    "queue": _STATES,
}
#: Defects of the catalogue that are measured beside the mistakes, and their kinds.
OTHERS: Final[Mapping[str, str]] = {
    "unknown-client-type-accepted": "wrong state",
    "readers-may-post": "wrong state",
    "disconnect-is-not-the-end": "wrong state",
    "reserved-ids-accepted": "missing bound",
    "confirm-behind-close-counts": "stale handle",
    "disconnect-gives-back-one-queue": "stale handle",
    "close-of-one-app-closes-all": "wrong state",
    "strange-sub-id-confirms": "stale handle",
    "newer-before-redelivered": "wrong order",
    "reconfigure-delivers-again": "wrong state",
}


class Job(NamedTuple):
    """One run against one defect."""

    defect: str
    seed: int
    mutator: bool


class Hunt(NamedTuple):
    """What came of a run.

    Attributes:
        finder: id of the target that crashed; empty for none.
        cpu_s: seconds of CPU that all targets took.
        innocent: inputs that crash without the defect, too.
    """

    finder: str
    cpu_s: float
    innocent: list[bytes]

    @property
    def time(self) -> float | None:
        """How long it took to find the defect; None if it was not found."""
        return round(self.cpu_s, 1) if self.finder else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for, print the table, and return the exit code."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    names = options.defect or [*PARSER_DEFECTS, *OTHERS]
    unknown = [name for name in names if name not in ALL_DEFECTS]
    if unknown:
        console.print(f"no defect is called {', '.join(unknown)}", style="bold red")
        return EXIT_COULD_NOT_RUN
    known = {} if options.again else read_found(options.found)
    problems = _measure_all(names, known, options, console)
    print(table(known, names))  # as it is, for a page
    for problem in problems:
        console.print(problem, style="red", markup=False)
    if problems:
        return EXIT_COULD_NOT_RUN
    is_found = all(name in known and None not in known[name].with_mutator for name in names)
    return 0 if is_found else EXIT_MISSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.score.fuzzing", description=__doc__)
    parser.add_argument("--defect", action="append", default=[], help="only this one")
    parser.add_argument(
        "--seconds", type=int, default=600, help="CPU seconds after which a run gives up (600)"
    )
    parser.add_argument("--runs", type=int, default=RUNS, help=f"with different seeds ({RUNS})")
    parser.add_argument("--again", action="store_true", help="measure what is measured already")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time (1)")
    parser.add_argument(
        "--found", type=Path, default=Path("report/fuzzing.json"), help="what is measured"
    )
    return parser


def _measure_all(
    names: Sequence[str],
    known: dict[str, Found],
    options: argparse.Namespace,
    console: Console,
) -> list[str]:
    """Run what is not known yet, and write down each outcome; returns what could not run."""
    problems: list[str] = []
    children = Children()
    lock = Lock()
    with ThreadPoolExecutor(options.jobs) as pool:
        futures: dict[Future[str], str] = {}
        for name in names:
            if not _is_complete(known.get(name), options):
                future = pool.submit(_measure, name, known, options, children, lock)
                futures[future] = name
        try:
            for future in as_completed(futures):
                error = future.exception()
                line = f"{futures[future]}: {error}" if error else future.result()
                console.print(line, markup=False)
                problems += [line] if error else []
        except BaseException:
            children.end()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return problems


def _is_complete(found: Found | None, options: argparse.Namespace) -> bool:
    if found is None:
        return False
    if found.target == SEEDS:
        return True
    times = (*found.with_mutator, *found.without)
    is_given_up = None in times and found.seconds < options.seconds
    return len(times) >= 2 * options.runs and not is_given_up


def _measure(
    name: str,
    known: dict[str, Found],
    options: argparse.Namespace,
    children: Children,
    lock: Lock,
) -> str:
    """Measure one defect, and write down what came of it; returns that in a line."""
    found = measure(name, seconds=options.seconds, runs=options.runs, children=children)
    with lock:
        known[name] = found
        write_found(options.found, known)
    return f"{name}: {found}"


def targets_of(name: str) -> list[Target]:
    """Return the targets that a defect is looked for with."""
    mistake = PARSER_DEFECTS.get(name)
    place = mistake.place if mistake else "core"
    ids = next(ids for start, ids in PLACES.items() if place.startswith(start))
    return [TARGETS[target_id] for target_id in ids]


def kind_of(name: str) -> str:
    """Return of which kind a defect is."""
    return PARSER_DEFECTS[name].kind if name in PARSER_DEFECTS else OTHERS.get(name, "")


def measure(name: str, *, seconds: int, runs: int, children: Children) -> Found:
    """Look for a defect, some times with the mutator and as often without it.

    Args:
        name: of the defect.
        seconds: of CPU, after which a run gives up.
        runs: of each.
        children: where processes can be ended from.

    Raises:
        OperatorError: a target could not run.
    """
    targets = targets_of(name)
    for target in targets:
        if replay(target, target.seeds(), defect=name, children=children):
            return Found(kind_of(name), SEEDS, seconds, (0.0,) * runs, (0.0,) * runs)
    hunts: dict[bool, list[Hunt]] = {
        mutator: [
            hunt(Job(name, seed, mutator), targets, seconds, children)
            for seed in range(1, runs + 1)
        ]
        for mutator in (True, False)
    }
    every = hunts[True] + hunts[False]
    finders = [each.finder for each in every if each.finder]
    return Found(
        kind_of(name),
        max(sorted(set(finders)), key=finders.count, default=""),
        seconds,
        tuple(each.time for each in hunts[True]),
        tuple(each.time for each in hunts[False]),
        sorted({data.hex() for each in every for data in each.innocent}),
    )


def hunt(job: Job, targets: Sequence[Target], seconds: int, children: Children) -> Hunt:
    """Run targets in slices until one crashes.

    Args:
        job: which defect, and how.
        targets: to run.
        seconds: of CPU, after which to give up.
        children: where processes can be ended from.

    Raises:
        OperatorError: a target could not run.
    """
    order = list(targets)
    random.Random(job.seed).shuffle(order)
    cpu_s = 0.0
    innocent: list[bytes] = []
    with tempfile.TemporaryDirectory(prefix="gauntlet-score-") as folder:
        for number in count():
            for target in order:
                if cpu_s >= seconds:
                    return Hunt("", cpu_s, innocent)
                most = min(SLICE_SECONDS << number, max(int(seconds - cpu_s), 1))
                run = _run_slice(job, target, most, number, Path(folder), children)
                cpu_s += run.cpu_s
                for crash in run.crashes:
                    if not replay(target, {"input": crash.data}, children=children):
                        return Hunt(target.id, cpu_s, innocent)
                    innocent.append(crash.data)
    raise AssertionError("numbers do not end")


def _run_slice(
    job: Job, target: Target, seconds: int, number: int, folder: Path, children: Children
) -> Run:
    """Run a target for a while, going on from what it has found in the slices before."""
    corpus = folder / target.id
    corpus.mkdir(exist_ok=True)
    run = fuzz(
        target,
        seconds=seconds,
        seed=job.seed * SEEDS_PER_RUN + number,
        crashes_max=1,
        defect=job.defect,
        mutator=job.mutator,
        children=children,
        corpus=corpus,
    )
    if run.problem and not run.crashes:
        raise OperatorError(f"{target.id}: {run.problem}")
    return run


if __name__ == "__main__":
    sys.exit(in_order(main))
