"""Documents in the peer's format with *every* member of its schemas, and ways to walk them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from reference_broker.config.reader import Choice, _present, pattern_of


def domain() -> dict[str, Any]:
    """A domain file; its choices show the members `fanout`, `fileBacked`, `strong`, `os`."""
    return {
        "definition": {
            "location": "lonely",
            "parameters": {
                "name": "acme.orders",
                "mode": {"fanout": {"appIDs": ["billing", "audit"], "publishAppIdMetrics": True}},
                "storage": {
                    "config": {"fileBacked": {}},
                    "durability": {"os": {}},
                    "queueLimits": {
                        "messages": 50,
                        "messagesWatermarkRatio": 0.5,
                        "bytes": 6000,
                        "bytesWatermarkRatio": 0.6,
                    },
                    "domainLimits": {
                        "messages": 700,
                        "messagesWatermarkRatio": 0.7,
                        "bytes": 80000,
                        "bytesWatermarkRatio": 0.9,
                    },
                },
                "maxConsumers": 3,
                "maxProducers": 4,
                "maxQueues": 5,
                "msgGroupIdConfig": {"rebalance": True, "maxGroups": 9, "ttlSeconds": 10},
                "maxIdleTime": 11,
                "messageTtl": 1200,
                "maxDeliveryAttempts": 13,
                "deduplicationTimeMs": 14000,
                "consistency": {"strong": {}},
                "subscriptions": [
                    {
                        "appId": "billing",
                        "expression": {"version": "E_VERSION_1", "text": "amount > 100"},
                    }
                ],
            },
        }
    }


def priority_domain(location: str = "lonely") -> dict[str, Any]:
    """A domain file that this version can serve."""
    made = domain()
    made["definition"]["location"] = location
    parameters = made["definition"]["parameters"]
    parameters["mode"] = {"priority": {}}
    del parameters["subscriptions"], parameters["name"]
    return made


def broker() -> dict[str, Any]:
    """A `bmqbrkrcfg.json`; what this version refuses to accept without effect is left empty."""
    processors = {
        "numProcessors": 2,
        "processorConfig": {
            "queueSize": 900,
            "queueSizeLowWatermark": 90,
            "queueSizeHighWatermark": 500,
        },
    }
    return {
        "taskConfig": {
            "allocatorType": "COUNTING",
            "allocationLimit": 2**34,
            "logController": {
                "fileName": "logs/broker.%T",
                "fileMaxAgeDays": 7,
                "rotationBytes": 1_000_000,
                "logfileFormat": "%d %m",
                "consoleFormat": "%s %m%n",
                "loggingVerbosity": "TRACE",
                "bslsLogSeverityThreshold": "FATAL",
                "consoleSeverityThreshold": "WARN",
                "categories": ["MQB*:WARN:red"],
                "syslog": {
                    "enabled": True,
                    "appName": "ACME",
                    "logFormat": "%m",
                    "verbosity": "ERROR",
                },
                "logDump": {
                    "recordBufferSize": 1024,
                    "recordingLevel": "DEBUG",
                    "triggerLevel": "ERROR",
                },
            },
        },
        "appConfig": {
            "brokerInstanceName": "blue",
            "brokerVersion": 12,
            "configVersion": 34,
            "etcDir": "/elsewhere",
            "hostName": "saturn",
            "hostTags": "ringed",
            "hostDataCenter": "outer",
            "logsObserverMaxSize": 77,
            "latencyMonitorDomain": "acme.latency",
            "dispatcherConfig": {
                "sessions": processors,
                "queues": copy.deepcopy(processors),
                "clusters": copy.deepcopy(processors),
                "alarmTimeoutMs": 1,
                "warningTimeoutMs": 2,
            },
            "stats": {
                "snapshotInterval": 5,
                "plugins": [
                    {
                        "name": "Exporter",
                        "queueSize": 1,
                        "queueHighWatermark": 2,
                        "queueLowWatermark": 3,
                        "publishInterval": 4,
                        "namespacePrefix": "acme",
                        "hosts": ["saturn"],
                        "instanceId": "one",
                        "prometheusSpecific": {"mode": "E_PUSH", "host": "saturn", "port": 9090},
                    }
                ],
                "printer": {
                    "printInterval": 6,
                    "file": "stat.%T",
                    "maxAgeDays": 2,
                    "rotateBytes": 3,
                    "rotateDays": 4,
                    "encoding": "TABLE",
                },
            },
            "networkInterfaces": {
                "heartbeats": {
                    "client": 2,
                    "downstreamBroker": 3,
                    "upstreamBroker": 4,
                    "clusterPeer": 5,
                },
                "tcpInterface": {
                    "name": "Wire",
                    "port": 4711,
                    "ioThreads": 6,
                    "maxConnections": 50,
                    "lowWatermark": 512,
                    "highWatermark": 1024,
                    "nodeLowWatermark": 2048,
                    "nodeHighWatermark": 4096,
                    "heartbeatIntervalMs": 100,
                    "listeners": [
                        {"name": "inner", "address": "127.0.0.1", "port": 4712, "tls": False},
                        {"name": "outer", "address": "10.0.0.1", "port": 4713, "tls": False},
                    ],
                },
            },
            "bmqconfConfig": {"cacheTTLSeconds": 8},
            "plugins": {"libraries": ["./plugins"], "enabled": ["Exporter"]},
            "messagePropertiesV2": {
                "advertiseV2Support": False,
                "minCppSdkVersion": 20000,
                "minJavaSdkVersion": 20,
            },
            "configureStream": True,
            "advertiseSubscriptions": True,
            "routeCommandTimeoutMs": 9,
            "authentication": {
                "authenticators": [
                    {
                        "name": "Gate",
                        "settings": [{"key": "user", "value": {"stringVal": "secret"}}],
                    }
                ],
                "anonymousCredential": {
                    "credential": {"mechanism": "GATE", "identity": "user:secret"}
                },
                "minThreads": 2,
                "maxThreads": 3,
                "credentialProvider": {
                    "name": "Vault",
                    "settings": [
                        {"key": "a", "value": {"boolVal": True}},
                        {"key": "b", "value": {"intVal": -1}},
                        {"key": "c", "value": {"longVal": 2**40}},
                        {"key": "d", "value": {"doubleVal": 0.5}},
                        {"key": "e", "value": {"stringVal": "x"}},
                    ],
                },
            },
            "authorization": {},
            "tlsConfig": {
                "certificateAuthority": "ca.pem",
                "certificate": "cert.pem",
                "key": "key.pem",
                "versions": "TLSv1.3",
            },
        },
    }


def node(number: int) -> dict[str, Any]:
    """A node of a cluster."""
    return {
        "id": number,
        "name": f"moon{number}",
        "dataCenter": "outer",
        "transport": {"tcp": {"endpoint": f"tcp://moon{number}.example:{5000 + number}"}},
    }


def clusters() -> dict[str, Any]:
    """A `clusters.json` with a lone node, a virtual cluster and a proxy's cluster of two."""
    operations = {
        "openTimeoutMs": 1,
        "configureTimeoutMs": 2,
        "closeTimeoutMs": 3,
        "reopenTimeoutMs": 4,
        "reopenRetryIntervalMs": 5,
        "reopenMaxAttempts": 6,
        "assignmentTimeoutMs": 7,
        "keepaliveDurationMs": 8,
        "consumptionMonitorPeriodMs": 9,
        "stopTimeoutMs": 10,
        "shutdownTimeoutMs": 11,
        "ackWindowSize": 12,
    }
    monitor = {
        "maxTimeLeader": 1,
        "maxTimeMaster": 2,
        "maxTimeNode": 3,
        "maxTimeFailover": 4,
        "thresholdLeader": 5,
        "thresholdMaster": 6,
        "thresholdNode": 7,
        "thresholdFailover": 8,
    }
    throttle = {"lowThreshold": 0, "highThreshold": 1, "lowInterval": 2, "highInterval": 3}
    return {
        "myClusters": [
            {
                "name": "lonely",
                "nodes": [node(1)],
                "partitionConfig": {
                    "name": "lonely",
                    "numPartitions": 4,
                    "location": "data",
                    "archiveLocation": "data/old",
                    "maxDataFileSize": 10_000_000,
                    "maxJournalFileSize": 2_000_000,
                    "maxQlistFileSize": 300_000,
                    "maxCSLFileSize": 400_000,
                    "preallocate": True,
                    "maxArchivedFileSets": 2,
                    "prefaultPages": True,
                    "flushAtShutdown": False,
                    "syncConfig": {
                        "startupRecoveryMaxDurationMs": 1,
                        "maxAttemptsStorageSync": 2,
                        "storageSyncReqTimeoutMs": 3,
                        "masterSyncMaxDurationMs": 4,
                        "partitionSyncStateReqTimeoutMs": 5,
                        "partitionSyncDataReqTimeoutMs": 6,
                        "startupWaitDurationMs": 7,
                        "fileChunkSize": 8,
                        "partitionSyncEventSize": 9,
                    },
                },
                "masterAssignment": "E_LEAST_ASSIGNED",
                "elector": {
                    "initialWaitTimeoutMs": 1,
                    "maxRandomWaitTimeoutMs": 2,
                    "scoutingResultTimeoutMs": 3,
                    "electionResultTimeoutMs": 4,
                    "heartbeatBroadcastPeriodMs": 5,
                    "heartbeatCheckPeriodMs": 6,
                    "heartbeatMissCount": 7,
                    "quorum": 2**32 - 1,
                    "leaderSyncDelayMs": 9,
                },
                "queueOperations": operations,
                "clusterAttributes": {
                    "isCSLModeEnabled": True,
                    "isFSMWorkflow": True,
                    "doesFSMwriteQLIST": False,
                    "clusterFsmWatchdogTimeoutSec": 1,
                    "clusterFsmWatchdogNumRetries": 2,
                    "partitionFsmWatchdogTimeoutSec": 3,
                    "partitionFsmWatchdogNumRetries": 4,
                },
                "clusterMonitorConfig": monitor,
                "messageThrottleConfig": throttle,
            }
        ],
        "myVirtualClusters": [{"name": "ghost", "selfNodeId": 5}],
        "proxyClusters": [
            {
                "name": "far",
                "nodes": [node(2), node(3)],
                "queueOperations": copy.deepcopy(operations),
                "clusterMonitorConfig": copy.deepcopy(monitor),
                "messageThrottleConfig": copy.deepcopy(throttle),
            }
        ],
    }


