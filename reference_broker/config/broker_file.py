"""The schema of `bmqbrkrcfg.json`. Peer: mqbcfg.xsd.

The peer gives a missing member without a default the empty value of its type. Where that is a
working value it is the default here as well; a port is required.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from reference_broker.config.domain_file import Empty
from reference_broker.config.reader import Choice
from reference_broker.config.scalars import (
    Count32,
    Count64,
    Double,
    Int32,
    Int64,
    Name,
    Port,
    PortOrNone,
)

# IPv4 "every interface": what the peer listens on when nothing else is said.
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - the documented default of the file format


DEFAULT_LOG_FORMAT = "%d (%t) %s %F:%l %m\n"
SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")


class SyslogFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`logController.syslog`."""

    enabled: bool = False
    app_name: str = ""
    log_format: str = ""
    verbosity: str = ""


class LogDumpFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`logController.logDump`."""

    record_buffer_size: Count32 = 32_768
    recording_level: str = "OFF"
    trigger_level: str = "OFF"


class LogFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`taskConfig.logController`; format and severity default to those of the peer's sample."""

    file_name: str = ""
    file_max_age_days: Int32 = 0
    rotation_bytes: Count32 = 0
    logfile_format: str = ""
    console_format: str = DEFAULT_LOG_FORMAT
    logging_verbosity: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] = "INFO"
    bsls_log_severity_threshold: str = "ERROR"
    console_severity_threshold: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] = "INFO"
    categories: tuple[str, ...] = ()
    syslog: SyslogFile = SyslogFile()
    log_dump: LogDumpFile = LogDumpFile()


class TaskFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`taskConfig`."""

    allocator_type: Literal["NEWDELETE", "COUNTING", "STACKTRACETEST"] = "NEWDELETE"
    allocation_limit: Count64 = 0
    log_controller: LogFile = LogFile()


class ProcessorQueueFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`dispatcherConfig.*.processorConfig`."""

    queue_size: Count32 = 0
    queue_size_low_watermark: Count32 = 0
    queue_size_high_watermark: Count32 = 0


class ProcessorFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`dispatcherConfig.sessions`, `.queues` and `.clusters`."""

    num_processors: Count32 = 0
    processor_config: ProcessorQueueFile = ProcessorQueueFile()


class DispatcherFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`dispatcherConfig`."""

    sessions: ProcessorFile = ProcessorFile()
    queues: ProcessorFile = ProcessorFile()
    clusters: ProcessorFile = ProcessorFile()
    alarm_timeout_ms: Count32 = 180_000
    warning_timeout_ms: Count32 = 10_000


class PrometheusFile(Struct, frozen=True, kw_only=True):
    """`stats.plugins[].prometheusSpecific`."""

    mode: Literal["E_PUSH", "E_PULL"] = "E_PULL"
    host: str = "localhost"
    port: Port = 8080


class StatPluginFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`stats.plugins[]`."""

    name: str = ""
    queue_size: Count32 = 10_000
    queue_high_watermark: Count32 = 5_000
    queue_low_watermark: Count32 = 1_000
    publish_interval: Count32 = 30
    namespace_prefix: str = ""
    hosts: tuple[str, ...] = ()
    instance_id: str = ""
    prometheus_specific: PrometheusFile | None = None


class StatPrinterFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`stats.printer`."""

    print_interval: Count32 = 60
    file: str = ""
    max_age_days: Int32 = 0
    rotate_bytes: Count32 = 268_435_456
    rotate_days: Int32 = 1
    encoding: Literal["NONE", "TABLE", "JSON", "TABLE_AND_JSON"] = "TABLE_AND_JSON"


class StatsFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`stats`."""

    snapshot_interval: Count32 = 1
    plugins: tuple[StatPluginFile, ...] = ()
    printer: StatPrinterFile = StatPrinterFile()


class HeartbeatsFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`networkInterfaces.heartbeats`: heartbeats that may be missed; 0 is "off"."""

    client: Count32 = 0
    downstream_broker: Count32 = 0
    upstream_broker: Count32 = 0
    cluster_peer: Count32 = 0


