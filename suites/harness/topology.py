"""Configuration folders in BlazingMQ's format: the same folder drives any drop-in broker.

The domains of a topology; what is not said is priority mode, in memory, eventual consistency:

| domain                             | what it is                                                     |
|------------------------------------|----------------------------------------------------------------|
| `bmq.test.mem.priority`            | BlazingMQ's sample                                             |
| `bmq.test.persistent.priority`     | BlazingMQ's sample: in files                                   |
| `bmq.test.persistent.priority.sc`  | BlazingMQ's sample: in files, strong consistency               |
| `bmq.test.mem.fanout`              | BlazingMQ's sample: fanout to the apps foo, bar and baz        |
| `bmq.test.persistent.fanout`       | BlazingMQ's sample: the same, in files                         |
| `bmq.test.mem.broadcast`           | BlazingMQ's sample: broadcast                                  |
| `gauntlet.mem`                     | 10 million messages, 16 GiB, as all below                      |
| `gauntlet.file`                    | in files                                                       |
| `gauntlet.strong`                  | in files, strong consistency                                   |
| `gauntlet.limits`                  | 3 messages, 1 KiB                                              |
| `gauntlet.fanout`                  | fanout to the apps foo, bar and baz                            |
| `gauntlet.fanout.file`             | the same, in files                                             |
| `gauntlet.broadcast`               | broadcast                                                      |
| `gauntlet.app-subscriptions`       | fanout; `x == 1` for foo, `x == 2` for bar, everything for baz |
| `gauntlet.ttl`                     | messages live for 1 s                                          |
| `gauntlet.ttl.file`                | the same, in files, fanout                                     |
| `gauntlet.poison`                  | 2 attempts to deliver                                          |
| `gauntlet.poison.fanout`           | the same, fanout                                               |
| `gauntlet.clients`                 | 1 consumer and 1 producer of each queue                        |

The cluster does not slow messages down that may be poisonous.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

_LARGE: Final = (10_000_000, 16 * 1024**3)
_SAMPLE_QUEUE: Final = (1_000, 1024**2)
_SAMPLE_DOMAIN: Final = (2_000, 2 * 1024**2)
_SMALL: Final = (3, 1024)
#: Queues between the C++ broker's threads.
_PROCESSOR: Final = {
    "queueSize": 500_000,
    "queueSizeLowWatermark": 100,
    "queueSizeHighWatermark": 200_000,
}


class DomainShape(NamedTuple):
    """A domain of a topology.

    Attributes:
        storage: `inMemory` or `fileBacked`.
        consistency: `eventual` or `strong`.
        queue_limits: (messages, bytes) of each queue.
        domain_limits: the same for all its queues together.
        mode: `priority`, `fanout` or `broadcast`.
        app_ids: of a fanout domain.
        changes: members of the domain's parameters to write instead of, or beside, the usual ones.
    """

    storage: str = "inMemory"
    consistency: str = "eventual"
    queue_limits: tuple[int, int] = _LARGE
    domain_limits: tuple[int, int] = _LARGE
    mode: str = "priority"
    app_ids: tuple[str, ...] = ()
    changes: Mapping[str, object] = MappingProxyType({})


def app_subscriptions(**texts: str) -> list[object]:
    """Return a domain's `subscriptions`.

    Args:
        texts: app id to expression; `default` stands for the one app of a domain without apps.
    """
    return [
        {
            "appId": "" if app_id == "default" else app_id,
            "expression": {"version": "E_VERSION_1", "text": text},
        }
        for app_id, text in texts.items()
    ]


MEM_DOMAIN: Final = "gauntlet.mem"
FILE_DOMAIN: Final = "gauntlet.file"
STRONG_DOMAIN: Final = "gauntlet.strong"
LIMITS_DOMAIN: Final = "gauntlet.limits"
FANOUT_DOMAIN: Final = "gauntlet.fanout"
FANOUT_FILE_DOMAIN: Final = "gauntlet.fanout.file"
BROADCAST_DOMAIN: Final = "gauntlet.broadcast"
APP_SUBSCRIPTIONS_DOMAIN: Final = "gauntlet.app-subscriptions"
TTL_DOMAIN: Final = "gauntlet.ttl"
TTL_FILE_DOMAIN: Final = "gauntlet.ttl.file"
POISON_DOMAIN: Final = "gauntlet.poison"
POISON_FANOUT_DOMAIN: Final = "gauntlet.poison.fanout"
CLIENTS_DOMAIN: Final = "gauntlet.clients"

#: Apps of the fanout domains.
APP_IDS: Final = ("foo", "bar", "baz")
#: How long messages live in the domains that are about that, in seconds.
TTL_S: Final = 1
#: How many consumers may be lost with a message in the domains that are about that.
ATTEMPTS_MAX: Final = 2

_FANOUT: Final = DomainShape(mode="fanout", app_ids=APP_IDS)

DOMAINS: Final = {
    "bmq.test.mem.priority": DomainShape("inMemory", "eventual", _SAMPLE_QUEUE, _SAMPLE_DOMAIN),
    "bmq.test.persistent.priority": DomainShape(
        "fileBacked", "eventual", _SAMPLE_QUEUE, _SAMPLE_DOMAIN
    ),
    "bmq.test.persistent.priority.sc": DomainShape(
        "fileBacked", "strong", _SAMPLE_QUEUE, _SAMPLE_DOMAIN
    ),
    "bmq.test.mem.fanout": _FANOUT._replace(
        queue_limits=_SAMPLE_QUEUE, domain_limits=_SAMPLE_DOMAIN
    ),
    "bmq.test.persistent.fanout": _FANOUT._replace(
        storage="fileBacked", queue_limits=_SAMPLE_QUEUE, domain_limits=_SAMPLE_DOMAIN
    ),
    "bmq.test.mem.broadcast": DomainShape(
        queue_limits=_SAMPLE_QUEUE, domain_limits=_SAMPLE_DOMAIN, mode="broadcast"
    ),
    MEM_DOMAIN: DomainShape(),
    FILE_DOMAIN: DomainShape("fileBacked"),
    STRONG_DOMAIN: DomainShape("fileBacked", "strong"),
    LIMITS_DOMAIN: DomainShape(queue_limits=_SMALL),
    FANOUT_DOMAIN: _FANOUT,
    FANOUT_FILE_DOMAIN: _FANOUT._replace(storage="fileBacked"),
    BROADCAST_DOMAIN: DomainShape(mode="broadcast"),
    APP_SUBSCRIPTIONS_DOMAIN: _FANOUT._replace(
        changes={"subscriptions": app_subscriptions(foo="x == 1", bar="x == 2")}
    ),
    TTL_DOMAIN: DomainShape(changes={"messageTtl": TTL_S}),
    TTL_FILE_DOMAIN: _FANOUT._replace(storage="fileBacked", changes={"messageTtl": TTL_S}),
    POISON_DOMAIN: DomainShape(changes={"maxDeliveryAttempts": ATTEMPTS_MAX}),
    POISON_FANOUT_DOMAIN: _FANOUT._replace(changes={"maxDeliveryAttempts": ATTEMPTS_MAX}),
    CLIENTS_DOMAIN: DomainShape(changes={"maxConsumers": 1, "maxProducers": 1}),
}


def write_config_folder(
    folder: Path,
    port: int,
    *,
    listen: str = "127.0.0.1",
    heartbeat_ms: int = 3000,
    app_config: Mapping[str, object] | None = None,
) -> Path:
    """Write the configuration of one node and return its folder.

    Args:
        folder: the node's working folder; `etc`, `logs` and `storage` are made below it.
        port: TCP port to listen on.
        listen: the address; other than the loopback interface's only inside of a container.
        heartbeat_ms: milliseconds between two heartbeats to clients, 10 of which may be missed.
        app_config: members of `appConfig` to write instead of, or beside, the usual ones.
    """
    etc = folder / "etc"
    (etc / "domains").mkdir(parents=True, exist_ok=True)
    (folder / "storage" / "archive").mkdir(parents=True, exist_ok=True)
    (folder / "logs").mkdir(exist_ok=True)
    _write(etc / "bmqbrkrcfg.json", _broker(listen, port, heartbeat_ms, app_config or {}))
    _write(etc / "clusters.json", _clusters(port, folder / "storage"))
    for name, shape in DOMAINS.items():
        write_domain(etc, name, shape)
    return etc


def write_domain(etc: Path, name: str, shape: DomainShape) -> None:
    """Write the configuration of one domain, over the one that is there.

    Args:
        etc: the folder that `write_config_folder` has returned.
        name: of the domain.
        shape: what it is to be.
    """
    _write(etc / "domains" / f"{name}.json", _domain(name, shape))


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def _broker(listen: str, port: int, heartbeat_ms: int, app_config: Mapping[str, object]) -> object:
    heartbeats = ("client", "downstreamBroker", "upstreamBroker", "clusterPeer")
    listener = {"name": "clients", "address": listen, "port": port}
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
            "dispatcherConfig": {
                kind: {"numProcessors": 1, "processorConfig": dict(_PROCESSOR)}
                for kind in ("sessions", "queues", "clusters")
            },
            "stats": {
                "snapshotInterval": 1,
                "printer": {"printInterval": 60, "file": "logs/stat.%T.%p", "maxAgeDays": 3},
            },
            "networkInterfaces": {
                "heartbeats": dict.fromkeys(heartbeats, 10),
                "tcpInterface": {
                    "name": "TCPInterface",
                    "port": port,
                    "ioThreads": 1,
                    "maxConnections": 10000,
                    "lowWatermark": 4194304,
                    "highWatermark": 1073741824,
                    "nodeLowWatermark": 5242880,
                    "nodeHighWatermark": 1073741824,
                    "heartbeatIntervalMs": heartbeat_ms,
                    "listeners": [listener],
                },
            },
            "bmqconfConfig": {"cacheTTLSeconds": 30},
            "configureStream": True,
            "advertiseSubscriptions": True,
            **app_config,
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
        "messageThrottleConfig": {"lowThreshold": 0, "highThreshold": 0},
    }
    return {"myClusters": [cluster], "myVirtualClusters": [], "proxyClusters": []}


def _domain(name: str, shape: DomainShape) -> object:
    parameters = {
        "name": name,
        "mode": {shape.mode: {"appIDs": list(shape.app_ids)} if shape.app_ids else {}},
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
        **shape.changes,
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
