"""Security: who a peer is. No sockets, no clock; what takes time is a number of milliseconds."""

from __future__ import annotations

from reference_broker.security.authenticators import Authenticators
from reference_broker.security.verdict import Authentication, Verdict

__all__ = ["Authentication", "Authenticators", "Verdict"]
