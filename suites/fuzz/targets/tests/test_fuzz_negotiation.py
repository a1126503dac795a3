from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.base import PeerError
from reference_broker.session import SessionKind
from reference_broker.wire import Features
from suites.fuzz.targets import fuzz_negotiation
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    returning,
    seeds_of,
)


class Both(Features):
    """Says that it reads BER, and wants JSON."""

    @property
    def wants_json(self):
        return True


SEEDS = seeds_of("FUZZ-NEGOTIATION")
DEFECTS = {
    "everybody gets a session": (
        fuzz_negotiation,
        "negotiate",
        changed,
        lambda found: (found[0], found[1]._replace(is_established=True)),
    ),
    "nobody gets a session": (
        fuzz_negotiation,
        "negotiate",
        changed,
        lambda found: (found[0], found[1]._replace(is_established=False)),
    ),
    "refused without a reason": (
        fuzz_negotiation,
        "negotiate",
        changed,
        lambda found: (found[0], found[1]._replace(close_reason="")),
    ),
    "another identity": (
        fuzz_negotiation,
        "negotiate",
        changed,
        lambda found: (replace(found[0], pid=-1), found[1]),
    ),
    "no answer": (fuzz_negotiation, "negotiate", replaced, raising(PeerError("no"))),
    "brokers are served": (fuzz_negotiation, "_SERVED", replaced, tuple(SessionKind)),
    "too old is accepted": (fuzz_negotiation, "_SDK_VERSIONS_MIN", replaced, {}),
    "the answer cannot be read": (
        fuzz_negotiation,
        "decode_message",
        changed,
        returning(None),
    ),
    "features are both": (fuzz_negotiation, "Features", replaced, Both),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_negotiation.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_negotiation.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_negotiation.test_one_input, SEEDS)
