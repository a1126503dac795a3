"""The JSON text of a command: the inverse of parsing, written apart from it."""

from __future__ import annotations

from typing import Any

from reference_broker.admin import ParsedCommand, commands
from reference_broker.admin.json_form import compact_json
from reference_broker.admin.values import value_member


def json_of(parsed: ParsedCommand) -> str:
    tree = TREES[type(parsed.command)](parsed.command)
    # Names are compared with recordings in which `/` is not escaped.
    return compact_json({**tree, "encoding": parsed.encoding}).replace("\\/", "/")


def domain(name: str, command: dict[str, Any]) -> dict[str, Any]:
    return {"domains": {"domain": {"name": name, "command": command}}}


def queue(command: Any, inner: dict[str, Any]) -> dict[str, Any]:
    return domain(command.domain, {"queue": {"name": command.queue, "command": inner}})


def cluster(command: Any, inner: dict[str, Any]) -> dict[str, Any]:
    return {"clusters": {"cluster": {"name": command.cluster, "command": inner}}}


def storage(command: Any, inner: dict[str, Any]) -> dict[str, Any]:
    return cluster(command, {"storage": inner})


def storage_domain(command: Any, verb: str) -> dict[str, Any]:
    return storage(command, {"domain": {"name": command.domain, "command": {verb: {}}}})


def cache(domain_name: str | None) -> dict[str, Any]:
    return {"clearCache": {"all": {}} if domain_name is None else {"domain": domain_name}}


def value(command: Any) -> dict[str, Any]:
    name, plain = value_member(command.value)
    return {"name": command.name, "value": {name: plain}}


def tunable(command: Any, inner: dict[str, Any]) -> dict[str, Any]:
    if command.group is commands.TunableGroup.ELECTOR:
        return cluster(command, {"state": {"elector": inner}})
    return storage(command, {"replication": inner})


def nodes(command: Any) -> dict[str, Any]:
    return {"all": {}} if command.on_all_nodes else {"self": {}}


def messages(command: commands.ListMessages) -> dict[str, Any]:
    members = {"appId": command.app_id, "offset": command.offset, "count": command.count}
    return queue(command, {"messages": members})


TREES: dict[type, Any] = {
    commands.ShowHelp: lambda c: {"help": {"plumbing": c.plumbing}},
    commands.DumpBrokerConfig: lambda _: {"brokerConfig": {"dump": {}}},
    commands.PurgeDomain: lambda c: domain(c.domain, {"purge": {}}),
    commands.ShowDomain: lambda c: domain(c.domain, {"info": {}}),
    commands.PurgeQueue: lambda c: queue(c, {"purgeAppId": c.app_id}),
    commands.ShowQueueInternals: lambda c: queue(c, {"internals": {}}),
    commands.ListMessages: messages,
    commands.ReconfigureDomain: lambda c: {"domains": {"reconfigure": {"domain": c.domain}}},
    commands.RemoveDomain: lambda c: {
        "domains": {"remove": {"domain": c.domain, "finalize": c.finalize or None}}
    },
    commands.ClearResolverCache: lambda c: {"domains": {"resolver": cache(c.domain)}},
    commands.ClearConfigCache: lambda c: {"configProvider": cache(c.domain)},
    commands.ShowStatistics: lambda _: {"stat": {"show": {}}},
    commands.SetStatTunable: lambda c: {"stat": {"setTunable": value(c)}},
    commands.GetStatTunable: lambda c: {"stat": {"getTunable": c.name}},
    commands.ListStatTunables: lambda _: {"stat": {"listTunables": {}}},
    commands.ListClusters: lambda _: {"clusters": {"list": {}}},
    commands.ShowClusterStatus: lambda c: cluster(c, {"status": {}}),
    commands.ShowQueueHelper: lambda c: cluster(c, {"queueHelper": {}}),
    commands.ForceGcQueues: lambda c: cluster(c, {"forceGcQueues": {}}),
    commands.ShowStorage: lambda c: storage(c, {"summary": {}}),
    commands.ControlPartition: lambda c: storage(
        c, {"partition": {"partitionId": c.partition_id, "command": {c.action.value: {}}}}
    ),
    commands.ShowStorageDomain: lambda c: storage_domain(c, "queueStatus"),
    commands.PurgeStorageDomain: lambda c: storage_domain(c, "purge"),
    commands.PurgeStorageQueue: lambda c: storage(
        c, {"queue": {"canonicalUri": c.canonical_uri, "command": {"purgeAppId": c.app_id}}}
    ),
    commands.SetTunable: lambda c: tunable(c, {"setTunable": {**value(c), **nodes(c)}}),
    commands.GetTunable: lambda c: tunable(c, {"getTunable": {"name": c.name, **nodes(c)}}),
    commands.ListTunables: lambda c: tunable(c, {"listTunables": {}}),
}
