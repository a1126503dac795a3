"""What happened in a queue since the broker started: plain sums, counted a batch at a time.

Times are in nanoseconds and belong to batches: the first message of a batch, which waited longest,
stands for all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Duration:
    """How long something took.

    Attributes:
        count: messages.
        total_ns: sum over them.
        max_ns: of the slowest.
    """

    count: int = 0
    total_ns: int = 0
    max_ns: int = 0

    def add(self, count: int, each_ns: int) -> None:
        """Count `count` messages that took `each_ns` each."""
        self.count += count
        self.total_ns += count * each_ns
        self.max_ns = max(self.max_ns, each_ns)

    @property
    def mean_ns(self) -> int:
        """The mean, 0 when nothing was counted."""
        return self.total_ns // self.count if self.count else 0


@dataclass(slots=True)
class QueueCounters:
    """One queue's sums.

    Attributes:
        put_messages, put_bytes: taken from producers, whether stored or not.
        ack_messages: acknowledged, or not asked to be.
        nack_messages: refused.
        push_messages, push_bytes: given to consumers.
        confirm_messages: confirmed by consumers.
        reject_messages: dropped because they were delivered too often.
        expired_messages: dropped because of their age.
        waited: from arrival to delivery.
        app_waited: the same by app id, in fanout mode.
        messages_max, bytes_max: most that was stored at once.
    """

    put_messages: int = 0
    put_bytes: int = 0
    ack_messages: int = 0
    nack_messages: int = 0
    push_messages: int = 0
    push_bytes: int = 0
    confirm_messages: int = 0
    reject_messages: int = 0
    expired_messages: int = 0
    waited: Duration = field(default_factory=Duration)
    app_waited: dict[str, Duration] = field(default_factory=dict)
    messages_max: int = 0
    bytes_max: int = 0

    def waited_of(self, app_id: str) -> Duration:
        """Return how long the messages of an app id waited."""
        return self.app_waited.setdefault(app_id, Duration())

    def note_content(self, messages: int, size: int) -> None:
        """Remember how full the queue has been."""
        self.messages_max = max(self.messages_max, messages)
        self.bytes_max = max(self.bytes_max, size)
