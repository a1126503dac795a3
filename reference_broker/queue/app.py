"""One application of a queue: what it still has to get, and who reads for it.

Where a message is, as one application sees it::

    fresh, from the cursor on ──> held by a subscription ──confirm──> done
          │            ^                     │
          │            │                     └─ closed or lost ──> redelivery ──> held again
          └── no room, no match ──> put aside ──> held, when that has changed

Redelivery comes first [BACK-2], then what was put aside, then the cursor: the order of posting
[ROUTE-1]. Messages that were overtaken [SUB-8] or delivered before carry the OUT_OF_ORDER flag. All
of it is kept as ordinals; the messages are in the store, whoever still needs them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from reference_broker.base import Instant
from reference_broker.base.limits import DELIVERY_MESSAGES_MAX
from reference_broker.expr import Lookup, Predicate
from reference_broker.queue.block import Entry
from reference_broker.queue.message import Message, redelivered
from reference_broker.queue.ordinals import OrdinalSet
from reference_broker.queue.outcomes import AppFacts, Delivery
from reference_broker.queue.routing import Group, Router
from reference_broker.queue.settings import QueueSettings
from reference_broker.queue.store import Columns, MessageStore
from reference_broker.queue.stream import SIZE_BITS, DeliveryBudget, Stream

_OUT_OF_ORDER: Final = 4
#: Messages that came back, or that expressions are asked about, and are fetched together.
_PORTION: Final = 256


class App:
    """One application of a queue.

    Attributes:
        app_id: its id.
        number: its number in the log; 0 for the only one of priority and broadcast mode.
        is_registered: whether the domain knows it; only then it gets messages.
        first_ordinal: messages below it are not, or no longer, this application's.
        cursor: where it goes on reading; everything below has been delivered or put aside once.
        redelivery: what came back.
        put_aside: what was overtaken, and holds nobody up [SUB-7, SUB-9].
        skipped: from the cursor on, what the application does not need (any more).
        attempts: attempts left, of messages that were held when a consumer was lost.
        streams: who reads, in order of attachment; the values mean nothing.
        router: their subscriptions.
        filter: the domain's expression for this application, None for everything.
        pending_messages: not confirmed by the application.
        pending_bytes: of their application data.
        has_more: whether the last delivery stopped because enough was handed out for once.
        wanted: ordinal of the paged-out message at which the last delivery stopped.
        early_exit: GUID of the message at which it stopped because no subscription has room; told
            once until one has.
        throttled_until: when a message that may be poisonous can go; None if none waits.
    """

    def __init__(
        self,
        app_id: str,
        number: int,
        store: MessageStore,
        settings: QueueSettings,
        lookup: Callable[[Message], Lookup],
    ) -> None:
        self.app_id = app_id
        self.number = number
        self.settings = settings
        self.is_registered = False
        self.first_ordinal = self.cursor = store.next_ordinal
        self.redelivery = OrdinalSet()
        self.put_aside = OrdinalSet()
        self.skipped = OrdinalSet()
        self.attempts: dict[int, int] = {}
        self.streams: dict[Stream, None] = {}
        self.router = Router()
        self.filter: Predicate | None = None
        self.pending_messages = 0
        self.pending_bytes = 0
        self.has_more = False
        self.wanted: int | None = None
        self.early_exit: bytes | None = None
        self.throttled_until: Instant | None = None
        self._store = store
        self._lookup = lookup
        self._is_stale = False
        self._is_stopped = False  # no subscription had room; told
        self._restored_end = 0  # all below it is from before a restart
        self._retry: int | None = None  # where looking at what was put aside goes on
        self._suspect: int | None = None  # ordinal of the last message that may be poisonous
        self._suspect_at: Instant | None = None  # when it was delivered, while not confirmed

    # Consumers.

    def refresh(self) -> None:
        """Note that subscriptions came, went or changed [SUB-10]; the next delivery goes by them."""
        self._is_stale = True

    def _rebuild(self) -> None:
        self._is_stale = False
        self.router.rebuild(self.streams)
        self._retry = 0
        self._is_stopped = self._is_stopped and not self.router.groups

    def attach(self, stream: Stream) -> None:
        """Add a stream; it is served once it is configured."""
        self.streams[stream] = None

    def give_up(self, stream: Stream, *, is_lost: bool) -> tuple[int, list[int]]:
        """Remove a stream; what it held goes to others of the app [BACK-1, BACK-3].

        Args:
            stream: the stream.
            is_lost: whether that counts as an attempt to deliver what it held [ATT-1, ATT-3].

        Returns:
            How many messages came back, for others with room [BACK-4] who want them [BACK-5]; and the
            ordinals of those that had their last attempt: they are not delivered again.
        """
        del self.streams[stream]
        self._is_stale = True
        held = [ordinal for ordinal, _ in stream.release() if self._is_mine(ordinal)]
        return self._take_back(held, is_lost=is_lost)

    def reject(self, stream: Stream, guids: Sequence[bytes]) -> tuple[int, list[int]]:
        """Take messages back from a stream, as if it had been lost with them [ATT-3]."""
        held = [ordinal for ordinal in stream.confirm(guids)[0] if self._is_mine(ordinal)]
        return self._take_back(held, is_lost=True)

    def _take_back(self, held: list[int], *, is_lost: bool) -> tuple[int, list[int]]:
        dropped: list[int] = []
        if is_lost and self.settings.attempts_max:
            dropped = [ordinal for ordinal in sorted(held) if self._was_last_attempt(ordinal)]
            self._settle(dropped)
        for ordinal in held:
            self.redelivery.add(ordinal)
        for ordinal in dropped:
            self.redelivery.discard(ordinal)
        return len(held) - len(dropped), dropped

    def _was_last_attempt(self, ordinal: int) -> bool:
        left = self.attempts.get(ordinal, self.settings.attempts_max) - 1
        if left > 0:
            self.attempts[ordinal] = left
            return False
        self.attempts.pop(ordinal, None)
        return True

    def _is_mine(self, ordinal: int) -> bool:
        return self.is_registered and ordinal >= self.first_ordinal

    def _settle(self, ordinals: list[int]) -> None:
        """Count messages out that are still stored."""
        self.pending_messages -= len(ordinals)
        self.pending_bytes -= sum([self._store.size_of(ordinal) for ordinal in ordinals])

    # Confirming.

    def confirm(self, stream: Stream, guids: Sequence[bytes]) -> list[int]:
        """Note what a stream confirms, wherever the messages are; returns what was pending."""
        ordinals, size, strays = stream.confirm(guids)
        if ordinals and (not self.is_registered or min(ordinals) < self.first_ordinal):
            ordinals = [ordinal for ordinal in ordinals if self._is_mine(ordinal)]
            self._settle(ordinals)
            strays = guids  # what was purged may have come again, and be elsewhere
        else:
            self.pending_messages -= len(ordinals)
            self.pending_bytes -= size
        if strays and self.is_registered:
            found = self._withdraw(strays)
            self._settle(found)
            ordinals += found
        if self.attempts:
            for ordinal in ordinals:
                self.attempts.pop(ordinal, None)
                if ordinal == self._suspect:
                    self._suspect_at = None  # the next one need not wait [ATT-8]
        return ordinals

    def _withdraw(self, guids: Iterable[bytes]) -> list[int]:
        """Take messages away from whoever holds them, or from those that wait."""
        found: list[int] = []
        for guid in guids:
            ordinal = self._store.ordinal_of(guid)
            if ordinal is None or ordinal < self.first_ordinal:
                continue
            if ordinal >= self.cursor:
                is_pending = ordinal not in self.skipped
                self.skipped.add(ordinal)
            else:
                is_pending = (
                    self.redelivery.discard(ordinal)
                    or self.put_aside.discard(ordinal)
                    or self._release(guid, ordinal)
                )
            if is_pending:
                found.append(ordinal)
        return found

    def _release(self, guid: bytes, ordinal: int) -> bool:
        return any(stream.release_one(guid, ordinal) for stream in self.streams)

    # What is pending.

    def skip(self, ordinal: int, size: int) -> None:
        """Do without a message that was counted and not delivered."""
        self.skipped.add(ordinal)
        self.pending_messages -= 1
        self.pending_bytes -= size

    def held(self) -> Iterator[int]:
        """Yield the ordinals of what subscriptions hold."""
        for stream in self.streams:
            for subscription in stream.subscriptions:
                for number in subscription.unconfirmed.values():
                    if (ordinal := number >> SIZE_BITS) >= self.first_ordinal:
                        yield ordinal

    def pending(self) -> Iterator[int]:
        """Yield the ordinals of all that the application has not confirmed, in order."""
        if not self.is_registered:
            return
        yield from sorted([*self.held(), *self.redelivery.all(), *self.put_aside.all()])
        yield from self._from_cursor()

    def _from_cursor(self) -> Iterator[int]:
        skipped = self.skipped
        return (o for o in self._store.ordinals(self.cursor) if o not in skipped)

    def clear(self, next_ordinal: int) -> None:
        """Need nothing below `next_ordinal` any more; what consumers hold they may confirm in vain."""
        self.forget_below(next_ordinal)
        self.pending_messages = 0
        self.pending_bytes = 0

    def forget_below(self, end: int) -> None:
        """Need nothing below `end` any more, without counting."""
        self.first_ordinal = max(self.first_ordinal, end)
        self.cursor = max(self.cursor, end)
        for ordinals in (self.redelivery, self.put_aside, self.skipped):
            ordinals.discard_below(end)
        self.attempts = {o: left for o, left in self.attempts.items() if o >= end}

    def count_out(self, removed: list[Entry]) -> None:
        """Count out messages that were removed; where they are noted does not change."""
        held = set(self.held())
        for _, size, _, ordinal in removed:
            is_pending = (
                ordinal not in self.skipped
                if ordinal >= self.cursor
                else ordinal in held or ordinal in self.redelivery or ordinal in self.put_aside
            )
            if is_pending and ordinal >= self.first_ordinal:
                self.pending_messages -= 1
                self.pending_bytes -= size

    def forget(self, removed: list[Entry]) -> None:
        """Forget messages that were removed, wherever they are noted, and count them out."""
        self.count_out(removed)
        for guid, _, _, ordinal in removed:
            self.redelivery.discard(ordinal)
            self.put_aside.discard(ordinal)
            self.skipped.discard(ordinal)
            self.attempts.pop(ordinal, None)
            self._release(guid, ordinal)

    def restore(self, columns: Columns, cursor: int, skipped: Sequence[int]) -> None:
        """Need what is stored from `cursor` on, without `skipped`."""
        self.first_ordinal = self.cursor = cursor
        self._restored_end = self._store.next_ordinal
        start = bisect_left(columns.ordinals, cursor)
        ordinals, sizes = columns.ordinals[start:], columns.sizes[start:]
        self.pending_messages, self.pending_bytes = len(ordinals), sum(sizes)
        if unneeded := set(skipped):
            for ordinal, size in zip(ordinals, sizes, strict=True):
                if ordinal in unneeded:
                    self.skip(ordinal, size)

    # Delivering.

    def broadcast(self, messages: list[Message], budget: DeliveryBudget) -> list[Delivery]:
        """Hand messages to everybody who has room now [CAST-6]; nobody holds them [CAST-5, CAST-8]."""
        if self._is_stale:
            self._rebuild()
        deliveries: list[Delivery] = []
        for subscription, share in self.router.recipients(messages, self._lookup):
            if subscription.stream.is_inflating:
                share = [m for m in share if not m[2] >> 16 or budget.take_inflation()]  # noqa: PLW2901
            if share:
                deliveries.append(Delivery(subscription, share))
        return deliveries

    def deliver(self, now: Instant, budget: DeliveryBudget, deliveries: list[Delivery]) -> bool:
        """Hand waiting messages to the subscriptions that have room; without one they wait [ROUTE-7].

        Args:
            now: the time.
            budget: what the step may still hand out.
            deliveries: where to note what goes where.

        Returns:
            Whether it stopped for one of the reasons that the attributes tell.
        """
        self.has_more = False
        self.wanted = self.early_exit = self.throttled_until = None
        if self._is_stale:
            self._rebuild()
        if self.cursor >= self._store.next_ordinal and not self.redelivery and not self.put_aside:
            return False
        router = self.router
        if router.look():
            self._is_stopped = False
            round_ = _Round(now, budget, deliveries)
            if router.only is None:
                self._route_all(round_)
            else:
                if self.redelivery or self.put_aside:
                    self._deal_returned(router.only, round_)
                if not self.is_halted:
                    self._deal_fresh(router.only, round_)
        if not router.has_capacity():
            self._exit_early()
        return self.is_halted or self.early_exit is not None

    def _exit_early(self) -> None:
        """Tell, once, that there are messages and no room; a client that does not read is no news."""
        if not self._is_stopped and not self.router.is_paused:
            ordinal = self._next_waiting()
            if ordinal is not None:
                self._is_stopped = True
                self.early_exit = self._store.guid_of(ordinal)

    def _next_waiting(self) -> int | None:
        """Return the message that would be looked at next; with nobody there, only new ones are."""
        ordinal = self.redelivery.first()
        if not self.router.groups:
            is_new = ordinal is None and self._store.next_ordinal > self._restored_end
            return next(self._from_cursor(), None) if is_new else None
        if ordinal is None and (self._retry is not None or self.router.only is not None):
            ordinal = self.put_aside.first(self._retry or 0)
        return next(self._from_cursor(), None) if ordinal is None else ordinal

    # ... when there is one group, and it takes everything.

    def _deal_returned(self, group: Group, round_: _Round) -> None:
        for source in (self.redelivery, self.put_aside):
            while source and group.is_open and not self.is_halted:
                messages = self._fetch(source, 0, round_)
                if not messages:
                    return
                given = self._deal(group, messages, round_)
                for message in messages[:given]:
                    source.discard(message[5])

    def _deal_fresh(self, group: Group, round_: _Round) -> None:
        store = self._store
        while self.cursor < store.next_ordinal and group.is_open:
            messages, end = self._fresh(min(group.room(), DELIVERY_MESSAGES_MAX))
            given = self._deal(group, messages, round_)
            self._advance(end if given == len(messages) else messages[given][5])
            if self.has_more or self.wanted is not None:
                return

    def _deal(self, group: Group, messages: list[Message], round_: _Round) -> int:
        """Hand out messages while somebody has room; returns how many."""
        done = 0
        while done < len(messages) and group.is_open:
            subscription = group.next_with_room()
            # Alone, a subscription takes all that fits; in company, what is left of its turn.
            if len(group.subscriptions) == 1:
                part = messages[done:] if done else messages
            else:
                part = messages[done : done + group.turn_left]
            count = subscription.take(part, round_.budget)
            if count:
                given = part if count == len(part) else part[:count]
                round_.deliveries.append(Delivery(subscription, given))
                group.given(count)
                done += count
            if count < len(part) and not subscription.is_full:
                self.has_more = True
                break
        if self.attempts and done:
            self._note_suspects(messages[:done], round_.now)
        return done

    # ... when there are expressions to ask.

    def _route_all(self, round_: _Round) -> None:
        while self.redelivery and self.router.has_capacity():
            messages = self._fetch(self.redelivery, 0, round_)
            self._route(messages, round_, self._leave_redelivery)
            if self.is_halted or not messages:
                return
        if not self._serve_waiting(round_):
            return
        while self._retry is not None and self.router.has_capacity():
            messages = self._fetch(self.put_aside, self._retry, round_)
            self._route(messages, round_, self._leave_retry)
            if self.is_halted:
                return
            if not messages:
                self._retry = None
        while self.cursor < self._store.next_ordinal and self.router.has_capacity():
            messages, end = self._fresh(_PORTION)
            done = self._route(messages, round_, self._leave_fresh)
            if done == len(messages):
                self._advance(end)
            if self.is_halted:
                return

    def _route(self, messages: list[Message], round_: _Round, leave: Callable[[int], None]) -> int:
        """Find out where each message goes; returns how many were looked at."""
        router = self.router
        for index, message in enumerate(messages):
            if not router.has_capacity():
                return index
            if round_.budget.looks <= 0:
                self.has_more = True
                return index
            round_.budget.looks -= len(router.groups)
            target = router.route(message, self._lookup)
            if isinstance(target, Group):
                if not self._give(target, message, round_):
                    return index
                leave(message[5])
                self.put_aside.discard(message[5])
            else:
                leave(message[5])
                self.put_aside.add(message[5])
                for group in target:
                    group.waiting.add(message[5])
        return len(messages)

    def _leave_redelivery(self, ordinal: int) -> None:
        self.redelivery.discard(ordinal)

    def _leave_retry(self, ordinal: int) -> None:
        self._retry = ordinal + 1

    def _leave_fresh(self, ordinal: int) -> None:
        self._advance(ordinal + 1)

    def _serve_waiting(self, round_: _Round) -> bool:
        """Hand out what waits for groups that have room again; returns whether to go on.

        What is still to be looked at again gets its turn there, in its order.
        """
        retry = self._retry
        for group in self.router.groups:
            while group.is_open and (ordinal := group.waiting.first()) is not None:
                if retry is not None and ordinal >= retry:
                    break
                if ordinal in self.put_aside:
                    message = self._message(ordinal, round_.now)
                    if message is None or not self._give(group, message, round_):
                        return False
                    self.put_aside.discard(ordinal)
                group.waiting.discard(ordinal)
        return True

    def _give(self, group: Group, message: Message, round_: _Round) -> bool:
        """Hand out one message to an open group; returns whether the budget allowed it."""
        subscription = group.next_with_room()
        if not subscription.take([message], round_.budget):
            self.has_more = True
            return False
        group.given(1)
        deliveries = round_.deliveries
        if deliveries and deliveries[-1].subscription is subscription:
            deliveries[-1].messages.append(message)
        else:
            deliveries.append(Delivery(subscription, [message]))
        if self.attempts:
            self._note_suspects([message], round_.now)
        return True

    # ... where the messages come from.

    @property
    def is_halted(self) -> bool:
        """Whether the delivery cannot go on now."""
        return self.has_more or self.wanted is not None or self.throttled_until is not None

    def _fresh(self, count: int) -> tuple[list[Message], int]:
        """Return messages from the cursor on, and where it goes when all of them are given."""
        messages, end = self._store.run(self.cursor, count)
        end = min(end, self._store.next_ordinal)
        if self.skipped and messages:
            messages = [message for message in messages if message[5] not in self.skipped]
        if not messages and self._store.is_cold(end):
            end = next(self._from_cursor(), self._store.next_ordinal)
            if self._store.is_cold(end):
                self.wanted = end
        return messages, end

    def _advance(self, ordinal: int) -> None:
        self.cursor = ordinal
        if self.skipped:
            self.skipped.discard_below(ordinal)

    def _fetch(self, source: OrdinalSet, start: int, round_: _Round) -> list[Message]:
        """Return the next messages that came back or were put aside, as far as they can go now."""
        found: list[Message] = []
        for ordinal in source.take(start, 1 if self.attempts else _PORTION):
            message = self._message(ordinal, round_.now)
            if message is not None:
                found.append(message)
            elif self.is_halted:
                break
        return found

    def _message(self, ordinal: int, now: Instant) -> Message | None:
        """Return a message for delivery out of order, or None: note why if the delivery halts."""
        if self._must_wait(ordinal, now):
            return None
        message = self._store.get(ordinal)
        if message is None:
            if self._store.is_cold(ordinal):
                self.wanted = ordinal
            return None
        return redelivered(message, _OUT_OF_ORDER)

    # ... slowly, when they may be poisonous.

    def _must_wait(self, ordinal: int, now: Instant) -> bool:
        left = self.attempts.get(ordinal)
        if left is None or self._suspect_at is None:
            return False
        until = Instant(self._suspect_at + self.settings.pause_ns(left))
        if until <= now:
            return False
        self.throttled_until = until
        return True

    def _note_suspects(self, messages: list[Message], now: Instant) -> None:
        for message in messages:
            if message[5] in self.attempts:
                self._suspect = message[5]
                self._suspect_at = now

    # Looking.

    @property
    def status(self) -> str:
        """How the peer calls the application's state: alive, registered or unauthorized."""
        if not self.is_registered:
            return "unauthorized"
        return "alive" if self.streams else "registered"

    @property
    def is_at_end(self) -> bool:
        """Whether it has read everything that is stored."""
        return next(self._from_cursor(), None) is None

    def unconfirmed(self) -> int:
        """Return how many messages its consumers hold."""
        return sum([stream.unconfirmed_count for stream in self.streams])

    def positions(self) -> list[int]:
        """Return the ordinals at which it is going to read on."""
        found = [self.cursor, self.redelivery.first()]
        found += [group.waiting.first() for group in self.router.groups]
        if self._retry is not None:
            found.append(self.put_aside.first(self._retry))
        return [ordinal for ordinal in found if ordinal is not None]

    def oldest(self) -> int | None:
        """Return the ordinal of the oldest undelivered message."""
        firsts = (self.redelivery.first(), self.put_aside.first(), next(self._from_cursor(), None))
        return min([ordinal for ordinal in firsts if ordinal is not None], default=None)

    def facts(self) -> AppFacts:
        """Return what to tell of it when it is stuck."""
        return AppFacts(
            consumers=len(self.streams),
            messages=self.pending_messages,
            bytes=self.pending_bytes,
            put_aside=len(self.put_aside),
            redelivery=len(self.redelivery),
            expressions=tuple(self.router.expressions()),
            oldest=self.oldest(),
            oldest_put_aside=self.put_aside.first(),
        )


class _Round:
    """What one delivery has to go by."""

    __slots__ = ("budget", "deliveries", "now")

    def __init__(self, now: Instant, budget: DeliveryBudget, deliveries: list[Delivery]) -> None:
        self.now = now
        self.budget = budget
        self.deliveries = deliveries
