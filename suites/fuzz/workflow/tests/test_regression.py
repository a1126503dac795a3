from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from suites.fuzz.parsers import foreign_target
from suites.fuzz.registry import TARGETS, Target, find_target
from suites.fuzz.workflow.regression import file_name, regression_test

ROOT = Path(__file__).resolve().parents[4]
PLANTED = find_target("suites.fuzz.workflow.tests.planted")
PARSER = foreign_target("python:suites.fuzz.workflow.tests.planted:parse", "", ("ValueError",))


def write(folder: Path, target: Target, data: bytes, defect: str = "") -> Path:
    path = folder / file_name(target, "abc")
    said = 'a "quoted" \\ text\nin two lines """'
    text = regression_test(target, data, gist=said, defect=defect, digest="abc")
    path.write_text(text)
    return path


def passes(path: Path, **environment: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", str(path)],
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("1 passed" if done.returncode == 0 else "1 failed") in done.stdout, done.stdout
    return done.returncode == 0


@pytest.mark.slow
def test_it_fails_as_long_as_the_target_does_not_survive(tmp_path):
    assert not passes(write(tmp_path, PLANTED, b"k1"))
    assert passes(write(tmp_path, PLANTED, b"fine"))


@pytest.mark.slow
def test_parsers_of_other_people_refuse_as_they_may(tmp_path):
    assert not passes(write(tmp_path, PARSER, b"\0\0\0\0\x42" + bytes(99)))
    assert passes(write(tmp_path, PARSER, b"no"))


@pytest.mark.slow
def test_a_seeded_defect_comes_from_the_environment(tmp_path):
    path = write(tmp_path, TARGETS["FUZZ-BROKER-CORE"], b"", defect="push-twice")
    assert not passes(path, GAUNTLET_BREAK="push-twice")
    assert passes(path)


def test_names():
    assert file_name(TARGETS["FUZZ-PUTS"], "0a1b") == "test_FUZZ_PUTS_0a1b.py"
    assert "def test_fuzz_puts_0a1b():" in regression_test(
        TARGETS["FUZZ-PUTS"], b"", gist="", defect="", digest="0a1b"
    )
