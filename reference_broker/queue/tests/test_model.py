"""Queues against a model made of dictionaries and lists.

Hypothesis plays an operator, producers and consumers; the model says which message goes to whom, in
which order and with which flags, what is refused, what remains, and what is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from reference_broker.base import DEFAULT_APP_ID, Instant
from reference_broker.expr import compile_expression
from reference_broker.queue import (
    DeliveryBudget,
    Queue,
    QueueMode,
    Stream,
    SubscriptionSpec,
    Usage,
)
from reference_broker.queue.tests.model import Application, Group, Post, Reader
from reference_broker.queue.tests.shapes import (
    OUT_OF_ORDER,
    SECOND,
    SETTINGS,
    URI,
    guid,
    held,
    message,
    number,
    properties,
)

_DEDUPLICATION: Final = 10 * SECOND
_LIMITS: Final = (20, 90)
_DOMAIN: Final = (22, 100)
_TTL_S: Final = 30
_ATTEMPTS: Final = 2

_WANTS: Final[dict[str, Callable[[int], bool]]] = {
    "": lambda _: True,
    "x % 2 == 0": lambda n: n % 2 == 0,
    "x < 20": lambda n: n < 20,
}


def spec_of(
    key: str, priority: int, weight: int, messages_max: int, bytes_max: int, wants: str
) -> SubscriptionSpec:
    predicate = compile_expression(wants) if wants else None
    return SubscriptionSpec(key, 1, priority, weight, messages_max, bytes_max, predicate)


_specs = st.builds(
    spec_of,
    key=st.sampled_from(["a", "b", "c"]),
    priority=st.sampled_from([0, 0, 1]),
    weight=st.integers(1, 3),
    messages_max=st.sampled_from([2, 4, 10, 30, 0]),
    bytes_max=st.sampled_from([99, 99, 10, 15, 0]),
    wants=st.sampled_from(["", "", *_WANTS]),
)
_spec_lists = st.lists(_specs, min_size=0, max_size=3, unique_by=lambda spec: spec.key)
_numbers = st.integers(0, 40)
_batches = st.lists(_numbers, min_size=1, max_size=6)
_picks = st.integers(0, 4)
_app_ids = st.sampled_from(["foo", "foo", "bar", "baz"])


class QueueMachine(RuleBasedStateMachine):
    @initialize(
        mode=st.sampled_from([QueueMode.PRIORITY, QueueMode.FANOUT]),
        specs=st.lists(_spec_lists, min_size=1, max_size=3),
    )
    def begin(self, mode: QueueMode, specs: list[list[SubscriptionSpec]]) -> None:
        self.now = Instant(0)
        self.second = 1_000
        self.queue = Queue(
            URI,
            mode,
            Usage(*_LIMITS),
            Usage(*_DOMAIN),
            SETTINGS._replace(
                deduplication_ns=_DEDUPLICATION, ttl_s=_TTL_S, attempts_max=_ATTEMPTS
            ),
            properties,
            is_pageable=False,
        )
        self.real: dict[int, Stream] = {}
        self.stored: dict[int, Post] = {}
        self.order: list[Post] = []
        self.places = count()
        self.history: dict[int, int] = {}  # number to the time when it is forgotten
        self.apps: dict[str, Application] = {}
        self.paused: set[int] = set()
        self.attached = 0
        if mode is QueueMode.PRIORITY:
            self.apps[DEFAULT_APP_ID] = Application(is_registered=True)
        else:
            self.register("foo", "")
            self.register("bar", "x < 20")
        for subscriptions in specs:
            self.attach(subscriptions, "foo")

    @property
    def is_fanout(self) -> bool:
        return self.queue.mode is QueueMode.FANOUT

    def registered(self) -> list[Application]:
        return [app for app in self.apps.values() if app.is_registered]

    # The operator.

    @rule(
        action=st.sampled_from(["register", "unregister", "purge", "purge all", "expire", "wait"]),
        app_id=_app_ids,
        wants=st.sampled_from([*_WANTS]),
    )
    def operate(self, action: str, app_id: str, wants: str) -> None:
        if action == "register" and self.is_fanout:
            self.register(app_id, wants)
        elif action == "unregister" and self.is_fanout:
            self.unregister(app_id)
        elif action == "purge":
            self.purge(app_id if self.is_fanout else DEFAULT_APP_ID)
        elif action == "purge all":
            self.purge(None)
        elif action == "expire":
            self.wait(20)
            self.expire()
        else:
            self.wait(5)

    def register(self, app_id: str, wants: str) -> None:
        app = self.apps.setdefault(app_id, Application())
        predicate = compile_expression(wants) if wants else None
        app.wants = wants
        if app.is_registered:
            self.queue.set_filter(app_id, predicate)
        else:
            self.queue.register_app(app_id, len(app_id), predicate)
            app.is_registered = True
            app.is_stale = True

    def unregister(self, app_id: str) -> None:
        app = self.apps.get(app_id)
        if app is None or not app.is_registered:
            return
        released = self.queue.unregister_app(app_id, self.now)
        pending = app.pending()
        assert (released.messages, released.bytes) == (
            len(pending),
            sum(post.size for post in pending),
        )
        self._purge(app)
        app.is_registered = False
        self._remove([number(entry[0]) for entry in released.removed], pending)
        if not app.streams:
            del self.apps[app_id]

    def purge(self, app_id: str | None) -> None:
        if app_id is not None and app_id not in self.apps:
            return
        purged = self.queue.purge(app_id, self.now)
        apps = self.registered() if app_id is None else [self.apps[app_id]]
        gone = self.order[:] if app_id is None else apps[0].pending()
        assert (purged.messages, purged.bytes) == (len(gone), sum(post.size for post in gone))
        for app in apps:
            self._purge(app)
        self._remove([number(entry[0]) for entry in purged.removed], gone)

    def _purge(self, app: Application) -> None:
        for place in (app.fresh, app.aside, app.back, app.given):
            place.clear()
        app.attempts.clear()

    def _remove(self, removed: list[int], released: list[Post]) -> None:
        """Check that those of the released that nobody needs were removed, and no others."""
        needed = [post for app in self.registered() for post in app.pending()]
        gone = [post for post in released if post not in needed]
        assert sorted(removed) == sorted(post.n for post in gone)
        for post in gone:
            assert self.stored.pop(post.n) is post
            self.order.remove(post)
            self.history[post.n] = self.now + _DEDUPLICATION

    def wait(self, count: int) -> None:
        self.now = Instant(self.now + count * SECOND)
        self.second += count
        self.queue.expire_history(self.now)
        self.history = {n: end for n, end in self.history.items() if end > self.now}

    def expire(self) -> None:
        old = [post for post in self.order if self.second - post.second > _TTL_S]
        expired = self.queue.expire(self.second * SECOND, self.now)
        assert (expired.count, expired.has_more) == (len(old), False)
        assert expired.newest_arrival_ns == (old[-1].second * SECOND if old else 0)
        for app in self.registered():
            for post in old:
                app.drop(post)
        self._remove([number(entry[0]) for entry in expired.removed], old)

    # Producers.

    @rule(numbers=_batches, size=st.integers(1, 4))
    def post_and_deliver(self, numbers: list[int], size: int) -> None:
        self.post(numbers, size)
        self.deliver(1_000_000)

    @rule(numbers=_batches, size=st.integers(1, 4))
    def post(self, numbers: list[int], size: int) -> None:
        first = self.queue.next_ordinal
        batch = [message(n, first + i, size) for i, n in enumerate(numbers)]
        outcome = self.queue.post(batch, self.second * SECOND, self.now)
        stored, refused, swallowed = [], [], 0
        for n in numbers:
            wanting = [app for app in self.registered() if _WANTS[app.wants](n)]
            refusal = self._refusal(n)
            if not wanting:
                swallowed += 1
            elif refusal:
                refused.append((n, refusal))
            else:
                stored.append(n)
                post = self.stored[n] = Post(n, size, self.second, next(self.places))
                self.order.append(post)
                for app in wanting:
                    app.fresh.append(post)
        assert [number(m) for m in outcome.stored] == stored
        assert [(number(g), r.name) for g, r in outcome.refused] == refused
        assert outcome.swallowed == swallowed

    def _refusal(self, n: int) -> str | None:
        if n in self.stored or n in self.history:
            return "DUPLICATE"
        count, size = len(self.stored), sum(post.size for post in self.stored.values())
        for messages_max, bytes_max in (_LIMITS, _DOMAIN):
            if count > messages_max:
                return "LIMIT_MESSAGES"
            if size > bytes_max:
                return "LIMIT_BYTES"
        return None

    # Consumers.

    @precondition(lambda self: len(self.real) < 5)
    @rule(specs=_spec_lists, app_id=_app_ids)
    def attach(self, specs: list[SubscriptionSpec], app_id: str) -> None:
        self.attached += 1
        index = self.attached
        if not self.is_fanout:
            app_id = DEFAULT_APP_ID
        app = self.apps.setdefault(app_id, Application())
        stream = self.real[index] = Stream(index, 0, 0)
        assert self.queue.attach(stream, app_id).is_registered is app.is_registered
        app.streams[index] = []
        self._configure(index, specs)

    def app_of(self, index: int) -> Application:
        (app,) = [app for app in self.apps.values() if index in app.streams]
        return app

    def pick(self, pick: int) -> int:
        return [*self.real][pick % len(self.real)]

    @precondition(lambda self: self.real)
    @rule(pick=_picks, specs=_spec_lists)
    def configure(self, pick: int, specs: list[SubscriptionSpec]) -> None:
        self._configure(self.pick(pick), specs)
        self.deliver(1_000_000)

    def _configure(self, index: int, specs: list[SubscriptionSpec]) -> None:
        stream = self.real[index]
        stream.configure(tuple(specs))
        self.queue.refresh(self.queue.streams[stream].app_id)
        app = self.app_of(index)
        app.is_stale = True
        before = {reader.spec.key: reader for reader in app.streams[index]}
        after = []
        for spec in specs:
            reader = before.pop(spec.key, None) or Reader(index, spec)
            reader.configure(spec)
            after.append(reader)
        for retired in before.values():
            if after and retired.held:
                after[0].adopt(retired.held)
            elif retired.held:
                retired.configure(retired.spec._replace(messages_max=0, bytes_max=0))
                after.append(retired)
        app.streams[index] = after

    @precondition(lambda self: self.real)
    @rule(pick=_picks, is_lost=st.booleans())
    def go(self, pick: int, *, is_lost: bool) -> None:
        index = self.pick(pick)
        app = self.app_of(index)
        posts = [post for reader in app.streams.pop(index) for post in reader.held.values()]
        app.is_stale = True
        self.paused.discard(index)
        leave = self.queue.lose if is_lost else self.queue.detach
        self._taken_back(app, posts, leave(self.real.pop(index), self.now), is_lost=is_lost)
        self.apps = {i: a for i, a in self.apps.items() if a.is_registered or a.streams}

    @precondition(lambda self: self.real)
    @rule(pick=_picks, count=st.integers(1, 4))
    def reject(self, pick: int, count: int) -> None:
        index = self.pick(pick)
        numbers = [n for reader in self.app_of(index).streams[index] for n in reader.held][:count]
        app = self.app_of(index)
        posts = self._let_go(app, index, numbers)
        detached = self.queue.reject(self.real[index], [guid(n) for n in numbers], self.now)
        self._taken_back(app, posts, detached, is_lost=True)

    def _taken_back(self, app: Application, posts: list[Post], detached, *, is_lost: bool) -> None:
        dropped: list[Post] = []
        live = [post for post in dict.fromkeys(posts) if post in app.given]
        for post in live:
            app.given.remove(post)
            if is_lost:
                app.attempts[post] = app.attempts.get(post, _ATTEMPTS) - 1
            if is_lost and not app.attempts[post]:
                del app.attempts[post]
                dropped.append(post)
            else:
                app.back.append(post)
        assert detached.returned == len(live) - len(dropped)
        assert sorted(number(g) for _, g in detached.dropped) == sorted(p.n for p in dropped)
        self._remove([number(entry[0]) for entry in detached.removed], dropped)

    @precondition(lambda self: self.real)
    @rule(pick=_picks)
    def pause(self, pick: int) -> None:
        index = self.pick(pick)
        is_paused = index not in self.paused
        self.real[index].is_paused = is_paused
        (self.paused.add if is_paused else self.paused.discard)(index)

    def _let_go(self, app: Application, index: int, numbers: list[int]) -> list[Post]:
        """Take messages from the readers of a stream, as it holds them."""
        found: list[Post] = []
        rest = numbers
        for reader in app.streams[index]:
            strays = []
            for n in rest:
                post = reader.held.pop(n, None)
                if post is None:
                    strays.append(n)
                else:
                    found.append(post)
            reader.look()
            rest = strays
        return found

    @precondition(lambda self: self.real)
    @rule(pick=_picks, numbers=_batches)
    def confirm_anything(self, pick: int, numbers: list[int]) -> None:
        self._confirm(self.pick(pick), numbers)

    def _confirm(self, index: int, numbers: list[int]) -> None:
        app = self.app_of(index)
        confirmed = self.queue.confirm(self.real[index], [guid(n) for n in numbers], self.now)
        self._let_go(app, index, numbers)
        done = [self.stored[n] for n in dict.fromkeys(numbers) if n in self.stored]
        done = [post for post in done if app.drop(post)]
        for reader in app.readers():
            for post in done:
                if reader.held.get(post.n) is post:
                    del reader.held[post.n]
                    reader.look()
        assert len(confirmed.ordinals) == len(set(confirmed.ordinals)) == len(done)
        self._remove([number(entry[0]) for entry in confirmed.removed], done)

    @precondition(lambda self: self.real)
    @rule(pick=_picks, count=st.integers(1, 8), is_newest_first=st.booleans())
    def confirm_and_deliver(self, pick: int, count: int, *, is_newest_first: bool) -> None:
        index = self.pick(pick)
        numbers = [n for reader in self.app_of(index).streams[index] for n in reader.held]
        self._confirm(index, numbers[-count:] if is_newest_first else numbers[:count])
        self.deliver(1_000_000)

    # Deliveries.

    @rule(bytes_max=st.sampled_from([1, 200, 1_000_000]))
    def deliver(self, bytes_max: int) -> None:
        got: dict[tuple[int, str], list[tuple[int, int]]] = {}
        while True:
            for delivery in self.queue.deliver(self.now, DeliveryBudget(bytes_max)):
                assert delivery.messages, "an empty delivery"
                subscription = delivery.subscription
                key = subscription.stream.connection, subscription.spec.key
                given = got.setdefault(key, [])
                given += [(number(m), m[1]) for m in delivery.messages]
            if not self.queue.has_more:
                break
        expected: dict[tuple[int, str], list[tuple[int, int]]] = {}
        for app in self.registered():
            for reader, post, flags in self._hand_out(app):
                key = reader.stream, reader.spec.key
                expected.setdefault(key, []).append((post.n, flags))
        assert got == expected

    def _hand_out(self, app: Application) -> Iterator[tuple[Reader, Post, int]]:
        """Do what the rules say, message by message, and look at all of them every time."""
        if app.is_stale:
            app.rebuild()
        for place, flags in ((app.back, OUT_OF_ORDER), (app.aside, OUT_OF_ORDER), (app.fresh, 0)):
            for post in sorted(place, key=self.order.index):
                if not any(self._is_open(group) for group in app.groups):
                    return
                reader = self._choose(app, post)
                place.remove(post)
                if reader is None:
                    app.aside.append(post)
                else:
                    app.given.append(post)
                    reader.held[post.n] = post
                    reader.look()
                    yield reader, post, flags

    def _is_open(self, group: Group) -> bool:
        return any(self._has_room(reader) for reader in group.readers)

    def _has_room(self, reader: Reader) -> bool:
        return not reader.is_full and reader.stream not in self.paused

    def _choose(self, app: Application, post: Post) -> Reader | None:
        """Return who gets a message by the rules of routing."""
        waits_at: int | None = None
        for group in app.groups:
            priority = group.readers[0].spec.priority
            if waits_at is not None and priority < waits_at:
                return None
            if not _WANTS[group.wants](post.n):
                continue
            if not self._is_open(group):
                waits_at = priority
                continue
            while not self._has_room(group.readers[group.turn]):
                group.pass_turn()
            reader = group.readers[group.turn]
            group.left -= 1
            size = sum(p.size for p in {**reader.held, post.n: post}.values())
            will_be_full = (
                len({**reader.held, post.n: post}) >= reader.spec.messages_max
                or size >= reader.spec.bytes_max
            )
            if group.left <= 0 or will_be_full or len(group.readers) == 1:
                group.pass_turn()
            return reader
        return None

    # Always.

    @invariant()
    def counts_agree(self) -> None:
        size = sum(post.size for post in self.stored.values())
        statistics = self.queue.statistics()
        assert statistics[:2] == (len(self.stored), size)
        domain = self.queue.domain_usage
        assert (domain.messages, domain.bytes) == (len(self.stored), size)
        for counted in statistics.apps:
            app = self.apps[counted.app_id]
            pending = app.pending()
            assert (counted.messages, counted.bytes, counted.consumers) == (
                len(pending),
                sum(post.size for post in pending),
                len(app.streams),
            )
        assert [app.app_id for app in statistics.apps if self.apps[app.app_id].is_registered] == [
            app.app_id for app in statistics.apps if self.queue.apps[app.app_id].is_registered
        ]

    @invariant()
    def lists_agree(self) -> None:
        assert self._listed(None) == [post.n for post in self.order]
        for app_id, app in self.apps.items():
            assert self._listed(app_id) == [
                post.n for post in sorted(app.pending(), key=self.order.index)
            ]

    def _listed(self, app_id: str | None) -> list[int]:
        return [number(entry[0]) for entry in self.queue.list_messages(app_id, 0, 0)[2]]

    @invariant()
    def places_agree(self) -> None:
        for app_id, app in self.apps.items():
            real = self.queue.apps[app_id]
            assert len(real.redelivery) == len(app.back)
            assert len(real.put_aside) == len(app.aside)
            assert len(real.attempts) == len(app.attempts)

    @invariant()
    def readers_agree(self) -> None:
        for app in self.apps.values():
            for index, readers in app.streams.items():
                real = self.real[index]
                assert sorted(held(real)) == sorted(n for r in readers for n in r.held)
                assert [s.is_full for s in real.subscriptions] == [r.is_full for r in readers]
                assert [s.unconfirmed_bytes for s in real.subscriptions] == [
                    sum(post.size for post in r.held.values()) for r in readers
                ]


class LongQueueMachine(QueueMachine):
    """The same, for longer."""


QueueMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=40, deadline=None, print_blob=True
)
LongQueueMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, print_blob=True
)
TestQueue = QueueMachine.TestCase
TestQueueForLong = pytest.mark.slow(LongQueueMachine.TestCase)
