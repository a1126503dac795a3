"""The reference broker as a library.

::

    async with ReferenceBroker() as broker:
        async with Client(broker.address) as client:
            ...

By default it listens on a free loopback port, serves BlazingMQ's sample domains, and keeps its
log in a temporary folder that goes with it.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import tempfile
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from reference_broker.app.config_folder import ConfigFolder
from reference_broker.app.records import LOGGER, log_record
from reference_broker.base import OperatorError
from reference_broker.config import (
    BrokerConfig,
    ClustersConfig,
    DomainConfig,
    Redirect,
    SampleConfig,
    parse_domain,
)
from reference_broker.core import Broker, BrokerStatistics
from reference_broker.runtime import BrokerServer, LogFiles
from reference_broker.session import BrokerFacts

_LOOPBACK: Final = "127.0.0.1"
#: File descriptors kept for the log, and for connections that are being refused.
_RESERVED_FILES: Final = 256


class _Configuration(Protocol):
    """What `ConfigFolder` and `SampleConfig` have in common."""

    def load_broker(self) -> BrokerConfig: ...
    def load_clusters(self) -> ClustersConfig: ...
    def resolve_domain(self, qualified_name: str) -> DomainConfig: ...


class ReferenceBroker:
    """One broker node on this event loop.

    Args:
        etc: configuration folder in BlazingMQ's format; by default the sample configuration.
        host: address to listen on instead of the configured ones; a loopback address by default
            when there is no `etc`.
        port: port to listen on instead of the configured ones; 0 takes a free one.
        storage: folder for the log; by default what the configuration says, or a temporary folder.
        domains: domain definitions by name, in the format of a domain file; they come before
            those of the configuration.
    """

    def __init__(
        self,
        etc: Path | str | None = None,
        *,
        host: str | None = None,
        port: int | None = None,
        storage: Path | str | None = None,
        domains: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        self._configuration: _Configuration = ConfigFolder(etc) if etc else SampleConfig()
        self._etc = etc
        self._host = host
        self._port = port if port is not None or etc else 0
        self._storage = Path(storage) if storage else None
        self._domains = dict(domains or {})
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._server: BrokerServer | None = None
        self._bound: list[tuple[str, int]] = []
        self._core: Broker | None = None
        #: From the configuration, known once started: what is worth a line on the console.
        self.console_severity = "INFO"

    async def __aenter__(self) -> Self:
        """Start: recover the log, then listen.

        Raises:
            OperatorError: the configuration, the storage or the address cannot be used.
        """
        config = self._configuration.load_broker()
        clusters = self._configuration.load_clusters()
        self.console_severity = config.log.console_severity
        report_findings(config, clusters)
        files = LogFiles(self._storage_folder(clusters))
        core = Broker(
            _facts(config),
            guid_client_id=secrets.token_bytes(6),
            connections_max=_connections_max(config),
            **_timing(clusters),
        )
        self._core = core
        self._server = BrokerServer(
            core, files=files, domains=self._resolve_domain, records=log_record
        )
        try:
            self._bound = await self._server.start(self._addresses(config))
        except OperatorError:
            await self._server.abort()
            self._remove_temporary()
            raise
        return self

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

    async def stop(self) -> None:
        """Stop gracefully: consumers may confirm what they hold, up to the configured time.

        Raises:
            StorageError: the disk failed and ended the broker before.
        """
        try:
            await self._running.close()
        finally:
            self._remove_temporary()

    async def abort(self) -> None:
        """Stop as a crash would: nothing is flushed, nobody is told."""
        await self._running.abort()
        self._remove_temporary()

    async def wait_stopped(self) -> None:
        """Wait until the broker has stopped, whoever asked for it."""
        await asyncio.shield(self._running.stopped)

    def begin_stop(self) -> None:
        """Begin a graceful stop; `wait_stopped` tells when it is over."""
        self._running.stop()

    @property
    def _running(self) -> BrokerServer:
        assert self._server is not None, "the broker is not started"
        return self._server

    @property
    def is_started(self) -> bool:
        """Whether it has come to listen."""
        return bool(self._bound)

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
        """Return a snapshot of the counts."""
        assert self._core is not None, "the broker is not started"
        return self._core.statistics()

    # Parts.

    def _addresses(self, config: BrokerConfig) -> list[tuple[str, int]]:
        if self._port is not None:
            return [(self._host or _LOOPBACK, self._port)]
        listeners = config.tcp.listeners
        return [(self._host or listener.address, listener.port) for listener in listeners]

    def _storage_folder(self, clusters: ClustersConfig) -> Path:
        if self._storage is not None:
            return self._storage
        if self._etc and clusters.clusters:
            return Path(clusters.clusters[0].partitions.location)
        self._temporary = tempfile.TemporaryDirectory(prefix="bmq-gauntlet-")
        return Path(self._temporary.name)

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def _resolve_domain(self, name: str) -> DomainConfig:
        definition = self._domains.get(name)
        if definition is not None:
            parsed = parse_domain(name, definition)
            if isinstance(parsed, Redirect):
                raise OperatorError(f"domain {name} is a redirect; give a definition instead")
            return parsed
        domain = self._configuration.resolve_domain(name)
        self._configuration.load_clusters().check_placement(domain)
        return domain


def _facts(config: BrokerConfig) -> BrokerFacts:
    return BrokerFacts(
        host_name=config.host_name,
        pid=os.getpid(),
        heartbeat_interval_ms=config.tcp.heartbeat_interval_ms,
        heartbeat_misses_max=config.heartbeats.client,
    )


def _connections_max(config: BrokerConfig) -> int:
    """Return how many connections may be open, so that the log always finds a file descriptor."""
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = max(files_max - _RESERVED_FILES, 1)
    if room < config.tcp.max_connections:
        text = "%d connections are served at once: the process may open only %d files (ulimit -n)"
        LOGGER.warning(text, room, files_max)
    return min(config.tcp.max_connections, room)


def _timing(clusters: ClustersConfig) -> dict[str, int]:
    if not clusters.clusters:
        return {}
    return {"stop_timeout_ms": clusters.clusters[0].shutdown_timeout_ms}


def report_findings(config: BrokerConfig, clusters: ClustersConfig) -> None:
    """Tell the operator which fields of the configuration have no effect."""
    for name, findings in (("bmqbrkrcfg.json", config), ("clusters.json", clusters)):
        if findings.unknown:
            LOGGER.warning("%s: unknown fields ignored: %s", name, ", ".join(findings.unknown))
        if findings.unhonoured:
            LOGGER.info("%s: accepted without effect: %s", name, ", ".join(findings.unhonoured))
