"""A server whose core breaks, and one whose disk is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reference_broker.base import Instant
from reference_broker.client.tests.running import turn, until
from reference_broker.core import Broker
from reference_broker.core.tests.pair import domain
from reference_broker.core.tests.shapes import MEM_URI, STRONG_URI, payloads, pushes, puts, statuses
from reference_broker.ports import Congested, Drained, Effect, Input, Received, Send
from reference_broker.runtime import BrokerServer, LogFiles
from reference_broker.runtime import server as server_module
from reference_broker.runtime.tests.test_server import (
    DOMAINS,
    Bench,
    find_domain,
    run,
    running,
    slow_disk,
)
from reference_broker.session import BrokerFacts


class Watched(Broker):
    """A broker that remembers its inputs, and breaks when told to."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.inputs: list[Input] = []
        self.steps = 0
        self.breaks_at = b""

    def step(self, now: Instant, inputs: Sequence[Input], *, wall_ns: int = 0) -> list[Effect]:
        self.inputs += inputs
        self.steps += 1
        effects = super().step(now, inputs, wall_ns=wall_ns)
        data = b"".join(item.data for item in inputs if isinstance(item, Received))
        if self.breaks_at and self.breaks_at in data:
            assert any(isinstance(effect, Send) for effect in effects)
            raise ZeroDivisionError("an invariant is broken")
        return effects


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    """Make `running` run brokers that are watched; the list holds them."""
    made: list[Watched] = []

    def make(*positional: Any, **named: Any) -> Watched:
        made.append(Watched(*positional, **named))
        return made[-1]

    monkeypatch.setattr("reference_broker.runtime.tests.test_server.Broker", make)
    return made


# A broken invariant.


def test_an_exception_in_a_step_ends_the_server_and_nothing_more_is_sent(
    tmp_path: Path, watched: list[Watched]
):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            (broker,) = watched
            wire, bystander = await bench.session(MEM_URI), await bench.session()
            idle = await bench.connect()
            broker.breaks_at = b"poison"
            wire.send(puts(1, data=b"poison"))
            assert [await peer.closed() for peer in (wire, bystander, idle)] == [b""] * 3
            with pytest.raises(ZeroDivisionError, match="an invariant is broken"):
                await bench.server.stopped
            steps = broker.steps
            with pytest.raises(ConnectionRefusedError):
                await bench.connect()
            await until(lambda: not bench.server._connections)
            for _ in range(5):
                await turn()
            assert broker.steps == steps

    run(scenario)


def test_what_waits_for_a_sync_is_not_sent_after_that(tmp_path: Path, watched: list[Watched]):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            (broker,) = watched
            disk = slow_disk(bench)
            strong, other = await bench.session(STRONG_URI), await bench.session(MEM_URI)
            strong.send(puts(1))
            await until(lambda: disk.syncs == 1)
            broker.breaks_at = b"poison"
            other.send(puts(2, data=b"poison"))
            await until(bench.server.stopped.done)
            disk.gate.release(1)
            assert [await wire.closed() for wire in (strong, other)] == [b""] * 2
            steps = broker.steps
            with pytest.raises(ZeroDivisionError):
                await bench.server.close()
            assert broker.steps == steps

    run(scenario)


def test_an_exception_at_the_start_is_raised_by_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def step(*_: object, **__: object) -> list[Effect]:
        raise ZeroDivisionError("an invariant is broken")

    async def scenario() -> None:
        broker = Broker(BrokerFacts())
        monkeypatch.setattr(broker, "step", step)
        server = BrokerServer(
            broker, files=LogFiles(tmp_path), domains=find_domain, records=lambda _: None
        )
        with pytest.raises(ZeroDivisionError):
            await server.start([("127.0.0.1", 0)])
        await server.abort()
        LogFiles(tmp_path).close()  # the folder was let go of

    run(scenario)


def test_an_effect_that_fails_ends_the_server_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            wire = await bench.session(STRONG_URI)
            assert bench.server._files is not None

            def append(*_: object) -> None:
                raise ZeroDivisionError

            monkeypatch.setattr(bench.server._files, "append", append)
            wire.send(puts(1))
            assert await wire.closed() == b""
            with pytest.raises(ZeroDivisionError):
                await bench.server.stopped

    run(scenario)


# A slow disk.

SLOW_URI = "bmq://test.slow/q"
ROOMY = (1_000_000, 1 << 40)
SLOW = domain(
    "test.slow", storage="fileBacked", consistency="strong", limits=ROOMY, domain_limits=ROOMY
)
HIGH, LOW = 64 * 1024, 16 * 1024


def congestion(broker: Watched) -> list[str]:
    return [type(item).__name__ for item in broker.inputs if isinstance(item, Congested | Drained)]


def is_reading(bench: Bench) -> bool:
    """Return whether the only connection is read from."""
    (connection,) = bench.server._connections.values()
    assert isinstance(connection._transport, asyncio.Transport)
    return connection._transport.is_reading()


@pytest.fixture
def _low_water(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_WRITE_HIGH_WATER", HIGH)
    monkeypatch.setattr(server_module, "_WRITE_LOW_WATER", LOW)
    monkeypatch.setitem(DOMAINS, SLOW.name, SLOW)


@pytest.mark.usefixtures("_low_water")
def test_what_waits_for_a_slow_disk_stops_the_reading(tmp_path: Path, watched: list[Watched]):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            (broker,) = watched
            disk = slow_disk(bench)
            wire = await bench.session(SLOW_URI)
            data = bytes(10_000)
            for number in range(60):
                wire.send(puts(number, data=data))
            await until(lambda: congestion(broker))
            assert congestion(broker) == ["Congested"]
            assert not is_reading(bench)
            few = broker.statistics().unconfirmed
            assert HIGH // len(data) <= few < 60  # nothing more is delivered meanwhile
            (connection,) = bench.server._connections.values()
            assert HIGH < connection._held_bytes < HIGH + 300_000
            # What came in the meantime waits in the sockets.
            assert messages(broker) < 60
            disk.gate.release(200)
            received: list[bytes] = []
            acked = 0
            while len(received) < 60 or acked < 60:
                read = await wire.reader.read(2**20)
                assert read
                events = list(wire._events.feed(read))
                received += [push.data for push in pushes(events)]
                acked += len(statuses(events))
            assert (received, acked) == ([data] * 60, 60)
            await until(lambda: congestion(broker)[-1] == "Drained" and is_reading(bench))
            assert congestion(broker)[:2] == ["Congested", "Drained"]

    run(scenario)


def messages(broker: Broker) -> int:
    return broker.statistics().messages


@pytest.mark.usefixtures("_low_water")
def test_a_little_that_waits_for_the_disk_stops_nothing(tmp_path: Path, watched: list[Watched]):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            (broker,) = watched
            disk = slow_disk(bench)
            wire = await bench.session(SLOW_URI)
            wire.send(puts(1, 2, data=bytes(10_000)))
            await until(lambda: messages(broker) == 2)
            assert is_reading(bench)
            disk.gate.release(10)
            assert len(payloads(await wire.events(2))) == 2
            assert congestion(broker) == []

    run(scenario)
