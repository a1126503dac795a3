"""A matrix as pages: one with all cases by all targets, and one per case.

Pages per case, and not one page for everything: with its talks, a case takes some ten kilobytes per
target, so a few hundred cases on three targets would make a page that no browser likes. Each page
stands for itself, to be mailed or attached to an issue: see `page`.

Texts and talks are clipped to what a page may show; `matrix.json` has them all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from suites.harness.report.matrix import Area, Column, Matrix, Row
from suites.harness.report.model import SEVERITY, Case, SuiteResult, Verdict
from suites.harness.report.page import HEADLINES, SYMBOLS, Pages
from suites.harness.report.repeat import stability_text
from suites.harness.report.svg import draw_totals
from suites.harness.report.talk import Talk, TalkEntry
from suites.harness.report.text import clip, one_line, plural

BAD_SHOWN_MAX = 60
TEXT_CHARS_MAX = 32_000
PROPERTIES_MAX = 200
LINES_MAX = 600
_REASON_CHARS_MAX = 200
_HEX_GROUP_CHARS = 8
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_NAME_CHARS_MAX = 100

LEGEND: tuple[tuple[Verdict, str], ...] = (
    (Verdict.PASS, "as the statement asks"),
    (Verdict.NON_STRICT, "tolerable, and not what the statement asks"),
    (Verdict.INFORMATIONAL, "observed; the protocol leaves it open"),
    (Verdict.NOT_APPLICABLE, "the target lacks what the case needs"),
    (Verdict.FAIL, "the target broke what the case states"),
    (Verdict.NOT_RUN, "the case was due, and the run ended before it"),
    (Verdict.ERROR, "the case could not run"),
)


@dataclass(frozen=True, slots=True)
class _CellView:
    case: Case
    href: str


@dataclass(frozen=True, slots=True)
class _RowView:
    id: str
    title: str
    href: str
    cells: list[_CellView | None]
    told: list[tuple[Column, _CellView]]
    verdicts: str
    reasons: str
    differs: bool


@dataclass(frozen=True, slots=True)
class _AreaView:
    name: str
    text: str
    anchor: str
    rows: list[_RowView]
    totals: list[list[tuple[Verdict, int]]]
    bars: list[Markup]


@dataclass(frozen=True, slots=True)
class _ColumnView:
    target: str
    result: SuiteResult
    totals: list[tuple[Verdict, int]]
    bar: Markup
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """An entry of a talk with what the template would otherwise have to work out."""

    entry: TalkEntry
    who: str
    way: str
    case_ms: float
    hex: str


@dataclass(frozen=True, slots=True)
class _CaseView:
    """A case on one target."""

    target: str
    anchor: str
    case: Case
    details: str
    log: str
    properties: list[tuple[str, str]]
    lines: list[_Line]
    lines_left_out: int


@dataclass(frozen=True, slots=True)
class _Link:
    id: str
    href: str


def matrix_to_html(matrix: Matrix) -> dict[str, str]:
    """Render a matrix.

    Returns:
        The pages by their paths: `index.html`, and `cases/BMQ-PUT-7.html` for each case.
    """
    rows = matrix.rows
    names = _file_names([row.id for row in rows])
    renderer = Pages("case.html.j2", ("base.css", "matrix.css"))
    anchors = _file_names([area.name for area in matrix.areas])
    pages = {"index.html": _index(matrix, names, anchors)}
    areas = {row.id: anchors[area.name] for area in matrix.areas for row in area.rows}
    for index, row in enumerate(rows):
        around = [rows[at] if 0 <= at < len(rows) else None for at in (index - 1, index + 1)]
        links = [other and _Link(other.id, f"{names[other.id]}.html") for other in around]
        pages[f"cases/{names[row.id]}.html"] = renderer.render(
            outcome="fail" if any(verdict.is_bad for verdict in row.verdicts) else "pass",
            matrix=matrix,
            row=row,
            symbols=SYMBOLS,
            area_anchor=areas[row.id],
            statement=clip(row.first.statement, TEXT_CHARS_MAX),
            expectation=clip(row.first.expectation, TEXT_CHARS_MAX),
            views=list(_case_views(matrix, row)),
            previous=links[0],
            next=links[1],
        )
    return pages


def _index(matrix: Matrix, names: Mapping[str, str], anchors: Mapping[str, str]) -> str:
    areas = [_area_view(matrix, area, names, anchors[area.name]) for area in matrix.areas]
    rows = [row for area in areas for row in area.rows]
    bad = [
        (column.target, view)
        for row in rows
        for column, view in row.told
        if view.case.verdict in {Verdict.FAIL, Verdict.ERROR}
    ]
    bad.sort(key=lambda item: item[1].case.verdict is not Verdict.FAIL)
    return Pages("matrix.html.j2", ("base.css", "matrix.css"), ("matrix.js", "copy.js")).render(
        outcome=matrix.verdict,
        matrix=matrix,
        headline=HEADLINES[matrix.verdict],
        summary=_summary(matrix),
        symbols=SYMBOLS,
        columns=[_column_view(column) for column in matrix.columns],
        rows=rows,
        areas=areas,
        bad=bad[:BAD_SHOWN_MAX],
        bad_left_out=len(bad[BAD_SHOWN_MAX:]),
        not_run=_not_run(rows),
        not_run_verdict=Verdict.NOT_RUN,
        differences=[row for row in rows if row.differs],
        partial=_partial(matrix, rows),
        totals=_row_totals(rows),
        environment=list(matrix.environment.items())[:PROPERTIES_MAX],
        legend=LEGEND,
    )


def _summary(matrix: Matrix) -> str:
    text = f"{plural(len(matrix.rows), 'case')} on {plural(len(matrix.columns), 'target')}"
    failed = sum(Verdict.FAIL in row.verdicts for row in matrix.rows)
    parts = [f"{failed:,} failed somewhere"] if failed else []
    if len(matrix.columns) > 1:
        parts.append(f"{len(matrix.differences):,} differ")
    return f"{text}: {', '.join(parts)}" if parts else text


def _column_view(column: Column) -> _ColumnView:
    totals = column.result.totals
    notes = (stability_text(column), *column.result.notes, column.result.problem)
    return _ColumnView(
        target=column.target,
        result=column.result,
        totals=_nonzero(totals),
        bar=draw_totals(totals),
        notes=tuple(one_line(note) for note in notes if note and note != f"target {column.target}"),
    )


def _area_view(matrix: Matrix, area: Area, names: Mapping[str, str], anchor: str) -> _AreaView:
    totals = [area.totals(index) for index in range(len(matrix.columns))]
    return _AreaView(
        name=area.name,
        text=area.text,
        anchor=anchor,
        rows=[_row_view(matrix, row, f"cases/{names[row.id]}.html") for row in area.rows],
        totals=[_nonzero(counts) for counts in totals],
        bars=[draw_totals(counts) for counts in totals],
    )


def _row_view(matrix: Matrix, row: Row, href: str) -> _RowView:
    cells = [
        None if case is None else _CellView(case, f"{href}#t{index}")
        for index, case in enumerate(row.cells)
    ]
    pairs = zip(matrix.columns, cells, strict=True)
    told = [(column, view) for column, view in pairs if view is not None]
    reasons = dict.fromkeys(one_line(view.case.reason, _REASON_CHARS_MAX) for _, view in told)
    return _RowView(
        id=row.id,
        title=row.first.title,
        href=href,
        cells=cells,
        told=told,
        verdicts=" ".join(sorted(verdict.value for verdict in row.verdicts)),
        reasons=" ".join(reason for reason in reasons if reason),
        differs=row.differs,
    )


def _not_run(rows: Iterable[_RowView]) -> list[tuple[str, str, int]]:
    """Count the cases that were not run by target and reason: one reason stops hundreds."""
    found = Counter(
        (column.target, view.case.reason)
        for row in rows
        for column, view in row.told
        if view.case.verdict is Verdict.NOT_RUN
    )
    return [(target, reason, count) for (target, reason), count in found.items()]


def _partial(matrix: Matrix, rows: Iterable[_RowView]) -> list[tuple[str, str, list[_Link]]]:
    """Group the cases that only some targets could be asked by target and reason."""
    partial = {row.id for row in matrix.rows if row.is_partial}
    found: dict[tuple[str, str], list[_Link]] = {}
    for row in rows:
        for column, view in row.told:
            if row.id in partial and view.case.verdict is Verdict.NOT_APPLICABLE:
                key = (column.target, view.case.reason)
                found.setdefault(key, []).append(_Link(row.id, row.href))
    return [(target, reason, links) for (target, reason), links in found.items()]


def _row_totals(rows: Iterable[_RowView]) -> list[tuple[Verdict, int]]:
    """Count the rows in which each verdict occurs."""
    found = Counter(verdict for row in rows for verdict in row.verdicts.split())
    return [(verdict, found[verdict.value]) for verdict in SEVERITY if found[verdict.value]]


def _case_views(matrix: Matrix, row: Row) -> Iterable[_CaseView]:
    for index, (column, case) in enumerate(zip(matrix.columns, row.cells, strict=True)):
        if case is None:
            continue
        lines = _lines(case.talks)
        yield _CaseView(
            target=column.target,
            anchor=f"t{index}",
            case=case,
            details=clip(case.details, TEXT_CHARS_MAX),
            log=clip(case.log, TEXT_CHARS_MAX),
            properties=[
                (
                    one_line(name),
                    one_line(f"{value:.6g}" if isinstance(value, float) else str(value)),
                )
                for name, value in list(case.properties.items())[:PROPERTIES_MAX]
            ],
            lines=lines[:LINES_MAX],
            lines_left_out=len(lines[LINES_MAX:]),
        )


def _lines(talks: Iterable[Talk]) -> list[_Line]:
    """Merge the talks of a case into one story, in the order of time."""
    lines: list[_Line] = []
    for talk in talks:
        entries = list(talk.entries)
        if talk.left_out:
            at_ms = entries[talk.gap - 1].at_ms if talk.gap else 0.0
            text = f"{talk.left_out:,} entries are not kept"
            entries.insert(talk.gap, TalkEntry(at_ms=at_ms, direction="-", name=text))
        if not entries:
            entries.append(TalkEntry(at_ms=0.0, direction="-", name="nothing is kept"))
        lines += [_line(talk, entry) for entry in entries]
    # Stable: what happened at the same time stays in the order of its connection.
    return sorted(lines, key=lambda line: line.case_ms)


def _line(talk: Talk, entry: TalkEntry) -> _Line:
    digits = entry.hex
    groups = [digits[at : at + _HEX_GROUP_CHARS] for at in range(0, len(digits), _HEX_GROUP_CHARS)]
    more = " …" if len(digits) < entry.size * 2 else ""
    return _Line(
        entry=entry,
        who=talk.name,
        way={">": "sent", "<": "came", "-": "noted"}[entry.direction],
        case_ms=talk.began_ms + entry.at_ms,
        hex=" ".join(groups) + more if groups else "",
    )


def _nonzero(totals: Mapping[Verdict, int]) -> list[tuple[Verdict, int]]:
    return [(verdict, count) for verdict, count in totals.items() if count]


def _file_names(ids: Iterable[str]) -> dict[str, str]:
    """Give each id a name for files and links that is unique and, if it can be, readable."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for index, case_id in enumerate(ids):
        name = _NOT_IN_NAME.sub("-", case_id)[:_NAME_CHARS_MAX]
        # Folders may not tell apart small and capital letters; the tilde is in no shorter name.
        name = f"{name}~{index}" if name.lower() in taken else name
        taken.add(name.lower())
        names[case_id] = name
    return names
