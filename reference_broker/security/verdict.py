"""What becomes of a request to be let in."""

from __future__ import annotations

from dataclasses import dataclass

from reference_broker.base import PeerError
from reference_broker.wire.control import AuthenticationResponse, Status, StatusCategory

_PRINCIPAL_CHANGED = "Principal cannot change during reauthentication"
_PRINCIPAL_CHANGED_CODE = -1


def normalized(mechanism: str) -> str:
    """Return a mechanism's name as it is compared: ASCII letters without case [AUTH-3]."""
    octets = mechanism.encode("utf-8", "surrogateescape")
    return octets.upper().decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An authenticator's decision.

    Attributes:
        mechanism: normalized name of the mechanism that was asked for.
        principal: who the peer is; empty where it is refused.
        lifetime_ms: milliseconds for which that holds; None is "for ever".
        delay_ms: milliseconds until the peer may learn of it.
        code: 0, or why not, in the peer's numbers.
        message: the refusal in the peer's words; empty otherwise.
    """

    mechanism: str
    principal: str = ""
    lifetime_ms: int | None = None
    delay_ms: int = 0
    code: int = 0
    message: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the peer is let in."""
        return self.code == 0

    def response(self) -> AuthenticationResponse:
        """Return what the peer is told."""
        if not self.is_accepted:
            status = Status(StatusCategory.E_REFUSED, self.code, self.message)
            return AuthenticationResponse(status=status)
        status = Status(StatusCategory.E_SUCCESS, 0, "")
        return AuthenticationResponse(status=status, lifetime_ms=self.lifetime_ms)


@dataclass(frozen=True, slots=True)
class Authentication:
    """As whom a peer was let in.

    Attributes:
        mechanism: normalized.
        principal: who it is.
        is_implicit: whether the anonymous credential stood in for one of its own.
    """

    mechanism: str
    principal: str
    is_implicit: bool

    def check_mechanism(self, mechanism: str) -> None:
        """Check the mechanism with which the peer wants to authenticate again.

        The peer compares the names as they were written; here case does not matter, as everywhere.

        Raises:
            PeerError: it is another one; close without an answer [AUTH-25].
        """
        if normalized(mechanism) != self.mechanism:
            raise PeerError(
                f"Authentication mechanism mismatch: {self.mechanism} before, now {mechanism}"
            )

    def renewed(self, verdict: Verdict) -> Verdict:
        """Return the verdict on authenticating again.

        A refusal is as ever [AUTH-26]; whoever it was must stay so [AUTH-23, AUTH-24].
        """
        if not verdict.is_accepted or verdict.principal == self.principal:
            return verdict
        return Verdict(
            mechanism=verdict.mechanism,
            delay_ms=verdict.delay_ms,
            code=_PRINCIPAL_CHANGED_CODE,
            message=_PRINCIPAL_CHANGED,
        )
