"""The queue against a model made of dictionaries and lists.

Hypothesis plays an operator, producers and consumers; after every delivery the model says what
must hold: order, flags, limits, priorities, turns, and that nothing waits that could go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from reference_broker.base import Instant
from reference_broker.queue import Delivery, Queue, Stream, SubscriptionSpec, Usage
from reference_broker.queue.tests.shapes import URI, guid, message, number

_DEDUPLICATION = 10
_OUT_OF_ORDER = 4
_LIMITS = (12, 60)
_DOMAIN = (14, 70)


@dataclass(slots=True, eq=False)
class Reader:
    """A subscription in the model."""

    stream: int
    spec: SubscriptionSpec
    held: dict[int, int] = field(default_factory=dict)  # number to size
    is_full: bool = False

    def look(self) -> None:
        count, size = len(self.held), sum(self.held.values())
        messages_max, bytes_max = self.spec.messages_max, self.spec.bytes_max
        if self.is_full and (count > ceil(messages_max * 0.8) or size > ceil(bytes_max * 0.8)):
            return
        self.is_full = count >= messages_max or size >= bytes_max

    def configure(self, spec: SubscriptionSpec) -> None:
        self.spec = spec
        self.is_full = False
        self.look()


_specs = st.builds(
    SubscriptionSpec,
    key=st.sampled_from(["a", "b", "c"]),
    push_id=st.integers(1, 9),
    priority=st.sampled_from([0, 0, 1]),
    weight=st.integers(1, 3),
    messages_max=st.sampled_from([0, 2, 4, 10, 20]),
    bytes_max=st.sampled_from([0, 10, 15, 99]),
)
_spec_lists = st.lists(_specs, max_size=3, unique_by=lambda spec: spec.key)
_numbers = st.integers(0, 30)


class QueueMachine(RuleBasedStateMachine):
    streams = Bundle("streams")

    def __init__(self) -> None:
        super().__init__()
        self.now = Instant(0)
        self.queue = Queue(URI, Usage(*_LIMITS), Usage(*_DOMAIN), _DEDUPLICATION)
        self.real: dict[int, Stream] = {}
        # The model.
        self.stored: dict[int, int] = {}  # number to size
        self.order: dict[int, int] = {}  # number to place in the order of posting
        self.delivered: set[int] = set()  # once, to somebody
        self.history: dict[int, int] = {}  # number to the time when it is forgotten
        self.readers: dict[int, list[Reader]] = {}
        self.paused: set[int] = set()
        self.posted = 0
        self.attached = 0

    # Producers.

    @rule(numbers=st.lists(_numbers, min_size=1, max_size=6), size=st.integers(1, 4))
    def post_and_deliver(self, numbers: list[int], size: int) -> None:
        self.post(numbers, size)
        self.deliver()

    @rule(numbers=st.lists(_numbers, min_size=1, max_size=6), size=st.integers(1, 4))
    def post(self, numbers: list[int], size: int) -> None:
        first = self.queue.next_ordinal
        outcome = self.queue.post([message(n, first + i, size) for i, n in enumerate(numbers)])
        stored, refused = [], []
        for n in numbers:
            refusal = self._refusal(n)
            if refusal:
                refused.append((n, refusal))
                continue
            stored.append(n)
            self.stored[n] = size
            self.order[n] = self.posted
            self.posted += 1
        assert [number(m) for m in outcome.stored] == stored
        assert [(number(g), r.name) for g, r in outcome.refused] == refused

    def _refusal(self, n: int) -> str | None:
        if n in self.stored or n in self.history:
            return "DUPLICATE"
        count, size = len(self.stored), sum(self.stored.values())
        for messages_max, bytes_max in (_LIMITS, _DOMAIN):
            if count > messages_max:
                return "LIMIT_MESSAGES"
            if size > bytes_max:
                return "LIMIT_BYTES"
        return None

    # Consumers.

    @rule(target=streams, specs=_spec_lists)
    def attach(self, specs: list[SubscriptionSpec]) -> int:
        self.attached += 1
        index = self.attached
        stream = self.real[index] = Stream(index, 0, 0)
        self.queue.attach(stream)
        self.readers[index] = []
        self.configure(index, specs)
        return index

    @rule(index=streams, specs=_spec_lists)
    def configure(self, index: int, specs: list[SubscriptionSpec]) -> None:
        self.real[index].configure(tuple(specs))
        self.queue.refresh()
        before = {reader.spec.key: reader for reader in self.readers[index]}
        after = []
        for spec in specs:
            reader = before.pop(spec.key, None) or Reader(index, spec)
            reader.configure(spec)
            after.append(reader)
        for retired in before.values():
            if after:
                after[0].held.update(retired.held)
                after[0].look()
            elif retired.held:
                retired.configure(retired.spec._replace(messages_max=0, bytes_max=0))
                after.append(retired)
        self.readers[index] = after

    @rule(index=consumes(streams))
    def detach(self, index: int) -> None:
        held = sum(len(reader.held) for reader in self.readers.pop(index))
        self.paused.discard(index)
        assert self.queue.detach(self.real.pop(index)) == held
        self.deliver()

    @rule(index=streams, is_paused=st.booleans())
    def pause(self, index: int, *, is_paused: bool) -> None:
        self.real[index].is_paused = is_paused
        if is_paused:
            self.paused.add(index)
        else:
            self.paused.discard(index)

    @rule(index=streams, numbers=st.lists(_numbers, max_size=6))
    def confirm(self, index: int, numbers: list[int]) -> None:
        removed = self.queue.confirm(self.real[index], [guid(n) for n in numbers], self.now)
        expected = [n for n in dict.fromkeys(numbers) if n in self.stored]
        assert [number(m) for m in removed] == expected
        for n in expected:
            del self.stored[n]
            self.delivered.discard(n)
            self.history[n] = self.now + _DEDUPLICATION
        for reader in self._all_readers():
            popped = [reader.held.pop(n, None) for n in expected]
            if any(popped):
                reader.look()

    @rule(index=streams, count=st.integers(1, 4), is_newest_first=st.booleans())
    def confirm_some_that_are_held(self, index: int, count: int, *, is_newest_first: bool) -> None:
        held = [n for reader in self.readers[index] for n in reader.held]
        self.confirm(index, held[-count:] if is_newest_first else held[:count])
        self.deliver()

    @rule(count=st.integers(1, 12))
    def wait(self, count: int) -> None:
        self.now = Instant(self.now + count)
        self.queue.expire_history(self.now)
        self.history = {n: end for n, end in self.history.items() if end > self.now}

    # Deliveries.

    @rule()
    def deliver(self) -> None:
        waiting = self._waiting()
        given: list[int] = []
        run: tuple[Reader | None, int] = (None, 0)
        for delivery in self.queue.deliver():
            reader = self._reader_of(delivery)
            assert delivery.messages, "an empty delivery"
            for flags, n, size in ((m[1], number(m), m[4]) for m in delivery.messages):
                assert reader in self._candidates(), "a subscription that is not to be served"
                run = (reader, run[1] + 1 if run[0] is reader else 1)
                others = [r for r in self._candidates() if r is not reader]
                assert run[1] <= reader.spec.weight or not others, "more than its turn"
                assert flags == (_OUT_OF_ORDER if n in self.delivered else 0)
                given.append(n)
                self.delivered.add(n)
                reader.held[n] = size
                reader.look()
        assert given == waiting[: len(given)], "out of order"
        assert len(given) == len(waiting) or not self._candidates(), "something could have gone"

    def _reader_of(self, delivery: Delivery) -> Reader:
        index = delivery.subscription.stream.connection
        (reader,) = [r for r in self.readers[index] if r.spec == delivery.subscription.spec]
        return reader

    def _all_readers(self) -> list[Reader]:
        return [reader for readers in self.readers.values() for reader in readers]

    def _candidates(self) -> list[Reader]:
        """Return who may get the next message."""
        able = [r for r in self._all_readers() if r.spec.messages_max and r.spec.bytes_max]
        highest = max((r.spec.priority for r in able), default=0)
        able = [r for r in able if r.spec.priority == highest]
        return [r for r in able if not r.is_full and r.stream not in self.paused]

    def _waiting(self) -> list[int]:
        held = {n for reader in self._all_readers() for n in reader.held}
        return sorted(self.stored.keys() - held, key=self.order.__getitem__)

    # Always.

    @invariant()
    def counts_agree(self) -> None:
        held = sum(len(reader.held) for reader in self._all_readers())
        size = sum(self.stored.values())
        assert self.queue.statistics() == (len(self.stored), size, held, len(self.readers))
        assert (self.queue.domain_usage.messages, self.queue.domain_usage.bytes) == (
            len(self.stored),
            size,
        )

    @invariant()
    def fullness_agrees(self) -> None:
        for index, readers in self.readers.items():
            real = [
                ([number(m) for m in s.unconfirmed.values()], s.is_full, s.spec)
                for s in self.real[index].subscriptions
            ]
            model = [(list(r.held), r.is_full, r.spec) for r in readers]
            assert real == model


QueueMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, print_blob=True
)
TestQueue = QueueMachine.TestCase
