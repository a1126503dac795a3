"""Streams and their flow control (WIRE 9.6).

A stream is what one client has opened for reading: one queue, one app id. It has subscriptions,
each with its own limits; the queue deals messages to subscriptions.

The rules of flow control:

- a subscription gets nothing while its unconfirmed messages or bytes have reached their limit;
- the test comes before a message is sent, so the last message may exceed the byte limit;
- once full, a subscription stays full until *both* counts are at most 80 % of their limits,
  rounded up;
- a limit of 0 means that nothing is delivered.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from reference_broker.base.limits import DELIVERY_BYTES_MAX
from reference_broker.queue.message import Message

#: What a message costs beside its data when a delivery is kept small.
_OVERHEAD_BYTES: Final = 64


class SubscriptionSpec(NamedTuple):
    """What a configure request says of one subscription.

    Attributes:
        key: what stays the same when the client configures again; its expression's text.
        push_id: the id that PUSH messages carry: the sId, or the subId in the old style.
        priority: higher is served first.
        weight: consumerPriorityCount, messages in a row in the round robin; 1 or more.
        messages_max: maxUnconfirmedMessages.
        bytes_max: maxUnconfirmedBytes, in bytes of application data.
    """

    key: str
    push_id: int
    priority: int
    weight: int
    messages_max: int
    bytes_max: int


class Subscription:
    """A consumer in the round robin, with what it holds unconfirmed."""

    __slots__ = ("is_full", "spec", "stream", "unconfirmed", "unconfirmed_bytes")

    def __init__(self, stream: Stream, spec: SubscriptionSpec) -> None:
        self.stream = stream
        self.spec = spec
        #: GUID to message, in order of delivery.
        self.unconfirmed: dict[bytes, Message] = {}
        self.unconfirmed_bytes = 0
        self.is_full = False
        self.update_fullness()

    def reconfigure(self, spec: SubscriptionSpec) -> None:
        """Take new parameters; what is held stays held."""
        self.spec = spec
        self.is_full = False
        self.update_fullness()

    def update_fullness(self) -> None:
        """Apply the limits to the counts, with the hysteresis of the module's rules."""
        spec = self.spec
        count, size = len(self.unconfirmed), self.unconfirmed_bytes
        if self.is_full:
            resume_count, resume_bytes = -(-spec.messages_max * 4 // 5), -(-spec.bytes_max * 4 // 5)
            if count > resume_count or size > resume_bytes:
                return
        self.is_full = count >= spec.messages_max or size >= spec.bytes_max

    def take(self, messages: list[Message]) -> None:
        """Hold messages that are being delivered to this subscription."""
        for message in messages:
            self.unconfirmed[message[0]] = message
            self.unconfirmed_bytes += message[4]
        self.update_fullness()

    def room_for(self, messages: list[Message], budget: int) -> tuple[int, int]:
        """Return how many of `messages`, from the front, fit before the limits say stop.

        Args:
            messages: candidates.
            budget: bytes that may still be handed out in this step, above 0; like the
                subscription's own limit it may be exceeded by the last message.

        Returns:
            Their number, and what they take from the budget.
        """
        if self.is_full:
            return 0, 0
        spec = self.spec
        count = min(len(messages), spec.messages_max - len(self.unconfirmed))
        room = spec.bytes_max - self.unconfirmed_bytes
        is_inflating = self.stream.is_inflating
        cost = 0
        for index in range(count):
            if room <= 0 or cost >= budget:
                return index, cost
            size = messages[index][4]
            room -= size
            is_bulky = is_inflating and messages[index][2] >> 16
            cost += DELIVERY_BYTES_MAX if is_bulky else size + _OVERHEAD_BYTES
        return count, cost


class Stream:
    """What one client has opened for reading.

    Attributes:
        connection: the client's connection number.
        queue_id: the qId that the client chose.
        sub_id: the subId that the client chose, 0 for none.
        is_paused: true while the client does not read its socket.
        is_inflating: true if compressed messages must be decompressed for this client; they then
            go out one at a time.
    """

    __slots__ = (
        "connection", "is_inflating", "is_paused", "queue_id", "sub_id", "subscriptions",
    )  # fmt: skip

    def __init__(self, connection: int, queue_id: int, sub_id: int) -> None:
        self.connection = connection
        self.queue_id = queue_id
        self.sub_id = sub_id
        self.is_paused = False
        self.is_inflating = False
        self.subscriptions: list[Subscription] = []

    def configure(self, specs: tuple[SubscriptionSpec, ...]) -> None:
        """Replace the subscriptions.

        One that keeps its key keeps what it holds. What the others held moves to the first
        subscription, or stays with a retired one when there is none: deconfiguring moves nothing,
        the client may still confirm it (WIRE 9.9).
        """
        by_key = {subscription.spec.key: subscription for subscription in self.subscriptions}
        fresh: list[Subscription] = []
        for spec in specs:
            known = by_key.pop(spec.key, None)
            if known is None:
                fresh.append(Subscription(self, spec))
            else:
                known.reconfigure(spec)
                fresh.append(known)
        for retired in by_key.values():
            if not retired.unconfirmed:
                continue
            if fresh:
                fresh[0].take(list(retired.unconfirmed.values()))
            else:
                retired.reconfigure(retired.spec._replace(messages_max=0, bytes_max=0))
                fresh.append(retired)
        self.subscriptions = fresh

    def confirm(self, guid: bytes) -> Message | None:
        """Release a message that this stream holds, or return None."""
        for subscription in self.subscriptions:
            message = subscription.unconfirmed.pop(guid, None)
            if message is not None:
                subscription.unconfirmed_bytes -= message[4]
                return message
        return None

    def release(self) -> list[Message]:
        """Give up everything held, for other consumers."""
        held: list[Message] = []
        for subscription in self.subscriptions:
            held += subscription.unconfirmed.values()
        self.subscriptions = []
        return held
