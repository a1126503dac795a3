"""`python -m suites.integration.model`: run the machine, or hunt all seeded defects with it.

Exit codes: 0 nothing is wrong, 1 something is (or, in a hunt, too few defects were found), 2 it could
not run.
"""

from __future__ import annotations

import argparse
import contextlib
import secrets
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from reference_broker.base import OperatorError
from suites.harness.defects import DEFECTS
from suites.harness.ending import in_order
from suites.harness.target import TargetError, TargetSpec
from suites.integration.model.driver import Driver
from suites.integration.model.hunt import FOUND_MIN, hunt, print_hunt
from suites.integration.model.replay import VIRTUAL, program_text
from suites.integration.model.running import PROFILES, SHRINK_S, Outcome, run
from suites.integration.model.sockets import shared_driver
from suites.integration.model.virtual import VirtualDriver

_EXIT_FAILED: Final = 1
_EXIT_COULD_NOT_RUN: Final = 2
_SECONDS: Final = 60.0
_SEEDS: Final = 2**31


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    try:
        if options.hunt:
            return _hunt(options)
        seed = secrets.randbelow(_SEEDS) if options.seed is None else options.seed
        with _drivers(options.target, options.defect) as new_driver:
            outcome = run(
                new_driver,
                seconds=options.seconds,
                first_seed=seed,
                profile=options.profile,
                shrink_s=options.shrink,
            )
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_COULD_NOT_RUN
    if options.result is not None:
        options.result.write_bytes(msgspec.json.encode(outcome))
    _tell(options, seed, outcome)
    return _EXIT_FAILED if outcome.failure is not None else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.seconds <= 0:
        parser.error(f"--seconds {options.seconds:g} leaves no time for a single program")
    if options.only and not options.hunt:
        parser.error("--only is of use with --hunt alone; --break NAME seeds one defect")
    if options.hunt and options.defect:
        parser.error("--hunt seeds every defect itself; choose some by --only NAME, not by --break")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m suites.integration.model",
        description="Run a model of a broker's domains in step with a broker.",
    )
    parser.add_argument(
        "--target",
        default=VIRTUAL,
        help="virtual (default: the core of our broker, here, in virtual time), or reference, "
        "in-process, bmqbrkr:/PATH, docker:IMAGE, external:HOST:PORT",
    )
    parser.add_argument("--break", dest="defect", default="", help="a seeded defect")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="stop after that")
    parser.add_argument("--seed", type=int, help="of the first round (default: chance)")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="dev")
    parser.add_argument(
        "--shrink", type=float, default=SHRINK_S, help="seconds to make a failing program shorter"
    )
    parser.add_argument("--result", type=Path, help="write what was found there, as JSON")
    parser.add_argument(
        "--hunt",
        action="store_true",
        help="run with every seeded defect, --seconds each, and tell which are found",
    )
    parser.add_argument("--only", action="append", default=[], help="hunt this defect, or another")
    return parser


@contextlib.contextmanager
def _drivers(target: str, defect: str) -> Iterator[Callable[[], Driver]]:
    if target != VIRTUAL:
        with shared_driver(target, defect) as new_driver:
            yield new_driver
        return
    if defect:
        if defect not in DEFECTS:
            raise TargetError(f"no defect is called {defect!r}; see docs/defects.md")
        DEFECTS[defect].apply()
    yield VirtualDriver


def _tell(options: argparse.Namespace, seed: int, outcome: Outcome) -> None:
    rate = outcome.steps / outcome.seconds if outcome.seconds else 0.0
    sys.stdout.write(
        f"{outcome.programs} programs, {outcome.steps} acts in {outcome.seconds:.1f} s "
        f"({rate:.0f} a second), first seed {seed}\n"
    )
    failure = outcome.failure
    if failure is None:
        return
    again = ["--target", options.target, "--seed", str(failure.seed), "--profile", options.profile]
    if options.defect:
        again += ["--break", options.defect]
    text = program_text(failure.program, options.target, options.defect)
    sys.stdout.write(
        f"after {failure.found_s:.1f} s: {failure.error}\n\n{text}\n"
        f"replay: python -m suites.integration.model {shlex.join(again)}\n"
    )


def _hunt(options: argparse.Namespace) -> int:
    if options.target != VIRTUAL:
        TargetSpec.parse(options.target, "")
    names = options.only or list(DEFECTS)
    unknown = [name for name in names if name not in DEFECTS]
    if unknown:
        raise TargetError(f"no defects are called {', '.join(unknown)}")
    seed = 1 if options.seed is None else options.seed
    console = Console()
    found = hunt(names, target=options.target, seconds=options.seconds, seed=seed, console=console)
    print_hunt(found, console)
    if options.result is not None:
        options.result.write_bytes(msgspec.json.encode(found))
    count = sum(each.is_found for each in found)
    return 0 if count >= min(FOUND_MIN, len(names)) else _EXIT_FAILED


if __name__ == "__main__":
    sys.exit(in_order(main))
