"""The report as one HTML file that works offline, without scripts, and from any hostile text.

- Nothing is fetched, and whatever slips into the page does nothing: see `page`.
- The file stays under `HTML_BYTES_MAX`: `ROOMS` is a ladder of ever smaller shares, and the first
  that fits is taken. What is left out is said in the page; `report.json` always has it all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from suites.harness.report.model import SEVERITY, Case, Report, SuiteResult, Table, Verdict
from suites.harness.report.page import HEADLINES, SYMBOLS, Pages
from suites.harness.report.svg import draw_chart, draw_totals
from suites.harness.report.text import clip, one_line

HTML_BYTES_MAX = 2_000_000

NOT_IN_ANCHOR = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass(frozen=True, slots=True)
class _Room:
    """How much of a report one page may show."""

    cases: int
    text_chars: int
    rows: int
    charts: int
    points: int
    items: int


ROOMS = (
    _Room(cases=2_000, text_chars=32_000, rows=500, charts=24, points=1_200, items=200),
    _Room(cases=2_000, text_chars=4_000, rows=200, charts=24, points=400, items=100),
    _Room(cases=1_000, text_chars=500, rows=50, charts=12, points=200, items=50),
    _Room(cases=50, text_chars=200, rows=20, charts=4, points=100, items=20),
    _Room(cases=0, text_chars=100, rows=0, charts=0, points=0, items=10),
)
"""Of one suite: `cases`, tables' `rows`, `charts`. The rest is of one text, series or mapping."""


@dataclass(frozen=True, slots=True)
class _CaseView:
    """A case with what the template would otherwise have to work out."""

    case: Case
    anchor: str
    statement: str
    expectation: str
    details: str
    log: str
    properties: list[tuple[str, str]]
    has_more: bool


@dataclass(frozen=True, slots=True)
class _TableView:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class _SuiteView:
    """A suite with what the template would otherwise have to work out."""

    result: SuiteResult
    totals: list[tuple[Verdict, int]]
    bar: Markup
    cases: list[_CaseView]
    cases_left_out: int
    notes: tuple[str, ...]
    tables: list[_TableView]
    charts: list[Markup]


def to_html(report: Report) -> str:
    """Render the report as one page of at most `HTML_BYTES_MAX` bytes in UTF-8."""
    pages = Pages("template.html.j2", ("base.css", "report.css"), ("report.js", "copy.js"))
    for room in ROOMS:
        page = pages.render(
            outcome=report.verdict,
            report=report,
            headline=HEADLINES[report.verdict],
            symbols=SYMBOLS,
            suites=[_view_suite(suite, room) for suite in report.suites],
            totals=_nonzero(report.totals),
            environment=list(report.environment.items())[: room.items],
        )
        if len(page.encode()) <= HTML_BYTES_MAX:
            return page
    raise AssertionError(f"the page has over {HTML_BYTES_MAX} bytes although it shows no case")


def _view_suite(suite: SuiteResult, room: _Room) -> _SuiteView:
    chosen = _choose(suite.cases, room.cases)
    anchors = _anchors(suite.name, chosen)
    charts = [
        draw_chart(chart, room.points, f"chart-{suite.name}-{index}")
        for index, chart in enumerate(suite.charts[: room.charts])
    ]
    return _SuiteView(
        result=suite,
        totals=_nonzero(suite.totals),
        bar=draw_totals(suite.totals),
        cases=[
            _view_case(case, anchor, room) for case, anchor in zip(chosen, anchors, strict=True)
        ],
        cases_left_out=len(suite.cases) - len(chosen),
        notes=tuple(clip(note, room.text_chars) for note in suite.notes[: room.items]),
        tables=[_view_table(table, room) for table in suite.tables[: room.items]],
        charts=charts,
    )


def _view_case(case: Case, anchor: str, room: _Room) -> _CaseView:
    properties = [
        (one_line(name), one_line(_property_text(value)))
        for name, value in list(case.properties.items())[: room.items]
    ]
    return _CaseView(
        case=case,
        anchor=anchor,
        statement=clip(case.statement, room.text_chars),
        expectation=clip(case.expectation, room.text_chars),
        details=clip(case.details, room.text_chars),
        log=clip(case.log, room.text_chars),
        properties=properties,
        has_more=bool(
            case.statement
            or case.expectation
            or case.reason
            or case.details
            or case.log
            or case.replay
            or properties
        ),
    )


def _view_table(table: Table, room: _Room) -> _TableView:
    rows = tuple(
        tuple(one_line(cell) for cell in row[: room.items]) for row in table.rows[: room.rows]
    )
    columns = tuple(one_line(column) for column in table.columns[: room.items])
    return _TableView(table.title, columns, rows, len(table.rows) - len(rows))


def _choose(cases: tuple[Case, ...], cases_max: int) -> tuple[Case, ...]:
    """Take the worst cases if not all may stay, in the order of the run."""
    if len(cases) <= cases_max:
        return cases
    rank = {verdict: index for index, verdict in enumerate(SEVERITY)}
    worst = sorted(range(len(cases)), key=lambda index: (rank[cases[index].verdict], index))
    return tuple(cases[index] for index in sorted(worst[:cases_max]))


def _anchors(suite: str, cases: tuple[Case, ...]) -> list[str]:
    """Give each case an id for links that is unique in the page and, if it can be, readable."""
    anchors: list[str] = []
    taken: set[str] = set()
    for index, case in enumerate(cases):
        anchor = f"case-{suite}-{NOT_IN_ANCHOR.sub('-', case.id)[:100]}"
        # The tilde is in no shorter anchor, so this one is free.
        anchor = f"{anchor}~{index}" if anchor in taken else anchor
        taken.add(anchor)
        anchors.append(anchor)
    return anchors


def _property_text(value: str | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _nonzero(totals: dict[Verdict, int]) -> list[tuple[Verdict, int]]:
    return [(verdict, count) for verdict, count in totals.items() if count]
