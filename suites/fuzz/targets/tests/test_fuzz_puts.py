from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_puts
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    given,
    plant,
    seeds_of,
    shifted,
    sometimes,
)

DOOR = "iter_puts"
SEEDS = seeds_of("FUZZ-PUTS")
DEFECTS = {
    "data one byte late": (fuzz_puts, "iter_puts", changed, shifted(7, 1)),
    "one message left out": (fuzz_puts, "iter_puts", sometimes, lambda puts: list(puts)[1:]),
    "messages out of nothing": (fuzz_puts, "iter_puts", changed, lambda puts: list(puts) * 40),
    "the end one word late": (bodies, "iter_puts", changed, shifted(9, 4)),
    "padding of 5": (fuzz_puts, "put_event", changed, lambda data: data[:-1] + b"\5"),
    "data encoded backwards": (
        fuzz_puts,
        "put_event",
        given,
        lambda puts: [(*put[:2], put[2][::-1], *put[3:]) for put in puts],
    ),
    "a wrong checksum": (fuzz_puts, "crc32c", changed, lambda value: value ^ 1),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_puts.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_puts.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_puts.test_one_input, SEEDS)


def test_a_reader_that_looks_behind_the_body_is_found_out(monkeypatch):
    right = getattr(fuzz_puts, DOOR)

    def greedy(buffer, start, end):
        yield from right(buffer, start, min(end + 4, len(buffer)))

    monkeypatch.setattr(fuzz_puts, DOOR, greedy)
    assert found_out_by(fuzz_puts.test_one_input, SEEDS)
