from __future__ import annotations

from typing import Any

import pytest

from reference_broker.config.authentication import (
    AuthenticationConfig,
    Credential,
    PluginConfig,
    read_authentication,
)
from reference_broker.config.broker_file import AuthenticationFile
from reference_broker.config.errors import ConfigError
from reference_broker.config.reader import read_as


def read(raw: dict[str, Any]) -> AuthenticationConfig:
    return read_authentication(read_as(AuthenticationFile, raw, {})[0])


def settings(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "Gate", "settings": [{"key": "k", "value": value}]}]


def test_nothing_is_asked_for_by_default():
    assert read({}) == AuthenticationConfig()
    assert read({"authenticators": [], "minThreads": 1, "maxThreads": 8}) == AuthenticationConfig()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"boolVal": False}, False),
        ({"boolVal": "false"}, False),
        ({"intVal": 0}, 0),
        ({"intVal": "100"}, 100),
        ({"longVal": -(2**40)}, -(2**40)),
        ({"doubleVal": "0.5"}, 0.5),
        ({"stringVal": ""}, ""),
        ({"stringVal": "7"}, "7"),
    ],
)
def test_a_setting_has_the_type_of_its_member_even_where_it_is_written_as_a_string(value, expected):
    (plugin,) = read({"authenticators": settings(value)}).authenticators
    assert plugin == PluginConfig(name="Gate", settings=(("k", expected),))
    assert type(plugin.settings[0][1]) is type(expected)


@pytest.mark.parametrize("value", [{}, {"boolVal": True, "intVal": 1}, {"boolVal": "perhaps"}])
def test_a_setting_has_one_value_of_its_type(value):
    with pytest.raises(ConfigError, match=r"authenticators\[0\].settings\[0\].value"):
        read({"authenticators": settings(value)})


def test_the_anonymous_credential_is_given_or_disallowed():
    given = read({"anonymousCredential": {"credential": {"mechanism": "Basic", "identity": "a:b"}}})
    assert given.anonymous_credential == Credential(mechanism="Basic", identity="a:b")
    assert not given.disallows_anonymous
    disallowed = read({"anonymousCredential": {"disallow": {}}})
    assert disallowed == AuthenticationConfig(disallows_anonymous=True)
    with pytest.raises(ConfigError, match="exactly one member: 'disallow' or 'credential'"):
        read({"anonymousCredential": {}})


def test_secrets_are_not_shown():
    config = read(
        {
            "authenticators": settings({"stringVal": "hush"}),
            "anonymousCredential": {"credential": {"mechanism": "B", "identity": "a:hush"}},
        }
    )
    assert "hush" not in repr(config)
