"""Admin commands in JSON [ADMIN-5].

::

    {"domains":{"domain":{"name":"d","command":{"queue":{"name":"q","command":{"internals":{}}}}}},
     "encoding":"JSON_PRETTY"}

A choice is an object with one of the members that it knows. Unknown members are skipped, as the
peer does. Stricter than the peer: what has a name must have it, and a choice with two members or a
member that is given twice is refused, because something else than was meant could be purged.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Final, NoReturn, TypeAlias

from reference_broker.admin.commands import (
    ClearConfigCache,
    ClearResolverCache,
    ClusterCommand,
    Command,
    CommandError,
    ControlPartition,
    DomainCommand,
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
    StatCommand,
    TunableGroup,
    is_unicode,
)
from reference_broker.admin.values import (
    Value,
    is_int32,
    is_int64,
    parse_date,
    parse_datetime,
    parse_time,
)
from reference_broker.base.limits import ADMIN_NAME_CHARS_MAX, CONTROL_NESTING_MAX

# A whole string (its quotes hide brackets), or one bracket. An unfinished string matches, too, so
# that every character is looked at once.
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)

_Members: TypeAlias = Mapping[str, object]


def parse_json(text: str) -> ParsedCommand:
    """Return the command that a JSON object says.

    Args:
        text: Unicode, and not longer than `ADMIN_COMMAND_CHARS_MAX`.

    Raises:
        CommandError: it says none.
    """
    members = _object(_load(text), "command")
    kinds = ("help", "domains", "configProvider", "stat", "clusters", "brokerConfig")
    name, inner = _choice(members, kinds, "command")
    return ParsedCommand(_command(name, inner), _encoding(members))


def _load(text: str) -> object:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        depth += (found[0] in "[{") - (found[0] in "]}")
        if depth > CONTROL_NESTING_MAX:
            raise _error(f"more than {CONTROL_NESTING_MAX} levels")
    try:
        value: object = json.loads(
            text, object_pairs_hook=_unique_members, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise _error(f"{error.msg} at character {error.pos}") from None
    except ValueError:
        # Python refuses to convert integers of thousands of digits.
        raise _error("an integer of thousands of digits") from None
    return value


def _unique_members(pairs: list[tuple[str, object]]) -> _Members:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            _refuse(name, value, "is given twice in one object")
        members[name] = value
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise _error(f"{name} is not JSON")


def _error(reason: str) -> CommandError:
    return CommandError(f"Error decoding JSON command [rc: -1, error: '{reason}']")


def _refuse(path: str, value: object, rule: str) -> NoReturn:
    """Refuse a value; what is shown of it is ASCII, so that any answer and log can carry it."""
    shown = ascii(value if not isinstance(value, str) else value[:80])
    raise _error(f"{ascii(path[:160])[1:-1]} is {shown[:80]} but {rule}")


def _object(value: object, path: str) -> _Members:
    if not isinstance(value, dict):
        _refuse(path, value, "must be an object")
    return value


def _choice(value: object, names: tuple[str, ...], path: str) -> tuple[str, object]:
    """Return the one member of an object that is in `names`, and its value."""
    members = _object(value, path)
    given = [name for name in names if name in members]
    if len(given) != 1:
        _refuse(path, tuple(given), f"must have exactly one of {', '.join(names)}")
    return given[0], members[given[0]]


def _text(members: _Members, name: str) -> str:
    value = members.get(name)
    return _name(value, name)


def _name(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        _refuse(path, value, "must be a text that is not empty")
    return _bounded(value, path)


def _bounded(value: str, path: str) -> str:
    if len(value) > ADMIN_NAME_CHARS_MAX:
        _refuse(path, value, f"must not have more than {ADMIN_NAME_CHARS_MAX} characters")
    if not is_unicode(value):
        _refuse(path, value, "must be valid Unicode")
    return value


def _flag(members: _Members, name: str) -> bool:
    """Return a bool that may be left out, or be `null`, for false."""
    value = members.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        _refuse(name, value, "must be true or false")
    return value


def _integer(members: _Members, name: str) -> int:
    value = members.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not is_int32(value):
        _refuse(name, value, "must be an integer of 32 bits")
    return value


def _encoding(members: _Members) -> OutputEncoding:
    value = members.get("encoding", OutputEncoding.TEXT)
    if not isinstance(value, str) or value not in OutputEncoding.__members__:
        _refuse("encoding", value, f"must be one of {', '.join(OutputEncoding)}")
    return OutputEncoding(value)


def _command(name: str, inner: object) -> Command:
    match name:
        case "help":
            return ShowHelp(_flag(_object(inner, name), "plumbing"))
        case "domains":
            return _domains(inner)
        case "configProvider":
            return ClearConfigCache(_cached_domain(inner, name))
        case "stat":
            return _stat(inner)
        case "clusters":
            return _clusters(inner)
        case _:
            _void(*_choice(inner, ("dump",), name))
            return DumpBrokerConfig()


def _void(name: str, inner: object) -> None:
    _object(inner, name)


def _cached_domain(value: object, path: str) -> str | None:
    _, clear = _choice(value, ("clearCache",), path)
    name, inner = _choice(clear, ("domain", "all"), "clearCache")
    if name == "domain":
        return _name(inner, name)
    _void(name, inner)
    return None


def _stat(value: object) -> StatCommand:
    name, inner = _choice(value, ("show", "setTunable", "getTunable", "listTunables"), "stat")
    match name:
        case "setTunable":
            members = _object(inner, name)
            return SetStatTunable(_text(members, "name"), _value(members.get("value")))
        case "getTunable":
            return GetStatTunable(_name(inner, name))
        case _:
            _void(name, inner)
            return ShowStatistics() if name == "show" else ListStatTunables()


def _domains(value: object) -> DomainCommand:
    names = ("domain", "resolver", "reconfigure", "remove")
    name, inner = _choice(value, names, "domains")
    match name:
        case "domain":
            members = _object(inner, name)
            return _domain(_text(members, "name"), members.get("command"))
        case "resolver":
            return ClearResolverCache(_cached_domain(inner, name))
        case "reconfigure":
            return ReconfigureDomain(_text(_object(inner, name), "domain"))
        case _:
            members = _object(inner, name)
            return RemoveDomain(_text(members, "domain"), _flag(members, "finalize"))


def _domain(domain: str, value: object) -> DomainCommand:
    name, inner = _choice(value, ("purge", "info", "queue"), "domain command")
    members = _object(inner, name)
    match name:
        case "purge":
            return PurgeDomain(domain)
        case "info":
            return ShowDomain(domain)
        case _:
            return _queue(domain, _text(members, "name"), members.get("command"))


def _queue(domain: str, queue: str, value: object) -> DomainCommand:
    name, inner = _choice(value, ("purgeAppId", "internals", "messages"), "queue command")
    if name == "purgeAppId":
        return PurgeQueue(domain, queue, _name(inner, name))
    members = _object(inner, name)
    if name == "internals":
        return ShowQueueInternals(domain, queue)
    app_id = None if members.get("appId") is None else _text(members, "appId")
    offset, count = _integer(members, "offset"), _integer(members, "count")
    return ListMessages(domain, queue, app_id, offset, count)


def _clusters(value: object) -> ListClusters | ClusterCommand:
    name, inner = _choice(value, ("list", "cluster"), "clusters")
    members = _object(inner, name)
    if name == "list":
        return ListClusters()
    return _cluster(_text(members, "name"), members.get("command"))


def _cluster(cluster: str, value: object) -> ClusterCommand:
    names = ("status", "queueHelper", "forceGcQueues", "storage", "state")
    name, inner = _choice(value, names, "cluster command")
    _void(name, inner)
    match name:
        case "status":
            return ShowClusterStatus(cluster)
        case "queueHelper":
            return ShowQueueHelper(cluster)
        case "forceGcQueues":
            return ForceGcQueues(cluster)
        case "storage":
            return _storage(cluster, inner)
        case _:
            group, inner = _choice(inner, ("elector",), name)
            return _tunable(cluster, TunableGroup(group), inner)


def _storage(cluster: str, value: object) -> ClusterCommand:
    names = ("summary", "partition", "domain", "queue", "replication")
    name, inner = _choice(value, names, "storage")
    members = _object(inner, name)
    match name:
        case "summary":
            return ShowStorage(cluster)
        case "replication":
            return _tunable(cluster, TunableGroup(name), inner)
        case "partition":
            return _partition(cluster, _integer(members, "partitionId"), members.get("command"))
        case "domain":
            return _storage_domain(cluster, _text(members, "name"), members.get("command"))
        case _:
            _, app_id = _choice(members.get("command"), ("purgeAppId",), "storage queue command")
            return PurgeStorageQueue(
                cluster, _text(members, "canonicalUri"), _name(app_id, "purgeAppId")
            )


def _partition(cluster: str, partition_id: int, value: object) -> ControlPartition:
    actions = tuple(action.value for action in PartitionAction)
    action, inner = _choice(value, actions, "partition command")
    _void(action, inner)
    return ControlPartition(cluster, partition_id, PartitionAction(action))


def _storage_domain(
    cluster: str, domain: str, value: object
) -> ShowStorageDomain | PurgeStorageDomain:
    name, inner = _choice(value, ("queueStatus", "purge"), "storage domain command")
    _void(name, inner)
    if name == "purge":
        return PurgeStorageDomain(cluster, domain)
    return ShowStorageDomain(cluster, domain)


def _tunable(
    cluster: str, group: TunableGroup, value: object
) -> SetTunable | GetTunable | ListTunables:
    name, inner = _choice(value, ("setTunable", "getTunable", "listTunables"), group.value)
    members = _object(inner, name)
    if name == "listTunables":
        return ListTunables(cluster, group)
    tunable = _text(members, "name")
    nodes = [node for node in ("self", "all") if node in members]
    if len(nodes) > 1:
        _refuse(name, tuple(nodes), "must not have both self and all")
    on_all = nodes == ["all"]
    if name == "getTunable":
        return GetTunable(cluster, group, tunable, on_all)
    return SetTunable(cluster, group, tunable, _value(members.get("value")), on_all)


def _value(value: object) -> Value:
    names = ("theNull", "theBool", "theInteger", "theDouble")
    texts = ("theDate", "theTime", "theDatetime", "theString")
    name, inner = _choice(value, names + texts, "value")
    match name, inner:
        case "theNull", dict():
            return None
        case "theBool", bool():
            return inner
        case "theInteger", int() if not isinstance(inner, bool) and is_int64(inner):
            return inner
        case "theDouble", int() | float() if not isinstance(inner, bool) and _is_finite(inner):
            return float(inner)
        case _, str() if name in texts:
            return _text_value(name, _bounded(inner, name))
        case _:
            _refuse("value", inner, f"cannot be {name}")


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False  # an integer that no double comes near to


def _text_value(name: str, text: str) -> Value:
    match name:
        case "theDate":
            value: Value = parse_date(text)
        case "theTime":
            value = parse_time(text)
        case "theDatetime":
            value = parse_datetime(text)
        case _:
            return text
    if value is None:
        _refuse("value", text, f"cannot be {name}")
    return value
