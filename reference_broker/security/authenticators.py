"""Authenticators by mechanism, and the rules for those who do not authenticate.

::

    anonymousCredential   absent        AnonAuthenticator is added; strangers are `anonymous`
                          credential    strangers are authenticated with it
                          disallow      strangers are turned away

Where nothing at all is configured everybody is let in [AUTH-12].

A configuration that contradicts itself is refused at the start. Peer: mqbauthn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Self

from reference_broker.base import OperatorError
from reference_broker.config import AuthenticationConfig, Credential, PluginConfig
from reference_broker.security.builtin import (
    ANONYMOUS,
    AnonAuthenticator,
    Authenticator,
    BasicAuthenticator,
    RefusedError,
    TestAuthenticator,
    strings,
)
from reference_broker.security.verdict import Verdict, normalized

_SECTION: Final = "appConfig.authentication"
_PROVIDER: Final = "BasicCredentialProvider"
#: What an authenticator says when it refuses, and what the peer makes of that for its client.
_REFUSED: Final = -1
_REFUSED_CODE: Final = _REFUSED * 10 - 1
_UNKNOWN_MECHANISM_CODE: Final = -2

_BUILT_IN: Final[Mapping[str, Callable[[PluginConfig], Authenticator]]] = MappingProxyType(
    {
        "AnonAuthenticator": AnonAuthenticator.from_config,
        "BasicAuthenticator": BasicAuthenticator.from_config,
        "TestAuthenticator": TestAuthenticator.from_config,
    }
)


class Authenticators:
    """Who decides about whom.

    Args:
        by_mechanism: the authenticators, by normalized mechanism.
        anonymous: what stands in for a client that does not authenticate; None to refuse it.
    """

    def __init__(
        self, by_mechanism: Mapping[str, Authenticator], anonymous: Credential | None
    ) -> None:
        self._by_mechanism = dict(by_mechanism)
        self._anonymous = anonymous

    @classmethod
    def from_config(cls, config: AuthenticationConfig) -> Self:
        """Return what a configuration asks for.

        Raises:
            OperatorError: it names what does not exist [AUTH-32], or contradicts itself
            [AUTH-29, AUTH-30, AUTH-31].
        """
        _check_provider(config.credential_provider)
        authenticators: dict[str, Authenticator] = {}
        for plugin in config.authenticators:
            authenticator = _made(plugin)
            if authenticator.mechanism in authenticators:
                raise OperatorError(
                    f"{_SECTION}.authenticators: {plugin.name} is the second authenticator of"
                    f" mechanism {authenticator.mechanism}; leave one of them out"
                )
            authenticators[authenticator.mechanism] = authenticator
        anonymous = _checked_anonymous(config, authenticators)
        # Added where nothing is said of strangers [AUTH-18], and not where they are [AUTH-22].
        if not authenticators or not (config.anonymous_credential or config.disallows_anonymous):
            authenticators[ANONYMOUS] = AnonAuthenticator()
        return cls(authenticators, anonymous)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The normalized names of the mechanisms, in the order of the configuration."""
        return tuple(self._by_mechanism)

    def judge(self, mechanism: str, data: bytes) -> Verdict:
        """Return the verdict on one request.

        A mechanism that nobody serves [AUTH-4], and credentials that do not hold [AUTH-5], are
        refused.

        Args:
            mechanism: as the peer wrote it.
            data: what the mechanism makes of it is its business.
        """
        name = normalized(mechanism)
        authenticator = self._by_mechanism.get(name)
        if authenticator is None:
            message = f"Authentication mechanism '{name}' not supported."
            return Verdict(mechanism=name, code=_UNKNOWN_MECHANISM_CODE, message=message)
        try:
            principal = authenticator.identify(data)
        except RefusedError as refusal:
            message = (
                f"Failed to authenticate with mechanism '{name}'. (rc = {_REFUSED})."
                f" Detailed error: {refusal}"
            )
            delay = authenticator.delay_ms
            return Verdict(mechanism=name, delay_ms=delay, code=_REFUSED_CODE, message=message)
        return Verdict(
            mechanism=name,
            principal=principal,
            lifetime_ms=authenticator.lifetime_ms,
            delay_ms=authenticator.delay_ms,
        )

    def judge_stranger(self) -> Verdict | None:
        """Return the verdict on a client that does not authenticate; None where it has to.

        It is let in where nothing is said of it [AUTH-17], or its credential holds [AUTH-19].
        """
        if self._anonymous is None:
            return None
        identity = self._anonymous.identity.encode("utf-8", "surrogatepass")
        return self.judge(self._anonymous.mechanism, identity)


def _made(plugin: PluginConfig) -> Authenticator:
    make = _BUILT_IN.get(plugin.name)
    if make is None:
        raise OperatorError(
            f"{_SECTION}.authenticators: there is no authenticator {plugin.name!r}; use one of"
            f" {', '.join(_BUILT_IN)} (shared-library plug-ins cannot be loaded)"
        )
    return make(plugin)


def _checked_anonymous(
    config: AuthenticationConfig, authenticators: Mapping[str, Authenticator]
) -> Credential | None:
    """Return what stands in for a client that does not authenticate."""
    if config.disallows_anonymous:
        return None
    credential = config.anonymous_credential
    if credential is None:
        if ANONYMOUS in authenticators:
            raise OperatorError(
                f"{_SECTION}: AnonAuthenticator is listed, but there is no anonymousCredential;"
                " give one, or leave AnonAuthenticator out to let everybody in"
            )
        return Credential(mechanism=ANONYMOUS, identity="")
    if normalized(credential.mechanism) not in authenticators:
        raise OperatorError(
            f"{_SECTION}.anonymousCredential: no authenticator has the mechanism"
            f" {credential.mechanism!r}; list one, or use one of"
            f" {', '.join(authenticators) or 'those that are listed (there are none)'}"
        )
    return credential


def _check_provider(provider: PluginConfig | None) -> None:
    """Refuse the provider that the peer would not start; nothing is ever sent with its help."""
    if provider is None:
        return
    path = f"{_SECTION}.credentialProvider"
    if provider.name != _PROVIDER:
        raise OperatorError(
            f"{path}: there is no credential provider {provider.name!r}; use {_PROVIDER}, or leave"
            " it out: a single node authenticates itself to nobody"
        )
    if not strings(provider).get("username"):
        raise OperatorError(f"{path}: {_PROVIDER} needs a setting 'username' that is not empty")
