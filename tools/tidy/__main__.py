"""The command line of `tools.tidy`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError
from tools.tidy.check import find_all
from tools.tidy.tree import read_tree

ROOT: Final = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Check a work tree, print what is found, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.tidy", description="Check what linters cannot hold."
    )
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="work tree to check")
    root: Path = parser.parse_args(arguments).root
    try:
        files = read_tree(root)
        findings = find_all(files)
    except OperatorError as error:
        print(f"tidy: {error}", file=sys.stderr)
        return 2
    for finding in findings:
        print(finding)
    print(f"tidy: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
