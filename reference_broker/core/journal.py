"""The peer's journal, kept in numbers: when it would roll over, and when it would be full.

The peer's partition has a journal of `maxJournalFileSize`; every message, confirm and queue takes a
record of it, and when what is outstanding fills it the partition takes no more messages until a
queue is purged (DROPIN 5.2). Our log has no such bound; but an operator has set it, so it holds.
"""

from __future__ import annotations

from typing import Final

from reference_broker.core.context import Context
from reference_broker.core.snapshots import roll_over
from reference_broker.core.state import QueueEntry
from reference_broker.ports import Severity
from reference_broker.storage import JournalBudget, JournalRoom

#: Records of a queue and of one of its apps.
_RECORDS_OF_QUEUE: Final = 1


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

    def admits(self, entry: QueueEntry, messages: int) -> bool:
        """Return whether so many messages may be stored now; begins new files for them if needed."""
        budget = self._budgets[entry.partition]
        room = budget.look(messages)
        if room is JournalRoom.ROLLOVER:
            self.roll(entry.partition)
        elif room is JournalRoom.REFUSED:
            self._refuse(entry.partition, budget)
            return False
        return True

    def stored(self, entry: QueueEntry, messages: int) -> None:
        """Count messages stored."""
        self._budgets[entry.partition].write(messages)

    def confirmed(self, entry: QueueEntry, confirms: int, removed: int) -> None:
        """Count confirms, and the messages that nobody needs any more after them."""
        budget = self._budgets[entry.partition]
        budget.write(confirms)
        self._drop(entry, budget, removed)

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
        self._drop(entry, budget, removed)

    def restored(self, entry: QueueEntry, messages: int, confirms: int) -> None:
        """Count what a recovery has found of a queue."""
        budget = self._budgets[entry.partition]
        budget.write(messages + confirms + _RECORDS_OF_QUEUE + len(entry.queue.apps))

    def roll(self, partition: int) -> None:
        """Begin new files for a partition."""
        roll_over(self._context, partition)
        self._budgets[partition].roll_over()

    def _drop(self, entry: QueueEntry, budget: JournalBudget, removed: int) -> None:
        # A message that is gone takes its record with it, and a confirm of each app.
        budget.drop(removed * (1 + len(entry.queue.apps)))
        if budget.is_unavailable and budget.can_roll_over():
            self.roll(entry.partition)

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
