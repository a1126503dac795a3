"""Run one target in a child process, read what libFuzzer says of the run, and collect crashes.

::

    #64532  NEW    cov: 640 ft: 2142 corp: 325/44Kb lim: 1178 exec/s: 15132 rss: 48Mb ...
    stat::number_of_executed_units: 178868

A run ends when its time is over, when it has found as many crashes as it may, or when libFuzzer
gives up on an input that hangs or eats the memory. Each crash is replayed by the plain function in
one more process, uninstrumented: that gives its stack and shows that the replay command fails, too.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError
from suites.fuzz.children import Children
from suites.fuzz.mutator import knows
from suites.fuzz.parsers import ForeignTarget
from suites.fuzz.registry import Target
from suites.fuzz.run_target import STARTED, UNGUIDED

DICTIONARY: Final = Path(__file__).with_name("bmq.dict")
#: Time for starting Python, instrumenting the code and running the seeds.
_OVERHEAD_SECONDS_MAX: Final = 60.0
_REPLAY_SECONDS_MAX: Final = 120.0
#: What is read of a child's output: its beginning and its end.
_LOG_HEAD_BYTES_MAX: Final = 8 * 1024 * 1024
_LOG_TAIL_BYTES_MAX: Final = 1024 * 1024
_TAIL_CHARS: Final = 2_000

#: A line of libFuzzer's about how far it is.
STATUS: Final = re.compile(
    r"^#(?P<executions>\d+)\s+(?P<event>\w+)\s+cov: (?P<coverage>\d+) ft: (?P<features>\d+) "
    r"corp: (?P<units>\d+)/(?P<size>\d+)(?P<unit>[KMG]?)b (?:lim: \d+ )?exec/s: (?P<speed>\d+)",
    re.MULTILINE,
)
_STATISTIC: Final = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)
_SINCE: Final = re.compile(rf"^{STARTED} ([0-9.]+)$", re.MULTILINE)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
#: How the account of an input begins that ended its process, so that those after it did not run.
_ENDED: Final = "the input"
#: What the name of an artifact says of it.
_KINDS: Final = {
    "crash": "crash",
    "timeout": "hang",
    "slow": "hang",
    "oom": "out of memory",
    "leak": "leak",
}


@dataclass(frozen=True, slots=True)
class Statistics:
    """What libFuzzer says at the end of a run; zeros for what it does not say.

    Attributes:
        executions: how often the target ran.
        coverage: branches reached.
        features: branches with their counts, and comparisons.
        corpus_units: inputs kept because each reached something new.
        corpus_bytes: their size.
        peak_rss_mib: largest memory of the process.
    """

    executions: int = 0
    coverage: int = 0
    features: int = 0
    corpus_units: int = 0
    corpus_bytes: int = 0
    peak_rss_mib: int = 0


@dataclass(frozen=True, slots=True)
class Crash:
    """One input that a target does not survive.

    Attributes:
        kind: `crash`, `hang`, `out of memory` or `leak`.
        data: the input.
        stack: the traceback of the replay; empty if the replay ended well.
    """

    kind: str
    data: bytes
    stack: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one target.

    Attributes:
        target: which.
        seed: libFuzzer's.
        duration_s: seconds of fuzzing, without the start of the process.
        statistics: of the fuzzer.
        crashes: each with a stack of its own.
        is_guided: whether coverage guided it.
        problem: why the run says nothing; empty if it does.
        cpu_s: seconds of CPU of its process, its start included.
    """

    target: Target
    seed: int
    duration_s: float
    statistics: Statistics
    crashes: tuple[Crash, ...] = ()
    is_guided: bool = True
    problem: str = ""
    cpu_s: float = 0.0

    @property
    def executions_per_s(self) -> int:
        """How fast it was."""
        return round(self.statistics.executions / max(self.duration_s, 0.001))


def parse_statistics(log: str) -> Statistics:
    """Read the last status line and the final statistics of a log of libFuzzer."""
    statuses = list(STATUS.finditer(log))
    numbers = {name: int(value) for name, value in _STATISTIC.findall(log)}
    executions = numbers.get("number_of_executed_units", 0)
    rss = numbers.get("peak_rss_mb", 0)
    if not statuses:
        return Statistics(executions=executions, peak_rss_mib=rss)
    last = statuses[-1]
    return Statistics(
        executions=executions or int(last["executions"]),  # it was killed before it could sum up
        coverage=int(last["coverage"]),
        features=int(last["features"]),
        corpus_units=int(last["units"]),
        corpus_bytes=int(last["size"]) * _UNITS[last["unit"]],
        peak_rss_mib=rss,
    )


