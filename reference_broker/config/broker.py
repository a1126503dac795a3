"""The broker's own settings, from `bmqbrkrcfg.json`.

What would be dangerous to accept without effect is refused: a listener with TLS, an authorizer. A
broker that ignored those would serve strangers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from reference_broker.config.authentication import AuthenticationConfig, read_authentication
from reference_broker.config.broker_file import (
    ANY_ADDRESS,
    DEFAULT_LOG_FORMAT,
    SEVERITIES,
    AppFile,
    BrokerFile,
    LogFile,
    NetworkFile,
)
from reference_broker.config.document import RawConfig, document_json, load_document
from reference_broker.config.errors import ConfigError
from reference_broker.config.findings import Findings
from reference_broker.config.reader import read_as
from reference_broker.config.unhonoured import BROKER_UNHONOURED

_LOG: Final = "taskConfig.logController"
_TCP: Final = "appConfig.networkInterfaces.tcpInterface"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Where to listen.

    Attributes:
        name: for the log.
        address: IPv4 address of an interface; `0.0.0.0` is every interface.
        port: 0 is "any free port".
    """

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpInterface:
    """The network side.

    Attributes:
        name: for the log.
        port: as written; -1 where `listeners` came from a list.
        max_connections: over all listeners; 0 is no limit but that of open files.
        heartbeat_interval_ms: milliseconds between looks at a silent connection; 0 is "never".
        listeners: where to listen, never empty: the list of the file, or else one made of `port`.
    """

    name: str
    port: int
    max_connections: int
    heartbeat_interval_ms: int
    listeners: tuple[Listener, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeats:
    """Heartbeats that a peer may miss before it is disconnected; 0 is "no heartbeats"."""

    client: int = 0
    downstream_broker: int = 0
    upstream_broker: int = 0
    cluster_peer: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePropertiesV2:
    """To whom the second encoding of message properties is offered.

    Attributes:
        advertise: to nobody if false.
        cpp_sdk_version_min: oldest C++ SDK, as `major * 10000 + minor * 100 + patch`.
        java_sdk_version_min: oldest Java SDK, in the same notation.
    """

    advertise: bool = True
    cpp_sdk_version_min: int = 11_207
    java_sdk_version_min: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The log, in the peer's notation.

    Attributes:
        console_format: `%c %d %t %s %F %l %m` and so on.
        console_severity: the lowest severity that is shown.
        verbosity: the lowest severity that is logged at all.
        categories: `expression:severity:colour`.
        file_name: path of the log file, with `%T` for the time and `%p` for the process id; empty is
            "no file".
        file_format: as `console_format`.
        file_age_days_max: files last written longer ago are removed; 0 keeps all.
        rotation_bytes: size from which a new file is begun; 0 is never.
    """

    console_format: str
    console_severity: str
    verbosity: str
    categories: tuple[str, ...] = ()
    file_name: str = ""
    file_format: str = DEFAULT_LOG_FORMAT
    file_age_days_max: int = 0
    rotation_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig(Findings):
    """One broker.

    Attributes:
        instance_name: `brokerInstanceName`.
        config_version: `configVersion`.
        host_name: how the broker calls itself, and finds itself among the nodes of a cluster.
        host_tags: as written.
        host_data_center: as written.
        tcp: where to listen.
        heartbeats: per kind of peer.
        message_properties_v2: who is offered the second encoding of properties.
        configure_stream: whether the newer configure message is offered.
        advertise_subscriptions: the second half of that switch.
        domain_cache_ttl_s: seconds that a domain's configuration may be cached.
        log: what is logged, and where.
        authentication: who is let in; everybody by default.
        stat_snapshot_s: `stats.snapshotInterval`, seconds.
        app_json: `appConfig` as a JSON text, with every default.
    """

    instance_name: str
    config_version: int
    host_name: str
    host_tags: str
    host_data_center: str
    tcp: TcpInterface
    heartbeats: Heartbeats
    message_properties_v2: MessagePropertiesV2
    configure_stream: bool
    advertise_subscriptions: bool
    domain_cache_ttl_s: int
    log: LogSettings
    authentication: AuthenticationConfig
    stat_snapshot_s: int = 1
    app_json: str = field(default="{}", compare=False, repr=False)


def parse_broker(raw: RawConfig) -> BrokerConfig:
    """Return what `bmqbrkrcfg.json` says.

    Args:
        raw: the file's bytes, or its JSON value.

    Raises:
        ConfigError: the document is not JSON, a value is not what the schema allows, or it asks for
            protection that this version does not have.
    """
    document, findings = read_as(BrokerFile, load_document(raw), BROKER_UNHONOURED)
    app = document.app_config
    _refuse_unprotected(app)
    properties = app.message_properties_v2
    heartbeats = app.network_interfaces.heartbeats
    return BrokerConfig(
        instance_name=app.broker_instance_name,
        config_version=app.config_version,
        host_name=app.host_name,
        host_tags=app.host_tags,
        host_data_center=app.host_data_center,
        tcp=_tcp(app.network_interfaces),
        heartbeats=Heartbeats(
            client=heartbeats.client,
            downstream_broker=heartbeats.downstream_broker,
            upstream_broker=heartbeats.upstream_broker,
            cluster_peer=heartbeats.cluster_peer,
        ),
        message_properties_v2=MessagePropertiesV2(
            advertise=properties.advertise,
            cpp_sdk_version_min=properties.cpp_sdk_version_min,
            java_sdk_version_min=properties.java_sdk_version_min,
        ),
        configure_stream=app.configure_stream,
        advertise_subscriptions=app.advertise_subscriptions,
        domain_cache_ttl_s=app.bmqconf_config.cache_ttl_seconds,
        log=_log(document.task_config.log_controller),
        authentication=read_authentication(app.authentication),
        stat_snapshot_s=app.stats.snapshot_interval,
        app_json=document_json(app),
        unknown=findings.unknown,
        unhonoured=findings.unhonoured,
        extra=findings.extra,
    )


def _refuse_unprotected(app: AppFile) -> None:
    if app.authorization.authorizer is not None:
        raise ConfigError(
            "appConfig.authorization.authorizer",
            app.authorization.authorizer.name,
            "must not be given: authorization is not available in this version",
        )
    for index, listener in enumerate(app.network_interfaces.tcp_interface.listeners):
        if listener.tls:
            raise ConfigError(
                f"{_TCP}.listeners[{index}].tls",
                listener.tls,
                "must be false: TLS is not available in this version",
            )


def _log(log: LogFile) -> LogSettings:
    for index, category in enumerate(log.categories):
        parts = category.split(":")
        if len(parts) != 3 or parts[1].upper() not in SEVERITIES:
            rule = f"must be EXPRESSION:SEVERITY:COLOUR, with a severity of {', '.join(SEVERITIES)}"
            raise ConfigError(f"{_LOG}.categories[{index}]", category, rule)
    return LogSettings(
        console_format=log.console_format,
        console_severity=log.console_severity_threshold,
        verbosity=log.logging_verbosity,
        categories=log.categories,
        file_name=log.file_name,
        file_format=log.logfile_format or DEFAULT_LOG_FORMAT,
        file_age_days_max=max(log.file_max_age_days, 0),
        rotation_bytes=log.rotation_bytes,
    )


def _tcp(network: NetworkFile) -> TcpInterface:
    tcp = network.tcp_interface
    listeners = tuple(
        Listener(name=listener.name, address=listener.address, port=listener.port)
        for listener in tcp.listeners
    )
    if not listeners:
        if tcp.port < 0:
            rule = "must be a port from 0 to 65535 where there are no listeners"
            raise ConfigError(f"{_TCP}.port", tcp.port, rule)
        listeners = (Listener(name=tcp.name, address=ANY_ADDRESS, port=tcp.port),)
    return TcpInterface(
        name=tcp.name,
        port=tcp.port,
        max_connections=tcp.max_connections,
        heartbeat_interval_ms=tcp.heartbeat_interval_ms,
        listeners=listeners,
    )
