"""`python -m suites.fuzz.run_target MODULE`: the child process that fuzzes one target.

It is a process of its own because libFuzzer ends the process, because a target may hang or use up
the memory, and because code gives coverage only if it is imported under atheris; so nothing of the
product is imported here before that.

A crash is an exception that the target lets out. Each one with a stack of its own is written to
the crash folder, and the run goes on; the last one that is allowed ends it the way libFuzzer ends
runs. Hangs and memory are libFuzzer's own business and end the run.

The same process can do three things else with a target: replay inputs, make those smaller that
crash it, and merge folders of inputs.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import json
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from suites.fuzz.unguided import LOOK_EVERY, read_dictionary, run_unguided

STARTED: Final = "gauntlet: fuzzing since"
UNGUIDED: Final = "gauntlet: no coverage guides this run"
#: Printed for every crash with a stack of its own, as a line.
FOUND: Final = "gauntlet: a finding"
#: What parsers of other people begin with, where the name of a module is asked for.
COMMAND: Final = "command:"
FOREIGN: Final = ("python:", COMMAND)
#: One input may take so long outside of the fuzzer before its stack is printed instead.
REPLAY_SECONDS_MAX: Final = 20

_SECONDS_PER_INPUT_MAX: Final = 5
_MEMORY_MIB_MAX: Final = 1024
_REPLAY_ADDRESS_BYTES_MAX: Final = 3 * 1024**3
_FRAMES_COMPARED: Final = 6


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, or replay inputs; returns the exit code if libFuzzer does not end the process."""
    options = _parser().parse_args(arguments)
    if options.replay:
        return _replay(options)
    if options.minimise:
        return _minimise(options)
    if options.merge is not None:
        return _merge(options)
    if options.unguided or find_spec("atheris") is None:
        return _fuzz_unguided(options)
    return _fuzz_guided(options)


def _fuzz_guided(options: argparse.Namespace) -> int:
    atheris = import_module("atheris")  # it exists on some platforms only
    function = _instrumented(atheris, options)
    if options.defect:  # what it has changed gives coverage, too
        for edited in import_module("suites.harness.defects.edits").EDITED:
            atheris.instrument_func(edited)
    recorder = CrashRecorder(function, options.crashes, options.crashes_max)
    # `Mutate` is another function once `Fuzz` runs, and the one that is there now ends the process.
    hooks = _mutator_hooks(options, lambda data, size_max: bytes(atheris.Mutate(data, size_max)))
    atheris.Setup(["gauntlet", *_libfuzzer_arguments(options)], recorder, **hooks)
    _announce_start()
    atheris.Fuzz()
    return 0  # not reached: libFuzzer ends the process


def _instrumented(atheris: Any, options: argparse.Namespace) -> Callable[[bytes], None]:
    """Return the target, whose code and states count as coverage."""
    with atheris.instrument_imports(include=[options.package]):
        function = _function(options)
        import_module("suites.fuzz.core.feedback").install()
    return function


def _mutator_hooks(
    options: argparse.Namespace, mutate_bytes: Callable[[bytes, int], bytes]
) -> dict[str, Callable[..., bytes]]:
    """Return what replaces libFuzzer's own mutation: nothing for inputs without a grammar.

    The target is imported before, so what both need of the product is instrumented.
    """
    if not options.grammar or options.no_mutator:
        return {}
    mutator = import_module("suites.fuzz.mutator")
    found: dict[str, Callable[..., bytes]] = mutator.hooks(options.grammar, mutate_bytes)._asdict()
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m suites.fuzz.run_target")
    parser.add_argument(
        "module",
        help="dotted name of a module with test_one_input(data), python:MODULE:FUNCTION, "
        "or command:PROGRAM ARGUMENTS",
    )
    parser.add_argument(
        "--rejects", action="append", default=[], help="exception by which python: refuses"
    )
    parser.add_argument("--package", default="reference_broker", help="package to instrument")
    parser.add_argument("--break", dest="defect", default="", help="seeded defect to apply")
    parser.add_argument("--replay", type=Path, help="folder of inputs to run once each")
    parser.add_argument(
        "--minimise", type=Path, help="folder of inputs that crash, to make smaller"
    )
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=Path, help="folder of inputs to begin with")
    parser.add_argument("--corpus", type=Path, help="folder for inputs that reach new code")
    parser.add_argument("--crashes", type=Path, help="folder for inputs that crash")
    parser.add_argument("--crashes-max", type=int, default=1)
    parser.add_argument("--dictionary", type=Path)
    parser.add_argument("--input-bytes-max", type=int, default=4096)
    parser.add_argument("--unguided", action="store_true", help="do not use atheris")
    parser.add_argument("--grammar", default="", help="what inputs are, for the mutator")
    parser.add_argument("--no-mutator", action="store_true", help="mutate bytes, whatever they are")
    parser.add_argument(
        "--merge",
        nargs=argparse.REMAINDER,
        help="program to start again, and libFuzzer's arguments",
    )
    return parser


