from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_rejects
from suites.fuzz.tests.planting import changed, found_out_by, given, plant, seeds_of, sometimes

DOOR = "iter_confirms"
SEEDS = seeds_of("FUZZ-REJECTS")
DEFECTS = {
    "one message left out": (
        fuzz_rejects,
        "iter_confirms",
        sometimes,
        lambda rejects: list(rejects)[1:],
    ),
    "messages out of nothing": (
        bodies,
        "iter_confirms",
        changed,
        lambda rejects: list(rejects) * 9,
    ),
    "one message not encoded": (fuzz_rejects, "confirm_event", given, lambda rejects: rejects[1:]),
    "encoded as a CONFIRM": (
        fuzz_rejects,
        "confirm_event",
        changed,
        lambda data: data[:4] + b"\x43" + data[5:],
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_rejects.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_rejects.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_rejects.test_one_input, SEEDS)


def test_a_reject_that_is_called_a_confirm_is_found_out(monkeypatch):
    right = getattr(fuzz_rejects, DOOR)
    monkeypatch.setattr(fuzz_rejects, DOOR, lambda *args: right(*args[:3]))
    with pytest.raises(AssertionError, match="a REJECT is called CONFIRM"):
        fuzz_rejects.test_one_input(b"\x06")
