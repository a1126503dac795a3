"""The command line of `tools.statements`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError
from suites.integration.case import registered_cases
from suites.integration.runner import import_cases
from tools.statements.chapters import read_chapters
from tools.statements.citations import read_citations
from tools.statements.coverage import Coverage

ROOT: Final = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Print the coverage and what is forbidden, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.statements",
        description="Check that the statements of docs/protocol are enforced and proved.",
    )
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="work tree to check")
    root: Path = parser.parse_args(arguments).root
    try:
        chapters = read_chapters(root / "docs" / "protocol")
        citations = read_citations(root / "reference_broker")
    except OperatorError as error:
        print(f"statements: {error}", file=sys.stderr)
        return 2
    coverage = Coverage(chapters, citations, _proofs())
    findings = coverage.findings()
    print(coverage.table())
    for statement in coverage.statements:
        if statement.excuse:
            print(f"not seen from outside: {statement.id}: {statement.excuse}")
    for finding in findings:
        print(finding)
    print(f"statements: {len(coverage.statements)} statements, {len(findings)} findings")
    return 1 if findings else 0


def _proofs() -> dict[str, tuple[str, ...]]:
    import_cases()
    return {case_id: info.proves for case_id, info in registered_cases().items()}


if __name__ == "__main__":
    sys.exit(main())
