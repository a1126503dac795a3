"""The asyncio driver with real sockets and a real disk."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from reference_broker.base import OperatorError
from reference_broker.client.tests.running import until
from reference_broker.config import DomainConfig, DomainNotFound
from reference_broker.core import Broker
from reference_broker.core.tests.pair import (
    FILE,
    MEM,
    STRONG,
    cluster,
    control_event,
    domain,
    identity_of,
)
from reference_broker.core.tests.shapes import (
    FILE_URI,
    MEM_URI,
    STRONG_URI,
    configure_request,
    guid,
    kinds,
    open_request,
    payloads,
    puts,
    statuses,
)
from reference_broker.ports import Log
from reference_broker.runtime import BrokerServer, LogFiles, StorageError
from reference_broker.runtime import server as server_module
from reference_broker.session import BrokerFacts
from reference_broker.wire import Event, EventReader, confirm_event
from reference_broker.wire.control import ControlMessage, NegotiationMessage

PATIENCE_S = 20.0
BIG = domain("test.big", limits=(1_000_000, 1 << 40), domain_limits=(1_000_000, 1 << 40))
DOMAINS = {found.name: found for found in (MEM, FILE, STRONG, BIG)}


class Wire:
    """A raw connection over a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._events = EventReader(2**28)
        self._next_r_id = 1

    def send(self, *chunks: bytes) -> None:
        self.writer.write(b"".join(chunks))

    def request(self, choice: Any) -> bytes:
        self._next_r_id += 1
        return control_event(ControlMessage(r_id=self._next_r_id, choice=choice))

    async def events(self, count: int) -> list[Event]:
        """Wait for a number of events."""
        found: list[Event] = []
        while len(found) < count:
            data = await self.reader.read(2**20)
            assert data, f"closed after {kinds(found)}"
            found += self._events.feed(data)
        assert len(found) == count, kinds(found)
        return found

    async def hello(self) -> None:
        self.send(control_event(NegotiationMessage(choice=identity_of())))
        await self.events(1)

    async def open(self, uri: str, *, read: bool = True) -> None:
        """Open a queue under id 0 for writing, and for reading."""
        self.send(self.request(open_request(uri, read=int(read), write=1)))
        if read:
            self.send(self.request(configure_request(messages=1_000_000, size=1 << 40)))
        await self.events(1 + read)

    async def closed(self) -> bytes:
        """Wait until the other side has closed, and return what came before."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def close(self) -> None:
        self.writer.close()


class Bench:
    """A server that runs, and what it logged."""

    def __init__(self, server: BrokerServer, address: tuple[str, int]) -> None:
        self.server = server
        self.address = address
        self.records: list[Log] = []
        self.wires: list[Wire] = []

    async def connect(self) -> Wire:
        wire = Wire(*await asyncio.open_connection(*self.address))
        self.wires.append(wire)
        return wire

    async def session(self, uri: str = "", *, read: bool = True) -> Wire:
        wire = await self.connect()
        await wire.hello()
        if uri:
            await wire.open(uri, read=read)
        return wire


def find_domain(name: str) -> DomainConfig:
    if name not in DOMAINS:
        raise DomainNotFound(name)
    return DOMAINS[name]


@asynccontextmanager
async def running(
    folder: Path | None, facts: BrokerFacts | None = None, **options: Any
) -> AsyncIterator[Bench]:
    """Run a server, and let everything go in the end."""
    records: list[Log] = []
    server = BrokerServer(
        Broker(facts or BrokerFacts(), **options),
        files=LogFiles(folder) if folder else None,
        domains=find_domain,
        records=records.append,
    )
    (address,) = await server.start([("127.0.0.1", 0)])
    bench = Bench(server, address)
    bench.records = records
    # What it writes at its start is being synced; a test may take its disk away only after that.
    await until(lambda: server._sync_task is None or server._sync_task.done())
    try:
        yield bench
    finally:
        for wire in bench.wires:
            wire.close()
        await server.abort()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await scenario()

    asyncio.run(main())


# Serving.


def test_messages_go_round(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            for uri in (MEM_URI, FILE_URI, STRONG_URI):
                wire = await bench.session(uri)
                wire.send(puts(1, 2))
                events = await wire.events(2)
                assert kinds(events) == ["ACK", "PUSH"]
                assert payloads(events) == [b"data"] * 2

    run(scenario)


def test_a_domain_that_is_not_there_is_refused(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            wire = await bench.session()
            wire.send(wire.request(open_request("bmq://nowhere/q", read=1)))
            (event,) = await wire.events(1)
            assert b"doesn't exist" in event.body

    run(scenario)


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            wire = await bench.session(STRONG_URI)
            wire.send(puts(1, 2, 3))
            await wire.events(2)
            wire.send(confirm_event([(0, guid(2), 0)]))
            wire.send(puts(4))  # its acknowledgement says that the confirm was taken
            await wire.events(2)
        async with running(tmp_path) as bench:
            assert bench.server.broker.statistics().messages == 3
            wire = await bench.session()
            wire.send(wire.request(open_request(STRONG_URI, read=1)))
            wire.send(wire.request(configure_request()))
            assert payloads(await wire.events(3)) == [b"data"] * 3

    run(scenario)


def test_a_peer_that_breaks_the_protocol_is_closed_and_others_live(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            bystander, wire = await bench.session(MEM_URI), await bench.session(MEM_URI)
            wire.send(bytes(8))
            assert await wire.closed() == b""
            bystander.send(puts(1))
            assert kinds(await bystander.events(2)) == ["ACK", "PUSH"]

    run(scenario)


def test_heartbeats_are_sent_by_the_clock(tmp_path: Path):
    async def scenario() -> None:
        facts = BrokerFacts(heartbeat_interval_ms=20, heartbeat_misses_max=3)
        async with running(tmp_path, facts) as bench:
            wire = await bench.session()
            wire.send(puts())  # the first byte after the hello: the grace is over
            data = await wire.closed()
            assert data == b"\0\0\0\x08\x4b\2\0\0" * 2

    run(scenario)


# Group commit.


class SlowDisk(LogFiles):
    """A disk whose syncs wait for permission."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.gate = threading.Semaphore(0)
        self.syncs = 0

    def sync(self, names: Any) -> None:
        self.syncs += 1
        assert self.gate.acquire(timeout=PATIENCE_S)
        super().sync(names)


