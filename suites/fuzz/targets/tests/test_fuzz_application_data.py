from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_application_data
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    given,
    plant,
    raising,
    replaced,
    seeds_of,
    sometimes,
)

SEEDS = seeds_of("FUZZ-APPLICATION-DATA")
DEFECTS = {
    "more than the limit": (bodies, "decompress", changed, lambda data: data * 10_000),
    "properties forgotten": (
        bodies,
        "decode_properties",
        sometimes,
        lambda found: dict(list(found.items())[1:]),
    ),
    "properties where there are none": (
        fuzz_application_data,
        "property_lookup",
        changed,
        lambda _: lambda _name: 1,
    ),
    "compressed to something else": (
        fuzz_application_data,
        "compress",
        given,
        lambda data: data + b"x",
    ),
    "untyped": (bodies, "decompress", replaced, raising(IndexError("out of range"))),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_application_data.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_application_data.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_application_data.test_one_input, SEEDS)
