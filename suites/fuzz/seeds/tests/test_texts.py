from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from reference_broker.admin import parse_command
from reference_broker.base import QueueUri
from reference_broker.config import parse_broker, parse_clusters, parse_domain
from reference_broker.expr import compile_expression
from suites.fuzz.seeds import texts as seed_texts


def accepted(parse: Callable[[bytes], object], seeds: Mapping[str, bytes]) -> int:
    """Return how many seeds can be parsed."""
    count = 0
    for data in seeds.values():
        try:
            parse(data)
        except Exception:  # noqa: BLE001  refused, in whatever way
            continue
        count += 1
    return count


@pytest.mark.parametrize(
    ("parse", "seeds", "most"),
    [
        (lambda data: QueueUri.parse(data.decode()), seed_texts.uri_seeds(), 8),
        (compile_expression, seed_texts.expression_seeds(), 50),
        (lambda data: parse_command(data.decode()), seed_texts.admin_seeds(), 100),
        (parse_broker, seed_texts.broker_config_seeds(), 6),
        (parse_clusters, seed_texts.clusters_config_seeds(), 5),
        (lambda data: parse_domain("fuzz", data), seed_texts.domain_config_seeds(), 6),
    ],
    ids=["uri", "expression", "admin", "broker", "clusters", "domain"],
)
def test_most_seeds_are_accepted(parse, seeds, most):
    assert accepted(parse, seeds) >= most


def test_recorded_lines_are_cut_where_their_outcome_begins():
    assert b"i == 5" in seed_texts.expression_seeds().values()
    assert b"bmq://d/q" in seed_texts.uri_seeds().values()
    assert b"i-1 == 4" in seed_texts.expression_seeds().values()


def test_json_samples_are_json():
    samples = seed_texts.json_samples()
    assert len(samples) > 10
    assert all(isinstance(json.loads(text), dict) for text in samples.values())
