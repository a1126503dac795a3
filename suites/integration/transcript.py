"""What went over one connection: kept cheaply, decoded only when somebody asks.

While a case runs, a transcript keeps the time and the first bytes of what was sent or received at
once: the beginning of a long talk, and its end. A process runs one case at a time, so the module
knows the transcripts of the case at hand, whoever made them. `decode_talks` tells them for the
report's pages, `str` for a failure on a terminal, where each line is a time, a direction (`>` to the broker, `<` from
it), what the bytes are, and the first of them in hex.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from suites.harness.report import Direction, Talk, TalkEntry
from suites.integration.decoding import decode_bytes

#: Of a long talk the first and the last entries are kept.
HEAD_ENTRIES_MAX: Final = 40
TAIL_ENTRIES_MAX: Final = 160
#: Bytes kept of what was sent or received at once.
_KEPT_BYTES_MAX: Final = 4096
_LINE_CHARS_MAX: Final = 400
_HEX_CHARS_MAX: Final = 96
#: How many connections of one case, and how many of their entries, a report shows.
_TALKS_MAX: Final = 24
_TALK_ENTRIES_MAX: Final = 400

#: When, in seconds on the monotonic clock; direction; the first bytes; how many there were.
_Kept = tuple[float, Direction, bytes, int]


#: Of the case that this process runs.
_of_this_case: Final[list[Transcript]] = []


class Transcript:
    """The talk of one connection.

    Args:
        name: who talks to the broker.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._head: list[_Kept] = []
        self._tail: deque[_Kept] = deque(maxlen=TAIL_ENTRIES_MAX)
        self._left_out = 0
        _of_this_case.append(self)

    def sent(self, data: bytes) -> None:
        """Note bytes sent."""
        self._keep(">", data)

    def received(self, data: bytes) -> None:
        """Note bytes received; best a whole event at a time."""
        self._keep("<", data)

    def note(self, text: str) -> None:
        """Note something else: that the connection was closed, say."""
        self._keep("-", text.encode())

    def _keep(self, direction: Direction, data: bytes) -> None:
        entry = (time.monotonic(), direction, data[:_KEPT_BYTES_MAX], len(data))
        if len(self._head) < HEAD_ENTRIES_MAX:
            self._head.append(entry)
            return
        self._left_out += len(self._tail) == TAIL_ENTRIES_MAX
        self._tail.append(entry)

    @property
    def began_at(self) -> float | None:
        """When the first bytes went over, in seconds on the monotonic clock; None before that."""
        return self._head[0][0] if self._head else None

    def talk(self, case_began_at: float, entries_max: int = _TALK_ENTRIES_MAX) -> Talk:
        """Decode it.

        Args:
            case_began_at: when the case's first connection began, on the monotonic clock.
            entries_max: how many events may be decoded.
        """
        began_at = self.began_at
        if began_at is None:
            return Talk(name=self.name, began_ms=0.0, entries=())
        head = list(_decode(self._head, began_at))
        tail = list(_decode(self._tail, began_at))
        kept_head = head[:entries_max]
        kept_tail = tail[len(tail) - max(min(entries_max - len(kept_head), len(tail)), 0) :]
        dropped = len(head) + len(tail) - len(kept_head) - len(kept_tail)
        return Talk(
            name=self.name,
            began_ms=_ms(began_at - case_began_at),
            entries=(*kept_head, *kept_tail),
            gap=len(kept_head),
            left_out=self._left_out + dropped,
        )

    def __str__(self) -> str:
        """Return the talk, one line per event."""
        talk = self.talk(self.began_at or 0.0, HEAD_ENTRIES_MAX + TAIL_ENTRIES_MAX)
        lines = [f"  {_line(entry)}" for entry in talk.entries]
        if talk.left_out:
            lines.insert(talk.gap, f"  ... {talk.left_out} entries are not kept")
        return "\n".join([f"{self.name}:", *lines])


def begin_case() -> None:
    """Forget the transcripts of earlier cases."""
    _of_this_case.clear()


def transcripts() -> tuple[Transcript, ...]:
    """Return the transcripts made since `begin_case`."""
    return tuple(_of_this_case)


def decode_talks(told: Iterable[Transcript]) -> tuple[Talk, ...]:
    """Decode the connections of one case, in bounded space, in the order of their beginning."""
    begun = [
        (transcript.began_at, number, transcript)
        for number, transcript in enumerate(told)
        if transcript.began_at is not None
    ]
    talks: list[Talk] = []
    room = _TALK_ENTRIES_MAX
    for _, _, transcript in sorted(begun)[:_TALKS_MAX]:
        talks.append(transcript.talk(min(begun)[0], room))
        room -= len(talks[-1].entries)
    if len(begun) > _TALKS_MAX:
        name = f"{len(begun) - _TALKS_MAX} more connections, which are not shown"
        talks.append(Talk(name=name, began_ms=talks[-1].began_ms, entries=()))
    return tuple(talks)


def _decode(kept: Iterable[_Kept], began_at: float) -> Iterator[TalkEntry]:
    for at, direction, data, size in kept:
        at_ms = _ms(at - began_at)
        if direction == "-":
            yield TalkEntry(at_ms=at_ms, direction="-", name=data.decode(errors="replace"))
        else:
            yield from decode_bytes(data, size, at_ms, direction)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _line(entry: TalkEntry) -> str:
    """Return an entry on one line."""
    head = f"{entry.at_ms:9.1f} ms {entry.direction} {entry.name}"
    if entry.direction == "-":
        return head
    parts = [" ".join(f"{name}={value}" for name, value in item.items()) for item in entry.messages]
    text = "; ".join(parts)
    if entry.left_out:
        text += f"; and {entry.left_out} more"
    if entry.problem:
        text += f" malformed: {entry.problem}"
    text = " ".join(text.split())
    if len(text) > _LINE_CHARS_MAX:
        text = f"{text[:_LINE_CHARS_MAX]}..."
    more = "..." if entry.size * 2 > _HEX_CHARS_MAX else ""
    size = "" if text else f"{entry.size} bytes"
    return " ".join(f"{head} {text or size}  {entry.hex[:_HEX_CHARS_MAX]}{more}".split("\n"))
