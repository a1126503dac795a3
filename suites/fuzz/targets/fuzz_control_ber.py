"""A control message in BER decodes and survives encoding, or is refused with a WireError inside it.

The first byte of an input says which message is expected, modulo 4: `ControlMessage`,
`NegotiationMessage`, `AuthenticationMessage`, `ElectorMessage`. The rest is the payload of an event.
For every payload, beside what `bodies` says of messages:

- decoding it twice gives the same, and nothing after its end matters;
- it can be printed.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.wire.control import Encoding, decode_message, print_message
from suites.fuzz.oracles.bodies import MESSAGE_TYPES, check_message

#: Bytes in front of the payload.
PREFIX_BYTES: Final = 1


def test_one_input(data: bytes) -> None:
    """Decode the payload.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    message_type = MESSAGE_TYPES[data[0] % len(MESSAGE_TYPES)]
    payload = data[PREFIX_BYTES:]
    message = check_message(message_type, Encoding.BER, payload)
    if message is None:
        return
    again = decode_message(message_type, Encoding.BER, payload + b"\xff")
    assert again == message, f"{message}, and with a byte behind it {again}"
    assert print_message(message).startswith("[ "), message
