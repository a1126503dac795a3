"""What one client has said and is owed: its session, as the broker must see it.

::

    GONE ──> HANDSHAKE ──identity──> OPEN ──disconnect──> PARTED
                 └────── an error ────┴──> DOOMED: its connection must be closed in this very step
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from reference_broker.base import Instant
from suites.fuzz.core.app_model import Message, Reader
from suites.fuzz.core.queue_model import QueueModel
from suites.fuzz.core.words import Credentials, Who

_BEGINNING: Final = Instant(0)


class Phase(IntEnum):
    """Where a client stands."""

    GONE = 0
    HANDSHAKE = 1
    OPEN = 2
    PARTED = 3
    DOOMED = 4


@dataclass(slots=True, eq=False)
class Handle:
    """What a client has open under one qId.

    Attributes:
        number: of the queue.
        queue: the queue.
        is_writer: whether it may post.
        readers: by subId; None for a sub-stream that does not read.
    """

    number: int
    queue: QueueModel
    is_writer: bool = False
    readers: dict[int, Reader | None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Owed:
    """An acknowledgement that the broker owes, or may give.

    Attributes:
        statuses: what it may say.
        queue: what was posted to; None if that was not open.
        message: what it is for; None for one that was refused.
        is_optional: whether it may not come at all.
    """

    statuses: tuple[int, ...]
    queue: QueueModel | None = None
    message: Message | None = None
    is_optional: bool = False


@dataclass(slots=True)
class Receipt:
    """A message that a client has received: what it confirms."""

    queue_id: int
    sub_id: int
    guid: bytes
    is_confirmed: bool = False


#: Notes what an event must lead to: called with the play, the client, and what was said.
Take: TypeAlias = Callable[..., None]


class Said(NamedTuple):
    """An event that a client has sent.

    Attributes:
        take: notes what it must lead to.
        what: for `take`.
        is_greeting: whether a client may say it that the broker does not know yet.
    """

    take: Take
    what: tuple[object, ...]
    is_greeting: bool


@dataclass(slots=True, eq=False)
class Client:
    """One client.

    Attributes:
        number: of the client in programs.
        connection: the driver's number; another one each time it connects.
        phase: where it stands.
        who: who it says it is; None before.
        credentials: with what it has authenticated itself; None if it has not.
        is_known: whether the broker has decided about it.
        handles: what it has open, by qId.
        replies: what its requests must be answered with, by rId: the kind, and a status' category.
        greetings: categories of the negotiation responses that it must get.
        verdicts: whether the authentications that it asked for must succeed.
        acks: acknowledgements owed, by qId and GUID or correlation id.
        beats: heartbeat responses owed.
        receipts: what it has received.
        last_guid: of its last message.
        tail: end of an event whose beginning is sent.
        untaken: what the models are to do once the broker has read it whole.
        cut_at: where the next event is cut, in 128ths; None for nowhere.
        spoils: which byte of the next event is changed, in 128ths, and how; None for none.
        opened_at: when it connected.
        spoke_at: when it last sent something.
        lives_until: when it must have authenticated again; None for never.
        verdict_at: when its slow authentication is decided; None if none is under way.
        is_waiting: whether the broker keeps it waiting for a domain.
        is_congested: whether it does not read its socket.
        may_close: whether the broker may know from the beginning of an event that it will not do.
        r_id: of its last request.
        heard: the kinds of the last two things that it was sent.
    """

    number: int
    connection: int = 0
    phase: Phase = Phase.GONE
    who: Who | None = None
    credentials: Credentials | None = None
    is_known: bool = False
    handles: dict[int, Handle] = field(default_factory=dict)
    replies: dict[int, tuple[str, int]] = field(default_factory=dict)
    greetings: list[int] = field(default_factory=list)
    verdicts: list[bool] = field(default_factory=list)
    acks: dict[tuple[int, bytes | int], list[Owed]] = field(default_factory=dict)
    beats: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    last_guid: bytes | None = None
    tail: bytes = b""
    untaken: list[Said] = field(default_factory=list)
    cut_at: int | None = None
    spoils: tuple[int, int] | None = None
    opened_at: Instant = _BEGINNING
    spoke_at: Instant = _BEGINNING
    lives_until: Instant | None = None
    verdict_at: Instant | None = None
    is_waiting: bool = False
    is_congested: bool = False
    may_close: bool = False
    r_id: int = 0
    heard: tuple[int, int] = (0, 0)

    @property
    def makes_guids(self) -> bool:
        """Whether its messages have GUIDs of its own."""
        return self.who is not Who.NO_GUIDS

    @property
    def is_admin(self) -> bool:
        """Whether it has come to command, and not to post and read."""
        return self.who is Who.ADMIN

    @property
    def is_blocked(self) -> bool:
        """Whether what it says has to wait in the broker."""
        is_unknown = self.phase is Phase.HANDSHAKE and self.verdict_at is not None
        return self.is_waiting or is_unknown

    def owe_reply(self, kind: str, category: int = 0) -> None:
        """Expect an answer to the last request."""
        self.replies[self.r_id] = kind, category

    def owe_ack(self, queue_id: int, key: bytes | int, owed: Owed) -> None:
        """Expect an acknowledgement."""
        self.acks.setdefault((queue_id, key), []).append(owed)

    def reader(self, queue_id: int, sub_id: int) -> Reader | None:
        """Return what it reads under a qId and subId."""
        handle = self.handles.get(queue_id)
        return None if handle is None else handle.readers.get(sub_id)

    def reader_of(self, queue_id: int, push_id: int) -> tuple[int, Reader]:
        """Return the subId and the reader that a pushed message is for.

        Raises:
            AssertionError: there is none.
        """
        handle = self.handles.get(queue_id)
        assert handle is not None, f"{self}: a message for qId {queue_id}, which is not open"
        for sub_id, reader in handle.readers.items():
            if reader is not None and push_id in reader.push_ids:
                return sub_id, reader
        raise AssertionError(f"{self}: a message for id {push_id} of qId {queue_id}, which is none")

    def let_go(self, now: int, *, is_lost: bool) -> None:
        """Give back all that it has open."""
        for handle in self.handles.values():
            close_handle(handle, now, is_lost=is_lost)
        self.handles = {}

    def doom(self, now: int) -> None:
        """Note that the broker must close its connection now."""
        self.let_go(now, is_lost=True)
        self.phase = Phase.DOOMED

    def __str__(self) -> str:
        return f"client {self.number} on connection {self.connection}"


def close_handle(handle: Handle, now: int, *, is_lost: bool) -> None:
    """Give back what a qId stands for."""
    for reader in handle.readers.values():
        if reader is not None:
            handle.queue.detach(reader, is_lost=is_lost, now=now)
    if handle.is_writer:
        handle.queue.producers -= 1
    handle.readers = {}
    handle.is_writer = False
