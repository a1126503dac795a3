"""`python -m tools.bench`: codec, broker and start-up figures from one run."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.table import Table

from reference_broker.app import ReferenceBroker
from suites.harness.target import Target, TargetSpec
from suites.harness.topology import FILE_DOMAIN, MEM_DOMAIN, STRONG_DOMAIN
from tools.bench.broker import Throughput, throughput
from tools.bench.codec import codec_rates, floor

_T = TypeVar("_T")

#: What the C++ broker spends on a message, in microseconds of CPU, batches of 50, measured on a
#: machine of this kind; for comparison only.
_PEER_US: Final = {MEM_DOMAIN: 9.9, FILE_DOMAIN: 15.6}


def main() -> None:
    """Run every benchmark and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load per row")
    seconds = parser.parse_args().seconds
    console = Console(width=110)
    floor_us = floor().nanoseconds / 1000
    console.print(_codec_table())
    console.print(f"floor: {floor_us:.2f} µs a message of 1 KB: unpack, check CRC, copy, join")
    results = _with_fast_loop(_throughputs(seconds))
    console.print(_broker_table(results, floor_us))
    in_process, as_process = _with_fast_loop(_start_times())
    console.print(f"start: {in_process:.0f} ms in process, {as_process:.0f} ms as a process")


def _codec_table() -> Table:
    table = Table("codec", "bytes", "µs/message", "messages/s", title="Codec, batches of 100")
    for name, size, nanoseconds in codec_rates():
        cells = (name, str(size), f"{nanoseconds / 1000:.2f}", f"{1e9 / nanoseconds:,.0f}")
        table.add_row(*cells)
    return table


async def _throughputs(seconds: float) -> list[Throughput]:
    results: list[Throughput] = []
    for domain in (MEM_DOMAIN, FILE_DOMAIN, STRONG_DOMAIN):
        for batch in (1, 100):
            with Target(TargetSpec.parse("reference")) as target:
                await throughput(target, domain, batch, min(seconds, 0.5))  # warm up
                results.append(await throughput(target, domain, batch, seconds))
    return results


def _broker_table(results: list[Throughput], floor_us: float) -> Table:
    table = Table(
        "domain", "batch", "messages/s", "p50 ms", "p99 ms", "broker µs", "/ floor", "client µs",
        "peer µs", "peak MiB", title="1Q, 1P, 1C, 1 KB; CPU time per message",
    )  # fmt: skip
    for row in results:
        peer = _PEER_US.get(row.domain)
        table.add_row(
            row.domain,
            str(row.batch),
            f"{row.rate:,.0f}",
            f"{row.p50_ms:.2f}",
            f"{row.p99_ms:.2f}",
            f"{row.broker_us:.1f}",
            f"{row.broker_us / floor_us:.1f}",
            f"{row.client_us:.1f}",
            f"{peer:.1f}" if peer else "",
            f"{row.broker_rss_mb:.0f}",
        )
    return table


async def _start_times() -> tuple[float, float]:
    """Return the best of three, in milliseconds, in process and as a process."""
    in_process: list[float] = []
    as_process: list[float] = []
    for _ in range(3):
        started = time.perf_counter()
        async with ReferenceBroker():
            in_process.append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        with Target(TargetSpec.parse("reference")):
            as_process.append((time.perf_counter() - started) * 1000)
    return min(in_process), min(as_process)


def _with_fast_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Run on uvloop where there is one, as the broker does."""
    factory = None
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every platform

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


if __name__ == "__main__":
    main()
