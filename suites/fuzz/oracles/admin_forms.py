"""Admin commands written down again, in words and in JSON, from their values alone.

What `parse_command` understands can be written in JSON, and in words unless a name has a blank in it,
or is a keyword where a name may stand, or the words have no such command. A row of the table is a
command in both forms; `$name` stands for what the command's attribute says in that form.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Final

from reference_broker import admin
from reference_broker.admin import (
    ClearConfigCache,
    ClearResolverCache,
    Command,
    ControlPartition,
    Date,
    Datetime,
    DumpBrokerConfig,
    ForceGcQueues,
    GetStatTunable,
    GetTunable,
    ListClusters,
    ListMessages,
    ListStatTunables,
    ListTunables,
    OutputEncoding,
    ParsedCommand,
    PartitionAction,
    PurgeDomain,
    PurgeQueue,
    PurgeStorageDomain,
    PurgeStorageQueue,
    ReconfigureDomain,
    RemoveDomain,
    SetStatTunable,
    SetTunable,
    ShowClusterStatus,
    ShowDomain,
    ShowHelp,
    ShowQueueHelper,
    ShowQueueInternals,
    ShowStatistics,
    ShowStorage,
    ShowStorageDomain,
    Time,
    TunableGroup,
    Value,
)

_QUEUE: Final = '"domains":{"domain":{"name":$domain,"command":{"queue":{"name":$queue,"command":'
_DOMAIN: Final = '"domains":{"domain":{"name":$domain,"command":'
_CLUSTER: Final = '"clusters":{"cluster":{"name":$cluster,"command":'
_STORAGE_QUEUE: Final = f'{_CLUSTER}{{"storage":{{"queue":{{"canonicalUri":$canonical_uri,'
_GROUP: Final = f"{_CLUSTER}{{$place:{{$group:"
_STORED: Final = f'{_CLUSTER}{{"storage":{{"domain":{{"name":$domain,"command":'
#: The words, none if there are none; and the members, whose last brackets are left out.
_FORMS: Final[dict[type, tuple[str, str]]] = {
    ShowHelp: ("HELP $plumbing", '"help":{"plumbing":$plumbing'),
    DumpBrokerConfig: ("BROKERCONFIG DUMP", '"brokerConfig":{"dump":{'),
    ClearConfigCache: ("CONFIGPROVIDER CACHE_CLEAR $cached", '"configProvider":$cached'),
    ClearResolverCache: ("DOMAINS RESOLVER CACHE_CLEAR $cached", '"domains":{"resolver":$cached'),
    ReconfigureDomain: (
        "DOMAINS RECONFIGURE $domain",
        '"domains":{"reconfigure":{"domain":$domain',
    ),
    RemoveDomain: (
        "DOMAINS REMOVE $domain $finalize",
        '"domains":{"remove":{"domain":$domain,"finalize":$finalize',
    ),
    PurgeDomain: ("DOMAINS DOMAIN $domain PURGE", f'{_DOMAIN}{{"purge":{{'),
    ShowDomain: ("DOMAINS DOMAIN $domain INFOS", f'{_DOMAIN}{{"info":{{'),
    PurgeQueue: (
        "DOMAINS DOMAIN $domain QUEUE $queue PURGE $app_id",
        f'{_QUEUE}{{"purgeAppId":$app_id',
    ),
    ShowQueueInternals: (
        "DOMAINS DOMAIN $domain QUEUE $queue INTERNALS",
        f'{_QUEUE}{{"internals":{{',
    ),
    ListMessages: (
        "DOMAINS DOMAIN $domain QUEUE $queue LIST $app_id $offset $count",
        f'{_QUEUE}{{"messages":{{"appId":$app_id,"offset":$offset,"count":$count',
    ),
    ShowStatistics: ("STAT SHOW", '"stat":{"show":{'),
    ListStatTunables: ("STAT LIST_TUNABLES", '"stat":{"listTunables":{'),
    GetStatTunable: ("STAT GET $name", '"stat":{"getTunable":$name'),
    SetStatTunable: (
        "STAT SET $name $value",
        '"stat":{"setTunable":{"name":$name,"value":$value',
    ),
    ListClusters: ("CLUSTERS LIST", '"clusters":{"list":{'),
    ShowClusterStatus: ("CLUSTERS CLUSTER $cluster STATUS", f'{_CLUSTER}{{"status":{{'),
    ShowQueueHelper: ("CLUSTERS CLUSTER $cluster QUEUEHELPER", f'{_CLUSTER}{{"queueHelper":{{'),
    ForceGcQueues: ("CLUSTERS CLUSTER $cluster FORCE_GC_QUEUES", f'{_CLUSTER}{{"forceGcQueues":{{'),
    ShowStorage: (
        "CLUSTERS CLUSTER $cluster STORAGE SUMMARY",
        f'{_CLUSTER}{{"storage":{{"summary":{{',
    ),
    ControlPartition: (
        "CLUSTERS CLUSTER $cluster STORAGE PARTITION $partition_id $action",
        f'{_CLUSTER}{{"storage":{{"partition":{{"partitionId":$partition_id,"command":{{$action:{{',
    ),
    ShowStorageDomain: (
        "CLUSTERS CLUSTER $cluster STORAGE DOMAIN $domain QUEUE_STATUS",
        f'{_STORED}{{"queueStatus":{{',
    ),
    PurgeStorageDomain: ("", f'{_STORED}{{"purge":{{'),
    PurgeStorageQueue: (
        "",
        f'{_STORAGE_QUEUE}"command":{{"purgeAppId":$app_id',
    ),
    SetTunable: (
        "CLUSTERS CLUSTER $cluster $place $group SET$on_all_nodes $name $value",
        f'{_GROUP}{{"setTunable":{{"name":$name,"value":$value,$on_all_nodes:{{',
    ),
    GetTunable: (
        "CLUSTERS CLUSTER $cluster $place $group GET$on_all_nodes $name",
        f'{_GROUP}{{"getTunable":{{"name":$name,$on_all_nodes:{{',
    ),
    ListTunables: (
        "CLUSTERS CLUSTER $cluster $place $group LIST_TUNABLES",
        f'{_GROUP}{{"listTunables":{{',
    ),
}
_HOLE: Final = re.compile(r"\$([a-z_]+)")
_BLANK: Final = " "
_ALL: Final = "ALL"


class _UnspeakableError(Exception):
    """The words cannot say a value."""


def in_words(parsed: ParsedCommand) -> str | None:
    """Return a command in words; None if they cannot say it."""
    form = _FORMS[type(parsed.command)][0]
    try:
        said = {name: _word(name, value) for name, value in _attributes(parsed.command).items()}
    except _UnspeakableError:
        return None
    if not form:
        return None
    filled = [_HOLE.sub(lambda hole: said[hole[1]], word) for word in form.split(_BLANK)]
    encoding = parsed.encoding
    before = [] if encoding is OutputEncoding.TEXT else ["ENCODING", encoding.value]
    return _BLANK.join(before + [word for word in filled if word])


def in_json(parsed: ParsedCommand) -> str:
    """Return a command as a JSON object."""
    form = _FORMS[type(parsed.command)][1]
    open_brackets = form.count("{") - form.count("}")
    said = {name: _json(name, value) for name, value in _attributes(parsed.command).items()}
    members = _HOLE.sub(lambda hole: said[hole[1]], form)
    return f'{{{members}{"}" * open_brackets},"encoding":"{parsed.encoding}"}}'


def _attributes(command: Command) -> dict[str, object]:
    """Return what a command says, by the names of the table."""
    said: dict[str, object] = {
        field.name: getattr(command, field.name) for field in fields(command)
    }
    if isinstance(command, ClearConfigCache | ClearResolverCache):
        return {"cached": command.domain}
    if isinstance(command, SetTunable | GetTunable | ListTunables):
        said["place"] = "state" if command.group is TunableGroup.ELECTOR else "storage"
    return said


def _word(name: str, value: object) -> str:
    """Return an attribute in words; nothing if it is left out."""
    match name, value:
        case "value", _:
            word = _value_word(value)
        case "place", str():
            word = value.upper()
        case "on_all_nodes", _:
            word = "_ALL" if value else ""
        case (("plumbing" | "finalize"), _):
            word = name.upper() if value else ""
        case ("cached", None) | ("partition_id", admin.ALL_PARTITIONS):
            word = _ALL
        case "count", 0:
            word = "UNLIMITED"
        case _, PartitionAction() | TunableGroup():
            word = value.name
        case _:
            word = "" if value is None else str(value)
    if _BLANK in word or (name == "cached" and value is not None and word.upper() == _ALL):
        raise _UnspeakableError(word)
    return word


def _json(name: str, value: object) -> str:
    match name, value:
        case "cached", _:
            plain: object = {"clearCache": {"all": {}} if value is None else {"domain": value}}
        case "value", _:
            member = _MEMBERS[type(value)]
            plain = {member: {} if value is None else _plain_value(value)}
        case "on_all_nodes", _:
            plain = "all" if value else "self"
        case _, PartitionAction() | TunableGroup():
            plain = value.value
        case _:
            plain = value
    return json.dumps(plain, ensure_ascii=False)


# Values.

_MEMBERS: Final[dict[type, str]] = {
    type(None): "theNull",
    bool: "theBool",
    int: "theInteger",
    float: "theDouble",
    str: "theString",
    Date: "theDate",
    Time: "theTime",
    Datetime: "theDatetime",
}


def _value_word(value: Value | object) -> str:
    if isinstance(value, str):
        # A text that looks like something else is that in words.
        if value[:1].isalpha() and value not in ("null", "true", "false"):
            return value
        raise _UnspeakableError(value)
    plain = _plain_value(value)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _plain_value(value: Value | object) -> object:
    """Return a value as JSON has it: dates and times as ISO 8601 has them, with all their digits."""
    match value:
        case Date(year, month, day, offset):
            return f"{year:04d}-{month:02d}-{day:02d}{_offset(offset)}"
        case Time(hour, minute, second, micro, offset):
            return f"{hour:02d}:{minute:02d}:{second:02d}.{micro:06d}{_offset(offset)}"
        case Datetime(date, time):
            return f"{date.year:04d}-{date.month:02d}-{date.day:02d}T{_plain_value(time)}"
        case _:
            return value


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
