from __future__ import annotations

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.wire import checksum
from suites.fuzz.targets import fuzz_crc32c
from suites.fuzz.tests.planting import changed, found_out_by, plant, replaced, returning, seeds_of

SEEDS = seeds_of("FUZZ-CRC32C")
DEFECTS = {
    "always the same": (fuzz_crc32c, "checksum", replaced, returning(0)),
    "one bit wrong": (fuzz_crc32c, "crc32c", changed, lambda value: value ^ 1),
    "begins anew in each piece": (
        fuzz_crc32c,
        "checksum",
        replaced,
        lambda data, _=0: checksum(data),
    ),
    "the last byte does not count": (
        fuzz_crc32c,
        "checksum",
        replaced,
        lambda data, value=0: checksum(data[: -(len(data) > 8) or None], value),
    ),
    "a view is something else": (
        fuzz_crc32c,
        "checksum",
        replaced,
        lambda data, value=0: checksum(data, value) ^ isinstance(data, memoryview),
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_crc32c.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_crc32c.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_crc32c.test_one_input, SEEDS)


def test_the_witness_knows_the_check_value_of_the_catalogues():
    assert fuzz_crc32c.defined_crc32c(b"123456789") == 0xE3069283
