"""BMQ-PROC: the process of a broker: its command line, files, signals and control pipe."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import time
from pathlib import Path
from typing import Final

import pytest

from reference_broker.wire import put_event
from suites.harness.target import Capability, Target, TargetKind, TargetSpec, free_port
from suites.harness.topology import MEM_DOMAIN, write_config_folder
from suites.integration.actor import Actor
from suites.integration.admin import AdminActor
from suites.integration.case import case
from suites.integration.connections import Wire
from suites.integration.log import wait_for_log
from suites.integration.processes import launched

_PROCESS: Final = (Capability.LIFECYCLE, Capability.CONFIGURED, Capability.PROCESS)
_BAD_COMMAND_LINE: Final = 1
_BAD_CONFIGURATION: Final = 2
#: How long nothing must come from a broker that is held up.
_HELD_S: Final = 0.05
#: As the system calls a process that SIGSTOP has reached.
_STOPPED: Final = "T"
_LOOK_S: Final = 0.002


def _send_line(folder: Path, line: str) -> None:
    """Write a line to the control pipe, as BlazingMQ's tools do: the pipe must have a reader."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK
    descriptor = os.open(folder / "bmqbrkr.ctl", flags)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@case(
    "BMQ-PROC-1",
    statement="-v tells the version; a command line that is wrong ends the broker with its usage.",
    expectation="-v prints `BlazingMQ broker version: ...` and exits with 0, an option that there is "
    "not with 1 and `PANIC [STARTUP] Failed to parse command line` on standard error; a drop-in "
    "without a folder exits with 1. None leaves a file.",
    needs=_PROCESS,
    proves=("PROC-4", "PROC-11"),
)
def test_command_line(target_spec: TargetSpec, tmp_path: Path) -> None:
    lines: dict[str, tuple[str, ...]] = {
        "version": ("etc", "-v"),
        "nonsense": ("etc", "--nonsense"),
    }
    if target_spec.kind is TargetKind.EXECUTABLE:
        lines["nothing"] = ()
    with contextlib.ExitStack() as stack:
        processes = {
            name: stack.enter_context(launched(target_spec, tmp_path, *line))
            for name, line in lines.items()
        }
        codes = {name: process.wait() for name, process in processes.items()}
        assert codes.pop("version") == 0
        text = processes["version"].output
        assert re.fullmatch(r"BlazingMQ broker version: \S+\n", text), text
        assert set(codes.values()) == {_BAD_COMMAND_LINE}, codes
        errors = processes["nonsense"].errors
        assert "PANIC [STARTUP] Failed to parse command line" in errors, errors
        if "nothing" in processes:
            assert 'the non-option argument "config"' in processes["nothing"].errors
    assert not list(tmp_path.iterdir())


@case(
    "BMQ-PROC-2",
    statement="A configuration that is refused ends the broker with the exit code 2, before it has "
    "touched anything.",
    expectation="A second listener whose port is a word: code 2, a PANIC on standard error, and no "
    "files; the reference broker names file and member, and what would be right.",
    needs=_PROCESS,
    proves=("FILE-2", "PROC-5"),
)
def test_refused_configuration(target_spec: TargetSpec, tmp_path: Path) -> None:
    path = write_config_folder(tmp_path, free_port()) / "bmqbrkrcfg.json"
    content = json.loads(path.read_text())
    listeners = content["appConfig"]["networkInterfaces"]["tcpInterface"]["listeners"]
    listeners.append({"name": "second", "port": "high"})
    path.write_text(json.dumps(content))
    with launched(target_spec, tmp_path, "etc") as process:
        assert process.wait() == _BAD_CONFIGURATION, process.errors
        assert re.match(r"PANIC \[STARTUP\] \(-?\d+\): ", process.errors), process.errors
        if target_spec.is_ours:
            member = "appConfig.networkInterfaces.tcpInterface.listeners[1].port is 'high'"
            assert f"etc/bmqbrkrcfg.json: {member} but must be" in process.errors, process.errors
    assert not list(tmp_path.glob("bmqbrkr.*"))


@case(
    "BMQ-PROC-3",
    statement="While it runs the broker has its number in bmqbrkr.pid and reads lines from the named "
    "pipe bmqbrkr.ctl: CMD with a command, and others, which it complains of. SIGTERM stops it, and "
    "SIGPIPE and SIGXFSZ do nothing.",
    expectation="A command is answered in the log, a wrong one and a word that there is not with an "
    "error. After SIGKILL the next start takes the place of the files that "
    "are left. There the broker acknowledges nothing while SIGSTOP holds it up, and then what came "
    "meanwhile; SIGTERM, twice, makes it disconnect its client, exit with 0 and remove the files.",
    needs=_PROCESS,
    proves=(
        "PROC-2",
        "PROC-3",
        "PROC-6",
        "PROC-12",
        "PROC-13",
        "PIPE-1",
        "PIPE-2",
        "PIPE-4",
    ),
)
def test_files_pipe_and_signals(wire: Wire, fresh_target: Target) -> None:
    folder = fresh_target.storage.parent
    pid_file, pipe = folder / "bmqbrkr.pid", folder / "bmqbrkr.ctl"
    _see_files(fresh_target)
    wait_for_log(fresh_target, "BMQbrkr started successfully")
    _send_line(folder, "CMD CLUSTERS LIST")
    _send_line(folder, "CMD CLUSTERS NONSENSE")
    _send_line(folder, "NONSENSE of ours")
    for answer in (
        "Command 'CMD CLUSTERS LIST' processed successfully",
        "The following clusters are active:",
        "Error processing command [rc: -31]",
        "Failed to dispatch M-Trap message 'NONSENSE of ours' [rc: -1]",
    ):
        wait_for_log(fresh_target, re.escape(answer))
    fresh_target.kill()
    assert pid_file.exists(), "it was not killed"
    if fresh_target.spec.is_ours:  # BlazingMQ makes room for a pipe only
        pipe.unlink()
        pipe.write_text("CMD HELP\n")  # what a tool makes that finds no pipe
    fresh_target.restart()
    _see_files(fresh_target)
    client = wire.writer(f"bmq://{MEM_DOMAIN}/signals", target=fresh_target)
    assert fresh_target.pid is not None
    _try_signals(client, fresh_target.pid)
    client.expect_closed()
    assert fresh_target.stop() == 0
    assert not pid_file.exists()
    assert not pipe.exists()


