from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from reference_broker.config import AuthenticationConfig, Credential, PluginConfig
from reference_broker.security import Authenticators
from reference_broker.wire import EventType
from reference_broker.wire.control import AuthenticationMessage, Encoding
from reference_broker.wire.control_event import control_event

BASIC = PluginConfig(name="BasicAuthenticator", settings=(("user1", "secret"),))
ANON = PluginConfig(name="AnonAuthenticator")
REJECT = PluginConfig(name="AnonAuthenticator", settings=(("shouldPass", False),))
SLOW = PluginConfig(name="TestAuthenticator", settings=(("sleepTimeMs", 100),))
USER1 = Credential(mechanism="Basic", identity="user1:secret")
ANONYMOUS = Credential(mechanism="ANONYMOUS", identity="")


def made(
    *authenticators: PluginConfig, anonymous: Credential | None = None, disallows: bool = False
) -> Authenticators:
    return Authenticators.from_config(
        AuthenticationConfig(
            authenticators=authenticators,
            anonymous_credential=anonymous,
            disallows_anonymous=disallows,
        )
    )


# What the peer's broker answered, byte by byte.

SUCCESS = "000000284f0200003080a080a180a0808001008101008200000081030927c0000000000000030303"
ANSWERS = [
    ("BASIC", b"user1:secret", SUCCESS),
    ("basic", b"user1:secret", SUCCESS),
    (
        "BASIC",
        b"user1:wrong",
        (
            "000000984f0200003080a080a180a0808001fa8101f582774661696c656420746f2061757468656e7469636174"
            "652077697468206d656368616e69736d20274241534943272e20287263203d202d31292e2044657461696c6564"
            "206572726f723a20496e76616c696420757365726e616d65206f722070617373776f726420666f722075736572"
            "202775736572"
            "3127000000000000000001"
        ),
    ),
    (
        "BASIC",
        b"nocolon",
        (
            "000000b04f0200003080a080a180a0808001fa8101f582818d4661696c656420746f2061757468656e74696361"
            "74652077697468206d656368616e69736d20274241534943272e20287263203d202d31292e2044657461696c65"
            "64206572726f723a20496e76616c69642061757468656e7469636174696f6e207061796c6f616420666f726d61"
            "742e2045787065637465642027757365726e616d653a70617373776f72642700000000000000000202"
        ),
    ),
    (
        "BASIC",
        b"who:x",
        (
            "000000984f0200003080a080a180a0808001fa8101f582754661696c656420746f2061757468656e7469636174"
            "652077697468206d656368616e69736d20274241534943272e20287263203d202d31292e2044657461696c6564"
            "206572726f723a20496e76616c696420757365726e616d65206f722070617373776f726420666f722075736572"
            "202777686f270000000000000000030303"
        ),
    ),
    (
        "ANONYMOUS",
        b"",
        (
            "000000544f0200003080a080a180a0808001fa8101fe823341757468656e7469636174696f6e206d656368616e"
            "69736d2027414e4f4e594d4f555327206e6f7420737570706f727465642e000000000000000001"
        ),
    ),
]


@pytest.mark.parametrize(("mechanism", "data", "answer"), ANSWERS)
def test_answers_are_the_peers(mechanism, data, answer):
    for authenticators in (made(BASIC, disallows=True), made(BASIC, anonymous=USER1)):
        response = authenticators.judge(mechanism, data).response()
        message = AuthenticationMessage(choice=response)
        event = control_event(message, Encoding.BER, EventType.AUTHENTICATION)
        assert event.hex() == answer


def test_without_configuration_everybody_is_anonymous_and_nobody_else():
    authenticators = made()
    assert authenticators.mechanisms == ("ANONYMOUS",)
    stranger = authenticators.judge_stranger()
    assert stranger is not None
    assert (stranger.principal, stranger.lifetime_ms, stranger.delay_ms) == ("anonymous", None, 0)
    assert authenticators.judge("anonymous", b"any").is_accepted
    refused = authenticators.judge("Basic", b"user1:secret")
    assert (refused.code, refused.message) == (
        -2,
        "Authentication mechanism 'BASIC' not supported.",
    )


def test_the_anonymous_authenticator_joins_those_that_are_listed():
    authenticators = made(BASIC, SLOW)
    assert authenticators.mechanisms == ("BASIC", "TEST", "ANONYMOUS")
    stranger = authenticators.judge_stranger()
    assert stranger is not None
    assert stranger.principal == "anonymous"


def test_strangers_are_turned_away_where_it_says_so():
    assert made(BASIC, disallows=True).judge_stranger() is None
    alone = made(disallows=True)
    assert alone.judge_stranger() is None
    assert alone.judge("ANONYMOUS", b"").is_accepted  # somebody must be able to enter


def test_strangers_enter_with_the_credential():
    authenticators = made(BASIC, anonymous=USER1)
    assert authenticators.mechanisms == ("BASIC",)
    stranger = authenticators.judge_stranger()
    assert stranger is not None
    assert stranger.principal == "BASIC_USER-user1"


def test_the_credential_may_be_wrong():
    wrong = Credential(mechanism="Basic", identity="user1:wrong")
    stranger = made(BASIC, anonymous=wrong).judge_stranger()
    assert stranger is not None
    assert stranger.code == -11
    nobody = made(REJECT, anonymous=ANONYMOUS).judge_stranger()
    assert nobody is not None
    assert nobody.message == (
        "Failed to authenticate with mechanism 'ANONYMOUS'. (rc = -1)."
        " Detailed error: Authentication rejected by AnonAuthenticator"
    )


def test_a_slow_authenticator_says_how_long_it_takes():
    assert made(SLOW).judge("Test", b"").delay_ms == 100


@pytest.mark.parametrize(
    ("authenticators", "anonymous", "text"),
    [
        ([ANON, REJECT], None, "AnonAuthenticator is the second authenticator of .* ANONYMOUS"),
        ([BASIC, SLOW, BASIC], None, "BasicAuthenticator is the second .* leave one of them out"),
        ([BASIC], Credential(mechanism="OAuth", identity="t"), "mechanism 'OAuth'.*use one of BAS"),
        ([BASIC], ANONYMOUS, "no authenticator has the mechanism 'ANONYMOUS'"),
        ([], ANONYMOUS, "no authenticator has the mechanism 'ANONYMOUS'.*there are none"),
        ([ANON], None, "there is no anonymousCredential; give one"),
        ([PluginConfig(name="Kerberos")], None, "'Kerberos'; use one of AnonAuthenticator, Basic"),
    ],
)
def test_contradictions_are_refused_at_the_start(authenticators, anonymous, text):
    with pytest.raises(OperatorError, match=text):
        made(*authenticators, anonymous=anonymous)


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("Vault", (), "no credential provider 'Vault'"),
        ("BasicCredentialProvider", (("password", "x"),), "'username' that is not empty"),
        ("BasicCredentialProvider", (("username", ""),), "'username' that is not empty"),
    ],
)
def test_a_credential_provider_must_be_one(name, settings, text):
    provider = PluginConfig(name=name, settings=settings)
    with pytest.raises(OperatorError, match=text):
        Authenticators.from_config(AuthenticationConfig(credential_provider=provider))


def test_a_credential_provider_that_is_one_changes_nothing():
    settings = (("username", "user1"), ("password", "secret"))
    provider = PluginConfig(name="BasicCredentialProvider", settings=settings)
    authenticators = Authenticators.from_config(AuthenticationConfig(credential_provider=provider))
    assert authenticators.mechanisms == ("ANONYMOUS",)
