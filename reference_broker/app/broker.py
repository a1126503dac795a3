"""The reference broker as a library.

::

    async with ReferenceBroker() as broker:
        async with Client(broker.address) as client:
            ...

Without asyncio, it runs in a thread of its own, so that whoever blocks does not block the broker::

    with ReferenceBroker() as broker, BlockingClient(broker.address) as client:
        ...

By default it listens on a free loopback port, serves BlazingMQ's sample domains, and keeps its
log in a temporary folder that goes with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from reference_broker.app.broker_thread import BrokerThread
from reference_broker.app.config_folder import ConfigFolder
from reference_broker.app.findings import DomainFindings, report_findings
from reference_broker.app.open_files import open_files_max
from reference_broker.app.own_cluster import check_clusters
from reference_broker.app.phase import Phase
from reference_broker.app.records import LOGGER, log_record
from reference_broker.base import OperatorError
from reference_broker.base.limits import CONNECTIONS_MAX, METRICS_CONNECTIONS_MAX
from reference_broker.config import (
    BrokerConfig,
    ClusterConfig,
    ClustersConfig,
    ConfigError,
    DomainConfig,
    Redirect,
    SampleConfig,
    parse_domain,
)
from reference_broker.core import AdminSettings, Broker, BrokerStatistics
from reference_broker.ports import AdminResult
from reference_broker.runtime import BrokerServer, LogFiles
from reference_broker.security import Authenticators
from reference_broker.session import BrokerFacts

if TYPE_CHECKING:
    from reference_broker.app.metrics import MetricsServer

_LOOPBACK: Final = "127.0.0.1"
#: File descriptors kept for the log, and for connections that are being refused.
_RESERVED_FILES: Final = 256


class _Configuration(Protocol):
    """What `ConfigFolder` and `SampleConfig` have in common."""

    def load_broker(self) -> BrokerConfig: ...
    def load_clusters(self) -> ClustersConfig: ...
    def resolve_domain(self, qualified_name: str) -> DomainConfig: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a command line says of the broker instead of its configuration; None says nothing."""

    host_name: str | None = None
    host_tags: str | None = None
    host_data_center: str | None = None

    def apply(self, config: BrokerConfig, port: int | None = None) -> BrokerConfig:
        """Return the configuration with what is said here, also where it is told [PROC-14].

        Args:
            config: of the file.
            port: what was said of the port, if anything; 0 does not say which.
        """
        told = json.loads(config.app_json)
        for name, said in (
            ("hostName", self.host_name),
            ("hostTags", self.host_tags),
            ("hostDataCenter", self.host_data_center),
        ):
            if said is not None:
                told[name] = said
        if port:
            told["networkInterfaces"]["tcpInterface"]["port"] = port
        return replace(
            config,
            host_name=_first(self.host_name, config.host_name),
            host_tags=_first(self.host_tags, config.host_tags),
            host_data_center=_first(self.host_data_center, config.host_data_center),
            app_json=json.dumps(told, indent=2),
        )


def _first(said: str | None, configured: str) -> str:
    return configured if said is None else said


