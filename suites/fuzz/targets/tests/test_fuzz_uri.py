from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.base import QueueUri, UriError
from suites.fuzz.targets import fuzz_uri
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    returning,
    seeds_of,
)

SEEDS = seeds_of("FUZZ-URI")
DEFECTS = {
    "another app": (QueueUri, "parse", changed, lambda uri: replace(uri, app_id="x")),
    "refused": (QueueUri, "parse", replaced, raising(UriError(-1, "no"))),
    "accepted": (QueueUri, "parse", replaced, returning(QueueUri("d", "", "q", ""))),
    "printed otherwise": (QueueUri, "__str__", changed, lambda text: text + "?"),
    "another domain": (QueueUri, "in_domain", changed, lambda uri: replace(uri, domain="x")),
    "an unknown code": (fuzz_uri, "WRONG_SCHEME", replaced, -7),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_uri.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_uri.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_uri.test_one_input, SEEDS)
