from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from suites.harness.defects import DEFECTS

ROOT = Path(__file__).parents[3]
BROKEN = ["wire", "session", "queue", "storage", "admin"]
#: Applies each defect in a process of its own, and prints what could not be applied.
APPLY_EACH = """
import os, sys
import reference_broker.app.cli
from suites.harness.defects import DEFECTS
for defect in DEFECTS.values():
    if child := os.fork():
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            print(defect.name, flush=True)
        continue
    defect.apply()
    os._exit(0)
"""


def test_forty_and_more_are_in_the_rooms_that_matter_most():
    rooms = Counter(defect.room for defect in DEFECTS.values())
    assert sum(rooms[room] for room in BROKEN) >= 40
    assert all(rooms[room] >= 5 for room in BROKEN), rooms


def test_each_is_in_a_room_of_the_broker_and_says_what_it_does():
    for name, defect in DEFECTS.items():
        assert name == defect.name
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name), name
        assert (ROOT / "reference_broker" / defect.room / "__init__.py").exists(), defect
        assert 15 <= len(defect.summary) <= 100, defect
        assert defect.areas, defect


def test_no_two_say_the_same():
    summaries = Counter(defect.summary for defect in DEFECTS.values())
    assert [text for text, count in summaries.items() if count > 1] == []


@pytest.mark.slow
def test_every_door_is_there():
    done = subprocess.run(
        [sys.executable, "-c", APPLY_EACH],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], done.stderr


def test_nothing_is_changed_before_one_is_applied():
    code = (
        "from reference_broker.core import publish; before = vars(publish).copy();"
        "import suites.harness.defects; assert vars(publish) == before"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=30)
    assert done.returncode == 0
