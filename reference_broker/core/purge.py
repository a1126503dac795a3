"""Removing stored messages on command or because of their age, and writing it down."""

from __future__ import annotations

from reference_broker.admin import Datetime
from reference_broker.core.context import Context
from reference_broker.core.journal import JournalKeeper
from reference_broker.core.state import QueueEntry
from reference_broker.ports import Severity
from reference_broker.queue import Purged
from reference_broker.storage import PurgeReason


def purge_queue(
    context: Context, journal: JournalKeeper, entry: QueueEntry, app_id: str | None
) -> Purged:
    """Remove what one app, or with None everybody, has not confirmed; for good [STORE-8].

    Raises:
        KeyError: the queue has no such app.
    """
    queue = entry.queue
    app_number = None if app_id is None else queue.apps[app_id].number
    purged = queue.purge(app_id, context.now)
    if entry.is_logged and purged.messages:
        log = context.log_of(entry)
        upto = purged.upto_ordinal
        context.add(*log.append_purge(entry.number, app_number, upto, PurgeReason.PURGE))
        context.add(*log.release(purged.removed))
        context.want_sync()
        journal.purged(entry, len(purged.removed), is_whole=app_id is None)
    context.dirty[entry] = None
    return purged


def expire_queue(context: Context, journal: JournalKeeper, entry: QueueEntry) -> None:
    """Remove the messages of a queue that have outlived their domain's TTL, for good [TTL-5]."""
    queue = entry.queue
    expired = queue.expire(context.wall_ns, context.now)
    if not expired.count:
        return
    entry.counters.expired_messages += expired.count
    if entry.is_logged:
        log = context.log_of(entry)
        upto = expired.upto_ordinal
        context.add(*log.append_purge(entry.number, None, upto, PurgeReason.EXPIRY))
        context.add(*log.release(expired.removed))
        journal.purged(entry, expired.count, is_whole=False)
    context.dirty[entry] = None
    text = (
        f"{partition_prefix(context, entry)}For storage for queue [{queue.uri}] and queueKey "
        f"[{entry.key.hex().upper()}] configured with TTL value of "
        f"[{entry.domain.config.message_ttl_s}] seconds, garbage-collected [{expired.count}] "
        "messages due to TTL expiration. Timestamp (UTC) of the latest encountered message: "
        f"{Datetime.from_wall_ns(expired.newest_arrival_ns)}"
    )
    context.note(Severity.INFO, text)


def partition_prefix(context: Context, entry: QueueEntry) -> str:
    """Return how log lines about a queue's partition begin."""
    return f"Partition [{entry.partition}] (cluster: {context.cluster.name}): "
