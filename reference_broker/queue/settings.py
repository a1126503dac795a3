"""What a domain's configuration says of its queues."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class QueueMode(Enum):
    """How messages reach consumers."""

    PRIORITY = "priority"
    FANOUT = "fanout"
    BROADCAST = "broadcast"


class QueueSettings(NamedTuple):
    """What may change while a queue lives.

    Attributes:
        deduplication_ns: how long a GUID is remembered after its message is gone.
        ttl_s: messages older than this, in whole seconds, are removed.
        attempts_max: how many consumers may be lost with a message before it is dropped; 0 for any
            number [ATT-5].
        low_threshold: with at most so many attempts left, `high_interval_ns` is waited.
        high_threshold: with at most so many attempts left, `low_interval_ns` is waited.
        low_interval_ns: pause between messages that may be poisonous.
        high_interval_ns: the same, when they are about to be dropped.
        idle_ns_max: how old a message may become undelivered before the queue counts as stuck; 0
            for any age.
    """

    deduplication_ns: int
    ttl_s: int
    attempts_max: int
    low_threshold: int
    high_threshold: int
    low_interval_ns: int
    high_interval_ns: int
    idle_ns_max: int

    def pause_ns(self, attempts_left: int) -> int:
        """Return how long to wait before a message with so many attempts left [ATT-7]."""
        if attempts_left <= self.low_threshold:
            return self.high_interval_ns
        if attempts_left <= self.high_threshold:
            return self.low_interval_ns
        return 0
