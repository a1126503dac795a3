from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.security import Authentication, Authenticators, Verdict
from suites.fuzz.targets import fuzz_authentication
from suites.fuzz.tests.planting import changed, found_out_by, plant, replaced, returning, seeds_of

SEEDS = seeds_of("FUZZ-AUTHENTICATION")
DEFECTS = {
    "everybody is let in": (
        Authenticators,
        "judge",
        replaced,
        returning(Verdict(mechanism="BASIC", principal="x")),
    ),
    "nobody is let in": (
        Authenticators,
        "judge",
        replaced,
        returning(Verdict(mechanism="BASIC", code=-1, message="no")),
    ),
    "nobody learns why": (
        Authenticators,
        "judge",
        changed,
        lambda verdict: replace(verdict, message=""),
    ),
    "who is let in has no name": (
        Authenticators,
        "judge",
        changed,
        lambda verdict: replace(verdict, principal=""),
    ),
    "somebody else afterwards": (
        Authentication,
        "renewed",
        replaced,
        lambda _before, verdict: replace(verdict, code=0, principal="x"),
    ),
    "the answer cannot be read": (
        fuzz_authentication,
        "decode_message",
        changed,
        returning(None),
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_authentication.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_authentication.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_authentication.test_one_input, SEEDS)


def test_a_mechanism_in_its_own_case_only_is_found_out(monkeypatch):
    right = Authenticators.judge

    def judge(self, mechanism, data):
        return right(self, mechanism if mechanism.isupper() else "none", data)

    monkeypatch.setattr(Authenticators, "judge", judge)
    assert found_out_by(fuzz_authentication.test_one_input, SEEDS)
