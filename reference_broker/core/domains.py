"""Domains and their queues: coming into being, changing by configuration, going away.

A domain is known once its configuration was loaded, a queue once it was opened or recovered. A
fanout queue has one app per app id of the configuration; the other modes have the one app
`__default`. What the log must know of it is written here: queues, apps, and that they are gone.

A new queue goes to the partition with the fewest, the lowest number first (the peer deals them
round robin, which is the same as long as none goes).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from reference_broker.base import DEFAULT_APP_ID, OperatorError, QueueUri, milliseconds, seconds
from reference_broker.base.limits import QUEUES_MAX
from reference_broker.config import DomainConfig, Durability, Limits, Mode, StorageKind
from reference_broker.core.context import Context
from reference_broker.core.state import DomainEntry, QueueEntry
from reference_broker.expr import ExpressionError, Lookup, Predicate, compile_expression
from reference_broker.ports import Effect, Severity
from reference_broker.queue import App, Message, Queue, QueueMode, QueueSettings, Usage
from reference_broker.storage import joined
from reference_broker.wire.property_lookup import property_lookup

_KEY_SIZE: Final = 5
#: Share of `maxQueues` from which an alarm is raised.
_QUEUES_WATERMARK: Final = 0.8
_MODES: Final = {
    Mode.PRIORITY: QueueMode.PRIORITY,
    Mode.FANOUT: QueueMode.FANOUT,
    Mode.BROADCAST: QueueMode.BROADCAST,
}


class Domains:
    """The domains in use.

    Args:
        context: of the core.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._next_queue_number = 1

    # Domains.

    def learn(self, name: str, config: DomainConfig) -> DomainEntry:
        """Remember a domain's configuration; one that is known already stays as it is.

        Args:
            name: qualified name as in queues' URIs.
            config: what was loaded.

        Raises:
            OperatorError: an application subscription does not compile.
        """
        domain = self._context.domains.get(name)
        if domain is None:
            usage = Usage(config.domain_limits.messages, config.domain_limits.bytes)
            domain = DomainEntry(name, config, _filters(config), usage)
            _set_limits(usage, config.domain_limits)
            self._context.domains[name] = domain
        return domain

    def reconfigure(self, domain: DomainEntry, config: DomainConfig) -> None:
        """Put a new configuration in force, for the queues that exist too [RECONF-1].

        Raises:
            OperatorError: it cannot be, as mode or storage would change [RECONF-4]; nothing has changed
                then [RECONF-5].
        """
        filters = _filters(config)
        for field, old, new in (
            ("mode", domain.config.mode, config.mode),
            ("storage", domain.config.storage, config.storage),
        ):
            if old is not new:
                raise OperatorError(
                    f"domain '{domain.name}': {field} cannot be changed from '{old.value}' to "
                    f"'{new.value}' while the domain exists"
                )
        domain.config = config
        domain.filters = filters
        _set_limits(domain.usage, config.domain_limits)
        for entry in domain.queues.values():
            self._configure_queue(entry)

    def forget(self, domain: DomainEntry) -> None:
        """Let go of a domain without queues."""
        assert not domain.queues
        self._context.domains.pop(domain.name, None)

    # Queues.

    def has_room(self, domain: DomainEntry) -> bool:
        """Return whether one more queue may be; tell the operator if not.

        A queue counts until it is removed, opened or not [OPEN-26].
        """
        maximum = domain.config.max_queues or QUEUES_MAX
        if len(domain.queues) < maximum and len(self._context.queues) < QUEUES_MAX:
            return True
        self._context.alarm(
            "DOMAIN_QUEUE_LIMIT_FULL",
            f"domain 'bmq://{domain.name}' has reached the maximum number of queues "
            f"(limit: {maximum}).",
            is_panic=True,
        )
        return False

    def create_queue(self, uri: QueueUri, domain: DomainEntry) -> QueueEntry:
        """Bring a queue into being, with its apps, and write it down."""
        entry = self._add(uri, domain, self._next_queue_number, self._emptiest_partition())
        effects: list[Effect] = []
        if entry.is_logged:
            effects += self._context.log_of(entry).append_queue(entry.number, entry.queue.uri)
        for app_id in app_ids_of(domain.config):
            effects += self._register(entry, app_id)
        self._context.add(*joined(effects))
        self._write_ledger(entry)
        self._watch_queue_count(domain)
        return entry

    def restore_queue(
        self, uri: QueueUri, domain: DomainEntry, number: int, partition: int
    ) -> QueueEntry:
        """Bring back a queue that the log knows, without its apps."""
        return self._add(uri, domain, number, partition)

    def align_apps(self, entry: QueueEntry) -> None:
        """Register and unregister apps so that the queue has those of its domain's configuration."""
        wanted = app_ids_of(entry.domain.config)
        for app in [app for app in entry.queue.apps.values() if app.is_registered]:
            if app.app_id not in wanted:
                self._unregister(entry, app.app_id)
        for app_id in wanted:
            known = entry.queue.apps.get(app_id)
            if known is None or not known.is_registered:
                self._context.add(*self._register(entry, app_id))
            else:
                entry.queue.set_filter(app_id, _filter_of(entry.domain, app_id))
                self._log_unknown(entry, known)
        self._make_ledger_room()
        self._write_ledger(entry)

    def remove_queue(self, entry: QueueEntry) -> None:
        """Let go of a queue that nobody uses, with all that is written of it."""
        assert not entry.is_in_use
        context = self._context
        uri = entry.queue.uri
        del context.queues[uri.canonical]
        del entry.domain.queues[uri.canonical]
        context.dirty.pop(entry, None)
        context.partition_queues[entry.partition] -= 1
        if entry.is_logged:
            context.add(*context.log_of(entry).append_removed(entry.number))
        self._make_ledger_room()
        context.add(*context.ledger.unassign(uri))
        advisory = f'[ choice = [ queueUnAssignmentAdvisory = [ uri = "{uri}" ] ] ]'
        text = f"Broadcasted message '{advisory}' to all cluster nodes"
        context.note(Severity.INFO, text)
        text = f"queue {uri} removed: nobody uses it and it is empty"
        context.note(Severity.INFO, text, queue_key=entry.key.hex().upper())

    def reserve_queue_numbers(self, highest: int) -> None:
        """Give no number up to `highest` to a new queue: the log knows queues by them."""
        self._next_queue_number = max(self._next_queue_number, highest + 1)

    # Parts.

    def _add(self, uri: QueueUri, domain: DomainEntry, number: int, partition: int) -> QueueEntry:
        context = self._context
        uri = replace(uri, app_id="")  # the reader that comes first names its app
        config = domain.config
        is_logged = keeps_messages(config)
        usage = Usage(config.queue_limits.messages, config.queue_limits.bytes)
        _set_limits(usage, config.queue_limits)
        entry = QueueEntry(
            queue=Queue(
                uri,
                _MODES[config.mode],
                usage,
                domain.usage,
                self._settings(config),
                _lookup,
                is_pageable=is_logged,
            ),
            domain=domain,
            number=number,
            key=key_of(uri),
            partition=partition,
            is_logged=is_logged,
            is_synced=is_logged and config.durability is Durability.FSYNC,
            idle_since=context.now,
        )
        self.reserve_queue_numbers(number)
        context.queues[uri.canonical] = entry
        domain.queues[uri.canonical] = entry
        context.partition_queues[partition] += 1
        return entry

    def _emptiest_partition(self) -> int:
        counts = self._context.partition_queues
        return counts.index(min(counts))

    def _configure_queue(self, entry: QueueEntry) -> None:
        config = entry.domain.config
        _set_limits(entry.queue.usage, config.queue_limits)
        entry.queue.reconfigure(self._settings(config), self._context.now)
        was_synced = entry.is_synced
        entry.is_synced = entry.is_logged and config.durability is Durability.FSYNC
        if entry.is_synced and not was_synced:
            # From now on an ACK or a PUSH says that its message is durable, an older one too.
            self._context.want_sync()
        self.align_apps(entry)
        self._context.dirty[entry] = None

    def _register(self, entry: QueueEntry, app_id: str) -> list[Effect]:
        """Let an app take part [RECONF-2]; returns what writes it down."""
        number = 0
        if entry.queue.mode is QueueMode.FANOUT:
            number = entry.next_app_number
            entry.next_app_number += 1
            entry.queue.register_app(app_id, number, _filter_of(entry.domain, app_id))
        else:  # its one app is there from the beginning
            entry.queue.set_filter(app_id, _filter_of(entry.domain, app_id))
        if not entry.is_logged:
            return []
        log, ordinal = self._context.log_of(entry), entry.queue.next_ordinal
        return log.append_app(entry.number, number, app_id, ordinal, is_registered=True)

    def _log_unknown(self, entry: QueueEntry, app: App) -> None:
        """Write down an app that the queue has from the beginning if the log has not heard of it.

        That is so after a crash between the records of queue and app, and when an empty queue has
        left the fanout mode. What an app that the log does not know has to get is lost in the log.
        """
        if not entry.is_logged:
            return
        log = self._context.log_of(entry)
        if app.number in log.queues[entry.number].apps:
            return
        first = entry.queue.store.first_ordinal
        effects = log.append_app(entry.number, app.number, app.app_id, first, is_registered=True)
        self._context.add(*effects)

    def _unregister(self, entry: QueueEntry, app_id: str) -> None:
        """Let an app go: it gets nothing more, and holds nothing up [RECONF-3]."""
        context = self._context
        number = entry.queue.apps[app_id].number
        released = entry.queue.unregister_app(app_id, context.now)
        if entry.is_logged:
            log = context.log_of(entry)
            context.add(*log.append_app(entry.number, number, app_id, 0, is_registered=False))
            context.add(*log.release(released.removed))

    def _write_ledger(self, entry: QueueEntry) -> None:
        """Write down where a queue is and which apps it has, if that is news."""
        ledger, uri = self._context.ledger, entry.queue.uri
        apps = [app.app_id for app in entry.queue.apps.values() if app.is_registered]
        effects = ledger.assign(uri, entry.key, entry.partition, entry.number, apps)
        self._context.add(*effects)

    def _make_ledger_room(self) -> None:
        """Begin a new ledger file if the old one is full of what is no longer so.

        A change that only adds gains nothing by it.
        """
        context = self._context
        if not context.ledger.is_full:
            return
        rollover = context.ledger.roll_over(context.wall_ns)
        context.add(*rollover.effects)
        text = (
            f"Cluster ({context.cluster.name}): Rolling over from log with logId "
            f"[{rollover.old_id}] to new log with logId [{rollover.new_id}]"
        )
        context.note(Severity.INFO, text)

    def _settings(self, config: DomainConfig) -> QueueSettings:
        throttle = self._context.cluster.throttle
        return QueueSettings(
            deduplication_ns=milliseconds(config.deduplication_ms),
            ttl_s=config.message_ttl_s,
            attempts_max=config.max_delivery_attempts,
            low_threshold=throttle.low_threshold,
            high_threshold=throttle.high_threshold,
            low_interval_ns=milliseconds(throttle.low_interval_ms),
            high_interval_ns=milliseconds(throttle.high_interval_ms),
            idle_ns_max=seconds(config.max_idle_time_s),
        )

    def _watch_queue_count(self, domain: DomainEntry) -> None:
        """Tell the operator when most of the queues exist that may [ALARM-3]."""
        limit = domain.config.max_queues
        count = len(domain.queues)
        watermark = limit * _QUEUES_WATERMARK
        if limit and count - 1 < watermark <= count:
            self._context.alarm(
                "DOMAIN_QUEUE_LIMIT_HIGH_WATERMARK",
                f"domain 'bmq://{domain.name}' has reached the {_QUEUES_WATERMARK:.0%} watermark "
                f"limit for the number of queues (current: {count}, limit: {limit}).",
            )


