from __future__ import annotations

import zlib

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.wire import decompress
from suites.fuzz.targets import fuzz_compression
from suites.fuzz.tests.planting import changed, found_out_by, given, plant, replaced, seeds_of

SEEDS = seeds_of("FUZZ-COMPRESSION")
DEFECTS = {
    "the limit is no limit": (
        fuzz_compression,
        "decompress",
        replaced,
        lambda data, _: zlib.decompress(data),
    ),
    "one byte too many": (
        fuzz_compression,
        "decompress",
        replaced,
        lambda data, limit: decompress(data, limit + 1),
    ),
    "a byte behind the stream": (
        fuzz_compression,
        "decompress",
        replaced,
        lambda data, limit: decompress(data.removesuffix(b"\0"), limit),
    ),
    "compressed backwards": (fuzz_compression, "compress", given, lambda data: data[::-1]),
    "inflated backwards": (fuzz_compression, "decompress", changed, lambda data: data[::-1]),
    "untyped": (
        fuzz_compression,
        "decompress",
        replaced,
        lambda data, limit: (zlib.decompress(data), decompress(data, limit))[1],
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_compression.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_compression.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_compression.test_one_input, SEEDS)
