"""The peer's journal, kept in numbers: when it would roll over, and when it would be full.

The peer's partition has a journal of `maxJournalFileSize`; every message, confirm and queue takes a
record of it, and when what is outstanding fills it the partition takes no more messages until a
queue is purged. Our log has no such bound; but an operator has set it, so it holds.

What is outstanding is counted up and down as messages come and go, and found out anew from what is
stored before anything depends on it: whatever removes messages without saying so here makes no
difference for long.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import Duration, Instant, seconds
from reference_broker.core.context import Context
from reference_broker.core.snapshots import roll_over
from reference_broker.core.state import QueueEntry
from reference_broker.ports import Severity
from reference_broker.queue import Queue
from reference_broker.storage import JournalBudget, JournalRoom

#: Records of a queue, without those of its apps.
_RECORDS_OF_QUEUE: Final = 1
#: Records of a message that a confirm has removed, at least: its own, and that confirm's.
_RECORDS_OF_CONFIRMED: Final = 2
#: Between two counts of what is outstanding while no messages are taken: each looks at every queue.
_COUNT_PAUSE: Final[Duration] = seconds(5)


class JournalKeeper:
    """Count what the peer would write, and say when it could not.

    Args:
        context: of the core.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        partitions = context.cluster.partitions
        bytes_max = partitions.journal_file_bytes_max
        self._budgets = [JournalBudget(bytes_max) for _ in range(partitions.count)]
        #: By partition, when what is outstanding may be counted again while nothing is taken.
        self._count_at = [Instant(0)] * partitions.count

    def admits(self, entry: QueueEntry, messages: int) -> bool:
        """Return whether so many messages may be stored now; begins new files for them if needed."""
        partition = entry.partition
        budget = self._budgets[partition]
        if budget.is_unavailable:
            if self._context.now >= self._count_at[partition]:
                self._cure(partition)
        elif budget.look(messages) is not JournalRoom.FREE:
            self._count(partition)
        room = budget.look(messages)
        if room is JournalRoom.ROLLOVER:
            self._roll(partition)
        elif room is JournalRoom.REFUSED:
            self._refuse(partition, budget)
            return False
        return True

    def stored(self, entry: QueueEntry, messages: int) -> None:
        """Count messages stored."""
        self._budgets[entry.partition].write(messages)

    def confirmed(self, entry: QueueEntry, confirms: int, removed: int) -> None:
        """Count confirms, and the messages that nobody needs any more after them."""
        self._budgets[entry.partition].write(confirms)
        self._drop(entry.partition, removed * _RECORDS_OF_CONFIRMED)

    def purged(self, entry: QueueEntry, removed: int, *, is_whole: bool) -> None:
        """Count a purge or an expiry; a purge of the whole queue is written come what may."""
        budget = self._budgets[entry.partition]
        if budget.is_unavailable and is_whole:
            text = (
                f"Partition [{entry.partition}] (cluster: {self._context.cluster.name}): Writing "
                f"PURGE record for queueKey [{entry.key.hex().upper()}] to journal despite "
                "partition being unavailable"
            )
            self._context.note(Severity.WARN, text)
        budget.write(1, outstanding=0)
        self._drop(entry.partition, removed)
        if is_whole:
            self._count_at[entry.partition] = self._context.now

    def restored(self, entry: QueueEntry, messages: int, confirms: int) -> None:
        """Count what a recovery has found of a queue."""
        budget = self._budgets[entry.partition]
        budget.write(messages + confirms + _RECORDS_OF_QUEUE + len(entry.queue.apps))

    def roll(self, partition: int) -> None:
        """Begin new files for a partition."""
        self._count(partition)
        self._roll(partition)

    def _roll(self, partition: int) -> None:
        """Begin new files with what was just counted."""
        roll_over(self._context, partition)
        self._budgets[partition].roll_over()

    def _drop(self, partition: int, records: int) -> None:
        """Count records that a rollover would no longer copy.

        These are fewer than there are, for what other apps have confirmed of a message is not
        known here: that is left to the next count.
        """
        budget = self._budgets[partition]
        budget.drop(records)
        if budget.is_unavailable and budget.can_roll_over():
            self._cure(partition)

    def _cure(self, partition: int) -> None:
        """Begin new files for a partition that takes no messages, if that makes room."""
        self._count(partition)
        if self._budgets[partition].can_roll_over():
            self._roll(partition)

    def _count(self, partition: int) -> None:
        """Find out from what is really stored what a rollover would copy."""
        context = self._context
        log = context.logs[partition]
        records = log.segments.live
        records += sum([_RECORDS_OF_QUEUE + len(queue.apps) for queue in log.queues.values()])
        records += sum(
            [
                _confirms_of(entry.queue)
                for entry in context.queues.values()
                if entry.partition == partition and entry.is_logged
            ]
        )
        for where, stored in context.unclaimed.values():
            if where == partition:
                records += sum([len(app.done) for app in stored.apps.values()])
        self._budgets[partition].outstanding = records
        self._count_at[partition] = Instant(context.now + _COUNT_PAUSE)

    def _refuse(self, partition: int, budget: JournalBudget) -> None:
        if not budget.refuse():
            return
        context = self._context
        log = context.logs[partition]
        context.alarm(
            "PARTITION_READONLY",
            f"Partition [{partition}] (cluster: {context.cluster.name}): journal of "
            f"{budget.bytes_max} bytes (maxJournalFileSize) is full: {budget.outstanding} records "
            f"are outstanding, in files up to [{log.snapshot}]. No messages are taken until "
            "consumers confirm or a queue is purged.",
            is_panic=True,
        )


def _confirms_of(queue: Queue) -> int:
    """Return how many confirms there are of messages that others still need."""
    apps = [app for app in queue.apps.values() if app.is_registered]
    if len(apps) < 2:
        return 0  # what the only one has confirmed is gone
    store = queue.store
    count = 0
    for app in apps:
        if app.first_ordinal <= store.first_ordinal:
            count += len(store)
        else:
            count += sum(1 for _ in store.ordinals(app.first_ordinal))
        count -= app.pending_messages
    return count
