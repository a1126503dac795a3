"""What several results have in common, and how a field says what it is in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

#: Marks a field that is a choice in the schema: in JSON it is an object with one member.
CHOICE: Final[Mapping[str, object]] = MappingProxyType({"is_choice": True})


def named(name: str) -> Mapping[str, object]:
    """Mark a field whose member's name in JSON does not follow from the field's."""
    return MappingProxyType({"name": name})


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityMeter:
    """What is stored, against what may be; a queue's meter has its domain's as parent."""

    name: str
    is_disabled: bool = False
    num_messages: int
    message_capacity: int
    num_messages_reserved: int = 0
    num_bytes: int
    byte_capacity: int
    num_bytes_reserved: int = 0
    parent: CapacityMeter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageQueueInfo:
    """A row of a table of queues. A table reads either the counts or the id, never both."""

    queue_uri: str
    queue_key: str
    partition_id: int
    num_messages: int = 0
    num_bytes: int = 0
    is_persistent: bool = False
    internal_queue_id: int = 0


@dataclass(frozen=True, slots=True)
class StorageContent:
    """A table of queues."""

    storages: tuple[StorageQueueInfo, ...] = ()


class Locality(StrEnum):
    """What this broker is to a cluster."""

    REMOTE = "remote"
    LOCAL = "local"
    MEMBER = "member"
