from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_acks
from suites.fuzz.tests.planting import changed, found_out_by, given, plant, seeds_of, sometimes

SEEDS = seeds_of("FUZZ-ACKS")
DEFECTS = {
    "one message left out": (fuzz_acks, "iter_acks", sometimes, lambda acks: list(acks)[1:]),
    "messages out of nothing": (bodies, "iter_acks", changed, lambda acks: list(acks) * 9),
    "status always success": (
        fuzz_acks,
        "ack_event",
        given,
        lambda acks: [(0, *ack[1:]) for ack in acks],
    ),
    "the short way is longer": (fuzz_acks, "success_acks", changed, lambda data: data + b"\0"),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_acks.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_acks.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_acks.test_one_input, SEEDS)