def keeps_messages(config: DomainConfig) -> bool:
    """Return whether the messages of a domain's queues go to the log, or end with the broker [STORE-9]."""
    return config.storage is StorageKind.FILE_BACKED and config.mode is not Mode.BROADCAST


def app_ids_of(config: DomainConfig) -> tuple[str, ...]:
    """Return the app ids of the queues of a domain."""
    return config.app_ids if config.mode is Mode.FANOUT else (DEFAULT_APP_ID,)


def _filter_of(domain: DomainEntry, app_id: str) -> Predicate | None:
    """Return what an app gets; where queues have no apps that is told without an id [APP-4]."""
    return domain.filters.get("" if app_id == DEFAULT_APP_ID else app_id)


def _filters(config: DomainConfig) -> Mapping[str, Predicate]:
    """Compile the application subscriptions of a domain.

    Raises:
        OperatorError: one does not compile [APP-7].
    """
    filters: dict[str, Predicate] = {}
    for subscription in config.subscriptions:
        if not subscription.text:
            continue
        try:
            filters[subscription.app_id] = compile_expression(subscription.text)
        except ExpressionError as error:
            raise OperatorError(
                f"domain '{config.name}': the subscription of app '{subscription.app_id}' "
                f"does not compile: {error}"
            ) from error
    return filters


def _lookup(message: Message) -> Lookup:
    """Return what expressions see of a message; without properties nothing [EXPR-22]."""
    _, flags, coding, data, size, _, _ = message
    return property_lookup(data[:size], flags, coding & 0xFFFF, coding >> 16)


def _set_limits(usage: Usage, limits: Limits) -> None:
    usage.set_limits(
        limits.messages,
        limits.bytes,
        limits.messages_watermark_ratio,
        limits.bytes_watermark_ratio,
    )


def key_of(uri: QueueUri) -> bytes:
    """Return how answers name a queue's storage: 5 bytes made of its URI."""
    return hashlib.sha1(uri.canonical.encode(), usedforsecurity=False).digest()[:_KEY_SIZE]
