"""Messages, subscriptions and queues for the tests of this room."""

from __future__ import annotations

from reference_broker.base import Instant, QueueUri
from reference_broker.queue import Delivery, Message, Queue, Stream, SubscriptionSpec, Usage

URI = QueueUri.parse("bmq://test.mem/q")
ROOMY = 1_000_000
NOW = Instant(1_000)


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
) -> SubscriptionSpec:
    """Return the parameters of a subscription."""
    return SubscriptionSpec(key, push_id, priority, weight, messages, size)


def message(index: int, ordinal: int, size: int = 1) -> Message:
    """Return a message of `size` bytes of application data."""
    return guid(index), 0, 0, bytes(size), size, ordinal, 0


class Bench:
    """A queue, with short verbs."""

    def __init__(
        self,
        limits: tuple[int, int] = (ROOMY, ROOMY),
        domain: tuple[int, int] = (ROOMY, ROOMY),
        deduplication_ns: int = 100,
    ) -> None:
        self.domain = Usage(*domain)
        self.queue = Queue(URI, Usage(*limits), self.domain, deduplication_ns)
        self.now = NOW

    def post(self, *numbers: int, size: int = 1) -> list[str]:
        """Post messages in one batch; returns `stored` or the refusal's name, by GUID."""
        first = self.queue.next_ordinal
        batch = [message(n, first + i, size) for i, n in enumerate(numbers)]
        outcome = self.queue.post(batch)
        assert len(outcome.stored) + len(outcome.refused) == len(batch)
        stored = [number(m) for m in outcome.stored]
        refused = [(number(g), refusal.name) for g, refusal in outcome.refused]
        return [*map(str, stored), *(f"{n} {name}" for n, name in refused)]

    def reader(self, *specs: SubscriptionSpec, connection: int = 1) -> Stream:
        """Attach a stream and configure it."""
        stream = Stream(connection, 0, 0)
        self.queue.attach(stream)
        self.configure(stream, *specs)
        return stream

    def configure(self, stream: Stream, *specs: SubscriptionSpec) -> None:
        """Replace a stream's subscriptions."""
        stream.configure(specs)
        self.queue.refresh()

    def deliver(self) -> list[Delivery]:
        """Return what goes where now."""
        return self.queue.deliver()

    def numbers(self) -> list[int]:
        """Deliver and return the numbers of the messages, in order."""
        return [number(m) for delivery in self.deliver() for m in delivery.messages]

    def turns(self) -> list[tuple[Stream, int]]:
        """Deliver and return (stream, number) in order."""
        return [(d.subscription.stream, number(m)) for d in self.deliver() for m in d.messages]

    def confirm(self, stream: Stream, *numbers: int) -> list[int]:
        """Confirm messages; returns those that were deleted."""
        removed = self.queue.confirm(stream, [guid(n) for n in numbers], self.now)
        return [number(m) for m in removed]
