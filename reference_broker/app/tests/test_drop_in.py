"""The process in place of the peer's: what start scripts, tools and a test harness see of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from reference_broker.app import cli
from reference_broker.app.tests.child import (
    PATIENCE_S,
    drop_in_folder,
    lines_until,
    process,
    value_in,
)
from reference_broker.app.tests.test_cli import _logger_as_it_was
from reference_broker.client import BlockingClient, ClientSettings

__all__ = ["_logger_as_it_was"]  # a fixture, for this module's tests too

#: As the peer's harness cuts lines.
RECORD = re.compile(
    r"(\w+(?:\.\w+)*)~@~(\w{9}_\d{2}:\d{2}:\d{2})\.(\d{3})~@~(\d+)~@~([A-Z]+)"
    r"~@~(\w+(?:\.\w+)+):(\d+)~@~(.*)"
)
PEER_ENTRY = (
    "import sys; from reference_broker.app.cli import main_as_peer; sys.exit(main_as_peer())"
)


def send(folder: Path, line: str) -> None:
    """Write a line to the control pipe, as tools do: it must have a reader."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK
    descriptor = os.open(folder / "bmqbrkr.ctl", flags)
    os.write(descriptor, line.encode() + b"\n")
    os.close(descriptor)


def rest_of(running: subprocess.Popen[str]) -> list[str]:
    """Return what it still prints until it ends."""
    assert running.stdout is not None
    return running.stdout.read().splitlines()


@pytest.mark.slow
def test_a_life_in_the_peers_place(tmp_path: Path):
    folder = drop_in_folder(tmp_path)
    with process("etc", cwd=folder, entry=PEER_ENTRY) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        pid = running.pid

        # The lines of the start, in their order, with the harness's layout between them.
        raw = [line for line in lines if not RECORD.fullmatch(line)]
        assert raw == [
            f"STARTING bmqbrkr [pid: {pid}]",
            "Reading broker configuration from etc/bmqbrkrcfg.json",
            f"STARTED bmqbrkr [pid: {pid}]",
        ]
        records = [found for line in lines if (found := RECORD.fullmatch(line))]
        for record in records:
            time.strptime(record.group(2), "%d%b%Y_%H:%M:%S")
        messages = [record.group(8) for record in records]
        assert [m.partition(" address=")[0] for m in messages[-3:]] == [
            "BMQbrkr started successfully",
            "Cluster (local) onClusterLeader: new leader: [localhost, 0], leader status: ACTIVE",
            "Cluster (local) is available",
        ]
        assert {record.group(5) for record in records} == {"INFO"}

        # What it leaves in the working directory.
        assert (folder / "bmqbrkr.pid").read_text() == f"{pid}\n"
        assert stat.S_ISFIFO((folder / "bmqbrkr.ctl").stat().st_mode)
        (start,) = (folder / "bmqbrkr.hist").read_text().splitlines()
        assert re.fullmatch(r"\d\d[A-Z]{3}\d{4}_[\d:]{8}\.\d{6}\|999999\|42\|[0-9A-F]{12}", start)

        # The control pipe.
        send(folder, "HELP")
        lines = lines_until(running, "    LOG ")
        assert lines[0] == "This process responds to the following messages:"
        send(folder, "NONSENSE é")
        (line,) = lines_until(running, "dispatch")
        refusal = RECORD.fullmatch(line)
        assert refusal is not None
        assert refusal.group(5) == "ERROR"
        assert refusal.group(8) == "Failed to dispatch M-Trap message 'NONSENSE é' [rc: -1]"
        send(folder, "LOG INFO")
        assert lines_until(running, "log file: none")[1:3] == ["verbosity: INFO", "console: INFO"]

        send(folder, "CMD  HELP")
        assert re.search(
            r"~@~Command 'CMD HELP' processed successfully in [\d.]+ \w+:$",
            lines_until(running, "CMD HELP")[-1],
        )
        assert lines_until(running, "BROKERCONFIG DUMP")
        send(folder, "CMD DOMAINS DOMAIN nowhere PURGE")
        (line,) = lines_until(running, "rc: ")[-1:]
        assert "~@~Error processing command [rc: -2] " in line
        send(folder, "CMD NONSENSE")
        (line,) = lines_until(running, "rc: ")[-1:]
        assert "~@~Error processing command [rc: -31] " in line

        # The end.
        running.send_signal(signal.SIGINT)
        lines = rest_of(running)
        assert running.wait(PATIENCE_S) == 0
        lines = lines[lines.index("Shutting down [received signal 'Interrupt' (2)]") :]
        assert lines[1] == f"STOPPING bmqbrkr [pid: {pid}]"
        assert re.search(r"~@~BMQbrkr stopped \(shutdown took [\d.]+ [a-z]+\)$", lines[-2])
        assert lines[-1] == f"STOPPED bmqbrkr [pid: {pid}]"
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert {path.name for path in folder.glob("bmqbrkr.*")} == {"bmqbrkr.hist"}


