"""Histories: what clients and faults did, one record per event, as JSON lines.

A history is all that a checker sees, so the same file gives the same verdict again. Its records
(DESIGN 3.1):

| function | types                 | process  | meaning                                             |
|----------|-----------------------|----------|-----------------------------------------------------|
| put      | invoke                | producer | a message is handed to the client                   |
| ack      | ok, fail, info        | producer | stored; refused; nobody knows                       |
| open     | ok                    | consumer | a stream begins: a queue is (again) open for reading|
| push     | ok                    | consumer | a message was delivered on the stream               |
| confirm  | invoke                | consumer | a message is done with; the protocol has no answer  |
| close    | invoke, ok, info      | consumer | the stream ends: asked for; answered; lost          |
| fault    | invoke, ok, fail      | nemesis  | a fault begins, or is over                          |

Records are in the order of their `index` and of real time: one thread writes them all. The
`value` names a message for as long as the run lasts; what was posted under it is compared by
`digest`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import msgspec

from reference_broker.base import OperatorError

#: Records in a history, unless told otherwise: a checker keeps a few hundred bytes of each.
EVENTS_MAX: Final = 500_000
#: Bytes of one line when reading.
LINE_BYTES_MAX: Final = 64 * 1024


class HistoryError(OperatorError):
    """A history is too long, or is not one."""


class EventType(StrEnum):
    """What is known of an operation."""

    INVOKE = "invoke"  # it begins
    OK = "ok"  # it has happened
    FAIL = "fail"  # it has not happened
    INFO = "info"  # it may have happened


class Function(StrEnum):
    """The operations; see the table of the module."""

    PUT = "put"
    ACK = "ack"
    PUSH = "push"
    CONFIRM = "confirm"
    OPEN = "open"
    CLOSE = "close"
    FAULT = "fault"


class Event(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One record.

    Attributes:
        index: 0, 1, 2, ... in a history.
        time_ns: on the clock of the run, monotonic, nanoseconds.
        type: what is known of it.
        function: which operation.
        process: who: one producer, one consumer, the nemesis.
        queue: URI; empty for faults.
        value: the message, unique in its queue; the action of a fault; empty when unreadable.
        guid: 32 hex digits where it is known.
        digest: of the payload, for put and push.
        is_redelivered: of a push: the broker flagged it as out of order.
        window: of an open: how many messages may be unconfirmed; 0 when unknown.
    """

    index: int
    time_ns: int
    type: EventType
    function: Function
    process: str
    queue: str = ""
    value: str = ""
    guid: str = ""
    digest: str = ""
    is_redelivered: bool = False
    window: int = 0

    def __str__(self) -> str:
        """Return a line for people: `#17 at 1.234567890 s: c0 push ok p1:42 (redelivered)`."""
        flag = " (redelivered)" if self.is_redelivered else ""
        digest = f" digest {self.digest}" if self.digest else ""
        seconds, rest = divmod(self.time_ns, 1_000_000_000)
        what = f"{self.process} {self.function} {self.type} {self.value or '-'}"
        return f"#{self.index} at {seconds}.{rest:09} s: {what}{flag}{digest}"


class HistoryWriter:
    """Write a history while it happens; use it as a context.

    Args:
        path: the file to write; what was there is replaced.
        clock: gives monotonic nanoseconds; the history's time starts at its first answer.
        events_max: how many records there may be.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        events_max: int = EVENTS_MAX,
    ) -> None:
        self.path = path
        self.count = 0
        self._clock = clock
        self._events_max = events_max
        self._encoder = msgspec.json.Encoder()
        self._start_ns = clock()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Create the file.

        Raises:
            HistoryError: it cannot be created.
        """
        try:
            self._file = self.path.open("wb")
        except OSError as error:
            text = f"the history {self.path} cannot be written: {error.strerror}"
            raise HistoryError(f"{text}; choose another place") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is buffered and close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    @property
    def now_ns(self) -> int:
        """The time on the history's clock."""
        return self._clock() - self._start_ns

    def append(
        self,
        function: Function,
        event_type: EventType,
        process: str,
        *,
        queue: str = "",
        value: str = "",
        guid: str = "",
        digest: str = "",
        is_redelivered: bool = False,
        window: int = 0,
    ) -> Event:
        """Write a record of now and return it.

        Raises:
            HistoryError: the history is full.
        """
        assert self._file is not None, "the history is written inside its context"
        if self.count >= self._events_max:
            text = f"the history has {self.count} records, which is its limit"
            raise HistoryError(f"{text}; run for a shorter time")
        event = Event(
            index=self.count,
            time_ns=self.now_ns,
            type=event_type,
            function=function,
            process=process,
            queue=queue,
            value=value,
            guid=guid,
            digest=digest,
            is_redelivered=is_redelivered,
            window=window,
        )
        self._file.write(self._encoder.encode(event) + b"\n")
        self.count += 1
        return event


def read_history(path: Path, *, events_max: int = EVENTS_MAX) -> Iterator[Event]:
    """Yield the records of a file, in order.

    Raises:
        HistoryError: it cannot be read, a line is no record, an index or a time goes astray, or
            there are more than `events_max` records; those before it were yielded.
    """
    decoder = msgspec.json.Decoder(Event)
    previous_ns = 0
    try:
        with path.open("rb") as file:
            for index, line in enumerate(iter(lambda: file.readline(LINE_BYTES_MAX + 1), b"")):
                event = _decode(decoder, path, line, index, events_max)
                if event.time_ns < previous_ns:
                    text = f"{path}, line {index + 1}: time_ns is {event.time_ns}"
                    raise HistoryError(f"{text}, before {previous_ns} of the line above")
                previous_ns = event.time_ns
                yield event
    except OSError as error:
        raise HistoryError(f"the history {path} cannot be read: {error.strerror}") from error


def _decode(
    decoder: msgspec.json.Decoder[Event], path: Path, line: bytes, index: int, events_max: int
) -> Event:
    where = f"{path}, line {index + 1}"
    if len(line) > LINE_BYTES_MAX:
        raise HistoryError(f"{where} is longer than {LINE_BYTES_MAX} bytes")
    if index >= events_max:
        raise HistoryError(f"{path} has more than {events_max} records, which is the limit")
    try:
        event = decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HistoryError(f"{where} is no record of a history: {error}") from error
    if event.index != index:
        raise HistoryError(f"{where}: index is {event.index} but {index} is next")
    return event
