"""The error that an API caller can mend, with the HTTP status that carries it.

The texts and the statuses are Toxiproxy's wherever it has them (ANCHORS 2.4), because its clients
look at both.
"""

from __future__ import annotations

from reference_broker.base import OperatorError


class ToxiproxyError(OperatorError):
    """A request that cannot be carried out.

    Args:
        message: what the caller reads: the field, its value and what it has to be.
        status: the HTTP status of the answer: 400, 404, 409 or 500.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


def bad_body(reason: str) -> ToxiproxyError:
    """The error for a request body that is not what the route takes."""
    return ToxiproxyError(f"bad request body: {reason}", status=400)
