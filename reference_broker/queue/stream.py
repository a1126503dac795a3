"""Streams and their flow control.

A stream is what one client has opened for reading: one queue, one app id. It has subscriptions,
each with its own limits [FLOW-5]; the queue deals messages to subscriptions.

The rules of flow control:

- a subscription gets nothing while its unconfirmed messages [FLOW-1] or bytes have reached their limit;
- the test comes before a message is sent, so the last message may exceed the byte limit [FLOW-2];
- once full, a subscription stays full until *both* counts are at most 80 % of their limits,
  rounded up [FLOW-3];
- a limit of 0 means that nothing is delivered [FLOW-4].

What a subscription holds is kept as numbers, so that it keeps no message's data in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Final, NamedTuple

from reference_broker.base.limits import (
    APPLICATION_DATA_BYTES_MAX,
    DELIVERY_BYTES_MAX,
    DELIVERY_INFLATIONS_MAX,
    ROUTING_LOOKS_MAX,
)
from reference_broker.expr import Predicate
from reference_broker.queue.message import Message

#: What a message costs beside its data when a delivery is kept small.
_OVERHEAD_BYTES: Final = 64
#: A held message is one integer: ordinal above, size below.
SIZE_BITS: Final = 27
SIZE_MASK: Final = (1 << SIZE_BITS) - 1
_NOT_HELD: Final = -1

assert APPLICATION_DATA_BYTES_MAX <= SIZE_MASK


class SubscriptionSpec(NamedTuple):
    """What a configure request says of one subscription.

    Attributes:
        key: what stays the same when the client configures again; each stream's are different.
        push_id: the id that PUSH messages carry: the sId, or the subId in the old style.
        priority: higher is served first.
        weight: consumerPriorityCount, messages in a row in the round robin; 1 or more.
        messages_max: maxUnconfirmedMessages.
        bytes_max: maxUnconfirmedBytes, in bytes of application data.
        predicate: its expression; None takes every message.
    """

    key: str
    push_id: int
    priority: int
    weight: int
    messages_max: int
    bytes_max: int
    predicate: Predicate | None = None


class DeliveryBudget:
    """What one step may hand out, all queues together; the rest follows in the next step.

    Attributes:
        bytes: left, of application data and a little for each message; the last message may exceed
            it.
        inflations: how many more compressed messages may go to consumers that get them
            decompressed.
        looks: how many more expressions may be asked; the last message may exceed it.
    """

    __slots__ = ("bytes", "inflations", "looks")

    def __init__(
        self, bytes_max: int = DELIVERY_BYTES_MAX, inflations_max: int = DELIVERY_INFLATIONS_MAX
    ) -> None:
        self.bytes = bytes_max
        self.inflations = inflations_max
        self.looks = ROUTING_LOOKS_MAX

    @property
    def is_spent(self) -> bool:
        """Whether nothing, or nothing that has to be looked at, can be handed out any more."""
        return self.bytes <= 0 or self.looks <= 0

    def take_inflation(self) -> bool:
        """Use one of `inflations`; returns whether one was left."""
        if not self.inflations:
            return False
        self.inflations -= 1
        return True


class Subscription:
    """A consumer in the round robin, with what it holds unconfirmed."""

    __slots__ = ("is_full", "spec", "stream", "unconfirmed", "unconfirmed_bytes")

    def __init__(self, stream: Stream, spec: SubscriptionSpec) -> None:
        self.stream = stream
        self.spec = spec
        #: GUID to `ordinal << SIZE_BITS | size`, in order of delivery.
        self.unconfirmed: dict[bytes, int] = {}
        self.unconfirmed_bytes = 0
        self.is_full = False
        self.update_fullness()

    @property
    def has_room(self) -> bool:
        """Whether it can get a message now."""
        return not self.is_full and not self.stream.is_paused

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

    def take(self, messages: list[Message], budget: DeliveryBudget) -> int:
        """Hold as many of `messages`, from the front, as fit before the limits say stop.

        Args:
            messages: one or more that are being delivered to this subscription, which has room.
            budget: what the step may still hand out; what is taken is subtracted.

        Returns:
            Their number.
        """
        count = len(messages)
        size = sum([message[4] for message in messages])
        before_last = size - messages[-1][4]
        if (
            len(self.unconfirmed) + count > self.spec.messages_max
            or self.unconfirmed_bytes + before_last >= self.spec.bytes_max
            or before_last + (count - 1) * _OVERHEAD_BYTES >= budget.bytes
            or self.stream.is_inflating
        ):
            count, size = self._room_for(messages, budget)
            messages = messages[:count]
        budget.bytes -= size + count * _OVERHEAD_BYTES
        unconfirmed = self.unconfirmed
        expected = len(unconfirmed) + count
        for message in messages:
            unconfirmed[message[0]] = message[5] << SIZE_BITS | message[4]
        self._held(expected, size)
        return count

    def adopt(self, held: dict[bytes, int]) -> None:
        """Hold what another subscription of the same stream held."""
        for guid, number in held.items():
            # A GUID that came again after its message had expired: the newer one counts.
            self.unconfirmed[guid] = max(number, self.unconfirmed.get(guid, _NOT_HELD))
        self.unconfirmed_bytes = sum([number & SIZE_MASK for number in self.unconfirmed.values()])
        self.update_fullness()

    def _held(self, expected: int, size: int) -> None:
        """Note that `size` more bytes are held, and `expected` messages in all."""
        self.unconfirmed_bytes += size
        if len(self.unconfirmed) != expected:  # a GUID came again after its message had expired
            self.unconfirmed_bytes = sum([held & SIZE_MASK for held in self.unconfirmed.values()])
        spec = self.spec
        if expected >= spec.messages_max or self.unconfirmed_bytes >= spec.bytes_max:
            self.update_fullness()

    def confirm(self, guids: Sequence[bytes]) -> tuple[list[int], int, Sequence[bytes]]:
        """Release messages; returns what `Stream.confirm` returns."""
        unconfirmed = self.unconfirmed
        expected = len(unconfirmed) - len(guids)
        found = list(map(unconfirmed.pop, guids, repeat(_NOT_HELD)))
        strays: Sequence[bytes] = ()
        if len(unconfirmed) != expected:
            strays = [guid for guid, held in zip(guids, found, strict=True) if held == _NOT_HELD]
            found = [held for held in found if held != _NOT_HELD]
        ordinals = [held >> SIZE_BITS for held in found]
        size = sum(found) - (sum(ordinals) << SIZE_BITS)
        self.unconfirmed_bytes -= size
        if self.is_full:
            self.update_fullness()
        return ordinals, size, strays

    def _room_for(self, messages: list[Message], budget: DeliveryBudget) -> tuple[int, int]:
        """Return how many of `messages` fit, and their application data's bytes."""
        count_max = self.spec.messages_max - len(self.unconfirmed)
        room = self.spec.bytes_max - self.unconfirmed_bytes
        is_inflating = self.stream.is_inflating
        size = cost = 0
        for index, message in enumerate(messages):
            if index == count_max or size >= room or cost >= budget.bytes:
                return index, size
            if is_inflating and message[2] >> 16 and not budget.take_inflation():
                return index, size
            size += message[4]
            cost += message[4] + _OVERHEAD_BYTES
        return len(messages), size


