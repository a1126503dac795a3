"""What an entry of the catalogue is, and what an outcome means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reference_broker.wire.control import StatusCategory
from suites.harness.report import Verdict


class Phase(StrEnum):
    """When an input is sent."""

    HANDSHAKE = "handshake"  # first thing on a connection
    SESSION = "session"  # after negotiation, with two queues open


class Outcome(StrEnum):
    """What a broker may make of an input."""

    CLOSED = "closed"  # the connection is closed, without an answer
    IGNORED = "ignored"  # no answer, nothing stored; the session goes on
    REFUSED = "refused"  # a status that is no success
    ANSWERED = "answered"  # as if nothing were wrong
    NACKED = "nacked"  # an acknowledgement that is no success
    STORED = "stored"  # acknowledged and delivered
    SILENT = "silent"  # neither an answer nor a close: the broker waits for more, or is deaf
    LEFT = "left"  # we hang up; only the bystander matters


class Scene(NamedTuple):
    """Where an input of the session phase arrives.

    Attributes:
        uri: the queue with qId 0, open for reading and writing, configured.
        read_only_uri: the queue with qId 1, open for reading alone, not configured.
        free_uri: a queue of the same domain that nobody has opened.
    """

    uri: str
    read_only_uri: str
    free_uri: str


class Seen(NamedTuple):
    """What a broker made of an input.

    Attributes:
        outcome: in a word.
        category: of the status that refused; None otherwise.
        text: in more words.
        port: our end of the connection, as the broker's log names it.
    """

    outcome: Outcome
    category: StatusCategory | None = None
    text: str = ""
    port: int = 0

    def __str__(self) -> str:
        parts = [self.outcome.value, self.category.name if self.category else "", self.text]
        return ": ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """One input.

    Attributes:
        number: of the case, for ever.
        name: one line.
        build: makes the pieces to send, in order.
        expected: what a right broker does.
        phase: when it is sent.
        category: of the status, when it is to be refused.
        lead: how many answers belong to pieces that are sent only to get there.
        peer: what BlazingMQ is known to do where that is less than `expected`.
        is_open: nobody knows what BlazingMQ does.
        note: why.
        proves: ids of the statements in `docs/protocol` that the expected outcome proves.
    """

    number: int
    name: str
    build: Callable[[Scene], list[bytes]]
    expected: Outcome
    phase: Phase = Phase.SESSION
    category: StatusCategory | None = None
    lead: int = 0
    peer: Outcome | None = None
    is_open: bool = False
    note: str = ""
    proves: tuple[str, ...] = ()

    def judge(self, seen: Seen, *, is_reference: bool) -> tuple[Verdict, str]:
        """Return what an outcome means, and why.

        The reference broker must do what is expected. Of other brokers, what BlazingMQ does is not
        strict, and where nobody knows what it does anything that leaves bystanders in peace is
        worth a note and no more.
        """
        is_right = seen.outcome is self.expected and (
            self.category is None or seen.category is self.category
        )
        if is_right:
            return Verdict.PASS, ""
        expected = Seen(self.expected, self.category)
        reason = f"{seen}, where the outcome should be {expected}"
        if is_reference:
            return Verdict.FAIL, reason
        if seen.outcome is self.peer:
            return Verdict.NON_STRICT, reason
        if self.is_open:
            return Verdict.INFORMATIONAL, f"{reason}; the protocol leaves it open"
        return Verdict.FAIL, reason


def one(data: bytes) -> Callable[[Scene], list[bytes]]:
    """Return what builds an input of one fixed piece."""
    return lambda _scene: [data]
