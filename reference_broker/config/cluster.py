"""Clusters, from `clusters.json`, and which of them can have a domain."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reference_broker.config.cluster_file import (
    ClustersFile,
    MemberClusterFile,
    NodeFile,
    PartitionFile,
    ThrottleFile,
)
from reference_broker.config.document import RawConfig, load_document
from reference_broker.config.domain import DomainConfig
from reference_broker.config.errors import ConfigError
from reference_broker.config.findings import Findings
from reference_broker.config.reader import read_as
from reference_broker.config.unhonoured import CLUSTERS_UNHONOURED

_ENDPOINT: Final = re.compile(
    r"tcp://(?P<host>[^\s/:\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """One node of a cluster.

    Attributes:
        id: unique in its cluster.
        name: the host name of that broker; unique in its cluster.
        data_center: as written.
        host: from the endpoint, without brackets.
        port: from the endpoint, 1 to 65535.
    """

    id: int
    name: str
    data_center: str
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionConfig:
    """Where and how a cluster stores.

    Attributes:
        count: partitions, at least 1.
        location: folder of the active files.
        archive_location: folder of files that are no longer active.
        data_file_bytes_max: `maxDataFileSize`; 0 where it is not given.
        journal_file_bytes_max: `maxJournalFileSize`; 0 where it is not given.
        ledger_file_bytes_max: `maxCSLFileSize`.
        flush_at_shutdown: `flushAtShutdown`.
    """

    count: int
    location: str
    archive_location: str
    data_file_bytes_max: int
    journal_file_bytes_max: int
    ledger_file_bytes_max: int
    flush_at_shutdown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleConfig:
    """How slowly a message is delivered again that may be what kills its consumers.

    Attributes:
        low_threshold: attempts left at which there is a pause of `high_interval_ms`.
        high_threshold: attempts left at which there is a pause of `low_interval_ms`.
        low_interval_ms: milliseconds.
        high_interval_ms: milliseconds.
    """

    low_threshold: int = 2
    high_threshold: int = 4
    low_interval_ms: int = 1_000
    high_interval_ms: int = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """One cluster that this broker is a member of.

    Attributes:
        name: what `location` in a domain file refers to.
        nodes: at least one.
        partitions: its storage.
        queue_keepalive_ms: how long an idle queue is kept.
        shutdown_timeout_ms: how long a graceful stop may take.
        throttle: `messageThrottleConfig`.
    """

    name: str
    nodes: tuple[NodeConfig, ...]
    partitions: PartitionConfig
    queue_keepalive_ms: int
    shutdown_timeout_ms: int
    throttle: ThrottleConfig = ThrottleConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClustersConfig(Findings):
    """All clusters that this broker knows.

    Attributes:
        clusters: those it is a member of.
        proxy_names: those it would only be a proxy of.
    """

    clusters: tuple[ClusterConfig, ...]
    proxy_names: tuple[str, ...] = ()

    def cluster(self, name: str) -> ClusterConfig | None:
        """Return the member cluster of that name."""
        return next((cluster for cluster in self.clusters if cluster.name == name), None)

    def check_placement(self, domain: DomainConfig) -> ClusterConfig:
        """Return the cluster that has the domain.

        Raises:
            ConfigError: there is no such cluster, the broker is not a member of it, or it has more
                than one node.
        """
        path = "definition.location"
        cluster = self.cluster(domain.location)
        if cluster is None and domain.location in self.proxy_names:
            rule = "must be one of myClusters: a proxy is not available in this version"
            raise ConfigError(path, domain.location, rule)
        if cluster is None:
            names = ", ".join(repr(each.name) for each in self.clusters) or "none are defined"
            rule = f"must be a cluster of clusters.json ({names})"
            raise ConfigError(path, domain.location, rule)
        if len(cluster.nodes) > 1:
            rule = (
                f"must be a cluster of one node, not of {len(cluster.nodes)}: "
                "multi-node clusters are not available in this version"
            )
            raise ConfigError(path, domain.location, rule)
        return cluster


def parse_clusters(raw: RawConfig) -> ClustersConfig:
    """Return what `clusters.json` says.

    Args:
        raw: the file's bytes, or its JSON value.

    Raises:
        ConfigError: the document is not JSON, or a value is not what the schema allows.
    """
    document, findings = read_as(ClustersFile, load_document(raw), CLUSTERS_UNHONOURED)
    names = [(f"myClusters[{i}].name", each.name) for i, each in enumerate(document.my_clusters)]
    names += [
        (f"proxyClusters[{i}].name", each.name) for i, each in enumerate(document.proxy_clusters)
    ]
    _check_unique(names)
    for index, proxy in enumerate(document.proxy_clusters):
        _nodes(proxy.nodes, f"proxyClusters[{index}].nodes")
    return ClustersConfig(
        clusters=tuple(
            _cluster(cluster, f"myClusters[{index}]")
            for index, cluster in enumerate(document.my_clusters)
        ),
        proxy_names=tuple(proxy.name for proxy in document.proxy_clusters),
        unknown=findings.unknown,
        unhonoured=findings.unhonoured,
        extra=findings.extra,
    )


def _cluster(cluster: MemberClusterFile, path: str) -> ClusterConfig:
    return ClusterConfig(
        name=cluster.name,
        nodes=_nodes(cluster.nodes, f"{path}.nodes"),
        partitions=_partitions(cluster.partition_config),
        queue_keepalive_ms=cluster.queue_operations.keepalive_duration_ms,
        shutdown_timeout_ms=cluster.queue_operations.shutdown_timeout_ms,
        throttle=_throttle(cluster.message_throttle_config),
    )


def _throttle(throttle: ThrottleFile) -> ThrottleConfig:
    return ThrottleConfig(
        low_threshold=throttle.low_threshold,
        high_threshold=throttle.high_threshold,
        low_interval_ms=throttle.low_interval,
        high_interval_ms=throttle.high_interval,
    )


def _partitions(partitions: PartitionFile) -> PartitionConfig:
    return PartitionConfig(
        count=partitions.num_partitions,
        location=partitions.location,
        archive_location=partitions.archive_location,
        data_file_bytes_max=partitions.max_data_file_size,
        journal_file_bytes_max=partitions.max_journal_file_size,
        ledger_file_bytes_max=partitions.max_csl_file_size,
        flush_at_shutdown=partitions.flush_at_shutdown,
    )


def _nodes(nodes: tuple[NodeFile, ...], path: str) -> tuple[NodeConfig, ...]:
    if not nodes:
        raise ConfigError(path, nodes, "must have at least one node")
    _check_unique((f"{path}[{index}].id", node.id) for index, node in enumerate(nodes))
    _check_unique((f"{path}[{index}].name", node.name) for index, node in enumerate(nodes))
    return tuple(_node(node, f"{path}[{index}]") for index, node in enumerate(nodes))


def _node(node: NodeFile, path: str) -> NodeConfig:
    tcp = node.transport.tcp
    assert tcp is not None, "a choice has a member"
    match = _ENDPOINT.fullmatch(tcp.endpoint)
    port = int(match["port"]) if match else 0
    if match is None or not 1 <= port <= 65_535:
        rule = "must be tcp://HOST:PORT with a port from 1 to 65535"
        raise ConfigError(f"{path}.transport.tcp.endpoint", tcp.endpoint, rule)
    return NodeConfig(
        id=node.id,
        name=node.name,
        data_center=node.data_center,
        host=match["host"].strip("[]"),
        port=port,
    )


def _check_unique(entries: Iterable[tuple[str, object]]) -> None:
    seen: dict[object, str] = {}
    for path, value in entries:
        if value in seen:
            raise ConfigError(path, value, f"must differ from {seen[value]}")
        seen[value] = path
