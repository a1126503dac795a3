"""pytest's side: named as a package, beside other tests, and where the options are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def pytest_run(folder: Path, *arguments: str) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_as_a_package_outside_the_checkout(tmp_path: Path):
    wanted = ["--target", "reference", "--case", "BMQ-NEG-1"]
    code, output = pytest_run(tmp_path, "--pyargs", "suites.integration", *wanted)
    assert code == 0, output
    assert "1 passed" in output


def test_other_runs_have_no_such_options(tmp_path: Path):
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n")
    code, output = pytest_run(tmp_path, "test_other.py")
    assert code == 0, output
    code, output = pytest_run(tmp_path, "test_other.py", "--target", "reference")
    assert code == 4
    assert "unrecognized arguments: --target" in output


def test_a_run_about_a_target_leaves_the_suites_own_tests_out():
    code, output = pytest_run(ROOT, "suites/integration", "--collect-only", "--target", "reference")
    assert code == 0, output
    assert "suites/integration/cases/test_publishing.py" in output
    assert "suites/integration/tests" not in output


def test_an_unknown_case_ends_the_run():
    code, output = pytest_run(ROOT, "suites/integration", "--case", "BMQ-PUT-99999")
    assert code == 4
    assert "there is no case BMQ-PUT-99999" in output
