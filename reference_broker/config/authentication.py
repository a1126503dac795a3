"""`appConfig.authentication`: who may be let in, and as whom strangers are.

Here is only what the file says. Whether authenticators of these names exist, and whether they and
the anonymous credential fit together, is for the security room to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from reference_broker.config.broker_file import AuthenticationFile, PluginFile, SettingValueFile

#: A setting's value; the type is that of the member it was written under.
SettingValue: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginConfig:
    """An authenticator or a credential provider, by name.

    Attributes:
        name: as written.
        settings: (key, value), as written; kept out of `repr`, because passwords are among them.
    """

    name: str
    settings: tuple[tuple[str, SettingValue], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """With what a client is authenticated that does not authenticate itself.

    Attributes:
        mechanism: as written.
        identity: what the client would have sent; kept out of `repr`.
    """

    mechanism: str
    identity: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationConfig:
    """The whole section.

    Attributes:
        authenticators: in the order of the file.
        anonymous_credential: None where the file gives none.
        disallows_anonymous: whether a client must authenticate itself.
        credential_provider: for connections to other brokers.
    """

    authenticators: tuple[PluginConfig, ...] = ()
    anonymous_credential: Credential | None = None
    disallows_anonymous: bool = False
    credential_provider: PluginConfig | None = None


def read_authentication(section: AuthenticationFile) -> AuthenticationConfig:
    """Return what the section says."""
    anonymous = section.anonymous_credential
    given = anonymous.credential if anonymous else None
    provider = section.credential_provider
    return AuthenticationConfig(
        authenticators=tuple(_plugin(plugin) for plugin in section.authenticators),
        anonymous_credential=(
            Credential(mechanism=given.mechanism, identity=given.identity) if given else None
        ),
        disallows_anonymous=anonymous is not None and anonymous.disallow is not None,
        credential_provider=_plugin(provider) if provider else None,
    )


def _plugin(plugin: PluginFile) -> PluginConfig:
    settings = tuple((setting.key, _value(setting.value)) for setting in plugin.settings)
    return PluginConfig(name=plugin.name, settings=settings)


def _value(value: SettingValueFile) -> SettingValue:
    members = (value.bool_val, value.int_val, value.long_val, value.double_val, value.string_val)
    return next(member for member in members if member is not None)
