"""How full BlazingMQ's journal would be.

The peer writes one record of 60 bytes into a journal of fixed size for every message, confirm and
queue operation. When it is full it copies what is outstanding into a new file; when that would be
nearly full at once, the partition is unavailable until a whole queue is purged. Our log has no such
bound, but operators and tests see it: so we count what the peer would write, and ask before we
write.

::

    | header, 44 | record, 60 | record, 60 | ... | reserved, 1140 |
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

_HEADER_BYTES: Final = 44
_RECORD_BYTES: Final = 60
#: At the end, for sync points and for up to 16 PURGE records.
_RESERVED_BYTES: Final = 1_140
#: Share of the journal that must be free after a rollover, in percent.
_FREE_PERCENT_MIN: Final = 20


class JournalRoom(Enum):
    """What must happen before records are written."""

    FREE = auto()
    ROLLOVER = auto()
    REFUSED = auto()


class JournalBudget:
    """The journal of one partition.

    Args:
        bytes_max: `maxJournalFileSize`; 0 for one that is never full.

    Attributes:
        position: bytes written since the last rollover.
        outstanding: records that a rollover would copy: of messages that are still stored, of
            confirms of such messages, of queues and of apps.
        is_unavailable: whether records are refused until a queue is purged.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.position = _HEADER_BYTES
        self.outstanding = 0
        self.is_unavailable = False

    def look(self, records: int = 1) -> JournalRoom:
        """Return what must happen before so many records are written."""
        if not self.bytes_max:
            return JournalRoom.FREE
        if self.is_unavailable:
            return JournalRoom.REFUSED
        end = self.position + (records - 1) * _RECORD_BYTES + _RESERVED_BYTES
        if end <= self.bytes_max:
            return JournalRoom.FREE
        return JournalRoom.ROLLOVER if self.can_roll_over(records) else JournalRoom.REFUSED

    def can_roll_over(self, records: int = 1) -> bool:
        """Return whether enough would be free after a rollover and so many records more."""
        copied = _HEADER_BYTES + (self.outstanding + records) * _RECORD_BYTES
        return copied * 100 <= self.bytes_max * (100 - _FREE_PERCENT_MIN)

    def refuse(self) -> bool:
        """Note that records were refused; return whether that is news."""
        is_news = not self.is_unavailable
        self.is_unavailable = True
        return is_news

    def write(self, records: int = 1, *, outstanding: int | None = None) -> None:
        """Count records written.

        Args:
            records: how many.
            outstanding: how many of them a rollover would copy; None for all.
        """
        self.position += records * _RECORD_BYTES
        self.outstanding += records if outstanding is None else outstanding

    def drop(self, records: int) -> None:
        """Count records that a rollover would no longer copy."""
        self.outstanding = max(self.outstanding - records, 0)

    def roll_over(self) -> None:
        """Begin a new journal with what is outstanding."""
        self.position = _HEADER_BYTES + self.outstanding * _RECORD_BYTES
        self.is_unavailable = False
