from __future__ import annotations

import dataclasses
import json

import pytest

from reference_broker.config.cluster import (
    ClusterConfig,
    NodeConfig,
    PartitionConfig,
    ThrottleConfig,
    parse_clusters,
)
from reference_broker.config.domain import DomainConfig, parse_domain
from reference_broker.config.errors import ConfigError
from reference_broker.config.tests import peer_files


def domain_at(location: str) -> DomainConfig:
    domain = parse_domain("acme.orders", peer_files.priority_domain(location))
    assert isinstance(domain, DomainConfig)
    return domain


def test_every_field_arrives():
    config = parse_clusters(json.dumps(peer_files.clusters()).encode())
    lonely = ClusterConfig(
        name="lonely",
        nodes=(
            NodeConfig(id=1, name="moon1", data_center="outer", host="moon1.example", port=5001),
        ),
        partitions=PartitionConfig(
            count=4,
            location="data",
            archive_location="data/old",
            data_file_bytes_max=10_000_000,
            journal_file_bytes_max=2_000_000,
            ledger_file_bytes_max=400_000,
            flush_at_shutdown=False,
        ),
        queue_keepalive_ms=8,
        shutdown_timeout_ms=11,
        throttle=ThrottleConfig(
            low_threshold=0, high_threshold=1, low_interval_ms=2, high_interval_ms=3
        ),
    )
    assert config.clusters == (lonely,)
    assert config.proxy_names == ("far",)
    assert config.cluster("lonely") == lonely
    assert config.cluster("far") is None


def test_defaults_are_the_peers():
    least = {
        "myClusters": [
            {
                "name": "c",
                "nodes": [{"id": 0, "name": "n", "transport": {"tcp": {"endpoint": "tcp://n:1"}}}],
                "partitionConfig": {"numPartitions": 1, "location": "here"},
            }
        ]
    }
    config = parse_clusters(least)
    cluster = config.clusters[0]
    assert (cluster.queue_keepalive_ms, cluster.shutdown_timeout_ms) == (1_800_000, 20_000)
    assert cluster.partitions.flush_at_shutdown is True
    assert (config.unknown, config.unhonoured) == ((), ())


def test_no_clusters_is_a_configuration():
    assert parse_clusters(b"{}").clusters == ()


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("tcp://localhost:30114", "localhost", 30114),
        ("tcp://10.0.0.1:1", "10.0.0.1", 1),
        ("tcp://[::1]:65535", "::1", 65535),
    ],
)
def test_endpoints(endpoint, host, port):
    document = peer_files.clusters()
    document["myClusters"][0]["nodes"][0]["transport"]["tcp"]["endpoint"] = endpoint
    node = parse_clusters(document).clusters[0].nodes[0]
    assert (node.host, node.port) == (host, port)


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:1", "tcp://localhost", "tcp://:1", "tcp://a:0", "tcp://a:65536", "tcp://a:1/", "x"],
)
@pytest.mark.parametrize("kind", ["myClusters", "proxyClusters"])
def test_a_wrong_endpoint_is_refused(endpoint, kind):
    document = peer_files.clusters()
    document[kind][0]["nodes"][0]["transport"]["tcp"]["endpoint"] = endpoint
    with pytest.raises(ConfigError) as caught:
        parse_clusters(document)
    assert caught.value.path == f"{kind}[0].nodes[0].transport.tcp.endpoint"
    assert caught.value.value == endpoint


@pytest.mark.parametrize(
    ("keys", "value", "path", "rule"),
    [
        (["nodes"], [], "nodes", "at least one node"),
        (["partitionConfig", "numPartitions"], 0, "partitionConfig.numPartitions", "from 1 to"),
        (["partitionConfig", "location"], "", "partitionConfig.location", "not empty"),
        (["masterAssignment"], "E_ME", "masterAssignment", "'E_LEADER_IS_MASTER_ALL' or"),
        (["elector", "quorum"], 2**32, "elector.quorum", "from 0 to 4294967295"),
        (["nodes", 0, "id"], -1, "nodes[0].id", "from 0 to 2147483647"),
        (["nodes", 0, "transport"], {"ipc": {}}, "nodes[0].transport", "one member: 'tcp'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_values_are_refused_with_path_value_and_rule(keys, value, path, rule):
    document = peer_files.replaced(peer_files.clusters(), ["myClusters", 0, *keys], value)
    with pytest.raises(ConfigError) as caught:
        parse_clusters(document)
    assert caught.value.path == f"myClusters[0].{path}"
    assert rule in caught.value.rule


@pytest.mark.parametrize(("member", "value"), [("id", 1), ("name", "moon1")])
def test_nodes_differ(member, value):
    document = peer_files.clusters()
    document["myClusters"][0]["nodes"] = [
        peer_files.node(1),
        {**peer_files.node(2), member: value},
    ]
    with pytest.raises(ConfigError) as caught:
        parse_clusters(document)
    assert str(caught.value) == (
        f"myClusters[0].nodes[1].{member} is {value!r} "
        f"but must differ from myClusters[0].nodes[0].{member}"
    )


def test_clusters_differ():
    document = peer_files.clusters()
    document["proxyClusters"][0]["name"] = "lonely"
    with pytest.raises(ConfigError, match=r"^proxyClusters\[0\]\.name is 'lonely' but must differ"):
        parse_clusters(document)


def test_a_domain_is_in_a_cluster_of_one_node():
    config = parse_clusters(peer_files.clusters())
    assert config.check_placement(domain_at("lonely")) == config.clusters[0]


@pytest.mark.parametrize(
    ("location", "rule"),
    [
        ("nowhere", r"must be a cluster of clusters.json \('lonely'\)"),
        ("far", "a proxy is not available in this version"),
        ("crowd", "not of 2: multi-node clusters are not available in this version"),
    ],
)
def test_a_domain_elsewhere_is_refused(location, rule):
    document = peer_files.clusters()
    if location == "crowd":
        document["myClusters"][0] |= {
            "name": "crowd",
            "nodes": [peer_files.node(n) for n in (1, 2)],
        }
    with pytest.raises(ConfigError, match=rule) as caught:
        parse_clusters(document).check_placement(domain_at(location))
    assert (caught.value.path, caught.value.value) == ("definition.location", location)


def test_a_cluster_of_many_nodes_without_a_domain_is_let_in():
    document = peer_files.clusters()
    crowd = {**document["myClusters"][0], "name": "crowd"}
    crowd["nodes"] = [peer_files.node(number) for number in range(3)]
    document["myClusters"].append(crowd)
    config = parse_clusters(document)
    assert len(config.clusters[1].nodes) == 3
    assert config.check_placement(domain_at("lonely")).name == "lonely"
    with pytest.raises(ConfigError, match="not of 3"):
        config.check_placement(dataclasses.replace(domain_at("lonely"), location="crowd"))
