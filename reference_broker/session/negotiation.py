"""Negotiation: what the broker makes of a client's identity.

::

    clientIdentity ──> undecodable, E_UNKNOWN ──> close, no answer
                   ──> SDK below the minimum ──> brokerResponse E_NOT_SUPPORTED, stay open
                   ──> a kind of session that this broker does not serve ──> E_REFUSED, close
                   ──> brokerResponse E_SUCCESS

Peer: mqba_sessionnegotiator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, NamedTuple

from reference_broker.base import PeerError
from reference_broker.wire.control import (
    BrokerResponse,
    ClientIdentity,
    ClientLanguage,
    ClientType,
    GuidInfo,
    Status,
    StatusCategory,
)
from reference_broker.wire.features import BROKER_FEATURES

PROTOCOL_VERSION: Final = 1

#: Language: (minimum, recommended) SDK version, as `major * 10000 + minor * 100 + patch`; other
#: languages have neither [NEG-12].
_SDK_VERSIONS: Final = {ClientLanguage.E_CPP: (10500, 10900), ClientLanguage.E_JAVA: (2, 2)}
#: No version is below: it is a number of 32 bits, and may be negative.
_ANY_VERSION: Final = (-(2**31), -(2**31))


class SessionKind(Enum):
    """Who the peer is."""

    CLIENT = "client"
    ADMIN = "admin"
    PROXY = "proxy"
    CLUSTER_MEMBER = "cluster member"


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What the broker says of itself.

    Attributes:
        host_name: as configured.
        process_name: name of the executable.
        pid: process id.
        version: `major * 10000 + minor * 100 + patch`; 999999 is a development build.
        version_text: as the user agent shows it.
        heartbeat_interval_ms: milliseconds between two looks.
        heartbeat_misses_max: for clients; 0 is off.
    """

    host_name: str = "localhost"
    process_name: str = "bmqbrkr.tsk"
    pid: int = 1
    version: int = 999999
    version_text: str = "99.99.99"
    heartbeat_interval_ms: int = 3000
    heartbeat_misses_max: int = 0


class Acceptance(NamedTuple):
    """The outcome of a negotiation.

    Attributes:
        response: to be sent.
        kind: who the peer is.
        is_established: whether requests may follow.
        close_reason: why to close after the response; empty to stay open.
    """

    response: BrokerResponse
    kind: SessionKind
    is_established: bool
    close_reason: str = ""


def negotiate(
    identity: object, peer: str, broker: BrokerFacts, session_number: int
) -> tuple[ClientIdentity, Acceptance]:
    """Judge a client's identity.

    What it says of its protocol version [NEG-13], and whether its strings make sense [NEG-14], does
    not matter. An SDK that is too old [NEG-9] stays connected without a session [NEG-10]; one that
    is merely old gets one, and is told so [NEG-11].

    Args:
        identity: what the first CONTROL event carried.
        peer: the peer's address, for a client that gives no host name.
        broker: what to say of ourselves.
        session_number: running count of sessions.

    Returns:
        The identity, completed, and the verdict.

    Raises:
        PeerError: the connection is to be closed without an answer: it is no identity [NEG-7], or
            one of an unknown kind of client [NEG-8].
    """
    if not isinstance(identity, ClientIdentity):
        raise PeerError(f"negotiation: a clientIdentity is expected, not {type(identity).__name__}")
    if identity.client_type is ClientType.E_UNKNOWN:
        raise PeerError("negotiation: clientIdentity.clientType is E_UNKNOWN")
    if not identity.host_name:
        identity = replace(identity, host_name=peer)
    kind = _kind(identity)
    response = _response(identity, broker, session_number)
    minimum, recommended = _SDK_VERSIONS.get(identity.sdk_language, _ANY_VERSION)
    if identity.sdk_version < minimum:
        text = (
            f"SDK version {identity.sdk_version} is not supported: "
            f"the minimum for {identity.sdk_language.name} is {minimum}"
        )
        status = Status(StatusCategory.E_NOT_SUPPORTED, -1, text)
        response = replace(response, result=status, is_deprecated_sdk=True)
        return identity, Acceptance(response, kind, is_established=False)
    if kind not in (SessionKind.CLIENT, SessionKind.ADMIN):  # [NEG-17]
        text = f"Connection not authorized: {kind.value} sessions are not served"
        response = replace(response, result=Status(StatusCategory.E_REFUSED, -1, text))
        return identity, Acceptance(response, kind, is_established=False, close_reason=text)
    response = replace(response, is_deprecated_sdk=identity.sdk_version < recommended)
    return identity, Acceptance(response, kind, is_established=True)


def _kind(identity: ClientIdentity) -> SessionKind:
    """Return who the peer is; its client type makes it an admin [NEG-15]."""
    if identity.client_type is ClientType.E_TCPADMIN:
        return SessionKind.ADMIN
    if not identity.cluster_name:
        return SessionKind.CLIENT
    return SessionKind.PROXY if identity.cluster_node_id == -1 else SessionKind.CLUSTER_MEMBER


def _response(identity: ClientIdentity, broker: BrokerFacts, session_number: int) -> BrokerResponse:
    """Return the answer of success [NEG-1]: who we are [NEG-2], and how we watch [NEG-18]."""
    return BrokerResponse(
        result=Status(StatusCategory.E_SUCCESS, 0, ""),
        protocol_version=PROTOCOL_VERSION,
        broker_version=broker.version,
        is_deprecated_sdk=False,
        broker_identity=ClientIdentity(
            protocol_version=PROTOCOL_VERSION,
            sdk_version=broker.version,
            client_type=ClientType.E_TCPBROKER,
            process_name=broker.process_name,
            pid=broker.pid,
            session_id=session_number,
            host_name=broker.host_name,
            features=BROKER_FEATURES,
            cluster_name=identity.cluster_name,
            guid_info=GuidInfo(),
            user_agent=f"bmqbrkr:{broker.version_text}",
        ),
        heartbeat_interval_ms=broker.heartbeat_interval_ms,
        max_missed_heartbeats=broker.heartbeat_misses_max,
    )
