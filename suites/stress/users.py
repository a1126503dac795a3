"""Locust users that put load on a BlazingMQ-compatible broker.

What is measured, and where it goes:

| what         | from                | to                   | histogram      | Locust event           |
|--------------|---------------------|----------------------|----------------|------------------------|
| `ack`        | the intended send   | the acknowledgement  | every message  | one for a batch        |
| `end-to-end` | the intended send   | the consumer has it  | every message  | one for a part         |
| `slip`       | the intended send   | the send             | every message  | none                   |

A part is what a consumer gets of a batch in one read. The events have the type `BMQ` and carry the
latency, which all their messages share: a batch has one intended time, and a read one arrival. So
Locust's page counts batches and parts, and the histograms count messages.

An acknowledgement is taken when all of its batch have come: the earlier ones of a batch that is
acknowledged in pieces count as late as the last.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from contextlib import ExitStack
from typing import Final, NamedTuple

from locust import User, constant, task
from locust.env import Environment
from locust.exception import StopUser

from reference_broker.base import BrokerError
from reference_broker.client import (
    Ack,
    BlockingClient,
    BlockingQueue,
    ClientSettings,
    PostRefusedError,
    TimedOutError,
)
from suites.stress.attach import find_load
from suites.stress.latency import Kind
from suites.stress.load import Load
from suites.stress.schedule import NANOSECONDS, Schedule
from suites.stress.settings import DEFAULT_ADDRESS

#: Longest time that a user waits for bytes before it looks at what else there is.
TURN_SECONDS_MAX: Final = 0.1
#: Batches that a producer that is behind sends before it looks for acknowledgements.
BATCHES_PER_TURN_MAX: Final = 64
#: What a producer lets wait for acknowledgement; beyond it the schedule slips.
UNANSWERED_BYTES_MAX: Final = 64 * 1024 * 1024
#: How long a producer that leaves while others stay waits for its acknowledgements.
ANSWER_SECONDS_MAX: Final = 5.0
_SETTINGS: Final = ClientSettings(connect_timeout_s=10.0, request_timeout_s=5.0)
_log: Final = logging.getLogger(__name__)


class BlazingMQUser(User):
    """A user with a session of its own.

    `host` is the broker's address, `tcp://HOST:PORT`, from Locust's `--host`. A subclass opens its
    queues in `begin` and does its work in short turns, between which it can be stopped.

    Attributes:
        load: the run that the user belongs to; set before `begin`.
        session: the user's client; set before `begin`.
    """

    abstract = True
    host = DEFAULT_ADDRESS
    wait_time = constant(0)
    load: Load
    session: BlockingClient

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._open = ExitStack()
        self._is_ready = False

    def begin(self) -> None:
        """Open what the user needs."""
        raise NotImplementedError

    def work(self) -> None:
        """Do one turn's work, in little more than `TURN_SECONDS_MAX`."""
        raise NotImplementedError

    def end(self) -> None:
        """Settle what can be settled before the session ends; `begin` has succeeded."""

    def on_start(self) -> None:
        """Connect and get ready; a user that cannot says so and goes."""
        load = find_load(self.environment)
        if load is None:
            return
        self.load = load
        try:
            client = BlockingClient(load.settings.address, _SETTINGS)
            self.session = self._open.enter_context(client)
            self.begin()
        except BrokerError as error:
            self._give_up(error)
        else:
            self._open.callback(self.end)
            self._is_ready = True

    def on_stop(self) -> None:
        """Settle, and say goodbye."""
        self._open.close()

    @task
    def turn(self) -> None:
        """Do one turn's work; a user that is not ready, or whose work fails, stops."""
        if not self._is_ready:
            raise StopUser
        try:
            self.work()
        except Exception as error:  # whatever it is, a load with it is not the one asked for
            self._give_up(error)
            raise StopUser from error

    def _give_up(self, error: Exception) -> None:
        """Note why the user cannot go on."""
        trace = None if isinstance(error, BrokerError) else error
        _log.error("%s stops: %s", type(self).__name__, error, exc_info=trace)
        self.environment.events.user_error.fire(
            user_instance=self, exception=error, tb=error.__traceback__
        )

    def report(
        self, kind: Kind, latency_ns: int, length: int, error: Exception | None = None
    ) -> None:
        """Fire Locust's event for messages that have the same latency.

        Args:
            kind: what was measured.
            latency_ns: nanoseconds.
            length: bytes of all the payloads.
            error: why it failed.
        """
        self.environment.events.request.fire(
            request_type="BMQ",
            name=str(kind),
            response_time=latency_ns / 1e6,
            response_length=length,
            exception=error,
            context={},
        )


