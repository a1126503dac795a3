from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import areas, bodies
from suites.fuzz.targets import fuzz_properties_old
from suites.fuzz.tests.planting import changed, found_out_by, plant, seeds_of
from suites.fuzz.tests.planting_areas import area_defects

DOOR = "decode_properties"
SEEDS = seeds_of("FUZZ-PROPERTIES-OLD")
DEFECTS = {
    **area_defects(),
    "encoded backwards": (
        bodies,
        "encode_properties",
        changed,
        lambda data: data[:-8] + b"????\4\4\4\4",
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_properties_old.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_properties_old.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_properties_old.test_one_input, SEEDS)


def test_an_offset_that_is_not_counted_is_found_out(monkeypatch):
    right = getattr(areas, DOOR)
    monkeypatch.setattr(areas, DOOR, lambda data, **_: right(data, new_style=False))
    with pytest.raises(AssertionError, match="the area begins at byte 40"):
        fuzz_properties_old.test_one_input(b"\x1b\0\0\2\0\0")
