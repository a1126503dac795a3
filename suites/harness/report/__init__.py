"""The report: the verdict model and its writers.

Build `Case`s, wrap them in a `SuiteResult` per suite and a `Report` per run, then `write_report`
for files and `print_report` for the terminal; `Report.exit_code` is the command's. A suite that
ran against several targets is a `Matrix`, with a `Column` per target, `write_matrix` and
`print_matrix`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError
from suites.harness.report.console import print_matrix, print_report
from suites.harness.report.html import to_html
from suites.harness.report.junit import matrix_to_junit, to_junit
from suites.harness.report.matrix import Area, Column, Matrix, Row, area_of, matrix_to_json
from suites.harness.report.matrix_html import matrix_to_html
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
from suites.harness.report.repeat import merge_runs, stability_text
from suites.harness.report.talk import Direction, Talk, TalkEntry

__all__ = [
    "SUITE_NAMES",
    "Area",
    "Band",
    "Case",
    "Chart",
    "Column",
    "Direction",
    "Matrix",
    "Report",
    "Row",
    "Series",
    "SuiteResult",
    "Table",
    "Talk",
    "TalkEntry",
    "Verdict",
    "area_of",
    "from_json",
    "matrix_to_html",
    "matrix_to_json",
    "matrix_to_junit",
    "merge_runs",
    "print_matrix",
    "print_report",
    "stability_text",
    "to_html",
    "to_json",
    "to_junit",
    "write_matrix",
    "write_report",
]

#: Pages of an older matrix in the same folder, with cases that the new one may not have.
_CASES_FOLDER: Final = "cases"
_CASE_PAGE: Final = re.compile(r"BMQ-[A-Z]+-[0-9]+\.html")


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
    _write(files, folder)


def write_matrix(matrix: Matrix, folder: Path) -> None:
    """Write `index.html`, `cases/<id>.html`, `junit.xml` and `matrix.json` into the folder.

    As `write_report` does; pages of cases that an older matrix left there are removed.

    Raises:
        OperatorError: the folder cannot be created or written.
    """
    pages = {name: page.encode() for name, page in matrix_to_html(matrix).items()}
    # The index comes last: whoever finds it finds what it links to.
    index = {"index.html": pages.pop("index.html")}
    facts = {"matrix.json": matrix_to_json(matrix), "junit.xml": matrix_to_junit(matrix)}
    _write(pages | facts | index, folder)
    with contextlib.suppress(FileNotFoundError):
        for path in (folder / _CASES_FOLDER).iterdir():
            if _CASE_PAGE.fullmatch(path.name) and f"{_CASES_FOLDER}/{path.name}" not in pages:
                path.unlink()


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
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
