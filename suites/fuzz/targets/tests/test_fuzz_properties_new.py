from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire.properties import encode_properties
from suites.fuzz.oracles import areas, bodies
from suites.fuzz.targets import fuzz_properties_new
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    returning,
    seeds_of,
    sometimes,
)

SEEDS = seeds_of("FUZZ-PROPERTIES-NEW")
DEFECTS = {
    "properties forgotten": (
        areas,
        "decode_properties",
        sometimes,
        lambda found: dict(list(found.items())[1:]),
    ),
    "an area of nothing": (areas, "area_size", changed, lambda _: 0),
    "an area too long": (areas, "area_size", changed, lambda size: size + 1_000),
    "an expression sees nothing": (areas, "property_lookup", changed, lambda _: lambda _name: None),
    "an expression sees numbers": (
        areas,
        "property_lookup",
        changed,
        lambda lookup: lambda name: lookup(name) and 1,
    ),
    "an expression sees everything": (
        areas,
        "property_lookup",
        changed,
        lambda lookup: lambda name: lookup(name) or b"",
    ),
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
