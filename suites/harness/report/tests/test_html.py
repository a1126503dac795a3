"""The page as text: it is whole, inert, self-contained and small. `test_browser` opens it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from suites.harness.report import Chart, Report, Series, SuiteResult, Table, Verdict, to_html
from suites.harness.report.html import HTML_BYTES_MAX
from suites.harness.report.tests.samples import (
    REPLAY,
    make_case,
    make_full_report,
    make_hostile_report,
    make_report,
    make_suite,
)

Attributes = list[tuple[str, str | None]]

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """Collects the elements and checks that they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def find(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and attributes.items() <= attrs.items()
        ]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(to_html(make_full_report()))


def test_it_shows_suites_verdict_replay_statement_and_measurements(page: Page) -> None:
    for name in ("integration", "chaos", "stress", "fuzz"):
        assert page.find("section", id=f"suite-{name}")
        assert page.find("a", href=f"#suite-{name}")
    assert page.find("section", **{"class": "banner is-fail"})
    for words in (
        "Failed",
        "exit code 1",
        REPLAY,
        "A PUT is acknowledged.",
        "One ACK.",
        "Traceback: status is SUCCESS",
        "the SDK is 1.2.2",
        "Latency, ms",
        "acknowledgement",
        "Rate and latency under a partition",
        "gauntlet gate --target reference",
    ):
        assert words in page.text


def test_only_what_went_wrong_is_expanded(page: Page) -> None:
    # The failure and the case that could not run and the one that was not run.
    assert len([1 for attrs in page.find("details") if "open" in attrs]) == 3
    assert len(page.find("tr", **{"class": "case"})) == 9


def test_every_link_has_its_target_and_every_id_is_unique(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in page.find("a"):
        assert attrs["href"].removeprefix("#") in ids


def test_nothing_points_outside(page: Page) -> None:
    outside = {"src", "srcset", "action", "data", "poster", "background"}
    for tag, attrs in page.elements:
        assert not outside & attrs.keys()
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        if "href" in attrs:
            assert attrs["href"].startswith("data:" if tag == "link" else "#")
    (policy,) = page.find("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy["content"]


def test_hostile_text_stays_text() -> None:
    text = to_html(make_hostile_report())
    page = Page(text)
    assert len(page.find("script")) == 1
    assert "<script>alert(1)</script> ]]> &amp;" in page.text
    assert "{{ 7 * 7 }} {% raw %}" in page.text
    assert "\\x00\\x01red" in page.text
    assert not set(text) & set("\x00\x01\x1b\x9b\udc80\u202e")


def test_ids_that_look_alike_get_anchors_of_their_own() -> None:
    cases = tuple(make_case(id=name) for name in ("a/b", "a-b", "a b"))
    page = Page(to_html(make_report(SuiteResult("integration", cases, 1.0))))
    anchors = [attrs["id"] for attrs in page.find("tr", **{"class": "case"})]
    assert len(set(anchors)) == 3


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (make_report(make_suite(Verdict.PASS)), "Passed"),
        (make_report(make_suite(name="fuzz")), "Could not run"),
        (make_report(make_suite(name="fuzz")), "the suite ran no case"),
        (make_report(), "Could not run"),
    ],
)
def test_verdicts_and_reports_with_nothing_in_them(report: Report, words: str) -> None:
    assert words in Page(to_html(report)).text


def test_huge_details_are_cut_with_a_note() -> None:
    case = make_case(verdict=Verdict.FAIL, details="x" * 100_000)
    text = to_html(make_report(SuiteResult("integration", (case,), 1.0)))
    assert "68,000 characters left out; report.json" in text
    assert "x" * 32_001 not in text


def make_huge_suite(cases: int, text: str) -> SuiteResult:
    passing = tuple(make_case(id=f"P-{index}", statement=text) for index in range(cases))
    failing = make_case(id="LAST", verdict=Verdict.FAIL, details=text)
    points = tuple((float(index), float(index % 97)) for index in range(20_000))
    charts = tuple(Chart(f"c{index}", (Series("s", "ms", points),)) for index in range(50))
    table = Table("t", ("a",), ((text,),) * 5_000)
    return SuiteResult("integration", (*passing, failing), 1.0, tables=(table,), charts=charts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cases", "text"),
    [(3_000, "short"), (100, "\x00" * 20_000), (3_000, "&" * 5_000)],
    ids=["many", "long", "both"],
)
def test_the_page_stays_small_and_keeps_the_failure(cases: int, text: str) -> None:
    html = to_html(make_report(make_huge_suite(cases, text)))
    assert len(html.encode()) <= HTML_BYTES_MAX
    assert "LAST" in html
    assert REPLAY in html
    assert "in report.json" in html