def locations(value: Any, path: str = "") -> Iterator[tuple[str, list[str | int], Any]]:
    """Yield (path, keys to get there, value) of everything inside a document, the root excluded."""
    yield from _locations(value, path, [])


def _locations(
    value: Any, path: str, keys: list[str | int]
) -> Iterator[tuple[str, list[str | int], Any]]:
    children: list[tuple[str, str | int, Any]] = []
    if isinstance(value, dict):
        children = [(f"{path}.{key}" if path else key, key, each) for key, each in value.items()]
    elif isinstance(value, list):
        children = [(f"{path}[{index}]", index, each) for index, each in enumerate(value)]
    for at, key, each in children:
        yield at, [*keys, key], each
        yield from _locations(each, at, [*keys, key])


def replaced(document: dict[str, Any], keys: list[str | int], value: Any) -> dict[str, Any]:
    """Return a copy of a document with one value replaced."""
    made = copy.deepcopy(document)
    place: Any = made
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return made


def schema_patterns(schema: inspect.Type, path: str = "") -> Iterator[str]:
    """Yield the pattern of every member of a schema."""
    schema = _present(schema)
    if isinstance(schema, inspect.VarTupleType):
        yield from schema_patterns(schema.item_type, f"{path}[]")
    elif isinstance(schema, inspect.StructType):
        for member in schema.fields:
            at = f"{path}.{member.encode_name}" if path else member.encode_name
            yield at
            yield from schema_patterns(member.type, at)


def choice_patterns(schema: inspect.Type, path: str = "") -> Iterator[str]:
    """Yield the pattern of every member of a choice; a document shows only one of them."""
    schema = _present(schema)
    if isinstance(schema, inspect.VarTupleType):
        yield from choice_patterns(schema.item_type, f"{path}[]")
    elif isinstance(schema, inspect.StructType):
        for member in schema.fields:
            at = f"{path}.{member.encode_name}" if path else member.encode_name
            if issubclass(schema.cls, Choice):
                yield at
            yield from choice_patterns(member.type, at)


def document_patterns(document: dict[str, Any]) -> set[str]:
    """Return the pattern of every member of a document."""
    return {pattern_of(path) for path, keys, _ in locations(document) if isinstance(keys[-1], str)}
