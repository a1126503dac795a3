"""Admin commands about domains and their queues, executed."""

from __future__ import annotations

from typing import Final

from reference_broker.admin import (
    ALL_APPS,
    CapacityMeter,
    ClearResolverCache,
    Datetime,
    DomainCommand,
    DomainInfo,
    Error,
    ListMessages,
    Message,
    PurgeDomain,
    PurgedQueue,
    PurgedQueues,
    PurgeQueue,
    QueueContents,
    ReconfigureDomain,
    RemoveDomain,
    Result,
    ShowDomain,
    ShowQueueInternals,
    StorageContent,
    StorageQueueInfo,
    Success,
)
from reference_broker.base import OperatorError
from reference_broker.config import DomainConfig
from reference_broker.core.admin_internals import queue_internals
from reference_broker.core.context import Context
from reference_broker.core.domains import Domains
from reference_broker.core.journal import JournalKeeper
from reference_broker.core.purge import purge_queue
from reference_broker.core.state import DomainEntry, QueueEntry
from reference_broker.ports import Severity
from reference_broker.queue import Usage

_NO_KEY: Final = "0" * 10


class DomainOffice:
    """Answer the commands about domains.

    Args:
        context: of the core.
        domains: changes and removes them.
        journal: counts what is purged.
    """

    def __init__(self, context: Context, domains: Domains, journal: JournalKeeper) -> None:
        self._context = context
        self._journal = journal
        self._domains = domains

    def execute(self, command: DomainCommand) -> Result:
        """Execute a command whose domain is loaded."""
        assert not isinstance(command, ReconfigureDomain | ClearResolverCache)
        domain = self._context.domains[command.domain]
        match command:
            case PurgeDomain():
                return self._purge_all(domain)
            case ShowDomain():
                return domain_info(self._context, domain)
            case PurgeQueue():
                entry = _find(domain, command.queue)
                uri = f"bmq://{domain.name}/{command.queue}"
                return self._purge_entry(entry, uri, command.app_id)
            case ShowQueueInternals():
                return self._internals(domain, command)
            case ListMessages():
                return self._list(domain, command)
            case RemoveDomain():
                return self._remove(domain, is_final=command.finalize)

    def reconfigure(self, name: str, outcome: DomainConfig | OperatorError) -> Result:
        """Put a domain's new configuration in force, or keep the old one [RECONF-5]."""
        if isinstance(outcome, OperatorError):
            return Error(f"Error reconfiguring domain '{name}': {outcome}")
        domain = self._context.domains.get(name)
        try:
            if domain is None:
                self._domains.learn(name, outcome)
            else:
                self._domains.reconfigure(domain, outcome)
        except OperatorError as error:
            return Error(f"Error reconfiguring domain '{name}': {error}")
        self._context.note(Severity.INFO, f"domain '{name}' reconfigured")
        return Success()

    # Purging.

    def purge_domain(self, name: str) -> Result:
        """Purge a domain's storage."""
        domain = self._context.domains.get(name)
        return (
            Error(f"Domain '{name}' doesn't exist") if domain is None else self._purge_all(domain)
        )

    def purge_uri(self, canonical_uri: str, app_id: str) -> Result:
        """Purge a queue's storage."""
        entry = self._context.queues.get(canonical_uri)
        return self._purge_entry(entry, canonical_uri, app_id)

    def _purge_all(self, domain: DomainEntry) -> PurgedQueues:
        """Purge the queues of a domain, whoever has them open [PURGE-4]."""
        return PurgedQueues(
            tuple(self._purge(entry, ALL_APPS) for entry in list(domain.queues.values()))
        )

    def _purge_entry(self, entry: QueueEntry | None, uri: str, app_id: str) -> Result:
        """Purge a queue, or an app of it; an error if there is no such one [PURGE-5]."""
        if entry is None:
            return Error(f"Queue was not found in a storage '{uri}'")
        app = entry.queue.apps.get(app_id)
        if app_id != ALL_APPS and (app is None or not app.is_registered):
            return Error(f"Specified appId '{app_id}' not found in the storage of queue '{uri}'.")
        return PurgedQueues((self._purge(entry, app_id),))

    def _purge(self, entry: QueueEntry, app_id: str) -> PurgedQueue:
        """Purge, and tell how much went [PURGE-2]; all of a queue is no app's [PURGE-7]."""
        is_all = app_id == ALL_APPS
        purged = purge_queue(self._context, self._journal, entry, None if is_all else app_id)
        return PurgedQueue(
            queue_uri=entry.queue.uri.canonical,
            app_id="" if is_all else app_id,
            app_key=_NO_KEY if is_all else app_key(entry.queue.apps[app_id].number),
            num_messages_purged=purged.messages,
            num_bytes_purged=purged.bytes,
        )

    # Looking.

    def _internals(self, domain: DomainEntry, command: ShowQueueInternals) -> Result:
        """Show a queue from the inside; an error if there is none of that name [INTERN-3]."""
        entry = _find(domain, command.queue)
        if entry is None or not entry.is_active:
            return Error(f"Queue '{command.queue}' was not found on domain '{domain.name}'")
        return queue_internals(self._context, entry)

    def _list(self, domain: DomainEntry, command: ListMessages) -> Result:
        """Show messages of a queue [LIST-1]; an error for an app that there is not [LIST-6]."""
        entry = _find(domain, command.queue)
        if entry is None:
            return Error(f"Queue '{command.queue}' was not found on domain '{domain.name}'")
        if command.app_id is not None:
            app = entry.queue.apps.get(command.app_id)
            if app is None or not app.is_registered:
                return Error("Invalid 'LIST' command: invalid APPID")
        total, first, messages = entry.queue.list_messages(
            command.app_id, command.offset, command.count
        )
        return QueueContents(
            messages=tuple(
                Message(guid.hex().upper(), size, Datetime.from_wall_ns(arrival))
                for guid, size, arrival in messages
            ),
            offset=first,
            total_queue_messages=total,
        )

    # Removing.

    def _remove(self, domain: DomainEntry, *, is_final: bool) -> Result:
        """Remove a domain, in two rounds.

        The first one, which no queue may be open for [REMOVE-1], deletes the messages [REMOVE-2]. The
        second one, which only comes after it [REMOVE-4], forgets the domain: it may be had anew
        [REMOVE-5].
        """
        name = domain.name
        if is_final:
            if not domain.is_removing:
                return Error(f"First round of DOMAINS REMOVE '{name}' is not completed.")
            for entry in list(domain.queues.values()):
                self._domains.remove_queue(entry)
            self._domains.forget(domain)
            return Success()
        if any(entry.is_in_use for entry in domain.queues.values()):
            return Error(
                f"Trying to remove the domain '{name}' while there are queues opened or opening"
            )
        domain.is_removing = True
        purged = self._purge_all(domain)
        for entry in list(domain.queues.values()):
            self._domains.remove_queue(entry)
        return purged