@pytest.mark.slow
def test_a_pipe_that_a_killed_broker_left_makes_room(tmp_path: Path):
    folder = drop_in_folder(tmp_path)
    with process("etc", cwd=folder) as running:
        lines_until(running, "STARTED bmqbrkr")
        running.kill()
        running.wait(PATIENCE_S)
    assert stat.S_ISFIFO((folder / "bmqbrkr.ctl").stat().st_mode)
    with process("etc", "-i", "second", cwd=folder) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        assert lines[0] == f"STARTING bmqbrkr [pid: {running.pid}]"
        assert lines[-1] == f"STARTED bmqbrkr [instance: 'second', pid: {running.pid}]"
        assert (folder / "bmqbrkr.pid").read_text() == f"{running.pid}\n"
        with process("etc", cwd=folder) as third:  # the pipe is the second's now
            assert third.wait(PATIENCE_S) == 3
            assert third.stderr is not None
            error = third.stderr.read()
        assert error.startswith("PANIC [STARTUP] (3): control pipe bmqbrkr.ctl is in use")
        assert (folder / "bmqbrkr.pid").read_text() == f"{running.pid}\n"
        send(folder, "EXIT")
        lines = rest_of(running)
        assert running.wait(PATIENCE_S) == 0
        assert lines[0] == f"STOPPING bmqbrkr [instance: 'second', pid: {running.pid}]"
    assert len((folder / "bmqbrkr.hist").read_text().splitlines()) == 2


@pytest.mark.slow
def test_a_broker_that_is_refused_leaves_the_files_of_the_first(tmp_path: Path):
    folder = drop_in_folder(tmp_path)
    with process("etc", cwd=folder) as first:
        lines_until(first, "STARTED bmqbrkr")
        (folder / "bmqbrkr.ctl").unlink()  # which would tell the second
        with process("etc", cwd=folder) as second:
            assert second.wait(PATIENCE_S) == 6
            assert second.stderr is not None
            assert "in use by another broker; stop it first" in second.stderr.read()
        elsewhere = drop_in_folder(tmp_path / "elsewhere")  # has a storage of its own
        with process(f"{elsewhere}/etc", cwd=folder) as third:
            assert third.wait(PATIENCE_S) == 3
            assert third.stderr is not None
            assert "another broker that runs; stop it" in third.stderr.read()
        assert (folder / "bmqbrkr.pid").read_text() == f"{first.pid}\n"


@pytest.mark.parametrize("name", ["bmqbrkr.pid", "bmqbrkr.hist"])
def test_a_named_pipe_in_the_place_of_a_file_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
):
    monkeypatch.setenv("BMQ_PREFIX", str(tmp_path))
    os.mkfifo(tmp_path / name)
    assert cli.main([str(drop_in_folder(tmp_path) / "etc")]) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"PANIC [STARTUP] (3): {tmp_path / name} is a named pipe")
    assert "remove it" in error


