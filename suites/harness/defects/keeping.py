"""Defects of what queues keep: limits, duplicates, age, apps, poison, and queues themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reference_broker.base import OperatorError
from reference_broker.config import Mode
from reference_broker.core import control, domains, purge, upkeep
from reference_broker.core.control import ControlDesk
from reference_broker.core.domains import Domains
from reference_broker.core.state import DomainEntry
from reference_broker.queue import App, Queue, QueueMode, Refusal, Usage
from reference_broker.queue.history import History
from reference_broker.wire.control import StatusCategory
from suites.harness.defects.doors import after, before, defect, door, rebound, replace, wrap

_MANY: Final = 10**9
_NS_PER_S: Final = 1_000_000_000


# Limits.


def _change_limits(limits: Callable[[Usage], tuple[float, float]]) -> None:
    """Let queues and domains have other limits of messages and bytes; each message is looked at."""

    def refusal(usage: Usage, messages: int = 0, size: int = 0) -> Refusal | None:
        messages_max, bytes_max = limits(usage)
        if usage.messages + messages > messages_max:
            return Refusal.LIMIT_MESSAGES
        return Refusal.LIMIT_BYTES if usage.bytes + size > bytes_max else None

    replace(Usage, "fits", lambda *_: False)
    replace(Usage, "refusal", refusal)


@defect("queue", "PUT LIMIT")
def one_message_too_few() -> None:
    """A queue takes exactly as many messages as its limit, and not one more."""
    _change_limits(lambda usage: (usage.messages_max - 1, usage.bytes_max))


@defect("queue", "PUT LIMIT")
def one_message_too_many() -> None:
    """A queue takes two messages more than its limit."""
    _change_limits(lambda usage: (usage.messages_max + 1, usage.bytes_max))


@defect("queue", "PUT LIMIT")
def byte_limit_ignored() -> None:
    """A queue's limit of bytes is no limit."""
    _change_limits(lambda usage: (usage.messages_max, _MANY))


