"""Load for a queue: producers and consumers that note all that they do.

A payload starts with the name of its message, `PRODUCER:NUMBER:`, so that whoever gets it knows
which one it is; the checker compares the digests of what was posted and what was delivered.
Batches, sizes, compression and pauses are drawn from the seed, for each producer and consumer from
a stream of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from reference_broker.base import WireError, format_guid
from reference_broker.client import (
    Ack,
    AckStatus,
    AsyncQueue,
    Client,
    ClientError,
    ClientSettings,
    Compression,
    Message,
    QueueOptions,
    TimedOutError,
)
from suites.chaos.recorder import Fields, Recorder
from suites.harness.history import EventType, Function

#: Short pauses, so that a run shows the broker's recovery and not the client's patience.
SETTINGS: Final = ClientSettings(
    connect_timeout_s=10.0, request_timeout_s=5.0, retry_interval_s=0.1, process_name="chaos"
)
#: How often an idle consumer looks whether its connection was lost.
_LOOK_SECONDS: Final = 0.05
#: Messages that a consumer keeps back, at most.
_KEPT_MAX: Final = 24
SWEEP_SECONDS_MAX: Final = 10.0
_NAME: Final = re.compile(rb"([a-z]+[0-9]*:[0-9]+):")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How much load.

    Attributes:
        producers: how many, each with a session of its own.
        consumers: the same.
        batch_max: messages posted together, at most.
        payload_bytes_max: size of a payload, at most, but for its name.
        pause_s_max: between two batches of a producer, at most.
        in_flight_max: a producer with so many messages unanswered waits.
        window: messages that a consumer may have unconfirmed.
    """

    producers: int = 2
    consumers: int = 2
    batch_max: int = 16
    payload_bytes_max: int = 2048
    pause_s_max: float = 0.03
    in_flight_max: int = 256
    window: int = 64


def digest(payload: bytes) -> str:
    """Return what stands for a payload in a history."""
    return hashlib.blake2b(payload, digest_size=8).hexdigest()


def make_payload(value: str, body: bytes) -> bytes:
    """Return the payload of the message of that name."""
    return b"%b:%b" % (value.encode(), body)


def read_name(payload: bytes) -> str:
    """Return the name of the message that a payload belongs to; empty if it has none."""
    found = _NAME.match(payload)
    return found[1].decode() if found else ""


