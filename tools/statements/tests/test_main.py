"""The command's exit codes, and what it says of this repository."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.statements import __main__ as command


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree of one statement and one module."""
    (tmp_path / "docs" / "protocol").mkdir(parents=True)
    (tmp_path / "docs" / "protocol" / "a.md").write_text("**A-1** So it is.\n")
    (tmp_path / "reference_broker").mkdir()
    (tmp_path / "reference_broker" / "a.py").write_text('"""A module [A-1]."""\n')
    return tmp_path


def prove(monkeypatch: pytest.MonkeyPatch, proofs: Mapping[str, tuple[str, ...]]) -> None:
    monkeypatch.setattr(command, "_proofs", lambda: proofs)


def test_a_whole_tree(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prove(monkeypatch, {"BMQ-A-1": ("A-1",)})
    assert command.main([str(tree)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "statements: 1 statements, 0 findings"


def test_an_orphan(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prove(monkeypatch, {"BMQ-A-1": ("A-1", "A-2")})
    assert command.main([str(tree)]) == 1
    assert "unknown-id: A-2, said to be proved by BMQ-A-1" in capsys.readouterr().out


def test_no_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(tmp_path)]) == 2
    assert "has no chapters" in capsys.readouterr().err


def test_this_repository_has_no_orphans() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.statements"],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stdout + done.stderr
