from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.config import ClustersConfig, ConfigError, ConfigTextError
from suites.fuzz.targets import fuzz_clusters_config
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    returning,
    seeds_of,
    sometimes,
)

SEEDS = seeds_of("FUZZ-CLUSTERS-CONFIG")
DEFECTS = {
    "untyped": (fuzz_clusters_config, "parse_clusters", replaced, raising(KeyError("name"))),
    "no word on the member": (
        fuzz_clusters_config,
        "parse_clusters",
        replaced,
        raising(ConfigError("appConfig.nothing\n", 1, "must be")),
    ),
    "an endless complaint": (
        fuzz_clusters_config,
        "parse_clusters",
        replaced,
        raising(ConfigError("x", 1, "must be" * 9_999)),
    ),
    "another from the JSON value": (
        fuzz_clusters_config,
        "parse_clusters",
        sometimes,
        lambda found: replace(found, unknown=(*found.unknown, "x")),
    ),
    "forgets what is unknown": (
        fuzz_clusters_config,
        "parse_clusters",
        changed,
        lambda found: replace(found, extra={"x": 1}),
    ),
    "no such line": (
        fuzz_clusters_config,
        "parse_clusters",
        replaced,
        raising(ConfigTextError(99, 1, "no")),
    ),
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
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "myClusters",
                        "proxyClusters",
                        "name",
                        "nodes",
                        "id",
                        "partitionConfig",
                        "location",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=50)
)
def test_any_bytes(data):
    fuzz_clusters_config.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_clusters_config.test_one_input, SEEDS)
