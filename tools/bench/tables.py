"""The tables that the bench prints; with the aims, where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from suites.harness.topology import FILE_DOMAIN, MEM_DOMAIN
from tools.bench.backlog import Phase
from tools.bench.broker import Throughput
from tools.bench.codec import Rate
from tools.bench.scale import ScalePhase

#: What the C++ broker spends on a message, in microseconds of CPU, batches of 50, 1Q 1P 1C, measured
#: on a machine of this kind; for comparison only.
_PEER_US: Final = {MEM_DOMAIN: 9.9, FILE_DOMAIN: 15.6}


def codec_table(rates: Sequence[Rate]) -> Table:
    """Return what decoding and encoding cost."""
    table = Table("codec", "bytes", "µs/message", "messages/s", title="Codec, batches of 100")
    for name, size, nanoseconds in rates:
        cells = (name, str(size), f"{nanoseconds / 1000:.2f}", f"{1e9 / nanoseconds:,.0f}")
        table.add_row(*cells)
    return table


def load_table(results: Sequence[Throughput], floor_us: float) -> Table:
    """Return what loads cost; a message that several consumers get counts once."""
    title = (
        "Load, 1 KB; CPU time per message posted, and as a multiple of the floor and per consumer"
    )
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("domain", no_wrap=True)
    table.add_column("load", no_wrap=True)
    for name in (
        "batch", "msgs/s", "p50 ms", "p99 ms", "broker µs", "/ floor", "/ C", "client µs",
        "peer µs", "peak MiB",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for row in results:
        shape = row.shape
        consumers = len(shape.readers)
        peer = _PEER_US.get(shape.domain) if shape.queues == 1 else None
        table.add_row(
            shape.domain,
            shape.title,
            str(shape.batch),
            f"{row.rate:,.0f}",
            f"{row.p50_ms:.1f}",
            f"{row.p99_ms:.1f}",
            f"{row.broker_us:.1f}",
            f"{row.broker_us / floor_us:.1f}",
            f"{row.broker_us / consumers:.1f}" if consumers > 1 else "",
            f"{row.client_us:.1f}",
            f"{peer:.1f}" if peer else "",
            f"{row.peak_mb:.0f}",
        )
    return table


def backlog_table(phases: Sequence[Phase], messages: int) -> Table:
    """Return what a backlog of so many messages costs."""
    title = (
        f"Backlog of {messages:,} messages of 1 KB in files; aims: 64 bytes each, restart in 5 s"
    )
    table = Table(title=title)
    table.add_column("", no_wrap=True)
    for name in (
        "seconds",
        "broker CPU s",
        "µs/message",
        "bytes/message",
        "peak MiB",
        "pause ms",
        "busy ms",
    ):
        table.add_column(name, justify="right")
    for phase in phases:
        table.add_row(
            phase.name,
            f"{phase.seconds:.2f}",
            f"{phase.broker_s:.2f}",
            f"{phase.broker_s / messages * 1e6:.2f}",
            f"{phase.memory / messages:.1f}",
            f"{phase.peak_mb:.0f}",
            "" if phase.pause is None else f"{phase.pause.wall_ms:.0f}",
            "" if phase.pause is None else f"{phase.pause.busy_ms:.0f}",
        )
    return table


def scale_table(phases: Sequence[ScalePhase]) -> Table:
    """Return what many connections and queues cost."""
    table = Table(title="Connections and open queues of one node; aim: no pause of a second")
    table.add_column("", no_wrap=True)
    for name in ("seconds", "broker CPU s", "pause ms", "busy ms", "MiB", "peak MiB"):
        table.add_column(name, justify="right")
    for phase in phases:
        table.add_row(
            phase.name,
            f"{phase.seconds:.2f}",
            f"{phase.broker_s:.2f}",
            f"{phase.pause.wall_ms:.0f}",
            f"{phase.pause.busy_ms:.0f}",
            f"{phase.memory_mb:.0f}",
            f"{phase.peak_mb:.0f}",
        )
    return table
