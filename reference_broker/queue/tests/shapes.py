"""Messages, subscriptions and queues for the tests of this room."""

from __future__ import annotations

from typing import Any

from reference_broker.base import DEFAULT_APP_ID, Instant, QueueUri
from reference_broker.expr import Lookup, Predicate, compile_expression
from reference_broker.queue import (
    Delivery,
    DeliveryBudget,
    Message,
    Queue,
    QueueMode,
    QueueSettings,
    Stream,
    SubscriptionSpec,
    Usage,
)
from reference_broker.queue.stream import SIZE_BITS

URI = QueueUri.parse("bmq://test.mem/q")
ROOMY = 1_000_000
NOW = Instant(1_000)
SECOND = 1_000_000_000
WALL_NS = 1_700_000_000 * SECOND
OUT_OF_ORDER = 4
SETTINGS = QueueSettings(
    deduplication_ns=100,
    ttl_s=3_600,
    attempts_max=0,
    low_threshold=0,
    high_threshold=0,
    low_interval_ns=0,
    high_interval_ns=0,
    idle_ns_max=0,
)


def guid(number: int) -> bytes:
    """Return a GUID."""
    return b"\x40" + number.to_bytes(15, "big")


def number(message: Message | bytes) -> int:
    """Return the number that `guid` was given."""
    data = message if isinstance(message, bytes) else message[0]
    return int.from_bytes(data[1:], "big")


def spec(
    messages: int = ROOMY,
    size: int = ROOMY,
    *,
    priority: int = 0,
    weight: int = 1,
    key: str = "0/0",
    push_id: int = 1,
    wants: str = "",
) -> SubscriptionSpec:
    """Return the parameters of a subscription; `wants` is its expression."""
    predicate = compile_expression(wants) if wants else None
    return SubscriptionSpec(key, push_id, priority, weight, messages, size, predicate)


def message(index: int, ordinal: int, size: int = 1, location: int = 0) -> Message:
    """Return a message of `size` bytes of application data."""
    return guid(index), 0, 0, bytes(size), size, ordinal, location


def properties(message: Message) -> Lookup:
    """Return what expressions see of a message: `x`, its number."""
    return {"x": number(message)}.get


def held(stream: Stream) -> list[int]:
    """Return the numbers of what a stream holds, in order of delivery, by subscription."""
    return [number(g) for s in stream.subscriptions for g in s.unconfirmed]


def ordinal_of(packed: int) -> int:
    """Return the ordinal of what a subscription holds."""
    return packed >> SIZE_BITS


class Bench:
    """A queue, with short verbs."""

    def __init__(
        self,
        limits: tuple[int, int] = (ROOMY, ROOMY),
        domain: tuple[int, int] = (ROOMY, ROOMY),
        *,
        mode: QueueMode = QueueMode.PRIORITY,
        apps: str = "",
        is_pageable: bool = False,
        **settings: Any,
    ) -> None:
        self.domain = Usage(*domain)
        self.queue = Queue(
            URI,
            mode,
            Usage(*limits),
            self.domain,
            SETTINGS._replace(**settings),
            properties,
            is_pageable=is_pageable,
        )
        self.now = NOW
        self.wall_ns = WALL_NS
        for index, app_id in enumerate(apps.split()):
            self.queue.register_app(app_id, index + 1)

    def wait(self, nanoseconds: int) -> None:
        """Let time pass."""
        self.now = Instant(self.now + nanoseconds)
        self.wall_ns += nanoseconds

    def post(self, *numbers: int, size: int = 1) -> list[str]:
        """Post messages in one batch; returns those stored, then the refused with the reason."""
        return self.post_sized([(n, size) for n in numbers])

    def post_sized(self, messages: list[tuple[int, int]]) -> list[str]:
        """Do the same with messages of given (number, size)."""
        first = self.queue.next_ordinal
        batch = [message(n, first + i, size) for i, (n, size) in enumerate(messages)]
        outcome = self.queue.post(batch, self.wall_ns, self.now)
        assert len(outcome.stored) + len(outcome.refused) + outcome.swallowed == len(batch)
        stored = [number(m) for m in outcome.stored]
        refused = [(number(g), refusal.name) for g, refusal in outcome.refused]
        return [*map(str, stored), *(f"{n} {name}" for n, name in refused)]

    def reader(
        self, *specs: SubscriptionSpec, connection: int = 1, app_id: str = DEFAULT_APP_ID
    ) -> Stream:
        """Attach a stream and configure it."""
        stream = Stream(connection, 0, 0)
        self.queue.attach(stream, app_id)
        self.configure(stream, *specs)
        return stream

    def configure(self, stream: Stream, *specs: SubscriptionSpec) -> None:
        """Replace a stream's subscriptions."""
        stream.configure(specs)
        self.queue.refresh(self.queue.streams[stream].app_id)

    def detach(self, stream: Stream) -> int:
        """Close a stream; returns how many messages came back."""
        return self.queue.detach(stream, self.now).returned

    def deliver(self) -> list[Delivery]:
        """Return what goes where now."""
        return self.queue.deliver(self.now, DeliveryBudget())

    def numbers(self) -> list[int]:
        """Deliver and return the numbers of the messages, in order."""
        return [number(m) for delivery in self.deliver() for m in delivery.messages]

    def flagged(self) -> list[tuple[int, int]]:
        """Deliver and return (number, flags) of the messages, in order."""
        return [(number(m), m[1]) for delivery in self.deliver() for m in delivery.messages]

    def turns(self) -> list[tuple[Stream, int]]:
        """Deliver and return (stream, number) in order."""
        return [(d.subscription.stream, number(m)) for d in self.deliver() for m in d.messages]

    def all_numbers(self) -> list[int]:
        """Deliver until nothing is left."""
        found: list[int] = []
        while now := self.numbers():
            found += now
        return found

    def confirm(self, stream: Stream, *numbers: int) -> list[int]:
        """Confirm messages; returns those that were deleted."""
        confirmed = self.queue.confirm(stream, [guid(n) for n in numbers], self.now)
        return [number(entry[0]) for entry in confirmed.removed]

    def filter(self, app_id: str, wants: str) -> Predicate:
        """Give an application a filter."""
        predicate = compile_expression(wants)
        self.queue.set_filter(app_id, predicate)
        return predicate

    def listed(self, app_id: str | None = None, offset: int = 0, count: int = 0) -> list[int]:
        """Return the numbers of what is stored, or pending for one application."""
        return [number(g) for g, _, _ in self.queue.list_messages(app_id, offset, count)[2]]
