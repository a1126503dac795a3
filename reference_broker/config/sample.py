"""The configuration that is there without a configuration folder: the peer's samples.

One broker on the loopback interface, one cluster `local` with one partition, and the peer's sample
domains. Names, limits and times are the peer's; deviations:

- the broker listens on 127.0.0.1 only, where the peer's sample listens on every interface;
- `location` is a name for whoever lays out the data folder to replace;
- members that have no effect here are left out, so that nothing is reported as unhonoured but the
  limits and times that belong to a domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reference_broker.config.broker import BrokerConfig, parse_broker
from reference_broker.config.cluster import ClustersConfig, parse_clusters
from reference_broker.config.domain import DomainConfig, parse_domain
from reference_broker.config.errors import DomainNotFound

SAMPLE_HOST: Final = "127.0.0.1"
SAMPLE_PORT: Final = 30_114
SAMPLE_CLUSTER: Final = "local"

# Mode, storage and consistency of each sample domain.
_DOMAINS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "bmq.test.mem.broadcast": ("broadcast", "inMemory", "eventual"),
        "bmq.test.mem.fanout": ("fanout", "inMemory", "eventual"),
        "bmq.test.mem.priority": ("priority", "inMemory", "eventual"),
        "bmq.test.persistent.fanout": ("fanout", "fileBacked", "eventual"),
        "bmq.test.persistent.fanout.sc": ("fanout", "fileBacked", "strong"),
        "bmq.test.persistent.priority": ("priority", "fileBacked", "eventual"),
        "bmq.test.persistent.priority.sc": ("priority", "fileBacked", "strong"),
    }
)
_APP_IDS: Final = ("foo", "bar", "baz")


class SampleConfig:
    """The samples, with the same three questions that a configuration folder answers.

    Args:
        port: 0 is "any free port".
        location: folder of the storage files.
    """

    __slots__ = ("_broker", "_clusters", "_domains")

    def __init__(self, *, port: int = SAMPLE_PORT, location: str = "storage") -> None:
        self._broker = parse_broker(_broker(port))
        self._clusters = parse_clusters(_clusters(location))
        self._domains: dict[str, DomainConfig] = {}
        for name, (mode, storage, consistency) in _DOMAINS.items():
            domain = parse_domain(name, _domain(mode, storage, consistency))
            assert isinstance(domain, DomainConfig), name
            self._domains[name] = domain

    @property
    def domain_names(self) -> tuple[str, ...]:
        """The domains that there are."""
        return tuple(self._domains)

    def load_broker(self) -> BrokerConfig:
        """Return the broker's own settings."""
        return self._broker

    def load_clusters(self) -> ClustersConfig:
        """Return the one cluster."""
        return self._clusters

    def resolve_domain(self, qualified_name: str) -> DomainConfig:
        """Return a sample domain.

        Raises:
            DomainNotFound: there is no sample of that name.
        """
        domain = self._domains.get(qualified_name)
        if domain is None:
            raise DomainNotFound(f"<built-in>/domains/{qualified_name}.json")
        return domain


def _broker(port: int) -> dict[str, object]:
    listener = {"name": "TCPInterface", "address": SAMPLE_HOST, "port": port}
    return {
        "appConfig": {
            "brokerInstanceName": "default",
            "configVersion": 999_999,
            "hostName": "localhost",
            "hostDataCenter": "UNSPECIFIED",
            "networkInterfaces": {
                "heartbeats": {"client": 10},
                "tcpInterface": {
                    "name": "TCPInterface",
                    "maxConnections": 10_000,
                    "heartbeatIntervalMs": 3_000,
                    "listeners": [listener],
                },
            },
        }
    }


def _clusters(location: str) -> dict[str, object]:
    # The endpoint of a lone node is never connected to, so it need not follow the port.
    node = {
        "id": 0,
        "name": "localhost",
        "transport": {"tcp": {"endpoint": f"tcp://localhost:{SAMPLE_PORT}"}},
    }
    partitions = {"numPartitions": 1, "location": location}
    return {
        "myClusters": [{"name": SAMPLE_CLUSTER, "nodes": [node], "partitionConfig": partitions}]
    }


def _domain(mode: str, storage: str, consistency: str) -> dict[str, object]:
    settings = {"appIDs": list(_APP_IDS)} if mode == "fanout" else {}
    return {
        "definition": {
            "location": SAMPLE_CLUSTER,
            "parameters": {
                "mode": {mode: settings},
                "storage": {
                    "config": {storage: {}},
                    "queueLimits": {"messages": 1_000, "bytes": 1_048_576},
                    "domainLimits": {"messages": 2_000, "bytes": 2_097_152},
                },
                "messageTtl": 300,
                "deduplicationTimeMs": 300_000,
                "consistency": {consistency: {}},
            },
        }
    }
