"""Defects that the targets of the log's files share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reference_broker.base import OperatorError
from reference_broker.storage import StorageCorruptionError
from suites.fuzz.oracles import recovered
from suites.fuzz.oracles.log_bench import Disk
from suites.fuzz.tests.planting import changed, raising, replaced, sometimes


def log_defects() -> Mapping[str, tuple[Any, ...]]:
    """Return what may go wrong in a recovery, for `plant`."""
    return {
        "untyped": (Disk, "recover", replaced, raising(ValueError("x"))),
        "no damage": (Disk, "recover", replaced, raising(OperatorError("no"))),
        "no file named": (Disk, "recover", replaced, raising(StorageCorruptionError("no"))),
        "another the second time": (recovered, "said_by", sometimes, lambda queues: queues[1:]),
        "a note the second time": (Disk, "recover", sometimes, _with_a_note),
        "GUIDs out of nothing": (Disk, "recover", changed, _with_another_guid),
        "out of order": (Disk, "recover", changed, _backwards),
    }


def _with_a_note(found: Any) -> Any:
    return replace(found, notes=["something"])


def _with_another_guid(found: Any) -> Any:
    for queue in found.queues.values():
        queue.columns = queue.columns._replace(guids=queue.columns.guids[:-1])
    return found


def _backwards(found: Any) -> Any:
    for queue in found.queues.values():
        queue.columns = queue.columns._replace(ordinals=queue.columns.ordinals[::-1])
    return found
