"""One queue in priority mode (WIRE 9.7, 9.8, 9.9, 9.10).

Where a message can be::

    post ──> fresh ──deliver──> held by one subscription ──confirm──> history of GUIDs
               ^                          │
               └── returned <─────────────┘  the stream closed or was lost

The rules of this file:

- only subscriptions of the highest priority are served; they take turns, `weight` messages each;
  when all of them are full the message waits, it never spills to a lower priority;
- messages leave in order of posting; those that came back are older than all fresh ones and go
  first, flagged out of order;
- a GUID that is stored, or was within the deduplication time, is not stored again;
- a message is accepted while what is stored does not exceed the limit, so that exactly one
  message more than `limits.messages` fits.

Batches are the unit: a batch of messages that all fit costs a few dictionary operations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum
from itertools import islice, takewhile
from typing import Final, NamedTuple

from reference_broker.base import Instant, QueueUri
from reference_broker.base.limits import (
    DEDUPLICATION_GUIDS_MAX,
    DELIVERY_BYTES_MAX,
    DELIVERY_MESSAGES_MAX,
)
from reference_broker.queue.message import Message, redelivered
from reference_broker.queue.stream import Stream, Subscription

_OUT_OF_ORDER: Final = 4


class Refusal(Enum):
    """Why a message was not stored."""

    LIMIT_MESSAGES = "message limit reached"
    LIMIT_BYTES = "byte limit reached"
    DUPLICATE = "already stored"


class Usage:
    """Messages and bytes stored, against their limits; one per queue and one per domain."""

    __slots__ = ("bytes", "bytes_max", "messages", "messages_max")

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self.messages_max = messages_max
        self.bytes_max = bytes_max
        self.messages = 0
        self.bytes = 0

    def refusal(self) -> Refusal | None:
        """Return why one more message would be refused, or None."""
        if self.messages > self.messages_max:
            return Refusal.LIMIT_MESSAGES
        if self.bytes > self.bytes_max:
            return Refusal.LIMIT_BYTES
        return None

    def fits(self, messages: int, size: int) -> bool:
        """Return whether a batch certainly fits, to its last message."""
        return (
            self.messages + messages - 1 <= self.messages_max
            and self.bytes + size <= self.bytes_max
        )

    def add(self, messages: int, size: int) -> None:
        """Count messages in, or out when the numbers are negative."""
        self.messages += messages
        self.bytes += size


class PostOutcome(NamedTuple):
    """What became of a batch.

    Attributes:
        stored: the messages that were stored, in order.
        refused: (GUID, reason) of the others.
    """

    stored: list[Message]
    refused: list[tuple[bytes, Refusal]]


class Delivery(NamedTuple):
    """Messages that now go to one subscription, in order."""

    subscription: Subscription
    messages: list[Message]


class QueueStatistics(NamedTuple):
    """A snapshot for logs, admin and metrics."""

    messages: int
    bytes: int
    unconfirmed: int
    streams: int


class Queue:
    """A queue in priority mode.

    Args:
        uri: canonical URI.
        limits: what the queue may store.
        domain: what all queues of its domain may store together.
        deduplication_ns: how long a GUID is remembered after its message is gone.
    """

    def __init__(self, uri: QueueUri, limits: Usage, domain: Usage, deduplication_ns: int) -> None:
        self.uri = uri
        self.usage = limits
        self.domain_usage = domain
        self.deduplication_ns = deduplication_ns
        self.next_ordinal = 0
        #: False once the broker is stopping: nothing more is delivered.
        self.is_serving = True
        #: Whether the last `deliver` stopped because it had handed out enough for once.
        self.has_more = False
        self.streams: dict[Stream, None] = {}  # in order of attachment; values mean nothing
        #: GUID to message, everything stored.
        self._messages: dict[bytes, Message] = {}
        self._fresh: deque[Message] = deque()
        #: Came back from lost consumers; sorted by ordinal, older than everything in `_fresh`.
        self._returned: deque[Message] = deque()
        #: Came back since the last delivery; sorted into `_returned` before the next.
        self._coming_back: list[Message] = []
        #: Ordinals of those confirmed while they waited; still in one of the above, to be skipped.
        self._withdrawn: set[int] = set()
        self._served: list[Subscription] = []  # highest priority, in order of turns
        self._is_stale = False
        self._turn = 0  # index in `_served`
        self._turn_left = 0  # messages left in that turn
        self._history: dict[bytes, None] = {}
        self._history_batches: deque[tuple[Instant, tuple[bytes, ...]]] = deque()

    # Posting.

    def post(self, messages: list[Message]) -> PostOutcome:
        """Store a batch, as far as duplicates and limits allow.

        Args:
            messages: with ordinals that follow on from `next_ordinal`.
        """
        batch = {message[0]: message for message in messages}
        size = sum([message[4] for message in messages])
        if (
            len(batch) == len(messages)
            and self.usage.fits(len(messages), size)
            and self.domain_usage.fits(len(messages), size)
            and self._messages.keys().isdisjoint(batch)
            and self._history.keys().isdisjoint(batch)
        ):
            self._store(batch, size)
            return PostOutcome(messages, [])
        return self._post_singly(messages)

    def _post_singly(self, messages: list[Message]) -> PostOutcome:
        outcome = PostOutcome([], [])
        for message in messages:
            guid = message[0]
            refusal: Refusal | None
            if guid in self._messages or guid in self._history:
                refusal = Refusal.DUPLICATE
            else:
                refusal = self.usage.refusal() or self.domain_usage.refusal()
            if refusal is None:
                self._store({guid: message}, message[4])
                outcome.stored.append(message)
            else:
                outcome.refused.append((guid, refusal))
        return outcome

    def _store(self, batch: dict[bytes, Message], size: int) -> None:
        self._messages.update(batch)
        self._fresh.extend(batch.values())
        self.next_ordinal = 1 + next(reversed(batch.values()))[5]
        self.usage.add(len(batch), size)
        self.domain_usage.add(len(batch), size)

    # Consumers.

    def attach(self, stream: Stream) -> None:
        """Add a stream; it is served once it is configured."""
        self.streams[stream] = None

    def detach(self, stream: Stream) -> int:
        """Remove a stream; what it held goes to others. Returns how many messages came back."""
        del self.streams[stream]
        held = stream.release()
        self.refresh()
        back = [redelivered(message, _OUT_OF_ORDER) for message in held]
        self._messages.update((message[0], message) for message in back)
        self._coming_back += back
        return len(held)

    def refresh(self) -> None:
        """Note that subscriptions came, went or changed; the next delivery takes it into account."""
        self._is_stale = True

    def _refresh(self) -> None:
        """Work out whose turn it is."""
        self._is_stale = False
        turn_holder = self._served[self._turn] if self._served else None
        candidates = [s for stream in self.streams for s in stream.subscriptions]
        candidates = [s for s in candidates if s.spec.messages_max > 0 and s.spec.bytes_max > 0]
        highest = max((s.spec.priority for s in candidates), default=0)
        self._served = [s for s in candidates if s.spec.priority == highest]
        if turn_holder in self._served:
            self._turn = self._served.index(turn_holder)
            self._turn_left = min(self._turn_left, turn_holder.spec.weight)
        else:
            self._turn = 0
            self._turn_left = self._served[0].spec.weight if self._served else 0

    def deliver(self) -> list[Delivery]:
        """Hand waiting messages to the subscriptions that have room, and return what goes where.

        One call hands out about `DELIVERY_BYTES_MAX`; `has_more` tells whether to call again.
        """
        deliveries: list[Delivery] = []
        budget = DELIVERY_BYTES_MAX
        self.has_more = False
        if self._is_stale:
            self._refresh()
        self._sort_in()
        while self.is_serving and self._served and (waiting := self._waiting()):
            if budget <= 0:
                self.has_more = True
                break
            delivery, cost = self._next_delivery(waiting, budget)
            if delivery is None:
                break
            deliveries.append(delivery)
            budget -= cost
        return deliveries

    def _sort_in(self) -> None:
        """Put what came back where it belongs: in front of everything fresh, by age."""
        if self._coming_back:
            self._returned = deque(sorted([*self._returned, *self._coming_back], key=_ordinal))
            self._coming_back.clear()

    def _waiting(self) -> deque[Message]:
        """Return the messages to deliver next, with a live one in front, or an empty deque."""
        withdrawn = self._withdrawn
        for waiting in (self._returned, self._fresh):
            while withdrawn and waiting and waiting[0][5] in withdrawn:
                withdrawn.discard(waiting.popleft()[5])
            if waiting:
                return waiting
        return self._fresh

    def _front(self, waiting: deque[Message], count: int) -> list[Message]:
        front = islice(waiting, count)
        if self._withdrawn:
            return list(takewhile(lambda message: message[5] not in self._withdrawn, front))
        return list(front)

    def _next_delivery(self, waiting: deque[Message], budget: int) -> tuple[Delivery | None, int]:
        """Return what goes to whose turn it is, and its cost; None if nobody has room."""
        for _ in range(len(self._served)):
            subscription = self._served[self._turn]
            if not subscription.stream.is_paused and not subscription.is_full:
                # Alone, a subscription takes all that fits; in company, what is left of its turn.
                limit = len(waiting) if len(self._served) == 1 else self._turn_left
                room = subscription.spec.messages_max - len(subscription.unconfirmed)
                messages = self._front(waiting, min(limit, room, DELIVERY_MESSAGES_MAX))
                count, cost = subscription.room_for(messages, budget)
                messages = messages[:count]
                _drop_front(waiting, len(messages))
                subscription.take(messages)
                self._turn_left -= len(messages)
                if self._turn_left <= 0 or subscription.is_full:
                    self._pass_turn()
                return Delivery(subscription, messages), cost
            self._pass_turn()
        return None, 0

    def _pass_turn(self) -> None:
        self._turn = (self._turn + 1) % len(self._served)
        self._turn_left = self._served[self._turn].spec.weight

    # Confirming.

    def confirm(self, stream: Stream, guids: Iterable[bytes], now: Instant) -> list[Message]:
        """Delete confirmed messages and return them; GUIDs that are not stored are ignored.

        A message that meanwhile belongs to somebody else, or waits, is confirmed all the same.
        """
        removed: list[Message] = []
        pop = self._messages.pop
        for guid in guids:
            stored = pop(guid, None)
            if stored is None:
                continue
            removed.append(stored)
            if stream.confirm(guid) is None:
                self._withdraw(stored)
        if removed:
            self._forget(removed, now)
            for subscription in stream.subscriptions:
                subscription.update_fullness()
        return removed

    def _forget(self, removed: list[Message], now: Instant) -> None:
        size = sum([message[4] for message in removed])
        self.usage.add(-len(removed), -size)
        self.domain_usage.add(-len(removed), -size)
        self._remember(tuple([message[0] for message in removed]), now)

    def _withdraw(self, message: Message) -> None:
        """Take a message away from whoever holds it, or from those that wait."""
        for stream in self.streams:
            if stream.confirm(message[0]) is not None:
                for subscription in stream.subscriptions:
                    subscription.update_fullness()
                return
        # Taking it out of the middle costs the whole length, so it is skipped when its turn comes,
        # and the waiting messages are copied when most of them are to be skipped.
        self._sort_in()
        self._withdrawn.add(message[5])
        if len(self._withdrawn) > (len(self._returned) + len(self._fresh)) // 2:
            self._returned = deque(m for m in self._returned if m[5] not in self._withdrawn)
            self._fresh = deque(m for m in self._fresh if m[5] not in self._withdrawn)
            self._withdrawn.clear()

    # Deduplication.

    def _remember(self, guids: tuple[bytes, ...], now: Instant) -> None:
        history = self._history
        history.update(dict.fromkeys(guids))
        self._history_batches.append((Instant(now + self.deduplication_ns), guids))
        self.expire_history(now)

    def expire_history(self, now: Instant) -> None:
        """Forget GUIDs whose time is over, and the oldest beyond the limit."""
        batches = self._history_batches
        while batches and (batches[0][0] <= now or len(self._history) > DEDUPLICATION_GUIDS_MAX):
            for guid in batches.popleft()[1]:
                self._history.pop(guid, None)

    # Recovery.

    def restore(self, messages: list[Message], confirmed: list[bytes], now: Instant) -> None:
        """Take over what was stored before a restart; no limit turns it away.

        Args:
            messages: not confirmed, in order of their ordinals.
            confirmed: GUIDs of messages that were there; remembered from now on.
            now: the time.
        """
        if messages:
            self._store({m[0]: m for m in messages}, sum([m[4] for m in messages]))
        if confirmed:
            self._remember(tuple(confirmed), now)

    # Looking.

    @property
    def is_idle(self) -> bool:
        """Whether nothing is stored and nobody reads."""
        return not self._messages and not self.streams

    def statistics(self) -> QueueStatistics:
        """Return a snapshot of the counts."""
        held = sum(len(s.unconfirmed) for stream in self.streams for s in stream.subscriptions)
        return QueueStatistics(self.usage.messages, self.usage.bytes, held, len(self.streams))


def _drop_front(waiting: deque[Message], count: int) -> None:
    if count == len(waiting):
        waiting.clear()
        return
    for _ in range(count):
        waiting.popleft()


def _ordinal(message: Message) -> int:
    return message[5]
