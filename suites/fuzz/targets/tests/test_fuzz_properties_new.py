from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire.properties import encode_properties
from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_properties_new
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    returning,
    seeds_of,
)
from suites.fuzz.tests.planting_areas import area_defects

SEEDS = seeds_of("FUZZ-PROPERTIES-NEW")
DEFECTS = {
    **area_defects(),
    "one byte longer": (bodies, "convert_to_old_style", changed, lambda data: data + b"\0"),
    "the payload is lost": (
        bodies,
        "convert_to_old_style",
        changed,
        lambda data: data[:-1] + b"?",
    ),
    "not converted": (bodies, "convert_to_old_style", replaced, lambda data: data),
    "refused for another reason": (
        fuzz_properties_new,
        "convert_to_old_style",
        replaced,
        raising(WireError("field", 1, "rule", 0)),
    ),
    "refused no more": (
        fuzz_properties_new,
        "convert_to_old_style",
        replaced,
        returning(encode_properties({"i": 5}, new_style=False)),
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_properties_new.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_properties_new.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_properties_new.test_one_input, SEEDS)
