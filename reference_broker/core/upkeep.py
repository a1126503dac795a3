"""What happens because time passes: messages and GUIDs age, unused queues go.

| every        | what                                                                         |
|--------------|------------------------------------------------------------------------------|
| 5 s          | messages older than their domain's TTL are removed [TTL-1]; snapshots        |
| 60 s         | GUIDs are forgotten; queues that nobody used for `keepaliveDurationMs` go    |
| as they ask  | queues that wait for an instant: a pause before a redelivery, an idle alarm  |
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import Duration, Instant, milliseconds, seconds
from reference_broker.core.context import Context
from reference_broker.core.domains import Domains
from reference_broker.core.idleness import IdleWatch
from reference_broker.core.journal import JournalKeeper
from reference_broker.core.purge import expire_queue
from reference_broker.core.snapshots import write_snapshot
from reference_broker.core.state import QueueEntry

_EXPIRY: Final[Duration] = seconds(5)
_COLLECTION: Final[Duration] = seconds(60)


class Upkeep:
    """Do what is due.

    Args:
        context: of the core.
        domains: lets go of queues.
        idle_watch: looks at queues whose consumers may be stuck.
        journal: counts what is removed.
    """

    def __init__(
        self, context: Context, domains: Domains, idle_watch: IdleWatch, journal: JournalKeeper
    ) -> None:
        self._context = context
        self._journal = journal
        self._domains = domains
        self._idle_watch = idle_watch
        self._next_expiry = Instant(0)
        self._next_collection = Instant(0)

    def next_look(self) -> Instant | None:
        """Return when something is due next; None while there is no queue."""
        context = self._context
        if not context.queues:
            return None
        due = min(self._next_expiry, self._next_collection)
        wake = context.next_wake()
        return due if wake is None else min(due, wake)

    def look(self) -> None:
        """Do what is due now."""
        context = self._context
        for entry in context.due_wakes():
            context.dirty[entry] = None
            self._idle_watch.look(entry)
        if context.now >= self._next_expiry:
            self._next_expiry = Instant(context.now + _EXPIRY)
            for entry in context.queues.values():
                expire_queue(context, self._journal, entry)
            for partition, log in enumerate(context.logs):
                if log.is_snapshot_due:
                    write_snapshot(context, partition)
        if context.now >= self._next_collection:
            self._next_collection = Instant(context.now + _COLLECTION)
            self._collect()

    def _collect(self) -> None:
        context = self._context
        for entry in context.queues.values():
            entry.queue.expire_history(context.now)
        keepalive = milliseconds(context.cluster.queue_keepalive_ms)
        self.collect_queues(keepalive)

    def collect_queues(self, keepalive: Duration) -> int:
        """Let go of empty queues unused for so long, and of no others [CLUSTER-8]; returns how many."""
        now = self._context.now
        unused = [e for e in self._context.queues.values() if _is_unused(e, now, keepalive)]
        for entry in unused:
            self._domains.remove_queue(entry)
        return len(unused)


def _is_unused(entry: QueueEntry, now: Instant, keepalive: Duration) -> bool:
    if entry.is_in_use or entry.idle_since is None or len(entry.queue.store):
        return False
    return now - entry.idle_since >= keepalive
