"""What is served over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from reference_broker.app import ReferenceBroker
from reference_broker.app import metrics as metrics_module
from reference_broker.app.metrics import HOST, BrokerCollector, Kind, MetricsServer
from reference_broker.app.phase import Phase
from reference_broker.base import OperatorError
from reference_broker.client import Client, ClientSettings
from reference_broker.core import BrokerStatistics

HURRY = ClientSettings(retry_interval_s=0.01)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(main())


async def get(port: int | None, path: str, method: str = "GET") -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{port}{path}") as response,
    ):
        return response.status, response.content_type, await response.text()


def values(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_a_broker_counts_what_it_has():
    async def scenario() -> None:
        async with (
            ReferenceBroker(metrics_port=0) as broker,
            Client(broker.address, HURRY) as session,
        ):
            assert await get(broker.metrics_port, "/healthz") == (
                200, "application/json", '{"status": "serving"}',
            )  # fmt: skip
            queue = await session.open("bmq://bmq.test.mem.priority/q", read=True, write=True)
            await queue.post_many([b"12", b"345"])
            status, kind, text = await get(broker.metrics_port, "/metrics")
            assert (status, kind) == (200, "text/plain")
            found = values(text)
            assert found["bmqbrkr_up"] == 1
            assert found["bmqbrkr_sessions"] == 1
            assert found["bmqbrkr_queues"] == 1
            assert found["bmqbrkr_messages"] == 2
            assert found["bmqbrkr_bytes"] == 5
            assert found["bmqbrkr_unconfirmed_messages"] == 2
            assert (await get(broker.metrics_port, "/"))[0] == 404
            assert (await get(broker.metrics_port, "/metrics", "POST"))[0] == 405
        with pytest.raises(aiohttp.ClientConnectionError):
            await get(broker.metrics_port, "/healthz")

    run(scenario)


def test_a_broker_that_stops_is_not_healthy():
    async def scenario() -> None:
        async with ReferenceBroker(metrics_port=0) as broker:
            broker.begin_stop()
            status, _, body = await get(broker.metrics_port, "/healthz")
            assert (status, json.loads(body)) == (503, {"status": "stopping"})
            assert values((await get(broker.metrics_port, "/metrics"))[2])["bmqbrkr_up"] == 0

    run(scenario)


def test_a_broker_that_starts_is_not_healthy_yet():
    async def scenario() -> None:
        server = MetricsServer(lambda: None, lambda: Phase.STARTING)
        port = await server.start(0)
        assert (await get(port, "/healthz"))[::2] == (503, '{"status": "starting"}')
        found = values((await get(port, "/metrics"))[2])
        assert found["bmqbrkr_up"] == 0
        assert "bmqbrkr_sessions" not in found
        await server.stop()

    run(scenario)


def test_by_default_there_are_none():
    async def scenario() -> None:
        async with ReferenceBroker() as broker:
            assert broker.metrics_port is None

    run(scenario)


@pytest.mark.parametrize("version", ["zzz", "", "1.x", "9" * 3_000, "1.0.0\xff"])
def test_a_version_that_is_none_gets_the_plain_format(version: str):
    async def scenario() -> None:
        server = MetricsServer(lambda: None, lambda: Phase.SERVING)
        port = await server.start(0)
        accept = f"application/openmetrics-text; version={version}"
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept}) as response,
        ):
            assert response.status == 200
            assert "bmqbrkr_up 1.0" in await response.text()
        await server.stop()

    run(scenario)


def test_connections_are_few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics_module, "METRICS_CONNECTIONS_MAX", 3)

    async def scenario() -> None:
        server = MetricsServer(lambda: None, lambda: Phase.SERVING)
        port = await server.start(0)
        held = [await asyncio.open_connection(HOST, port) for _ in range(3)]
        for _ in range(10):
            reader, writer = await asyncio.open_connection(HOST, port)
            assert await ended(reader) == b""
            writer.close()
        held[0][1].write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"serving" in await ended(held[0][0])  # one request, and there is room again
        assert (await get(port, "/healthz"))[0] == 200
        for _, writer in held:
            writer.close()
        await server.stop()

    run(scenario)


@pytest.mark.parametrize("sent", [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: a\r\n"])
def test_a_connection_without_a_whole_request_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
):
    monkeypatch.setattr(metrics_module, "_CONNECTION_SECONDS_MAX", 0.01)

    async def scenario() -> None:
        server = MetricsServer(lambda: None, lambda: Phase.SERVING)
        port = await server.start(0)
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(sent)
        assert await ended(reader) == b""
        writer.close()
        await server.stop()

    run(scenario)


def test_a_request_that_is_none_is_no_news(caplog: pytest.LogCaptureFixture):
    async def scenario() -> None:
        server = MetricsServer(lambda: None, lambda: Phase.SERVING)
        port = await server.start(0)
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(bytes(10_000))
        assert b" 400 Bad Request" in await ended(reader)
        writer.close()
        await server.stop()

    run(scenario)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_error_of_the_program_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture):
    def snapshot() -> None:
        raise ZeroDivisionError("never mind")

    async def scenario() -> None:
        server = MetricsServer(snapshot, lambda: Phase.SERVING)
        port = await server.start(0)
        assert (await get(port, "/metrics"))[0] == 500
        assert (await get(port, "/healthz"))[0] == 200
        await server.stop()

    run(scenario)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None


async def ended(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


def test_a_port_in_use_is_refused_and_nothing_stays():
    async def scenario() -> None:
        async with ReferenceBroker(metrics_port=0) as broker:
            second = ReferenceBroker(metrics_port=broker.metrics_port)
            with pytest.raises(OperatorError, match="choose another port with --metrics-port"):
                await second.__aenter__()
            third = ReferenceBroker(port=broker.port, metrics_port=0)
            with pytest.raises(OperatorError, match="another broker running"):
                await third.__aenter__()
            with pytest.raises(aiohttp.ClientConnectionError):
                await get(third.metrics_port, "/healthz")

    run(scenario)


def test_a_counter_is_one_line(monkeypatch: pytest.MonkeyPatch):
    description = metrics_module._Description("messages", "bmqbrkr_put", Kind.COUNTER, "All.")
    monkeypatch.setattr(metrics_module, "_DESCRIPTIONS", (description,))
    registry = CollectorRegistry()
    snapshot = BrokerStatistics(1, 2, 3, 4, 5)
    registry.register(BrokerCollector(lambda: snapshot, lambda: Phase.SERVING))
    assert values(generate_latest(registry).decode())["bmqbrkr_put_total"] == 3
