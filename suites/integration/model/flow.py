"""What consumers hold unconfirmed, and whether they have room for more.

A message that a consumer holds may be gone from its queue: it was too old, purged, or confirmed by
somebody else. Whether it still counts against the consumer's limits is nowhere promised; and when a
consumer is configured anew, it is not promised which subscription has to answer for what it held.
So there are two counts, one of what certainly counts and one of what may, and room may be doubtful.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from suites.integration.model.expression import EXPRESSIONS
from suites.integration.model.plan import Sub

if TYPE_CHECKING:
    from suites.integration.model.queue import App, Message

#: Up to this limit of messages it makes no difference whether confirmations that come together are
#: taken one by one: a consumer has room again after the first.
_PLAIN_LIMIT_MAX: Final = 5


class Room(IntEnum):
    """Whether a subscription can get a message."""

    NO = 0
    MAYBE = 1
    YES = 2


def resume_at(limit: int) -> int:
    """Return 80 % of a limit, rounded up."""
    return -(-limit * 4 // 5)


class Subscription:
    """A consumer in the round robin.

    Attributes:
        stream: whose.
        push_id: the id that its messages carry.
        sub: what was asked for.
        is_full: as far as it is known; None if it may or may not be.
    """

    def __init__(self, stream: Stream, push_id: int, sub: Sub) -> None:
        self.stream = stream
        self.push_id = push_id
        self.sub = sub
        self.meaning = EXPRESSIONS[sub.expression]
        self.is_full: bool | None = False

    @property
    def is_nobody(self) -> bool:
        """Whether it asks for nothing."""
        return not (self.sub.messages and self.sub.size)

    def counts(self) -> tuple[int, int, int, int]:
        """Return messages and bytes that certainly count, and messages and bytes that may."""
        sure = sure_bytes = may = may_bytes = 0
        ghosts = self.stream.ghosts
        for message, holder in self.stream.held.items():
            if holder is self or holder is None:
                may += 1
                may_bytes += message.content.size
                if holder is self and message not in ghosts:
                    sure += 1
                    sure_bytes += message.content.size
        return sure, sure_bytes, may, may_bytes

    def _reaches(self, messages: int, size: int) -> bool:
        return messages >= self.sub.messages or size >= self.sub.size

    def room(self) -> Room:
        """Return whether it can get a message now."""
        sure, sure_bytes, may, may_bytes = self.counts()
        if self.is_full or self._reaches(sure, sure_bytes):
            return Room.NO
        if self.is_full is None or self._reaches(may, may_bytes):
            return Room.MAYBE
        return Room.YES

    def given(self) -> None:
        """Take note of a message that it has got."""
        sure, sure_bytes, may, may_bytes = self.counts()
        if self._reaches(sure, sure_bytes):
            self.is_full = True
        elif self._reaches(may, may_bytes) and self.is_full is False:
            self.is_full = None

    def released(self, count: int, bytes_before: int) -> None:
        """Take note that it holds `count` messages less, of `bytes_before` before."""
        if self.is_full is False:
            return
        sure, sure_bytes, may, may_bytes = self.counts()
        messages, size = resume_at(self.sub.messages), resume_at(self.sub.size)
        together = count > 1 and (self.sub.messages > _PLAIN_LIMIT_MAX or bytes_before > size)
        if may <= messages and may_bytes <= size and not together:
            self.is_full = False
        elif sure <= messages and sure_bytes <= size:
            self.is_full = None

    def begin(self) -> None:
        """Find out how full it is right after it was configured."""
        sure, sure_bytes, may, may_bytes = self.counts()
        if self._reaches(sure, sure_bytes):
            self.is_full = True
        elif may > resume_at(self.sub.messages) or may_bytes > resume_at(self.sub.size):
            self.is_full = None

    def __str__(self) -> str:
        return f"{self.stream} with {self.sub}"


class Stream:
    """What one client has opened for reading: a queue, for an app.

    Attributes:
        slot: of the client.
        q_id: that the client has chosen.
        sub_id: the same.
        app: for which it reads.
        subscriptions: as configured last.
        held: what was delivered and not confirmed, with the subscription that has to answer for it
            if that is known.
        ghosts: those of them that the queue does not have any more.
    """

    def __init__(self, slot: int, q_id: int, sub_id: int, app: App) -> None:
        self.slot = slot
        self.q_id = q_id
        self.sub_id = sub_id
        self.app = app
        self.subscriptions: list[Subscription] = []
        self.held: dict[Message, Subscription | None] = {}
        self.ghosts: set[Message] = set()

    def configure(self, subscriptions: list[Subscription]) -> None:
        """Take other subscriptions; what is held stays held."""
        before = self.subscriptions
        heir = None
        if len(before) == len(subscriptions) == 1:
            same = before[0].sub.expression == subscriptions[0].sub.expression
            heir = subscriptions[0] if same else None
        for message, holder in self.held.items():
            self.held[message] = heir if holder is not None else None
        self.subscriptions = subscriptions
        for each in subscriptions:
            each.begin()

    def give(self, message: Message, subscription: Subscription) -> None:
        """Let it hold a message."""
        self.held[message] = subscription
        subscription.given()

    def release(self, messages: list[Message]) -> None:
        """Let it hold messages no more, which it has confirmed together."""
        before = [(each, each.counts()[3]) for each in self.subscriptions]
        count = 0
        for message in messages:
            if message in self.held:
                del self.held[message]
                self.ghosts.discard(message)
                count += 1
        if count:
            for each, size in before:
                each.released(count, size)

    def lose_sight(self, message: Message) -> None:
        """Take note that the queue does not have a message any more."""
        if message in self.held:
            self.ghosts.add(message)
            for each in self.subscriptions:
                each.released(0, 0)

    def __str__(self) -> str:
        app = f", app {self.app.app_id}" if self.app.app_id else ""
        return f"client {self.slot}, queue {self.q_id}{app}"
