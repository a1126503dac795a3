"""A clusters file is read, or the operator is told which member to mend; nothing else happens.

An input is the content of `clusters.json`. What must hold is written in `documents`, and:

- every cluster has a name of its own, and is found by it;
- nodes differ in names and ids;
- a domain is placed in a cluster of its location with one node, or the operator is told why not.

Accepted rejections: `ConfigError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reference_broker.config import (
    ClustersConfig,
    ConfigError,
    SampleConfig,
    parse_clusters,
)
from suites.fuzz.oracles.documents import check_document, check_operator_error

_FILE: Final = "etc/clusters.json"
_DOMAIN: Final = SampleConfig().resolve_domain("bmq.test.mem.priority")


def test_one_input(data: bytes) -> None:
    """Read `data` as the clusters file.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    clusters = check_document(data, _FILE, parse_clusters)
    if clusters is None:
        return
    names = [*(cluster.name for cluster in clusters.clusters), *clusters.proxy_names]
    assert len(set(names)) == len(names), f"two clusters have one name: {names}"
    for cluster in clusters.clusters:
        assert clusters.cluster(cluster.name) is cluster, f"{cluster.name} is another one"
        nodes = cluster.nodes
        assert len({node.id for node in nodes}) == len(nodes), f"two nodes have one id: {nodes}"
        assert len({node.name for node in nodes}) == len(nodes), f"two have one name: {nodes}"
    for name in (*names, "no such cluster"):
        _check_placement(clusters, name, len(data))


def _check_placement(clusters: ClustersConfig, name: str, size: int) -> None:
    """Look for a place for a domain of a cluster."""
    named = clusters.cluster(name)
    expected = named if named is not None and len(named.nodes) <= 1 else None
    try:
        found = clusters.check_placement(replace(_DOMAIN, location=name))
    except ConfigError as error:
        check_operator_error(error, size)
        found = None
    assert found is expected, f"a domain of {name!r} is placed in {found}, not in {expected}"
