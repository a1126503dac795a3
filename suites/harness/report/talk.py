"""What a case said and heard: the talk of a connection, decoded, for reports.

Everything is text and bounded by whoever decodes; the writers only lay it out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

#: To the broker, from it, or a remark of ours.
Direction: TypeAlias = Literal[">", "<", "-"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkEntry:
    """One event of a connection, bytes that are none, or a remark.

    Attributes:
        at_ms: when, in milliseconds since the connection's first entry.
        direction: `>` to the broker, `<` from it, `-` for a remark.
        name: the event's type, `bytes`, or the remark.
        size: bytes on the wire; 0 for a remark.
        header: the event header's fields by name.
        messages: what the event carries, each by its fields' names.
        left_out: messages that are not among them.
        problem: why the bytes could not be decoded to their end; empty if they could.
        hex: the first bytes, in hexadecimal digits.

    Raises:
        AssertionError: the time is not finite.
    """

    at_ms: float
    direction: Direction
    name: str
    size: int = 0
    header: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[Mapping[str, str], ...] = ()
    left_out: int = 0
    problem: str = ""
    hex: str = ""

    def __post_init__(self) -> None:
        assert math.isfinite(self.at_ms), f"entry {self.name!r} at {self.at_ms} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One connection of a case.

    Attributes:
        name: who talks to the broker.
        began_ms: in milliseconds since the first of the case's connections.
        entries: in the order of time.
        gap: how many of `entries` stand before those that were not kept.
        left_out: entries that were not kept.

    Raises:
        AssertionError: the gap is not among the entries.
    """

    name: str
    began_ms: float
    entries: tuple[TalkEntry, ...]
    gap: int = 0
    left_out: int = 0

    def __post_init__(self) -> None:
        assert 0 <= self.gap <= len(self.entries), f"talk {self.name!r}: gap at {self.gap}"
        assert math.isfinite(self.began_ms), f"talk {self.name!r} began at {self.began_ms} ms"