def domain_info(context: Context, domain: DomainEntry) -> DomainInfo:
    """Return what INFOS tells [DOMAIN-1]."""
    return DomainInfo(
        name=domain.name,
        config_json=domain.config.parameters_json,
        cluster_name=f"Cluster ({context.cluster.name})",
        capacity_meter=meter(f"domain [bmq://{domain.name}]", domain.usage),
        queue_uris=tuple(uri for uri, entry in domain.queues.items() if entry.is_active),
        storage_content=StorageContent(tuple(map(storage_info, domain.queues.values()))),
    )


def storage_info(entry: QueueEntry) -> StorageQueueInfo:
    """Return a queue's row in a table of storages."""
    return StorageQueueInfo(
        queue_uri=entry.queue.uri.canonical,
        queue_key=entry.key.hex().upper(),
        partition_id=entry.partition,
        num_messages=entry.queue.usage.messages,
        num_bytes=entry.queue.usage.bytes,
        is_persistent=entry.is_logged,
    )


def meter(name: str, usage: Usage, parent: CapacityMeter | None = None) -> CapacityMeter:
    """Return a capacity meter."""
    return CapacityMeter(
        name=name,
        num_messages=usage.messages,
        message_capacity=usage.messages_max,
        num_bytes=usage.bytes,
        byte_capacity=usage.bytes_max,
        parent=parent,
    )


def app_key(number: int) -> str:
    """Return how answers name the storage of an app: 10 hexadecimal digits."""
    return f"{0x3000000000 + number:010X}"


def _find(domain: DomainEntry, queue: str) -> QueueEntry | None:
    return domain.queues.get(f"bmq://{domain.name}/{queue}")
