"""What can go wrong for a user of the client."""

from __future__ import annotations

from collections.abc import Sequence

from reference_broker.base import BrokerError
from reference_broker.session import Ack
from reference_broker.wire.control import Status, StatusCategory


class ClientError(BrokerError):
    """Any failure of a client operation."""


class ConnectionLostError(ClientError):
    """There is no connection to the broker, and no time left to wait for one."""


class TimedOutError(ClientError):
    """What was waited for did not come in time."""


class RequestRefusedError(ClientError):
    """The broker answered a request with a failure.

    Args:
        what: the request, in words.
        status: the broker's answer.
    """

    def __init__(self, what: str, status: Status) -> None:
        category = StatusCategory(status.category).name
        super().__init__(f"{what}: {category} {status.code}: {status.message}")
        self.status = status


class PostRefusedError(ClientError):
    """The broker did not store posted messages.

    Args:
        refused: their acknowledgements.
        total: how many were posted together.
    """

    def __init__(self, refused: Sequence[Ack], total: int) -> None:
        first = refused[0]
        super().__init__(
            f"{len(refused)} of {total} messages refused by {first.queue.uri}; "
            f"the first, {first.guid.hex().upper()}, with {first.status.name}"
        )
        self.refused = tuple(refused)
