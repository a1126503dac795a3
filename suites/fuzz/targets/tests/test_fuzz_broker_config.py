from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as for_any

from reference_broker.security import Authenticators, Verdict
from suites.fuzz.targets import fuzz_broker_config
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    returning,
    seeds_of,
)
from suites.fuzz.tests.planting_documents import document_defects, documents

SEEDS = seeds_of("FUZZ-BROKER-CONFIG")
DEFECTS = {
    **document_defects(fuzz_broker_config, "parse_broker"),
    "nowhere to listen": (
        fuzz_broker_config,
        "parse_broker",
        changed,
        lambda found: replace(found, tcp=replace(found.tcp, listeners=())),
    ),
    "strangers are let in": (
        Authenticators,
        "judge_stranger",
        replaced,
        returning(Verdict(mechanism="x")),
    ),
    "an authenticator that fails": (
        Authenticators,
        "from_config",
        replaced,
        raising(ValueError("x")),
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_broker_config.test_one_input(SEEDS[name])


@for_any(
    documents(
        [
            "appConfig",
            "taskConfig",
            "networkInterfaces",
            "tcpInterface",
            "port",
            "listeners",
            "name",
        ]
    )
)
def test_any_bytes(data):
    fuzz_broker_config.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_broker_config.test_one_input, SEEDS)
