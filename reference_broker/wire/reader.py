"""An incremental event reader: bytes in, events out, however the bytes are cut.

The rules of this file:

1. the events that come out depend on the bytes alone, never on where the chunks end [FRAME-1];
2. an event waits in one growing buffer until it is whole [FRAME-3, FRAME-4], so that it costs its
   own size and two copies, in however many chunks it arrives;
3. what is buffered never exceeds one event of `event_bytes_max` bytes plus one chunk, because a
   header that announces more is refused as soon as its first 4 bytes are here [FRAME-21];
4. after the first error the reader is dead: there is no resynchronisation in this protocol.

`event_bytes_max` may be changed between two events: a session starts with a small one and raises
it when the peer has introduced itself.

Peer: bmqio_channelutil / bmqp_event (the framing loop).
"""

from __future__ import annotations

from collections.abc import Iterator

from reference_broker.base import WireError
from reference_broker.wire.header import EVENT_HEADER_SIZE, Event, read_event, read_length


class EventReader:
    """Cut a byte stream into events.

    Args:
        event_bytes_max: the largest event accepted, header included, in bytes.
    """

    __slots__ = ("_need", "_waiting", "error", "event_bytes_max")

    def __init__(self, event_bytes_max: int) -> None:
        assert event_bytes_max >= EVENT_HEADER_SIZE, event_bytes_max
        self.event_bytes_max = event_bytes_max
        #: The error that ended the stream; None while it is healthy.
        self.error: WireError | None = None
        self._waiting = bytearray()
        self._need = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait for the rest of their event."""
        return len(self._waiting)

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield each event that `data` completes, in order [FRAME-2].

        The iterator must be run to its end before the next call. Events refer to the buffer that
        they arrived in and stay valid for as long as they are kept.

        Raises:
            WireError: a header is impossible; raised after the events before it were yielded, and
                again on every later call.
        """
        if self.error is not None:
            raise self.error
        if self._waiting:
            self._waiting += data
            if len(self._waiting) < self._need:
                return
            data = bytes(self._waiting)
            self._waiting.clear()
        try:
            yield from self._cut(data)
        except WireError as error:
            self.error = error
            raise

    def _cut(self, data: bytes) -> Iterator[Event]:
        position = 0
        size = len(data)
        while size - position >= 4:
            length = read_length(data, position, self.event_bytes_max)
            if size - position < length:
                self._keep(data, position, length)
                return
            event = read_event(data, position, length)
            position += length
            yield event
        if position < size:
            self._keep(data, position, 4)

    def _keep(self, data: bytes, position: int, need: int) -> None:
        self._waiting += memoryview(data)[position:]
        self._need = need
