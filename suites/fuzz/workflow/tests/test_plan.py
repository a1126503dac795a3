from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.registry import ALL, TARGETS
from suites.fuzz.workflow.plan import Piece, plan

PUTS, ACKS, URI = (TARGETS[f"FUZZ-{name}"] for name in ("PUTS", "ACKS", "URI"))


def said(lanes: list[list[Piece]]) -> list[list[tuple[str, int]]]:
    return [[(piece.target.id, piece.seconds) for piece in lane] for lane in lanes]


def test_what_does_not_fit_goes_on_in_the_next_process():
    assert said(plan([PUTS, ACKS, URI], 60, 2)) == [
        [("FUZZ-PUTS", 40), ("FUZZ-ACKS", 20)],
        [("FUZZ-ACKS", 20), ("FUZZ-URI", 40)],
    ]


def test_one_target_has_all_processes():
    assert said(plan([PUTS], 60, 3)) == [[("FUZZ-PUTS", 60)]] * 3


def test_all_for_an_hour_in_two_processes_are_two_hours():
    lanes = plan(ALL, 3600, 2)
    pieces = [piece for lane in lanes for piece in lane]
    assert [sum(piece.seconds for piece in lane) for lane in lanes] == [3600, 3600]
    shares = [sum(p.seconds for p in pieces if p.target is target) for target in ALL]
    assert max(shares) - min(shares) <= 1
    assert [piece.number for piece in pieces] == sorted({piece.number for piece in pieces})


def test_less_than_a_second_each_is_refused():
    with pytest.raises(OperatorError, match="2 x 1 s are less than a second for each of 3 targets"):
        plan([PUTS, ACKS, URI], 1, 2)
