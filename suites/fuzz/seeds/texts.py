"""Seeds that are texts: URIs, expressions, admin commands, configuration files.

Recorded ones come from the files of the wire room's tests, where a line is an input and what the
original made of it; the configuration files are written here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Final

from reference_broker.admin import CommandError, parse_command
from suites.fuzz.oracles.admin_forms import in_json

_VECTORS: Final = ("reference_broker.wire.tests", "vectors")
#: Between an input and its outcome.
_GAP: Final = re.compile(r" {2,}(?=true |false |COMPILE |ok |rc=)")
_BAR: Final = " | "


def lines_of(name: str) -> Iterator[str]:
    """Yield the lines of a recorded text file, without comments."""
    package, folder = _VECTORS
    for line in files(package).joinpath(folder, name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def json_samples() -> dict[str, bytes]:
    """Return the recorded control messages in JSON, by name."""
    pairs = [line.partition(_BAR) for line in lines_of("ref_json_samples.txt")]
    return {name: text.encode() for name, _, text in pairs}


def uri_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_uri`."""
    return _numbered("recorded", _inputs("ref_uri_parse.txt"))


def expression_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_expression`."""
    recorded = _numbered("recorded", _inputs("ref_expression_eval.txt"))
    return recorded | _numbered("made", _EXPRESSIONS)


def admin_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_admin_command`: the recorded words, each also in JSON."""
    words = [line.partition(_BAR)[0] for line in lines_of("ref_admin_commands_parsed.txt")]
    texts = [*words, *_ADMIN_COMMANDS]
    found = _numbered("command", texts)
    for number, text in enumerate(texts):
        try:
            found[f"json_{number}"] = in_json(parse_command(text)).encode()
        except CommandError:
            continue
    return found


def broker_config_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_broker_config`."""
    return _documents(_BROKERS)


