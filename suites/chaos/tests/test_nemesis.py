"""What the nemesis does to a link, seen from both of its ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from toxiproxy.proxy import Proxy

from suites.chaos.nemesis import Nemesis, NemesisError
from suites.chaos.recorder import Recorder
from suites.chaos.schedule import (
    DOWNSTREAM,
    NODE,
    PRODUCER_LINK,
    UPSTREAM,
    Action,
    Schedule,
    Step,
)
from suites.harness.history import EventType, Function, HistoryWriter, read_history
from suites.harness.toxiproxy import ToxiproxyServer
from suites.harness.toxiproxy.tests.peers import Upstream, connect, echo, is_closed, read


@pytest.fixture(scope="module")
def server() -> Iterator[ToxiproxyServer]:
    with ToxiproxyServer("own") as server:
        yield server


@pytest.fixture
def proxy(server: ToxiproxyServer) -> Iterator[Proxy]:
    with Upstream(echo) as upstream:
        client = server.client()
        yield client.create(upstream=upstream.address, name=PRODUCER_LINK)
        client.destroy_all()


@pytest.fixture
def nemesis(tmp_path: Path, proxy: Proxy) -> Iterator[Nemesis]:
    with HistoryWriter(tmp_path / "run.jsonl") as history:
        yield Nemesis(Recorder(history), links={PRODUCER_LINK: proxy})


def do(nemesis: Nemesis, action: Action, **parameters: int | str) -> None:
    step = Step(at_s=0, action=action, target=PRODUCER_LINK, parameters=parameters)
    asyncio.run(nemesis.apply(step))


def echoes(sock: socket.socket, data: bytes = b"x") -> bool:
    sock.sendall(data)
    return read(sock, len(data)) == data


def is_silent(sock: socket.socket) -> bool:
    sock.settimeout(0.2)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    finally:
        sock.settimeout(10)
    return False


@pytest.mark.parametrize("stream", [UPSTREAM, DOWNSTREAM])
def test_a_black_hole_swallows_until_it_is_healed(nemesis, proxy, stream):
    with connect(proxy.listen) as sock:
        assert echoes(sock)
        do(nemesis, Action.BLACK_HOLE, stream=stream)
        sock.sendall(b"y")
        assert is_silent(sock)
        do(nemesis, Action.HEAL)
        assert is_closed(sock)
    with connect(proxy.listen) as sock:
        assert echoes(sock)


def test_a_cut_drops_and_refuses(nemesis, proxy):
    with connect(proxy.listen) as sock:
        assert echoes(sock)
        do(nemesis, Action.CUT)
        assert is_closed(sock)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy.listen)
    do(nemesis, Action.HEAL)
    with connect(proxy.listen) as sock:
        assert echoes(sock)


def test_reset_peer_resets_old_and_new_connections(nemesis, proxy):
    with connect(proxy.listen) as sock:
        assert echoes(sock)
        do(nemesis, Action.RESET_PEER, timeout_ms=0)
        with pytest.raises(ConnectionResetError):
            echoes(sock)
    with connect(proxy.listen) as sock, pytest.raises(ConnectionResetError):
        echoes(sock)
    do(nemesis, Action.HEAL)
    with connect(proxy.listen) as sock:
        assert echoes(sock)


def test_a_schedule_is_carried_out_in_time_and_noted(tmp_path, nemesis, proxy):
    steps = (
        Step(at_s=0.1, action=Action.CUT, target=PRODUCER_LINK),
        Step(at_s=0.3, action=Action.HEAL, target=PRODUCER_LINK),
    )
    asyncio.run(nemesis.run(Schedule("short", steps)))
    nemesis._recorder._history.__exit__(None, None, None)
    events = list(read_history(tmp_path / "run.jsonl"))
    assert [(event.function, event.type, event.value) for event in events] == [
        (Function.FAULT, event_type, action)
        for action in (Action.CUT, Action.HEAL)
        for event_type in (EventType.INVOKE, EventType.OK)
    ]
    assert events[0].time_ns >= 100_000_000
    assert events[2].time_ns - events[0].time_ns >= 180_000_000
    with connect(proxy.listen) as sock:
        assert echoes(sock)


def test_a_step_that_fails_is_noted_and_raised(tmp_path, nemesis):
    do(nemesis, Action.BLACK_HOLE, stream=UPSTREAM)
    with pytest.raises(NemesisError, match=r"'0 s: black-hole producers-broker .* failed: "):
        do(nemesis, Action.BLACK_HOLE, stream=UPSTREAM)
    nemesis._recorder._history.__exit__(None, None, None)
    types = [event.type for event in read_history(tmp_path / "run.jsonl")]
    assert types == [EventType.INVOKE, EventType.OK, EventType.INVOKE, EventType.FAIL]


def test_a_link_whose_port_is_taken_is_not_taken_for_healed(nemesis, proxy, monkeypatch):
    monkeypatch.setattr("suites.chaos.nemesis._ENABLE_ATTEMPTS_MAX", 2)
    do(nemesis, Action.CUT)
    host, port = proxy.listen.split(":")
    message = f"the proxy cannot listen on {proxy.listen} again"
    with socket.create_server((host, int(port))), pytest.raises(NemesisError, match=message):
        do(nemesis, Action.HEAL)
    do(nemesis, Action.HEAL)
    with connect(proxy.listen) as sock:
        assert echoes(sock)


@pytest.mark.parametrize(
    ("action", "target", "known"),
    [(Action.CUT, "moon-broker", PRODUCER_LINK), (Action.KILL, NODE, "none")],
)
def test_what_is_not_there_cannot_be_harmed(nemesis, action, target, known):
    with pytest.raises(NemesisError, match=f"there is no '{target}' .*; known: {known}"):
        asyncio.run(nemesis.apply(Step(at_s=0, action=action, target=target)))
