"""Processes of a case's own, tried with a script in a broker's place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suites.harness.target import TargetSpec
from suites.integration.processes import launched


def spec_of(tmp_path: Path, script: str) -> TargetSpec:
    path = tmp_path / "bmqbrkr.tsk"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return TargetSpec.parse(f"bmqbrkr:{path}")


def test_command_line_folder_and_environment(tmp_path: Path):
    spec = spec_of(tmp_path, 'echo "$# $1 $(pwd) $PREFIX"; echo why >&2; exit 3')
    folder = tmp_path / "folder"
    folder.mkdir()
    with launched(spec, folder, "etc", "-v", environment={"PREFIX": "run"}) as process:
        assert process.wait() == 3
        assert process.output == f"2 etc {folder} run\n"
        assert process.errors == "why\n"
    assert not list(folder.iterdir())


def test_what_is_left_is_killed(tmp_path: Path):
    with launched(spec_of(tmp_path, "echo begun; exec sleep 60"), tmp_path) as process:
        process.wait_printed("begun\n")
        pid = process.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_end_before_the_word_is_told(tmp_path: Path):
    with (
        launched(spec_of(tmp_path, "echo why >&2; exit 2"), tmp_path) as process,
        pytest.raises(AssertionError, match="it ended with 2 before 'ready': why"),
    ):
        process.wait_printed("ready")