def fuzz(
    target: Target,
    *,
    seconds: int,
    seed: int,
    crashes_max: int = 8,
    defect: str = "",
    unguided: bool = False,
    mutator: bool = True,
    children: Children | None = None,
    corpus: Path | None = None,
    log: Path | None = None,
) -> Run:
    """Fuzz a target.

    Args:
        target: which.
        seconds: how long, at least 1; starting it comes on top.
        seed: of the fuzzer's random choices.
        crashes_max: end the run after so many different crashes.
        defect: seeded defect to apply in the child; empty for none.
        unguided: do without atheris even where it is there.
        mutator: use the structure-aware mutator if the target's inputs have a grammar.
        children: where its processes can be ended from.
        corpus: folder of inputs to begin with as well, and where those go that reach new code; by
            default nothing is kept.
        log: a file for what the process prints, to be read meanwhile.

    Raises:
        OperatorError: the process cannot be started, or `children` was ended.
    """
    assert seconds >= 1, seconds
    unguided = unguided or (isinstance(target, ForeignTarget) and target.is_command)
    children = children or Children()
    with tempfile.TemporaryDirectory(prefix="gauntlet-fuzz-") as name:
        folder = Path(name)
        arguments = [
            *("--package", target.package),
            *("--seconds", str(seconds)),
            *("--seed", str(seed)),
            *("--seeds", str(_write(folder / "seeds", _seeds(target, unguided=unguided)))),
            *("--corpus", str(corpus or _write(folder / "corpus", {}))),
            *("--crashes", str(_write(folder / "crashes", {}))),
            *("--crashes-max", str(crashes_max)),
            *("--input-bytes-max", str(target.input_bytes_max)),
        ]
        if target.has_dictionary:
            arguments += ["--dictionary", str(DICTIONARY)]
        arguments += grammar_arguments(target)
        if not mutator:
            arguments.append("--no-mutator")
        if unguided:
            arguments.append("--unguided")
        child = run_child(
            target,
            arguments,
            defect=defect,
            children=children,
            seconds=seconds + _OVERHEAD_SECONDS_MAX,
            log=log,
        )
        ended = time.monotonic()
        crashes = _collect(target, folder / "crashes", defect, children)
    run = Run(target, seed, 0.0, parse_statistics(child.log), crashes, cpu_s=child.cpu_s)
    return _judge(run, child.log, child.code, ended)


def _judge(run: Run, log: str, code: int | None, ended: float) -> Run:
    since = _SINCE.search(log)
    problem = ""
    if code is None:
        problem = f"it did not end within {_OVERHEAD_SECONDS_MAX:.0f} s after its time"
    elif since is None:
        problem = f"it did not start (exit code {code})"
    elif code and not run.crashes:
        problem = f"it ended with exit code {code} and left no input"
    elif not run.statistics.executions:
        problem = "it executed nothing"
    if problem:
        problem = f"{problem}:\n{log[-_TAIL_CHARS:].strip()}"
    return replace(
        run,
        duration_s=ended - float(since[1]) if since else 0.0,
        is_guided=UNGUIDED not in log,
        problem=problem,
    )


def command_of(target: Target, defect: str = "") -> list[str]:
    """Return the command of a child process for a target, to which arguments can be added."""
    command = [sys.executable, "-m", "suites.fuzz.run_target", target.module]
    if isinstance(target, ForeignTarget):
        command += [f"--rejects={name}" for name in target.rejects]
    return [*command, "--break", defect] if defect else command


def grammar_arguments(target: Target) -> list[str]:
    """Return what tells a child what inputs are; nothing if they are plain bytes for the mutator."""
    grammar = grammar_of(target)
    return ["--grammar", grammar] if grammar else []


def grammar_of(target: Target) -> str:
    """Return what inputs are for the mutator, with the bytes in front; empty for plain bytes."""
    base = target.grammar.removesuffix("-prefixed")
    if not knows(base):
        return ""
    return f"{base}+{target.prefix_bytes}" if target.prefix_bytes else base


