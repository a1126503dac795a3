from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as for_any

from reference_broker.config import ClustersConfig
from suites.fuzz.targets import fuzz_clusters_config
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    replaced,
    returning,
    seeds_of,
)
from suites.fuzz.tests.planting_documents import document_defects, documents

SEEDS = seeds_of("FUZZ-CLUSTERS-CONFIG")
DEFECTS = {
    **document_defects(fuzz_clusters_config, "parse_clusters"),
    "two of one name": (
        fuzz_clusters_config,
        "parse_clusters",
        changed,
        lambda found: replace(found, proxy_names=("x", "x")),
    ),
    "placed anywhere": (ClustersConfig, "check_placement", replaced, returning(None)),
    "found nowhere": (ClustersConfig, "cluster", replaced, returning(None)),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_clusters_config.test_one_input(SEEDS[name])


@for_any(
    documents(
        [
            "myClusters",
            "proxyClusters",
            "name",
            "nodes",
            "id",
            "partitionConfig",
            "location",
        ]
    )
)
def test_any_bytes(data):
    fuzz_clusters_config.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_clusters_config.test_one_input, SEEDS)
