"""A checker with an empty history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from suites.harness.tests.handmade import Run


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "run.jsonl")
    with run.history:
        yield run
