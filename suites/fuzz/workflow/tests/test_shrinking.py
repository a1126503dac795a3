from __future__ import annotations

import json
import signal

from suites.fuzz.workflow import shrinking
from suites.fuzz.workflow.shrinking import shrink_all, signature_of
from suites.fuzz.workflow.tests import planted


def test_one_line_for_each_kind_with_the_smallest_input():
    inputs = {
        "a": b"kkk long and more",
        "b": b"zeal",
        "c": b"kk",
        "d": b"fine",
        "e": b"zebra, longer",
    }
    lines = [json.loads(line) for line in shrink_all(planted.test_one_input, inputs, grammar="")]
    assert [(line["alike"], line["name"]) for line in lines] == [
        (["a", "c"], "c"),
        (["b", "e"], "b"),
    ]
    assert [bytes.fromhex(line["data"]) for line in lines] == [b"k", b"z"]
    assert lines[0]["stack"].endswith("KeyError: b''")
    assert lines[0]["signature"].startswith("KeyError ")
    assert lines[0]["signature"] != lines[1]["signature"]
    assert lines[0]["executions"] > 0


def test_the_caller_is_no_part_of_a_signature():
    assert "shrinking" not in " ".join(signature_of(planted.test_one_input, b"k1"))
    assert signature_of(planted.test_one_input, b"") == ()


def test_what_takes_too_long_has_none(monkeypatch):
    monkeypatch.setattr(shrinking, "SECONDS_PER_CANDIDATE_MAX", 0.02)
    before = signal.getsignal(signal.SIGALRM)

    def hang(_data):
        while True:
            pass

    assert signature_of(hang, b"") == ()
    assert signal.getsignal(signal.SIGALRM) is before


def test_recursion_is_told_apart_by_who_takes_part():
    def deeper(data: bytes) -> None:
        deeper(data)

    def other(data: bytes) -> None:
        other(data)

    def first(data: bytes) -> None:
        (deeper if data else other)(data)

    def second(data: bytes) -> None:
        first(data)

    assert signature_of(first, b"x") == signature_of(second, b"x") != signature_of(first, b"")
