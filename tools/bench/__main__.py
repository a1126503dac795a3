"""`python -m tools.bench`: what codec and broker cost, all figures from one run.

| part    | what is measured                                                                   |
|---------|------------------------------------------------------------------------------------|
| codec   | decoding and encoding alone, and the floor: what any broker in Python must do      |
| load    | a broker under load: one queue, fanout, broadcast, many queues                     |
| backlog | messages that nobody takes: memory, restarts, reading them                         |
| scale   | many connections and open queues: the longest pause in heartbeats                  |
| start   | how long an empty broker takes to start                                            |
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Final, TypeVar

from rich.console import Console

from reference_broker.app import ReferenceBroker, loop_factory
from suites.harness.target import Target, TargetSpec
from tools.bench.backlog import backlog
from tools.bench.broker import Throughput, throughput
from tools.bench.codec import codec_rates, floor
from tools.bench.process import allow_many_files
from tools.bench.scale import scale
from tools.bench.shapes import DOMAINS, Shape, shapes
from tools.bench.tables import backlog_table, codec_table, load_table, scale_table

_T = TypeVar("_T")

_WARM_UP_SECONDS: Final = 0.5
_STARTS: Final = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that were asked for, and print their tables."""
    options = _parser().parse_args(arguments)
    allow_many_files()
    console = Console(width=120)
    for name in dict.fromkeys(options.only or _PARTS):
        _PARTS[name](console, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", action="append", choices=_PARTS, help="a part to run; may be given again")
    add("--seconds", type=float, default=5.0, help="of load per row, and of rest in `scale`")
    add("--repeats", type=int, default=1, help="of each load and restart; the best one counts")
    add("--many", type=int, default=100, help="queues of the load with many")
    add("--backlog", type=int, default=2_000_000, help="messages of the backlog")
    add("--connections", type=int, default=2_000, help="of `scale`")
    add("--queues", type=int, default=10_000, help="open queues of `scale`, all together")
    return parser


# Parts.


def _codec(console: Console, _options: argparse.Namespace) -> None:
    console.print(codec_table(codec_rates()))
    text = "a message of 1 KB: unpack, check CRC, copy, join"
    console.print(f"floor: {floor().nanoseconds / 1000:.2f} µs {text}")


def _load(console: Console, options: argparse.Namespace) -> None:
    results = [
        _with_fast_loop(_best_throughput(shape, options.seconds, options.repeats))
        for shape in shapes(options.many)
    ]
    console.print(load_table(results, floor().nanoseconds / 1000))


async def _best_throughput(shape: Shape, seconds: float, repeats: int) -> Throughput:
    with _target() as target:
        await throughput(target, shape, min(seconds, _WARM_UP_SECONDS))
        results = [await throughput(target, shape, seconds) for _ in range(repeats)]
    return min(results, key=lambda result: result.broker_us)


def _backlog(console: Console, options: argparse.Namespace) -> None:
    with _target() as target:
        phases = _with_fast_loop(backlog(target, options.backlog, options.repeats))
    console.print(backlog_table(phases, options.backlog))


def _scale(console: Console, options: argparse.Namespace) -> None:
    connections, queues = options.connections, options.queues
    with _target() as target:
        phases = _with_fast_loop(scale(target, connections, queues, options.seconds))
    console.print(scale_table(phases))


def _start(console: Console, _options: argparse.Namespace) -> None:
    in_process, as_process = _with_fast_loop(_start_times())
    console.print(f"start: {in_process:.0f} ms in process, {as_process:.0f} ms as a process")


async def _start_times() -> tuple[float, float]:
    """Return the best of three, in milliseconds, in process and as a process."""
    in_process: list[float] = []
    as_process: list[float] = []
    for _ in range(_STARTS):
        started = time.perf_counter()
        async with ReferenceBroker():
            in_process.append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        with _target():
            as_process.append((time.perf_counter() - started) * 1000)
    return min(in_process), min(as_process)


_PARTS: Final[dict[str, Callable[[Console, argparse.Namespace], None]]] = {
    "codec": _codec,
    "load": _load,
    "backlog": _backlog,
    "scale": _scale,
    "start": _start,
}


@contextlib.contextmanager
def _target() -> Iterator[Target]:
    """Start a broker that knows the domains of the bench, too."""
    with Target(TargetSpec.parse("reference")) as target:
        for name, shape in DOMAINS.items():
            target.write_domain(name, shape)
        yield target


def _with_fast_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Run on uvloop where there is one, as the broker does."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


if __name__ == "__main__":
    main()
