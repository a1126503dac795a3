"""What a queue answers: plain values, which the core turns into bytes, records and log lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reference_broker.queue.block import Entry
from reference_broker.queue.message import Message
from reference_broker.queue.stream import Subscription
from reference_broker.queue.usage import Refusal


class Delivery(NamedTuple):
    """Messages that now go to one subscription, in order."""

    subscription: Subscription
    messages: list[Message]


class AppFacts(NamedTuple):
    """What an operator wants to know of an application that is stuck.

    Attributes:
        consumers: streams that are attached.
        messages: not confirmed by the application.
        bytes: of their application data.
        put_aside: messages that were overtaken, for want of a match or of room.
        redelivery: messages that came back from consumers.
        expressions: of its subscriptions.
        oldest: ordinal of the oldest undelivered message.
        oldest_put_aside: the same among those put aside.
    """

    consumers: int
    messages: int
    bytes: int
    put_aside: int
    redelivery: int
    expressions: tuple[str, ...]
    oldest: int | None
    oldest_put_aside: int | None


class PostOutcome(NamedTuple):
    """What became of a batch.

    Attributes:
        stored: the messages that were stored, in order; in broadcast mode, that are delivered next.
        refused: (GUID, reason) of those that were refused.
        skipped: by the number of an application, the ordinals of stored messages that its filter
            turned away: they count as confirmed by it.
        swallowed: how many are acknowledged though no application wanted them.
    """

    stored: list[Message]
    refused: list[tuple[bytes, Refusal]]
    skipped: dict[int, list[int]]
    swallowed: int


class Confirmed(NamedTuple):
    """What a batch of confirms did.

    Attributes:
        ordinals: of messages that the application had not confirmed before.
        removed: (guid, size, location, ordinal) of those that nobody needs any more.
        number: the application's.
    """

    ordinals: list[int]
    removed: list[Entry]
    number: int


class Detached(NamedTuple):
    """What became of what a stream held.

    Attributes:
        returned: how many messages go to other consumers.
        dropped: (ordinal, guid) of messages that had their last attempt: they count as confirmed by
            the application.
        removed: those of the dropped that nobody needs any more.
        number: the application's.
    """

    returned: int
    dropped: list[tuple[int, bytes]]
    removed: list[Entry]
    number: int


class Released(NamedTuple):
    """What an application that goes no longer needs.

    Attributes:
        messages: that it had not confirmed.
        bytes: of their application data.
        removed: those that nobody needs any more.
    """

    messages: int
    bytes: int
    removed: list[Entry]


class Purged(NamedTuple):
    """What a purge took away.

    Attributes:
        messages: how many.
        bytes: of their application data.
        removed: those that are no longer stored.
        upto_ordinal: everything below it is purged.
    """

    messages: int
    bytes: int
    removed: list[Entry]
    upto_ordinal: int


@dataclass(frozen=True, slots=True)
class Expired:
    """What was too old.

    Attributes:
        count: how many messages.
        upto_ordinal: everything below it is gone.
        newest_arrival_ns: when the newest of them arrived, wall clock; 0 if none was too old.
        removed: they.
        has_more: whether there are more, for the next call.
    """

    count: int
    upto_ordinal: int
    newest_arrival_ns: int
    removed: list[Entry]
    has_more: bool


class RestoredApp(NamedTuple):
    """An application as it was before a restart.

    Attributes:
        app_id: its id.
        number: its number in the log.
        cursor: the first stored ordinal that it needs.
        skipped: ordinals from there on that it does not need.
    """

    app_id: str
    number: int
    cursor: int
    skipped: Sequence[int]


class AppStatistics(NamedTuple):
    """A snapshot of one application.

    Attributes:
        app_id: its id.
        messages: not confirmed by it.
        bytes: of their application data.
        unconfirmed: of these, what its consumers hold.
        consumers: streams that are attached.
    """

    app_id: str
    messages: int
    bytes: int
    unconfirmed: int
    consumers: int


class QueueStatistics(NamedTuple):
    """A snapshot for logs, admin and metrics."""

    messages: int
    bytes: int
    unconfirmed: int
    streams: int
    apps: tuple[AppStatistics, ...]
