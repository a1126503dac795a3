from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from suites.harness.defects import ALL_DEFECTS, DEFECTS, PARSER_DEFECTS
from suites.harness.defects.edits import EDITED, edit, mistake

ROOT = Path(__file__).parents[3]
PARSERS = {"wire", "base", "expr", "admin", "config", "storage"}
#: Makes each mistake in a process of its own, and prints those that change another file than they say.
MAKE_EACH = """
import os
from suites.harness.defects import PARSER_DEFECTS
from suites.harness.defects.edits import EDITED
for mistake in PARSER_DEFECTS.values():
    if child := os.fork():
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            print(mistake.name, flush=True)
        continue
    mistake.apply()
    files = [function.__code__.co_filename for function in EDITED]
    os._exit(not all(name.endswith("reference_broker/" + mistake.place) for name in files))
"""


def within(number: int, *, more: int = 0) -> bool:
    return number < 10 + more


def both(numbers: list[int]) -> Iterator[int]:
    for number in numbers:
        yield number + number


def test_thirty_and_more_in_parsers_and_in_states():
    rooms = Counter(mistake.room for mistake in PARSER_DEFECTS.values())
    assert sum(rooms[room] for room in PARSERS) >= 23
    assert sum(rooms.values()) - sum(rooms[room] for room in PARSERS) >= 8
    assert sum(rooms.values()) >= 34


def test_many_kinds():
    kinds = Counter(mistake.kind for mistake in PARSER_DEFECTS.values())
    assert len(kinds) >= 12, kinds
    for kind in ("missing bound", "off by one in words", "unchecked offset", "sign", "recursion"):
        assert kinds[kind], kind
    for kind in ("quadratic loop", "wrong state", "stale handle", "memory blow-up"):
        assert kinds[kind], kind


def test_each_is_in_a_file_of_the_broker_and_says_what_it_does():
    for name, each in PARSER_DEFECTS.items():
        assert name == each.name
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name), name
        assert (ROOT / "reference_broker" / each.place).is_file(), each
        assert 15 <= len(each.summary) <= 100, each


def test_no_name_and_no_summary_is_given_twice():
    assert not DEFECTS.keys() & PARSER_DEFECTS.keys()
    assert {*DEFECTS, *PARSER_DEFECTS} == ALL_DEFECTS.keys()
    summaries = Counter(each.summary for each in ALL_DEFECTS.values())
    assert [text for text, count in summaries.items() if count > 1] == []


@pytest.mark.slow
def test_every_place_is_there():
    done = subprocess.run(
        [sys.executable, "-c", MAKE_EACH],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], done.stderr


def test_nothing_is_edited_before_one_is_applied():
    assert EDITED == []


def test_an_edit_is_seen_by_whoever_has_the_function(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(within, "__code__", within.__code__)  # and back again
    monkeypatch.setattr("suites.harness.defects.edits.EDITED", [])
    known = within
    edit(within, ("< 10", "<= 10"))
    assert known(10)
    assert known(12, more=2)
    assert not known(11)
    assert within.__code__.co_filename == __file__


def test_an_edit_of_a_generator(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(both, "__code__", both.__code__)
    monkeypatch.setattr("suites.harness.defects.edits.EDITED", [])
    edit(both, ("number + number", "number * number"), ("in numbers", "in numbers[1:]"))
    assert list(both([1, 3])) == [9]


@pytest.mark.parametrize("old", ["< 11", "more"])
def test_another_source_is_an_error(old: str):
    with pytest.raises(AttributeError, match="within has"):
        edit(within, (old, ""))
    assert not within(10)


def test_what_is_no_function_cannot_be_edited():
    with pytest.raises(AttributeError, match="no plain function"):
        edit(print, ("a", "b"))


def test_a_function_becomes_an_entry_of_the_catalogue():
    @mistake("wire/put.py", "sign")
    def goes_wrong_at_once() -> None:
        """Something goes wrong."""

    assert goes_wrong_at_once[:4] == (
        "goes-wrong-at-once", "wire/put.py", "sign", "Something goes wrong",
    )  # fmt: skip
    assert goes_wrong_at_once.room == "wire"
