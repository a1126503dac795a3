"""This repository is tidy, and the command says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.tidy import find_all, read_tree
from tools.tidy.__main__ import ROOT, main

BAD = '"""A module."""\n\nimport os\n'


def make_tree(root: Path) -> None:
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".gitignore").write_text("*.log\n")
    (root / "module.py").write_text(BAD)
    (root / "ignored.log").write_text("")


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout: no list of files")
def test_this_repository_is_tidy() -> None:
    assert [str(finding) for finding in find_all(read_tree(ROOT))] == []


def test_findings_make_the_command_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_tree(tmp_path)
    assert main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("module.py:3: `from __future__ import annotations`")
    # The exemptions are this repository's, so they are stale in another.
    assert all("[stale-exemption]" in line for line in printed[1:-1])
    assert printed[-1] == f"tidy: 2 files, {len(printed) - 1} findings"


def test_what_is_deleted_or_ignored_is_not_there(tmp_path: Path) -> None:
    make_tree(tmp_path)
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
    (tmp_path / "module.py").unlink()
    assert [file.path for file in read_tree(tmp_path)] == [".gitignore"]


def test_no_work_tree_and_no_python_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "git cannot list the files" in capsys.readouterr().err
    make_tree(tmp_path)
    (tmp_path / "module.py").write_text("def\n")
    assert main([str(tmp_path)]) == 2
    assert "module.py is not Python" in capsys.readouterr().err
