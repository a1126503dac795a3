"""What a client session tells its shell: values, one kind per thing that can happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from reference_broker.base import Instant
from reference_broker.session.client_queue import Ack, ClientQueue, Message, QueueOptions
from reference_broker.wire.control import ControlChoice, Status, StatusCategory


@dataclass(eq=False, slots=True)
class Request:
    """A request under way, and then its outcome.

    Attributes:
        choice: what was asked.
        queue: the queue concerned, if any.
        deadline: when it is given up.
        options: of a configure: what was asked for; None stops the deliveries.
        is_restoring: whether the session made it by itself after a reconnection.
        is_opened: of an open for reading: the queue is open and is being configured.
        is_done: whether the outcome is known.
        status: the outcome; E_SUCCESS for success.
    """

    choice: ControlChoice
    queue: ClientQueue | None
    deadline: Instant
    options: QueueOptions | None = None
    is_restoring: bool = False
    is_opened: bool = False
    is_done: bool = False
    status: Status = field(default_factory=lambda: Status(StatusCategory.E_SUCCESS, 0, ""))


class RequestDone(NamedTuple):
    """A request has its outcome."""

    request: Request


class AcksReceived(NamedTuple):
    """Posted messages were stored or refused."""

    acks: list[Ack]


class MessagesReceived(NamedTuple):
    """Messages were delivered, in order."""

    messages: list[Message]


class SessionRestored(NamedTuple):
    """The session is (again) ready; after a reconnection everything is as before."""


class SessionLost(NamedTuple):
    """The connection is gone; the shell may connect again."""

    reason: str


class ReopenFailed(NamedTuple):
    """A queue could not be opened again after a reconnection; it is closed now."""

    queue: ClientQueue
    status: Status


ClientEvent: TypeAlias = (
    AcksReceived | MessagesReceived | RequestDone | SessionRestored | SessionLost | ReopenFailed
)
