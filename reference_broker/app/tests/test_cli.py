"""`python -m reference_broker`: exit codes, lines and signals."""

from __future__ import annotations

import json
import signal
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from reference_broker.app import ReferenceBroker, cli
from reference_broker.app.broker import Overrides
from reference_broker.app.cli import main
from reference_broker.app.records import LOGGER
from reference_broker.app.tests.child import (
    PATIENCE_S,
    ROOT,
    drop_in_folder,
    lines_until,
    process,
    value_in,
)
from reference_broker.app.tests.test_broker import write_folder
from reference_broker.client import BlockingClient, ClientSettings
from reference_broker.runtime import LogFiles


@pytest.fixture(autouse=True)
def _logger_as_it_was() -> Iterator[None]:
    """`main` sets the logger up for a process of its own."""
    handlers, level, propagate = list(LOGGER.handlers), LOGGER.level, LOGGER.propagate
    yield
    LOGGER.handlers = handlers
    LOGGER.setLevel(level)
    LOGGER.propagate = propagate


# Exit codes.


def test_the_version(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert main(["-v"]) == 0
    assert capsys.readouterr().out == "BlazingMQ broker version: 99.99.99\n" * 2


def test_a_bad_command_line(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["--nonsense"])
    assert caught.value.code == 1
    assert "PANIC [STARTUP] Failed to parse command line: " in capsys.readouterr().err


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


def test_a_node_that_is_another_broker(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    etc = write_folder(tmp_path)
    path = etc / "clusters.json"
    clusters = json.loads(path.read_text())
    node = clusters["myClusters"][0]["nodes"][0]
    node["name"] = "other"
    node["transport"]["tcp"]["endpoint"] = "tcp://192.0.2.1:30114"
    path.write_text(json.dumps(clusters))
    assert main([str(etc)]) == 2
    error = capsys.readouterr().err
    assert "myClusters[0].nodes[0].name is 'other' but must be this broker: name its" in error


def test_a_storage_folder_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    held = LogFiles(tmp_path)
    assert main(["-p", "0", "--storage", str(tmp_path)]) == 6
    held.close()
    assert "is in use by another broker; stop it first" in capsys.readouterr().err


def test_a_damaged_log(tmp_path: Path):
    name = "bmq_0.000000000001.bmq_data"
    (tmp_path / name).write_bytes(b"something else" * 100)
    with process("-p", "0", "--storage", str(tmp_path)) as running:
        assert running.wait(PATIENCE_S) == 9
        assert running.stderr is not None
        error = running.stderr.read()
    assert error.startswith("PANIC [STARTUP] (9): ")
    assert name in error


def test_a_log_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("")
    drop_in_folder(tmp_path, fileName=str(tmp_path / "file" / "log"))
    assert main([str(tmp_path / "etc")]) == 3
    error = capsys.readouterr().err
    assert error.startswith("PANIC [STARTUP] (3): log file ")
    assert "logController.fileName" in error


def test_an_error_of_the_program_is_no_bad_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def resolve(*_: object) -> None:
        raise ZeroDivisionError("never mind")

    monkeypatch.setattr(ReferenceBroker, "_addresses", resolve)
    assert main(["-p", "0"]) == 6
    written = capsys.readouterr()
    assert written.err == "PANIC [STARTUP] (6): never mind\n"
    assert "ZeroDivisionError" in written.out


def test_defaults(monkeypatch: pytest.MonkeyPatch):
    made: list[tuple[object, ...]] = []

    def broker(etc: object, **named: object) -> None:
        names = ("host", "port", "storage", "metrics_port", "overrides")
        made.append((etc, *(named[name] for name in names)))

    monkeypatch.setattr(cli, "ReferenceBroker", broker)
    monkeypatch.setattr(cli, "_run_loop", lambda _: None)
    lines = [[], ["etc"], ["-p", "7", "--host", "a", "-h", "b", "--metrics-port", "0", "etc"]]
    assert [main(line) for line in lines] == [0, 0, 0]
    assert made == [
        (None, None, 30114, None, None, Overrides()),
        (Path("etc"), None, None, None, None, Overrides()),
        (Path("etc"), "a", 7, None, 0, Overrides(host_name="b")),
    ]


def test_the_package_installs_a_file_with_the_peers_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["bmqbrkr.tsk"].partition(":")
    assert function == "main_as_peer"
    assert callable(getattr(import_module(module), function))


# The life of a process.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals):
    with process("-p", "0", "--storage", str(tmp_path)) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        assert lines[0] == f"STARTING bmqbrkr [pid: {running.pid}]"
        assert lines[-1] == f"STARTED bmqbrkr [pid: {running.pid}]"
        with BlockingClient(
            value_in(lines, "address"), ClientSettings(retry_interval_s=0.01)
        ) as client:
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
        address = value_in(lines_until(first, "STARTED bmqbrkr"), "address")
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
        client = BlockingClient(value_in(lines, "address"), ClientSettings()).__enter__()
        client.open(uri, write=True).post_many([b"1", b"2"])
        running.kill()
        client.abort()
        running.wait(PATIENCE_S)
    with process("-p", "0", "--storage", str(tmp_path)) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        assert any("recovered 2 messages in 1 queues" in line for line in lines)
        with BlockingClient(value_in(lines, "address"), ClientSettings()) as client:
            queue = client.open(uri, read=True)
            found = [queue.get(PATIENCE_S).payload for _ in range(2)]
            assert found == [b"1", b"2"]
            queue.close()