@pytest.mark.slow
def test_the_prefix_is_where_the_files_are(tmp_path: Path):
    folder = drop_in_folder(tmp_path)
    (folder / "run").mkdir()
    with process("etc", cwd=folder, BMQ_PREFIX=f"{folder}/run/") as running:
        lines_until(running, "STARTED bmqbrkr")
        names = {path.name for path in (folder / "run").iterdir()}
        assert names == {"bmqbrkr.ctl", "bmqbrkr.pid", "bmqbrkr.hist"}
    assert not list(folder.glob("bmqbrkr.*"))


@pytest.mark.slow
def test_every_listener_serves(tmp_path: Path):
    folder = drop_in_folder(tmp_path)
    path = folder / "etc" / "bmqbrkrcfg.json"
    document = json.loads(path.read_text())
    tcp = document["appConfig"]["networkInterfaces"]["tcpInterface"]
    tcp["port"] = -1
    tcp["listeners"] = [
        {"name": name, "address": "127.0.0.1", "port": 0} for name in ("BROKER", "listener0")
    ]
    path.write_text(json.dumps(document))
    with process("etc", cwd=folder) as running:
        lines = lines_until(running, "started successfully")
        ports = [value_in([line], "port") for line in lines if "~@~listening" in line]
        assert len(set(ports)) == 2
        assert value_in(lines[-1:], "address").endswith(f":{ports[0]}")
        with contextlib.ExitStack() as stack:
            producer, consumer = (
                stack.enter_context(BlockingClient(f"tcp://127.0.0.1:{port}", ClientSettings()))
                for port in ports
            )
            producer.open("bmq://mine/q", write=True).post(b"x")
            assert consumer.open("bmq://mine/q", read=True).get(PATIENCE_S).payload == b"x"


@pytest.mark.slow
def test_the_log_file_has_what_the_configuration_says(tmp_path: Path):
    folder = drop_in_folder(
        tmp_path,
        fileName="logs/logs.%T.%p",
        logfileFormat="%s|%c|%m\n\n",
        consoleSeverityThreshold="ERROR",
        categories=["MQBBLP*:ERROR:red"],
    )
    with process("etc", cwd=folder) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        assert not any(RECORD.fullmatch(line) for line in lines)
        (file,) = (folder / "logs").iterdir()
        assert re.fullmatch(rf"logs\.\d{{8}}_\d{{6}}\.{running.pid}", file.name)
        text = file.read_text()
        assert re.search(r"^INFO\|BMQBRKR\|BMQbrkr started successfully .*\n\n", text, re.MULTILINE)
        assert "MQBBLP" not in text
        send(folder, "LOG CONSOLE INFO")
        assert "processed" in lines_until(running, "LOG CONSOLE")[0]


@pytest.mark.slow
def test_json_is_an_object_a_line(tmp_path: Path):
    folder = drop_in_folder(tmp_path)
    with process("etc", "--log-format", "json", cwd=folder) as running:
        lines = lines_until(running, "STARTED bmqbrkr")
        running.send_signal(signal.SIGTERM)
        lines += rest_of(running)
        assert running.wait(PATIENCE_S) == 0
    records = [json.loads(line) for line in lines]
    (started,) = [r for r in records if r["message"] == "BMQbrkr started successfully"]
    assert started["severity"] == "INFO"
    assert started["category"] == "BMQBRKR"
    assert started["fields"]["address"].startswith("tcp://127.0.0.1:")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", started["time"])
    assert records[-1]["message"].startswith("STOPPED bmqbrkr")


@pytest.mark.slow
def test_nobody_need_read_what_it_prints(tmp_path: Path):
    folder = drop_in_folder(tmp_path)
    with process("etc", cwd=folder) as running:
        lines_until(running, "STARTED bmqbrkr")
        assert running.stdout is not None
        running.stdout.close()
        send(folder, "LOG INFO")
        send(folder, "HELP")
        send(folder, "EXIT")
        assert running.wait(PATIENCE_S) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""
        running.stdout = None
