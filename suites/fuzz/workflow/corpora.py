"""Corpora that stay: where they are, and merging them into what is needed of them.

libFuzzer merges: of all inputs it keeps the smallest ones that together reach everything that all of
them reach. It starts itself again for that, so the child gets a small program that does.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from reference_broker.base import OperatorError
from suites.fuzz.engine import command_of, environment, has_coverage, run_child
from suites.fuzz.registry import Target

FOLDER: Final = Path(".gauntlet-fuzz", "corpus")
MERGE_SECONDS_MAX: Final = 3_600.0

_MERGED: Final = re.compile(r"MERGE-OUTER: \d+ new files with (\d+) new features added")
_TAIL_CHARS: Final = 2_000
_INPUT_BYTES_MAX: Final = 1 << 20


class Merged(NamedTuple):
    """What a merge did.

    Attributes:
        before: inputs that were there.
        after: inputs that are needed of them, with those that `into` had.
        features: that they reach and `into` did not.
        folder: where they are.
    """

    before: int
    after: int
    features: int
    folder: Path


def corpus_folder(target: Target, chosen: Path | None, *, is_alone: bool) -> Path:
    """Return the folder of a target's corpus, made if it is not there.

    Args:
        target: which.
        chosen: what the command line says; by default there is one folder for each target.
        is_alone: whether `chosen` is for this target alone.

    Raises:
        OperatorError: it cannot be made.
    """
    folder = chosen if chosen and is_alone else (chosen or FOLDER) / target.id
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"the corpus folder {folder} cannot be made: {error}") from error
    return folder


def merge(target: Target, corpus: Path, into: Path | None = None) -> Merged:
    """Keep what is needed of a corpus.

    Args:
        target: whose.
        corpus: a folder of inputs; it is left as it is if there is `into`.
        into: a folder to which those are added that reach more than what is there; by default the
            corpus itself is made smaller.

    Raises:
        OperatorError: there is no corpus, no coverage to go by, or libFuzzer gave up.
    """
    if not corpus.is_dir():
        raise OperatorError(
            f"there is no corpus of {target.id} in {corpus}; fuzz it with --minutes"
        )
    if not has_coverage():
        raise OperatorError("merging goes by coverage, and atheris is not installed")
    before = _count(corpus)
    with tempfile.TemporaryDirectory(prefix="gauntlet-merge-", dir=corpus.parent) as name:
        new = into or Path(name, "merged")
        new.mkdir(parents=True, exist_ok=True)
        features = _merge(target, corpus, new, Path(name))
        after = _count(new)
        if into is None:
            _exchange(corpus, new, Path(name, "old"))
    return Merged(before, after, features, into or corpus)


def _merge(target: Target, corpus: Path, into: Path, work: Path) -> int:
    program = work.resolve() / "again"
    arguments = ["--package", target.package, "--merge"]
    command = [*command_of(target), *arguments, str(program)]
    path = shlex.quote(environment()["PYTHONPATH"])
    again = f'#!/bin/sh\nPYTHONPATH={path} exec {shlex.join(command)} "$@"\n'
    program.write_text(again, "utf-8")
    program.chmod(0o700)
    sizes = [path.stat().st_size for path in corpus.iterdir()]
    bytes_max = min(max([*sizes, target.input_bytes_max]), _INPUT_BYTES_MAX)
    flags = ["-merge=1", f"-max_len={bytes_max}", str(into.resolve()), str(corpus.resolve())]
    child = run_child(
        target,
        [*arguments, str(program), *flags],
        defect="",
        seconds=MERGE_SECONDS_MAX,
    )
    done = _MERGED.search(child.log)
    if child.code or not done:
        raise OperatorError(
            f"the merge did not end well (exit code {child.code}): {child.log[-_TAIL_CHARS:]}"
        )
    return int(done[1])


def _exchange(folder: Path, new: Path, old: Path) -> None:
    """Put a folder in the place of another one of the same file system."""
    folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old)


def _count(folder: Path) -> int:
    return sum(path.is_file() for path in folder.iterdir())
