"""`python -m reference_broker`: exit codes, lines and signals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_broker.app import cli
from reference_broker.app.cli import main
from reference_broker.app.records import LOGGER
from reference_broker.app.tests.test_broker import write_folder
from reference_broker.client import BlockingClient, ClientSettings
from reference_broker.runtime import LogFiles

PATIENCE_S = 20.0
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _logger_as_it_was() -> Iterator[None]:
    """`main` sets the logger up for a process of its own."""
    handlers, level, propagate = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate
    yield
    LOGGER.handlers = handlers
    LOGGER.setLevel(level)
    LOGGER.propagate = propagate


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the broker as a process; it is gone in the end."""
    running = subprocess.Popen(
        [sys.executable, "-m", "reference_broker", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate(timeout=PATIENCE_S)


def lines_until(running: subprocess.Popen[str], wanted: str) -> list[str]:
    """Read lines up to the one that begins with `wanted`."""
    assert running.stdout is not None
    lines: list[str] = []
    for line in running.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(wanted):
            return lines
    raise AssertionError(f"no {wanted} in {lines}")


def address_in(lines: list[str]) -> str:
    (line,) = [line for line in lines if "started successfully" in line]
    return line.rpartition("address=")[2]


# Exit codes.


def test_the_version(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert main(["-v"]) == 0
    assert capsys.readouterr().out == "BlazingMQ broker version: 99.99.99\n" * 2


@pytest.mark.parametrize(
    "arguments",
    [["-p"], ["-p", "x"], ["-p", "65536"], ["-p", "-1"], ["--nonsense"], ["a", "b"],
     ["--log-level", "LOUD"]],
)  # fmt: skip
def test_a_bad_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert "usage: python -m reference_broker" in error
    assert "PANIC [STARTUP] Failed to parse command line: " in error


def test_a_bad_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path / "nowhere")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("PANIC [STARTUP] (2): ")
    assert "bmqbrkrcfg.json: cannot be read" in error


def test_a_wrong_value_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    etc = write_folder(tmp_path)
    path = etc / "clusters.json"
    path.write_text(path.read_text().replace('"numPartitions": 1', '"numPartitions": "one"'))
    assert main([str(etc)]) == 2
    error = capsys.readouterr().err
    assert "myClusters[0].partitionConfig.numPartitions is 'one' but must be" in error


def test_a_storage_folder_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    held = LogFiles(tmp_path)
    assert main(["-p", "0", "--storage", str(tmp_path)]) == 6
    held.close()
    assert "is in use by another broker; stop it first" in capsys.readouterr().err


def test_a_damaged_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    name = "partition-0000-segment-000000000001.log"
    (tmp_path / name).write_bytes(b"something else")
    assert main(["-p", "0", "--storage", str(tmp_path)]) == 9
    error = capsys.readouterr().err
    assert error.startswith("PANIC [STARTUP] (9): ")
    assert name in error


def test_defaults(monkeypatch: pytest.MonkeyPatch):
    made: list[dict[str, object]] = []

    def broker(*positional: object, **named: object) -> None:
        made.append({"etc": positional[0], **named})

    monkeypatch.setattr(cli, "ReferenceBroker", broker)
    monkeypatch.setattr(cli, "_run", lambda *_: None)
    assert [main([]), main(["etc"]), main(["-p", "7", "--host", "h", "etc"])] == [0, 0, 0]
    assert [(m["etc"], m["host"], m["port"]) for m in made] == [
        (None, None, 30114),
        (Path("etc"), None, None),
        (Path("etc"), "h", 7),
    ]


# The life of a process.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals):
    with process("-p", "0", "--storage", str(tmp_path)) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        assert lines[0] == f"STARTING bmqbrkr [pid: {running.pid}]"
        assert lines[-1] == f"STARTED bmqbrkr [pid: {running.pid}]"
        with BlockingClient(address_in(lines), ClientSettings(retry_interval_s=0.01)) as client:
            queue = client.open("bmq://bmq.test.mem.priority/q", write=True)
            queue.post(b"x")
        running.send_signal(number)
        lines = lines_until(running, "STOPPED bmqbrkr")
        assert any(line.endswith(f"({number.value})]") for line in lines)
        assert running.wait(PATIENCE_S) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""


def test_a_second_broker_on_the_same_port_is_refused(tmp_path: Path):
    with process("-p", "0", "--storage", str(tmp_path / "1")) as first:
        address = address_in(lines_until(first, "STARTED bmqbrkr"))
        port = address.rpartition(":")[2]
        with process("-p", port, "--storage", str(tmp_path / "2")) as second:
            assert second.wait(PATIENCE_S) == 6
            assert second.stderr is not None
            error = second.stderr.read()
        assert f"cannot listen on 127.0.0.1:{port}: " in error
        assert "choose another port with --port" in error
        assert "Traceback" not in error


def test_a_killed_broker_has_kept_what_it_acknowledged(tmp_path: Path):
    uri = "bmq://bmq.test.persistent.priority/q"
    with process("-p", "0", "--storage", str(tmp_path)) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        client = BlockingClient(address_in(lines), ClientSettings()).__enter__()
        client.open(uri, write=True).post_many([b"1", b"2"])
        running.kill()
        client.abort()
        running.wait(PATIENCE_S)
    with process("-p", "0", "--storage", str(tmp_path)) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        assert any("recovered 2 messages in 1 queues" in line for line in lines)
        with BlockingClient(address_in(lines), ClientSettings()) as client:
            queue = client.open(uri, read=True)
            found = [queue.get(PATIENCE_S).payload for _ in range(2)]
            assert found == [b"1", b"2"]
            queue.close()