@defect("queue", "PUT")
def byte_limit_reached_early() -> None:
    """A message that would exceed the limit of bytes is refused, and not only the one behind it."""
    _change_limits(lambda usage: (usage.messages_max, usage.bytes_max // 2))


@defect("queue", "PUT LIMIT")
def message_limit_ignored() -> None:
    """A queue's limit of messages is no limit."""
    _change_limits(lambda usage: (_MANY, usage.bytes_max))


@defect("queue", "PUT LIMIT")
def full_batch_goes_in() -> None:
    """The limits are looked at once for each event, and not for each message."""

    def fits(usage: Usage, *_: int) -> bool:
        return usage.refusal() is None

    replace(Usage, "fits", fits)


@defect("queue", "PUT LIMIT")
def room_not_given_back() -> None:
    """A message that is confirmed or purged still counts against the limits."""
    ghosts: dict[Usage, list[int]] = {}

    def note(usage: Usage, messages: int, size: int) -> None:
        if messages < 0:
            gone = ghosts.setdefault(usage, [0, 0])
            gone[0] -= messages
            gone[1] -= size

    def left(usage: Usage) -> tuple[float, float]:
        messages, size = ghosts.get(usage, [0, 0])
        return usage.messages_max - messages, usage.bytes_max - size

    before(Usage, "add", note)
    _change_limits(left)


@defect("queue", "LIMIT")
def domain_limit_ignored() -> None:
    """The limits of a domain are not looked at."""

    def unlimited(self: Domains, name: str, config: Any) -> Any:
        domain = learn(self, name, config)
        domain.usage.set_limits(_MANY, _MANY)
        return domain

    learn = door(Domains, "learn")
    replace(Domains, "learn", unlimited)


@defect("core", "LIMIT")
def one_client_too_many() -> None:
    """A queue has one consumer or producer more than its domain allows."""
    _change_client_limit(+1)


def _change_client_limit(more: int) -> None:
    def make(check: Callable[..., None]) -> Callable[..., None]:
        class Wider:
            def __init__(self, config: Any) -> None:
                self.max_consumers = config.max_consumers and config.max_consumers + more
                self.max_producers = config.max_producers and config.max_producers + more

        return lambda config, *rest: check(Wider(config), *rest)

    wrap(control, "_check_domain_limits", make)


@defect("core", "LIMIT")
def gone_clients_count() -> None:
    """A client that has gone still counts against its domain's limits."""

    def make(check: Callable[..., None]) -> Callable[..., None]:
        def counting(config: Any, parameters: Any, entry: Any) -> None:
            check(config, parameters, entry)
            uri = parameters.uri
            readers, writers = seen.get(uri, (0, 0))
            for adds, have, limit in (
                (parameters.read_count, readers, config.max_consumers),
                (parameters.write_count, writers, config.max_producers),
            ):
                if adds and limit and have >= limit:
                    unfit = StatusCategory.E_UNKNOWN
                    raise control._RefusalError(unfit, -1, "Client would exceed the limit")
            seen[uri] = (
                readers + bool(parameters.read_count),
                writers + bool(parameters.write_count),
            )

        return counting

    seen: dict[str, tuple[int, int]] = {}
    wrap(control, "_check_domain_limits", make)


@defect("core", "LIMIT")
def one_queue_too_many() -> None:
    """A domain has one queue more than its maxQueues."""

    def make(has_room: Callable[..., bool]) -> Callable[..., bool]:
        def wider(self: Domains, domain: DomainEntry) -> bool:
            maximum = domain.config.max_queues
            return len(domain.queues) <= maximum if maximum else has_room(self, domain)

        return wider

    wrap(Domains, "has_room", make)


# Duplicates.


@defect("queue", "PUT DEDUP")
def confirmed_guid_forgotten() -> None:
    """A message that was confirmed may be stored again at once."""
    replace(History, "deduplication_ns", property(lambda _: 0, lambda _, __: None))


@defect("queue", "DEDUP")
def guids_never_forgotten() -> None:
    """A GUID is known for ever, whatever the de-duplication time."""
    replace(History, "expire", lambda _, __: None)


@defect("queue", "DEDUP PUT")
def duplicates_get_new_ids() -> None:
    """A message that is posted again is stored again, under another GUID."""

    def make(post: Callable[..., Any]) -> Callable[..., Any]:
        def renamed(queue: Queue, messages: Any, *rest: Any) -> Any:
            seen: set[bytes] = set()
            fresh = []
            for message in messages:
                guid = message[0]
                while guid in seen or queue.store.duplicates({guid: message}):
                    guid = guid[:8] + (int.from_bytes(guid[8:]) + 1).to_bytes(9)[-8:]
                seen.add(guid)
                fresh.append((guid, *message[1:]))
            return post(queue, fresh, *rest)

        return renamed

    wrap(Queue, "post", make)


@defect("queue", "DEDUP PUT")
def duplicates_in_one_event_only() -> None:
    """Only what is stored is known; what was confirmed lately is not, unless apps still need it."""

    def drop(_: None, history: History, guids: Any, *__: Any) -> None:
        del guids
        while history._chunks:
            for guid in history._chunks.popleft()[1]:
                history.known.pop(guid, None)
        history._count = 0

    after(History, "leave", drop)


# Age.


@defect("queue", "TTL")
def messages_live_for_ever() -> None:
    """The time to live is not looked at."""
    replace(purge, "expire_queue", lambda *_: None)
    replace(upkeep, "expire_queue", lambda *_: None)


@defect("queue", "TTL")
def last_message_stays() -> None:
    """The youngest of the messages that are too old stays."""

    def make(islice: Callable[..., Any]) -> Callable[..., Any]:
        def shorter(source: Any, *bounds: int) -> Any:
            found = list(islice(source, *bounds))
            return found[:-1]

        return shorter

    scope = door(Queue, "expire")
    replace(Queue, "expire", rebound(scope, islice=make(scope.__globals__["islice"])))


@defect("queue", "TTL")
def ttl_ten_times_as_long() -> None:
    """Messages live ten times as long as they should."""
    _change_age(lambda wall_ns, ttl_s: wall_ns - 9 * (ttl_s + 1) * _NS_PER_S)


def _change_age(change: Callable[[int, int], int]) -> None:
    def make(expire: Callable[..., Any]) -> Callable[..., Any]:
        return lambda queue, wall_ns, now: expire(queue, change(wall_ns, queue.settings.ttl_s), now)

    wrap(Queue, "expire", make)


@defect("queue", "TTL")
def messages_live_a_little_longer() -> None:
    """Messages live 3 s longer than they should."""
    _change_age(lambda wall_ns, _: wall_ns - 3 * _NS_PER_S)


@defect("queue", "TTL")
def confirm_of_expired_makes_no_room() -> None:
    """A consumer cannot confirm a message that has expired, so that it keeps its place."""

    def make(confirm: Callable[..., Any]) -> Callable[..., Any]:
        def deaf(queue: Queue, stream: Any, guids: Any, now: Any) -> Any:
            stored = [guid for guid in guids if queue.store.ordinal_of(guid) is not None]
            return confirm(queue, stream, stored, now)

        return deaf

    wrap(Queue, "confirm", make)


@defect("queue", "TTL STORE")
def fresh_messages_expire() -> None:
    """Everything that is stored expires at the next look, however young."""
    _change_age(lambda wall_ns, ttl_s: wall_ns + (ttl_s + 2) * _NS_PER_S)


# Apps.


@defect("queue", "CAST")
def broadcast_stores() -> None:
    """Messages of broadcast mode are stored, and go to one consumer as in priority mode."""
    modes = {**door(domains, "_MODES"), Mode.BROADCAST: QueueMode.PRIORITY}
    replace(domains, "_MODES", modes)


@defect("queue", "CAST")
def broadcast_waits_for_consumers() -> None:
    """In broadcast mode what is posted while nobody reads goes to who reads first."""

    def make(broadcast: Callable[..., Any]) -> Callable[..., Any]:
        def patient(queue: Queue, budget: Any) -> Any:
            kept = list(queue._broadcast)
            deliveries = broadcast(queue, budget)
            if not deliveries:
                queue._broadcast = kept
            return deliveries

        return patient

    wrap(Queue, "_broadcast_all", make)


@defect("queue", "FAN APP")
def late_app_misses_messages() -> None:
    """An app gets only what is posted while it has a consumer."""

    def look(app: App, _: Any) -> None:
        if app.number and not app.streams:
            app.clear(app._store.next_ordinal)

    before(App, "attach", look)


@defect("queue", "FAN ADMIN")
def unknown_app_served() -> None:
    """An app that the domain does not know gets messages like any other."""

    def look(queue: Queue, _: Any, app_id: str) -> None:
        if app_id not in queue.apps:
            queue.register_app(app_id, 1000 + len(queue.apps))

    before(Queue, "attach", look)


@defect("queue", "ADMIN")
def new_app_gets_old_messages() -> None:
    """An app that is registered while messages are stored gets these as well."""

    def back(app: App, queue: Queue, *_: Any, **how: Any) -> App:
        first = queue.store.first_ordinal
        if how.get("first_ordinal") is None and first < queue.next_ordinal:
            app.first_ordinal = app.cursor = first
            app.pending_messages = len(queue.store)
        return app

    def make(register: Callable[..., App]) -> Callable[..., App]:
        def greedy(queue: Queue, *arguments: Any, **how: Any) -> App:
            return back(register(queue, *arguments, **how), queue, **how)

        return greedy

    wrap(Queue, "register_app", make)


@defect("queue", "FAN CAST SDK SUB")
def fanout_like_priority() -> None:
    """In fanout mode only the first app gets the messages."""

    def make(deliver: Callable[..., Any]) -> Callable[..., Any]:
        def first(queue: Queue, *arguments: Any) -> Any:
            registered = queue._registered
            queue._registered = registered[:1]
            try:
                return deliver(queue, *arguments)
            finally:
                queue._registered = registered

        return first

    wrap(Queue, "deliver", make)


@defect("core", "FAN OPEN")
def reader_without_app_accepted() -> None:
    """A reader of a fanout queue need not name an app."""
    replace(control, "_check_app", lambda *_: None)

    def make(attach: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(queue: Queue, stream: Any, app_id: str) -> Any:
            known = (
                app_id if app_id in queue.apps or queue.mode is QueueMode.FANOUT else "__default"
            )
            return attach(queue, stream, known)

        return lenient

    wrap(Queue, "attach", make)
    wrap(
        Queue,
        "refresh",
        lambda refresh: (
            lambda queue, app_id: refresh(queue, app_id if app_id in queue.apps else "__default")
        ),
    )


# Poison.


def _change_attempts(change: Callable[[App, bool], bool]) -> None:
    """Let other losses of consumers count as attempts."""

    def make(take_back: Callable[..., Any]) -> Callable[..., Any]:
        return lambda app, held, *, is_lost: take_back(app, held, is_lost=change(app, is_lost))

    wrap(App, "_take_back", make)


@defect("queue", "POISON")
def attempts_not_counted() -> None:
    """A message is delivered again however many consumers were lost with it."""
    _change_attempts(lambda *_: False)


@defect("queue", "POISON")
def close_is_an_attempt() -> None:
    """A consumer that closes the queue in order counts as lost."""
    _change_attempts(lambda *_: True)


@defect("queue", "POISON")
def attempts_off_by_one() -> None:
    """A message is dropped one lost consumer too early."""

    def make(was_last: Callable[..., bool]) -> Callable[..., bool]:
        def early(app: App, ordinal: int) -> bool:
            left = app.attempts.get(ordinal, app.settings.attempts_max)
            app.attempts[ordinal] = max(left - 1, 1)
            return was_last(app, ordinal)

        return early

    wrap(App, "_was_last_attempt", make)


@defect("queue", "POISON")
def neighbours_are_poison_too() -> None:
    """Everything that waits counts as delivered to the consumer that was lost."""

    def make(take_back: Callable[..., Any]) -> Callable[..., Any]:
        def wide(app: App, held: list[int], *, is_lost: bool) -> Any:
            if is_lost and app.settings.attempts_max:
                waiting = [ordinal for ordinal in app._from_cursor() if ordinal not in held]
                if waiting:
                    app.cursor = waiting[-1] + 1
                held = [*held, *waiting]
            return take_back(app, held, is_lost=is_lost)

        return wide

    wrap(App, "_take_back", make)


@defect("queue", "POISON FAN")
def poison_dropped_for_all_apps() -> None:
    """A message that is given up for one app is gone for all of them."""

    def make(detached: Callable[..., Any]) -> Callable[..., Any]:
        def everywhere(queue: Queue, app: App, returned: int, dropped: Any, now: Any) -> Any:
            result = detached(queue, app, returned, dropped, now)
            result.removed.extend(queue.remove(dropped, now))
            return result

        return everywhere

    wrap(Queue, "_detached", make)


@defect("queue", "POISON")
def unlimited_attempts_are_five() -> None:
    """A domain that allows any number of attempts allows five."""

    def make(settings: Callable[..., Any]) -> Callable[..., Any]:
        def bounded(self: Domains, config: Any) -> Any:
            found = settings(self, config)
            return found._replace(attempts_max=found.attempts_max or 5)

        return bounded

    wrap(Domains, "_settings", make)


@defect("queue", "POISON")
def dropped_message_stays_stored() -> None:
    """A message that is given up for one app is not delivered, but stays stored."""
    wrap(
        Queue,
        "_detached",
        lambda detached: (
            lambda queue, app, returned, _, now: detached(queue, app, returned, [], now)
        ),
    )


# Domains.


@defect("core", "ADMIN LIMIT APP POISON")
def reconfigure_ignored() -> None:
    """RECONFIGURE succeeds and changes nothing."""
    replace(Domains, "reconfigure", lambda *_: None)


@defect("core", "LIMIT APP POISON")
def reconfigure_for_new_queues_only() -> None:
    """RECONFIGURE changes nothing for the queues that exist."""
    replace(Domains, "_configure_queue", lambda *_: None)


@defect("core", "ADMIN")
def reconfigure_changes_everything() -> None:
    """RECONFIGURE accepts another mode and another storage for queues that exist."""

    def make(change: Callable[..., None]) -> Callable[..., None]:
        def lenient(self: Domains, domain: DomainEntry, config: Any) -> None:
            try:
                change(self, domain, config)
            except OperatorError:
                domain.config = config

        return lenient

    wrap(Domains, "reconfigure", make)


@defect("core", "ADMIN LIMIT")
def unused_queues_never_go() -> None:
    """A queue that nobody uses stays for ever."""
    replace(upkeep, "_is_unused", lambda *_: False)


@defect("core", "ADMIN")
def queue_with_messages_collected() -> None:
    """A queue that nobody has open goes, whether it holds messages or not."""

    def careless(entry: Any, now: int, keepalive: int) -> bool:
        idle_since = entry.idle_since
        return not entry.is_in_use and idle_since is not None and now - idle_since >= keepalive

    replace(upkeep, "_is_unused", careless)


@defect("core", "ADMIN")
def queue_in_use_collected() -> None:
    """A queue that is empty goes although a client has it open."""

    def careless(entry: Any, *_: int) -> bool:
        if len(entry.queue.store):
            return False
        entry.producers = 0
        return not entry.queue.streams

    replace(upkeep, "_is_unused", careless)


@defect("core", "ADMIN")
def removed_domain_opens() -> None:
    """A domain that is being removed still opens queues."""

    def look(self: ControlDesk, domain: DomainEntry) -> None:
        del self
        domain.is_removing = False

    before(ControlDesk, "_check_state", look)
