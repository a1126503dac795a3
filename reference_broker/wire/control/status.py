"""Status: the answer to a request that has nothing else to say, mostly a refusal.

It stands apart from the other messages because both clients' and cluster members' messages use it.

Peer: bmqp_ctrlmsg.xsd, Status.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from reference_broker.wire.control.kinds import I32


class StatusCategory(IntEnum):
    """What kind of outcome a status reports [CTRL-3]."""

    E_SUCCESS = 0
    E_UNKNOWN = -1
    E_TIMEOUT = -2
    E_NOT_CONNECTED = -3
    E_CANCELED = -4
    E_NOT_SUPPORTED = -5
    E_REFUSED = -6
    E_INVALID_ARGUMENT = -7
    E_NOT_READY = -8


@dataclass(frozen=True, slots=True)
class Status:
    """Outcome of a request; the code is 0 or tells the reasons of one category apart."""

    category: StatusCategory = StatusCategory.E_SUCCESS
    code: I32 = 0
    message: str = ""
