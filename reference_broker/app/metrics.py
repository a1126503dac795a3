"""`/metrics` for Prometheus and `/healthz` for whoever watches the process, over HTTP on loopback.

The server runs on the broker's event loop, so the counts are read between two steps and no second
thread ever sees the core. For the same reason a health check is honest: a loop that hangs does not
answer it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from typing import Final, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reference_broker.app.phase import Phase
from reference_broker.app.records import LOGGER
from reference_broker.base import OperatorError
from reference_broker.base.limits import METRICS_CONNECTIONS_MAX
from reference_broker.core import BrokerStatistics

HOST: Final = "127.0.0.1"
#: A request has no body; its head fits in here.
_REQUEST_BYTES_MAX: Final = 4 * 1024
#: How long a connection may last, in seconds: it is for one request, and the answer is short.
_CONNECTION_SECONDS_MAX: Final = 5.0
#: How long a scrape may go on while the broker stops, in seconds.
_STOP_SECONDS_MAX: Final = 1.0


class Kind(Enum):
    """What a value does over time."""

    GAUGE = "gauge"
    COUNTER = "counter"


class _Description(NamedTuple):
    field: str  # of BrokerStatistics
    name: str
    kind: Kind
    help: str


#: What is exported of `BrokerStatistics`: a line each.
_DESCRIPTIONS: Final = (
    _Description("sessions", "bmqbrkr_sessions", Kind.GAUGE, "Sessions that are open."),
    _Description("queues", "bmqbrkr_queues", Kind.GAUGE, "Queues that are there."),
    _Description("messages", "bmqbrkr_messages", Kind.GAUGE, "Messages that are stored."),
    _Description("bytes", "bmqbrkr_bytes", Kind.GAUGE, "Bytes of the messages that are stored."),
    _Description(
        "unconfirmed",
        "bmqbrkr_unconfirmed_messages",
        Kind.GAUGE,
        "Messages that consumers hold and have not confirmed.",
    ),
)


class BrokerCollector(Collector):
    """Reads the broker's counts when it is asked.

    Args:
        snapshot: returns the counts; None while there is no broker.
        phase: returns what the broker is doing.
    """

    def __init__(
        self, snapshot: Callable[[], BrokerStatistics | None], phase: Callable[[], Phase]
    ) -> None:
        self._snapshot = snapshot
        self._phase = phase

    def describe(self) -> Iterable[Metric]:
        """Name nothing: what there is depends on the moment."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return every value that there is now."""
        up = int(self._phase() is Phase.SERVING)
        yield GaugeMetricFamily("bmqbrkr_up", "Whether the broker serves.", value=up)
        snapshot = self._snapshot()
        if snapshot is None:
            return
        for description in _DESCRIPTIONS:
            value = getattr(snapshot, description.field)
            family = _FAMILIES[description.kind]
            yield family(description.name, description.help, value=value)


_FAMILIES: Final = {Kind.GAUGE: GaugeMetricFamily, Kind.COUNTER: CounterMetricFamily}


class _Connections(web.Server):
    """The connections: so many, for so long, and no more.

    Each takes a file descriptor that the broker's log may need.
    """

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        quiet = logging.getLogger(f"{LOGGER.name}.http")
        quiet.setLevel(logging.CRITICAL)  # a request that is none is no news
        super().__init__(
            answer,
            access_log=None,
            logger=quiet,
            lingering_time=0,  # nobody waits for the rest of a body that nobody wants
            max_line_size=_REQUEST_BYTES_MAX,
            max_field_size=_REQUEST_BYTES_MAX,
        )
        self._ends: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        loop = asyncio.get_running_loop()
        self._ends[handler] = loop.call_later(_CONNECTION_SECONDS_MAX, transport.abort)
        if len(self._ends) > METRICS_CONNECTIONS_MAX:
            loop.call_soon(transport.abort)  # once the handler is there, which expects to be told

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        super().connection_lost(handler, exc)
        self._ends.pop(handler).cancel()


class MetricsServer:
    """The HTTP server.

    A connection is for one request, and is closed after five seconds whatever was sent on it.

    Args:
        snapshot: returns the counts; None while there is no broker.
        phase: returns what the broker is doing.
    """

    def __init__(
        self, snapshot: Callable[[], BrokerStatistics | None], phase: Callable[[], Phase]
    ) -> None:
        self._phase = phase
        self._registry = CollectorRegistry()
        self._registry.register(BrokerCollector(snapshot, phase))
        ProcessCollector(registry=self._registry)
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int) -> int:
        """Listen, and return the port.

        Args:
            port: 0 takes a free one.

        Raises:
            OperatorError: the port cannot be used.
        """
        connections = _Connections(self._answer)
        self._runner = web.ServerRunner(connections, shutdown_timeout=_STOP_SECONDS_MAX)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, port, backlog=METRICS_CONNECTIONS_MAX).start()
        except OSError as error:
            await self.stop()
            text = f"cannot listen on {HOST}:{port} for metrics: {error.strerror or error}"
            raise OperatorError(f"{text}; choose another port with --metrics-port") from error
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        make = {"/metrics": self._metrics, "/healthz": self._health}.get(request.path)
        if make is None:
            response = web.Response(status=404, text="there are /metrics and /healthz\n")
        elif request.method not in ("GET", "HEAD"):
            response = web.Response(status=405, headers={"Allow": "GET, HEAD"})
        else:
            try:
                response = make(request)
            except Exception as error:  # noqa: BLE001 - whatever it is, the broker goes on
                LOGGER.error("error in the program: metrics", exc_info=error)
                response = web.Response(status=500)
        response.force_close()
        return response

    def _metrics(self, request: web.BaseRequest) -> web.Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        except (TypeError, ValueError):  # a version that is none
            encode, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})

    def _health(self, _request: web.BaseRequest) -> web.Response:
        phase = self._phase()
        body = json.dumps({"status": phase.value}).encode()
        status = 200 if phase is Phase.SERVING else 503
        return web.Response(status=status, body=body, content_type="application/json")