class ListenerFile(Struct, frozen=True, kw_only=True):
    """`tcpInterface.listeners[]`."""

    name: str = ""
    address: Name = ANY_ADDRESS
    port: Port
    tls: bool = False


class TcpFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`networkInterfaces.tcpInterface`; listeners, if there are any, replace the port [FILE-10]."""

    name: str = ""
    port: PortOrNone = -1
    io_threads: Count32 = 0
    max_connections: Count32 = 10_000
    low_watermark: Count64 = 0
    high_watermark: Count64 = 0
    node_low_watermark: Count64 = 1_024
    node_high_watermark: Count64 = 2_048
    heartbeat_interval_ms: Count32 = 3_000
    listeners: tuple[ListenerFile, ...] = ()


class NetworkFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`networkInterfaces`."""

    heartbeats: HeartbeatsFile = HeartbeatsFile()
    tcp_interface: TcpFile


class ConfFile(Struct, frozen=True, kw_only=True):
    """`bmqconfConfig`."""

    cache_ttl_seconds: Count32 = field(name="cacheTTLSeconds", default=0)


class PluginsFile(Struct, frozen=True, kw_only=True):
    """`plugins`."""

    libraries: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()


class PropertiesV2File(Struct, frozen=True, kw_only=True):
    """`messagePropertiesV2`."""

    advertise: bool = field(name="advertiseV2Support", default=True)
    cpp_sdk_version_min: Int32 = field(name="minCppSdkVersion", default=11_207)
    java_sdk_version_min: Int32 = field(name="minJavaSdkVersion", default=10)


class SettingValueFile(Choice, frozen=True, kw_only=True, rename="camel"):
    """`settings[].value`."""

    bool_val: bool | None = None
    int_val: Int32 | None = None
    long_val: Int64 | None = None
    double_val: Double | None = None
    string_val: str | None = None


class SettingFile(Struct, frozen=True, kw_only=True):
    """`settings[]` of a plug-in."""

    key: str
    value: SettingValueFile


class PluginFile(Struct, frozen=True, kw_only=True):
    """A plug-in by name."""

    name: Name
    settings: tuple[SettingFile, ...] = ()


class CredentialFile(Struct, frozen=True, kw_only=True):
    """`anonymousCredential.credential`."""

    mechanism: str = ""
    identity: str = ""


class AnonymousFile(Choice, frozen=True, kw_only=True):
    """`authentication.anonymousCredential`."""

    disallow: Empty | None = None
    credential: CredentialFile | None = None


class AuthenticationFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`authentication`."""

    authenticators: tuple[PluginFile, ...] = ()
    anonymous_credential: AnonymousFile | None = None
    min_threads: Count32 = 1
    max_threads: Count32 = 8
    credential_provider: PluginFile | None = None


class AuthorizationFile(Struct, frozen=True, kw_only=True):
    """`authorization`."""

    authorizer: PluginFile | None = None


class TlsFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`tlsConfig`."""

    certificate_authority: str = ""
    certificate: str = ""
    key: str = ""
    versions: str = "TLSv1.3"


class AppFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """`appConfig`."""

    broker_instance_name: str = ""
    broker_version: Int32 = 0
    config_version: Int32 = 0
    etc_dir: str = ""
    host_name: str = ""
    host_tags: str = ""
    host_data_center: str = ""
    logs_observer_max_size: Count32 = 0
    latency_monitor_domain: str = "bmq.sys.latemon.latency"
    dispatcher_config: DispatcherFile = DispatcherFile()
    stats: StatsFile = StatsFile()
    network_interfaces: NetworkFile
    bmqconf_config: ConfFile = ConfFile()
    plugins: PluginsFile = PluginsFile()
    message_properties_v2: PropertiesV2File = PropertiesV2File()
    configure_stream: bool = False
    advertise_subscriptions: bool = False
    route_command_timeout_ms: Count32 = 3_000
    authentication: AuthenticationFile = AuthenticationFile()
    authorization: AuthorizationFile = AuthorizationFile()
    tls_config: TlsFile | None = None


class BrokerFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """The document."""

    task_config: TaskFile = TaskFile()
    app_config: AppFile
