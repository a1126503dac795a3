"""What ends the server, and what the disk does at a rollover."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from reference_broker.base import Instant
from reference_broker.config import DomainConfig, DomainNotFound
from reference_broker.core import Broker
from reference_broker.ports import Effect, Input, Received
from reference_broker.runtime import BrokerServer, LogFiles
from reference_broker.session import BrokerFacts


class Brittle(Broker):
    """A broker that breaks an invariant when bytes come."""

    def step(self, now: Instant, inputs: list[Input], *, wall_ns: int = 0) -> list[Effect]:  # type: ignore[override]  # a list is what the server gives
        assert not any(isinstance(item, Received) for item in inputs), "broken"
        return super().step(now, inputs, wall_ns=wall_ns)


def open_files() -> int:
    """Return how many files this process has open, or 0 where that cannot be known."""
    listing = Path("/proc/self/fd")
    return len(list(listing.iterdir())) if listing.exists() else 0


def no_domain(name: str) -> DomainConfig:
    raise DomainNotFound(name)


def test_a_broken_invariant_ends_the_server_and_every_connection():
    async def main() -> None:
        async with asyncio.timeout(20):
            server = BrokerServer(
                Brittle(BrokerFacts()), files=None, domains=no_domain, records=lambda _: None
            )
            ((host, port),) = await server.start([("127.0.0.1", 0)])
            bystander, bystander_writer = await asyncio.open_connection(host, port)
            _, writer = await asyncio.open_connection(host, port)
            writer.write(b"anything")
            with pytest.raises(AssertionError, match="broken"):
                await asyncio.shield(server.stopped)
            with contextlib.suppress(ConnectionResetError):  # the other way to see the end
                assert await bystander.read() == b""
            with pytest.raises(AssertionError, match="broken"):
                await server.close()
            for each in (writer, bystander_writer):
                each.close()

    asyncio.run(main())


def test_a_new_file_comes_after_the_older_ones_are_durable_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    events: list[str] = []
    real_sync, real_open = os.fdatasync, os.open

    def syncing(descriptor: int) -> None:
        events.append("sync")
        real_sync(descriptor)

    def opening(path: str | Path, flags: int, mode: int = 0o777) -> int:
        events.append(Path(path).name)
        return real_open(path, flags, mode)

    files = LogFiles(tmp_path / "log")
    monkeypatch.setattr(os, "fdatasync", syncing)
    monkeypatch.setattr(os, "open", opening)
    before = open_files()
    for number in range(20):
        files.create(f"bmq_0.{number}.bmq_data")
        files.append(f"bmq_0.{number}.bmq_data", [b"x"])
    after = open_files()
    files.close()
    assert events == ["bmq_0.0.bmq_data"] + [
        event for number in range(1, 20) for event in ("sync", f"bmq_0.{number}.bmq_data")
    ]
    assert after - before <= 1
