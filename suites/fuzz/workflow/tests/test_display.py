from __future__ import annotations

import io

import pytest
from rich.console import Console

from suites.fuzz.registry import ALL, TARGETS
from suites.fuzz.workflow import display
from suites.fuzz.workflow.display import Board, shown

PUTS, ACKS = TARGETS["FUZZ-PUTS"], TARGETS["FUZZ-ACKS"]
LOG = (
    "gauntlet: fuzzing since 1.0\n"
    "#4096\tNEW    cov: 243 ft: 1155 corp: 167/60Kb lim: 4096 exec/s: 2048 rss: 53Mb L: 1/1\n"
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def board(clock, tmp_path):
    (tmp_path / "0.log").write_text(LOG)
    board = Board(60, clock)
    board.starts(PUTS, tmp_path / "0.log")
    board.starts(ACKS, tmp_path / "1.log")
    return board


def printed(board: Board) -> str:
    out = io.StringIO()
    Console(file=out, width=160).print(board.table())
    return out.getvalue()


def test_lines(board, clock):
    said = "2,048/s, coverage 243, features 1,155, corpus 167"
    board.lines()
    clock.now += 3
    assert board.lines() == [
        f"[0:03 of 1:00] FUZZ-PUTS: {said}, last new 3 s ago, findings 0",
        "[0:03 of 1:00] FUZZ-ACKS: starts",
    ]


def test_what_has_ended_is_in_the_table_alone(board, tmp_path):
    board.ends(PUTS, tmp_path / "0.log")
    assert [line.partition(":")[0] for line in board.lines()] == ["[0"]
    row = next(line for line in printed(board).splitlines() if "FUZZ-PUTS" in line)
    assert row.split() == ["FUZZ-PUTS", "4,096", "243", "1,155", "167", "0"]


def test_80_columns_are_enough(board):
    out = io.StringIO()
    Console(file=out, width=80).print(board.table())
    assert "2,048  4,096" in out.getvalue()
    assert "…" not in out.getvalue()


def test_executions_of_jobs_one_after_the_other_add_up(board, tmp_path):
    board.ends(PUTS, tmp_path / "0.log")
    board.starts(PUTS, tmp_path / "0.log")
    status, is_running = board.statuses()["FUZZ-PUTS"]
    assert (status.executions, status.executions_per_s, is_running) == (8192, 2048, True)


def test_the_table_stays_within_a_screen(board, tmp_path):
    for target in ALL:
        board.starts(target, tmp_path / "none.log")
        if target is not PUTS:
            board.ends(target, tmp_path / "none.log")
    assert "more that have had their time" in printed(board)
    assert printed(board).count("FUZZ-") <= 24


def test_without_a_terminal_there_is_a_line_now_and_then(board, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(display, "LINE_SECONDS", 0.0)
    with shown(board, Console(file=out, width=40)) as look:
        look()
    assert out.getvalue().count("FUZZ-PUTS") == 1
    assert len(out.getvalue().splitlines()) == 2  # long lines are not folded


def test_on_a_terminal_it_redraws(board):
    out = io.StringIO()
    with shown(board, Console(file=out, width=160, force_terminal=True)) as look:
        look()
        look()
    assert out.getvalue().count("FUZZ-PUTS") >= 2
    assert "\x1b[1A" in out.getvalue()
