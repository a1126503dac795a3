"""Which cluster a broker serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference_broker.app.own_cluster import check_clusters, is_own_host
from reference_broker.config import BrokerConfig, ClustersConfig, ConfigError, SampleConfig
from reference_broker.config.cluster import NodeConfig

PORT = 30_114
BROKER = replace(SampleConfig().load_broker(), host_name="earth")
CLUSTER = SampleConfig().load_clusters().clusters[0]


def node(name: str, host: str = "127.0.0.1", port: int = PORT, number: int = 0) -> NodeConfig:
    return NodeConfig(id=number, name=name, data_center="", host=host, port=port)


def clusters(*nodes: NodeConfig) -> ClustersConfig:
    return ClustersConfig(clusters=(replace(CLUSTER, nodes=nodes),))


def refusal(found: ClustersConfig, broker: BrokerConfig = BROKER) -> str:
    with pytest.raises(ConfigError) as caught:
        check_clusters(broker, found, {PORT})
    return str(caught.value)


def test_several_clusters_are_refused_by_name():
    found = ClustersConfig(clusters=(CLUSTER, replace(CLUSTER, name="other")))
    assert refusal(found) == (
        "myClusters is a list of 2 items but must be one cluster, not local, other: "
        "this version serves one, so remove the others"
    )


def test_several_nodes_are_refused_by_name():
    assert refusal(clusters(node("earth"), node("moon", number=1))) == (
        "myClusters[0].nodes is a list of 2 items but must be one node in cluster local, "
        "not earth, moon: multi-node clusters are not available in this version, "
        "so leave only this broker"
    )


@pytest.mark.parametrize(
    "found",
    [
        node("earth", host="elsewhere.invalid", port=1),  # by its name
        node("localhost", host="localhost"),  # by its endpoint, as in the peer's sample
        node("moon", host="127.0.0.1"),
    ],
    ids=lambda found: found.name,
)
def test_a_node_is_this_broker_by_its_name_or_its_endpoint(found: NodeConfig):
    check_clusters(BROKER, clusters(found), {PORT})


@pytest.mark.parametrize(
    "found",
    [
        node("moon", port=PORT + 1),
        node("moon", host="elsewhere.invalid"),
        node("moon", host="192.0.2.1"),
    ],
    ids=["port", "name", "address"],
)
def test_a_node_that_is_another_broker_is_refused(found: NodeConfig):
    text = refusal(clusters(found))
    assert text.startswith("myClusters[0].nodes[0].name is 'moon' but must be this broker: ")
    assert "hostName 'earth'" in text
    assert text.endswith(f"({PORT}), not {found.host}:{found.port}")


def test_any_free_port_is_every_port():
    check_clusters(BROKER, clusters(node("moon", port=1)), {0})


def test_no_cluster_is_no_error():
    check_clusters(BROKER, ClustersConfig(clusters=()), {PORT})


@pytest.mark.parametrize(
    ("host", "is_own"),
    [("localhost", True), ("127.0.0.1", True), ("192.0.2.1", False), ("a" * 300, False)],
)
def test_own_host(host: str, *, is_own: bool):
    assert is_own_host(host) is is_own
