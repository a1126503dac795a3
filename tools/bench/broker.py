"""The broker as a process: 1Q, 1P, 1C at 1 KB, through sockets on the loopback interface.

For every message the producer posts it and gets its acknowledgement, the consumer gets it and
confirms it. The producer keeps a fixed number of messages under way, so latencies are those of a
loaded broker. CPU time is that of the broker's whole process, user and system, from the kernel;
the client's is that of this process, which is producer and consumer together.
"""

from __future__ import annotations

import asyncio
import os
import resource
import struct
import time
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

from reference_broker.client import Ack, Client
from suites.harness.target import Target

SIZE: Final = 1024
_STAMP: Final = struct.Struct(">q")
_UNDER_WAY: Final = 1000  # messages posted and not yet received, at most
_DRAIN_SECONDS_MAX: Final = 30.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Throughput(NamedTuple):
    """A result.

    Attributes:
        domain: where the queue is.
        batch: messages per event.
        rate: messages a second.
        p50_ms: median of post to receive, milliseconds.
        p99_ms: 99th percentile of the same.
        broker_us: broker's CPU time per message, microseconds.
        client_us: CPU time of producer and consumer together per message, microseconds.
        broker_rss_mb: peak memory of the broker, MiB.
    """

    domain: str
    batch: int
    rate: float
    p50_ms: float
    p99_ms: float
    broker_us: float
    client_us: float
    broker_rss_mb: float


async def throughput(target: Target, domain: str, batch: int, seconds: float) -> Throughput:
    """Load a running target for some seconds and measure."""
    uri = f"bmq://{domain}/bench-{batch}"
    async with Client(target.address) as producer_client, Client(target.address) as consumer_client:
        reader = await consumer_client.open(uri, read=True)
        writer = await producer_client.open(uri, write=True)
        latencies: list[int] = []
        total = 0
        rest = b"x" * (SIZE - _STAMP.size)

        has_room = asyncio.Event()

        async def consume() -> None:
            while True:
                messages = await reader.get_many()
                reader.confirm(*messages)
                now = time.monotonic_ns()
                latencies.extend([now - _STAMP.unpack_from(m.payload)[0] for m in messages])
                has_room.set()

        consumer = asyncio.create_task(consume())
        pid = target.pid
        assert pid is not None, "the bench starts its own broker"
        broker_before, client_before = _cpu_seconds(pid), _own_cpu_seconds()
        started = time.monotonic()
        under_way: deque[asyncio.Future[list[Ack]]] = deque()
        while time.monotonic() - started < seconds:
            payload = _STAMP.pack(time.monotonic_ns()) + rest
            under_way.append(writer.post_nowait([payload] * batch))
            total += batch
            while total - len(latencies) >= _UNDER_WAY:
                has_room.clear()
                await has_room.wait()
            while under_way and under_way[0].done():
                await under_way.popleft()
        await asyncio.gather(*under_way)
        async with asyncio.timeout(_DRAIN_SECONDS_MAX):
            while len(latencies) < total:
                has_room.clear()
                await has_room.wait()
        consumer.cancel()
        elapsed = time.monotonic() - started
        broker_us = (_cpu_seconds(pid) - broker_before) / total * 1e6
        client_us = (_own_cpu_seconds() - client_before) / total * 1e6
    latencies.sort()
    return Throughput(
        domain=domain,
        batch=batch,
        rate=total / elapsed,
        p50_ms=latencies[len(latencies) // 2] / 1e6,
        p99_ms=latencies[len(latencies) * 99 // 100] / 1e6,
        broker_us=broker_us,
        client_us=client_us,
        broker_rss_mb=_peak_memory_mb(pid),
    )


def _cpu_seconds(pid: int) -> float:
    """Return user and system time of a process, all its threads, ended ones too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _own_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
