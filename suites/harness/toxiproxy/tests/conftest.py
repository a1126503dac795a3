from __future__ import annotations

from collections.abc import Iterator

import pytest
from toxiproxy import Toxiproxy
from toxiproxy.proxy import Proxy

from suites.harness.toxiproxy import ToxiproxyServer, find_real_server, install_with_go
from suites.harness.toxiproxy.launcher import ROOT, TOOLS
from suites.harness.toxiproxy.tests.peers import Upstream, echo


# Building the real server takes its time on the first run.
@pytest.fixture(
    scope="session", params=["own", pytest.param("real", marks=pytest.mark.timeout(240))]
)
def server(request: pytest.FixtureRequest) -> Iterator[ToxiproxyServer]:
    """Our own server and the real one: the same tests hold for both."""
    if (
        request.param == "real"
        and find_real_server() is None
        and install_with_go(ROOT / TOOLS.parent) is None
    ):
        pytest.skip("no toxiproxy-server on PATH or in .tools/bin, and Go cannot build one here")
    with ToxiproxyServer(request.param, seed=7) as running:
        yield running


@pytest.fixture
def client(server: ToxiproxyServer) -> Iterator[Toxiproxy]:
    """A client of a server without proxies."""
    client = server.client()
    yield client
    client.destroy_all()


@pytest.fixture
def echo_server() -> Iterator[Upstream]:
    with Upstream(echo) as upstream:
        yield upstream


@pytest.fixture
def proxy(client: Toxiproxy, echo_server: Upstream) -> Proxy:
    """A proxy of a loopback echo server."""
    return client.create(upstream=echo_server.address, name="echo")
