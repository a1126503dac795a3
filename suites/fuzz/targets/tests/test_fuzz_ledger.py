from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.base import OperatorError
from reference_broker.storage import Ledger
from suites.fuzz.oracles.log_bench import Disk
from suites.fuzz.targets import fuzz_ledger
from suites.fuzz.tests.planting import found_out_by, plant, raising, replaced, returning, seeds_of

SEEDS = seeds_of("FUZZ-LEDGER")
DEFECTS = {
    "untyped": (Disk, "recover_ledger", replaced, raising(ValueError("x"))),
    "no damage": (Disk, "recover_ledger", replaced, raising(OperatorError("no"))),
    "an app is forgotten": (Ledger, "update_apps", replaced, returning([])),
    "a queue is forgotten": (Ledger, "assign", replaced, returning([])),
    "never written": (fuzz_ledger, "_QUEUES", replaced, frozenset()),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_ledger.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_ledger.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_ledger.test_one_input, SEEDS)
