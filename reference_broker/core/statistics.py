"""STAT commands: the queues' counters as the peer's tables and as its JSON.

Every JSON answer takes a snapshot. A bucket holds `_SNAPSHOTS_MAX` of them and gains one each
quarter of the snapshot interval, so that whoever asks without end is refused and not served.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from reference_broker.admin import (
    Datetime,
    Error,
    GetStatTunable,
    ListStatTunables,
    OutputEncoding,
    Result,
    SetStatTunable,
    ShowStatistics,
    StatCommand,
    Stats,
    Tunables,
)
from reference_broker.base import Instant, seconds
from reference_broker.core.context import Context
from reference_broker.core.counters import Duration
from reference_broker.core.state import QueueEntry
from reference_broker.queue import App, QueueMode

_SNAPSHOTS_MAX: Final = 4
_PRIMARY_ROLE: Final = 1
_TOO_OFTEN: Final = "Cannot save the recent snapshot, trying to make snapshots too often"

#: Every metric of a queue and of an app id. Those that are not counted are 0: times from a PUT to its
#: ACK and from a PUSH to its CONFIRM, which would cost a clock reading and a lookup for every message.
_METRICS: Final = tuple(
    f"queue_{name}"
    for name in [
        "ack_msgs",
        "ack_msgs_abs",
        "ack_time_avg",
        "ack_time_max",
        "bytes_current",
        "bytes_utilization_max",
        "cfg_bytes",
        "cfg_msgs",
        "confirm_msgs",
        "confirm_msgs_abs",
        "confirm_time_avg",
        "confirm_time_max",
        "consumers_count",
        "content_bytes",
        "content_msgs",
        "gc_msgs",
        "gc_msgs_abs",
        "history_abs",
        "msgs_current",
        "msgs_utilization_max",
        "nack_msgs",
        "nack_msgs_abs",
        "nack_noquorum_msgs",
        "nack_noquorum_msgs_abs",
        "producers_count",
        "push_bytes",
        "push_bytes_abs",
        "push_msgs",
        "push_msgs_abs",
        "put_bytes",
        "put_bytes_abs",
        "put_msgs",
        "put_msgs_abs",
        "queue_time_avg",
        "queue_time_max",
        "reject_msgs",
        "reject_msgs_abs",
        "role",
    ]
)
_COLUMNS: Final = (
    ("producer", "queue_producers_count"),
    ("consumer", "queue_consumers_count"),
    ("msgs", "queue_content_msgs"),
    ("bytes", "queue_content_bytes"),
    ("put msgs", "queue_put_msgs_abs"),
    ("put bytes", "queue_put_bytes_abs"),
    ("push msgs", "queue_push_msgs_abs"),
    ("push bytes", "queue_push_bytes_abs"),
    ("queue time avg", "queue_queue_time_avg"),
    ("queue time max", "queue_queue_time_max"),
    ("ack", "queue_ack_msgs_abs"),
    ("ack time avg", "queue_ack_time_avg"),
    ("ack time max", "queue_ack_time_max"),
    ("nack", "queue_nack_msgs_abs"),
    ("confirm", "queue_confirm_msgs_abs"),
    ("confirm time avg", "queue_confirm_time_avg"),
    ("confirm time max", "queue_confirm_time_max"),
    ("reject", "queue_reject_msgs_abs"),
    ("gc", "queue_gc_msgs_abs"),
    ("history GUIDs", "queue_history_abs"),
)


class StatOffice:
    """Answer the commands about statistics.

    Args:
        context: of the core.
        snapshot_seconds: `stats.snapshotInterval`.
    """

    def __init__(self, context: Context, snapshot_seconds: int) -> None:
        self._context = context
        self._refill_ns = max(seconds(snapshot_seconds) // _SNAPSHOTS_MAX, 1)
        self._snapshots_left = _SNAPSHOTS_MAX
        self._refilled_at = Instant(0)

    def execute(self, command: StatCommand, encoding: OutputEncoding) -> Result:
        """Execute a command about statistics."""
        match command:
            case ShowStatistics():
                return self._show(encoding)
            case SetStatTunable() | GetStatTunable():
                # The peer's tunables belong to consumers, which are plug-ins of its own kind.
                rule = "Issue the LIST_TUNABLES command for the list of supported tunables."
                return Error(f"Unsupported tunable '{command.name}': {rule}")
            case ListStatTunables():
                return Tunables(())

    def _show(self, encoding: OutputEncoding) -> Result:
        """Return the statistics as tables [STAT-1] or as JSON [STAT-2]."""
        if encoding is OutputEncoding.TEXT:
            return Stats(self._tables())
        if not self._takes_snapshot():
            return Error(_TOO_OFTEN)
        domains = {
            domain.name: {
                uri: _queue_tree(entry) for uri, entry in domain.queues.items() if entry.is_active
            }
            for domain in self._context.domains.values()
        }
        stamp = str(Datetime.from_wall_ns(self._context.wall_ns)).partition("+")[0]
        return Stats(
            json.dumps(
                {"_timestamp": stamp, "domainQueues": {"domains": domains}},
                indent=4 if encoding is OutputEncoding.JSON_PRETTY else None,
            )
        )

    def _takes_snapshot(self) -> bool:
        """Take a snapshot, unless there were too many [STAT-3]."""
        now = self._context.now
        gained = (now - self._refilled_at) // self._refill_ns
        if gained:
            self._snapshots_left = min(self._snapshots_left + gained, _SNAPSHOTS_MAX)
            self._refilled_at = Instant(self._refilled_at + gained * self._refill_ns)
        if not self._snapshots_left:
            return False
        self._snapshots_left -= 1
        return True

    # Text.

    def _tables(self) -> str:
        context = self._context
        rows = [
            [uri, *(str(metrics[key]) for _, key in _COLUMNS)]
            for uri, entry in context.queues.items()
            if entry.is_active
            for metrics in [queue_metrics(entry)]
        ]
        clients = [
            [session.name, str(len(session.handles))] for session in context.sessions.values()
        ]
        nodes = [[node.name] for node in context.cluster.nodes]
        connections = [["connections", str(len(context.sessions))]]
        return "\n\n".join(
            [
                _table("DOMAINQUEUES", ["queue", *(name for name, _ in _COLUMNS)], rows),
                _table("CLIENTS", ["client", "queues"], clients),
                _table("CLUSTERS", ["node"], nodes),
                _table("TCP CHANNELS", ["channels", "total"], connections),
                ":::::::::: :::::::::: ALLOCATORS >> Unavailable\n",
            ]
        )


def _table(title: str, heading: list[str], rows: Iterable[list[str]]) -> str:
    lines = [heading, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    text = [
        "| ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    text.insert(1, "+-".join("-" * width for width in widths))
    return "\n".join([f"\n:::::::::: :::::::::: {title} >>", *text])


# Metrics.


def queue_metrics(entry: QueueEntry) -> dict[str, int]:
    """Return every metric of a queue."""
    counters, usage = entry.counters, entry.queue.usage
    return _metrics(
        ack_msgs=counters.ack_messages,
        confirm_msgs=counters.confirm_messages,
        gc_msgs=counters.expired_messages,
        nack_msgs=counters.nack_messages,
        push_bytes=counters.push_bytes,
        push_msgs=counters.push_messages,
        put_bytes=counters.put_bytes,
        put_msgs=counters.put_messages,
        reject_msgs=counters.reject_messages,
    ) | {
        "queue_bytes_current": usage.bytes,
        "queue_msgs_current": usage.messages,
        "queue_content_bytes": counters.bytes_max,
        "queue_content_msgs": counters.messages_max,
        "queue_bytes_utilization_max": _percent(counters.bytes_max, usage.bytes_max),
        "queue_msgs_utilization_max": _percent(counters.messages_max, usage.messages_max),
        "queue_cfg_bytes": usage.bytes_max,
        "queue_cfg_msgs": usage.messages_max,
        "queue_consumers_count": entry.consumers,
        "queue_producers_count": entry.producers,
        "queue_history_abs": len(entry.queue.store.history),
        "queue_role": _PRIMARY_ROLE,
        **_times(counters.waited),
    }


def _app_metrics(entry: QueueEntry, app: App) -> dict[str, int]:
    return _metrics() | {
        "queue_bytes_current": app.pending_bytes,
        "queue_msgs_current": app.pending_messages,
        "queue_content_bytes": entry.counters.bytes_max,
        "queue_content_msgs": entry.counters.messages_max,
        **_times(entry.counters.waited_of(app.app_id)),
    }


def _metrics(**counts: int) -> dict[str, int]:
    """Return all metrics, 0 but for `counts`, which are the same since the start and of late."""
    metrics = dict.fromkeys(_METRICS, 0)
    for name, count in counts.items():
        metrics[f"queue_{name}"] = metrics[f"queue_{name}_abs"] = count
    return metrics


def _times(waited: Duration) -> dict[str, int]:
    return {"queue_queue_time_avg": waited.mean_ns, "queue_queue_time_max": waited.max_ns}


def _queue_tree(entry: QueueEntry) -> dict[str, object]:
    tree: dict[str, object] = {"values": queue_metrics(entry)}
    config = entry.domain.config
    if entry.queue.mode is QueueMode.FANOUT and config.publish_app_id_metrics:
        tree["appIds"] = {
            app.app_id: {"values": _app_metrics(entry, app)}
            for app in entry.queue.apps.values()
            if app.is_registered
        }
    return tree


def _percent(part: int, whole: int) -> int:
    return part * 100 // whole if whole else 0