def _function(options: argparse.Namespace) -> Callable[[bytes], None]:
    """Return the target: one of ours, or a parser of somebody else."""
    if options.module.startswith(FOREIGN):
        foreign = import_module("suites.fuzz.foreign")
        parser: Callable[[bytes], None] = foreign.parser_of(options.module, options.rejects)
        return parser
    return load(options.module, options.defect)


def load(module: str, defect: str = "") -> Callable[[bytes], None]:
    """Return a target in this process, with a seeded defect applied for good if one is named.

    Args:
        module: dotted name of a module with `test_one_input(data)`.
        defect: name of the defect; empty for none.
    """
    function: Callable[[bytes], None] = import_module(module).test_one_input
    if defect:
        import_module("suites.harness.defects").ALL_DEFECTS[defect].apply()
    return function


def _libfuzzer_arguments(options: argparse.Namespace) -> list[str]:
    flags = [
        f"-max_total_time={options.seconds}",
        f"-seed={options.seed}",
        f"-max_len={options.input_bytes_max}",
        f"-timeout={_SECONDS_PER_INPUT_MAX}",
        f"-rss_limit_mb={_MEMORY_MIB_MAX}",
        f"-artifact_prefix={options.crashes}/",
        "-print_final_stats=1",
    ]
    if options.dictionary:
        flags.append(f"-dict={options.dictionary}")
    return [*flags, str(options.corpus), str(options.seeds)]


def _fuzz_unguided(options: argparse.Namespace) -> int:
    print(UNGUIDED, flush=True)  # noqa: T201
    recorder = CrashRecorder(_function(options), options.crashes, options.crashes_max)
    paths = [*sorted(options.seeds.iterdir()), *sorted(options.corpus.iterdir())]
    _announce_start()
    run_unguided(
        recorder,
        [path.read_bytes() for path in paths],
        read_dictionary(options.dictionary) if options.dictionary else [],
        seconds=options.seconds,
        seed=options.seed,
        input_bytes_max=options.input_bytes_max,
        mutate=_mutate(options),
        look_every=1 if options.module.startswith(COMMAND) else LOOK_EVERY,
    )
    return 0


def _merge(options: argparse.Namespace) -> int:
    """Let libFuzzer merge folders; it starts the program once more for each attempt."""
    atheris = import_module("atheris")
    function = _instrumented(atheris, options)

    def quiet(data: bytes) -> None:
        # An input that crashes the target may go on doing so; it is merged by what it reached.
        with contextlib.suppress(Exception):
            function(data)

    atheris.Setup(options.merge, quiet)
    atheris.Fuzz()
    return 0  # not reached: libFuzzer ends the process


def _minimise(options: argparse.Namespace) -> int:
    """Make inputs smaller that crash; print a line of JSON for each stack."""
    function = _function(options)
    _limit_memory()
    grammar = "" if options.no_mutator else options.grammar
    shrinking = import_module("suites.fuzz.workflow.shrinking")
    inputs = {path.name: path.read_bytes() for path in sorted(options.minimise.iterdir())}
    for line in shrinking.shrink_all(function, inputs, grammar=grammar):
        print(line, flush=True)  # noqa: T201
    return 0


