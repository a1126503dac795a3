"""The broker as a process, under load through sockets on the loopback interface.

For every message the producer posts it and gets its acknowledgement, and each consumer gets it and
confirms it. Each producer keeps a fixed number of messages under way, so latencies are those of a
loaded broker. CPU time is that of the broker's whole process, user and system, from the kernel;
the client's is that of this process, which is all producers and consumers together.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from reference_broker.client import Ack, AsyncQueue, Client
from suites.harness.target import Target
from tools.bench.process import cpu_seconds, own_cpu_seconds, peak_memory_mb, pid_of
from tools.bench.shapes import Shape

SIZE: Final = 1024
_STAMP: Final = struct.Struct(">q")
_REST: Final = b"x" * (SIZE - _STAMP.size)
_UNDER_WAY: Final = 1000  # messages posted and not yet received by everybody, at most, all together
_DRAIN_SECONDS_MAX: Final = 30.0


class Throughput(NamedTuple):
    """A result.

    Attributes:
        shape: of the load.
        rate: messages posted a second.
        p50_ms: median of post to receive, milliseconds.
        p99_ms: 99th percentile of the same.
        broker_us: broker's CPU time per message posted, microseconds.
        client_us: CPU time of all clients together per message posted, microseconds.
        peak_mb: peak memory of the broker, MiB.
    """

    shape: Shape
    rate: float
    p50_ms: float
    p99_ms: float
    broker_us: float
    client_us: float
    peak_mb: float


class _Lane:
    """One queue with its producer and its consumers."""

    def __init__(self, shape: Shape, writer: AsyncQueue, readers: list[AsyncQueue]) -> None:
        self.posted = 0
        self.latencies: list[int] = []
        self._shape = shape
        self._writer = writer
        self._readers = readers
        self._received = [0] * len(readers)
        self._has_room = asyncio.Event()
        self._under_way_max = max(_UNDER_WAY // shape.queues, shape.batch)

    async def consume(self, index: int) -> None:
        """Receive and confirm what one of the consumers gets, for ever."""
        reader = self._readers[index]
        while True:
            messages = await reader.get_many()
            if self._shape.confirms:
                reader.confirm(*messages)
            now = time.monotonic_ns()
            self.latencies += [now - _STAMP.unpack_from(m.payload)[0] for m in messages]
            self._received[index] += len(messages)
            self._has_room.set()

    async def produce(self, until: float) -> None:
        """Post up to an instant, then wait until everything has arrived."""
        under_way: deque[asyncio.Future[list[Ack]]] = deque()
        batch = self._shape.batch
        while time.monotonic() < until:
            payload = _STAMP.pack(time.monotonic_ns()) + _REST
            under_way.append(self._writer.post_nowait([payload] * batch))
            self.posted += batch
            await self._wait_for_room(self._under_way_max - 1)
            while under_way and under_way[0].done():
                await under_way.popleft()
        async with asyncio.timeout(_DRAIN_SECONDS_MAX):
            await asyncio.gather(*under_way)
            await self._wait_for_room(0)

    async def _wait_for_room(self, under_way_max: int) -> None:
        while self.posted - min(self._received) > under_way_max:
            self._has_room.clear()
            await self._has_room.wait()


async def throughput(target: Target, shape: Shape, seconds: float) -> Throughput:
    """Load a running target for some seconds and measure."""
    pid = pid_of(target)
    async with AsyncExitStack() as stack:
        lanes = [await _lane(stack, target, shape, index) for index in range(shape.queues)]
        consumers = [
            asyncio.create_task(lane.consume(index))
            for lane in lanes
            for index in range(len(shape.readers))
        ]
        broker_before, client_before = cpu_seconds(pid), own_cpu_seconds()
        started = time.monotonic()
        await asyncio.gather(*[lane.produce(started + seconds) for lane in lanes])
        elapsed = time.monotonic() - started
        broker_s, client_s = cpu_seconds(pid) - broker_before, own_cpu_seconds() - client_before
        for consumer in consumers:
            consumer.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)
    total = sum(lane.posted for lane in lanes)
    latencies = sorted(latency for lane in lanes for latency in lane.latencies)
    return Throughput(
        shape=shape,
        rate=total / elapsed,
        p50_ms=latencies[len(latencies) // 2] / 1e6,
        p99_ms=latencies[len(latencies) * 99 // 100] / 1e6,
        broker_us=broker_s / total * 1e6,
        client_us=client_s / total * 1e6,
        peak_mb=peak_memory_mb(pid),
    )


async def _lane(stack: AsyncExitStack, target: Target, shape: Shape, index: int) -> _Lane:
    """Open a queue with its producer and its consumers, a connection each."""
    uri = f"bmq://{shape.domain}/bench-{shape.batch}-{index}"
    readers: list[AsyncQueue] = []
    for app in shape.readers:
        client = await stack.enter_async_context(Client(target.address))
        readers.append(await client.open(f"{uri}?id={app}" if app else uri, read=True))
    client = await stack.enter_async_context(Client(target.address))
    return _Lane(shape, await client.open(uri, write=True), readers)
