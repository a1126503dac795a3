"""What became of every message, while the load runs.

A message is known by its producer and its sequence number. The rules of this file:

- what the broker acknowledges must be delivered: what is not when everything has been waited for is
  *lost*; what is neither acknowledged nor refused is *unanswered*;
- a second delivery is a *duplicate*; if the broker says that it may be one, it is a *redelivery*,
  which is legal only after a consumer has gone;
- one consumer gets the messages of one producer in their order, redeliveries apart;
- what comes must have been sent: another sequence number is a *phantom*, other bytes are *damaged*.

A producer costs two `SequenceSet`s, so memory does not grow with the number of messages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from suites.stress.sequences import SequenceSet

#: Messages named for each anomaly.
WITNESSES_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySummary:
    """What a run has come to; all in messages.

    Attributes:
        posted: sent by producers.
        acknowledged: stored, says the broker.
        refused: not stored, says the broker.
        unanswered: neither.
        delivered: different messages that consumers got.
        lost: acknowledged, not delivered.
        duplicate: deliveries beyond the first that the broker did not flag.
        redelivered: those that it flagged.
        out_of_order: first deliveries after a later message of the same producer.
        phantom: deliveries of what was never sent.
        damaged: deliveries of other bytes than were sent.
        foreign: deliveries of what an earlier run, or somebody else, had left in the queue.
        refusals: how many messages were refused with which status.
        witnesses: of each anomaly, some of its messages.
    """

    posted: int = 0
    acknowledged: int = 0
    refused: int = 0
    unanswered: int = 0
    delivered: int = 0
    lost: int = 0
    duplicate: int = 0
    redelivered: int = 0
    out_of_order: int = 0
    phantom: int = 0
    damaged: int = 0
    foreign: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    witnesses: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def anomalies(self, *, may_redeliver: bool = False, is_complete: bool = True) -> list[str]:
        """Return what the broker must not have done, each as `37 lost (...)` with witnesses.

        Args:
            may_redeliver: a consumer has gone during the run.
            is_complete: the load ran as asked and everything was waited for; else what has not
                come says nothing.
        """
        counts = {
            "lost": self.lost if is_complete else 0,
            "duplicate": self.duplicate,
            "redelivered": 0 if may_redeliver else self.redelivered,
            "out of order": self.out_of_order,
            "phantom": self.phantom,
            "damaged": self.damaged,
            "refused": self.refused if is_complete else 0,
            "unanswered": self.unanswered if is_complete else 0,
        }
        return [
            f"{count:,} {name}{self._examples(name)}" for name, count in counts.items() if count
        ]

    def _examples(self, name: str) -> str:
        if name == "refused":
            return f" ({', '.join(f'{n:,} {status}' for status, n in self.refusals.items())})"
        found = self.witnesses.get(name, ())
        return f" ({'; '.join(found)})" if found else ""


@dataclass(eq=False, slots=True)
class _Producer:
    posted: int = 0
    refused: int = 0
    acknowledged: SequenceSet = field(default_factory=SequenceSet)
    delivered: SequenceSet = field(default_factory=SequenceSet)


class DeliveryChecker:
    """Follows the messages of all producers to all consumers."""

    def __init__(self) -> None:
        self._producers: dict[int, _Producer] = {}
        self._latest: dict[tuple[int, int], int] = {}
        self._counts: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._witnesses: dict[str, list[str]] = {}
        self._undelivered = 0

    def posted(self, producer: int, count: int) -> int:
        """Note that a producer sends `count` more messages; returns the first one's number.

        Call it before the messages leave: they may be delivered before the sending call returns.
        """
        known = self._producers.setdefault(producer, _Producer())
        first = known.posted
        known.posted += count
        self._counts["posted"] += count
        return first

    def acknowledged(self, producer: int, sequence: int) -> None:
        """Note that the broker has stored a message."""
        known = self._producers[producer]
        assert sequence < known.posted, (producer, sequence)
        if known.acknowledged.add(sequence):
            self._counts["acknowledged"] += 1
            self._undelivered += sequence not in known.delivered

    def refused(self, producer: int, sequence: int, status: str) -> None:
        """Note that the broker has not stored a message."""
        assert sequence < self._producers[producer].posted, (producer, sequence)
        self._counts["refused"] += 1
        self._refusals[status] += 1

    def delivered(
        self, consumer: int, producer: int, sequence: int, *, is_redelivered: bool
    ) -> bool:
        """Note that a consumer got a message, which says of itself that it is this one.

        Returns:
            Whether it was sent and is delivered for the first time.
        """
        known = self._producers.get(producer)
        if known is None or sequence >= known.posted:
            self._anomaly("phantom", producer, sequence)
            return False
        if not known.delivered.add(sequence):
            self._anomaly("redelivered" if is_redelivered else "duplicate", producer, sequence)
            return False
        self._counts["delivered"] += 1
        self._undelivered -= sequence in known.acknowledged
        key = (consumer, producer)
        latest = self._latest.get(key, -1)
        if is_redelivered:
            return True
        if sequence > latest:
            self._latest[key] = sequence
        else:
            self._anomaly("out of order", producer, sequence, f" after {latest}")
        return True

    def damaged(self) -> None:
        """Note that a payload came that is not as it was sent."""
        self._counts["damaged"] += 1

    def foreign(self) -> None:
        """Note that a payload came that no producer of this run has sent."""
        self._counts["foreign"] += 1

    @property
    def is_settled(self) -> bool:
        """Whether every message is answered, and every stored one delivered."""
        return self._undelivered == 0 and self._unanswered == 0

    @property
    def _unanswered(self) -> int:
        counts = self._counts
        return counts["posted"] - counts["acknowledged"] - counts["refused"]

    def summary(self) -> DeliverySummary:
        """Return what it has come to so far."""
        counts = self._counts
        witnesses = {name: tuple(found) for name, found in self._witnesses.items()}
        if self._undelivered:
            lost = (
                _name(number, sequence)
                for number, producer in self._producers.items()
                for sequence in producer.acknowledged.missing_from(producer.delivered)
            )
            witnesses["lost"] = tuple(islice(lost, WITNESSES_MAX))
        return DeliverySummary(
            posted=counts["posted"],
            acknowledged=counts["acknowledged"],
            refused=counts["refused"],
            unanswered=self._unanswered,
            delivered=counts["delivered"],
            lost=self._undelivered,
            duplicate=counts["duplicate"],
            redelivered=counts["redelivered"],
            out_of_order=counts["out of order"],
            phantom=counts["phantom"],
            damaged=counts["damaged"],
            foreign=counts["foreign"],
            refusals=dict(self._refusals),
            witnesses=witnesses,
        )

    def _anomaly(self, name: str, producer: int, sequence: int, more: str = "") -> None:
        self._counts[name] += 1
        found = self._witnesses.setdefault(name, [])
        if len(found) < WITNESSES_MAX:
            found.append(_name(producer, sequence) + more)


def _name(producer: int, sequence: int) -> str:
    return f"message {sequence} of producer {producer}"
