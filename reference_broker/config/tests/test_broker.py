from __future__ import annotations

import json
from typing import Any

import pytest

from reference_broker.config.authentication import AuthenticationConfig, Credential, PluginConfig
from reference_broker.config.broker import (
    BrokerConfig,
    Heartbeats,
    Listener,
    LogSettings,
    MessagePropertiesV2,
    TcpInterface,
    parse_broker,
)
from reference_broker.config.errors import ConfigError
from reference_broker.config.tests import peer_files

TCP = "appConfig.networkInterfaces.tcpInterface"


def least(**tcp: object) -> dict[str, Any]:
    return {"appConfig": {"networkInterfaces": {"tcpInterface": {"port": 4711, **tcp}}}}


def test_every_field_arrives():
    broker = parse_broker(json.dumps(peer_files.broker()).encode())
    assert broker == BrokerConfig(
        instance_name="blue",
        config_version=34,
        host_name="saturn",
        host_tags="ringed",
        host_data_center="outer",
        tcp=TcpInterface(
            name="Wire",
            port=4711,
            max_connections=50,
            heartbeat_interval_ms=100,
            listeners=(
                Listener(name="inner", address="127.0.0.1", port=4712),
                Listener(name="outer", address="10.0.0.1", port=4713),
            ),
        ),
        heartbeats=Heartbeats(client=2, downstream_broker=3, upstream_broker=4, cluster_peer=5),
        message_properties_v2=MessagePropertiesV2(
            advertise=False, cpp_sdk_version_min=20000, java_sdk_version_min=20
        ),
        configure_stream=True,
        advertise_subscriptions=True,
        domain_cache_ttl_s=8,
        log=LogSettings(
            console_format="%s %m%n",
            console_severity="WARN",
            verbosity="TRACE",
            categories=("MQB*:WARN:red",),
            file_name="logs/broker.%T",
            file_format="%d %m",
            file_age_days_max=7,
            rotation_bytes=1_000_000,
        ),
        stat_snapshot_s=5,
        authentication=AuthenticationConfig(
            authenticators=(PluginConfig(name="Gate", settings=(("user", "secret"),)),),
            anonymous_credential=Credential(mechanism="GATE", identity="user:secret"),
            credential_provider=PluginConfig(
                name="Vault",
                settings=(("a", True), ("b", -1), ("c", 2**40), ("d", 0.5), ("e", "x")),
            ),
        ),
        unknown=(),
        unhonoured=broker.unhonoured,
        extra=broker.extra,
    )


def test_defaults_are_the_peers():
    broker = parse_broker(least())
    assert broker.tcp.max_connections == 10_000
    assert broker.tcp.heartbeat_interval_ms == 3_000
    assert broker.heartbeats == Heartbeats(
        client=0, downstream_broker=0, upstream_broker=0, cluster_peer=0
    )
    assert broker.message_properties_v2 == MessagePropertiesV2(
        advertise=True, cpp_sdk_version_min=11_207, java_sdk_version_min=10
    )
    assert (broker.configure_stream, broker.advertise_subscriptions) == (False, False)
    assert broker.log.console_severity == "INFO"
    assert broker.unhonoured == ()


def test_a_port_alone_is_a_listener_on_every_interface():
    broker = parse_broker(least(name="Wire"))
    assert broker.tcp.listeners == (Listener(name="Wire", address="0.0.0.0", port=4711),)


def test_listeners_replace_the_port():
    listeners = [{"name": "BROKER", "port": 1}, {"port": "2", "address": "127.0.0.1"}]
    broker = parse_broker(least(port=-1, listeners=listeners))
    assert broker.tcp.listeners == (
        Listener(name="BROKER", address="0.0.0.0", port=1),
        Listener(name="", address="127.0.0.1", port=2),
    )


def test_without_listeners_there_is_a_port():
    with pytest.raises(ConfigError) as caught:
        parse_broker(least(port=-1))
    assert caught.value.path == f"{TCP}.port"
    document = least()
    del document["appConfig"]["networkInterfaces"]["tcpInterface"]["port"]
    with pytest.raises(ConfigError, match="where there are no listeners"):
        parse_broker(document)


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        (f"{TCP}.port", 65_536, "an integer from -1 to 65535"),
        (f"{TCP}.maxConnections", -1, "an integer from 0 to 2147483647"),
        (f"{TCP}.heartbeatIntervalMs", "soon", "an integer from 0 to 2147483647"),
        (f"{TCP}.listeners", {}, "a list"),
        ("appConfig.networkInterfaces.heartbeats.client", -1, "an integer from 0"),
        ("appConfig.messagePropertiesV2.advertiseV2Support", "maybe", "true or false"),
        ("appConfig.stats.printer.encoding", "XML", "'JSON', 'NONE', 'TABLE' or 'TABLE_AND_JSON'"),
        ("taskConfig.logController.consoleFormat", 5, "a string"),
    ],
)
def test_wrong_values_are_refused_with_path_value_and_rule(path, value, rule):
    with pytest.raises(ConfigError) as caught:
        parse_broker(peer_files.replaced(peer_files.broker(), list(path.split(".")), value))
    assert (caught.value.path, caught.value.value) == (path, value)
    assert rule in caught.value.rule


PLUGIN = {"name": "Gatekeeper", "settings": []}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("appConfig.authorization.authorizer", PLUGIN),
    ],
)
def test_protection_that_is_not_there_is_refused_and_not_ignored(path, value):
    document = peer_files.broker()
    with pytest.raises(ConfigError, match="not available in this version") as caught:
        parse_broker(peer_files.replaced(document, list(path.split(".")), value))
    assert caught.value.path == path


def test_a_listener_with_tls_is_refused():
    listeners = [{"name": "a", "port": 1}, {"name": "b", "port": 2, "tls": "true"}]
    with pytest.raises(ConfigError) as caught:
        parse_broker(least(listeners=listeners))
    assert str(caught.value) == (
        f"{TCP}.listeners[1].tls is true but must be false: TLS is not available in this version"
    )


@pytest.mark.parametrize("name", ["appConfig", "networkInterfaces", "tcpInterface"])
def test_a_broker_needs_a_network(name):
    document = least()
    place = document
    while name not in place:
        place = next(iter(place.values()))
    del place[name]
    with pytest.raises(ConfigError, match=rf"{name} is missing but must be an object"):
        parse_broker(document)
