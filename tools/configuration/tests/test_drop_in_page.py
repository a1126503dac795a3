"""docs/drop-in.md names only tests and cases that there are, and leaves no behaviour unproved."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "drop-in.md").read_text(encoding="utf-8")
#: The tables of behaviours, as lists of rows.
TABLES = re.findall(r"^\| behaviour \| proved by \|.*\n\|-.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
#: A behaviour, what proves it, and BlazingMQ's tests that see it.
ROWS = [line.strip("| ").split(" | ") for table in TABLES for line in table.splitlines()]
REFERENCE = re.compile(r"`((?:\w+/)?test_\w+\.py)(?:::(\w+))?`")
CASE = re.compile(r"`(BMQ-[A-Z]+-[0-9]+)`")
REFERENCES = sorted({found.groups() for row in ROWS for found in REFERENCE.finditer(row[1])})
CASES = sorted({case for row in ROWS for case in CASE.findall(row[1])})
#: A program that prints the id of every case of the integration suite.
_LIST_CASES = """
import importlib, pkgutil
from suites.integration import cases
from suites.integration.case import registered_cases
for module in pkgutil.iter_modules(cases.__path__):
    importlib.import_module(f"{cases.__name__}.{module.name}")
print(*registered_cases())
"""


def test_there_are_references():
    assert len(TABLES) > 10
    assert len(REFERENCES) > 200
    assert len(CASES) > 80


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_behaviour_is_proved_by_tests_and_cases_only(row):
    spans = re.findall(r"`[^`]*`", row[1])
    assert spans
    assert [s for s in spans if not REFERENCE.fullmatch(s) and not CASE.fullmatch(s)] == []


@pytest.mark.parametrize(("file", "function"), REFERENCES)
def test_a_proof_exists(file, function):
    room, _, name = file.rpartition("/")
    path = ROOT / "reference_broker" / (room or "core") / "tests" / name
    assert path.exists()
    text = path.read_text(encoding="utf-8")
    assert re.search(rf"^(?:async )?def {function}\(", text, re.MULTILINE)


@pytest.mark.slow
def test_the_cases_exist():
    # In a process of its own: this run of pytest does not know the mark of the cases.
    done = subprocess.run(
        [sys.executable, "-c", _LIST_CASES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(set(CASES) - set(done.stdout.split())) == []
