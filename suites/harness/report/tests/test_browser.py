"""The page in a real browser, headless, from a file and without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from suites.harness.report import write_matrix, write_report
from suites.harness.report.tests.samples import (
    REPLAY,
    make_full_matrix,
    make_full_report,
    make_hostile_matrix,
    make_hostile_report,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no chromium executable on PATH; on Debian: apt-get install chromium",
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """One open page and everything that it complained about or asked for."""

    def __init__(
        self, browser: Browser, folder: Path, page: str = "index.html", **options: Any
    ) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.address = (folder / page).as_uri()
        self.page.goto(self.address)

    def finish(self) -> None:
        self.context.close()
        assert self.complaints == []
        assert self.requests == [self.address]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(make_full_report(), folder)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_suites_verdict_and_replay_are_visible(browser: Browser, folder: Path, scheme: str) -> None:
    visit = Visit(browser, folder, color_scheme=scheme)
    page = visit.page
    expect(page.locator("#verdict .headline")).to_have_text("Failed")
    expect(page.locator("#verdict .headline")).to_be_visible()
    for name in ("Integration", "Chaos", "Stress", "Fuzz"):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        expect(page.locator(".card .name", has_text=name)).to_be_visible()
    expect(page.get_by_label("replay command of BMQ-PUT-7", exact=True)).to_be_visible()
    expect(page.locator("code", has_text=REPLAY)).to_be_visible()
    expect(page.get_by_text("the message was acknowledged").last).to_be_visible()
    expect(page.get_by_role("img", name="Rate and latency under a partition")).to_be_visible()
    visit.finish()


def test_filters_by_verdict_and_by_words(browser: Browser, folder: Path) -> None:
    visit = Visit(browser, folder)
    page = visit.page
    rows = page.locator("tr.case:visible")
    expect(rows).to_have_count(9)
    page.get_by_role("button", name="Fail 1").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("BMQ-PUT-7")
    expect(page.locator("#shown")).to_have_text("1 of 9 cases")
    expect(page.locator(".no-match:visible")).to_have_count(3)
    page.get_by_role("button", name="Pass 3").click()
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="Fail 1").click()
    expect(rows).to_have_count(3)
    page.get_by_label("Filter by id or title").fill("chaos")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("CHAOS-1")
    page.get_by_role("button", name="All 9").click()
    page.get_by_label("Filter by id or title").fill("")
    expect(rows).to_have_count(9)
    visit.finish()


def test_a_link_to_a_case_that_is_filtered_away_brings_it_back(
    browser: Browser, folder: Path
) -> None:
    visit = Visit(browser, folder)
    page = visit.page
    page.get_by_role("button", name="Pass 3").click()
    expect(page.locator("#case-integration-BMQ-PUT-7")).to_be_hidden()
    page.locator(".findings a", has_text="BMQ-PUT-7").click()
    expect(page.locator("#case-integration-BMQ-PUT-7")).to_be_in_viewport()
    visit.finish()


def test_the_copy_button_copies_the_command_alone(browser: Browser, folder: Path) -> None:
    visit = Visit(browser, folder, permissions=["clipboard-read", "clipboard-write"])
    page = visit.page
    page.get_by_role("button", name="Copy: replay command of BMQ-PUT-7").click()
    expect(page.locator("button.copy", has_text="Copied")).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()") == REPLAY
    visit.finish()


def test_the_page_is_complete_without_javascript(browser: Browser, folder: Path) -> None:
    visit = Visit(browser, folder, java_script_enabled=False)
    page = visit.page
    expect(page.locator("tr.case:visible")).to_have_count(9)
    expect(page.locator("code", has_text=REPLAY)).to_be_visible()
    expect(page.locator("svg.chart polyline").first).to_be_visible()
    expect(page.locator(".needs-script:visible")).to_have_count(0)
    visit.finish()


def test_a_narrow_screen_does_not_scroll_sideways(browser: Browser, folder: Path) -> None:
    visit = Visit(browser, folder, viewport={"width": 360, "height": 700})
    width = visit.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    visit.finish()


def test_hostile_text_does_nothing(browser: Browser, tmp_path: Path) -> None:
    write_report(make_hostile_report(), tmp_path)
    visit = Visit(browser, tmp_path)
    expect(visit.page.locator("tr.case:visible")).to_have_count(7)
    visit.finish()


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matrix")
    write_matrix(make_full_matrix(), folder)
    return folder


def test_the_matrix_filters_by_verdict_area_difference_and_words(
    browser: Browser, matrix: Path
) -> None:
    visit = Visit(browser, matrix)
    page = visit.page
    rows = page.locator("tr.case:visible")
    expect(rows).to_have_count(7)
    page.get_by_role("button", name="Fail 1").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("BMQ-PUT-5")
    page.get_by_role("button", name="All 7").click()
    page.get_by_role("button", name="Differ 4").click()
    expect(rows).to_have_count(4)
    expect(page.locator("#shown")).to_have_text("4 of 7 cases")
    page.get_by_label("Filter by id, title or reason").fill("it broke")
    expect(rows).to_have_count(1)
    page.get_by_label("Filter by id, title or reason").fill("nothing like it")
    expect(page.get_by_text("No case matches the filter.")).to_be_visible()
    page.get_by_label("Filter by id, title or reason").fill("")
    page.get_by_role("button", name="All 7").click()
    page.get_by_label("Filter by area").select_option("PUT")
    expect(rows).to_have_count(7)
    visit.finish()


def test_a_cell_of_the_matrix_leads_to_the_case_on_that_target(
    browser: Browser, matrix: Path
) -> None:
    visit = Visit(browser, matrix)
    page = visit.page
    page.locator("tr.case", has_text="BMQ-PUT-5").locator("td.cell a").nth(1).click()
    expect(page).to_have_url(f"{(matrix / 'cases' / 'BMQ-PUT-5.html').as_uri()}#t1")
    expect(page.locator("#t1")).to_be_in_viewport()
    page.get_by_role("link", name="All cases").click()
    expect(page.get_by_role("heading", name="Integration suite")).to_be_visible()
    assert visit.complaints == []
    visit.context.close()


@pytest.mark.parametrize("page", ["index.html", "cases/BMQ-PUT-5.html"])
def test_matrix_and_case_are_complete_without_javascript_on_a_narrow_screen(
    browser: Browser, matrix: Path, page: str
) -> None:
    size: Any = {"width": 360, "height": 700}
    visit = Visit(browser, matrix, page, java_script_enabled=False, viewport=size)
    expect(visit.page.locator(".needs-script:visible")).to_have_count(0)
    expect(visit.page.get_by_text("it broke").first).to_be_visible()
    visit.finish()
    visit = Visit(browser, matrix, page, viewport=size)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    visit.finish()


def test_hostile_text_in_a_matrix_does_nothing(browser: Browser, tmp_path: Path) -> None:
    write_matrix(make_hostile_matrix(), tmp_path)
    paths = sorted((tmp_path / "cases").iterdir())
    for page in ["index.html", f"cases/{paths[0].name}"]:
        Visit(browser, tmp_path, page).finish()
