"""What the server does with files: recovery before anybody connects, reads, removals after syncs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import cast

import pytest

from reference_broker.base import Instant, OperatorError
from reference_broker.config import DomainConfig, DomainNotFound
from reference_broker.core import Broker
from reference_broker.ports import (
    CreateFile,
    Effect,
    FilesFound,
    Input,
    Read,
    ReadDone,
    Ready,
    RemoveFile,
    Stop,
    Stopped,
    Sync,
    Synced,
    Write,
)
from reference_broker.runtime import BrokerServer, LogFiles, StorageError

OLD, NEW = "bmq_0.000000000001.bmq_data", "bmq_0.000000000002.bmq_data"


class Script:
    """A core that does what the test says."""

    def __init__(self, answer: Callable[[Input], list[Effect]]) -> None:
        self.answer = answer
        self.inputs: list[Input] = []

    def step(self, _now: Instant, inputs: Sequence[Input], *, wall_ns: int = 0) -> list[Effect]:
        assert wall_ns
        self.inputs += inputs
        return [effect for item in inputs for effect in self.answer(item)]

    def next_deadline(self) -> Instant | None:
        return None


def no_domain(name: str) -> DomainConfig:
    raise DomainNotFound(name)


def served(folder: Path, script: Script) -> BrokerServer:
    broker = cast("Broker", script)
    files = LogFiles(folder)
    return BrokerServer(broker, files=files, domains=no_domain, records=lambda _: None)


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(main())


def test_files_are_found_and_read_before_anybody_connects(tmp_path: Path):
    (tmp_path / OLD).write_bytes(b"0123456789")

    def answer(item: Input) -> list[Effect]:
        match item:
            case FilesFound(files):
                assert files == ((OLD, 10),)
                return [Read(1, OLD, ((2, 3), (8, 9)))]
            case ReadDone(1, outcome):
                assert outcome == (b"234", b"89")
                return [Read(2, "bmq_0.9.bmq_data", ((0, 1),))]
            case ReadDone(2, outcome):
                assert isinstance(outcome, StorageError)
                return [Ready()]
            case _:
                return [Stopped()] if isinstance(item, Stop) else []

    async def scenario() -> None:
        script = Script(answer)
        server = served(tmp_path, script)
        ((host, port),) = await server.start([("127.0.0.1", 0)])
        assert [type(item) for item in script.inputs] == [FilesFound, ReadDone, ReadDone]
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        await server.close()

    run(scenario)


def test_what_a_killed_broker_wrote_is_durable_before_the_core_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in (OLD, NEW):
        (tmp_path / name).write_bytes(b"may be in memory alone")
    events: list[str] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    def answer(item: Input) -> list[Effect]:
        events.append(type(item).__name__)
        return [Ready()] if isinstance(item, FilesFound) else []

    async def scenario() -> None:
        server = served(tmp_path, Script(answer))
        await server.start([("127.0.0.1", 0)])
        await server.abort()

    monkeypatch.setattr(os, "fsync", sync)
    run(scenario)
    assert events == [OLD, NEW, tmp_path.name, "FilesFound"]


def test_a_disk_that_refuses_to_sync_what_was_found_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / OLD).write_bytes(b"x")

    async def scenario() -> None:
        script = Script(lambda _: [Ready()])
        server = served(tmp_path, script)
        with pytest.raises(StorageError, match="Input/output error"):
            await server.start([("127.0.0.1", 0)])
        assert script.inputs == []
        await server.abort()

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    run(scenario)


def test_a_read_is_answered_although_its_file_is_removed_behind_it(tmp_path: Path):
    (tmp_path / OLD).write_bytes(b"old")
    outcomes: list[object] = []
    read = asyncio.Event()

    def answer(item: Input) -> list[Effect]:
        match item:
            case FilesFound():
                return [Ready(), Read(1, OLD, ((0, 3),)), RemoveFile(OLD), Read(2, OLD, ((0, 3),))]
            case ReadDone(token, outcome):
                outcomes.append((token, outcome))
                if len(outcomes) == 2:
                    read.set()
                return []
            case _:
                return [Stopped()] if isinstance(item, Stop) else []

    async def scenario() -> None:
        server = served(tmp_path, Script(answer))
        await server.start([("127.0.0.1", 0)])
        await read.wait()
        await server.close()

    run(scenario)
    assert (1, (b"old",)) in outcomes
    assert not list(tmp_path.iterdir())


def test_a_disk_that_refuses_to_read_is_told_to_the_core_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / OLD).write_bytes(b"old")
    outcomes: list[object] = []

    def answer(item: Input) -> list[Effect]:
        match item:
            case FilesFound():
                return [Read(7, OLD, ((0, 3),))]
            case ReadDone(7, outcome):
                outcomes.append(outcome)
                return [Ready()]
            case _:
                return [Stopped()] if isinstance(item, Stop) else []

    async def scenario() -> None:
        server = served(tmp_path, Script(answer))
        assert await server.start([("127.0.0.1", 0)])
        await server.close()

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", fail)
    run(scenario)
    (error,) = outcomes
    assert isinstance(error, StorageError)
    assert "read failed" in str(error)


def test_a_recovery_that_fails_ends_the_start(tmp_path: Path):
    (tmp_path / OLD).write_bytes(b"x")

    def answer(item: Input) -> list[Effect]:
        if isinstance(item, ReadDone):
            raise OperatorError("the file is damaged")
        return [Read(1, OLD, ((0, 1),))]

    async def scenario() -> None:
        server = served(tmp_path, Script(answer))
        with pytest.raises(OperatorError, match="the file is damaged"):
            await server.start([("127.0.0.1", 0)])
        await server.abort()

    run(scenario)


def test_a_file_is_removed_after_the_sync_that_it_waits_for(tmp_path: Path):
    (tmp_path / OLD).write_bytes(b"old")
    gone = asyncio.Event()

    def answer(item: Input) -> list[Effect]:
        match item:
            case FilesFound():
                effects: list[Effect] = [CreateFile(NEW), Write(NEW, [b"new"]), Ready()]
                return [*effects, RemoveFile(OLD), Sync(NEW, 1)]
            case Synced(1):
                gone.set()
                return []
            case _:
                return [Stopped()] if isinstance(item, Stop) else []

    async def scenario() -> None:
        server = served(tmp_path, Script(answer))
        await server.start([("127.0.0.1", 0)])
        await gone.wait()
        await server.close()

    run(scenario)
    assert [path.name for path in tmp_path.iterdir()] == [NEW]


def test_a_disk_that_refuses_to_remove_ends_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_files: LogFiles, _names: Sequence[str]) -> None:
        raise StorageError("no")

    def answer(item: Input) -> list[Effect]:
        return [Ready(), RemoveFile(OLD)] if isinstance(item, FilesFound) else []

    async def scenario() -> None:
        server = served(tmp_path, Script(answer))
        await server.start([("127.0.0.1", 0)])
        with pytest.raises(StorageError, match="no"):
            await asyncio.shield(server.stopped)
        with contextlib.suppress(StorageError):
            await server.close()

    monkeypatch.setattr(LogFiles, "remove", refuse)
    run(scenario)


def test_an_unforeseen_error_in_a_read_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / OLD).write_bytes(b"old")

    def refuse(*_arguments: object) -> bytes:
        raise MemoryError("too much")

    def answer(item: Input) -> list[Effect]:
        return [Read(1, OLD, ((0, 3),))] if isinstance(item, FilesFound) else [Ready()]

    async def scenario() -> None:
        server = served(tmp_path, Script(answer))
        with pytest.raises(MemoryError, match="too much"):
            await server.start([("127.0.0.1", 0)])

    monkeypatch.setattr("os.pread", refuse)
    run(scenario)
