"""The bytes of BlazingMQ's protocol, both directions, without sockets, sessions or time.

| module        | what it knows                                                            |
|---------------|--------------------------------------------------------------------------|
| `header`      | the 8 bytes in front of every event, heartbeats                          |
| `reader`      | cutting a byte stream into events, however it is chunked                 |
| `put`, `push` | messages towards a queue, messages towards a consumer                    |
| `ack`         | answers to PUTs                                                          |
| `confirm`     | CONFIRM and REJECT                                                       |
| `options`     | the options area of messages                                             |
| `properties`  | message properties, old style and new                                    |
| `control`     | the schema of requests and answers, in BER and in JSON                   |
| `control_event` | whole events around those                                              |
| `features`    | what a peer says it can do                                               |
| `compression`, `checksum`, `padding` | what their names say                              |

Every decoder takes bytes and raises `WireError`, which names the field, the value and the rule;
every encoder takes values that were checked before and asserts.
"""

from __future__ import annotations

from reference_broker.wire.ack import (
    ACK_MESSAGE_SIZE,
    AckStatus,
    AckTuple,
    ack_event,
    iter_acks,
    success_acks,
)
from reference_broker.wire.checksum import checksum, crc32c
from reference_broker.wire.compression import (
    Compression,
    DecompressionLimitError,
    compress,
    decompress,
)
from reference_broker.wire.confirm import ConfirmTuple, confirm_event, confirm_guids, iter_confirms
from reference_broker.wire.features import Features
from reference_broker.wire.header import (
    EVENT_HEADER_SIZE,
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    Event,
    EventType,
    encoding_bits,
    event_header,
)
from reference_broker.wire.padding import PADDING, pad, padded_size
from reference_broker.wire.put import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    PUT_HEADER_SIZE,
    Put,
    PutFields,
    PutTuple,
    correlation_guid,
    correlation_id_of,
    iter_puts,
    put_event,
    put_message,
)
from reference_broker.wire.reader import EventReader

__all__ = [
    "ACK_MESSAGE_SIZE",
    "EVENT_HEADER_SIZE",
    "FLAG_ACK_REQUESTED",
    "FLAG_MESSAGE_PROPERTIES",
    "HEARTBEAT_REQUEST",
    "HEARTBEAT_RESPONSE",
    "PADDING",
    "PUT_HEADER_SIZE",
    "AckStatus",
    "AckTuple",
    "Compression",
    "ConfirmTuple",
    "DecompressionLimitError",
    "Event",
    "EventReader",
    "EventType",
    "Features",
    "Put",
    "PutFields",
    "PutTuple",
    "ack_event",
    "checksum",
    "compress",
    "confirm_event",
    "confirm_guids",
    "correlation_guid",
    "correlation_id_of",
    "crc32c",
    "decompress",
    "encoding_bits",
    "event_header",
    "iter_acks",
    "iter_confirms",
    "iter_puts",
    "pad",
    "padded_size",
    "put_event",
    "put_message",
    "success_acks",
]
