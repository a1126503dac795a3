"""The pages of a matrix: all there, linked, and inert."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import unquote

import pytest

from suites.harness.report import Matrix, Verdict, matrix_to_html
from suites.harness.report.matrix_html import LINES_MAX
from suites.harness.report.tests.samples import (
    make_column,
    make_full_matrix,
    make_hostile_matrix,
    make_matrix,
    make_talk,
)

VOID = {"meta", "link", "input", "br", "line", "rect"}


class Page(HTMLParser):
    """What tests want to know of a page; fails on elements that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts = 0
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert not [name for name in values if name.startswith("on")]
        self.ids += [value] if (value := values.get("id")) else []
        self.links += [values["href"] or ""] if tag == "a" else []
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("matrix", [make_full_matrix(), make_hostile_matrix()])
def test_every_link_leads_somewhere(matrix: Matrix):
    pages = {path: Page(text) for path, text in matrix_to_html(matrix).items()}
    assert len(pages) == 1 + len(matrix.rows)
    for path, page in pages.items():
        assert len(set(page.ids)) == len(page.ids), path
        for link in page.links:
            address, _, anchor = link.partition("#")
            parts = [*PurePosixPath(path).parent.parts] if address else [path]
            for part in PurePosixPath(address).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            found = pages["/".join(parts)]
            assert not anchor or unquote(anchor) in found.ids, link


@pytest.mark.parametrize("matrix", [make_full_matrix(), make_hostile_matrix()])
def test_nothing_is_fetched_and_no_text_becomes_markup(matrix: Matrix):
    for path, text in matrix_to_html(matrix).items():
        page = Page(text)
        assert page.scripts == (1 if path == "index.html" else 0)
        assert "default-src &#39;none&#39;" in text
        assert not re.search(r'(?:src|href)="(?:https?:|//)', text)
        assert "<script>alert" not in text
        assert "\x1b" not in text


def test_the_index_has_the_matrix_the_areas_and_the_differences():
    text = matrix_to_html(make_full_matrix())["index.html"]
    assert text.count('class="case"') == len(Verdict)
    assert "messages on their way in" in text
    assert "Where the targets differ" in text
    assert 'href="cases/BMQ-PUT-5.html#t0"' in text
    for verdict in Verdict:
        assert f"</span>{verdict.label}</a>" in text, "not by colour alone"


def test_one_target_differs_from_none():
    text = matrix_to_html(make_matrix(make_column("reference", Verdict.PASS)))["index.html"]
    assert "Where the targets differ" not in text
    assert "data-differs" not in text.partition("<script>")[0]


def test_a_cases_page_tells_statement_verdicts_and_talk():
    text = matrix_to_html(make_full_matrix())["cases/BMQ-PUT-5.html"]
    for words in ("it broke", "gauntlet integration --case BMQ-PUT-7", "broker started"):
        assert words in text
    assert "<code>WIRE-PUT-1</code>" in text
    assert re.search(r'<span class="key">length</span> 72\b', text)
    assert "00000048 42020000 …" in text
    assert "closed by us" in text
    assert 'href="BMQ-PUT-4.html"' in text
    assert 'href="BMQ-PUT-6.html"' in text


def test_connections_are_told_as_one_story():
    talks = (make_talk("one"), make_talk("two", began_ms=2.0))
    column = make_column("reference", Verdict.PASS, talks=talks)
    text = matrix_to_html(make_matrix(column))["cases/BMQ-PUT-1.html"]
    assert re.findall(r'<td class="who">(\w+)', text) == ["one", "one", "one", "two", "two", "two"]
    assert re.findall(r'<td class="time">([0-9.]+)', text) == sorted(
        re.findall(r'<td class="time">([0-9.]+)', text), key=float
    )


def test_a_long_talk_is_clipped_and_says_so():
    entries = make_talk().entries * LINES_MAX
    talk = make_talk(entries=entries, gap=3, left_out=7)
    column = make_column("reference", Verdict.PASS, talks=(talk,))
    text = matrix_to_html(make_matrix(column))["cases/BMQ-PUT-1.html"]
    assert text.count('class="who"') == LINES_MAX
    assert "more lines in matrix.json" in text


def test_entries_that_were_not_kept_are_counted_where_they_were():
    column = make_column("reference", Verdict.PASS, talks=(make_talk(gap=1, left_out=7),))
    text = matrix_to_html(make_matrix(column))["cases/BMQ-PUT-1.html"]
    assert text.index("7 entries are not kept") < text.index("closed by us")


def test_a_wavering_target_says_so():
    column = make_column("reference", Verdict.PASS)
    steady = type(column)(column.target, column.result, 20, 20)
    assert "20 of 20 runs were the same" in matrix_to_html(make_matrix(steady))["index.html"]
