"""A control message in the other encoding, by the codecs of the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reference_broker.wire import EventType
from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    ElectorMessage,
    Encoding,
    NegotiationMessage,
    decode_message,
    encode_message,
)

_TYPES: Final[Mapping[int, tuple[type[object], ...]]] = {
    EventType.CONTROL: (ControlMessage, NegotiationMessage),
    EventType.ELECTOR: (ElectorMessage,),
    EventType.AUTHENTICATION: (AuthenticationMessage,),
}


def other_encoding(text: bytes, event_type: int, *, is_json: bool) -> bytes | None:
    """Return what a text says in the other encoding; None if it does not say anything.

    Args:
        text: without padding.
        event_type: of the event that it is in.
        is_json: whether it is JSON, and BER is asked for.
    """
    now, wanted = (Encoding.JSON, Encoding.BER) if is_json else (Encoding.BER, Encoding.JSON)
    for message_type in _TYPES.get(event_type, ()):
        try:
            message = decode_message(message_type, now, text)
            if getattr(message, "choice", None) is not None:
                return encode_message(message, wanted)
        except Exception:  # noqa: BLE001  a codec with a defect may raise anything; targets find it
            continue
    return None
