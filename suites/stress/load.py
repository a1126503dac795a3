"""One run of a load: what its users share.

The life of a run::

    running ──drain──> draining ──settled, quiet, or out of time──> over

Producers post while it is running and only wait for acknowledgements while it is draining;
consumers read until the end. Users call this from greenlets of one thread.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from reference_broker.base import WireError
from reference_broker.client import Ack, Message
from suites.stress.delivery import DeliveryChecker, DeliverySummary
from suites.stress.latency import Kind, Latencies, Percentiles, Point
from suites.stress.payload import Oddity, PayloadFormat, Stamp
from suites.stress.settings import LoadSettings

#: How long producers wait for the first consumer, so that the first latencies are not those of an
#: absent reader.
CONSUMER_SECONDS_MAX: Final = 5.0
#: How long consumers go on when all is settled: a duplicate may still be under way.
QUIET_SECONDS: Final = 0.25
FAILURES_MAX: Final = 20


class Delivered(NamedTuple):
    """Neighbouring messages of one batch that a consumer got together.

    Attributes:
        latency_ns: end to end, the same for all of them.
        messages: how many.
    """

    latency_ns: int
    messages: int


class Outcome(NamedTuple):
    """What a run has found.

    Attributes:
        settings: of the load.
        delivery: what became of the messages.
        latencies: of each kind, the histogram in a row.
        points: of each kind, its plot.
        producers: how many there were.
        consumers: how many there were.
        consumers_gone: how many left, or lost their connection, before the end.
        reconnections: connections lost, of all users.
        unsent: messages that were due and had not been sent at the end of the load.
        failures: why users stopped.
        load_s: how long the load went on, without the drain.
        cpu_s: CPU time of this process over that time.
    """

    settings: LoadSettings
    delivery: DeliverySummary
    latencies: dict[Kind, Percentiles]
    points: dict[Kind, tuple[Point, ...]]
    producers: int
    consumers: int
    consumers_gone: int
    reconnections: int
    unsent: int
    failures: tuple[str, ...]
    load_s: float
    cpu_s: float


class Load:
    """The shared part of a run.

    Args:
        settings: of the load.
        clock_ns: a monotonic clock, in nanoseconds.
    """

    def __init__(
        self, settings: LoadSettings, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.settings = settings
        self._clock_ns = clock_ns
        self.payloads = PayloadFormat(secrets.randbits(64), settings.message_bytes, settings.seed)
        self._start_ns = clock_ns()
        self._start_cpu_s = time.process_time()
        self._end_ns: int | None = None
        self._cpu_s = 0.0
        self._latencies = Latencies(self._start_ns)
        self._delivery = DeliveryChecker()
        self._has_consumer = threading.Event()
        self._settled = threading.Event()
        self._producer_count = 0
        self._consumer_count = 0
        self._consumers_gone = 0
        self._reconnections = 0
        self._unsent = 0
        self._failures: list[str] = []

    # Users come and go.

    def add_producer(self) -> int:
        """Return the number of a new producer."""
        self._producer_count += 1
        return self._producer_count

    def add_consumer(self) -> int:
        """Return the number of a new consumer, which is ready to read."""
        self._consumer_count += 1
        self._has_consumer.set()
        return self._consumer_count

    def wait_consumer(self) -> None:
        """Wait until there is a consumer, for at most `CONSUMER_SECONDS_MAX`."""
        self._has_consumer.wait(CONSUMER_SECONDS_MAX)

    def remove_consumer(self) -> None:
        """Note that a consumer goes: what it had is delivered again."""
        self._consumers_gone += not self.is_draining

    def note_reconnections(self, number: int, *, is_consumer: bool) -> None:
        """Note how often a user has lost its connection."""
        self._reconnections += number
        self._consumers_gone += number * is_consumer

    def fail(self, reason: str) -> None:
        """Note why a user cannot go on."""
        if len(self._failures) < FAILURES_MAX:
            self._failures.append(reason)

    # Messages come and go.

    def posted(self, producer: int, intended_ns: int, sent_ns: int) -> tuple[int, list[bytes]]:
        """Note that a batch is sent; returns its first sequence number and its payloads."""
        batch = self.settings.batch
        first = self._delivery.posted(producer, batch)
        self._latencies.record(Kind.SLIP, sent_ns - intended_ns, batch, sent_ns)
        return first, self.payloads.write(producer, first, batch, intended_ns, sent_ns)

    def unsent(self, intended_ns: int) -> None:
        """Note that a batch was due before the end of the load and will not be sent."""
        assert self._end_ns is not None, "the load is not over"
        batch = self.settings.batch
        self._unsent += batch
        self._latencies.record(Kind.SLIP, self._end_ns - intended_ns, batch, self._end_ns)

    def answered(
        self, producer: int, first: int, acks: Sequence[Ack], intended_ns: int, now_ns: int
    ) -> None:
        """Note the answers to a batch."""
        stored = 0
        for sequence, ack in enumerate(acks, first):
            if ack.is_success:
                stored += 1
                self._delivery.acknowledged(producer, sequence)
            else:
                self._delivery.refused(producer, sequence, ack.status.name)
        if stored:
            self._latencies.record(Kind.ACK, now_ns - intended_ns, stored, now_ns)
        self._look()

    def received(self, consumer: int, messages: Sequence[Message], now_ns: int) -> list[Delivered]:
        """Note what a consumer got; returns what was new, in parts of equal latency."""
        groups: list[Delivered] = []
        intended_ns, number = -1, 0
        for message in messages:
            stamp = self._read(message)
            if stamp is None or not self._delivery.delivered(
                consumer, stamp.producer, stamp.sequence, is_redelivered=message.is_redelivered
            ):
                continue
            if stamp.intended_ns != intended_ns:
                if number:
                    groups.append(Delivered(now_ns - intended_ns, number))
                intended_ns, number = stamp.intended_ns, 0
            number += 1
        if number:
            groups.append(Delivered(now_ns - intended_ns, number))
        for latency_ns, together in groups:
            self._latencies.record(Kind.END_TO_END, latency_ns, together, now_ns)
        self._look()
        return groups

    def _read(self, message: Message) -> Stamp | None:
        """Return a message's stamp; None, and it is noted, if it has none for us."""
        try:
            stamp = self.payloads.read(message.payload)
        except WireError:
            stamp = Oddity.DAMAGED
        if stamp is Oddity.FOREIGN:
            self._delivery.foreign()
        elif stamp is Oddity.DAMAGED:
            self._delivery.damaged()
        else:
            return stamp
        return None

    # The end.

    @property
    def is_draining(self) -> bool:
        """Whether producers must not post any more."""
        return self._end_ns is not None

    @property
    def end_ns(self) -> int:
        """When the load ended; only while draining."""
        assert self._end_ns is not None, "the load is not over"
        return self._end_ns

    def drain(self) -> None:
        """End the load, and wait until all is settled, for at most `drain_seconds`.

        A second call waits for the same.
        """
        if self._end_ns is None:
            self._end_ns = self._clock_ns()
            self._cpu_s = time.process_time() - self._start_cpu_s
            self._latencies.close_timelines(self._end_ns)
        self._look()
        if self._failures or not (self._producer_count and self._consumer_count):
            return  # nothing will be said of what has not come
        if self._settled.wait(self.settings.drain_seconds):
            time.sleep(QUIET_SECONDS)

    def _look(self) -> None:
        if self.is_draining and self._delivery.is_settled:
            self._settled.set()

    def outcome(self) -> Outcome:
        """Return what was found; after `drain`."""
        return Outcome(
            settings=self.settings,
            delivery=self._delivery.summary(),
            latencies={kind: self._latencies.percentiles(kind) for kind in Kind},
            points={kind: self._latencies.points(kind) for kind in Kind},
            producers=self._producer_count,
            consumers=self._consumer_count,
            consumers_gone=self._consumers_gone,
            reconnections=self._reconnections,
            unsent=self._unsent,
            failures=tuple(self._failures),
            load_s=(self.end_ns - self._start_ns) / 1e9,
            cpu_s=self._cpu_s,
        )
