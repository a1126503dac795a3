"""Listening and dropping; our own server and the real one alike."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import pytest
import requests

from suites.harness.toxiproxy.proxy import Proxy
from suites.harness.toxiproxy.tests.peers import Upstream, connect, echo, is_closed, read


def test_bytes_go_through_both_ways(proxy):
    with connect(proxy.listen) as one, connect(proxy.listen) as two:
        one.sendall(b"one")
        two.sendall(b"two")
        assert (read(one, 3), read(two, 3)) == (b"one", b"two")


def test_disabling_drops_connections_and_refuses_new_ones(proxy):
    with connect(proxy.listen) as sock:
        sock.sendall(b"x")
        assert read(sock, 1) == b"x"
        with proxy.down():
            assert is_closed(sock)
            with pytest.raises(ConnectionRefusedError):
                connect(proxy.listen)
    with connect(proxy.listen) as sock:
        sock.sendall(b"x")
        assert read(sock, 1) == b"x"


def test_destroying_drops_connections_and_refuses_new_ones(proxy):
    with connect(proxy.listen) as sock:
        sock.sendall(b"x")
        assert read(sock, 1) == b"x"
        proxy.destroy()
        assert is_closed(sock)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy.listen)


def test_toxics_survive_disabling(proxy):
    proxy.add_toxic(type="limit_data", attributes={"bytes": 0})
    with proxy.down():
        pass
    with connect(proxy.listen) as sock:
        sock.sendall(b"x")
        assert is_closed(sock)


def test_another_upstream_drops_connections_and_serves_the_next(server, proxy):
    with Upstream(lambda sock: sock.sendall(b"other")) as other, connect(proxy.listen) as sock:
        sock.sendall(b"x")
        assert read(sock, 1) == b"x"
        answer = requests.patch(
            f"http://{server.host}:{server.port}/proxies/echo",
            json={"upstream": other.address},
            timeout=10,
        )
        assert answer.status_code == 200
        assert is_closed(sock)
        with connect(proxy.listen) as again:
            assert read(again, 5) == b"other"


def test_a_client_of_an_upstream_that_is_not_there_is_closed(client):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    proxy = client.create(upstream=address, name="nowhere")
    with connect(proxy.listen) as sock:
        assert is_closed(sock)


def test_the_end_of_either_side_reaches_the_other(client):
    with Upstream(lambda sock: sock.sendall(b"bye")) as short:
        brief = client.create(upstream=short.address, name="short")
        with connect(brief.listen) as sock:
            assert read(sock, 4) == b"bye"
    ended = []

    def note_end(sock: socket.socket) -> None:
        echo(sock)
        ended.append(True)

    with Upstream(note_end) as upstream:
        noted = client.create(upstream=upstream.address, name="noted")
        with connect(noted.listen) as sock:
            sock.sendall(b"x")
            assert read(sock, 1) == b"x"
            sock.shutdown(socket.SHUT_WR)
            assert is_closed(sock)  # for the upstream has seen the end and closed
    assert ended == [True]


def test_a_late_client_of_the_listener_before_is_dropped():
    class Writer:
        aborted = False

        @property
        def transport(self) -> Writer:
            return self

        def abort(self) -> None:
            self.aborted = True

    async def scenario(upstream: str) -> None:
        proxy = Proxy("p", "127.0.0.1:0", upstream, seed=0)
        await proxy.start()
        run_before = proxy._run
        await proxy.stop()
        await proxy.start()
        late, timely = Writer(), Writer()
        reader = asyncio.StreamReader()
        proxy._accept(run_before, reader, cast("Any", late))
        assert (late.aborted, proxy._serving) == (True, set())
        proxy._accept(proxy._run, reader, cast("Any", timely))
        assert (timely.aborted, len(proxy._serving)) == (False, 1)
        await proxy.stop()

    with Upstream(echo) as upstream:
        asyncio.run(scenario(upstream.address))


def test_no_more_links_than_the_limit(monkeypatch):
    monkeypatch.setattr("suites.harness.toxiproxy.proxy.LINKS_MAX", 2)

    async def scenario(upstream: str) -> None:
        proxy = Proxy("p", "127.0.0.1:0", upstream, seed=0)
        await proxy.start()
        host, _, port = proxy.listen.rpartition(":")
        streams = [await asyncio.open_connection(host, int(port)) for _ in range(3)]
        for reader, writer in streams[:2]:
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await streams[2][0].readexactly(1)
        for _, writer in streams:
            writer.close()
        await proxy.stop()
        assert len(asyncio.all_tasks()) == 1, "a stopped proxy leaves no task behind"

    with Upstream(echo) as upstream:
        asyncio.run(scenario(upstream.address))
