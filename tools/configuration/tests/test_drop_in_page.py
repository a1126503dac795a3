"""docs/drop-in.md names only tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "drop-in.md").read_text(encoding="utf-8")
#: The middle column of the tables that have three: what proves a behaviour.
PROOFS = [cells[1] for line in PAGE.splitlines() if len(cells := line.strip("| ").split(" | ")) > 1]
REFERENCE = re.compile(r"`((?:\w+/)?test_\w+\.py)(?:::(\w+))?`")
REFERENCES = sorted({match.groups("") for cell in PROOFS for match in REFERENCE.finditer(cell)})


def test_there_are_references():
    assert len(REFERENCES) > 60


@pytest.mark.parametrize(("file", "function"), REFERENCES)
def test_a_proof_exists(file, function):
    room, _, name = file.rpartition("/")
    path = ROOT / "reference_broker" / (room or "core") / "tests" / name
    assert path.exists()
    assert not function or f"def {function}(" in path.read_text(encoding="utf-8")
