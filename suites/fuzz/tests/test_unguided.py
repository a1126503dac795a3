from __future__ import annotations

import pytest

from suites.fuzz import unguided
from suites.fuzz.engine import DICTIONARY, parse_statistics
from suites.fuzz.unguided import read_dictionary, run_unguided


def test_dictionary():
    tokens = read_dictionary(DICTIONARY)
    lines = DICTIONARY.read_text("ascii").splitlines()
    assert len(tokens) == sum(1 for line in lines if line and not line.startswith("#"))
    assert b"\x42\x02\x00\x00" in tokens
    assert b'{"rId":1,' in tokens
    assert b"\\ud800" in tokens


def test_seeds_run_first_and_mutants_follow(capsys):
    seen: list[bytes] = []
    seeds = [b"abcdefgh", b"12345678"]
    count = run_unguided(seen.append, seeds, [b"TOKEN"], seconds=0.05, seed=1, input_bytes_max=16)
    assert seen[:3] == [*seeds, b""]
    assert count == len(seen) > 60
    assert len(set(seen)) > 30
    assert max(map(len, seen)) <= 16
    assert any(b"TOKEN" in data for data in seen)
    assert f"stat::number_of_executed_units: {count}\n" in capsys.readouterr().out


def test_the_count_is_printed_after_a_crash_too(capsys):
    def crash(data):
        raise ValueError(data)

    with pytest.raises(ValueError, match="seed"):
        run_unguided(crash, [b"seed"], [], seconds=9, seed=1, input_bytes_max=16)
    assert "executed_units: 1\n" in capsys.readouterr().out


def test_the_state_is_told_now_and_then_as_libfuzzer_does(capsys, monkeypatch):
    monkeypatch.setattr(unguided, "_STATUS_SECONDS", 0.0)
    seen: list[bytes] = []
    run_unguided(seen.append, [b"seed"], [], seconds=0.05, seed=1, input_bytes_max=16, look_every=1)
    lines = capsys.readouterr().out.splitlines()
    assert parse_statistics("\n".join(lines[:-1])).corpus_units == 2
    assert lines[0].startswith("#2\tpulse  cov: 0 ft: 0 corp: 2/4b exec/s: ")


def test_slow_seeds_do_not_outlast_the_time():
    asked: list[bytes] = []
    run_unguided(asked.append, [b"a", b"b"], [], seconds=0.0, seed=1, input_bytes_max=16)
    assert asked == []
