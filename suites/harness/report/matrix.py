"""Several targets under one suite: the cases as rows, the targets as columns.

A matrix is as good as its worst column: `fail` if a case failed on any target or wavered between
runs, else `error` if a target could not be asked everything, else `pass`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from suites.harness.report.model import (
    EXIT_CODES,
    Case,
    Outcome,
    Report,
    SuiteResult,
    Verdict,
    count_verdicts,
    encode_document,
)

MATRIX_FORMAT_VERSION: Final = 1
"""Of `matrix.json`; it grows when a reader of the old shape would misread the new one."""

_ID: Final = re.compile(r"(?:[A-Z]+-)?([A-Z]+)-[0-9]+")


def area_of(case_id: str) -> str:
    """Return the part of an id that names the area: `PUT` of `BMQ-PUT-7`."""
    match = _ID.fullmatch(case_id)
    return match[1] if match is not None else case_id


@dataclass(frozen=True, slots=True)
class Column:
    """What one target made of the suite.

    Attributes:
        target: its specification, as on the command line, with the seeded defect if there is one.
        result: of the suite; of several runs the worst of each case.
        runs: how many there were.
        same_runs: in how many of them every case had the same verdict.
        wavering: the cases that had different verdicts, with those, run by run.
    """

    target: str
    result: SuiteResult
    runs: int = 1
    same_runs: int = 1
    wavering: Mapping[str, tuple[Verdict, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One case on every target.

    Attributes:
        id: of the case.
        cells: the case per column, None where that column knows no such case.
    """

    id: str
    cells: tuple[Case | None, ...]

    @property
    def first(self) -> Case:
        """The case as the first target that knows it tells it: what is the same for all."""
        return next(cell for cell in self.cells if cell is not None)

    @property
    def verdicts(self) -> frozenset[Verdict]:
        """The verdicts that occur."""
        return frozenset(cell.verdict for cell in self.cells if cell is not None)

    @property
    def differs(self) -> bool:
        """Whether two targets that were asked, as far as the run came, got different verdicts."""
        return len(self.verdicts - {Verdict.NOT_APPLICABLE, Verdict.NOT_RUN}) > 1

    @property
    def is_partial(self) -> bool:
        """Whether some of the targets could not be asked, for they lack what the case needs."""
        return Verdict.NOT_APPLICABLE in self.verdicts and len(self.verdicts) > 1


@dataclass(frozen=True, slots=True)
class Area:
    """The cases of one area."""

    name: str
    text: str
    rows: tuple[Row, ...]

    def totals(self, column: int) -> dict[Verdict, int]:
        """How many of the area's cases have each verdict on one target, zeros included."""
        cells = (row.cells[column] for row in self.rows)
        return count_verdicts(cell for cell in cells if cell is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One run of one suite against several targets.

    Attributes:
        title: one line.
        started_utc: ISO 8601 with an offset of zero.
        command: the shell command that repeats the run.
        environment: named facts about the machine and the versions.
        columns: one per target, in the order of the command line.
        area_texts: what an area is about, by its name.

    Raises:
        AssertionError: there is no column, or a target is there twice.
    """

    title: str
    started_utc: str
    command: str
    columns: tuple[Column, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    area_texts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [column.target for column in self.columns]
        assert names, "a matrix needs a target"
        assert len(set(names)) == len(names), f"a target is there twice: {names}"

    @property
    def reports(self) -> tuple[Report, ...]:
        """A report for each target."""
        return tuple(
            Report(
                title=f"{self.title}: {column.target}",
                target=column.target,
                started_utc=self.started_utc,
                command=self.command,
                environment=self.environment,
                suites=(column.result,),
            )
            for column in self.columns
        )

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every case, in the order of the columns."""
        tables = [{case.id: case for case in column.result.cases} for column in self.columns]
        ids = dict.fromkeys(case_id for table in tables for case_id in table)
        return tuple(Row(case_id, tuple(table.get(case_id) for table in tables)) for case_id in ids)

    @property
    def areas(self) -> tuple[Area, ...]:
        """The rows by area, in the order of their first."""
        grouped: dict[str, list[Row]] = {}
        for row in self.rows:
            grouped.setdefault(area_of(row.id), []).append(row)
        return tuple(
            Area(name, self.area_texts.get(name, ""), tuple(rows)) for name, rows in grouped.items()
        )

    @property
    def differences(self) -> tuple[Row, ...]:
        """The cases that targets answered differently."""
        return tuple(row for row in self.rows if row.differs)

    @property
    def duration_s(self) -> float:
        """The targets' wall time together, in seconds."""
        return sum(column.result.duration_s for column in self.columns)

    @property
    def verdict(self) -> Outcome:
        """The worst of the targets': see the module."""
        found: set[Outcome] = {report.verdict for report in self.reports}
        if any(column.wavering for column in self.columns):
            return "fail"
        return "fail" if "fail" in found else "error" if "error" in found else "pass"

    @property
    def exit_code(self) -> int:
        """0 nothing failed, 1 something failed, 2 something could not run."""
        return EXIT_CODES[self.verdict]


def matrix_to_json(matrix: Matrix) -> bytes:
    """Encode a matrix as UTF-8 JSON: everything, with the outcome and totals in front.

    On one line, for with what went over the wire it is large.
    """
    columns = [
        {"target": report.target, "verdict": report.verdict, "totals": _nonzero(report.totals)}
        for report in matrix.reports
    ]
    areas = {
        area.name: {
            column.target: _nonzero(area.totals(index))
            for index, column in enumerate(matrix.columns)
        }
        for area in matrix.areas
    }
    differences = {
        row.id: {
            column.target: {"verdict": str(cell.verdict), "reason": cell.reason}
            for column, cell in zip(matrix.columns, row.cells, strict=True)
            if cell is not None
        }
        for row in matrix.differences
    }
    summary: dict[str, Any] = {
        "format": MATRIX_FORMAT_VERSION,
        "verdict": matrix.verdict,
        "exit_code": matrix.exit_code,
        "targets": columns,
        "areas": areas,
        "differences": differences,
    }
    return encode_document(summary | msgspec.to_builtins(matrix), indent=-1)


def _nonzero(totals: Mapping[Verdict, int]) -> dict[str, int]:
    return {str(verdict): count for verdict, count in totals.items() if count}