def environment() -> dict[str, str]:
    """Return the environment of child processes: they find this package, wherever they start."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    return {**os.environ, "PYTHONPATH": path}


def _write(folder: Path, inputs: Mapping[str, bytes]) -> Path:
    folder.mkdir()
    for name, data in inputs.items():
        (folder / name).write_bytes(data)
    return folder


def _seeds(target: Target, *, unguided: bool) -> dict[str, bytes]:
    seeds = dict(target.seeds())
    if unguided or not has_coverage():
        seeds |= {f"unguided_{n}": data for n, data in enumerate(target.unguided_seeds)}
    return seeds


def has_coverage() -> bool:
    """Tell whether atheris is installed here."""
    return find_spec("atheris") is not None


@dataclass(frozen=True, slots=True)
class Child:
    """What became of a child process.

    Attributes:
        code: its exit code; None if it was killed because its time was over.
        log: what it printed: the beginning and the end.
        cpu_s: seconds of CPU that it used.
    """

    code: int | None
    log: str
    cpu_s: float


def run_child(
    target: Target,
    arguments: Sequence[str],
    *,
    defect: str,
    seconds: float,
    children: Children | None = None,
    log: Path | None = None,
) -> Child:
    """Run the child process of a target.

    Args:
        target: which.
        arguments: of `run_target`, behind its module.
        defect: seeded defect to apply there; empty for none.
        seconds: after so many it is killed.
        children: where it can be ended from.
        log: a file for what it prints; by default nobody sees that meanwhile.

    Raises:
        OperatorError: it cannot be started, or `children` was ended.
    """
    command = [*command_of(target, defect), *arguments]
    with log.open("w+b") if log else tempfile.TemporaryFile() as file:
        ended = (children or Children()).measure(
            command, environment=environment(), output=file, seconds=seconds
        )
        file.seek(0)
        printed = file.read(_LOG_HEAD_BYTES_MAX)
        position = file.tell()
        file.seek(max(position, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES_MAX))
        printed += file.read()
        return Child(ended.code, printed.decode("utf-8", "replace"), ended.cpu_s)


def _collect(target: Target, folder: Path, defect: str, children: Children) -> tuple[Crash, ...]:
    paths = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    inputs = {path.name: path.read_bytes() for path in paths}
    stacks: dict[str, str] = {}
    waiting = dict(sorted(inputs.items()))
    while waiting:
        found = replay(target, waiting, defect=defect, children=children)
        stacks |= found
        last = next((name for name, stack in found.items() if stack.startswith(_ENDED)), "")
        waiting = {name: waiting[name] for name in waiting if name > last} if last else {}
    return tuple(Crash(_kind(name), data, stacks.get(name, "")) for name, data in inputs.items())


def _kind(name: str) -> str:
    return _KINDS.get(name.partition("-")[0], "crash")


def replay(
    target: Target,
    inputs: Mapping[str, bytes],
    *,
    defect: str = "",
    children: Children | None = None,
) -> dict[str, str]:
    """Run the plain function on inputs, in one process that is not instrumented.

    Args:
        target: which.
        inputs: by name; the names become file names.
        defect: seeded defect to apply there; empty for none.
        children: where its process can be ended from.

    Returns:
        The tracebacks of those that crash or hang, by name. After a hang the rest is not run.

    Raises:
        OperatorError: the process cannot be started, or does not get as far as the inputs.
    """
    with tempfile.TemporaryDirectory(prefix="gauntlet-fuzz-") as name:
        folder = Path(name) / "inputs"
        _write(folder, inputs)
        child = run_child(
            target,
            ["--replay", str(folder)],
            defect=defect,
            seconds=_REPLAY_SECONDS_MAX,
            children=children,
        )
    code = child.code
    stacks: dict[str, str] = {}
    rest: list[str] = []
    for line in child.log.splitlines():
        if line.startswith("["):
            done, stack = json.loads(line)
            stacks[done] = stack
        else:
            rest.append(line)
    missing = sorted(inputs.keys() - stacks.keys())
    if missing:
        tail = "\n".join(rest)[-_TAIL_CHARS:].strip()
        if code is not None and code >= 0 and not any(map(_is_hang, rest)):
            raise OperatorError(f"the replay did not run (exit code {code}): {tail}")
        how = "hangs" if code is None or code >= 0 else f"ends the process with signal {-code}"
        stacks[missing[0]] = f"{_ENDED} {how}\n{tail}"
    return {name: stack for name, stack in stacks.items() if stack}


def _is_hang(line: str) -> bool:
    return line.startswith("Timeout (")  # from faulthandler
