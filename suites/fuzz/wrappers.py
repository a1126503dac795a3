"""`python -m suites.fuzz.wrappers SOURCES OUT`: what ClusterFuzzLite and OSS-Fuzz want of each target.

| file                         | what it is                                                    |
|------------------------------|---------------------------------------------------------------|
| `SOURCES/NAME.py`            | a program that fuzzes the target, to be made into a fuzzer    |
| `OUT/NAME_seed_corpus.zip`   | where it begins                                               |
| `OUT/NAME.dict`              | the protocol's tokens, where they are worth inserting         |
| `OUT/NAME.options`           | the longest input, and the time and memory that one may take  |

`NAME` is that of the target's module. The canary is left out, because it has to crash.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from suites.fuzz.engine import DICTIONARY, grammar_of
from suites.fuzz.registry import ALL, Target

#: One input may take so long, and its process so much memory.
SECONDS_PER_INPUT_MAX: Final = 25
MEMORY_MIB_MAX: Final = 2048

# No import of the future: in front of it, the builder puts lines of its own to measure coverage.
_PROGRAM: Final = '''"""{title}."""

import sys

import atheris

with atheris.instrument_imports(include=["{package}"]):
    from {module} import test_one_input
    from suites.fuzz.core import feedback

{mutator}

def main():
    feedback.install()
    atheris.Setup(sys.argv, test_one_input, **HOOKS)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
'''
_MUTATOR: Final = """from suites.fuzz.mutator import hooks

# `Mutate` is another function once `Fuzz` runs.
HOOKS = hooks("{grammar}", lambda data, most: bytes(atheris.Mutate(data, most)))._asdict()
"""
_NO_MUTATOR: Final = "HOOKS = {}\n"
#: Files in an archive have a time; the same one, so that the same seeds are the same archive.
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files of every target, print their names, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m suites.fuzz.wrappers")
    parser.add_argument("sources", type=Path, help="folder for programs")
    parser.add_argument("out", type=Path, help="folder for what lies beside the fuzzers")
    options = parser.parse_args(arguments)
    for target in ALL:
        write_target(target, options.sources, options.out)
        print(name_of(target))  # noqa: T201
    return 0


def name_of(target: Target) -> str:
    """Return what a target's fuzzer is called."""
    return target.module.rpartition(".")[2]


def write_target(target: Target, sources: Path, out: Path) -> None:
    """Write the program, the seeds, the dictionary and the options of one target.

    Args:
        target: which.
        sources: folder for the program.
        out: folder for the others.
    """
    name = name_of(target)
    (sources / f"{name}.py").write_text(program(target))
    _write_seeds(target, out / f"{name}_seed_corpus.zip")
    (out / f"{name}.options").write_text(
        f"[libfuzzer]\nmax_len = {target.input_bytes_max}\n"
        f"timeout = {SECONDS_PER_INPUT_MAX}\nrss_limit_mb = {MEMORY_MIB_MAX}\n"
    )
    if target.has_dictionary:
        (out / f"{name}.dict").write_bytes(DICTIONARY.read_bytes())


def program(target: Target) -> str:
    """Return the program that fuzzes a target."""
    grammar = grammar_of(target)
    return _PROGRAM.format(
        title=target.title,
        package=target.package,
        module=target.module,
        mutator=_MUTATOR.format(grammar=grammar) if grammar else _NO_MUTATOR,
    )


def _write_seeds(target: Target, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(target.seeds().items()):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    sys.exit(main())
