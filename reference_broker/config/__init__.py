"""Configuration in the peer's format, parsed and checked; files are somebody else's job.

`parse_broker`, `parse_clusters` and `parse_domain` take the bytes of a file, or its JSON value, and
return frozen values. A wrong value is refused with its path. A member that the peer does not have
is listed in `unknown`, one that has no effect in this version in `unhonoured`; both keep their raw
values in `extra`.
"""

from __future__ import annotations

from reference_broker.config.authentication import (
    AuthenticationConfig,
    Credential,
    PluginConfig,
    SettingValue,
)
from reference_broker.config.broker import (
    BrokerConfig,
    Heartbeats,
    Listener,
    LogSettings,
    MessagePropertiesV2,
    TcpInterface,
    parse_broker,
)
from reference_broker.config.cluster import (
    ClusterConfig,
    ClustersConfig,
    NodeConfig,
    PartitionConfig,
    ThrottleConfig,
    parse_clusters,
)
from reference_broker.config.document import CONFIG_BYTES_MAX, RawConfig
from reference_broker.config.domain import (
    AppSubscription,
    Consistency,
    DomainConfig,
    Durability,
    Limits,
    Mode,
    Redirect,
    StorageKind,
    parse_domain,
)
from reference_broker.config.errors import (
    MISSING,
    ConfigError,
    ConfigFileError,
    ConfigTextError,
    DomainNotFound,
)
from reference_broker.config.findings import Findings
from reference_broker.config.sample import SAMPLE_CLUSTER, SAMPLE_HOST, SAMPLE_PORT, SampleConfig
from reference_broker.config.unhonoured import unhonoured_reason

__all__ = [
    "CONFIG_BYTES_MAX",
    "MISSING",
    "SAMPLE_CLUSTER",
    "SAMPLE_HOST",
    "SAMPLE_PORT",
    "AppSubscription",
    "AuthenticationConfig",
    "BrokerConfig",
    "ClusterConfig",
    "ClustersConfig",
    "ConfigError",
    "ConfigFileError",
    "ConfigTextError",
    "Consistency",
    "Credential",
    "DomainConfig",
    "DomainNotFound",
    "Durability",
    "Findings",
    "Heartbeats",
    "Limits",
    "Listener",
    "LogSettings",
    "MessagePropertiesV2",
    "Mode",
    "NodeConfig",
    "PartitionConfig",
    "PluginConfig",
    "RawConfig",
    "Redirect",
    "SampleConfig",
    "SettingValue",
    "StorageKind",
    "TcpInterface",
    "ThrottleConfig",
    "parse_broker",
    "parse_clusters",
    "parse_domain",
    "unhonoured_reason",
]
