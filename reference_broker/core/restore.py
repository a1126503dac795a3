"""Recovery: from the files of the log back to queues.

The files are read one after the other, a part at a time. The queues come into being when their
domain's configuration is known; a queue whose domain cannot be loaded keeps its messages in the log
until somebody opens it and the configuration is there. When every domain was asked for, the broker
is ready.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable

from reference_broker.admin import StorageQueueInfo
from reference_broker.base import GUID_SIZE, OperatorError
from reference_broker.config import DomainConfig, Mode, StorageKind
from reference_broker.core.context import Context
from reference_broker.core.domains import Domains, keeps_messages, key_of
from reference_broker.core.journal import JournalKeeper
from reference_broker.core.state import DomainEntry
from reference_broker.ports import Ready, Severity
from reference_broker.queue import Columns, RestoredApp
from reference_broker.storage import (
    FileReading,
    LedgerRecovery,
    PartitionFiles,
    Recovery,
    StoredQueue,
    sort_files,
)


class Restorer:
    """Bring back what the files hold.

    Args:
        context: of the core; its logs and ledger are replaced by those found.
        domains: makes the queues.
        journal: counts what is there.
        segment_bytes_max: for the logs that go on.
    """

    def __init__(
        self, context: Context, domains: Domains, journal: JournalKeeper, segment_bytes_max: int
    ) -> None:
        self._context = context
        self._journal = journal
        self._domains = domains
        self._segment_bytes_max = segment_bytes_max
        #: What is still to be read, and what to do when it is.
        self._readings: list[tuple[FileReading, Callable[[], None]]] = []
        #: Domains whose configuration was asked for.
        self._awaited: dict[str, None] = {}

    # Reading.

    def begin(self, files: tuple[tuple[str, int], ...]) -> None:
        """Begin to read the files that were found.

        Raises:
            OperatorError: they cannot be used.
        """
        assert not self._context.queues, "recovery comes before everything else"
        found = sort_files(files, len(self._context.logs))
        for partition, partition_files in enumerate(found.partitions):
            self._readings.append(self._read_partition(partition, partition_files))
        ledger = LedgerRecovery(
            found.ledgers, self._context.cluster.partitions.ledger_file_bytes_max
        )
        self._readings.append((ledger, lambda: self._take_ledger(ledger)))
        self._go_on()

    def _read_partition(
        self, partition: int, files: PartitionFiles
    ) -> tuple[FileReading, Callable[[], None]]:
        recovery = Recovery(partition, files, self._segment_bytes_max)
        return recovery, lambda: self._take_partition(partition, recovery)

    def _go_on(self) -> None:
        while self._readings:
            reading, finish = self._readings[0]
            request = reading.next_read()
            if request is not None:
                self._context.read(*request, self._take)
                return
            finish()
            del self._readings[0]
        self._load_domains()

    def _take(self, outcome: tuple[bytes, ...] | OperatorError) -> None:
        if isinstance(outcome, OperatorError):
            raise outcome
        self._readings[0][0].feed(outcome)
        self._go_on()

    def _take_partition(self, partition: int, recovery: Recovery) -> None:
        context = self._context
        recovered = recovery.finish(context.wall_ns)
        context.logs[partition] = recovered.log
        context.add(*recovered.effects)
        context.want_sync()
        for note in recovered.notes:
            context.note(Severity.WARN, note)
        self._domains.reserve_queue_numbers(recovered.highest_queue)
        for stored in recovered.queues.values():
            context.unclaimed[stored.uri.canonical] = partition, stored
        text = f"partition {partition}: recovered {recovered.message_count} messages in "
        context.note(Severity.INFO, f"{text}{len(recovered.queues)} queues")

    def _take_ledger(self, recovery: LedgerRecovery) -> None:
        context = self._context
        recovered = recovery.finish(context.wall_ns)
        context.ledger = recovered.ledger
        context.add(*recovered.effects)
        for note in recovered.notes:
            context.note(Severity.WARN, note)

    # Domains and queues.

    def _load_domains(self) -> None:
        uris = [stored.uri for _, stored in self._context.unclaimed.values()]
        self._awaited = dict.fromkeys(uri.qualified_domain for uri in uris)
        for name in self._awaited:
            self._context.load_domain(name)
        if not self._awaited:
            self._context.add(Ready())

    def conflict(self, name: str, config: DomainConfig) -> OperatorError | None:
        """Return why a domain must not be used with a configuration, as long as it has messages."""
        for _, stored in self._context.unclaimed.values():
            if stored.uri.qualified_domain != name or not len(stored):
                continue
            was_fanout = any(stored.apps)  # the one app of the other modes has the number 0
            have = f"domain '{name}' has {len(stored)} messages of queue {stored.uri} on disk"
            if config.storage is not StorageKind.FILE_BACKED:
                now = f"its storage is '{config.storage.value}' now; make it 'fileBacked' again"
                return OperatorError(f"{have}, but {now}")
            if config.mode is not (Mode.FANOUT if was_fanout else Mode.PRIORITY):
                mode = "fanout" if was_fanout else "priority"
                now = f"its mode is '{config.mode.value}' now; make it '{mode}' again"
                return OperatorError(f"{have}, but {now}")
        return None

    def has_queues_of(self, name: str) -> bool:
        """Return whether queues of a domain on disk wait for its configuration."""
        stored = self._context.unclaimed.values()
        return any(queue.uri.qualified_domain == name for _, queue in stored)

    def domain_loaded(self, domain: DomainEntry) -> None:
        """Make the queues of a domain whose configuration has come."""
        context = self._context
        for canonical, (partition, stored) in list(context.unclaimed.items()):
            if stored.uri.qualified_domain == domain.name:
                del context.unclaimed[canonical]
                if keeps_messages(domain.config):
                    self._restore(domain, partition, stored)
                else:  # it is empty, and will be in no log again
                    context.add(*context.logs[partition].append_removed(stored.number))

    def _restore(self, domain: DomainEntry, partition: int, stored: StoredQueue) -> None:
        """Bring back a queue: what was stored [STORE-1, STORE-3], and no more [STORE-4, STORE-8].

        Each app needs what it had not confirmed [STORE-6], in order [STORE-5]; its expression is not
        asked again [APP-9]. The GUIDs are known as before [STORE-7].
        """
        context = self._context
        entry = self._domains.restore_queue(stored.uri, domain, stored.number, partition)
        apps = [
            RestoredApp(app.app_id, app.number, app.first_ordinal, app.done)
            for app in stored.apps.values()
        ]
        columns = Columns(*stored.columns, _references(stored))
        entry.queue.restore(columns, apps, context.now, next_ordinal=stored.next_ordinal)
        entry.queue.store.history.remember(_gone(stored), context.now)
        entry.next_app_number = 1 + max([0, *stored.apps])
        self._domains.align_apps(entry)
        context.dirty[entry] = None  # its messages may have waited too long already
        confirms = sum(len(app.done) for app in stored.apps.values())
        self._journal.restored(entry, len(stored), confirms)
        text = f"queue {stored.uri} recovered with {len(stored)} messages"
        context.note(Severity.INFO, text)

    def domain_answered(self, name: str) -> None:
        """Note that a domain's configuration has come, or will not."""
        if name in self._awaited:
            del self._awaited[name]
            if not self._awaited:
                self._context.add(Ready())

    def unclaimed(self) -> tuple[StorageQueueInfo, ...]:
        """Return the rows of the queues whose domain could not be loaded, for tables of storage."""
        return tuple(
            StorageQueueInfo(
                queue_uri=uri,
                queue_key=key_of(stored.uri).hex().upper(),
                partition_id=partition,
                num_messages=len(stored),
                num_bytes=sum(stored.columns.sizes),
                is_persistent=True,
            )
            for uri, (partition, stored) in self._context.unclaimed.items()
        )


def _references(stored: StoredQueue) -> array[int] | None:
    """Return how many apps need each message; None when that is one each."""
    if len(stored.apps) < 2:
        return None
    ordinals = stored.columns.ordinals
    references = array("H", [len(stored.apps)]) * len(ordinals)
    for app in stored.apps.values():
        for position in range(bisect_left(ordinals, app.first_ordinal)):
            references[position] -= 1
        for ordinal in app.done:
            references[bisect_left(ordinals, ordinal)] -= 1
    return references


def _gone(stored: StoredQueue) -> list[bytes]:
    """Return the GUIDs of messages that are gone, each once; one may have been stored again."""
    gone = dict.fromkeys(_split(stored.history))
    if gone:
        for (guid,) in struct.iter_unpack(f"{GUID_SIZE}s", stored.columns.guids):
            gone.pop(guid, None)
    return list(gone)


def _split(guids: bytes) -> list[bytes]:
    return [guid for (guid,) in struct.iter_unpack(f"{GUID_SIZE}s", guids)]
