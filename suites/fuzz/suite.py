"""The suite: which targets run for how long, and what their runs mean as cases of a report.

| case                | passes when                                                              |
|---------------------|--------------------------------------------------------------------------|
| `FUZZ-CORPUS`       | every seed of every target goes through the plain function               |
| `FUZZ-CANARY`       | the canary crashed within its time; else the harness is blind            |
| any other           | its target did not crash, hang or outgrow the memory in its time         |

Two targets run at a time, as two cores allow: the first has the whole time, the canary and the
others share it one after the other. Replays and the start of the processes come on top.
"""

from __future__ import annotations

import shlex
import time
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError
from suites.fuzz.children import Children
from suites.fuzz.dump import annotated
from suites.fuzz.engine import Crash, Run, fuzz, has_coverage, replay
from suites.fuzz.parsers import ForeignTarget
from suites.fuzz.registry import ALL, CANARY, SMOKE, Target, find_target
from suites.fuzz.run_target import digest_of
from suites.fuzz.targets.canary import CanaryError
from suites.harness.report import Case, SuiteResult, Table, Verdict
from suites.harness.report.text import one_line, plural
from suites.harness.target import TargetSpec

SUITE: Final = "fuzz"
CORPUS_ID: Final = "FUZZ-CORPUS"
CANARY_SECONDS_MAX: Final = 3
#: Targets that run at a time.
LANES: Final = 2
#: Longer inputs are written to a file instead of into the replay command.
INLINE_BYTES_MAX: Final = 1024
INLINE_PREFIX: Final = "hex:"

#: Different findings after which a target's run ends.
CRASHES_MAX: Final = 8

