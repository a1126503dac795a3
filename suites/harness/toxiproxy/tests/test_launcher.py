from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests
from toxiproxy.api import APIConsumer

from reference_broker.base import OperatorError
from suites.harness.toxiproxy import ToxiproxyServer, find_real_server, install_with_go, launcher
from suites.harness.toxiproxy.tests.peers import Upstream, connect, echo, is_closed, read


def make_executable(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No real server anywhere, a short PATH and an empty working directory."""
    monkeypatch.delenv("TOXIPROXY_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("PYTHONPATH", str(launcher.ROOT))
    monkeypatch.setattr(launcher, "ROOT", tmp_path / "root")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path


def test_the_real_server_is_looked_for_in_order(bare, monkeypatch):
    assert find_real_server() is None
    in_cwd = make_executable(bare / "cwd" / ".tools/bin/toxiproxy-server")
    assert find_real_server() == in_cwd
    in_root = make_executable(bare / "root" / ".tools/bin/toxiproxy-server")
    assert find_real_server() == in_root
    on_path = make_executable(bare / "path" / "toxiproxy-server")
    assert find_real_server() == on_path
    named = make_executable(bare / "named")
    monkeypatch.setenv("TOXIPROXY_SERVER", str(named))
    assert find_real_server() == named


def test_a_server_that_is_not_executable_is_passed_over(bare):
    make_executable(bare / "root" / ".tools/bin/toxiproxy-server").chmod(0o644)
    assert find_real_server() is None


def test_a_named_server_has_to_be_there(bare, monkeypatch):
    monkeypatch.setenv("TOXIPROXY_SERVER", str(bare / "missing"))
    with pytest.raises(OperatorError, match=r"TOXIPROXY_SERVER is .*missing"):
        find_real_server()


@pytest.mark.usefixtures("bare")
def test_the_real_server_is_missed_where_it_is_wanted():
    with (
        pytest.raises(OperatorError, match="there is no toxiproxy-server"),
        ToxiproxyServer("real"),
    ):
        pass


@pytest.mark.usefixtures("bare")
def test_own_server_runs_where_there_is_no_real_one():
    with ToxiproxyServer(seed=5) as server:
        assert (server.kind, server.version) == ("own", "2.12.0+gauntlet")
        assert server.description == "gauntlet toxiproxy (own, seed 5)"
        assert server.client().proxies() == {}
        connect(f"{server.host}:{server.port}").close()
    with pytest.raises(ConnectionRefusedError):
        connect(f"{server.host}:{server.port}")


@pytest.mark.timeout(240)  # it may have to be built
@pytest.mark.parametrize("server", ["real"], indirect=True)
def test_the_real_server_is_taken_where_there_is_one(server):
    assert server.version
    assert server.description == f"toxiproxy-server {server.version} (real)"
    found = find_real_server()
    assert found is not None
    with ToxiproxyServer() as other:
        assert (other.kind, other.version) == ("real", server.version)


def test_the_clients_address_is_put_back():
    before = (APIConsumer.host, APIConsumer.port)
    with ToxiproxyServer("own") as outer:
        outer.client()
        with ToxiproxyServer("own") as inner:
            inner.client()
            assert APIConsumer.port == inner.port
        assert APIConsumer.port == outer.port
    assert (APIConsumer.host, APIConsumer.port) == before


def test_a_server_that_does_not_start_says_why(bare, monkeypatch):
    script = "echo 'bad news' >&2; exit 3"
    monkeypatch.setenv("TOXIPROXY_SERVER", str(make_executable(bare / "broken", script)))
    with (
        pytest.raises(OperatorError, match=r"ended with code 3; it wrote: bad news"),
        ToxiproxyServer(),
    ):
        pass


def test_a_server_that_never_answers_is_given_up_and_ended(bare, monkeypatch):
    monkeypatch.setattr(launcher, "START_SECONDS_MAX", 0.3)
    pid_file = bare / "pid"
    script = f"echo $$ > {pid_file}; exec {sys.executable} -c 'import signal; signal.pause()'"
    monkeypatch.setenv("TOXIPROXY_SERVER", str(make_executable(bare / "mute", script)))
    with pytest.raises(OperatorError, match="did not answer"), ToxiproxyServer():
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_server_that_does_not_end_is_killed(monkeypatch):
    monkeypatch.setattr(launcher, "STOP_SECONDS_MAX", 0.2)
    with ToxiproxyServer("own") as server:
        process = server._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
    assert process.returncode == -signal.SIGKILL


def test_a_taken_port_is_tried_again_elsewhere(bare, monkeypatch):
    """The stand-in refuses the first port as the real server does, then runs our own."""
    marker = bare / "tried"
    script = (
        f"if [ ! -e {marker} ]; then : > {marker}; "
        "echo 'bind: address already in use'; exit 1; fi\n"
        f'PYTHONPATH={Path(__file__).parents[4]} exec {sys.executable} -m suites.harness.toxiproxy "$@"'
    )
    monkeypatch.setenv("TOXIPROXY_SERVER", str(make_executable(bare / "shy", script)))
    with ToxiproxyServer() as server:
        assert marker.exists()
        assert server.kind == "real"
        assert server.client().running() is True


def test_nothing_is_built_without_go(bare, caplog):
    with caplog.at_level(logging.INFO):
        assert install_with_go(bare / "tools") is None
    assert "there is no go on PATH" in caplog.text
    assert not (bare / "tools").exists()


def test_a_failed_build_is_told_and_leaves_nothing(bare, caplog):
    make_executable(bare / "path" / "go", "echo 'no such module'; exit 1")
    assert install_with_go(bare / "tools") is None
    assert "no such module" in caplog.text
    assert list((bare / "tools").iterdir()) == []


def test_a_build_that_takes_too_long_is_ended(bare, caplog, monkeypatch):
    monkeypatch.setattr(launcher, "INSTALL_SECONDS_MAX", 0.2)
    script = f"exec {sys.executable} -c 'import signal; signal.pause()'"
    make_executable(bare / "path" / "go", script)
    assert install_with_go(bare / "tools") is None
    assert "took longer" in caplog.text


def test_a_build_is_put_in_place_under_its_name(bare):
    script = 'echo "$@" > "$GOBIN/server"'
    make_executable(bare / "path" / "go", script)
    built = install_with_go(bare / "tools")
    assert built is not None
    assert built == bare / "tools" / "toxiproxy-server"
    assert "/v2/cmd/server@v2.12.0" in built.read_text()
    assert list((bare / "tools").iterdir()) == [built]


def run_main(*arguments: str, python: Sequence[str] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *python, "-m", "suites.harness.toxiproxy", *arguments],
        cwd=Path(__file__).parents[4],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_main_tells_its_address_and_ends_on_a_signal(number):
    with run_main("-port", "0", "-seed", "3") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(r"toxiproxy listens on 127\.0\.0\.1:[1-9]\d*, seed 3\n", line)
        process.send_signal(number)
        output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "", "")


def test_main_ends_cleanly_with_connections_open():
    """Also with every warning of Python and asyncio turned on."""
    with run_main("-port", "0", python=["-X", "dev", "-W", "error"]) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split(",")[0].rpartition(" ")[2]
        with Upstream(echo) as upstream:
            body = {"name": "p", "upstream": upstream.address}
            answer = requests.post(f"http://{address}/proxies", json=body, timeout=10).json()
            toxics = f"http://{address}/proxies/p/toxics"
            with connect(answer["listen"]) as sock:
                sock.sendall(b"x")
                assert read(sock, 1) == b"x"
                for kind in ("latency", "timeout", "bandwidth"):
                    requests.post(toxics, json={"type": kind}, timeout=10).raise_for_status()
                sock.sendall(bytes(1_000_000))
                process.terminate()
                assert is_closed(sock)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    lines = [line for line in errors.splitlines() if " INFO " not in line]
    assert lines == []


def test_main_refuses_what_is_not_loopback_and_a_taken_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        first, second = run_main("--host", "0.0.0.0"), run_main("--port", port)
        _, off_loopback = first.communicate(timeout=20)
        _, in_use = second.communicate(timeout=20)
    assert (first.returncode, second.returncode) == (1, 1)
    assert "--host has the host '0.0.0.0' but has to be a loopback address" in off_loopback
    assert f"cannot listen on 127.0.0.1:{port}" in in_use
