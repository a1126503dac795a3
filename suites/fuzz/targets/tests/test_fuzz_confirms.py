from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_confirms
from suites.fuzz.tests.planting import changed, found_out_by, given, plant, seeds_of, sometimes

SEEDS = seeds_of("FUZZ-CONFIRMS")
DEFECTS = {
    "one message left out": (
        fuzz_confirms,
        "iter_confirms",
        sometimes,
        lambda confirms: list(confirms)[1:],
    ),
    "messages out of nothing": (
        bodies,
        "iter_confirms",
        changed,
        lambda confirms: list(confirms) * 9,
    ),
    "no app": (
        fuzz_confirms,
        "confirm_event",
        given,
        lambda confirms: [(*each[:2], 0) for each in confirms],
    ),
    "the short way is another": (
        fuzz_confirms,
        "confirm_guids",
        changed,
        lambda data: data[:-1] + b"\7",
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_confirms.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_confirms.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_confirms.test_one_input, SEEDS)
