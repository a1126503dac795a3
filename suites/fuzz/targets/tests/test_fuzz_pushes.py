from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_pushes
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    given,
    plant,
    seeds_of,
    shifted,
    sometimes,
)

SEEDS = seeds_of("FUZZ-PUSHES")
DEFECTS = {
    "data one byte late": (fuzz_pushes, "iter_pushes", changed, shifted(6, 1)),
    "one message left out": (
        fuzz_pushes,
        "iter_pushes",
        sometimes,
        lambda pushes: list(pushes)[1:],
    ),
    "messages out of nothing": (
        fuzz_pushes,
        "iter_pushes",
        changed,
        lambda pushes: list(pushes) * 60,
    ),
    "the end one word late": (bodies, "iter_pushes", changed, shifted(8, 4)),
    "padding of 5": (fuzz_pushes, "push_message", changed, lambda data: data[:-1] + b"\5"),
    "another queue": (fuzz_pushes, "push_message", given, lambda queue_id: queue_id + 1),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_pushes.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_pushes.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_pushes.test_one_input, SEEDS)