class Participant:
    """A producer or a consumer: one session, and one queue open in it.

    Args:
        name: lower-case letters, then digits; the process in the history.
        uri: of the queue.
        options: how much load.
        recorder: where it takes notes.
        seed: of all that it draws.
    """

    def __init__(
        self, name: str, uri: str, options: LoadOptions, recorder: Recorder, seed: str
    ) -> None:
        self.name = name
        self.uri = uri
        self.options = options
        self.recorder = recorder
        self.rng = random.Random(f"{seed}/{name}")
        #: What a client should never do, in words; empty if it has not.
        self.problem = ""
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def client(self) -> Client:
        """Its session, once started."""
        assert self._client is not None, f"{self.name} was not started"
        return self._client

    async def _connect(self, address: str) -> Client:
        self._client = client = Client(address, SETTINGS)
        await client.__aenter__()
        return client

    async def _end_task(self) -> None:
        """End what runs in the background; raises what went wrong in it."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def leave(self) -> None:
        """End its session."""
        await self._end_task()
        if self._client is not None:
            await self._client.__aexit__(None, None, None)


class Producer(Participant):
    """Post numbered messages, in batches, until told to stop."""

    def __init__(
        self, name: str, uri: str, options: LoadOptions, recorder: Recorder, seed: str
    ) -> None:
        super().__init__(name, uri, options, recorder, seed)
        self._queue: AsyncQueue | None = None
        self._next = 0
        self._in_flight = 0
        self._unanswered: deque[tuple[list[str], asyncio.Future[list[Ack]]]] = deque()
        self._posted = asyncio.Event()
        self._room = asyncio.Event()
        self._answers: asyncio.Task[None] | None = None

    async def start(self, address: str) -> None:
        """Connect, open the queue and begin to post.

        Raises:
            ClientError: the broker cannot be reached, or refuses.
        """
        client = await self._connect(address)
        self._queue = await client.open(self.uri, write=True)
        self._answers = asyncio.create_task(self._note_answers())
        self._task = asyncio.create_task(self._produce())

    async def stop(self) -> None:
        """Post no more on its own account; what is under way goes on."""
        await self._end_task()

    async def leave(self) -> None:
        """End its session, and note which answers never came."""
        answers, self._answers = self._answers, None
        if answers is not None:
            answers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answers
        for values, _ in self._unanswered:
            self._note_outcome(values, EventType.INFO)
        self._unanswered.clear()
        await super().leave()

    def post_batch(self) -> None:
        """Post some messages as one event."""
        assert self._queue is not None, f"{self.name} was not started"
        count = self.rng.randint(1, self.options.batch_max)
        values = [f"{self.name}:{number}" for number in range(self._next, self._next + count)]
        self._next += count
        sizes = [self.rng.randint(1, self.options.payload_bytes_max) for _ in values]
        payloads = [
            make_payload(value, self.rng.randbytes(size))
            for value, size in zip(values, sizes, strict=True)
        ]
        for value, payload in zip(values, payloads, strict=True):
            self.recorder.note(
                Function.PUT,
                EventType.INVOKE,
                self.name,
                queue=self.uri,
                value=value,
                digest=digest(payload),
            )
        compression = self.rng.choice([Compression.NONE, Compression.NONE, Compression.ZLIB])
        future = self._queue.post_nowait(payloads, compression=compression)
        self._in_flight += count
        self._unanswered.append((values, future))
        self._posted.set()

    async def _produce(self) -> None:
        while True:
            self.post_batch()
            # This paces the load.
            await asyncio.sleep(self.rng.uniform(0, self.options.pause_s_max))
            while self._in_flight >= self.options.in_flight_max:
                self._room.clear()
                await self._room.wait()

    async def _note_answers(self) -> None:
        """Note what becomes of each batch, in the order of posting."""
        while True:
            while not self._unanswered:
                self._posted.clear()
                await self._posted.wait()
            values, future = self._unanswered[0]
            acks = await future
            self._unanswered.popleft()
            self._note_outcome(values, _outcome(acks))
            self._in_flight -= len(values)
            self._room.set()

    def _note_outcome(self, values: list[str], outcome: EventType) -> None:
        for value in values:
            self.recorder.note(Function.ACK, outcome, self.name, queue=self.uri, value=value)


def _outcome(acks: list[Ack]) -> EventType:
    """Return what a batch's answers say of each of its messages.

    Answers name GUIDs, which only the client knows to belong to which message; so of a batch that
    was stored in part nothing is claimed.
    """
    if all(ack.is_success for ack in acks):
        return EventType.OK
    if any(ack.is_success or ack.status is AckStatus.UNKNOWN for ack in acks):
        return EventType.INFO
    return EventType.FAIL


class Consumer(Participant):
    """Read and confirm, but keep some messages back until later ones come."""

    def __init__(
        self, name: str, uri: str, options: LoadOptions, recorder: Recorder, seed: str
    ) -> None:
        super().__init__(name, uri, options, recorder, seed)
        self._queue: AsyncQueue | None = None
        self._held: list[tuple[str, Message]] = []
        self._losses = 0
        self._is_open = False
        #: Name of the message that came last.
        self.last_value = ""

    async def start(self, address: str, *, write: bool = False) -> AsyncQueue:
        """Connect, open the queue and begin to read.

        Raises:
            ClientError: the broker cannot be reached, or refuses.
        """
        client = await self._connect(address)
        options = QueueOptions(max_unconfirmed_messages=self.options.window)
        self._queue = await client.open(self.uri, read=True, write=write, options=options)
        self._losses = client.reconnections
        self._begin()
        self._task = asyncio.create_task(self._consume())
        return self._queue

    async def leave(self) -> None:
        """Confirm what was read, close the queue and end the session."""
        await self._end_task()
        if self._client is not None and self._queue is not None and not self.problem:
            self._take([])
            self._confirm_held()
            if self._is_open:
                await self._close(self._queue)
        await super().leave()

    async def _close(self, queue: AsyncQueue) -> None:
        self.recorder.note(Function.CLOSE, EventType.INVOKE, self.name, queue=self.uri)
        self._is_open = False
        try:
            await queue.close()
            ends_well = self.client.reconnections == self._losses
        except ClientError:
            ends_well = False
        outcome = EventType.OK if ends_well else EventType.INFO
        self.recorder.note(Function.CLOSE, outcome, self.name, queue=self.uri)

    async def _consume(self) -> None:
        # Nothing else is awaited here: messages are taken in the turn of the loop after they came,
        # and so before the session can be another one.
        assert self._queue is not None, f"{self.name} was not started"
        try:
            while True:
                try:
                    messages = await self._queue.get_many(_LOOK_SECONDS)
                except TimedOutError:
                    messages = []
                self._take(messages)
                # What comes last is kept back for a while, so that a fault always finds some.
                self._confirm_held(keep=self.rng.randint(0, _KEPT_MAX) if messages else 0)
        except ClientError as error:
            self.problem = f"{self.name}: {error}"
            self._end()

    def _take(self, messages: list[Message]) -> None:
        """Note deliveries, and before or after them the end of a stream and the next one."""
        is_lost = self.client.reconnections != self._losses
        if is_lost and self.client.is_connected:
            self._end()  # and there is a new one, which these come from
            is_lost = False
        if not self._is_open and (messages or self.client.is_connected):
            self._begin()
        for message in messages:
            self._note_push(message)
        if is_lost:
            self._end()

    def _note_push(self, message: Message) -> None:
        try:
            payload = message.payload
        except WireError:
            payload = b""
        value = read_name(payload)
        self.recorder.note(
            Function.PUSH,
            EventType.OK,
            self.name,
            queue=self.uri,
            value=value,
            guid=format_guid(message.guid),
            digest=digest(payload),
            is_redelivered=message.is_redelivered,
        )
        self._held.append((value, message))
        self.last_value = value

    def _begin(self) -> None:
        self._is_open = True
        window = self.options.window
        self.recorder.note(Function.OPEN, EventType.OK, self.name, queue=self.uri, window=window)

    def _end(self) -> None:
        self._losses = self.client.reconnections
        if self._is_open:
            self._is_open = False
            self.recorder.note(Function.CLOSE, EventType.INFO, self.name, queue=self.uri)

    def _confirm_held(self, *, keep: int = 0) -> None:
        done = self._held[: len(self._held) - keep]
        if not done:
            return
        assert self._queue is not None, f"{self.name} was not started"
        del self._held[: len(done)]
        for value, _ in done:
            if value:
                self.recorder.note(
                    Function.CONFIRM, EventType.INVOKE, self.name, queue=self.uri, value=value
                )
        self._queue.confirm(*[message for _, message in done])


async def sweep(address: str, uri: str, recorder: Recorder) -> str:
    """Read what is left in a queue, up to a message that is posted for that.

    Nobody else may read the queue. Whatever the broker still has comes first, because a queue is
    served in its order; what has not come by then is lost.

    Returns:
        What went wrong, in words; empty if nothing.
    """
    sweeper = Consumer("sweep", uri, LoadOptions(window=1000), recorder, "")
    value = "sweep:0"
    payload = make_payload(value, b"the end")
    try:
        queue = await sweeper.start(address, write=True)
        fields = Fields(queue=uri, value=value, digest=digest(payload))
        recorder.note(Function.PUT, EventType.INVOKE, sweeper.name, **fields)
        async with asyncio.timeout(SWEEP_SECONDS_MAX):
            await queue.post(payload)
        recorder.note(Function.ACK, EventType.OK, sweeper.name, queue=uri, value=value)
        is_swept = await recorder.wait_until(
            lambda: sweeper.last_value == value,
            stall_s=SWEEP_SECONDS_MAX,
            limit_s=SWEEP_SECONDS_MAX,
        )
    except ClientError as error:
        return f"a new consumer cannot read the queue: {error}"
    except TimeoutError:
        return f"a new producer got no answer within {SWEEP_SECONDS_MAX:g} s"
    finally:
        await sweeper.leave()
    if is_swept:
        return ""
    return f"a new consumer got no {value} within {SWEEP_SECONDS_MAX:g} s"
