"""Domains, queues and apps: what is stored, for whom, and for how long."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from suites.integration.model.content import Content
from suites.integration.model.expression import EXPRESSIONS
from suites.integration.model.flow import Stream
from suites.integration.model.plan import Plan
from suites.integration.model.routing import Turns

NS: Final = 1_000_000_000
#: How often a broker looks for messages that are too old, in seconds.
EXPIRY_S: Final = 5
#: When a GUID has been forgotten for certain, in seconds after its time.
FORGETTING_S: Final = 60
ACK_STORED: Final = 0
ACK_MESSAGES: Final = 1
ACK_BYTES: Final = 2


class Age(Enum):
    """Whether a message outlived its time."""

    YOUNG = auto()  # it must be there
    DOUBTFUL = auto()  # it may be gone
    OLD = auto()  # it must be gone


class Message:
    """A message that was stored.

    Attributes:
        number: its place in the queue.
        guid: None as long as the broker, which makes it, has not told.
        content: what it says.
        arrived_ns: when it was stored.
        removed_ns: when it was removed; None while it is stored.
        is_forgettable: whether it is certain since when its GUID is remembered, if it was removed.
    """

    def __init__(self, number: int, guid: bytes | None, content: Content, now: int) -> None:
        self.number = number
        self.guid = guid
        self.content = content
        self.arrived_ns = now
        self.removed_ns: int | None = None
        self.is_forgettable = True

    def age(self, now: int, ttl_s: int) -> Age:
        """Return how its age compares with a time to live, in seconds."""
        since_ns = now - self.arrived_ns - (ttl_s + 1) * NS
        if since_ns < 0:
            return Age.YOUNG
        return Age.OLD if since_ns > EXPIRY_S * NS else Age.DOUBTFUL

    def __str__(self) -> str:
        name = self.guid.hex().upper() if self.guid is not None else "GUID unknown"
        return f"message {self.number} ({name})"


class Copy:
    """A message that an app has not confirmed.

    Attributes:
        message: the same.
        holder: the stream that has got it.
        was_delivered: whether it was before; None if the broker may have forgotten.
        was_passed: whether later ones may have overtaken it.
        left: how many more consumers may be lost with it; None if there is no such limit.
        is_left_known: whether `left` is certain.
    """

    def __init__(self, message: Message, left: int | None) -> None:
        self.message = message
        self.holder: Stream | None = None
        self.was_delivered: bool | None = False
        self.was_passed = False
        self.left = left
        self.is_left_known = True


class App:
    """Who gets the messages of a queue, or of a fanout queue one of them.

    Attributes:
        app_id: empty if the queue is no fanout queue.
        is_authorised: whether it gets messages.
        filter: index of the domain's expression for it.
        copies: what it has not confirmed, in posting order.
        streams: who reads for it.
        turns: who got how many messages in a row.
    """

    def __init__(self, app_id: str, filter_index: int, *, is_authorised: bool) -> None:
        self.app_id = app_id
        self.is_authorised = is_authorised
        self.filter = filter_index
        self.copies: dict[Message, Copy] = {}
        self.streams: list[Stream] = []
        self.turns = Turns()

    def drop(self, message: Message) -> None:
        """Do without a message, whoever has got it."""
        if self.copies.pop(message, None) is not None:
            for stream in self.streams:
                stream.lose_sight(message)

    def attach(self, stream: Stream) -> None:
        """Let a stream read."""
        self.streams.append(stream)
        self.turns.forget()

    def detach(self, stream: Stream, *, is_lost: bool) -> tuple[list[Message], list[Message]]:
        """Take a stream away; what it held goes to others.

        Args:
            stream: the same.
            is_lost: whether that counts as an attempt to deliver what it held.

        Returns:
            What had its last attempt; and what may have had it.
        """
        self.streams.remove(stream)
        self.turns.forget()
        ended: list[Message] = []
        doubtful: list[Message] = []
        for message in stream.held:
            copy = self.copies.get(message)
            if copy is None or copy.holder is not stream:
                continue
            copy.holder = None
            if is_lost and copy.left is not None:
                copy.left -= 1
                if copy.left <= 0:
                    (ended if copy.is_left_known else doubtful).append(message)
        return ended, doubtful


class Queue:
    """A queue of a domain.

    Attributes:
        domain: the same.
        name: its last part.
        number: which is how programs name it.
        stored: in posting order.
        latest: by GUID, the last message that had it, whether it is still stored or not.
        apps: by app id.
        producers: how many clients have it open for writing.
        exists: whether the broker has it.
        doubtful: messages that the broker may have given up for an app.
    """

    def __init__(self, domain: Domain, name: str, number: int) -> None:
        self.domain = domain
        self.name = name
        self.number = number
        self.stored: dict[Message, None] = {}
        self.latest: dict[bytes, Message] = {}
        self.apps: dict[str, App] = {}
        self.producers = 0
        self.exists = False
        self.doubtful: list[tuple[App, Message]] = []
        self._next_number = 0
        self.authorise()

    @property
    def uri(self) -> str:
        """As clients name it."""
        return f"bmq://{self.domain.name}/{self.name}"

    @property
    def words(self) -> str:
        """How a command about it begins."""
        return f"DOMAINS DOMAIN {self.domain.name} QUEUE {self.name}"

    def authorise(self) -> None:
        """Take the apps and filters of the domain's plan."""
        plan = self.domain.plan
        for app_id in plan.app_ids:
            app = self.app(app_id)
            app.is_authorised = True
            app.filter = plan.filter_of(app_id)
        for app in self.apps.values():
            if app.app_id not in plan.app_ids and app.is_authorised:
                app.is_authorised = False
                for message in list(app.copies):
                    app.drop(message)
                    self._remove_if_done(message, self.domain.now)

    def app(self, app_id: str) -> App:
        """Return an app; a strange one gets nothing."""
        if app_id not in self.apps:
            self.apps[app_id] = App(app_id, 0, is_authorised=False)
        return self.apps[app_id]

    # Storing.

    def wanting(self, content: Content) -> list[App]:
        """Return the apps that get a message: the domain's filters decide."""
        return [
            app
            for app in self.apps.values()
            if app.is_authorised and EXPRESSIONS[app.filter].matches(content.values)
        ]

    def statuses(self, guid: bytes | None, content: Content, now: int) -> tuple[set[int], bool]:
        """Return how a PUT may be answered, and whether it is not stored."""
        plan = self.domain.plan
        known = self.latest.get(guid) if guid is not None else None
        is_known = known is not None and (
            known.removed_ns is None or now - known.removed_ns < plan.memory_s * NS
        )
        limit = None
        if len(self.stored) > plan.messages:
            limit = ACK_MESSAGES
        elif sum(message.content.size for message in self.stored) > plan.size:
            limit = ACK_BYTES
        elif self.domain.stored_count() > plan.domain_messages:
            limit = ACK_MESSAGES
        if limit is None:
            return {ACK_STORED}, is_known
        if is_known or not self.wanting(content):  # which rule is looked at first is not said
            return {ACK_STORED, limit}, True
        return {limit}, False

    def store(self, guid: bytes | None, content: Content, now: int) -> Message:
        """Store a message for the apps that want it; nobody may, and then it is not stored."""
        message = Message(self._next_number, guid, content, now)
        self._next_number += 1
        left = self.domain.plan.attempts or None
        for app in self.wanting(content):
            app.copies[message] = Copy(message, left)
        self.name_message(message, guid)
        if self.domain.plan.mode == "broadcast":
            message.removed_ns = now
            message.is_forgettable = False
        elif any(message in app.copies for app in self.apps.values()):
            self.stored[message] = None
        else:
            message.removed_ns = now
            message.is_forgettable = False
        return message

    def name_message(self, message: Message, guid: bytes | None) -> None:
        """Take note of the GUID of a message."""
        message.guid = guid
        if guid is not None:
            self.latest[guid] = message

    # Removing.

    def confirm(self, app: App, message: Message, now: int) -> None:
        """Take note that an app is done with a message, whoever has got it."""
        if app.copies.pop(message, None) is not None:
            for stream in app.streams:
                stream.lose_sight(message)
            self._remove_if_done(message, now)

    def give_up(self, app: App, message: Message, now: int) -> None:
        """Drop a message for an app that it was delivered to too often."""
        app.drop(message)
        self._remove_if_done(message, now)

    def _remove_if_done(self, message: Message, now: int) -> None:
        if message in self.stored and not any(message in a.copies for a in self.apps.values()):
            del self.stored[message]
            message.removed_ns = now

    def remove(self, message: Message, now: int, *, is_certain: bool = True) -> None:
        """Remove a message for everybody."""
        for app in self.apps.values():
            app.drop(message)
        if message in self.stored:
            del self.stored[message]
            message.removed_ns = now
            message.is_forgettable = is_certain

    def purge(self, app_id: str | None, now: int) -> int:
        """Remove what an app has not confirmed, or all; returns how many."""
        if app_id is None:
            count = len(self.stored)
            for message in list(self.stored):
                self.remove(message, now)
            return count
        app = self.apps[app_id]
        copies = list(app.copies)
        for message in copies:
            app.drop(message)
            self._remove_if_done(message, now)
        return len(copies)

    def restart(self) -> None:
        """Forget what does not outlive the broker."""
        self.producers = 0
        self.producers = 0
        for app in self.apps.values():
            app.streams.clear()
            app.turns.forget()
            for copy in app.copies.values():
                copy.holder = None
                copy.was_delivered = None
                copy.is_left_known = copy.left == self.domain.plan.attempts
        for message in self.latest.values():
            message.is_forgettable = message.is_forgettable and message.removed_ns is None
        if self.domain.plan.is_kept:
            return
        self.exists = False
        for app in self.apps.values():
            app.copies.clear()
        for message in self.stored:
            message.removed_ns = self.domain.now
            message.is_forgettable = False
        self.stored.clear()

    def is_repeatable(self, message: Message, now: int) -> bool:
        """Return whether it is certain what becomes of a message that comes again."""
        if message.guid is None or self.latest[message.guid] is not message:
            return False
        if any(message in stream.held for app in self.apps.values() for stream in app.streams):
            return message.removed_ns is None
        if message.removed_ns is None:
            return True
        memory = self.domain.plan.memory_s
        since_s = (now - message.removed_ns) // NS
        return message.is_forgettable and not memory <= since_s <= memory + FORGETTING_S


class Domain:
    """A domain and its queues.

    Attributes:
        name: as configured at the broker.
        plan: its configuration.
        queues: the same.
        now: the time of the last act.
    """

    def __init__(self, name: str, plan: Plan, queue_names: list[str], first_number: int) -> None:
        self.name = name
        self.plan = plan
        self.now = 0
        self.queues = [
            Queue(self, each, first_number + index) for index, each in enumerate(queue_names)
        ]

    def stored_count(self) -> int:
        """Return how many messages its queues have."""
        return sum(len(queue.stored) for queue in self.queues)
