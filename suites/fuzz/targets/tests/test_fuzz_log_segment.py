from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import recovered
from suites.fuzz.targets import fuzz_log_segment
from suites.fuzz.tests.planting import (
    found_out_by,
    plant,
    replaced,
    seeds_of,
)
from suites.fuzz.tests.planting_logs import log_defects

SEEDS = seeds_of("FUZZ-LOG-SEGMENT")
DEFECTS = {
    **log_defects(),
    "a message that was never stored": (fuzz_log_segment, "MESSAGE_DATAS", replaced, ()),
    "a message that cannot be read": (
        fuzz_log_segment,
        "read_back",
        replaced,
        lambda _disk, queue: [None] * len(queue),
    ),
    "a queue that is forgotten": (recovered, "_NEW_DATA", replaced, (b"a", b"b", b"c")),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_log_segment.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_log_segment.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_log_segment.test_one_input, SEEDS)
