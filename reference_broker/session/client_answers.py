"""Which answer goes with which request."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reference_broker.base import PeerError
from reference_broker.session.client_events import Request
from reference_broker.wire.control import (
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStream,
    ConfigureQueueStreamResponse,
    ConfigureStream,
    ConfigureStreamResponse,
    ControlChoice,
    Disconnect,
    DisconnectResponse,
    OpenQueue,
    OpenQueueResponse,
    Status,
    StatusCategory,
)

_CONFIGURED: Final = (ConfigureStreamResponse, ConfigureQueueStreamResponse)
_ANSWERS: Final[Mapping[type, tuple[type, ...]]] = MappingProxyType(
    {
        OpenQueue: (OpenQueueResponse,),
        ConfigureStream: (ConfigureStreamResponse,),
        ConfigureQueueStream: (ConfigureQueueStreamResponse,),
        CloseQueue: (CloseQueueResponse,),
        Disconnect: (DisconnectResponse,),
    }
)


def check_answer(request: Request, answer: ControlChoice | None) -> None:
    """See that an answer is one to a request: the right response, or a refusal.

    Raises:
        PeerError: it answers something else, or is a status that refuses nothing.
    """
    _check(type(request.choice), answer, is_opened=request.is_opened)


def check_open_answer(answer: ControlChoice | None) -> None:
    """See that an answer is one to an open; raises as `check_answer`."""
    _check(OpenQueue, answer, is_opened=False)


def _check(asked: type, answer: ControlChoice | None, *, is_opened: bool) -> None:
    expected = _CONFIGURED if is_opened else _ANSWERS[asked]
    found = type(answer).__name__
    if isinstance(answer, Status):
        if answer.category is not StatusCategory.E_SUCCESS:
            return
        found += " E_SUCCESS"
    if not isinstance(answer, expected):
        step = "the configure step of " * is_opened
        raise PeerError(f"{found} does not answer {step}{asked.__name__}")
