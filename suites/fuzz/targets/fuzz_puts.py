"""PUT messages follow each other inside their event, whatever lies around it, and survive encoding.

An input is the body of a PUT event. Beside what `bodies` says of messages, options and data, and
`placing` of where the body lies:

- there are no more messages than the shortest ones that would fit;
- the same messages, encoded anew, are the same messages, with the right checksum.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.wire import (
    EVENT_HEADER_SIZE,
    Event,
    EventType,
    PutTuple,
    crc32c,
    iter_puts,
    put_event,
)
from suites.fuzz.oracles.bodies import check_event
from suites.fuzz.oracles.placing import check_placing

#: 8 words of header and one of data with padding.
_MESSAGE_BYTES_MIN: Final = 36


def test_one_input(data: bytes) -> None:
    """Read `data` as the body of a PUT event.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    check_event(Event(EventType.PUT, 0, data, 0, len(data)))
    puts = check_placing(iter_puts, data, _moved)
    assert len(puts) * _MESSAGE_BYTES_MIN <= len(data), f"{len(puts)} messages in {len(data)} bytes"
    encoded = put_event(
        [
            (queue_id, guid, data[start:end], flags, compression, schema, data[options:start])
            for flags, compression, queue_id, guid, _, schema, options, start, end, *_ in puts
        ]
    )
    again = list(iter_puts(encoded, EVENT_HEADER_SIZE, len(encoded)))
    for put, other in zip(puts, again, strict=True):
        assert _said(encoded, other) == _said(data, put), f"{put} was encoded as {other}"
        assert other[4] == crc32c(data[put[7] : put[8]]), f"the checksum of {other} is wrong"


def _moved(put: PutTuple, by: int) -> PutTuple:
    *said, options, start, end, message_end, message_start = put
    indices = (options + by, start + by, end + by, message_end + by, message_start + by)
    return (*said, *indices)  # type: ignore[return-value]


def _said(buffer: bytes, put: PutTuple) -> tuple[object, ...]:
    flags, compression, queue_id, guid, _, schema, options, start, end, *_ = put
    return flags, compression, queue_id, guid, schema, buffer[options:start], buffer[start:end]
