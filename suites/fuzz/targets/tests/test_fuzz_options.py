from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from suites.fuzz.oracles import bodies
from suites.fuzz.targets import fuzz_options
from suites.fuzz.tests.planting import changed, found_out_by, given, plant, seeds_of, sometimes

SEEDS = seeds_of("FUZZ-OPTIONS")
DEFECTS = {
    "too long a group id": (
        fuzz_options,
        "decode_options",
        changed,
        lambda options: options._replace(message_group_id="x" * 32),
    ),
    "receivers forgotten": (
        fuzz_options,
        "decode_options",
        sometimes,
        lambda options: options._replace(sub_queue_infos=()),
    ),
    "options out of nothing": (
        bodies,
        "decode_options",
        changed,
        lambda options: options._replace(unknown=99),
    ),
    "another group id": (
        fuzz_options,
        "encode_message_group_id",
        given,
        lambda text: text[1:] + "?",
    ),
    "only the first receiver": (
        fuzz_options,
        "encode_sub_queue_infos",
        given,
        lambda infos: infos[:1],
    ),
    "only the first id": (fuzz_options, "encode_sub_queue_ids_old", given, lambda ids: ids[:1]),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_options.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_options.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_options.test_one_input, SEEDS)
