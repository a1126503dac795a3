"""docs/HACKING.md shows commands that there are, and cases that can be put to the target named."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "HACKING.md").read_text(encoding="utf-8")
MODULES = sorted(set(re.findall(r"^python -m ([\w.]+)", PAGE, re.MULTILINE)))
#: Those that are put to a broker that runs already.
CASES = sorted(set(re.findall(r"--case (\S+) --target external:", PAGE)))
#: A program that prints what each of the cases named needs of a target.
_SHOW_NEEDS = """
import sys
from suites.integration.runner import due_cases
for info in due_cases(sys.argv[1:]):
    print(info.id, *info.needs)
"""


def test_there_are_commands():
    assert len(MODULES) > 6
    assert CASES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_can_be_run(module: str):
    spec = importlib.util.find_spec(module)
    assert spec is not None
    if spec.submodule_search_locations is not None:
        assert importlib.util.find_spec(f"{module}.__main__") is not None


@pytest.mark.slow
def test_the_cases_need_nothing_that_an_external_target_lacks():
    # In a process of its own: this run of pytest does not know the mark of the cases.
    done = subprocess.run(
        [sys.executable, "-c", _SHOW_NEEDS, *CASES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == CASES