class ReferenceBroker:
    """One broker node: on this event loop (`async with`), or in a thread of its own (`with`).

    In a thread, `execute` and `statistics` may be called from any other; what is asynchronous
    belongs to the event loop and may not.

    Args:
        etc: configuration folder in BlazingMQ's format; by default the sample configuration.
        host: address to listen on instead of the configured ones; a loopback address by default
            when there is no `etc`.
        port: port to listen on instead of the configured ones; 0 takes a free one. The address is
            then `host`, or the first that is configured.
        storage: folder for the log; by default what the configuration says, or a temporary folder.
        domains: domain definitions by name, in the format of a domain file; they come before
            those of the configuration.
        metrics_port: loopback port for `/metrics` and `/healthz`; 0 takes a free one. None serves
            none.
        overrides: what to say of the broker instead of the configuration.
    """

    def __init__(
        self,
        etc: Path | str | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        storage: Path | str | None = None,
        domains: Mapping[str, Mapping[str, object]] | None = None,
        metrics_port: int | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        self._configuration: _Configuration = ConfigFolder(etc) if etc else SampleConfig()
        self._etc = etc
        self._host = host
        self._port = port if port is not None or etc else 0
        self._storage = Path(storage) if storage else None
        self._domains = dict(domains or {})
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        #: The log's folder, until the server has it.
        self._files: LogFiles | None = None
        self._server: BrokerServer | None = None
        self._bound: list[tuple[str, int]] = []
        self._core: Broker | None = None
        self._overrides = overrides or Overrides()
        self._read: tuple[BrokerConfig, ClustersConfig] | None = None
        self._metrics_port = metrics_port
        self._metrics: MetricsServer | None = None
        #: Loopback port of the metrics; known once started.
        self.metrics_port: int | None = None
        #: 6 bytes in every GUID that this broker makes.
        self.broker_id = secrets.token_bytes(6)
        self._is_stopping = False
        self._domain_findings = DomainFindings()
        #: Where it runs, if that is a thread of its own.
        self._thread: BrokerThread | None = None

    def read_configuration(self) -> BrokerConfig:
        """Read the configuration, if that was not done yet, and return the broker's part.

        Raises:
            ConfigError: a file is missing, unreadable or wrong, or asks for a cluster that this
                version cannot serve.
        """
        if self._read is None:
            config = self._overrides.apply(self._configuration.load_broker(), self._port)
            clusters = self._configuration.load_clusters()
            if self._etc:
                self._check_clusters(config, clusters, Path(self._etc))
            self._read = config, clusters
        return self._read[0]

    def reserve_storage(self) -> None:
        """Take the storage folder, if that was not done yet: no other broker can from now on.

        Raises:
            ConfigError: a file is missing, unreadable or wrong.
            StorageError: the folder cannot be used, or another broker uses it.
        """
        self.read_configuration()
        assert self._read is not None, "it was read just now"
        if self._files is None:
            self._files = LogFiles(self._storage_folder(self._read[1]))

    def release_storage(self) -> None:
        """Let go of a storage folder that was taken for a broker that does not start."""
        if self._files is not None:
            self._files.close()
            self._files = None

    async def __aenter__(self) -> Self:
        """Start: recover the log, then listen; raises as `start`."""
        await self.start()
        return self

    async def start(self) -> None:
        """Recover the log, then listen.

        Raises:
            OperatorError: the configuration, the storage or the address cannot be used.
        """
        config = self.read_configuration()
        assert self._read is not None, "it was read just now"
        clusters = self._read[1]
        report_findings(config, clusters)
        try:
            await self._start_metrics()
            self.reserve_storage()
            await self._start(config, clusters)
        except BaseException:
            await self._tidy()
            raise

    async def _start(self, config: BrokerConfig, clusters: ClustersConfig) -> None:
        authenticators = Authenticators.from_config(config.authentication)
        core = Broker(
            _facts(config),
            cluster=clusters.clusters[0] if clusters.clusters else None,
            guid_client_id=self.broker_id,
            connections_max=_connections_max(config, has_metrics=self._metrics_port is not None),
            authenticators=authenticators,
            admin=AdminSettings(config.app_json, config.stat_snapshot_s),
        )
        self._core = core
        self._server = BrokerServer(
            core, files=self._files, domains=self._resolve_domain, records=log_record
        )
        self._files = None
        try:
            self._bound = await self._server.start(self._addresses(config))
        except BaseException:
            await self._server.abort()
            raise
        for host, port in self._bound:
            LOGGER.info("listening", extra={"fields": (("host", host), ("port", port))})

    async def _start_metrics(self) -> None:
        if self._metrics_port is None:
            return
        from reference_broker.app.metrics import HOST, MetricsServer  # noqa: PLC0415 - only for those who ask

        metrics = MetricsServer(self._statistics_if_any, lambda: self.phase)
        self.metrics_port = await metrics.start(self._metrics_port)
        self._metrics = metrics
        url = f"http://{HOST}:{self.metrics_port}/metrics"
        LOGGER.info("metrics are served", extra={"fields": (("url", url),)})

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop gracefully; at once if an exception is under way."""
        if kind is None:
            await self.stop()
        else:
            await self.abort()

    def __enter__(self) -> Self:
        """Start in a thread of its own; raises as `start`."""
        thread = BrokerThread(self)
        thread.start()
        self._thread = thread
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop gracefully, and raise as `stop`; at once if an exception is under way."""
        assert self._thread is not None, "the broker is not started"
        if kind is None:
            self._thread.end(is_graceful=True)
            return
        with contextlib.suppress(Exception):  # the exception that is under way tells more
            self._thread.end(is_graceful=False)

    async def stop(self) -> None:
        """Stop gracefully: consumers may confirm what they hold, up to the configured time.

        Raises:
            StorageError: the disk failed and ended the broker before.
        """
        self._is_stopping = True
        try:
            await self._running.close()
        finally:
            await self._tidy()

    async def abort(self) -> None:
        """Stop as a crash would: nothing is flushed, nobody is told."""
        self._is_stopping = True
        await self._running.abort()
        await self._tidy()

    async def wait_stopped(self) -> None:
        """Wait until the broker has stopped, whoever asked for it."""
        await asyncio.shield(self._running.stopped)

    def begin_stop(self) -> None:
        """Begin a graceful stop; `wait_stopped` tells when it is over."""
        self._is_stopping = True
        if self._server is not None:
            self._server.stop()

    def command(self, text: str) -> asyncio.Future[AdminResult]:
        """Put an admin command to the broker; the result is its answer.

        The future is cancelled if the broker stops before it answers.
        """
        return self._running.command(text)

    def execute(self, text: str) -> AdminResult:
        """Do the same for a broker in a thread of its own, and wait for the answer.

        Raises:
            OperatorError: the broker has ended.
        """
        assert self._thread is not None, "the broker is not in a thread of its own"

        async def ask() -> AdminResult:
            return await self.command(text)

        return self._thread.call(ask)

    @property
    def _running(self) -> BrokerServer:
        assert self._server is not None, "the broker is not started"
        return self._server

    @property
    def is_started(self) -> bool:
        """Whether it has come to listen."""
        return bool(self._bound)

    @property
    def phase(self) -> Phase:
        """What it is doing."""
        if self._is_stopping or (self._server is not None and self._server.stopped.done()):
            return Phase.STOPPING
        return Phase.SERVING if self._bound else Phase.STARTING

    @property
    def clusters(self) -> tuple[ClusterConfig, ...]:
        """The clusters that it is a node of; known once started."""
        return self._read[1].clusters if self._read is not None else ()

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where it listens: address and port of every listener, in the order of the configuration."""
        return tuple(self._bound)

    @property
    def address(self) -> str:
        """What clients connect to: `tcp://HOST:PORT`."""
        host, port = self._bound[0]
        return f"tcp://{_LOOPBACK if ip_address(host).is_unspecified else host}:{port}"

    @property
    def port(self) -> int:
        """The first port it listens on."""
        return self._bound[0][1]

    def statistics(self) -> BrokerStatistics:
        """Return a snapshot of the counts.

        Raises:
            OperatorError: the broker is in a thread of its own and has ended.
        """
        core = self._core
        assert core is not None, "the broker is not started"
        if self._thread is None:
            return core.statistics()

        async def count() -> BrokerStatistics:
            return core.statistics()

        return self._thread.call(count)

    # Parts.

    def _check_clusters(self, config: BrokerConfig, clusters: ClustersConfig, etc: Path) -> None:
        ports = {listener.port for listener in config.tcp.listeners}
        if self._port is not None:
            ports.add(self._port)
        try:
            check_clusters(config, clusters, ports)
        except ConfigError as error:
            error.source = str(etc / "clusters.json")
            raise

    def _addresses(self, config: BrokerConfig) -> list[tuple[str, int]]:
        listeners = config.tcp.listeners
        if self._port is not None:
            return [(self._host or listeners[0].address, self._port)]
        return [(self._host or listener.address, listener.port) for listener in listeners]

    def _storage_folder(self, clusters: ClustersConfig) -> Path:
        if self._storage is not None:
            return self._storage
        if self._etc and clusters.clusters:
            return Path(clusters.clusters[0].partitions.location)
        self._temporary = tempfile.TemporaryDirectory(prefix="bmq-gauntlet-")
        return Path(self._temporary.name)

    def _statistics_if_any(self) -> BrokerStatistics | None:
        return None if self._core is None else self._core.statistics()

    async def _tidy(self) -> None:
        """Let go of what is around the server."""
        self.release_storage()
        if self._metrics is not None:
            await self._metrics.stop()
            self._metrics = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def _resolve_domain(self, name: str) -> DomainConfig:
        domain = self._find_domain(name)
        self._domain_findings.report(domain)
        return domain

    def _find_domain(self, name: str) -> DomainConfig:
        definition = self._domains.get(name)
        if definition is not None:
            parsed = parse_domain(name, definition)
            if isinstance(parsed, Redirect):
                raise OperatorError(f"domain {name} is a redirect; give a definition instead")
            return parsed
        domain = self._configuration.resolve_domain(name)
        assert self._read is not None, "a broker that asks for domains has been configured"
        # The cluster is the one of the start, whatever clusters.json says by now.
        self._read[1].check_placement(domain)
        return domain


def _facts(config: BrokerConfig) -> BrokerFacts:
    return BrokerFacts(
        host_name=config.host_name,
        pid=os.getpid(),
        heartbeat_interval_ms=config.tcp.heartbeat_interval_ms,
        heartbeat_misses_max=config.heartbeats.client,
    )


def _connections_max(config: BrokerConfig, *, has_metrics: bool) -> int:
    """Return how many connections may be open, so that the log always finds a file descriptor.

    A configured maximum of 0 is none, as it is for the peer's network library.
    """
    wanted = config.tcp.max_connections
    files_max = open_files_max()
    if files_max is None:
        return wanted or CONNECTIONS_MAX
    reserved = _RESERVED_FILES + (METRICS_CONNECTIONS_MAX if has_metrics else 0)
    room = max(files_max - reserved, 1)
    if room < wanted:
        text = "%d connections are served at once: the process may open only %d files (ulimit -n)"
        LOGGER.warning(text, room, files_max)
    return min(wanted or room, room)
