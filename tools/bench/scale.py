"""Many connections and many open queues on one node, and how long it makes a heartbeat wait.

The clients connect, open their queues, send and get a message on each, rest, and leave all at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from typing import Final, NamedTuple

from reference_broker.client import AsyncQueue, Client, ClientSettings
from suites.harness.target import Target
from suites.harness.topology import FILE_DOMAIN
from tools.bench.broker import SIZE
from tools.bench.heartbeats import HeartbeatProbe, Pause
from tools.bench.process import cpu_seconds, memory_bytes, peak_memory_mb, pid_of

#: Clients that do the same thing at the same time, but for leaving.
_GROUP: Final = 50
_STEP_SECONDS_MAX: Final = 120.0
_PAYLOAD: Final = b"x" * SIZE


class ScalePhase(NamedTuple):
    """What something has cost.

    Attributes:
        name: what was done.
        seconds: it took.
        broker_s: CPU time of the broker's process, seconds.
        pause: the longest wait for a heartbeat meanwhile.
        memory_mb: resident at the end, MiB.
        peak_mb: the most that was ever resident, MiB.
    """

    name: str
    seconds: float
    broker_s: float
    pause: Pause
    memory_mb: float
    peak_mb: float


async def scale(
    target: Target, connections: int, queues: int, idle_seconds: float
) -> list[ScalePhase]:
    """Measure many connections with many open queues.

    Args:
        target: running, and nobody else uses it.
        connections: how many.
        queues: how many, all together, each opened for reading and writing by one connection.
        idle_seconds: how long everybody rests.
    """
    settings = ClientSettings(connect_timeout_s=_STEP_SECONDS_MAX, reconnect=False)
    clients = [Client(target.address, settings) for _ in range(connections)]
    shares = [range(index, queues, connections) for index in range(connections)]
    opened: list[AsyncQueue] = []

    async def open_share(client: Client, share: Iterable[int]) -> None:
        for number in share:
            uri = f"bmq://{FILE_DOMAIN}/scale-{number}"
            opened.append(await client.open(uri, read=True, write=True))

    with HeartbeatProbe(target) as probe:
        watch = _Watch(target, probe)
        connecting = [client.__aenter__() for client in clients]
        phases = [await watch.during(f"{connections:,} connect", _in_groups(connecting))]
        opening = [open_share(*pair) for pair in zip(clients, shares, strict=True)]
        phases.append(await watch.during(f"{queues:,} queues opened", _in_groups(opening)))
        exchanging = [_exchange(queue) for queue in opened]
        phases.append(await watch.during("a message on each", _at_once(exchanging)))
        phases.append(await watch.during("everybody rests", _rest(idle_seconds)))
        leaving = [client.__aexit__(None, None, None) for client in clients]
        phases.append(await watch.during("all leave at once", _at_once(leaving)))
    return phases


class _Watch:
    """Measure what something costs the broker."""

    def __init__(self, target: Target, probe: HeartbeatProbe) -> None:
        self._pid = pid_of(target)
        self._probe = probe

    async def during(self, name: str, work: Awaitable[None]) -> ScalePhase:
        await asyncio.to_thread(self._probe.take_longest)
        broker_before, started = cpu_seconds(self._pid), time.monotonic()
        async with asyncio.timeout(_STEP_SECONDS_MAX):
            await work
            seconds = time.monotonic() - started
        pause = await asyncio.to_thread(self._probe.take_longest)  # the broker is done with it all
        return ScalePhase(
            name=name,
            seconds=seconds,
            broker_s=cpu_seconds(self._pid) - broker_before,
            pause=pause,
            memory_mb=memory_bytes(self._pid) / 1024**2,
            peak_mb=peak_memory_mb(self._pid),
        )


async def _in_groups(work: Sequence[Awaitable[object]]) -> None:
    """Do a number of things at a time, as the queue of new connections is short."""
    for start in range(0, len(work), _GROUP):
        await asyncio.gather(*work[start : start + _GROUP])


async def _at_once(work: Sequence[Awaitable[object]]) -> None:
    await asyncio.gather(*work)


async def _exchange(queue: AsyncQueue) -> None:
    """Post a message, receive it, and confirm it."""
    await queue.post(_PAYLOAD)
    queue.confirm(await queue.get(_STEP_SECONDS_MAX))


async def _rest(seconds: float) -> None:
    nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await asyncio.wait([nothing], timeout=seconds)
