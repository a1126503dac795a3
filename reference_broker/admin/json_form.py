r"""Results in JSON, as the peer's encoder writes it.

::

    {"storageContent":{"storages":[{"queueUri":"bmq:\/\/d\/q", ... }]}}

- `/` is escaped, characters outside of ASCII are not;
- absent members and empty arrays are left out;
- pretty, every member and element has its own line, an empty object is a `{`, an empty line and a
  `}`, and a line feed ends the whole;
- compact, there is no white space.

Peer: baljsn_encoder.h of BDE.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any, Final

from reference_broker.admin.cluster_results import (
    ClusterList,
    ClusterProxyStatus,
    ClusterQueueHelper,
    ClusterStatus,
    ClusterStorageSummary,
)
from reference_broker.admin.parts import StorageContent
from reference_broker.admin.queue_results import (
    FanoutQueueEngine,
    LocalQueue,
    QueueInternals,
    RelayQueueEngine,
    RemoteQueue,
    UninitializedQueue,
)
from reference_broker.admin.results import (
    BrokerConfigDump,
    DomainInfo,
    Error,
    Help,
    PurgedQueue,
    PurgedQueues,
    QueueContents,
    Result,
    Stats,
    Success,
    Tunable,
    TunableConfirmation,
    Tunables,
)
from reference_broker.admin.values import Datetime, value_member

#: What a value is called where the schema has a choice.
CHOICE_NAMES: Final[Mapping[type, str]] = MappingProxyType(
    {
        Success: "success",
        Error: "error",
        Help: "help",
        BrokerConfigDump: "brokerConfig",
        Stats: "stats",
        Tunable: "tunable",
        Tunables: "tunables",
        TunableConfirmation: "tunableConfirmation",
        DomainInfo: "domainInfo",
        PurgedQueues: "purgedQueues",
        PurgedQueue: "queue",
        QueueContents: "queueContents",
        QueueInternals: "queueInternals",
        LocalQueue: "localQueue",
        RemoteQueue: "remoteQueue",
        UninitializedQueue: "uninitializedQueue",
        FanoutQueueEngine: "fanout",
        RelayQueueEngine: "relay",
        StorageContent: "storageContent",
        ClusterList: "clusterList",
        ClusterStatus: "clusterStatus",
        ClusterProxyStatus: "clusterProxyStatus",
        ClusterQueueHelper: "clusterQueueHelper",
        ClusterStorageSummary: "clusterStorageSummary",
    }
)


def result_tree(result: Result) -> dict[str, object]:
    """Return a result as plain JSON values: an object with one member [ADMIN-7]."""
    return _choice(result)


def members(value: Any) -> Iterator[tuple[str, object, bool]]:
    """Yield the name, the value, and whether it is a choice, of each field of a dataclass."""
    for each in fields(value):
        name = each.metadata.get("name") or _camel(each.name)
        yield name, getattr(value, each.name), "is_choice" in each.metadata


def compact_json(tree: object) -> str:
    """Return plain JSON values as one line without white space."""
    match tree:
        case dict():
            inner = (f"{_scalar(name)}:{compact_json(value)}" for name, value in _present(tree))
            return f"{{{','.join(inner)}}}"
        case list():
            return f"[{','.join(compact_json(element) for element in tree)}]"
        case _:
            return _scalar(tree)


def pretty_json(tree: object, *, blanks: int = 4, level: int = 0) -> str:
    """Return plain JSON values on indented lines, the last one ended, too.

    The peer's configurations have this form, too: `BROKERCONFIG DUMP` at level 1, the domain's in
    `INFOS` with 2 blanks.

    Args:
        tree: dicts, lists, texts, numbers, bools; `None` as a member is left out.
        blanks: how many to indent by.
        level: how often to indent the first line.
    """
    return f"{' ' * (blanks * level)}{_pretty(tree, blanks, level)}\n"


def _pretty(tree: object, blanks: int, level: int) -> str:
    match tree:
        case dict():
            inner = [
                f"{_scalar(name)}: {_pretty(value, blanks, level + 1)}"
                for name, value in _present(tree)
            ]
            return _block("{}", inner, blanks, level)
        case list():
            inner = [_pretty(element, blanks, level + 1) for element in tree]
            return _block("[]", inner, blanks, level)
        case _:
            return _scalar(tree)


def _block(brackets: str, inner: Sequence[str], blanks: int, level: int) -> str:
    indent = " " * (blanks * (level + 1))
    lines = ",\n".join(indent + each for each in inner)
    return f"{brackets[0]}\n{lines}\n{' ' * (blanks * level)}{brackets[1]}"


def _present(tree: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if value is not None and value != []:
            yield name, value


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("/", "\\/")


def _choice(value: object) -> dict[str, object]:
    if isinstance(value, Stats):
        return {CHOICE_NAMES[Stats]: value.text}
    if type(value) in CHOICE_NAMES:
        return {CHOICE_NAMES[type(value)]: _tree(value)}
    name, plain = value_member(value)  # type: ignore[arg-type]
    return {name: plain}


def _tree(value: object) -> object:
    match value:
        case Datetime():
            return value.iso
        case tuple():
            return [_tree(element) for element in value]
        case _:
            if not is_dataclass(value):
                return value
            return {
                name: _choices(inner) if is_choice else _tree(inner)
                for name, inner, is_choice in members(value)
            }


def _choices(value: object) -> object:
    return [_choice(each) for each in value] if isinstance(value, tuple) else _choice(value)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
