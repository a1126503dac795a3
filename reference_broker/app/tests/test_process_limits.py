"""What the process may do, and how it says that it could not."""

from __future__ import annotations

import asyncio
import logging
import resource
from pathlib import Path

import pytest

from reference_broker.app import ReferenceBroker, cli
from reference_broker.app.tests.test_broker import client, run
from reference_broker.app.tests.test_cli import _logger_as_it_was
from reference_broker.config import SampleConfig
from reference_broker.runtime import LogFiles, StorageError

__all__ = ["_logger_as_it_was"]  # a fixture, for this module's tests too
CONFIGURED = SampleConfig().load_broker().tcp.max_connections


def allow_files(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (count, count))


def connections_max(broker: ReferenceBroker) -> int:
    assert broker._core is not None
    return broker._core._connections_max


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


@pytest.mark.parametrize(("files", "served"), [(1_024, 768), (257, 1), (256, 1), (16, 1)])
def test_fewer_connections_are_served_than_files_may_be_open(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, files: int, served: int
):
    allow_files(monkeypatch, files)

    async def scenario() -> None:
        async with ReferenceBroker() as broker:
            assert connections_max(broker) == served

    run(scenario)
    (text,) = [text for text in warnings(caplog) if "ulimit -n" in text]
    assert text.startswith(f"{served} connections are served at once")
    assert f"only {files} files" in text


def test_with_files_enough_the_configuration_holds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    allow_files(monkeypatch, CONFIGURED + 256)

    async def scenario() -> None:
        async with ReferenceBroker() as broker:
            assert connections_max(broker) == CONFIGURED

    run(scenario)
    assert not any("ulimit" in text for text in warnings(caplog))


def test_one_connection_too_many_is_closed(monkeypatch: pytest.MonkeyPatch):
    allow_files(monkeypatch, 257)

    async def scenario() -> None:
        async with ReferenceBroker() as broker, client(broker) as first:
            queue = await first.open("bmq://bmq.test.mem.priority/q", read=True, write=True)
            reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
            assert await reader.read() == b""
            writer.close()
            await queue.post(b"x")
            assert (await queue.get()).payload == b"x"

    run(scenario)


# How a process says that it ended.


def test_a_disk_that_fails_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    real = ReferenceBroker.wait_stopped

    async def wait_stopped(broker: ReferenceBroker) -> None:
        broker._running._fail(StorageError("the disk is gone"))
        await real(broker)

    monkeypatch.setattr(ReferenceBroker, "wait_stopped", wait_stopped)
    assert cli.main(["-p", "0", "--storage", str(tmp_path)]) == cli.EXIT_RUN
    written = capsys.readouterr()
    assert written.err.splitlines()[-1] == "PANIC [RUN] (6): the disk is gone"
    assert "STARTED bmqbrkr" in written.out
    assert "STOPPED bmqbrkr" not in written.out


def test_a_storage_folder_in_use_is_a_matter_of_starting(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    held = LogFiles(tmp_path)
    assert cli.main(["-p", "0", "--storage", str(tmp_path)]) == cli.EXIT_RUN
    held.close()
    written = capsys.readouterr()
    assert written.err.splitlines()[-1].startswith("PANIC [STARTUP] (6): ")
    assert "STARTED" not in written.out
