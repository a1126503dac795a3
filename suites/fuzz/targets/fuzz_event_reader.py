"""Any bytes give the same events and the same `WireError` in any pieces, and bodies decode or are refused.

What must hold for bodies is written in `bodies`. For the reader itself:

- the events and the error do not depend on where the pieces end;
- no byte is lost: the events and what is buffered make up the input;
- a reader that has refused once refuses everything after it with the same error.

Accepted rejections: `WireError`. Queue URIs are text at this level, so `UriError` is none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reference_broker.base import WireError
from reference_broker.base.limits import EVENT_BYTES_MAX
from reference_broker.wire import EVENT_HEADER_SIZE, HEARTBEAT_REQUEST, Event, EventReader
from suites.fuzz.oracles.bodies import check_event, check_rejection
from suites.fuzz.oracles.pieces import pieces


class Reading(NamedTuple):
    """What a reader made of a stream.

    Attributes:
        events: in order.
        error: the rejection that ended the stream; None for none.
        reader: in the state after it.
    """

    events: list[Event]
    error: WireError | None
    reader: EventReader


def test_one_input(data: bytes) -> None:
    """Read `data` whole and in pieces, compare, and decode every body.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    whole = read((data,))
    _check_whole(data, whole)
    if len(data) > 1:
        _check_pieces(whole, read(pieces(data)))
    for event in whole.events:
        check_event(event)


def read(chunks: Sequence[bytes]) -> Reading:
    """Feed the chunks to a reader until it refuses."""
    reader = EventReader(EVENT_BYTES_MAX)
    events: list[Event] = []
    try:
        for chunk in chunks:
            events += reader.feed(chunk)
    except WireError as error:
        return Reading(events, error, reader)
    return Reading(events, None, reader)


def _check_whole(data: bytes, whole: Reading) -> None:
    position = 0
    for event in whole.events:
        is_inside = position + EVENT_HEADER_SIZE <= event.start <= event.end <= len(data)
        assert is_inside, f"{event!r:.200} in {len(data)} bytes, behind {position}"
        position = event.end
    if whole.error is not None:
        check_rejection(whole.error, EVENT_HEADER_SIZE)
        after = read_after(whole.reader)
        assert after is whole.error, f"after {whole.error} the reader answered {after}"
    else:
        buffered = whole.reader.buffered_bytes
        left = len(data) - position
        assert buffered == left, f"{buffered} bytes are buffered, not {left}"


def read_after(reader: EventReader) -> WireError | list[Event]:
    """Return the answer of a reader that has refused once to one more, harmless event."""
    try:
        return list(reader.feed(HEARTBEAT_REQUEST))
    except WireError as error:
        return error


def _check_pieces(whole: Reading, cut: Reading) -> None:
    assert str(cut.error) == str(whole.error), f"in pieces: {cut.error}, whole: {whole.error}"
    if whole.error is None:
        buffered, expected = cut.reader.buffered_bytes, whole.reader.buffered_bytes
        assert buffered == expected, f"in pieces {buffered} bytes are buffered, not {expected}"
    count, expected = len(cut.events), len(whole.events)
    assert count == expected, f"in pieces {count} events come out, not {expected}"
    for piecewise, event in zip(cut.events, whole.events, strict=True):
        is_same = (
            piecewise.type == event.type
            and piecewise.specific == event.specific
            and piecewise.body == event.body
        )
        assert is_same, f"in pieces: {piecewise!r:.200}, whole: {event!r:.200}"
