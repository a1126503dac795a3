"""The import contracts of `pyproject.toml` bite: a copy with planted violations breaks them all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools.tidy.__main__ import ROOT
from tools.tidy.pure_rules import PURE_ROOMS

#: Line to add to a module, the contract it breaks and how the complaint reads.
PLANTED = [
    ("reference_broker/app/broker.py", "import suites.harness", "Floors"),
    ("suites/harness/topology.py", "import tools.tidy", "Floors"),
    ("suites/harness/target.py", "import suites.stress", "Floors"),
    ("suites/chaos/__init__.py", "import suites.fuzz", "Suites"),
    ("reference_broker/queue/queue.py", "import reference_broker.storage", "Rooms"),
    ("reference_broker/wire/put.py", "import reference_broker.session", "Rooms"),
    ("reference_broker/client/blocking.py", "import reference_broker.runtime", "Rooms"),
    ("reference_broker/core/state.py", "import time", "Pure rooms"),
    ("reference_broker/wire/control/ber.py", "import random", "Pure rooms"),
    ("suites/harness/topology.py", "import reference_broker.queue.stream", "Doors"),
]


def lint_imports(root: Path) -> str:
    script = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [script, "--no-cache", "--no-logo"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    return result.stdout + result.stderr


@pytest.mark.slow
def test_every_planted_violation_is_named(tmp_path: Path) -> None:
    for folder in ("reference_broker", "suites", "tools"):
        without = shutil.ignore_patterns("__pycache__", "vectors")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=without)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line, _ in PLANTED:
        with (tmp_path / name).open("a") as module:
            module.write(f"\n{line}\n")
    (tmp_path / "reference_broker" / "attic").mkdir()
    (tmp_path / "reference_broker" / "attic" / "__init__.py").touch()

    report = lint_imports(tmp_path)

    broken = set(re.findall(r"^([\w ]+):.* BROKEN", report, re.MULTILINE))
    assert broken == {contract for *_, contract in PLANTED}, report
    sections = re.split(r"^([\w ]+): .*\n-+$", report, flags=re.MULTILINE)
    complaints = dict(zip(sections[1::2], sections[2::2], strict=True))
    for name, line, contract in PLANTED:
        importer = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        imported = line.removeprefix("import ")
        pattern = rf"^- +{re.escape(importer)} -> {re.escape(imported)}\b"
        assert re.search(pattern, complaints[contract], re.MULTILINE), (name, line, report)
    assert "- reference_broker.attic" in complaints["Rooms"]


def test_the_pure_rooms_of_the_contract_are_those_of_the_rules() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (pure,) = (contract for contract in contracts["contracts"] if contract["id"] == "pure")
    assert set(pure["source_modules"]) == {f"reference_broker.{room}" for room in PURE_ROOMS}
