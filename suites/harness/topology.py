"""Configuration folders in BlazingMQ's format: the same folder drives any drop-in broker.

The domains of a topology, all in priority mode:

| domain                             | storage    | consistency | limits                         |
|------------------------------------|------------|-------------|--------------------------------|
| `bmq.test.mem.priority`            | memory     | eventual    | BlazingMQ's sample             |
| `bmq.test.persistent.priority`     | files      | eventual    | BlazingMQ's sample             |
| `bmq.test.persistent.priority.sc`  | files      | strong      | BlazingMQ's sample             |
| `gauntlet.mem`                     | memory     | eventual    | 10 million messages, 16 GiB    |
| `gauntlet.file`                    | files      | eventual    | 10 million messages, 16 GiB    |
| `gauntlet.strong`                  | files      | strong      | 10 million messages, 16 GiB    |
| `gauntlet.limits`                  | memory     | eventual    | 3 messages, 1 KiB              |
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

_LARGE: Final = (10_000_000, 16 * 1024**3)
_SAMPLE_QUEUE: Final = (1_000, 1024**2)
_SAMPLE_DOMAIN: Final = (2_000, 2 * 1024**2)
_SMALL: Final = (3, 1024)


class DomainShape(NamedTuple):
    """A domain of a topology.

    Attributes:
        storage: `inMemory` or `fileBacked`.
        consistency: `eventual` or `strong`.
        queue_limits: (messages, bytes) of each queue.
        domain_limits: the same for all its queues together.
    """

    storage: str
    consistency: str
    queue_limits: tuple[int, int]
    domain_limits: tuple[int, int]


MEM_DOMAIN: Final = "gauntlet.mem"
FILE_DOMAIN: Final = "gauntlet.file"
STRONG_DOMAIN: Final = "gauntlet.strong"
LIMITS_DOMAIN: Final = "gauntlet.limits"

DOMAINS: Final = {
    "bmq.test.mem.priority": DomainShape("inMemory", "eventual", _SAMPLE_QUEUE, _SAMPLE_DOMAIN),
    "bmq.test.persistent.priority": DomainShape(
        "fileBacked", "eventual", _SAMPLE_QUEUE, _SAMPLE_DOMAIN
    ),
    "bmq.test.persistent.priority.sc": DomainShape(
        "fileBacked", "strong", _SAMPLE_QUEUE, _SAMPLE_DOMAIN
    ),
    MEM_DOMAIN: DomainShape("inMemory", "eventual", _LARGE, _LARGE),
    FILE_DOMAIN: DomainShape("fileBacked", "eventual", _LARGE, _LARGE),
    STRONG_DOMAIN: DomainShape("fileBacked", "strong", _LARGE, _LARGE),
    LIMITS_DOMAIN: DomainShape("inMemory", "eventual", _SMALL, _LARGE),
}


def write_config_folder(folder: Path, port: int, *, heartbeat_ms: int = 3000) -> Path:
    """Write the configuration of one node and return its folder.

    Args:
        folder: the node's working folder; `etc` and `storage` are made below it.
        port: TCP port on the loopback interface.
        heartbeat_ms: milliseconds between two heartbeats to clients, 10 of which may be missed.
    """
    etc = folder / "etc"
    (etc / "domains").mkdir(parents=True, exist_ok=True)
    (folder / "storage" / "archive").mkdir(parents=True, exist_ok=True)
    _write(etc / "bmqbrkrcfg.json", _broker(port, heartbeat_ms))
    _write(etc / "clusters.json", _clusters(port, folder / "storage"))
    for name, shape in DOMAINS.items():
        _write(etc / "domains" / f"{name}.json", _domain(name, shape))
    return etc


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def _broker(port: int, heartbeat_ms: int) -> object:
    heartbeats = ("client", "downstreamBroker", "upstreamBroker", "clusterPeer")
    listener = {"name": "loopback", "address": "127.0.0.1", "port": port}
    return {
        "taskConfig": {
            "allocatorType": "COUNTING",
            "allocationLimit": 34359738368,
            "logController": {
                "fileName": "logs/logs.%T.%p",
                "fileMaxAgeDays": 10,
                "rotationBytes": 268435456,
                "logfileFormat": "%d (%t) %s %F:%l %m\n\n",
                "consoleFormat": "%d (%t) %s %F:%l %m\n",
                "loggingVerbosity": "INFO",
                "bslsLogSeverityThreshold": "ERROR",
                "consoleSeverityThreshold": "INFO",
                "categories": ["*:INFO:white"],
                "syslog": {"enabled": False, "appName": "BMQ", "logFormat": "%m", "verbosity": ""},
            },
        },
        "appConfig": {
            "brokerInstanceName": "default",
            "brokerVersion": 999999,
            "configVersion": 999999,
            "etcDir": "etc",
            "hostName": "localhost",
            "hostTags": "",
            "hostDataCenter": "UNSPECIFIED",
            "logsObserverMaxSize": 1000,
            "networkInterfaces": {
                "heartbeats": dict.fromkeys(heartbeats, 10),
                "tcpInterface": {
                    "name": "TCPInterface",
                    "port": port,
                    "ioThreads": 1,
                    "maxConnections": 10000,
                    "lowWatermark": 4194304,
                    "highWatermark": 1073741824,
                    "heartbeatIntervalMs": heartbeat_ms,
                    "listeners": [listener],
                },
            },
            "bmqconfConfig": {"cacheTTLSeconds": 30},
            "configureStream": True,
            "advertiseSubscriptions": True,
        },
    }


def _clusters(port: int, storage: Path) -> object:
    node = {
        "id": 0,
        "name": "localhost",
        "dataCenter": "UNSPECIFIED",
        "transport": {"tcp": {"endpoint": f"tcp://localhost:{port}"}},
    }
    cluster = {
        "name": "local",
        "nodes": [node],
        "partitionConfig": {
            "numPartitions": 1,
            "location": str(storage),
            "archiveLocation": str(storage / "archive"),
            "maxDataFileSize": 268435456,
            "maxJournalFileSize": 67108864,
            "maxQlistFileSize": 8388608,
            "preallocate": False,
            "maxArchivedFileSets": 0,
            "prefaultPages": False,
            "flushAtShutdown": True,
            "syncConfig": {},
        },
        "masterAssignment": "E_LEADER_IS_MASTER_ALL",
        "elector": {},
        "queueOperations": {"shutdownTimeoutMs": 2000},
        "clusterAttributes": {"isCSLModeEnabled": True, "isFSMWorkflow": True},
        "clusterMonitorConfig": {},
        "messageThrottleConfig": {},
    }
    return {"myClusters": [cluster], "myVirtualClusters": [], "proxyClusters": []}


def _domain(name: str, shape: DomainShape) -> object:
    parameters = {
        "name": name,
        "mode": {"priority": {}},
        "storage": {
            "config": {shape.storage: {}},
            "queueLimits": _limits(shape.queue_limits),
            "domainLimits": _limits(shape.domain_limits),
        },
        "maxConsumers": 0,
        "maxProducers": 0,
        "maxQueues": 0,
        "maxIdleTime": 0,
        "messageTtl": 3600,
        "maxDeliveryAttempts": 0,
        "deduplicationTimeMs": 300000,
        "consistency": {shape.consistency: {}},
        "subscriptions": [],
    }
    return {"definition": {"location": "local", "parameters": parameters}}


def _limits(limits: tuple[int, int]) -> object:
    messages, size = limits
    return {
        "messages": messages,
        "messagesWatermarkRatio": 0.8,
        "bytes": size,
        "bytesWatermarkRatio": 0.8,
    }