def _mutate(options: argparse.Namespace) -> Callable[[bytes, int], bytes] | None:
    """Return what changes an input by a seed; None for inputs without a grammar."""
    if not options.grammar or options.no_mutator:
        return None
    mutator = import_module("suites.fuzz.mutator")

    def mutate(data: bytes, seed: int) -> bytes:
        changed: bytes = mutator.mutate(
            data, options.input_bytes_max, seed, grammar=options.grammar
        )
        return changed

    return mutate


def _announce_start() -> None:
    print(f"{STARTED} {time.monotonic():.3f}", flush=True)  # noqa: T201


def _replay(options: argparse.Namespace) -> int:
    """Run each input of a folder once; print a line of JSON for each: name and traceback, if any.

    An input that hangs ends the process with the stack on the error output and no line.
    """
    function = _function(options)
    _limit_memory()
    code = 0
    for path in sorted(options.replay.iterdir()):
        faulthandler.dump_traceback_later(REPLAY_SECONDS_MAX, exit=True)
        stack = stack_of(function, path.read_bytes())
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps([path.name, stack]), flush=True)  # noqa: T201
        code = 1 if stack else code
    return code


def _limit_memory() -> None:
    """Turn what would eat the machine into a `MemoryError`, where the system can."""
    with contextlib.suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_REPLAY_ADDRESS_BYTES_MAX, hard))


def stack_of(function: Callable[[bytes], None], data: bytes) -> str:
    """Run a target once; return the traceback of its crash, or what it says itself, or nothing."""
    try:
        function(data)
    except Exception as error:  # noqa: BLE001  whatever comes is the finding
        if hasattr(error, "signature"):
            return str(error)  # of somebody else's process; the stack would be ours
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        return "".join(traceback.format_exception(type(error), error, frames)).rstrip()
    return ""


class CrashRecorder:
    """A target that keeps what crashes it and goes on.

    Args:
        function: the target itself.
        folder: where inputs go that crash it, as `crash-SHA1`.
        crashes_max: different crashes to keep; the last of them is raised.
    """

    def __init__(self, function: Callable[[bytes], None], folder: Path, crashes_max: int) -> None:
        assert crashes_max > 0, crashes_max
        self._function = function
        self._folder = folder
        self._crashes_max = crashes_max
        self._seen: set[tuple[str, ...]] = set()

    def __call__(self, data: bytes) -> None:
        """Run the target.

        Raises:
            Exception: the last crash that is allowed.
        """
        try:
            self._function(data)
        except Exception as error:
            self._record(data, error)
            if len(self._seen) >= self._crashes_max:
                raise

    def _record(self, data: bytes, error: Exception) -> None:
        stack = signature(error)
        if stack not in self._seen:
            self._seen.add(stack)
            (self._folder / f"crash-{digest_of(data)}").write_bytes(data)
            print(FOUND, flush=True)  # noqa: T201


def digest_of(data: bytes) -> str:
    """Return what names an input, as libFuzzer does: its SHA-1, in hexadecimal digits."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def signature(error: Exception) -> tuple[str, ...]:
    """Return what tells two crashes apart: the type and the innermost places in the code.

    An error that knows better says so in an attribute `signature`. Of a recursion that does not end
    it is the functions that take part, wherever in the round it was given up.
    """
    known = getattr(error, "signature", None)
    if isinstance(known, tuple):
        return (type(error).__qualname__, *known)
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, RecursionError):
        counts = Counter(code for code, _ in frames)
        functions = [f"{code.co_filename}:{code.co_name}" for code, n in counts.items() if n > 1]
        return (type(error).__qualname__, *sorted(functions))
    inner = frames[1:][-_FRAMES_COMPARED:]  # the first one is whoever called the target
    places = (f"{code.co_filename}:{line}" for code, line in inner)
    return (type(error).__qualname__, *places)


if __name__ == "__main__":
    sys.exit(main())
