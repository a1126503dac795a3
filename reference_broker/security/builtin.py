"""The authenticators that the peer has built in.

| mechanism | data                | principal          | lifetime | settings                        |
|-----------|---------------------|--------------------|----------|---------------------------------|
| ANONYMOUS | ignored             | `anonymous`        | for ever | shouldPass                      |
| BASIC     | `username:password` | `BASIC_USER-` user | 10 min   | one per user, key is the name   |
| TEST      | ignored             | `TEST_USER`        | 10 min   | sleepTimeMs delays the answer   |
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final, Protocol, Self

from reference_broker.base import OperatorError
from reference_broker.config import PluginConfig

ANONYMOUS: Final = "ANONYMOUS"
_LIFETIME_MS: Final = 600_000


class RefusedError(Exception):
    """The peer is not let in; the message is for its eyes."""


class Authenticator(Protocol):
    """Whoever decides about the requests of one mechanism."""

    @property
    def mechanism(self) -> str:
        """Its normalized name."""

    @property
    def lifetime_ms(self) -> int | None:
        """Milliseconds for which a decision holds; None is "for ever"."""

    @property
    def delay_ms(self) -> int:
        """Milliseconds that a decision takes."""

    def identify(self, data: bytes) -> str:
        """Return the principal.

        Raises:
            RefusedError: there is none.
        """


class AnonAuthenticator:
    """Let everybody in, or nobody.

    Args:
        should_pass: which of the two.
    """

    mechanism: Final = ANONYMOUS
    lifetime_ms: Final = None
    delay_ms: Final = 0

    def __init__(self, *, should_pass: bool = True) -> None:
        self._should_pass = should_pass

    @classmethod
    def from_config(cls, plugin: PluginConfig) -> Self:
        """Return what the settings ask for; the last `shouldPass` counts.

        Raises:
            OperatorError: `shouldPass` is no boolean.
        """
        should_pass = True
        for key, value in plugin.settings:
            if key == "shouldPass":
                if not isinstance(value, bool):
                    raise _wrong_kind(plugin, key, "boolVal")
                should_pass = value
        return cls(should_pass=should_pass)

    def identify(self, data: bytes) -> str:  # noqa: ARG002 - whatever it is
        """Return `anonymous`.

        Raises:
            RefusedError: nobody is let in [AUTH-15].
        """
        if not self._should_pass:
            raise RefusedError("Authentication rejected by AnonAuthenticator")
        return "anonymous"


class BasicAuthenticator:
    """Users and passwords, from the configuration.

    Args:
        passwords: by user.
    """

    mechanism: Final = "BASIC"
    lifetime_ms: Final = _LIFETIME_MS
    delay_ms: Final = 0

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = {_octets(user): _octets(word) for user, word in passwords.items()}

    @classmethod
    def from_config(cls, plugin: PluginConfig) -> Self:
        """Return one that knows the users of the settings; the last password of a user counts.

        Raises:
            OperatorError: a password is no string.
        """
        return cls(strings(plugin))

    def identify(self, data: bytes) -> str:
        """Return the user, after `BASIC_USER-`.

        Raises:
            RefusedError: `data` is not `username:password` [AUTH-14], or not the right ones
                [AUTH-13].
        """
        user, colon, password = data.partition(b":")
        if not colon:
            raise RefusedError(
                "Invalid authentication payload format. Expected 'username:password'"
            )
        name = user.decode("utf-8", "surrogateescape")
        expected = self._passwords.get(user)
        # An unknown user takes as long as a known one with an empty password.
        is_right = hmac.compare_digest(password, expected or b"")
        if expected is None or not is_right:
            raise RefusedError(f"Invalid username or password for user '{name}'")
        return f"BASIC_USER-{name}"


class TestAuthenticator:
    """Let everybody in, after a while [AUTH-16].

    Args:
        delay_ms: how long that takes, milliseconds.
    """

    mechanism: Final = "TEST"
    lifetime_ms: Final = _LIFETIME_MS

    def __init__(self, delay_ms: int = 0) -> None:
        self.delay_ms = max(delay_ms, 0)

    @classmethod
    def from_config(cls, plugin: PluginConfig) -> Self:
        """Return what the settings ask for; the last `sleepTimeMs` counts.

        Raises:
            OperatorError: `sleepTimeMs` is no integer.
        """
        delay_ms = 0
        for key, value in plugin.settings:
            if key == "sleepTimeMs":
                if not isinstance(value, int) or isinstance(value, bool):
                    raise _wrong_kind(plugin, key, "intVal")
                delay_ms = value
        return cls(delay_ms)

    def identify(self, data: bytes) -> str:  # noqa: ARG002 - whatever it is
        """Return `TEST_USER`."""
        return "TEST_USER"


def strings(plugin: PluginConfig) -> dict[str, str]:
    """Return the settings of a plug-in whose settings are strings.

    Raises:
        OperatorError: one is not.
    """
    settings: dict[str, str] = {}
    for key, value in plugin.settings:
        if not isinstance(value, str):
            raise _wrong_kind(plugin, key, "stringVal")
        settings[key] = value
    return settings


def _wrong_kind(plugin: PluginConfig, key: str, member: str) -> OperatorError:
    """Return the refusal of a setting; without it, it would silently be as good as not given."""
    return OperatorError(
        f"appConfig.authentication: {plugin.name} needs the setting {key!r} as {{{member!r}: ...}}"
    )


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
