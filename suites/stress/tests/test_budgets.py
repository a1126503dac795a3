"""The file of budgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_broker.base import OperatorError
from suites.stress.budgets import read_budgets
from suites.stress.latency import Kind

GOOD = "[slip]\np99_ms = 1\n[ack]\np99_ms = 2.5\n[end-to-end]\np99_ms = 3\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "budgets.toml"
    path.write_text(text)
    return path


def test_each_kind_has_its_own(tmp_path: Path) -> None:
    budgets = read_budgets(write(tmp_path, GOOD))
    assert [budgets.p99_ms(kind) for kind in (Kind.SLIP, Kind.ACK, Kind.END_TO_END)] == [1, 2.5, 3]


def test_the_budgets_that_we_ship_are_good() -> None:
    budgets = read_budgets()
    assert all(budgets.p99_ms(kind) >= 1000 for kind in Kind), "a shared machine is noisy"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("[ack]\np99_ms = 2.5\n", ""), "missing required field `ack`"),
        (
            GOOD.replace("p99_ms = 3", "p99_ms = 3\np98_ms = 3"),
            "unknown field `p98_ms`.*end-to-end",
        ),
        (GOOD.replace("p99_ms = 1", "p99_ms = 0"), r"> 0.*slip\.p99_ms"),
        ("slip", "budgets.toml: "),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        read_budgets(write(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"none\.toml"):
        read_budgets(tmp_path / "none.toml")
