"""A backlog: messages in files that no consumer takes; what they cost, and a restart on them.

Memory is what the broker's process has resident beyond what it had when it was started. The
restarts are those after a graceful stop, after SIGKILL, and after SIGKILL when the snapshot is gone
as well, so that the whole log must be read. At the end a consumer takes everything, in order.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from reference_broker.client import Ack, Client
from suites.harness.target import Target
from suites.harness.topology import FILE_DOMAIN
from tools.bench.broker import SIZE
from tools.bench.heartbeats import HeartbeatProbe, Pause
from tools.bench.process import cpu_seconds, memory_bytes, peak_memory_mb, pid_of

_URI: Final = f"bmq://{FILE_DOMAIN}/backlog"
_BATCH: Final = 100
_EVENTS_UNDER_WAY: Final = 20
#: One record of 60 bytes for each message, and for each confirm; a fifth must stay free.
_JOURNAL_BYTES_PER_MESSAGE: Final = 150
_GET_SECONDS_MAX: Final = 60.0
_INDEX: Final = struct.Struct(">q")
_REST: Final = b"x" * (SIZE - _INDEX.size)


class Phase(NamedTuple):
    """What something has cost.

    Attributes:
        name: what was done.
        seconds: it took.
        broker_s: CPU time of the broker's process, seconds.
        memory: bytes resident at the end, beyond those of a broker just started.
        peak_mb: the most that was ever resident in the process, MiB.
        pause: the longest wait for a heartbeat meanwhile; None for a restart.
    """

    name: str
    seconds: float
    broker_s: float
    memory: int
    peak_mb: float
    pause: Pause | None = None


async def backlog(target: Target, messages: int, repeats: int) -> list[Phase]:
    """Write a backlog, restart on it, and read it.

    Args:
        target: running; it runs at the end, too.
        messages: of 1 KB.
        repeats: of each restart; the best one is returned.
    """
    _enlarge_journal(target, messages)
    idle = memory_bytes(pid_of(target))
    phases = [await _measure(target, "written", idle, _write(target, messages))]
    for name, end in (
        ("restarted after a stop", _stop),
        ("restarted after SIGKILL", _kill),
        ("the same, no snapshot", _kill_and_forget),
    ):
        restarts = [_restart(target, name, idle, end) for _ in range(repeats)]
        phases.append(min(restarts, key=lambda phase: phase.seconds))
    phases.append(await _measure(target, "read", idle, _read(target, messages)))
    return phases


async def _measure(target: Target, name: str, idle: int, work: Awaitable[None]) -> Phase:
    pid = pid_of(target)
    with HeartbeatProbe(target) as probe:
        broker_before, started = cpu_seconds(pid), time.monotonic()
        await work
        seconds, broker_s = time.monotonic() - started, cpu_seconds(pid) - broker_before
        pause = await asyncio.to_thread(probe.take_longest)
    memory = memory_bytes(pid) - idle
    return Phase(name, seconds, broker_s, memory, peak_memory_mb(pid), pause)


async def _write(target: Target, messages: int) -> None:
    async with Client(target.address) as client:
        queue = await client.open(_URI, write=True)
        under_way: deque[asyncio.Future[list[Ack]]] = deque()
        for first in range(0, messages, _BATCH):
            numbers = range(first, min(first + _BATCH, messages))
            under_way.append(queue.post_nowait([_INDEX.pack(n) + _REST for n in numbers]))
            if len(under_way) >= _EVENTS_UNDER_WAY:
                _check(await under_way.popleft())
        for acks in await asyncio.gather(*under_way):
            _check(acks)


def _check(acks: list[Ack]) -> None:
    refused = [ack for ack in acks if not ack.is_success]
    assert not refused, f"the broker refuses messages of the backlog: {refused[0]}"


async def _read(target: Target, messages: int) -> None:
    async with Client(target.address) as client:
        queue = await client.open(_URI, read=True)
        number = 0
        while number < messages:
            for message in (got := await queue.get_many(_GET_SECONDS_MAX)):
                (found,) = _INDEX.unpack_from(message.payload)
                assert found == number, f"message {found} came where {number} is due"
                number += 1
            queue.confirm(*got)


def _enlarge_journal(target: Target, messages: int) -> None:
    """Configure a journal that a backlog of so many messages does not fill."""
    clusters = target.storage.parent / "etc" / "clusters.json"
    content = json.loads(clusters.read_text())
    partitions = content["myClusters"][0]["partitionConfig"]
    wanted = _JOURNAL_BYTES_PER_MESSAGE * messages
    partitions["maxJournalFileSize"] = max(partitions["maxJournalFileSize"], wanted)
    clusters.write_text(json.dumps(content))
    _stop(target)
    target.restart()


# Restarts.


def _restart(target: Target, name: str, idle: int, end: Callable[[Target], None]) -> Phase:
    end(target)
    started = time.monotonic()
    target.restart()
    seconds = time.monotonic() - started
    pid = pid_of(target)
    memory = memory_bytes(pid) - idle
    return Phase(name, seconds, cpu_seconds(pid), memory, peak_memory_mb(pid))


def _stop(target: Target) -> None:
    code = target.stop()
    assert code == 0, f"the broker was stopped and ended with {code}:\n{target.log_tail()}"


def _kill(target: Target) -> None:
    target.kill()


def _kill_and_forget(target: Target) -> None:
    target.kill()
    for snapshot in target.storage.glob("*.bmq_journal"):
        snapshot.unlink()
