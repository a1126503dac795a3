"""One queue: what is stored, which applications need it, and what goes to whom.

- In priority mode there is one application, `__default`; in fanout mode there are those that the
  domain registers [FAN-1]; a message is stored until every application that needs it has confirmed
  it [FAN-2].
- In broadcast mode nothing is stored: what is posted goes to who reads at that moment [CAST-3].
- A GUID that is stored, or was within the deduplication time, is not stored again [DEDUP-1].
- A message is accepted while what is stored does not exceed the limit, so that exactly one message
  more than `limits.messages` fits [LIMIT-1]; so for the queue as for its domain [LIMIT-3].

Batches are the unit: a batch of messages that all fit costs a few dictionary operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice, takewhile
from typing import Final, TypeAlias

from reference_broker.base import DEFAULT_APP_ID, Instant, QueueUri
from reference_broker.base.limits import BLOCK_MESSAGES, EXPIRY_MESSAGES_MAX
from reference_broker.expr import Lookup, Predicate
from reference_broker.queue.app import App
from reference_broker.queue.block import Entry
from reference_broker.queue.history import History
from reference_broker.queue.idle import IdleChange, IdleMonitor
from reference_broker.queue.message import Message
from reference_broker.queue.outcomes import (
    AppStatistics,
    Confirmed,
    Delivery,
    Detached,
    Expired,
    PostOutcome,
    Purged,
    QueueStatistics,
    Released,
    RestoredApp,
)
from reference_broker.queue.settings import QueueMode, QueueSettings
from reference_broker.queue.store import Columns, MessageStore
from reference_broker.queue.stream import DeliveryBudget, Stream
from reference_broker.queue.usage import Refusal, Usage

_NS_PER_S: Final = 1_000_000_000

#: By ordinal, the applications whose filters turn a message away.
_Skips: TypeAlias = dict[int, list[App]]


class Queue:
    """A queue.

    Args:
        uri: canonical URI.
        mode: how messages reach consumers.
        usage: what the queue may store.
        domain_usage: what all queues of its domain may store together.
        settings: what may change later.
        lookup: returns what expressions see of a message.
        is_pageable: whether the log has the messages, so that they need not stay in memory.
    """

    def __init__(
        self,
        uri: QueueUri,
        mode: QueueMode,
        usage: Usage,
        domain_usage: Usage,
        settings: QueueSettings,
        lookup: Callable[[Message], Lookup],
        *,
        is_pageable: bool,
    ) -> None:
        self.uri = uri
        self.mode = mode
        self.usage = usage
        self.domain_usage = domain_usage
        self.settings = settings
        history = History(settings.deduplication_ns)
        self.store = MessageStore(usage, domain_usage, history, is_pageable=is_pageable)
        self.idle = IdleMonitor(settings.idle_ns_max)
        #: By id; registered ones in order of registration.
        self.apps: dict[str, App] = {}
        #: What reads what, in order of attachment.
        self.streams: dict[Stream, App] = {}
        #: False once the broker is stopping: nothing more is delivered.
        self.is_serving = True
        #: Whether the last `deliver` stopped because it had handed out enough for once.
        self.has_more = False
        #: (app id, GUID) where the last `deliver` stopped because no subscription has room.
        self.early_exits: list[tuple[str, bytes]] = []
        #: Ordinals of paged-out messages at which the last `deliver` stopped, one for each block.
        self.wanted: list[int] = []
        self._lookup = lookup
        self._registered: list[App] = []
        self._has_filters = False
        self._served_first = 0  # index in `_registered`
        self._broadcast: list[Message] = []  # until the next `deliver`
        if mode is not QueueMode.FANOUT:
            self.register_app(DEFAULT_APP_ID, 0)

    @property
    def next_ordinal(self) -> int:
        """The ordinal that the next message gets."""
        return self.store.next_ordinal

    def reconfigure(self, settings: QueueSettings, now: Instant) -> None:
        """Take new settings."""
        self.settings = settings
        self.store.history.deduplication_ns = settings.deduplication_ns
        self.idle.reconfigure(settings.idle_ns_max, now)
        for app in self.apps.values():
            app.settings = settings
            if not settings.attempts_max:
                app.attempts.clear()

    # Applications.

    def register_app(
        self,
        app_id: str,
        number: int,
        filter: Predicate | None = None,  # noqa: A002 - the domain's word
        *,
        first_ordinal: int | None = None,
    ) -> App:
        """Let an application take part.

        Args:
            app_id: its id; it may have consumers already.
            number: its number in the log.
            filter: the domain's expression for it.
            first_ordinal: the first message that it needs; None for the next one that is posted.
        """
        app = self.apps.pop(app_id, None) or self._new_app(app_id, number)
        assert not app.is_registered, app_id
        self.apps[app_id] = app
        self._registered.append(app)
        app.number = number
        app.filter = filter
        app.is_registered = True
        app.forget_below(self.next_ordinal)
        if first_ordinal is not None:
            app.first_ordinal = app.cursor = first_ordinal
        self._note_filters()
        return app

    def _new_app(self, app_id: str, number: int) -> App:
        return App(app_id, number, self.store, self.settings, self._lookup)

    def unregister_app(self, app_id: str, now: Instant) -> Released:
        """Let an application go: it needs nothing any more; its consumers stay, and get nothing."""
        app = self.apps[app_id]
        messages, size = app.pending_messages, app.pending_bytes
        removed = self._release_pending(app, now)
        app.is_registered = False
        self._registered.remove(app)
        self._note_filters()
        if not app.streams:
            del self.apps[app_id]
        return Released(messages, size, removed)

    def set_filter(self, app_id: str, predicate: Predicate | None) -> None:
        """Change what an application gets of what is posted from now on, and of nothing older [APP-8]."""
        self.apps[app_id].filter = predicate
        self._note_filters()

    def _note_filters(self) -> None:
        self._has_filters = any(app.filter is not None for app in self._registered)
        self._served_first = 0

    def _release_pending(self, app: App, now: Instant) -> list[Entry]:
        removed = self.store.release(list(app.pending()), now)
        app.clear(self.next_ordinal)
        return removed

    # Posting.

    def post(self, messages: list[Message], wall_ns: int, now: Instant) -> PostOutcome:
        """Store a batch, as far as duplicates and limits allow.

        Args:
            messages: with successive ordinals from `next_ordinal` on.
            wall_ns: when they arrived.
            now: the time.
        """
        if self._has_filters or not self._registered or self.mode is QueueMode.BROADCAST:
            return self._post_asking(messages, wall_ns, now)
        stored, refused = self._store_all(messages, wall_ns, {})
        self.idle.posted(now)
        return PostOutcome(stored, refused, {}, 0)

    def _post_asking(self, messages: list[Message], wall_ns: int, now: Instant) -> PostOutcome:
        """Store or keep those messages of a batch that an application wants; the rest is gone [APP-3]."""
        skips = self._filtered(messages)
        wanted = [m for m in messages if len(skips.get(m[5], ())) < len(self._registered)]
        if self.mode is QueueMode.BROADCAST:
            stored, refused = self._keep_for_delivery(wanted, now)
        else:
            stored, refused = self._store_all(wanted, wall_ns, skips)
            self.idle.posted(now)
        skipped: dict[int, list[int]] = {}
        for message in stored if skips else ():
            for app in skips.get(message[5], ()):
                skipped.setdefault(app.number, []).append(message[5])
        return PostOutcome(stored, refused, skipped, len(messages) - len(wanted))

    def _filtered(self, messages: list[Message]) -> _Skips:
        """Return which applications do not want which messages, once for all [APP-1, APP-2, APP-6]."""
        filtering = [(app, app.filter) for app in self._registered if app.filter is not None]
        skips: _Skips = {}
        if not filtering:
            return skips
        for message in messages:
            properties = self._lookup(message)
            turned_away = [app for app, wish in filtering if not wish.matches(properties)]
            if turned_away:
                skips[message[5]] = turned_away
        return skips

    def _store_all(
        self, messages: list[Message], wall_ns: int, skips: _Skips
    ) -> tuple[list[Message], list[tuple[bytes, Refusal]]]:
        """Store what is no duplicate and fits; returns that, and the rest with the reasons."""
        batch = {message[0]: message for message in messages}
        size = sum([message[4] for message in messages])
        known = self.store.duplicates(batch)
        if (
            not known
            and len(batch) == len(messages)
            and self.usage.fits(len(messages), size)
            and self.domain_usage.fits(len(messages), size)
        ):
            self._store(messages, size, wall_ns, skips)
            return messages, []
        stored: list[Message] = []
        refused: list[tuple[bytes, Refusal]] = []
        size = 0
        for message in messages:
            if message[0] in known:
                refused.append((message[0], Refusal.DUPLICATE))
            elif refusal := self._refusal(len(stored), size):
                refused.append((message[0], refusal))
            else:
                known.add(message[0])
                stored.append(message)
                size += message[4]
        # All at once: a batch that fills a block ends it, and moves `next_ordinal` on.
        self._store(stored, size, wall_ns, skips)
        return stored, refused

    def _refusal(self, messages: int, size: int) -> Refusal | None:
        """Return why one more message would be refused behind so many that are accepted, or None.

        The queue is asked before its domain [LIMIT-7].
        """
        return self.usage.refusal(messages, size) or self.domain_usage.refusal(messages, size)

    def _store(self, messages: list[Message], size: int, wall_ns: int, skips: _Skips) -> None:
        apps = self._registered
        for app in apps:
            app.pending_messages += len(messages)
            app.pending_bytes += size
        if not skips:
            self.store.append(messages, wall_ns, len(apps))
            return
        counts = [len(apps) - len(skips.get(message[5], ())) for message in messages]
        self.store.append(messages, wall_ns, counts)
        for message in messages:
            for app in skips.get(message[5], ()):
                app.skip(message[5], message[4])

    def _keep_for_delivery(
        self, messages: list[Message], now: Instant
    ) -> tuple[list[Message], list[tuple[bytes, Refusal]]]:
        """Keep what is no duplicate until the next delivery, which is the only one [CAST-2, CAST-3]."""
        known = self.store.duplicates({message[0]: message for message in messages})
        fresh: dict[bytes, Message] = {}
        refused: list[tuple[bytes, Refusal]] = []
        for message in messages:
            if message[0] in known or message[0] in fresh:
                refused.append((message[0], Refusal.DUPLICATE))
            else:
                fresh[message[0]] = message
        self.store.history.remember(list(fresh), now)
        stored = list(fresh.values())
        self._broadcast += stored
        return stored, refused

    def expire_history(self, now: Instant) -> None:
        """Forget the GUIDs of removed messages whose time is over."""
        self.store.history.expire(now)

    # Consumers.

    def attach(self, stream: Stream, app_id: str) -> App:
        """Add a stream; it is served once it is configured.

        Returns:
            Its application; in fanout mode one that is not registered, if nobody knows the id: its
            consumers get nothing until it is [FAN-3], and nobody waits for it [FAN-4].
        """
        app = self.apps.get(app_id)
        if app is None:
            assert self.mode is QueueMode.FANOUT, (self.mode, app_id)
            app = self.apps[app_id] = self._new_app(app_id, 0)
        self.streams[stream] = app
        app.attach(stream)
        return app

    def refresh(self, app_id: str) -> None:
        """Note that subscriptions changed; the next delivery takes it into account."""
        self.apps[app_id].refresh()

    def detach(self, stream: Stream, now: Instant) -> Detached:
        """Remove a stream that was closed; what it held goes to others, at no cost [ATT-2]."""
        return self._remove_stream(stream, now, is_lost=False)

    def lose(self, stream: Stream, now: Instant) -> Detached:
        """Remove a stream whose connection broke: an attempt to deliver what it held [ATT-1]."""
        return self._remove_stream(stream, now, is_lost=True)

    def _remove_stream(self, stream: Stream, now: Instant, *, is_lost: bool) -> Detached:
        app = self.streams.pop(stream)
        returned, dropped = app.give_up(stream, is_lost=is_lost)
        if not app.streams and not app.is_registered:
            del self.apps[app.app_id]
        return self._detached(app, returned, dropped, now)

    def reject(self, stream: Stream, guids: Sequence[bytes], now: Instant) -> Detached:
        """Take messages back from a stream, as if it had been lost with them."""
        app = self.streams[stream]
        returned, dropped = app.reject(stream, guids)
        return self._detached(app, returned, dropped, now)

    def _detached(self, app: App, returned: int, dropped: list[int], now: Instant) -> Detached:
        """Drop messages for this app alone [ATT-4]; those that nobody else needs go [ATT-6]."""
        if returned:
            self.idle.came_back(now)
        named = [(ordinal, self.store.guid_of(ordinal)) for ordinal in dropped]
        return Detached(returned, named, self.store.release(dropped, now), app.number)

    # Delivering.

    def deliver(self, now: Instant, budget: DeliveryBudget) -> list[Delivery]:
        """Hand waiting messages to the subscriptions that have room, and return what goes where.

        Applications do not wait for each other [FLOW-6]; each has its own readers [FAN-5], priorities
        [FAN-6] and subscriptions [SUB-12]. What one has let through its consumers' expressions may
        still keep waiting [APP-5]. Consumers of a producer see its order [ROUTE-8].

        Args:
            now: the time.
            budget: what the step may still hand out; `has_more` tells whether it was too little.
        """
        deliveries: list[Delivery] = []
        self.has_more = False
        self.early_exits = []
        self.wanted = []
        if not self.is_serving:
            return deliveries
        if self.mode is QueueMode.BROADCAST:
            return self._broadcast_all(budget)
        apps = self._registered
        if self._served_first:
            apps = [*apps[self._served_first :], *apps[: self._served_first]]
        for app in apps:
            if app.deliver(now, budget, deliveries):
                self._note_stop(app)
        if self.has_more:  # others begin the next time
            self._served_first = (self._served_first + 1) % len(apps)
        if deliveries:
            self.idle.moved(now)
        return deliveries

    def _note_stop(self, app: App) -> None:
        if app.has_more:
            self.has_more = True
        if app.early_exit is not None:
            self.early_exits.append((app.app_id, app.early_exit))
        if app.wanted is not None:
            blocks = [ordinal // BLOCK_MESSAGES for ordinal in self.wanted]
            if app.wanted // BLOCK_MESSAGES not in blocks:
                self.wanted.append(app.wanted)

    def _broadcast_all(self, budget: DeliveryBudget) -> list[Delivery]:
        (app,) = self._registered
        messages, self._broadcast = self._broadcast, []
        return app.broadcast(messages, budget) if messages else []

    def positions(self) -> list[int]:
        """Return the ordinals at which somebody is going to read on: what to keep in memory."""
        return [ordinal for app in self._registered for ordinal in app.positions()]

    def next_deadline(self) -> Instant | None:
        """Return when to deliver again because a message that may be poisonous waits."""
        times = [app.throttled_until for app in self._registered]
        return min([time for time in times if time is not None], default=None)

    def look(self, now: Instant, wall_ns: int) -> list[IdleChange]:
        """Return which applications have become stuck, or no longer are; see `idle.deadline`."""
        return self.idle.look(self._registered, self.store, now, wall_ns)

    # Confirming.

    def confirm(self, stream: Stream, guids: Sequence[bytes], now: Instant) -> Confirmed:
        """Note that an application, and no other [CONFIRM-9], is done with messages [CONFIRM-1].

        GUIDs that it does not need are ignored [CONFIRM-6], and no other message is touched
        [CONFIRM-4]. One that meanwhile belongs to another consumer, or waits, is confirmed all the
        same [CONFIRM-5].
        """
        app = self.streams[stream]
        if self.mode is QueueMode.BROADCAST:
            return Confirmed([], [], app.number)
        ordinals = app.confirm(stream, guids)
        removed = self.store.release(ordinals, now) if ordinals else []
        self.idle.moved(now)
        return Confirmed(ordinals, removed, app.number)

    # Taking away.

    def purge(self, app_id: str | None, now: Instant) -> Purged:
        """Take away everything [PURGE-1], or what one application has not confirmed [PURGE-3].

        Who holds some of it may confirm it in vain [PURGE-6].
        """
        if app_id is None:
            removed = self.store.remove(list(self.store.ordinals()), now)
            messages, size = len(removed), sum([entry[1] for entry in removed])
            for app in self._registered:
                app.clear(self.next_ordinal)
        else:
            app = self.apps[app_id]
            messages, size = app.pending_messages, app.pending_bytes
            removed = self._release_pending(app, now)
        self.idle.moved(now)
        return Purged(messages, size, removed, self.next_ordinal)

    def expire(self, wall_ns: int, now: Instant) -> Expired:
        """Remove messages that are older than the time to live [TTL-1], the oldest first, up to a number.

        They are gone for every application [TTL-4]; who holds one may confirm it in vain [TTL-2].
        What counts is when they were posted, by the wall clock [TTL-3]; younger ones stay [TTL-6].
        """
        if self.mode is QueueMode.BROADCAST:
            return Expired(0, 0, 0, [], has_more=False)
        newest = wall_ns - (self.settings.ttl_s + 1) * _NS_PER_S
        arrival_ns = self.store.arrival_ns
        aging = takewhile(lambda ordinal: arrival_ns(ordinal) <= newest, self.store.ordinals())
        old = list(islice(aging, EXPIRY_MESSAGES_MAX))
        if not old:
            return Expired(0, 0, 0, [], has_more=False)
        newest_arrival_ns = arrival_ns(old[-1])
        removed = self.store.remove(old, now)
        for app in self._registered:
            app.count_out(removed)
            app.forget_below(old[-1] + 1)
        self.idle.moved(now)
        has_more = len(old) == EXPIRY_MESSAGES_MAX
        return Expired(len(old), old[-1] + 1, newest_arrival_ns, removed, has_more)

    def remove(self, ordinals: Sequence[int], now: Instant) -> list[Entry]:
        """Give messages up, whoever needs them: the log cannot be read; returns what was removed."""
        removed = self.store.remove(ordinals, now)
        for app in self._registered:
            app.forget(removed)
        return removed

    # Recovery.

    def restore(
        self,
        columns: Columns,
        apps: Sequence[RestoredApp],
        now: Instant,
        *,
        next_ordinal: int = 0,
    ) -> None:
        """Take over what was stored before a restart; no limit turns it away.

        What is not confirmed is delivered again, in order.

        Args:
            columns: the messages.
            apps: who needs them, in order of registration.
            now: the time.
            next_ordinal: ordinals below it are not to be used again.
        """
        self.store.restore(columns, next_ordinal)
        for known in apps:
            app = self.apps.get(known.app_id)
            if app is None or not app.is_registered:
                app = self.register_app(known.app_id, known.number)
            app.restore(columns, known.cursor, known.skipped)
        self.idle.posted(now)  # nobody could have come for them while the broker was away

    # Looking.

    @property
    def is_idle(self) -> bool:
        """Whether nothing is stored and nobody reads."""
        return not len(self.store) and not self.streams

    def list_messages(
        self, app_id: str | None, offset: int, count: int
    ) -> tuple[int, int, list[tuple[bytes, int, int]]]:
        """Return a part of what is stored, or of what an application has not confirmed [LIST-5].

        Args:
            app_id: the application; None for all that is stored.
            offset: from the front; negative: from the end [LIST-2].
            count: how many; 0 for all [LIST-3], negative for so many before the offset [LIST-4].

        Returns:
            The number of messages, the index of the first that was asked for, and (guid, size,
            arrival by the wall clock in ns) of each.
        """
        total = len(self.store) if app_id is None else self.apps[app_id].pending_messages
        ordinals = self.store.ordinals() if app_id is None else self.apps[app_id].pending()
        if offset < 0:
            offset = max(0, total + offset)
        if count == 0:
            count = total - offset
        elif count < 0:
            count = -count
            offset = max(0, offset - count)
        store = self.store
        listed = islice(ordinals, offset, offset + max(0, count))
        found = [(store.guid_of(o), store.size_of(o), store.arrival_ns(o)) for o in listed]
        return total, offset, found

    def statistics(self) -> QueueStatistics:
        """Return a snapshot of the counts."""
        apps = tuple(
            AppStatistics(
                app.app_id,
                app.pending_messages,
                app.pending_bytes,
                app.unconfirmed(),
                len(app.streams),
            )
            for app in self.apps.values()
        )
        held = sum([app.unconfirmed for app in apps])
        return QueueStatistics(len(self.store), self.usage.bytes, held, len(self.streams), apps)