class _Batch(NamedTuple):
    first: int
    intended_ns: int
    guids: list[bytes]


class ProducerUser(BlazingMQUser):
    """Posts batches when the schedule says so, whatever the broker does meanwhile."""

    def begin(self) -> None:
        """Open the queue and begin the schedule."""
        settings = self.load.settings
        self._queue: BlockingQueue = self.session.open(settings.queue_uri, write=True)
        self.load.wait_consumer()
        self._number = self.load.add_producer()
        self._batches: deque[_Batch] = deque()
        self._unanswered = 0
        self._unanswered_max = UNANSWERED_BYTES_MAX // settings.message_bytes - settings.batch
        self._schedule = Schedule(time.monotonic_ns(), settings.rate, settings.batch)

    def work(self) -> None:
        """Send what is due, and take acknowledgements until more is due."""
        for _ in range(BATCHES_PER_TURN_MAX):
            if not self._may_post:
                break
            intended_ns = self._schedule.take(time.monotonic_ns())
            if intended_ns is None:
                break
            self._post(intended_ns)
        if self.load.is_draining:
            self._leave_overdue()
        wait_s = TURN_SECONDS_MAX
        if self._may_post:
            wait_s = (self._schedule.next_ns - time.monotonic_ns()) / NANOSECONDS
        self.session.pump(min(max(wait_s, 0.0), TURN_SECONDS_MAX))
        self._take_acks()

    @property
    def _may_post(self) -> bool:
        return not self.load.is_draining and self._unanswered <= self._unanswered_max

    def _post(self, intended_ns: int) -> None:
        first, payloads = self.load.posted(self._number, intended_ns, time.monotonic_ns())
        guids = self._queue.post_nowait(payloads)
        self._batches.append(_Batch(first, intended_ns, guids))
        self._unanswered += len(guids)

    def _leave_overdue(self) -> None:
        """Count what was due and will not be sent."""
        while (intended_ns := self._schedule.take(self.load.end_ns)) is not None:
            self.load.unsent(intended_ns)

    def _take_acks(self) -> None:
        """Take the batches of which all messages are answered."""
        now_ns = time.monotonic_ns()
        here = self._unanswered - self.session.unacknowledged
        incomplete: list[_Batch] = []
        while self._batches and here >= len(self._batches[0].guids):
            batch = self._batches.popleft()
            try:
                acks = self.session.wait_acks(batch.guids, 0.0)
            except TimedOutError:
                incomplete.append(batch)  # a later one was answered first
                continue
            here -= len(acks)
            self._unanswered -= len(acks)
            self._report_acks(batch, acks, now_ns)
        self._batches.extendleft(reversed(incomplete))

    def _report_acks(self, batch: _Batch, acks: list[Ack], now_ns: int) -> None:
        self.load.answered(self._number, batch.first, acks, batch.intended_ns, now_ns)
        refused = [ack for ack in acks if not ack.is_success]
        error = PostRefusedError(refused, len(acks)) if refused else None
        length = len(acks) * self.load.settings.message_bytes
        self.report(Kind.ACK, now_ns - batch.intended_ns, length, error)

    def end(self) -> None:
        """Wait for what is not answered, if the load goes on without the user."""
        patience_s = 0.0 if self.load.is_draining else ANSWER_SECONDS_MAX
        give_up = time.monotonic() + patience_s
        while self._batches and time.monotonic() < give_up:
            self.session.pump(TURN_SECONDS_MAX)
            self._take_acks()
        if self.load.is_draining:
            self._leave_overdue()
        self.load.note_reconnections(self.session.reconnections, is_consumer=False)


class ConsumerUser(BlazingMQUser):
    """Reads and confirms."""

    def begin(self) -> None:
        """Open the queue."""
        self._queue: BlockingQueue = self.session.open(self.load.settings.queue_uri, read=True)
        self._number = self.load.add_consumer()

    def work(self) -> None:
        """Take what is there, or wait a little for it."""
        try:
            messages = self._queue.get_many(TURN_SECONDS_MAX)
        except TimedOutError:
            return
        now_ns = time.monotonic_ns()
        self._queue.confirm(*messages)
        for latency_ns, number in self.load.received(self._number, messages, now_ns):
            self.report(Kind.END_TO_END, latency_ns, number * self.load.settings.message_bytes)

    def end(self) -> None:
        """Note that the broker may have to deliver something again."""
        self.load.remove_consumer()
        self.load.note_reconnections(self.session.reconnections, is_consumer=True)