def clusters_config_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_clusters_config`."""
    return _documents(_CLUSTERS)


def domain_config_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_domain_config`."""
    return _documents(_DOMAINS)


def _inputs(name: str) -> list[str]:
    return [_GAP.split(line)[0].rstrip() for line in lines_of(name)]


def _numbered(name: str, texts: list[str] | tuple[str, ...]) -> dict[str, bytes]:
    return {f"{name}_{number}": text.encode() for number, text in enumerate(dict.fromkeys(texts))}


def _documents(documents: Mapping[str, object]) -> dict[str, bytes]:
    """Return documents without white space; the first one also with some, and a byte order mark."""
    compact = {name: json.dumps(document).encode() for name, document in documents.items()}
    first = next(iter(documents.values()))
    indented = json.dumps(first, indent=1).encode()
    return compact | {
        "indented": indented,
        "marked": b"\xef\xbb\xbf" + compact[next(iter(compact))],
    }


_EXPRESSIONS: Final = (
    "price > 5 && exists(name)",
    'name == "pear" || -price * 2 <= 1',
    "l * l * l > max - 1",
    "i >= 5 && i <= 5 && 6 > i",
    'i != 5 || l < max || s != "foo"',
    "min / -1 == min",
    "!(b && !f) || !!b",
    "(i > 1) == true && (i == 5) != false",
    "exists(bin) || bin == s",
    "exists == 1 && exists(exists)",
    "((((((((i))))))))==5",
    "- - - - i == 5",
    "a1.b_c == 9223372036854775807",
    "i % 3 == -2 || i / 2 * 2 + i % 2 == i",
    'q == "a\\"b" && s <= "\u00e9"',
)
_PURGED_DOMAIN: Final = '"storage":{"domain":{"name":"d","command":{"purge":{}}}}'
_PURGED_QUEUE: Final = (
    '"storage":{"queue":{"canonicalUri":"bmq://d/q","command":{"purgeAppId":"*"}}}'
)
_LISTED: Final = '"queue":{"name":"ALL","command":{"messages":{"appId":"x","offset":-1,"count":5}}}'
_DATETIME: Final = '{"theDatetime":"2026-02-28T23:59:59.999999-05:30"}'
_ADMIN_COMMANDS: Final = (
    f'{{"domains":{{"domain":{{"name":"d e","command":{{{_LISTED}}}}}}},"encoding":"JSON_COMPACT"}}',
    f'{{"clusters":{{"cluster":{{"name":"c","command":{{{_PURGED_QUEUE}}}}}}}}}',
    f'{{"clusters":{{"cluster":{{"name":"c","command":{{{_PURGED_DOMAIN}}}}}}}}}',
    f'{{"stat":{{"setTunable":{{"name":"x","value":{_DATETIME}}}}}}}',
    '{"stat":{"setTunable":{"name":"x","value":{"theTime":"23:59:59,5Z"}}}}',
    '{"stat":{"setTunable":{"name":"x","value":{"theString":"true"}}}}',
    "STAT SET x 10:20:30.5+01:00",
    "STAT SET x 2024-02-29T10:20:30Z",
    "STAT SET x -1.5e300",
    "STAT SET x 9223372036854775808",
)
_LISTENER: Final = {"name": "main", "address": "127.0.0.1", "port": 30114}
_BROKERS: Final[Mapping[str, object]] = {
    "usual": {
        "taskConfig": {
            "allocatorType": "COUNTING",
            "logController": {
                "fileName": "logs/logfile",
                "consoleSeverityThreshold": "INFO",
                "categories": ["BMQ*:INFO:green", "*:ERROR:red"],
                "syslog": {"enabled": True, "verbosity": "WARN"},
            },
        },
        "appConfig": {
            "brokerInstanceName": "default",
            "hostName": "localhost",
            "dispatcherConfig": {
                "queues": {"numProcessors": 8, "processorConfig": {"queueSize": 5}}
            },
            "stats": {"snapshotInterval": 1, "printer": {"file": "stat.log", "rotateDays": 1}},
            "networkInterfaces": {
                "heartbeats": {"client": 10},
                "tcpInterface": {"name": "TCPInterface", "port": 30114, "ioThreads": 4},
            },
            "bmqconfConfig": {"cacheTTLSeconds": 30},
            "messagePropertiesV2": {"advertiseV2Support": True, "minCppSdkVersion": 11207},
        },
    },
    "listeners": {
        "appConfig": {
            "networkInterfaces": {
                "tcpInterface": {"port": -1, "listeners": [_LISTENER, {"port": "0", "tls": False}]}
            },
        }
    },
    "authentication": {
        "appConfig": {
            "networkInterfaces": {"tcpInterface": {"port": 0}},
            "plugins": {"libraries": ["lib"], "enabled": ["BasicAuthenticator"]},
            "authentication": {
                "authenticators": [
                    {
                        "name": "BasicAuthenticator",
                        "settings": [{"key": "user", "value": {"stringVal": "secret"}}],
                    },
                    {
                        "name": "TestAuthenticator",
                        "settings": [{"key": "sleepTimeMs", "value": {"intVal": 5}}],
                    },
                ],
                "anonymousCredential": {"credential": {"mechanism": "BASIC", "identity": "a:b"}},
            },
        }
    },
    "strangers": {
        "appConfig": {
            "networkInterfaces": {"tcpInterface": {"port": 0}},
            "authentication": {
                "authenticators": [
                    {
                        "name": "AnonAuthenticator",
                        "settings": [{"key": "shouldPass", "value": {"boolVal": False}}],
                    }
                ],
                "anonymousCredential": {"disallow": {}},
            },
        }
    },
    "tls": {
        "appConfig": {
            "networkInterfaces": {"tcpInterface": {"listeners": [{"port": 1, "tls": True}]}},
            "tlsConfig": {"key": "k", "certificate": "c"},
        }
    },
}


def _node(number: int, name: str) -> dict[str, object]:
    endpoint = f"tcp://{name}:{30114 + number}"
    return {
        "id": number,
        "name": name,
        "dataCenter": "east",
        "transport": {"tcp": {"endpoint": endpoint}},
    }


_CLUSTERS: Final[Mapping[str, object]] = {
    "usual": {
        "myClusters": [
            {
                "name": "local",
                "nodes": [_node(0, "localhost")],
                "partitionConfig": {
                    "numPartitions": 4,
                    "location": "storage",
                    "maxDataFileSize": 268435456,
                    "syncConfig": {"startupWaitDurationMs": 1000},
                },
                "elector": {"quorum": 1, "electionResultTimeoutMs": 4000},
                "queueOperations": {"keepaliveDurationMs": 1800000},
                "clusterMonitorConfig": {"maxTimeLeader": 60},
                "messageThrottleConfig": {"lowThreshold": 2, "highThreshold": 4},
            }
        ]
    },
    "three": {
        "myClusters": [
            {
                "name": "many",
                "nodes": [_node(number, f"host{number}") for number in range(3)],
                "partitionConfig": {"numPartitions": 1, "location": "storage"},
                "masterAssignment": "E_LEADER_IS_MASTER_ALL",
            }
        ],
        "proxyClusters": [
            {
                "name": "far",
                "nodes": [_node(5, "[::1]")],
                "queueOperations": {"openTimeoutMs": 300000},
            }
        ],
        "myReverseClusters": ["x"],
    },
    "none": {},
}


def _domain(mode: dict[str, object], **parameters: object) -> dict[str, object]:
    limits = {"messages": 1000, "messagesWatermarkRatio": 0.5, "bytes": "1048576"}
    storage = {
        "config": {"fileBacked": {}},
        "durability": {"fsync": {}},
        "queueLimits": limits,
        "domainLimits": limits | {"bytesWatermarkRatio": 1},
    }
    usual = {"name": "fuzz", "mode": mode, "storage": storage, "messageTtl": 300}
    return {"definition": {"location": "local", "parameters": usual | parameters}}


_DOMAINS: Final[Mapping[str, object]] = {
    "usual": _domain(
        {"priority": {}},
        maxConsumers=3,
        maxDeliveryAttempts=5,
        deduplicationTimeMs=300000,
        consistency={"strong": {}},
        msgGroupIdConfig={"rebalance": True, "ttlSeconds": 1},
        subscriptions=[{"appId": "", "expression": {"version": "E_VERSION_1", "text": "i > 1"}}],
    ),
    "fanout": _domain(
        {"fanout": {"appIDs": ["foo", "bar"], "publishAppIdMetrics": False}},
        subscriptions=[
            {"appId": "foo", "expression": {"version": "E_VERSION_1", "text": 's == "x"'}},
            {"appId": "bar", "expression": {"text": ""}},
        ],
    ),
    "broadcast": _domain({"broadcast": {}}, consistency={"strong": {}}, messageTtl="1"),
    "redirect": {"redirect": "another.domain"},
    "unknown": _domain({"priority": {}}, colour="green", maxIdleTime=-1),
}
