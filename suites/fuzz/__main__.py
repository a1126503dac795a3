"""Run the fuzz suite, a campaign, or one input; exit code 0 pass, 1 fail, 2 neither.

::

    gauntlet fuzz                                     the smoke set, as in the gate
    gauntlet fuzz --case ID --input FILE|hex:DIGITS   one input
    gauntlet fuzz TARGET... [--minutes M] [--jobs N]  a campaign
    gauntlet fuzz --parser SPEC --grammar NAME        a campaign against a parser of somebody else
    gauntlet fuzz merge|coverage ...                  corpora: see their --help
    gauntlet fuzz sweep|net ...                       every single change of nine messages, against
                                                      the core or over TCP: see their --help
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from reference_broker.base import OperatorError
from suites.fuzz.net import command as net
from suites.fuzz.parsers import foreign_target, plain_grammars
from suites.fuzz.registry import SMOKE, Target
from suites.fuzz.suite import (
    CORPUS_ID,
    SUITE,
    Options,
    read_input,
    replay_input,
    run_suite,
)
from suites.fuzz.workflow import commands
from suites.fuzz.workflow.campaign import Campaign, run_campaign
from suites.fuzz.workflow.corpora import FOLDER
from suites.fuzz.workflow.names import targets_named
from suites.fuzz.workflow.outcome import INTERRUPTED, result_of
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
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in net.NAMES:
        return net.main(arguments)
    if arguments and arguments[0] in commands.COMMANDS:
        return commands.main(arguments[0], arguments[1:])
    options = _parser().parse_intermixed_args(arguments)
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
    is_neither = result.verdict is Verdict.ERROR or INTERRUPTED in result.notes
    return 2 if is_neither else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gauntlet fuzz",
        description=(__doc__ or "").replace("::\n\n", ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="an id, a short name such as puts, 'all', or the dotted name of a module",
    )
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
    parser.add_argument(
        "--minutes",
        type=_minutes,
        metavar="M",
        help="of a campaign, whose corpora stay; without it, --seconds, and nothing stays",
    )
    parser.add_argument("--jobs", type=_count, metavar="N", help="processes; default: one a core")
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="FOLDER",
        help=f"of the one TARGET, or with a folder for each; default: {FOLDER}/TARGET",
    )
    parser.add_argument(
        "--parser",
        dest="foreign",
        metavar="SPEC",
        help="python:MODULE:FUNCTION, or 'command:PROGRAM ARGUMENTS' that reads standard input",
    )
    parser.add_argument(
        "--grammar", default="", metavar="NAME", help=f"of {', '.join(plain_grammars())}"
    )
    parser.add_argument(
        "--rejects",
        action="append",
        default=[],
        metavar="EXCEPTION",
        help="by which a Python parser refuses: ValueError, json.JSONDecodeError; may be repeated",
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


def _minutes(text: str) -> int:
    return _seconds(str(60 * float(text)))


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return count


def _result(options: argparse.Namespace, seed: int) -> SuiteResult:
    folder = options.result.parent if options.result else Path()
    foreign = _foreign(options)
    if options.input is None and (options.targets or options.minutes or foreign):
        return _campaign(options, seed, foreign)
    if options.jobs or options.corpus:
        raise OperatorError("--jobs and --corpus are for campaigns; name a TARGET or --minutes")
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
    targets = (foreign,) if foreign else targets_named([*options.targets, *chosen.cases])
    if len(targets) != 1:
        raise OperatorError(f"--input needs exactly one --case, and not {CORPUS_ID}")
    return replay_input(chosen, targets[0], read_input(options.input))


def _foreign(options: argparse.Namespace) -> Target | None:
    """Return the parser of somebody else, if one is named."""
    if options.foreign is None:
        if options.grammar or options.rejects:
            raise OperatorError("--grammar and --rejects say something of a --parser; name one")
        return None
    if options.targets or options.cases or options.defect:
        raise OperatorError("--parser is the one target, without seeded defects")
    return foreign_target(options.foreign, options.grammar, tuple(options.rejects))


def _campaign(options: argparse.Namespace, seed: int, foreign: Target | None) -> SuiteResult:
    folder = options.result.parent if options.result else Path()
    names = [*options.targets, *options.cases]
    chosen = Campaign(
        spec=TargetSpec.parse(options.target, options.defect),
        targets=(foreign,) if foreign else targets_named(names) or SMOKE,
        seconds=options.minutes or options.seconds,
        jobs=options.jobs or commands.default_jobs(),
        seed=seed,
        persists=bool(options.minutes or options.corpus),
        corpus=options.corpus,
        crash_folder=folder / _CRASH_FOLDER,
        unguided=options.unguided,
        mutator=options.mutator,
    )
    if not chosen.spec.is_ours:
        raise OperatorError("a campaign fuzzes the reference broker's own code; see 'fuzz net'")
    started = time.monotonic()
    result = run_campaign(chosen, Console(stderr=True))
    return result_of(chosen, result, time.monotonic() - started)


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
        has_folders = case.verdict.is_bad and not is_replay and _CRASH_FOLDER in case.details
        if case.details and (is_replay or has_folders or case.verdict is Verdict.ERROR):
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