class Stream:
    """What one client has opened for reading.

    Attributes:
        connection: the client's connection number.
        queue_id: the qId that the client chose.
        sub_id: the subId that the client chose, 0 for none.
        is_paused: true while the client does not read its socket.
        is_inflating: true if compressed messages must be decompressed for this client; how many go
            out in one step is then limited.
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

    @property
    def unconfirmed_count(self) -> int:
        """Messages delivered and not yet confirmed."""
        return sum([len(subscription.unconfirmed) for subscription in self.subscriptions])

    def configure(self, specs: tuple[SubscriptionSpec, ...]) -> None:
        """Replace the subscriptions; from now on messages come for these [PUSH-4].

        One that keeps its key keeps what it holds [CFG-13]. What the others held moves to the first
        subscription, or stays with a retired one when there is none: deconfiguring moves nothing,
        the client may still confirm it [CFG-12].
        """
        assert len({spec.key for spec in specs}) == len(specs), [spec.key for spec in specs]
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
                fresh[0].adopt(retired.unconfirmed)
            else:
                retired.reconfigure(retired.spec._replace(messages_max=0, bytes_max=0))
                fresh.append(retired)
        self.subscriptions = fresh

    def confirm(self, guids: Sequence[bytes]) -> tuple[list[int], int, Sequence[bytes]]:
        """Release messages that this stream holds.

        Returns:
            The ordinals of those that it held, the bytes of their application data, and the GUIDs
            that it did not hold.
        """
        if len(self.subscriptions) == 1:
            return self.subscriptions[0].confirm(guids)
        ordinals: list[int] = []
        size = 0
        for subscription in self.subscriptions:
            released, released_size, guids = subscription.confirm(guids)
            ordinals += released
            size += released_size
            if not guids:
                break
        return ordinals, size, guids

    def release_one(self, guid: bytes, ordinal: int) -> bool:
        """Release one message, and not another one that had the same GUID; returns whether held."""
        for subscription in self.subscriptions:
            if subscription.unconfirmed.get(guid, _NOT_HELD) >> SIZE_BITS == ordinal:
                subscription.confirm([guid])
                return True
        return False

    def release(self) -> list[tuple[int, int]]:
        """Give up everything held, for other consumers: (ordinal, size) each."""
        held: list[tuple[int, int]] = []
        for subscription in self.subscriptions:
            numbers = subscription.unconfirmed.values()
            held += [(number >> SIZE_BITS, number & SIZE_MASK) for number in numbers]
        self.subscriptions = []
        return held
