"""Many connections at once, and peers that close only their side."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reference_broker.base import Instant
from reference_broker.base.limits import STEP_INPUTS_MAX
from reference_broker.client.tests.running import until
from reference_broker.core import Broker
from reference_broker.core.tests.shapes import MEM_URI, payloads, puts, statuses
from reference_broker.ports import Closed, Effect, Input
from reference_broker.runtime import server as server_module
from reference_broker.runtime.tests.test_server import (
    Bench,
    Wire,
    run,
    running,
    slow_reader,
    waiting_bytes,
)

BIG_URI = "bmq://test.big/q"


class Counted(Broker):
    """A broker that remembers how many inputs each step had, and who closed."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.counts: list[int] = []
        self.closed: list[Closed] = []

    def step(self, now: Instant, inputs: Sequence[Input], *, wall_ns: int = 0) -> list[Effect]:
        self.counts.append(len(inputs))
        self.closed += [item for item in inputs if isinstance(item, Closed)]
        return super().step(now, inputs, wall_ns=wall_ns)


@pytest.fixture(autouse=True)
def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference_broker.runtime.tests.test_server.Broker", Counted)


def counted(bench: Bench) -> Counted:
    assert isinstance(bench.server.broker, Counted)
    return bench.server.broker


# Many connections at once.


def test_a_step_has_so_many_inputs_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server_module, "STEP_INPUTS_MAX", 4)

    async def scenario() -> None:
        async with running(tmp_path) as bench:
            wires = [await bench.session(MEM_URI, read=False) for _ in range(30)]
            connections = list(bench.server._connections.values())
            for turn in range(3):
                for number, wire in enumerate(wires):
                    wire.send(puts(1_000 * turn + number))
                # What arrives while much waits is not even read.
                await until(lambda: not all(connection._is_reading for connection in connections))
            for wire in wires:
                answers: list[int] = []
                while len(answers) < 3:
                    answers += statuses(list(wire._events.feed(await wire.reader.read(2**20))))
                assert answers == [0, 0, 0]
            assert bench.server.broker.statistics().messages == 90
            assert max(counted(bench).counts) == 4
            await until(lambda: all(connection._is_reading for connection in connections))

    run(scenario)


def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server_module, "STEP_INPUTS_MAX", 4)
    waiting: list[int] = []
    take = server_module.BrokerServer._take_inputs

    def watched(server: server_module.BrokerServer) -> list[Input]:
        waiting.append(len(server._inputs))
        return take(server)

    monkeypatch.setattr(server_module.BrokerServer, "_take_inputs", watched)

    async def scenario() -> None:
        async with running(tmp_path) as bench:
            wires = [await bench.session(BIG_URI, read=False) for _ in range(20)]
            for number in range(20):
                for index, wire in enumerate(wires):
                    wire.send(puts(100 * number + index, data=bytes(60_000)))
            await until(lambda: bench.server.broker.statistics().messages == 400)
            assert max(waiting) <= 4 + len(wires)

    run(scenario)


def test_a_step_has_room_for_a_batch():
    assert STEP_INPUTS_MAX == 256


# Peers that close only their side.


def half_close(wire: Wire) -> None:
    made = wire.writer.get_extra_info("socket")
    made.shutdown(socket.SHUT_WR)


async def consumer(bench: Bench, producer: Wire, messages: int) -> Wire:
    """Return a consumer that does not read, with messages that wait for it."""
    slow = await slow_reader(bench)
    await slow.hello()
    await slow.open(BIG_URI)
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
    data = bytes(200_000)
    for number in range(messages):
        producer.send(puts(number, data=data))
        assert statuses(await producer.events(1)) == [0]
    await until(lambda: waiting_bytes(bench))
    return slow


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(server_module, "_CLOSE_SECONDS_MAX", 0.05)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("high", [64 * 1024, 64 * 1024 * 1024], ids=["congested", "not congested"])
def test_a_consumer_that_has_closed_its_side_and_does_not_read_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, high: int
):
    monkeypatch.setattr(server_module, "_WRITE_HIGH_WATER", high)
    monkeypatch.setattr(server_module, "_WRITE_LOW_WATER", 16 * 1024)

    async def scenario() -> None:
        async with running(tmp_path) as bench:
            producer = await bench.session(BIG_URI, read=False)
            slow = await consumer(bench, producer, 40)
            half_close(slow)
            await until(lambda: counted(bench).closed and len(bench.server._connections) == 1)
            assert [item.connection for item in counted(bench).closed] == [2]
            assert bench.server.broker.statistics().unconfirmed == 0
            other = await bench.session()
            await other.open(BIG_URI)
            received: list[bytes] = []
            while len(received) < 40:
                received += payloads(list(other._events.feed(await other.reader.read(2**20))))

    run(scenario)


def test_the_core_hears_at_once_of_a_side_that_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server_module, "_WRITE_HIGH_WATER", 64 * 1024 * 1024)

    async def scenario() -> None:
        async with running(tmp_path) as bench:
            producer = await bench.session(BIG_URI, read=False)
            slow = await consumer(bench, producer, 40)
            half_close(slow)
            await until(lambda: counted(bench).closed)
            assert len(bench.server._connections) == 2  # what waits may still leave
            slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
            received: list[bytes] = []
            while data := await slow.reader.read(2**20):
                received += payloads(list(slow._events.feed(data)))
            assert len(received) == 40
            await until(lambda: len(bench.server._connections) == 1)
            assert len(counted(bench).closed) == 1

    run(scenario)


@pytest.mark.usefixtures("_quick")
def test_a_slow_peer_that_has_closed_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server_module, "_WRITE_HIGH_WATER", 64 * 1024)
    monkeypatch.setattr(server_module, "_WRITE_LOW_WATER", 16 * 1024)
    looks = 0
    look = server_module._has_closed_its_side

    def counting(transport: asyncio.Transport) -> bool:
        nonlocal looks
        looks += 1
        return look(transport)

    monkeypatch.setattr(server_module, "_has_closed_its_side", counting)

    async def scenario() -> None:
        async with running(tmp_path) as bench:
            producer = await bench.session(BIG_URI, read=False)
            slow = await consumer(bench, producer, 40)
            await until(lambda: looks > 10)
            assert len(bench.server._connections) == 2
            slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
            received: list[bytes] = []
            while len(received) < 40:
                received += payloads(list(slow._events.feed(await slow.reader.read(2**20))))

    run(scenario)