def _see_files(target: Target) -> None:
    folder = target.storage.parent
    assert (folder / "bmqbrkr.pid").read_text() == f"{target.pid}\n"
    assert stat.S_ISFIFO((folder / "bmqbrkr.ctl").stat().st_mode)


def _try_signals(client: Actor, pid: int) -> None:
    """Send a broker signals, the last ones to end it; the client posts meanwhile."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        os.kill(pid, number)
        client.post(b"as before")
    os.kill(pid, signal.SIGSTOP)
    try:
        _await_stopped(client, pid)
        puts = client.puts([b"meanwhile"])
        client.send(put_event(puts))
        assert not client.pump(_HELD_S), "a broker that is held up answers"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert client.take_acks(1)[0][2] == puts[0].guid
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGTERM)


def _await_stopped(client: Actor, pid: int) -> None:
    give_up = time.monotonic() + client.timeout_s
    while _state_of(pid) != _STOPPED:
        assert time.monotonic() < give_up, "SIGSTOP does not stop it"
        client.pump(_LOOK_S)


def _state_of(pid: int) -> str:
    """Return the state of a process in a letter."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@case(
    "BMQ-PROC-4",
    statement="Options replace what the configuration says; BMQ_PREFIX is the folder of the files "
    "that the broker leaves.",
    expectation="-p, -h, -t and -d are in BROKERCONFIG DUMP, the broker listens on the port and calls "
    "itself by the name; -i is in the line `STARTED bmqbrkr`; pid, pipe and history are in the "
    "folder and not in the working folder, EXIT in the pipe ends it with 0, and only the history stays.",
    needs=_PROCESS,
    proves=("PROC-14", "PROC-15", "PROC-16", "PIPE-3"),
)
def test_options(target_spec: TargetSpec, tmp_path: Path) -> None:
    port, other_port = free_port(), free_port()
    etc = write_config_folder(tmp_path, other_port)
    _rename_node(etc, "elsewhere", port)
    (tmp_path / "run").mkdir()
    options = ("-p", str(port), "-h", "elsewhere", "-t", "one,two", "-d", "north", "-i", "second")
    line = ("etc", *options)
    with launched(target_spec, tmp_path, *line, environment={"BMQ_PREFIX": "run"}) as process:
        process.wait_printed(f"STARTED bmqbrkr [instance: 'second', pid: {process.pid}]\n")
        assert f"STARTING bmqbrkr [pid: {process.pid}]\n" in process.output
        with Actor("127.0.0.1", port, name="client") as client:
            answer = client.introduce()
            assert answer.broker_identity.host_name == "elsewhere"
            client.open(f"bmq://{MEM_DOMAIN}/options", write=True)
            client.post(b"served")
        with pytest.raises(ConnectionRefusedError):
            Actor("127.0.0.1", other_port).connect()
        admin = AdminActor("127.0.0.1", port, name="admin")
        admin.start_admin()
        config = json.loads(admin.command("BROKERCONFIG DUMP"))
        admin.close()
        told = [config[name] for name in ("hostName", "hostTags", "hostDataCenter")]
        assert told == ["elsewhere", "one,two", "north"]
        assert config["networkInterfaces"]["tcpInterface"]["port"] == port
        left = {path.name for path in (tmp_path / "run").iterdir()}
        assert left == {"bmqbrkr.pid", "bmqbrkr.ctl", "bmqbrkr.hist"}
        assert (tmp_path / "run" / "bmqbrkr.pid").read_text() == f"{process.pid}\n"
        assert len((tmp_path / "run" / "bmqbrkr.hist").read_text().splitlines()) == 1
        _send_line(tmp_path / "run", "EXIT")
        assert process.wait() == 0
        assert f"STOPPED bmqbrkr [instance: 'second', pid: {process.pid}]\n" in process.output
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["bmqbrkr.hist"]
    assert not list(tmp_path.glob("bmqbrkr.*"))


def _rename_node(etc: Path, name: str, port: int) -> None:
    """Change the name and the port of the cluster's node, and let `-p` say where to listen."""
    path = etc / "clusters.json"
    clusters = json.loads(path.read_text())
    (node,) = clusters["myClusters"][0]["nodes"]
    node["name"] = name
    node["transport"]["tcp"]["endpoint"] = f"tcp://localhost:{port}"
    path.write_text(json.dumps(clusters))
    path = etc / "bmqbrkrcfg.json"
    broker = json.loads(path.read_text())
    del broker["appConfig"]["networkInterfaces"]["tcpInterface"]["listeners"]
    path.write_text(json.dumps(broker))
