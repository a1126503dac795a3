"""Defects of bounds: the order of limits, GUIDs of other queues, pauses, clients that do not read."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Any, Final

from reference_broker.config import Mode
from reference_broker.core import broker, domains
from reference_broker.core.deliver import Deliverer
from reference_broker.queue import App, Queue, QueueSettings, Refusal, Usage
from reference_broker.queue.store import MessageStore
from reference_broker.storage import RecoveredPartition, Recovery
from suites.harness.defects.doors import after, defect, replace, wrap

_NS_PER_MS: Final = 1_000_000


# Limits.


@defect("queue", "LIMIT")
def bytes_looked_at_first() -> None:
    """Where both of its limits are exceeded, a queue or domain tells that of bytes."""

    def refusal(usage: Usage, messages: int = 0, size: int = 0) -> Refusal | None:
        if usage.bytes + size > usage.bytes_max:
            return Refusal.LIMIT_BYTES
        return Refusal.LIMIT_MESSAGES if usage.messages + messages > usage.messages_max else None

    replace(Usage, "refusal", refusal)


@defect("queue", "LIMIT")
def domain_looked_at_first() -> None:
    """Where a queue's limits and its domain's are exceeded, the domain's are told."""

    def refusal(queue: Queue, messages: int, size: int) -> Refusal | None:
        of_domain = queue.domain_usage.refusal(messages, size)
        return of_domain or queue.usage.refusal(messages, size)

    replace(Queue, "_refusal", refusal)


@defect("queue", "LIMIT")
def limits_of_a_queue_are_the_domains() -> None:
    """A queue that is full stands for all queues of its domain."""
    full: dict[Usage, Refusal] = {}

    def note(found: Refusal | None, queue: Queue, *_: int) -> Refusal | None:
        if found is not None:
            full[queue.domain_usage] = found
        return found or full.get(queue.domain_usage)

    replace(Usage, "fits", lambda *_: False)
    after(Queue, "_refusal", note)


# Duplicates.


@defect("queue", "DEDUP")
def guids_shared_by_queues() -> None:
    """A GUID that one queue has seen is a duplicate in every other one."""
    seen: dict[bytes, MessageStore] = {}

    def find(found: set[bytes], store: MessageStore, batch: Mapping[bytes, Any]) -> set[bytes]:
        found |= {guid for guid in batch if seen.setdefault(guid, store) is not store}
        return found

    after(MessageStore, "duplicates", find)


# Age, and what a restart leaves.


@defect("storage", "TTL")
def recovered_messages_are_old() -> None:
    """After a restart messages are older than any time to live."""

    def age(recovered: RecoveredPartition, *_: Any) -> RecoveredPartition:
        for queue in recovered.queues.values():
            arrivals = array("Q", [_NS_PER_MS]) * len(queue)
            queue.columns = queue.columns._replace(arrivals=arrivals)
        return recovered

    after(Recovery, "finish", age)


@defect("storage", "STORE")
def memory_is_logged() -> None:
    """What is stored in memory is there again when the broker starts again."""
    replace(domains, "keeps_messages", lambda config: config.mode is not Mode.BROADCAST)


# Pauses before messages that may be poisonous.


def _change_pause(pause_ns: Callable[[QueueSettings, int], int]) -> None:
    replace(QueueSettings, "pause_ns", pause_ns)


@defect("queue", "POISON")
def poison_comes_at_once() -> None:
    """What went down with a consumer comes without a pause."""
    _change_pause(lambda *_: 0)


@defect("queue", "POISON")
def pauses_mixed_up() -> None:
    """The pause is the longer one while many attempts are left, and not when there are few."""

    def mixed(settings: QueueSettings, left: int) -> int:
        if left <= settings.low_threshold:
            return settings.low_interval_ns
        return settings.high_interval_ns if left <= settings.high_threshold else 0

    _change_pause(mixed)


@defect("queue", "POISON")
def pause_however_many_attempts() -> None:
    """There is a pause also while more attempts are left than highThreshold."""

    def always(settings: QueueSettings, left: int) -> int:
        few = left <= settings.low_threshold
        return settings.high_interval_ns if few else settings.low_interval_ns

    _change_pause(always)


@defect("queue", "POISON")
def pauses_shortened() -> None:
    """A pause is over after a third of its time."""

    def make(pause_ns: Callable[..., int]) -> Callable[..., int]:
        return lambda settings, left: pause_ns(settings, left) // 3

    wrap(QueueSettings, "pause_ns", make)


@defect("queue", "POISON")
def pause_outlives_the_confirmation() -> None:
    """A pause lasts its time also when the message before is confirmed."""

    def make(confirm: Callable[..., list[int]]) -> Callable[..., list[int]]:
        def patient(app: App, *arguments: Any) -> list[int]:
            suspect_at = app._suspect_at
            ordinals = confirm(app, *arguments)
            app._suspect_at = suspect_at
            return ordinals

        return patient

    wrap(App, "confirm", make)


@defect("queue", "POISON")
def pause_lets_newer_ones_pass() -> None:
    """While what may be poisonous waits, newer messages are delivered."""

    def make(deal: Callable[..., None]) -> Callable[..., None]:
        def eager(app: App, group: Any, round_: Any) -> None:
            deal(app, group, round_)
            if app.throttled_until is not None:
                until, app.throttled_until = app.throttled_until, None
                app._deal_fresh(group, round_)
                app.throttled_until = until

        return eager

    wrap(App, "_deal_returned", make)


# Clients that do not read.


@defect("core", "PUSH")
def congestion_ignored() -> None:
    """A client that does not read is sent more and more."""
    replace(broker.Broker, "_set_congested", lambda *_, **__: None)


@defect("core", "PUSH")
def one_congested_client_stops_all() -> None:
    """While one client does not read, nothing is delivered to anybody."""

    def make(change: Callable[..., None]) -> Callable[..., None]:
        def everybody(self: broker.Broker, _: int, *, is_congested: bool) -> None:
            for connection in self._context.sessions:
                change(self, connection, is_congested=is_congested)

        return everybody

    wrap(broker.Broker, "_set_congested", make)


@defect("core", "PUSH")
def drained_client_forgotten() -> None:
    """A client that did not read for a while gets nothing any more."""
    replace(broker.Broker, "_drained", lambda *_: None)


@defect("core", "PUSH")
def pushes_to_a_slow_client_dropped() -> None:
    """What should be delivered to a client while it does not read is lost."""

    def note(self: broker.Broker, connection: int, *, is_congested: bool) -> None:
        session = self._context.sessions.get(connection)
        if session is not None:
            session.is_congested = is_congested

    def make(push: Callable[..., None]) -> Callable[..., None]:
        def lossy(self: Deliverer, entry: Any, delivery: Any) -> None:
            session = self._context.sessions[delivery.subscription.stream.connection]
            if not session.is_congested:
                push(self, entry, delivery)

        return lossy

    replace(broker.Broker, "_set_congested", note)
    wrap(Deliverer, "_push", make)
