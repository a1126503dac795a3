"""Whole CONTROL and AUTHENTICATION events: header, message, word padding."""

from __future__ import annotations

from typing import TypeAlias

from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    Encoding,
    NegotiationMessage,
    encode_message,
)
from reference_broker.wire.header import EventType, encoding_bits, event_header
from reference_broker.wire.padding import pad

#: What such an event carries.
EventMessage: TypeAlias = ControlMessage | NegotiationMessage | AuthenticationMessage


def control_event(
    message: EventMessage,
    encoding: Encoding = Encoding.BER,
    event_type: EventType = EventType.CONTROL,
) -> bytes:
    """Return a whole event, padded [FRAME-17]; its header tells the encoding of the message.

    Args:
        message: what it carries.
        encoding: what the peer can read.
        event_type: CONTROL, or AUTHENTICATION for an `AuthenticationMessage`.
    """
    payload = pad(encode_message(message, encoding))
    return event_header(event_type, len(payload), encoding_bits(encoding)) + payload
