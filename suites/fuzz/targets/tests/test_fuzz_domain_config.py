from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.config import ConfigError, ConfigTextError, DomainConfig
from suites.fuzz.targets import fuzz_domain_config
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    seeds_of,
    sometimes,
)


def without_location(found):
    return replace(found, location="") if isinstance(found, DomainConfig) else found


def with_one_app_twice(found):
    return replace(found, app_ids=("a", "a")) if isinstance(found, DomainConfig) else found


SEEDS = seeds_of("FUZZ-DOMAIN-CONFIG")
DEFECTS = {
    "untyped": (fuzz_domain_config, "parse_domain", replaced, raising(KeyError("name"))),
    "no word on the member": (
        fuzz_domain_config,
        "parse_domain",
        replaced,
        raising(ConfigError("appConfig.nothing\n", 1, "must be")),
    ),
    "an endless complaint": (
        fuzz_domain_config,
        "parse_domain",
        replaced,
        raising(ConfigError("x", 1, "must be" * 9_999)),
    ),
    "another from the JSON value": (
        fuzz_domain_config,
        "parse_domain",
        sometimes,
        lambda found: replace(found, unknown=(*found.unknown, "x")),
    ),
    "forgets what is unknown": (
        fuzz_domain_config,
        "parse_domain",
        changed,
        lambda found: replace(found, extra={"x": 1}),
    ),
    "no such line": (
        fuzz_domain_config,
        "parse_domain",
        replaced,
        raising(ConfigTextError(99, 1, "no")),
    ),
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
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "definition",
                        "parameters",
                        "location",
                        "mode",
                        "storage",
                        "redirect",
                        "priority",
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
    fuzz_domain_config.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_domain_config.test_one_input, SEEDS)
