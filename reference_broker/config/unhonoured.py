"""Members of the peer's schemas that this version accepts without effect, each with its reason.

Delete a line when the member gains its effect. A path names its whole subtree; `[]` stands for any
index. A member whose value is the neutral one asks for nothing and is not reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reference_broker.config.reader import Unhonoured, pattern_of

_NOT_YET: Final = "not enforced in this version"
_ALONE: Final = "a single node has no peers"
_CONSOLE: Final = "log records go to the console and to a file only"
_MEMORY: Final = "Python manages its own memory"
_CPP_FILES: Final = "storage has its own file format, not the peer's"
_PLUGINS: Final = "shared-library plug-ins cannot be loaded"
_DEVELOPMENT: Final = "a development build advertises everything to everybody, as the peer's does"
_TCP: Final = "the broker's own write-buffer limits apply"

DOMAIN_UNHONOURED: Final[Mapping[str, Unhonoured]] = MappingProxyType(
    {
        f"definition.parameters.{path}": entry
        for path, entry in {
            "name": Unhonoured("the name of the file is the name of the domain"),
            "msgGroupIdConfig": Unhonoured(
                "the peer does not use message groups either", neutral=None
            ),
        }.items()
    }
)

BROKER_UNHONOURED: Final[Mapping[str, Unhonoured]] = MappingProxyType(
    {
        "taskConfig.allocatorType": Unhonoured(_MEMORY),
        "taskConfig.allocationLimit": Unhonoured(_MEMORY),
        "taskConfig.logController.bslsLogSeverityThreshold": Unhonoured(
            "there is no C++ library to log"
        ),
        "taskConfig.logController.syslog.enabled": Unhonoured(_CONSOLE, neutral=False),
        "taskConfig.logController.logDump": Unhonoured(_CONSOLE),
        "appConfig.brokerVersion": Unhonoured("the program knows its own version"),
        "appConfig.etcDir": Unhonoured("the folder is the one given at the start", neutral=""),
        "appConfig.hostTags": Unhonoured(_ALONE, neutral=""),
        "appConfig.logsObserverMaxSize": Unhonoured(_CONSOLE),
        "appConfig.latencyMonitorDomain": Unhonoured(_NOT_YET),
        "appConfig.dispatcherConfig": Unhonoured("one thread runs the broker"),
        "appConfig.stats.plugins": Unhonoured(_PLUGINS, neutral=()),
        "appConfig.stats.printer": Unhonoured("STAT SHOW and /metrics tell them when asked"),
        "appConfig.networkInterfaces.heartbeats.downstreamBroker": Unhonoured(_ALONE, neutral=0),
        "appConfig.networkInterfaces.heartbeats.upstreamBroker": Unhonoured(_ALONE, neutral=0),
        "appConfig.networkInterfaces.heartbeats.clusterPeer": Unhonoured(_ALONE, neutral=0),
        "appConfig.networkInterfaces.tcpInterface.ioThreads": Unhonoured(
            "one thread runs the broker"
        ),
        "appConfig.networkInterfaces.tcpInterface.lowWatermark": Unhonoured(_TCP),
        "appConfig.networkInterfaces.tcpInterface.highWatermark": Unhonoured(_TCP),
        "appConfig.networkInterfaces.tcpInterface.nodeLowWatermark": Unhonoured(_ALONE),
        "appConfig.networkInterfaces.tcpInterface.nodeHighWatermark": Unhonoured(_ALONE),
        "appConfig.bmqconfConfig.cacheTTLSeconds": Unhonoured(
            "a loaded domain is as its file was then, until DOMAINS RECONFIGURE or the next start"
        ),
        "appConfig.plugins.libraries": Unhonoured(_PLUGINS, neutral=()),
        "appConfig.plugins.enabled": Unhonoured(_PLUGINS, neutral=()),
        "appConfig.configureStream": Unhonoured(_DEVELOPMENT, neutral=True),
        "appConfig.advertiseSubscriptions": Unhonoured(_DEVELOPMENT, neutral=True),
        "appConfig.messagePropertiesV2": Unhonoured(_DEVELOPMENT),
        "appConfig.routeCommandTimeoutMs": Unhonoured(_ALONE),
        "appConfig.authentication.minThreads": Unhonoured("one thread runs the broker"),
        "appConfig.authentication.maxThreads": Unhonoured("one thread runs the broker"),
        "appConfig.authentication.credentialProvider": Unhonoured(_ALONE, neutral=None),
        "appConfig.tlsConfig": Unhonoured("no listener uses TLS in this version", neutral=None),
    }
)

_CLUSTER: Final[Mapping[str, Unhonoured]] = {
    "nodes[].dataCenter": Unhonoured(_ALONE),
    "partitionConfig.name": Unhonoured("the peer does not use it either"),
    "partitionConfig.archiveLocation": Unhonoured("nothing is archived"),
    "partitionConfig.maxDataFileSize": Unhonoured(_CPP_FILES),
    "partitionConfig.maxQlistFileSize": Unhonoured(_CPP_FILES),
    "partitionConfig.preallocate": Unhonoured(_CPP_FILES, neutral=False),
    "partitionConfig.maxArchivedFileSets": Unhonoured("nothing is archived", neutral=0),
    "partitionConfig.prefaultPages": Unhonoured(_CPP_FILES, neutral=False),
    "partitionConfig.flushAtShutdown": Unhonoured("storage is always flushed", neutral=True),
    "partitionConfig.syncConfig": Unhonoured(_ALONE),
    "masterAssignment": Unhonoured(_ALONE),
    "elector": Unhonoured(_ALONE),
    "queueOperations.openTimeoutMs": Unhonoured(_ALONE),
    "queueOperations.configureTimeoutMs": Unhonoured(_ALONE),
    "queueOperations.closeTimeoutMs": Unhonoured(_ALONE),
    "queueOperations.reopenTimeoutMs": Unhonoured(_ALONE),
    "queueOperations.reopenRetryIntervalMs": Unhonoured(_ALONE),
    "queueOperations.reopenMaxAttempts": Unhonoured(_ALONE),
    "queueOperations.assignmentTimeoutMs": Unhonoured(_ALONE),
    "queueOperations.consumptionMonitorPeriodMs": Unhonoured("the peer does not use it either"),
    "queueOperations.stopTimeoutMs": Unhonoured("the peer does not use it either"),
    "queueOperations.ackWindowSize": Unhonoured(_ALONE),
    "clusterAttributes": Unhonoured(_ALONE),
    "clusterMonitorConfig": Unhonoured(_ALONE),
}

CLUSTERS_UNHONOURED: Final[Mapping[str, Unhonoured]] = MappingProxyType(
    {f"myClusters[].{path}": entry for path, entry in _CLUSTER.items()}
    | {
        "myVirtualClusters": Unhonoured(_ALONE, neutral=()),
        "proxyClusters": Unhonoured("a proxy is not available in this version", neutral=()),
    }
)


def unhonoured_reason(path: str) -> str:
    """Return why a path that a configuration lists as `unhonoured` has no effect.

    Raises:
        KeyError: no configuration lists this path.
    """
    pattern = pattern_of(path)
    for table in (DOMAIN_UNHONOURED, BROKER_UNHONOURED, CLUSTERS_UNHONOURED):
        if pattern in table:
            return table[pattern].reason
    raise KeyError(path)
