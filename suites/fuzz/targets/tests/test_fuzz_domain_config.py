from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as for_any

from reference_broker.config import DomainConfig
from suites.fuzz.targets import fuzz_domain_config
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    seeds_of,
)
from suites.fuzz.tests.planting_documents import document_defects, documents


def without_location(found):
    return replace(found, location="") if isinstance(found, DomainConfig) else found


def with_one_app_twice(found):
    return replace(found, app_ids=("a", "a")) if isinstance(found, DomainConfig) else found


SEEDS = seeds_of("FUZZ-DOMAIN-CONFIG")
DEFECTS = {
    **document_defects(fuzz_domain_config, "parse_domain"),
    "of another name": (
        fuzz_domain_config,
        "parse_domain",
        changed,
        lambda found: replace(found, name="x"),
    ),
    "of no cluster": (fuzz_domain_config, "parse_domain", changed, without_location),
    "twice the same app": (fuzz_domain_config, "parse_domain", changed, with_one_app_twice),
    "a subscription that fails": (
        fuzz_domain_config,
        "compile_expression",
        replaced,
        raising(ValueError("x")),
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_domain_config.test_one_input(SEEDS[name])


@for_any(
    documents(
        [
            "definition",
            "parameters",
            "location",
            "mode",
            "storage",
            "redirect",
            "priority",
        ]
    )
)
def test_any_bytes(data):
    fuzz_domain_config.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_domain_config.test_one_input, SEEDS)
