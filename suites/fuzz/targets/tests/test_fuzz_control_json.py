from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire.control import ControlMessage
from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_control_json
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

SEEDS = seeds_of("FUZZ-CONTROL-JSON")
DEFECTS = {
    "always the default": (bodies, "decode_message", sometimes, lambda message: type(message)()),
    "written as something else": (bodies, "encode_message", changed, lambda data: data[:1] + data),
    "untyped": (bodies, "decode_message", replaced, raising(IndexError("out of range"))),
    "refused outside": (
        bodies,
        "decode_message",
        replaced,
        raising(WireError("field", 1, "rule", 10_000)),
    ),
    "another the second time": (fuzz_control_json, "decode_message", changed, returning(None)),
    "printed as nothing": (fuzz_control_json, "print_message", replaced, returning("")),
    "deeper than allowed": (fuzz_control_json, "_depth", changed, lambda depth: depth + 64),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_control_json.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_control_json.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_control_json.test_one_input, SEEDS)


def test_what_is_no_object_is_found_out(monkeypatch):
    monkeypatch.setattr(bodies, "decode_message", returning(ControlMessage()))
    with pytest.raises(AssertionError, match="is taken for"):
        fuzz_control_json.test_one_input(b"\0[]")
