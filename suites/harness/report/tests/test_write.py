"""The three files: all of them, whole, or none of them touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reference_broker.base import OperatorError
from suites.harness.report import Report, Verdict, from_json, write_matrix, write_report
from suites.harness.report.tests.samples import (
    make_column,
    make_full_matrix,
    make_full_report,
    make_hostile_report,
    make_matrix,
    make_report,
    make_suite,
)

NAMES = ["index.html", "junit.xml", "report.json"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("make", [make_full_report, make_hostile_report])
def test_it_creates_the_folder_and_writes_three_files(
    tmp_path: Path, make: Callable[[], Report]
) -> None:
    folder = tmp_path / "deep" / "report"
    write_report(make(), folder)
    assert names_in(folder) == NAMES
    assert (folder / "index.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert ET.parse(folder / "junit.xml").getroot().tag == "testsuites"
    assert from_json((folder / "report.json").read_bytes()).suites


def test_it_replaces_an_older_report(tmp_path: Path) -> None:
    write_report(make_full_report(), tmp_path)
    newer = make_report(make_suite(Verdict.PASS))
    write_report(newer, tmp_path)
    assert names_in(tmp_path) == NAMES
    assert from_json((tmp_path / "report.json").read_bytes()) == newer


def test_a_reader_of_the_older_report_keeps_a_whole_file(tmp_path: Path) -> None:
    write_report(make_full_report(), tmp_path)
    for name in NAMES:
        (tmp_path / f"{name}.old").hardlink_to(tmp_path / name)
    before = {name: (tmp_path / name).read_bytes() for name in NAMES}
    write_report(make_report(make_suite(Verdict.PASS)), tmp_path)
    for name in NAMES:
        assert (tmp_path / f"{name}.old").read_bytes() == before[name]
        assert (tmp_path / name).read_bytes() != before[name]


def test_a_folder_that_cannot_be_made_is_the_operators_fault(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("here already")
    with pytest.raises(OperatorError, match="choose another folder"):
        write_report(make_full_report(), blocker)


def test_a_file_that_cannot_be_replaced_leaves_no_temporary_behind(tmp_path: Path) -> None:
    (tmp_path / "report.json" / "occupied").mkdir(parents=True)
    with pytest.raises(OperatorError, match="choose another folder"):
        write_report(make_full_report(), tmp_path)
    assert names_in(tmp_path) == ["report.json"]


def test_a_matrix_is_an_index_a_page_per_case_and_two_files_for_machines(tmp_path: Path) -> None:
    write_matrix(make_full_matrix(), tmp_path / "report" / "integration")
    folder = tmp_path / "report" / "integration"
    assert names_in(folder) == ["cases", "index.html", "junit.xml", "matrix.json"]
    assert names_in(folder / "cases") == [f"BMQ-PUT-{number}.html" for number in range(1, 8)]


def test_a_newer_matrix_leaves_no_page_of_the_older_one(tmp_path: Path) -> None:
    write_matrix(make_full_matrix(), tmp_path)
    (tmp_path / "cases" / "mine.html").write_text("not a case's")
    write_matrix(make_matrix(make_column("reference", Verdict.PASS)), tmp_path)
    assert names_in(tmp_path / "cases") == ["BMQ-PUT-1.html", "mine.html"]
