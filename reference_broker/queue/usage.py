"""What is stored against its limits, with the levels that raise alarms [ALARM-1]."""

from __future__ import annotations

from enum import Enum, IntEnum
from math import inf
from typing import Final, NamedTuple

#: A level is left downwards only at half of its watermark, so that an alarm does not flutter.
_CALM_SHARE: Final = 0.5


class Refusal(Enum):
    """Why a message was not stored."""

    LIMIT_MESSAGES = "message limit reached"
    LIMIT_BYTES = "byte limit reached"
    DUPLICATE = "already stored"


class Level(IntEnum):
    """How full something is."""

    NORMAL = 0
    HIGH_WATERMARK = 1
    FULL = 2


class Transition(NamedTuple):
    """Levels at the moment when the higher one of them has risen.

    Attributes:
        level: the higher of the two.
        messages: the level by the number of messages.
        bytes: the level by their bytes.
    """

    level: Level
    messages: Level
    bytes: Level


class _Meter:
    """The level of one count.

    It rises to HIGH_WATERMARK at the watermark and to FULL at the limit; it falls from FULL at the
    watermark, and to NORMAL at half of that. With a limit of 0 it is always FULL.
    """

    __slots__ = ("_limit", "_watermark", "falls_at", "level", "rises_at")

    def __init__(self, limit: int, ratio: float) -> None:
        assert 0 <= ratio <= 1, ratio
        self._limit = limit
        self._watermark = limit * ratio
        self._enter(Level.NORMAL)
        self.rise(0)

    def rise(self, count: int) -> None:
        """Look at a count of at least `rises_at`, or at any."""
        if count >= self._limit:
            self._enter(Level.FULL)
        elif count >= self._watermark and self.level is Level.NORMAL:
            self._enter(Level.HIGH_WATERMARK)

    def fall(self, count: int) -> None:
        """Look at a count of at most `falls_at`, or at any."""
        if self.level is Level.FULL and self._limit and count <= self._watermark:
            self._enter(Level.HIGH_WATERMARK)
        if self.level is Level.HIGH_WATERMARK and count <= self._watermark * _CALM_SHARE:
            self._enter(Level.NORMAL)

    def _enter(self, level: Level) -> None:
        self.level = level
        #: Counts at which the level is to be looked at again.
        self.rises_at = {
            Level.NORMAL: self._watermark,
            Level.HIGH_WATERMARK: self._limit,
            Level.FULL: inf,
        }[level]
        self.falls_at = {
            Level.NORMAL: -1,
            Level.HIGH_WATERMARK: self._watermark * _CALM_SHARE,
            Level.FULL: self._watermark if self._limit else -1,
        }[level]


class Usage:
    """Messages and bytes stored, against their limits; one per queue and one per domain.

    Args:
        messages_max: as configured; exactly one message more is stored [LIMIT-1].
        bytes_max: as configured; the last message may exceed it [LIMIT-2].
        messages_ratio: 0 to 1, of `messages_max`, where HIGH_WATERMARK begins.
        bytes_ratio: the same for `bytes_max`.
    """

    __slots__ = (
        "_byte_meter", "_message_meter", "_reported", "bytes", "bytes_max", "messages",
        "messages_max",
    )  # fmt: skip

    def __init__(
        self,
        messages_max: int,
        bytes_max: int,
        messages_ratio: float = 0.8,
        bytes_ratio: float = 0.8,
    ) -> None:
        self.messages = 0
        self.bytes = 0
        self._reported = Level.NORMAL
        self.set_limits(messages_max, bytes_max, messages_ratio, bytes_ratio)

    def set_limits(
        self,
        messages_max: int,
        bytes_max: int,
        messages_ratio: float = 0.8,
        bytes_ratio: float = 0.8,
    ) -> None:
        """Take new limits; what is stored stays [LIMIT-5], and the levels are worked out afresh."""
        self.messages_max = messages_max
        self.bytes_max = bytes_max
        self._message_meter = _Meter(messages_max, messages_ratio)
        self._byte_meter = _Meter(bytes_max, bytes_ratio)
        self._message_meter.rise(self.messages)
        self._byte_meter.rise(self.bytes)
        self._reported = min(self._reported, self.level())

    def refusal(self, messages: int = 0, size: int = 0) -> Refusal | None:
        """Return why one more message would be refused, by their number first [LIMIT-6], or None.

        Args:
            messages: accepted already, but not counted in yet.
            size: bytes of their application data.
        """
        if self.messages + messages > self.messages_max:
            return Refusal.LIMIT_MESSAGES
        if self.bytes + size > self.bytes_max:
            return Refusal.LIMIT_BYTES
        return None

    def fits(self, messages: int, size: int) -> bool:
        """Return whether a batch certainly fits, to its last message."""
        return (
            self.messages + messages - 1 <= self.messages_max
            and self.bytes + size <= self.bytes_max
        )

    def add(self, messages: int, size: int) -> None:
        """Count messages in, or out when the numbers are negative, which makes room [LIMIT-4]."""
        self.messages += messages
        self.bytes += size
        by_messages, by_bytes = self._message_meter, self._byte_meter
        if messages > 0:
            if self.messages >= by_messages.rises_at:
                by_messages.rise(self.messages)
            if self.bytes >= by_bytes.rises_at:
                by_bytes.rise(self.bytes)
        elif self.messages <= by_messages.falls_at or self.bytes <= by_bytes.falls_at:
            by_messages.fall(self.messages)
            by_bytes.fall(self.bytes)
            self._reported = min(self._reported, self.level())

    def level(self) -> Level:
        """Return the higher of the levels by messages and by bytes."""
        return max(self._message_meter.level, self._byte_meter.level)

    def transition(self) -> Transition | None:
        """Return the levels if the higher one has risen since this was last asked.

        One that has been passed over is not reported.
        """
        level = self.level()
        if level <= self._reported:
            return None
        self._reported = level
        return Transition(level, self._message_meter.level, self._byte_meter.level)
