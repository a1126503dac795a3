"""Which cluster of `clusters.json` this broker serves: one, of one node, and that is itself.

The peer takes for itself the node whose endpoint is one of its own, whatever the node's name is: a
sample of its own has a node `localhost` of a broker `earth`. The name is good enough as well, for a
broker that was given another port on its command line.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable

from reference_broker.config import BrokerConfig, ClusterConfig, ClustersConfig, ConfigError


def check_clusters(config: BrokerConfig, clusters: ClustersConfig, ports: Iterable[int]) -> None:
    """Refuse what this version would only pretend to serve.

    Args:
        config: the broker.
        clusters: of which it would be a member.
        ports: that it listens on or is configured to; 0 stands for any.

    Raises:
        ConfigError: there are several clusters, the cluster has several nodes, or its node is not
            this broker. The error has no source yet.
    """
    if len(clusters.clusters) > 1:
        names = ", ".join(cluster.name for cluster in clusters.clusters)
        rule = f"must be one cluster, not {names}: this version serves one, so remove the others"
        raise ConfigError("myClusters", clusters.clusters, rule)
    for cluster in clusters.clusters:
        _check_nodes(config, cluster, frozenset(ports))


def _check_nodes(config: BrokerConfig, cluster: ClusterConfig, ports: frozenset[int]) -> None:
    path = "myClusters[0].nodes"
    if len(cluster.nodes) > 1:
        names = ", ".join(node.name for node in cluster.nodes)
        rule = (
            f"must be one node in cluster {cluster.name}, not {names}: "
            "multi-node clusters are not available in this version, so leave only this broker"
        )
        raise ConfigError(path, cluster.nodes, rule)
    node = cluster.nodes[0]
    if node.name == config.host_name:
        return
    if not ports.isdisjoint((node.port, 0)) and is_own_host(node.host):
        return
    listening = ", ".join(str(port) for port in sorted(ports))
    rule = (
        f"must be this broker: name its hostName {config.host_name!r}, or give it an endpoint on "
        f"this machine with a port that it listens on ({listening}), not {node.host}:{node.port}"
    )
    raise ConfigError(f"{path}[0].name", node.name, rule)


def is_own_host(host: str) -> bool:
    """Tell whether a name or address is this machine's: only then can it be listened on."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    return any(_can_bind(family, address) for family, _, _, _, address in found)


def _can_bind(family: int, address: tuple[object, ...]) -> bool:
    with (
        contextlib.suppress(OSError),
        socket.socket(family, socket.SOCK_DGRAM) as probe,
    ):
        probe.bind(address)
        return True
    return False
