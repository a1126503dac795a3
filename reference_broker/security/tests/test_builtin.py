from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import OperatorError
from reference_broker.config import PluginConfig, SettingValue
from reference_broker.security import builtin
from reference_broker.security.builtin import AnonAuthenticator, BasicAuthenticator, RefusedError

USERS = {"jane": "secret", "joe": "", "jürgen": "p:w", "": "nobody"}


def plugin(*settings: tuple[str, SettingValue]) -> PluginConfig:
    return PluginConfig(name="Gate", settings=settings)


def test_anonymous_lets_everybody_in_for_ever():
    authenticator = AnonAuthenticator.from_config(plugin())
    assert authenticator.identify(b"whoever") == "anonymous"
    assert (authenticator.mechanism, authenticator.lifetime_ms) == ("ANONYMOUS", None)


def test_anonymous_lets_nobody_in_when_told_so():
    settings = plugin(("shouldPass", True), ("other", 1), ("shouldPass", False))
    with pytest.raises(RefusedError, match="Authentication rejected by AnonAuthenticator"):
        AnonAuthenticator.from_config(settings).identify(b"")


@pytest.mark.parametrize(
    ("data", "principal"),
    [
        (b"jane:secret", "BASIC_USER-jane"),
        (b"joe:", "BASIC_USER-joe"),
        ("jürgen:p:w".encode(), "BASIC_USER-jürgen"),
        (b":nobody", "BASIC_USER-"),
    ],
)
def test_basic_splits_at_the_first_colon(data, principal):
    authenticator = BasicAuthenticator(USERS)
    assert authenticator.identify(data) == principal
    assert (authenticator.mechanism, authenticator.lifetime_ms) == ("BASIC", 600_000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Invalid authentication payload format. Expected 'username:password'"),
        (b"jane", "Invalid authentication payload format. Expected 'username:password'"),
        (b"jane:", "Invalid username or password for user 'jane'"),
        (b"jane:Secret", "Invalid username or password for user 'jane'"),
        (b"jane:secret ", "Invalid username or password for user 'jane'"),
        (b"nemo:", "Invalid username or password for user 'nemo'"),
        (b"joe:secret", "Invalid username or password for user 'joe'"),
        (b"\xff:secret", "Invalid username or password for user '\udcff'"),
    ],
)
def test_basic_refuses_in_the_peers_words(data, reason):
    with pytest.raises(RefusedError) as caught:
        BasicAuthenticator(USERS).identify(data)
    assert str(caught.value) == reason


@given(data=st.binary(max_size=40))
def test_no_other_bytes_are_let_in(data):
    right = {f"{user}:{word}".encode() for user, word in USERS.items()}
    if data not in right:
        with pytest.raises(RefusedError):
            BasicAuthenticator(USERS).identify(data)


def test_the_last_password_of_a_user_counts():
    authenticator = BasicAuthenticator.from_config(plugin(("a", "1"), ("a", "2")))
    assert authenticator.identify(b"a:2") == "BASIC_USER-a"
    with pytest.raises(RefusedError):
        authenticator.identify(b"a:1")


@pytest.mark.parametrize(
    ("settings", "delay_ms"), [((), 0), ((("sleepTimeMs", 100),), 100), ((("sleepTimeMs", -1),), 0)]
)
def test_test_lets_everybody_in_after_a_while(settings, delay_ms):
    authenticator = builtin.TestAuthenticator.from_config(plugin(*settings))
    assert authenticator.identify(b"") == "TEST_USER"
    assert (authenticator.mechanism, authenticator.lifetime_ms) == ("TEST", 600_000)
    assert authenticator.delay_ms == delay_ms


@pytest.mark.parametrize(
    ("make", "setting", "rule"),
    [
        (AnonAuthenticator.from_config, ("shouldPass", "false"), "'shouldPass' as {'boolVal'"),
        (AnonAuthenticator.from_config, ("shouldPass", 0), "'shouldPass' as {'boolVal'"),
        (BasicAuthenticator.from_config, ("jane", 1), "'jane' as {'stringVal'"),
        (builtin.TestAuthenticator.from_config, ("sleepTimeMs", "1"), "'sleepTimeMs' as {'intVal'"),
        (builtin.TestAuthenticator.from_config, ("sleepTimeMs", True), "as {'intVal'"),
        (builtin.TestAuthenticator.from_config, ("sleepTimeMs", 0.5), "as {'intVal'"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_the_operators_mistake(make, setting, rule):
    with pytest.raises(OperatorError, match=rule):
        make(plugin(setting))
