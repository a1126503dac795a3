"""The catalogue: complete, numbered, reproducible; and what its outcomes mean."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Any

import pytest

from reference_broker.wire.control import StatusCategory
from suites.harness.report import Verdict
from suites.integration.malformed import CATALOGUE, Malformed, Outcome, Scene, Seen
from suites.integration.malformed.model import one
from suites.integration.malformed.puts import zlib_bomb

SCENE = Scene("bmq://d/a", "bmq://d/b", "bmq://d/c")
MIB = 1024 * 1024


def test_the_catalogue_is_long_enough():
    assert len(CATALOGUE) >= 70


def test_numbers_and_names_are_unique():
    for values in ([e.number for e in CATALOGUE], [(e.phase, e.name) for e in CATALOGUE]):
        twice = [value for value, count in Counter(values).items() if count > 1]
        assert not twice


def test_every_outcome_is_expected_somewhere():
    assert {entry.expected for entry in CATALOGUE} == set(Outcome)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: str(entry.number))
def test_entries_build_the_same_bytes_every_time(entry: Malformed):
    pieces = entry.build(SCENE)
    assert all(isinstance(piece, bytes) for piece in pieces)
    assert any(pieces)
    assert sum(len(piece) for piece in pieces) < 4 * MIB, "hostile, not heavy"
    assert pieces == entry.build(SCENE)


def test_entries_without_a_known_answer_are_not_compared_with_the_peer():
    for entry in CATALOGUE:
        assert not (entry.is_open and entry.peer), entry.number
        assert (entry.category is not None) == (entry.expected is Outcome.REFUSED), entry.number


def test_the_bomb_is_a_whole_zlib_stream():
    bomb = zlib_bomb(8 * MIB)
    assert len(bomb) < 16 * 1024
    inflater = zlib.decompressobj()
    assert inflater.decompress(bomb) == bytes(8 * MIB)
    assert inflater.eof
    assert not inflater.unused_data


def entry(**changes: Any) -> Malformed:
    members: dict[str, Any] = {
        "number": 1,
        "name": "x",
        "build": one(b"x"),
        "expected": Outcome.CLOSED,
        **changes,
    }
    return Malformed(**members)


@pytest.mark.parametrize(
    ("changes", "seen", "ours", "others"),
    [
        ({}, Outcome.CLOSED, Verdict.PASS, Verdict.PASS),
        ({}, Outcome.IGNORED, Verdict.FAIL, Verdict.FAIL),
        ({"peer": Outcome.SILENT}, Outcome.SILENT, Verdict.FAIL, Verdict.NON_STRICT),
        ({"peer": Outcome.SILENT}, Outcome.IGNORED, Verdict.FAIL, Verdict.FAIL),
        ({"is_open": True}, Outcome.IGNORED, Verdict.FAIL, Verdict.INFORMATIONAL),
        ({"is_open": True}, Outcome.CLOSED, Verdict.PASS, Verdict.PASS),
    ],
)
def test_what_outcomes_mean(changes, seen, ours, others):
    judged = entry(**changes)
    assert judged.judge(Seen(seen), is_reference=True)[0] is ours
    assert judged.judge(Seen(seen), is_reference=False)[0] is others


def test_a_refusal_has_the_right_category():
    judged = entry(expected=Outcome.REFUSED, category=StatusCategory.E_REFUSED)
    right = Seen(Outcome.REFUSED, StatusCategory.E_REFUSED)
    wrong = Seen(Outcome.REFUSED, StatusCategory.E_UNKNOWN, "no such thing")
    assert judged.judge(right, is_reference=False)[0] is Verdict.PASS
    verdict, reason = judged.judge(wrong, is_reference=False)
    assert verdict is Verdict.FAIL
    assert "E_UNKNOWN: no such thing" in reason
    assert "E_REFUSED" in reason
