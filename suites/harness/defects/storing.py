"""Defects of what survives a restart."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from reference_broker.config import Durability
from reference_broker.core import domains, snapshots
from reference_broker.queue import Queue
from reference_broker.queue.cold_guids import ColdGuids
from reference_broker.runtime import log_files
from reference_broker.storage import (
    PartitionLog,
    PurgeReason,
    RecoveredPartition,
    Recovery,
    StoredQueue,
)
from reference_broker.storage.columns import cut_columns
from reference_broker.storage.replay import QueueReplay
from suites.harness.defects.doors import after, defect, door, replace, wrap


@defect("storage", "STORE ADMIN")
def lose_on_recovery() -> None:
    """The last message in the log is forgotten when the broker starts again."""

    def forgetful(recovered: RecoveredPartition, *_: Any) -> RecoveredPartition:
        holders = [queue for queue in recovered.queues.values() if len(queue)]
        if holders:
            _forget_last(max(holders, key=lambda queue: queue.columns.locations[-1]))
        return recovered

    after(Recovery, "finish", forgetful)


def _forget_last(queue: StoredQueue) -> None:
    last = queue.columns.ordinals[-1]
    queue.columns = cut_columns(queue.columns, 0, len(queue) - 1)
    for app in queue.apps.values():
        if app.done and app.done[-1] == last:
            app.done.pop()


@defect("storage", "STORE SDK")
def log_written_later() -> None:
    """What goes to the log stays in the broker's memory until it stops in order."""
    held: list[tuple[Any, str, Any]] = []
    append, close = door(log_files.LogFiles, "append"), door(log_files.LogFiles, "close")

    def hold(self: Any, name: str, chunks: Any) -> None:
        if name.endswith("segment") or ".segment" in name or name.startswith("bmq_"):
            held.append((self, name, chunks))
        else:
            append(self, name, chunks)

    def flush(self: Any) -> None:
        for files, name, chunks in held:
            append(files, name, chunks)
        held.clear()
        close(self)

    replace(log_files.LogFiles, "append", hold)
    replace(log_files.LogFiles, "close", flush)


@defect("storage", "STORE FAN")
def confirms_not_logged() -> None:
    """Confirmations are forgotten when the broker starts again."""
    replace(PartitionLog, "append_confirms", lambda *_: [])


@defect("storage", "STORE")
def first_confirms_only() -> None:
    """Of the confirmations that come together only the first is logged."""
    wrap(
        PartitionLog,
        "append_confirms",
        lambda log: lambda self, queue, app, ordinals: log(self, queue, app, list(ordinals)[:1]),
    )


@defect("storage", "FAN APP")
def confirms_of_apps_mixed_up() -> None:
    """After a restart what the last app has confirmed counts for the first one."""

    def make(confirm: Callable[..., None]) -> Callable[..., None]:
        return lambda self, app, ordinals: confirm(self, min(self.apps, default=app), ordinals)

    wrap(QueueReplay, "confirm", make)


@defect("storage", "ADMIN")
def purges_not_logged() -> None:
    """What was purged is there again when the broker starts again."""
    replace(PartitionLog, "append_purge", lambda *_: [])


@defect("storage", "ADMIN")
def purge_of_one_app_logged_for_all() -> None:
    """A purge of one app is logged as a purge of the queue."""
    wrap(
        PartitionLog,
        "append_purge",
        lambda log: lambda self, queue, _, upto, reason: log(self, queue, None, upto, reason),
    )


@defect("storage", "TTL")
def age_counts_from_restart() -> None:
    """After a restart messages are as old as the broker."""

    def young(recovered: RecoveredPartition, _: Recovery, wall_ns: int) -> RecoveredPartition:
        for queue in recovered.queues.values():
            arrivals = array("Q", [wall_ns]) * len(queue)
            queue.columns = queue.columns._replace(arrivals=arrivals)
        return recovered

    after(Recovery, "finish", young)


@defect("storage", "TTL")
def expiry_not_written_down() -> None:
    """After a restart messages are back that had expired before it."""

    def make(append: Callable[..., Any]) -> Callable[..., Any]:
        def forgetful(log: PartitionLog, queue: int, app: Any, upto: int, reason: Any) -> Any:
            is_expiry = reason is PurgeReason.EXPIRY
            return [] if is_expiry else append(log, queue, app, upto, reason)

        return forgetful

    wrap(PartitionLog, "append_purge", make)


@defect("storage", "STORE")
def recovery_out_of_order() -> None:
    """After a restart the first two messages of a queue have changed places."""

    def swap(recovered: RecoveredPartition, *_: Any) -> RecoveredPartition:
        for queue in recovered.queues.values():
            columns = queue.columns
            if len(queue) > 1:
                for column in (columns.locations, columns.sizes, columns.codings):
                    column[0], column[1] = column[1], column[0]
                guids = columns.guids
                queue.columns = columns._replace(guids=guids[16:32] + guids[:16] + guids[32:])
        return recovered

    after(Recovery, "finish", swap)


@defect("storage", "STORE SDK")
def stored_guids_unknown_after_restart() -> None:
    """After a restart a message that is stored may be stored once more."""
    replace(ColdGuids, "suspects", lambda _, __: [])


@defect("storage", "STORE")
def restart_begins_empty() -> None:
    """The broker starts without a look at what it has stored."""

    def nothing(recovered: RecoveredPartition, *_: Any) -> RecoveredPartition:
        recovered.queues.clear()
        return recovered

    after(Recovery, "finish", nothing)


@defect("storage", "FAN APP")
def new_apps_after_restart() -> None:
    """After a restart every app begins anew, with all that is stored."""

    def anew(recovered: RecoveredPartition, *_: Any) -> RecoveredPartition:
        for queue in recovered.queues.values():
            for app in queue.apps.values():
                app.done = array("Q")
        return recovered

    after(Recovery, "finish", anew)


@defect("storage", "APP")
def filtered_comes_after_restart() -> None:
    """What an app's filter has turned away comes to it after a restart."""

    def forget(outcome: Any, *_: Any) -> Any:
        outcome.skipped.clear()
        return outcome

    after(Queue, "post", forget)


@defect("storage", "ADMIN")
def rollover_loses_messages() -> None:
    """A rollover begins new files without what the old ones hold."""

    def empty(stored: StoredQueue, *_: Any) -> StoredQueue:
        stored.columns = cut_columns(stored.columns, 0, 0)
        return stored

    after(snapshots, "stored_queue", empty)


@defect("storage", "STORE")
def stop_removes_the_log() -> None:
    """A stop in order leaves an empty log."""

    def empty(self: Any) -> None:
        for path in self._folder.iterdir():
            path.unlink()

    after(log_files.LogFiles, "close", lambda _, self: empty(self))


@defect("storage", "STORE")
def eventual_domains_not_logged() -> None:
    """Only domains of strong consistency are written to disk."""

    def strong(config: Any) -> bool:
        return keeps(config) and config.durability is Durability.FSYNC

    keeps = door(domains, "keeps_messages")
    replace(domains, "keeps_messages", strong)


@defect("storage", "STORE")
def strong_domains_not_logged() -> None:
    """Domains of strong consistency are kept in memory alone."""

    def weak(config: Any) -> bool:
        return keeps(config) and config.durability is not Durability.FSYNC

    keeps = door(domains, "keeps_messages")
    replace(domains, "keeps_messages", weak)
