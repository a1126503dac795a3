"""Messages, and who reads them: what a queue's model is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from suites.fuzz.core.words import Flow, push_id


@dataclass(slots=True, eq=False)
class Message:
    """A message that was posted.

    Attributes:
        order: of posting, among all messages of a program.
        data: application data as they were posted.
        flags: that must come with them.
        coding: their compression, and whether they have new-style properties.
        posted_ns: when, by the wall clock.
        guid: None while nobody knows the one that the broker has made.
        is_promised: whether its producer was told that it is safe.
        is_certain: whether it is surely stored.
        needs: how many apps are not done with it.
    """

    order: int
    data: bytes
    flags: int
    coding: tuple[int, bool]
    posted_ns: int
    guid: bytes | None
    is_promised: bool = False
    is_certain: bool = True
    needs: int = 1

    def __str__(self) -> str:
        return f"message {self.order} ({self.guid.hex() if self.guid else 'without GUID'})"


@dataclass(slots=True, eq=False)
class Reader:
    """A stream: what one client reads.

    Attributes:
        connection: the client's.
        sub_id: the client's number for the app.
        app: what it reads.
        held: by GUID; messages that are gone meanwhile are still held.
        push_ids: that its messages may carry.
        window: how many it may hold; None if that is not foreseen.
        priority: of its consumer.
        is_full: whether it has had as many as it may, and not got rid of enough of them.
        is_paused: whether the client does not read its socket.
        is_old: whether it gets messages in another form than they were posted.
        last_fresh: order of the last message that it got for the first time.
        last_returned: order of the last one in this step that it got again.
    """

    connection: int
    sub_id: int
    app: App
    held: dict[bytes, Message] = field(default_factory=dict)
    push_ids: tuple[int, ...] = ()
    window: int | None = 0
    priority: int = 0
    is_full: bool = True
    is_paused: bool = False
    is_old: bool = False
    last_fresh: int = -1
    last_returned: int = -1

    def configure(self, flow: Flow) -> None:
        """Take new parameters; what is held stays held."""
        count = len(flow.windows)
        ids = tuple(push_id(self.sub_id, index) for index in range(count))
        self.push_ids = (self.sub_id,) if flow.is_old else ids
        self.priority = flow.priority
        self.is_full = False
        if not flow.is_plain:
            self.window = None
            self.app.is_selective = True
        else:
            self.window = flow.windows[0] if flow.windows else 0
            self.update_fullness()

    def update_fullness(self) -> None:
        """Apply the window: once full, it stays full until 80 % of it are left [FLOW-3]."""
        if self.window is None:
            return
        count = len(self.held)
        if self.is_full and count > -(-self.window * 4 // 5):
            return
        self.is_full = count >= self.window

    @property
    def has_room(self) -> bool:
        """Whether it must get the next message if it is of the highest priority."""
        return self.window is not None and not self.is_full and not self.is_paused


@dataclass(slots=True, eq=False)
class App:
    """One application of a queue.

    Attributes:
        name: its id.
        is_registered: whether its domain knows it.
        readers: in any order.
        fresh: not delivered yet, in order of posting.
        returned: delivered before.
        held: by whom.
        maybe: what it may still get although it was done with it: its confirm was not durable.
        attempts: deliveries left, of messages that a consumer was lost with.
        is_selective: whether expressions were ever asked.
        got_fresh: whether it got something for the first time in this step.
        last_fresh: order of the last message that it got for the first time.
    """

    name: str
    is_registered: bool = True
    readers: list[Reader] = field(default_factory=list)
    fresh: dict[Message, None] = field(default_factory=dict)
    returned: dict[Message, None] = field(default_factory=dict)
    held: dict[Message, Reader] = field(default_factory=dict)
    maybe: dict[Message, None] = field(default_factory=dict)
    attempts: dict[Message, int] = field(default_factory=dict)
    is_selective: bool = False
    got_fresh: bool = False
    last_fresh: int = -1

    def top_priority(self) -> int | None:
        """Return the highest priority of readers that are configured; None if there are none."""
        priorities = [reader.priority for reader in self.readers if reader.window != 0]
        return max(priorities, default=None)

    def take(self, message: Message) -> bool:
        """Take a message away from wherever it is; returns whether the app needed it."""
        reader = self.held.pop(message, None)
        if reader is not None:
            assert message.guid is not None
            reader.held.pop(message.guid, None)
            reader.update_fullness()
            return True
        for place in (self.fresh, self.returned, self.maybe):
            if message in place:
                del place[message]
                return True
        return False

    def needs(self, message: Message) -> bool:
        """Return whether the app is surely not done with a message."""
        return message in self.held or message in self.fresh or message in self.returned

    def forget(self, message: Message) -> None:
        """Need a message no more; whoever holds it may confirm it in vain."""
        self.held.pop(message, None)
        self.fresh.pop(message, None)
        self.returned.pop(message, None)
        self.maybe.pop(message, None)
        self.attempts.pop(message, None)