_CORPUS_STATEMENT: Final = "Recorded events and inputs that once mattered do no harm."
_EXPECTATION: Final = "no crash, no hang, no more memory than allowed; rejections are typed"
_COLUMNS: Final = (
    "Target",
    "Executions",
    "Executions/s",
    "Coverage",
    "Corpus",
    "Peak MiB",
    "Findings",
    "CPU s",
)
_EXTERNAL: Final = (
    "these targets run the reference broker's own code in this process, which says nothing about "
    "an external target"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for.

    Attributes:
        spec: of the target; only a seeded defect in it matters here.
        seed: of the fuzzers.
        seconds: of fuzzing, at least 1.
        cases: ids, or names of modules; none for all.
        crash_folder: where inputs go that are too long for a command line.
        unguided: do without atheris.
        mutator: use the structure-aware mutator where inputs have a grammar.
    """

    spec: TargetSpec
    seed: int
    seconds: int
    cases: tuple[str, ...] = ()
    crash_folder: Path = Path("fuzz-crashes")
    unguided: bool = False
    mutator: bool = True


def run_suite(options: Options) -> SuiteResult:
    """Run the cases.

    Raises:
        OperatorError: a case does not exist, or a process cannot be started.
    """
    started = time.monotonic()
    names = options.cases or (CORPUS_ID, CANARY.id, *(target.id for target in SMOKE))
    targets = [find_target(name) for name in dict.fromkeys(names) if name != CORPUS_ID]
    is_foreign = not options.spec.is_ours
    cases: list[Case] = []
    if CORPUS_ID in names:
        cases.append(_not_applicable(CORPUS_ID) if is_foreign else _corpus_case(options))
    if is_foreign:
        cases += [_not_applicable(target.id) for target in targets if target is not CANARY]
        targets = [target for target in targets if target is CANARY]
    outcomes = _run_lanes(targets, options)
    cases += [case for case, _ in outcomes]
    return SuiteResult(
        name=SUITE,
        cases=tuple(cases),
        duration_s=time.monotonic() - started,
        notes=notes_of(options, [run for _, run in outcomes]),
        tables=tables_of([run for _, run in outcomes]),
    )


def replay_input(options: Options, target: Target, data: bytes) -> SuiteResult:
    """Run one input through one target.

    Raises:
        OperatorError: the process cannot be started.
    """
    started = time.monotonic()
    stack = replay(target, {"input": data}, defect=options.spec.defect).get("input", "")
    case = Case(
        id=target.id,
        suite=SUITE,
        title=f"Replay of {len(data)} bytes",
        verdict=Verdict.FAIL if stack else Verdict.PASS,
        duration_s=time.monotonic() - started,
        statement=target.invariant,
        reason=gist(stack),
        details="\n\n".join(filter(None, (annotated(data, target.prefix_bytes), stack))),
        replay=_replay_command(target, data, options),
        properties={"input_bytes": len(data)},
    )
    return SuiteResult(name=SUITE, cases=(case,), duration_s=time.monotonic() - started)


# Running.


def _run_lanes(targets: Sequence[Target], options: Options) -> list[tuple[Case, Run]]:
    """Run the targets, two at a time; returns the outcomes in the order of the targets."""
    deadline = time.monotonic() + options.seconds
    fuzzed = [target for target in targets if target is not CANARY]
    lanes = (fuzzed[:1], [target for target in targets if target is CANARY] + fuzzed[1:])

    def run_lane(lane: Sequence[Target]) -> dict[str, tuple[Case, Run]]:
        done: dict[str, tuple[Case, Run]] = {}
        for index, target in enumerate(lane):
            share_s = (deadline - time.monotonic()) / (len(lane) - index)
            done[target.id] = _fuzz_case(target, max(1, round(share_s)), options, children)
        return done

    with _lanes() as (pool, children):
        outcomes = ChainMap(*pool.map(run_lane, lanes))
    return [outcomes[target.id] for target in targets]


@contextmanager
def _lanes() -> Iterator[tuple[ThreadPoolExecutor, Children]]:
    """Give threads that run child processes; however it is left, those have ended."""
    children = Children()
    with ThreadPoolExecutor(LANES, thread_name_prefix="fuzz") as pool:
        try:
            yield pool, children
        except BaseException:
            children.end()  # the threads end with what they wait for
            raise


def _fuzz_case(
    target: Target, seconds: int, options: Options, children: Children
) -> tuple[Case, Run]:
    is_canary = target is CANARY
    run = fuzz(
        target,
        seconds=min(seconds, CANARY_SECONDS_MAX) if is_canary else seconds,
        seed=options.seed,
        crashes_max=1 if is_canary else CRASHES_MAX,
        defect="" if is_canary else options.spec.defect,
        unguided=options.unguided,
        mutator=options.mutator,
        children=children,
    )
    return (canary_case if is_canary else _target_case)(run, options), run


def _corpus_case(options: Options) -> Case:
    started = time.monotonic()
    problems: list[str] = []
    first_replay = ""
    seeds = {target: dict(target.seeds()) for target in ALL}
    with _lanes() as (pool, children):
        found = pool.map(
            lambda target: replay(
                target, seeds[target], defect=options.spec.defect, children=children
            ),
            ALL,
        )
        for target, stacks in zip(ALL, found, strict=True):
            for name, stack in stacks.items():
                command = _replay_command(target, seeds[target][name], options)
                first_replay = first_replay or command
                problems.append(f"{target.id}, seed {name}:\n{stack}\nReplay: {command}")
    count = sum(map(len, seeds.values()))
    return Case(
        id=CORPUS_ID,
        suite=SUITE,
        title="Every seed passes through its target",
        verdict=Verdict.FAIL if problems else Verdict.PASS,
        duration_s=time.monotonic() - started,
        statement=_CORPUS_STATEMENT,
        expectation="no exception, no hang",
        reason=f"{plural(len(problems), 'seed')} of {count} failed" if problems else "",
        details="\n\n".join(problems),
        replay=first_replay or f"{_start(options)} --seed {options.seed} --case {CORPUS_ID}",
        properties={"seeds": count},
    )


# Judging.


def _target_case(run: Run, options: Options) -> Case:
    target, crashes = run.target, run.crashes
    commands = [_replay_command(target, crash.data, options) for crash in crashes]
    return case_of(
        run,
        [(crash.kind, crash.stack) for crash in crashes],
        expectation=_EXPECTATION,
        details="\n\n".join(
            _finding(number, crash, command, target)
            for number, (crash, command) in enumerate(zip(crashes, commands, strict=True), start=1)
        ),
        replay=[*commands, f"{_command(target, options)} --seconds {options.seconds}"][0],
    )


def case_of(
    run: Run,
    findings: Sequence[tuple[str, str]],
    *,
    expectation: str,
    details: str,
    replay: str,
) -> Case:
    """Return the case of a target that is not to crash.

    Args:
        run: what became of it.
        findings: the kind and the stack of each.
        expectation: of the target.
        details: of the findings.
        replay: the command for the first one, or for the whole run.
    """
    target, verdict, reason = run.target, Verdict.PASS, ""
    if findings:
        kind, stack = findings[0]
        verdict = Verdict.FAIL
        reason = f"{plural(len(findings), 'finding')}; the first: {kind}: "
        reason += gist(stack) or "the replay outside of the fuzzer ended well"
    elif run.problem:
        verdict, details = Verdict.ERROR, run.problem
        reason = run.problem.partition("\n")[0]
    return Case(
        id=target.id,
        suite=SUITE,
        title=target.title,
        verdict=verdict,
        duration_s=max(run.duration_s, 0.0),
        statement=target.invariant,
        expectation=expectation,
        reason=reason,
        details=details,
        replay=replay,
        properties=properties_of(run),
    )


def canary_case(run: Run, options: Options) -> Case:
    """Return the case of the canary, which is to crash."""
    crashed = any(CanaryError.__name__ in crash.stack for crash in run.crashes)
    verdict, reason = Verdict.PASS, ""
    if not crashed:
        verdict = Verdict.ERROR if run.problem else Verdict.FAIL
        executions = run.statistics.executions
        reason = f"no crash in {executions:,} executions: the harness is blind"
    return Case(
        id=CANARY.id,
        suite=SUITE,
        title=CANARY.title,
        verdict=verdict,
        duration_s=max(run.duration_s, 0.0),
        statement=CANARY.invariant,
        expectation=f"the crash is found within {CANARY_SECONDS_MAX} s",
        reason=reason,
        details=run.problem or "\n".join(crash.stack for crash in run.crashes),
        replay=_command(CANARY, options),
        properties=properties_of(run),
    )


def _finding(number: int, crash: Crash, command: str, target: Target) -> str:
    parts = (
        f"Finding {number}: {crash.kind} on {plural(len(crash.data), 'byte')}",
        f"Replay: {command}",
        "" if crash.data.hex() in command else f"Input: {crash.data.hex()}",
        annotated(crash.data, target.prefix_bytes),
        crash.stack or "The plain function ended well on this input.",
    )
    return "\n".join(filter(None, parts))


def properties_of(run: Run) -> Mapping[str, str | int | float]:
    """Return what a run says of itself, by name."""
    statistics = run.statistics
    return {
        "seed": run.seed,
        "executions": statistics.executions,
        "executions_per_s": run.executions_per_s,
        "coverage": statistics.coverage,
        "features": statistics.features,
        "corpus": statistics.corpus_units,
        "peak_rss_mib": statistics.peak_rss_mib,
        "guided": "by coverage" if run.is_guided else "by nothing",
        "cpu_s": round(run.cpu_s, 1),
    }


def _not_applicable(name: str) -> Case:
    return Case(
        id=name,
        suite=SUITE,
        title="In-process fuzzing",
        verdict=Verdict.NOT_APPLICABLE,
        duration_s=0.0,
        reason=_EXTERNAL,
    )


def notes_of(options: Options, runs: Sequence[Run]) -> tuple[str, ...]:
    """Return what is to be known of runs beside their cases."""
    notes = [f"seed {options.seed}; an input replays by its bytes, a whole run only about"]
    if any(not run.is_guided for run in runs):
        cause = "by request" if has_coverage() else "because atheris is not installed"
        notes.append(f"no coverage guided these runs, {cause}: seeds and random mutations only")
    return tuple(notes)


def tables_of(runs: Sequence[Run]) -> tuple[Table, ...]:
    """Return the table of the targets."""
    if not runs:
        return ()
    rows = tuple(
        (
            run.target.id,
            f"{run.statistics.executions:,}",
            f"{run.executions_per_s:,}",
            f"{run.statistics.coverage:,}",
            f"{run.statistics.corpus_units:,}",
            f"{run.statistics.peak_rss_mib:,}",
            str(len(run.crashes)),
            f"{run.cpu_s:,.1f}",
        )
        for run in runs
    )
    return (Table("Fuzz targets", _COLUMNS, rows),)


# Replaying.


def _start(options: Options) -> str:
    return f"gauntlet fuzz {options.spec.arguments}"


def _command(target: Target, options: Options) -> str:
    return f"{_start(options)} --seed {options.seed} {naming(target)}"


def naming(target: Target) -> str:
    """Return the arguments that name a target on a command line."""
    if not isinstance(target, ForeignTarget):
        return f"--case {target.id}"
    grammar = ["--grammar", target.grammar] if target.grammar else []
    rejects = [f"--rejects={name}" for name in target.rejects]
    return shlex.join(["--parser", target.module, *grammar, *rejects])


def _replay_command(target: Target, data: bytes, options: Options) -> str:
    command = f"{_start(options)} {naming(target)} --input"
    if len(data) <= INLINE_BYTES_MAX:
        return f"{command} {INLINE_PREFIX}{data.hex()}"
    return f"{command} {shlex.quote(str(_keep(target, data, options.crash_folder)))}"


def _keep(target: Target, data: bytes, folder: Path) -> Path:
    path = (folder / f"{target.id}-{digest_of(data)}").resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise OperatorError(
            f"a crashing input of {len(data)} bytes cannot be written to {path}: {error}; "
            "name a result file in a folder that can be written"
        ) from error
    return path


def read_input(text: str) -> bytes:
    """Return the input that a command line names: `hex:` and digits, or a file.

    Raises:
        OperatorError: the digits are none, or the file cannot be read.
    """
    try:
        if text.startswith(INLINE_PREFIX):
            return bytes.fromhex(text.removeprefix(INLINE_PREFIX))
        return Path(text).read_bytes()
    except (OSError, ValueError) as error:
        raise OperatorError(f"--input {text!r} is no file and no hex:DIGITS: {error}") from error


def gist(stack: str) -> str:
    """Return the line of an account of a crash that says most: a traceback's last, else the first."""
    lines = stack.splitlines() or [""]
    return one_line(lines[-1] if lines[0].startswith("Traceback") else lines[0])
