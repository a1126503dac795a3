"""`python -m suites.fuzz.workflow.measure TARGET-MODULE ...`: the child that measures coverage.

The product is imported here under the eyes of coverage.py, definitions included; so this module must
not import any of it before.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from coverage import Coverage


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a target on inputs and write what was executed to a file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m suites.fuzz.workflow.measure")
    parser.add_argument("module", help="dotted name of a module with test_one_input(data)")
    parser.add_argument("--package", required=True, help="package to measure")
    parser.add_argument("--data", type=Path, required=True, help="file for what was executed")
    parser.add_argument("inputs", type=Path, nargs="+", help="folders of inputs")
    options = parser.parse_args(arguments)
    paths = [path for folder in options.inputs for path in sorted(folder.iterdir())]
    inputs = [path.read_bytes() for path in paths if path.is_file()]
    measured = Coverage(
        data_file=options.data,
        branch=True,
        source_pkgs=[options.package],
        omit=["*/tests/*"],
        config_file=False,
        messages=False,
    )
    with measured.collect():
        function = import_module(options.module).test_one_input
        for data in inputs:
            with contextlib.suppress(Exception):  # what it reached before is reached
                function(data)
    measured.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
