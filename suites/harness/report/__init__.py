"""The report: the verdict model and its writers.

Build `Case`s, wrap them in a `SuiteResult` per suite and a `Report` per run, then `write_report`
for files and `print_report` for the terminal; `Report.exit_code` is the command's.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from reference_broker.base import OperatorError
from suites.harness.report.console import print_report
from suites.harness.report.html import to_html
from suites.harness.report.junit import to_junit
from suites.harness.report.model import (
    SUITE_NAMES,
    Band,
    Case,
    Chart,
    Report,
    Series,
    SuiteResult,
    Table,
    Verdict,
    from_json,
    to_json,
)

__all__ = [
    "SUITE_NAMES",
    "Band",
    "Case",
    "Chart",
    "Report",
    "Series",
    "SuiteResult",
    "Table",
    "Verdict",
    "from_json",
    "print_report",
    "to_html",
    "to_json",
    "to_junit",
    "write_report",
]


def write_report(report: Report, folder: Path) -> None:
    """Write `index.html`, `junit.xml` and `report.json` into the folder, creating it.

    Everything is rendered before the first byte is written, and each file takes its name only
    when it is whole, so a reader never sees half a file.

    Args:
        report: the run.
        folder: where; files of these names in it are replaced.

    Raises:
        OperatorError: the folder cannot be created or written.
    """
    files = {
        "report.json": to_json(report),
        "junit.xml": to_junit(report),
        "index.html": to_html(report).encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            _replace_file(folder / name, data)
    except OSError as error:
        raise OperatorError(
            f"the report cannot be written to {folder}: {error}; choose another folder"
        ) from error


def _replace_file(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
