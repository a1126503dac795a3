"""`/metrics` for Prometheus and `/healthz` for whoever watches the process, over HTTP on loopback.

The server runs on the broker's event loop, so the counts are read between two steps and no second
thread ever sees the core. For the same reason a health check is honest: a loop that hangs does not
answer it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final, NamedTuple

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from reference_broker.app.phase import Phase
from reference_broker.base import OperatorError
from reference_broker.core import BrokerStatistics

HOST: Final = "127.0.0.1"
#: A request has no body; its head fits in here.
_REQUEST_BYTES_MAX: Final = 4 * 1024
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


class MetricsServer:
    """The HTTP server.

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
        application = web.Application(client_max_size=_REQUEST_BYTES_MAX)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/healthz", self._health)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            max_line_size=_REQUEST_BYTES_MAX,
            max_field_size=_REQUEST_BYTES_MAX,
            shutdown_timeout=_STOP_SECONDS_MAX,
        )

    async def start(self, port: int) -> int:
        """Listen, and return the port.

        Args:
            port: 0 takes a free one.

        Raises:
            OperatorError: the port cannot be used.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, port).start()
        except OSError as error:
            await self._runner.cleanup()
            text = f"cannot listen on {HOST}:{port} for metrics: {error.strerror or error}"
            raise OperatorError(f"{text}; choose another port with --metrics-port") from error
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})

    async def _health(self, _request: web.Request) -> web.Response:
        phase = self._phase()
        body = json.dumps({"status": phase.value}).encode()
        status = 200 if phase is Phase.SERVING else 503
        return web.Response(status=status, body=body, content_type="application/json")