def test_what_comes_during_one_sync_shares_the_next(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            disk = slow_disk(bench)
            wires = [await bench.session() for _ in range(10)]
            for wire in wires:
                await wire.open(STRONG_URI, read=False)
            for number, wire in enumerate(wires):
                wire.send(puts(number))
            await until(lambda: bench.server.broker.statistics().messages == 10)
            await until(lambda: disk.syncs == 1)
            disk.gate.release(2)
            found = [statuses(await wire.events(1)) for wire in wires]
            assert found == [[0]] * 10
            assert disk.syncs <= 2
            disk.gate.release(100)  # for what stopping writes

    run(scenario)


def slow_disk(bench: Bench) -> SlowDisk:
    """Make the server's disk slow from now on."""
    files = bench.server._files
    assert files is not None
    files.close()
    disk = SlowDisk(files.folder)
    bench.server._files = disk
    return disk


def test_memory_does_not_wait_for_the_disk(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            disk = slow_disk(bench)
            strong, memory = await bench.session(STRONG_URI), await bench.session(MEM_URI)
            strong.send(puts(1))
            memory.send(puts(2))
            assert kinds(await memory.events(2)) == ["ACK", "PUSH"]
            await until(lambda: disk.syncs == 1)
            disk.gate.release(100)
            assert kinds(await strong.events(2)) == ["ACK", "PUSH"]

    run(scenario)


# A disk that fails.


def test_a_failing_write_ends_the_broker_and_acknowledges_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            wire, bystander = await bench.session(FILE_URI), await bench.session(MEM_URI)

            def writev(*_: object) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr(os, "writev", writev)
            wire.send(puts(1))
            assert await wire.closed() == b""
            assert await bystander.closed() == b""
            with pytest.raises(StorageError, match=r"write failed: .*No space left"):
                await bench.server.stopped
            with pytest.raises(ConnectionRefusedError):
                await bench.connect()

    run(scenario)


def test_a_failing_sync_ends_the_broker_and_acknowledges_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            wire = await bench.session(STRONG_URI)

            def fdatasync(*_: object) -> None:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

            monkeypatch.setattr(os, "fdatasync", fdatasync)
            wire.send(puts(1))
            assert await wire.closed() == b""
            with pytest.raises(StorageError, match="sync failed"):
                await bench.server.stopped

    run(scenario)


def test_a_file_backed_domain_needs_a_storage_folder():
    async def scenario() -> None:
        async with running(None) as bench:
            wire = await bench.session()
            wire.send(wire.request(open_request(FILE_URI, write=1)))
            await wire.closed()
            with pytest.raises(StorageError, match="no storage folder"):
                await bench.server.stopped

    run(scenario)


# Peers that do not read.


def test_a_peer_that_does_not_read_is_not_read_from_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(server_module, "_WRITE_HIGH_WATER", 64 * 1024)
    monkeypatch.setattr(server_module, "_WRITE_LOW_WATER", 16 * 1024)

    async def scenario() -> None:
        async with running(tmp_path) as bench:
            producer = await bench.session("bmq://test.big/q", read=False)
            slow = await slow_reader(bench)
            await slow.hello()
            await slow.open("bmq://test.big/q")
            slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
            data = bytes(200_000)
            for number in range(60):
                producer.send(puts(number, data=data))
                assert statuses(await producer.events(1)) == [0]
            assert bench.server.broker.statistics().unconfirmed < 60
            assert waiting_bytes(bench) < 64 * 1024 + 2 * len(data)
            slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
            received: list[bytes] = []
            while len(received) < 60:
                received += payloads(list(slow._events.feed(await slow.reader.read(2**20))))
            assert received == [data] * 60

    run(scenario)


async def slow_reader(bench: Bench) -> Wire:
    """Connect with the smallest buffers that the system gives."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, bench.address)
    reader, writer = await asyncio.open_connection(sock=made, limit=64 * 1024)
    wire = Wire(reader, writer)
    bench.wires.append(wire)
    return wire


def waiting_bytes(bench: Bench) -> int:
    transports = [connection._transport for connection in bench.server._connections.values()]
    return max(t.get_write_buffer_size() for t in transports if t is not None)


# Addresses and the end.


def test_a_port_that_is_taken_is_refused_with_advice(tmp_path: Path):
    async def scenario() -> None:
        async with running(None) as bench:
            host, port = bench.address
            second = BrokerServer(
                Broker(BrokerFacts()),
                files=LogFiles(tmp_path),
                domains=find_domain,
                records=lambda _: None,
            )
            text = rf"cannot listen on {host}:{port}: .*; is another broker running\? choose"
            with pytest.raises(OperatorError, match=text):
                await second.start([(host, port)])
            LogFiles(tmp_path).close()  # the folder was let go of

    run(scenario)


def test_two_addresses(tmp_path: Path):
    async def scenario() -> None:
        server = BrokerServer(
            Broker(BrokerFacts()),
            files=LogFiles(tmp_path),
            domains=find_domain,
            records=lambda _: None,
        )
        bound = await server.start([("127.0.0.1", 0), ("127.0.0.1", 0)])
        for address in bound:
            bench = Bench(server, address)
            (await bench.session()).close()
        assert len({port for _, port in bound}) == 2
        await server.abort()

    run(scenario)


def test_a_graceful_stop_waits_for_confirms_and_sends_what_waits(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            wire = await bench.session(STRONG_URI)
            wire.send(puts(1))
            await wire.events(2)
            stopping = asyncio.ensure_future(bench.server.close())
            wire.send(puts(2))
            assert statuses(await wire.events(1)) == [0]
            assert not stopping.done()
            wire.send(confirm_event([(0, guid(1), 0)]))
            assert await wire.closed() == b""
            await stopping
        async with running(tmp_path) as bench:
            assert bench.server.broker.statistics().messages == 1

    run(scenario)


def test_a_stop_has_a_time_limit(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path, cluster=cluster(shutdown_timeout_ms=50)) as bench:
            wire = await bench.session(MEM_URI)
            wire.send(puts(1))
            await wire.events(2)
            await bench.server.close()
            assert any("giving up on 1 unconfirmed" in record.message for record in bench.records)
            assert await wire.closed() == b""

    run(scenario)


def test_stopping_refuses_new_connections(tmp_path: Path):
    async def scenario() -> None:
        async with running(tmp_path) as bench:
            bench.server.stop()
            await bench.server.stopped
            with pytest.raises(ConnectionRefusedError):
                await bench.connect()

    run(scenario)


def test_a_damaged_log_is_refused_and_the_folder_let_go(tmp_path: Path):
    (tmp_path / "bmq_0.000000000001.bmq_data").write_bytes(b"something else")

    async def scenario() -> None:
        files = LogFiles(tmp_path)
        server = BrokerServer(
            Broker(BrokerFacts()), files=files, domains=find_domain, records=lambda _: None
        )
        with pytest.raises(OperatorError, match="is damaged at byte 0: 14 bytes where a head"):
            await server.start([("127.0.0.1", 0)])
        await server.abort()
        LogFiles(tmp_path).close()

    run(scenario)
