from __future__ import annotations

import pytest

from suites.fuzz.engine import DICTIONARY
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
