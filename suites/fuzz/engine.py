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
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError
from suites.fuzz.children import Children
from suites.fuzz.mutator import knows
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

_STATUS: Final = re.compile(
    r"^#\d+\s+\w+\s+cov: (?P<coverage>\d+) ft: (?P<features>\d+) "
    r"corp: (?P<units>\d+)/(?P<size>\d+)(?P<unit>[KMG]?)b",
    re.MULTILINE,
)
_STATISTIC: Final = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)
_SINCE: Final = re.compile(rf"^{STARTED} ([0-9.]+)$", re.MULTILINE)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
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
    """

    target: Target
    seed: int
    duration_s: float
    statistics: Statistics
    crashes: tuple[Crash, ...] = ()
    is_guided: bool = True
    problem: str = ""

    @property
    def executions_per_s(self) -> int:
        """How fast it was."""
        return round(self.statistics.executions / max(self.duration_s, 0.001))


def parse_statistics(log: str) -> Statistics:
    """Read the last status line and the final statistics of a log of libFuzzer."""
    statuses = list(_STATUS.finditer(log))
    numbers = {name: int(value) for name, value in _STATISTIC.findall(log)}
    executions = numbers.get("number_of_executed_units", 0)
    rss = numbers.get("peak_rss_mb", 0)
    if not statuses:
        return Statistics(executions=executions, peak_rss_mib=rss)
    last = statuses[-1]
    return Statistics(
        executions=executions,
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

    Raises:
        OperatorError: the process cannot be started, or `children` was ended.
    """
    assert seconds >= 1, seconds
    children = children or Children()
    with tempfile.TemporaryDirectory(prefix="gauntlet-fuzz-") as name:
        folder = Path(name)
        command = [
            *_command(target, defect),
            *("--package", target.package),
            *("--seconds", str(seconds)),
            *("--seed", str(seed)),
            *("--seeds", str(_write(folder / "seeds", _seeds(target, unguided=unguided)))),
            *("--corpus", str(_write(folder / "corpus", {}))),
            *("--crashes", str(_write(folder / "crashes", {}))),
            *("--crashes-max", str(crashes_max)),
            *("--input-bytes-max", str(target.input_bytes_max)),
        ]
        if target.has_dictionary:
            command += ["--dictionary", str(DICTIONARY)]
        if knows(target.grammar):  # other inputs are plain bytes for the mutator
            command += ["--grammar", _grammar(target)]
        if not mutator:
            command.append("--no-mutator")
        if unguided:
            command.append("--unguided")
        code, log = _run(children, command, seconds + _OVERHEAD_SECONDS_MAX)
        ended = time.monotonic()
        crashes = _collect(target, folder / "crashes", defect, children)
    return _judge(Run(target, seed, 0.0, parse_statistics(log), crashes), log, code, ended)


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
    return Run(
        target=run.target,
        seed=run.seed,
        duration_s=ended - float(since[1]) if since else 0.0,
        statistics=run.statistics,
        crashes=run.crashes,
        is_guided=UNGUIDED not in log,
        problem=problem,
    )


def _command(target: Target, defect: str) -> list[str]:
    command = [sys.executable, "-m", "suites.fuzz.run_target", target.module]
    return [*command, "--break", defect] if defect else command


def _grammar(target: Target) -> str:
    """Return what inputs are, with the bytes in front of it."""
    base = target.grammar.removesuffix("-prefixed")
    return f"{base}+{target.prefix_bytes}" if target.prefix_bytes else base


def _environment() -> dict[str, str]:
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


def _run(children: Children, command: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """Run a command; returns its exit code, None if it was killed, and what it printed."""
    with tempfile.TemporaryFile() as log:
        code = children.run(command, environment=_environment(), output=log, seconds=seconds)
        log.seek(0)
        printed = log.read(_LOG_HEAD_BYTES_MAX)
        position = log.tell()
        log.seek(max(position, log.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES_MAX))
        printed += log.read()
        return code, printed.decode("utf-8", "replace")


def _collect(target: Target, folder: Path, defect: str, children: Children) -> tuple[Crash, ...]:
    crashes: list[Crash] = []
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        data = path.read_bytes()
        stacks = replay(target, {path.name: data}, defect=defect, children=children)
        crashes.append(Crash(_kind(path.name), data, stacks.get(path.name, "")))
    return tuple(crashes)


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
        command = [*_command(target, defect), "--replay", str(folder)]
        code, log = _run(children or Children(), command, _REPLAY_SECONDS_MAX)
    stacks: dict[str, str] = {}
    rest: list[str] = []
    for line in log.splitlines():
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
        stacks[missing[0]] = f"the input {how}\n{tail}"
    return {name: stack for name, stack in stacks.items() if stack}


def _is_hang(line: str) -> bool:
    return line.startswith("Timeout (")  # from faulthandler
