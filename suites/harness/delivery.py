"""What the delivery checker remembers and what it says; its rules are in `checkers`.

All state is of constant size per message and per stream, but for what a stream knows of each
producer and for the suspicions that wait for its end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from suites.harness.history import Event


class AnomalyKind(StrEnum):
    """What can be wrong with a delivery; `checkers` has the definitions."""

    LOST = "lost"
    DUPLICATE = "duplicate"
    PHANTOM = "phantom"
    REFUSED = "refused"
    CORRUPTED = "corrupted"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that must not happen.

    Attributes:
        kind: what.
        summary: a sentence.
        events: the records that prove it, in order; as few as it takes.
    """

    kind: AnomalyKind
    summary: str
    events: tuple[Event, ...]

    def __str__(self) -> str:
        """Return the sentence and its witness, a line for each record."""
        return "\n  ".join([f"{self.kind}: {self.summary}", *map(str, self.events)])


@dataclass(slots=True)
class DeliveryCounts:
    """How many messages there were.

    Attributes:
        posted: handed to the client.
        acknowledged: stored, says the broker.
        refused: not stored, says the broker.
        unanswered: nobody knows.
        delivered: at least once.
        deliveries: all of them.
        redelivered: deliveries of what was delivered before, legal or not.
        confirmed: at least once.
        anomalies: of each kind.
    """

    posted: int = 0
    acknowledged: int = 0
    refused: int = 0
    unanswered: int = 0
    delivered: int = 0
    deliveries: int = 0
    redelivered: int = 0
    confirmed: int = 0
    anomalies: Counter[AnomalyKind] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The verdict on a history.

    Attributes:
        verdict: see `checkers`.
        reason: one line; empty if valid.
        anomalies: the first ones of each kind.
        counts: of everything.
    """

    verdict: Literal["valid", "unknown", "invalid"]
    reason: str
    anomalies: tuple[Anomaly, ...]
    counts: DeliveryCounts


class Fate(StrEnum):
    """Where a stream stands; `checkers` says when it ends well and when it is lost."""

    LIVE = "live"
    CLOSING = "closing"
    WELL = "ended well"
    LOST = "lost"


class Stream:
    """One consumer's reading of one queue, over one connection."""

    __slots__ = (
        "confirms",
        "ended_at",
        "fate",
        "generation",
        "last",
        "number",
        "opened_at",
        "pushes",
        "suspicions",
        "was_alone",
        "window",
    )

    def __init__(self, opened: Event, number: int, generation: int, *, was_alone: bool) -> None:
        self.opened_at = opened.index
        self.ended_at = -1
        self.window = opened.window
        self.number = number
        self.generation = generation
        self.was_alone = was_alone
        self.fate = Fate.LIVE
        self.pushes = 0
        self.confirms = 0
        #: Producer to the put and the push of its last message that came in its turn.
        self.last: dict[str, tuple[Event, Event]] = {}
        self.suspicions: list[Suspicion] = []


class MessageState:
    """What is known of one message."""

    __slots__ = (
        "ack",
        "confirm",
        "confirm_number",
        "confirm_stream",
        "is_held",
        "push",
        "put",
        "stream",
    )

    def __init__(self, put: Event) -> None:
        self.put = put
        self.ack: Event | None = None
        #: The last delivery, and on which stream.
        self.push: Event | None = None
        self.stream: Stream | None = None
        #: Delivered, and not confirmed since.
        self.is_held = False
        #: The last confirm.
        self.confirm: Event | None = None
        #: The stream of the last one that came from where the message was, and which it was there.
        self.confirm_stream: Stream | None = None
        self.confirm_number = 0

    @property
    def is_confirm_proven(self) -> bool:
        """Whether the broker has certainly taken note of the confirm."""
        stream = self.confirm_stream
        if stream is None:
            return False
        if stream.fate is Fate.WELL:
            return True
        return stream.window > 0 and self.confirm_number + stream.window <= stream.pushes


class Suspicion:
    """A duplicate if all the streams concerned end well; dismissed if one is lost."""

    __slots__ = ("anomaly", "is_open", "waits_for")

    def __init__(self, anomaly: Anomaly, streams: set[Stream]) -> None:
        self.anomaly = anomaly
        self.waits_for = len(streams)
        self.is_open = True
        for stream in streams:
            stream.suspicions.append(self)


class QueueState:
    """What is known of one queue."""

    __slots__ = ("messages", "opened", "swept_by", "undelivered")

    def __init__(self) -> None:
        self.messages: dict[str, MessageState] = {}
        #: How many streams there have been.
        self.opened = 0
        #: Acknowledged and not delivered.
        self.undelivered: dict[str, MessageState] = {}
        #: The put and the push of the youngest message that came, in its turn, to a consumer that
        #: was alone.
        self.swept_by: tuple[Event, Event] | None = None
