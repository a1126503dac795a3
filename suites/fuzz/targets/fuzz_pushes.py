"""PUSH messages follow each other inside their event, whatever lies around it, and survive encoding.

An input is the body of a PUSH event. Beside what `bodies` says of messages, options and data, and
`placing` of where the body lies:

- there are no more messages than the shortest ones that would fit;
- the same messages, encoded anew, are the same messages.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.wire import Event, EventType
from reference_broker.wire.push import PushTuple, iter_pushes, push_message
from suites.fuzz.oracles.bodies import check_event
from suites.fuzz.oracles.placing import check_placing

#: 7 words of header; the data may be implied.
_MESSAGE_BYTES_MIN: Final = 28


def test_one_input(data: bytes) -> None:
    """Read `data` as the body of a PUSH event.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    check_event(Event(EventType.PUSH, 0, data, 0, len(data)))
    pushes = check_placing(iter_pushes, data, _moved)
    count = len(pushes)
    assert count * _MESSAGE_BYTES_MIN <= len(data), f"{count} messages in {len(data)} bytes"
    encoded = b"".join([_encoded(data, push) for push in pushes])
    again = list(iter_pushes(encoded, 0, len(encoded)))
    for push, other in zip(pushes, again, strict=True):
        assert _said(encoded, other) == _said(data, push), f"{push} was encoded as {other}"


def _moved(push: PushTuple, by: int) -> PushTuple:
    *said, options, start, end, message_end = push
    return (*said, options + by, start + by, end + by, message_end + by)  # type: ignore[return-value]


def _encoded(data: bytes, push: PushTuple) -> bytes:
    flags, compression, queue_id, guid, schema, options, start, _, message_end = push
    return push_message(
        queue_id,
        guid,
        data[start:message_end],
        options=data[options:start],
        flags=flags,
        compression=compression,
        schema=schema,
    )


def _said(buffer: bytes, push: PushTuple) -> tuple[object, ...]:
    *said, options, start, end, _ = push
    return (*said, buffer[options:start], buffer[start:end])
