"""Which subscription of an application gets a message: one [ROUTE-2], for which it is meant [SUB-1].

Subscriptions with the same expression are a group [SUB-5]. Only those of the highest priority in
their group are served [ROUTE-4]; they take turns, `weight` messages each [ROUTE-3]. Groups of one
priority are a level, and a message goes down the levels [SUB-4]:

- within a level the groups are asked in turn; the first one that the message matches and that has
  room gets it [SUB-3];
- if a level has groups that match but none with room, the message waits for one of these: it never
  spills to a lower level [ROUTE-6, SUB-6];
- if no group of any level matches, it waits until the subscriptions change.

A subscription whose limits are 0 is nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reference_broker.expr import Lookup, Predicate
from reference_broker.queue.message import Message
from reference_broker.queue.ordinals import OrdinalSet
from reference_broker.queue.stream import Stream, Subscription


class Group:
    """Subscriptions that want the same messages, and take turns.

    Attributes:
        text: their expression, empty when there is none, which means all [SUB-2].
        predicate: the same, compiled.
        priority: of those that are served.
        subscriptions: those that are served, in the order of turns.
        turn: index of the one whose turn it is.
        turn_left: how many messages it may still get in a row.
        waiting: ordinals of messages put aside until this group has room; some may be gone.
        is_open: whether somebody has room, as far as deliveries go; what is confirmed, paused or
            configured meanwhile shows after `look`.
    """

    __slots__ = (
        "is_open", "predicate", "priority", "subscriptions", "text", "turn", "turn_left", "waiting",
    )  # fmt: skip

    def __init__(self, predicate: Predicate | None) -> None:
        self.text = predicate.text if predicate is not None else ""
        self.predicate = predicate
        self.priority = 0
        self.subscriptions: list[Subscription] = []
        self.waiting = OrdinalSet()
        self.is_open = False
        self.turn = 0
        self.turn_left = 0

    def serve(self, members: list[Subscription], previous: Group | None) -> None:
        """Serve those of the highest priority among `members`; the turn goes on where it was."""
        self.priority = max(member.spec.priority for member in members)
        self.subscriptions = [m for m in members if m.spec.priority == self.priority]
        self.turn_left = self.subscriptions[0].spec.weight
        if previous is not None:
            holder = previous.subscriptions[previous.turn]
            if holder in self.subscriptions:
                self.turn = self.subscriptions.index(holder)
                self.turn_left = min(previous.turn_left, holder.spec.weight)

    def look(self) -> None:
        """Find out whether somebody has room."""
        if len(self.subscriptions) == 1:
            self.is_open = self.subscriptions[0].has_room
            return
        first = self.turn - len(self.subscriptions)  # from the turn on, and round
        self.is_open = any(self.subscriptions[i].has_room for i in range(first, self.turn))

    def room(self) -> int:
        """Return how many messages those with room could take, by their message limits."""
        room = 0
        for subscription in self.subscriptions:
            if subscription.has_room:
                room += subscription.spec.messages_max - len(subscription.unconfirmed)
        return room

    def next_with_room(self) -> Subscription:
        """Return whose turn it is in an open group, passing over those without room."""
        while not (subscription := self.subscriptions[self.turn]).has_room:
            self._pass_turn()
        return subscription

    def given(self, count: int) -> None:
        """Note that the one whose turn it is got `count` messages."""
        self.turn_left -= count
        if self.subscriptions[self.turn].is_full:
            self._pass_turn()
            self.look()
        elif self.turn_left <= 0 or len(self.subscriptions) == 1:  # alone, it has no turns
            self._pass_turn()

    def _pass_turn(self) -> None:
        self.turn = (self.turn + 1) % len(self.subscriptions)
        self.turn_left = self.subscriptions[self.turn].spec.weight


class Router:
    """The subscriptions of one application.

    Attributes:
        groups: by falling priority.
        only: the one group, when it is the only one and takes every message: nothing is to be
            asked then.
    """

    __slots__ = ("_levels", "groups", "only")

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.only: Group | None = None
        self._levels: list[list[Group]] = []

    def rebuild(self, streams: Iterable[Stream]) -> None:
        """Take what the streams want now [ROUTE-5, ROUTE-9]; nothing waits for a group any more."""
        previous = {group.text: group for group in self.groups}
        members: dict[str, list[Subscription]] = {}
        for stream in streams:
            for subscription in stream.subscriptions:
                spec = subscription.spec
                if spec.messages_max > 0 and spec.bytes_max > 0:
                    text = spec.predicate.text if spec.predicate is not None else ""
                    members.setdefault(text, []).append(subscription)
        by_priority: dict[int, list[Group]] = {}
        for text, wanting in members.items():
            group = Group(wanting[0].spec.predicate)
            group.serve(wanting, previous.get(text))
            by_priority.setdefault(group.priority, []).append(group)
        self._levels = [by_priority[priority] for priority in sorted(by_priority, reverse=True)]
        self.groups = [group for level in self._levels for group in level]
        is_plain = len(self.groups) == 1 and self.groups[0].predicate is None
        self.only = self.groups[0] if is_plain else None

    def look(self) -> bool:
        """Find out which groups have room, and return whether any has."""
        found = False
        for group in self.groups:
            group.look()
            found = found or group.is_open
        return found

    def has_capacity(self) -> bool:
        """Return whether any group is open."""
        for group in self.groups:  # noqa: SIM110 - faster than any()
            if group.is_open:
                return True
        return False

    @property
    def is_paused(self) -> bool:
        """Whether somebody has no room only because the client does not read its socket."""
        return any(not s.is_full for group in self.groups for s in group.subscriptions)

    def expressions(self) -> list[str]:
        """Return the expressions of the groups, each once, by falling priority."""
        return [group.text for group in self.groups if group.text]

    def route(self, message: Message, lookup: Callable[[Message], Lookup]) -> Group | list[Group]:
        """Return the group that gets a message.

        Args:
            message: the message.
            lookup: what expressions see of it; called at most once.

        Returns:
            An open group; or the groups that it is to wait for; or an empty list, if it is to wait
            until the subscriptions change.
        """
        properties: Lookup | None = None
        for level in self._levels:
            full: list[Group] = []
            for group in level:
                if group.predicate is not None:
                    if properties is None:
                        properties = lookup(message)
                    if not group.predicate.matches(properties):
                        continue
                if group.is_open:
                    return group
                full.append(group)
            if full:
                return full
        return []

    def recipients(
        self, messages: list[Message], lookup: Callable[[Message], Lookup]
    ) -> Iterator[tuple[Subscription, list[Message]]]:
        """Yield who gets which of `messages` in broadcast mode: every stream, each once [CAST-1].

        A stream gets a message for the first of its subscriptions that is served [CAST-4], matches
        [CAST-7] and has room; a stream without one misses it [CAST-6].
        """
        by_stream: dict[Stream, list[Subscription]] = {}
        for group in self.groups:
            for subscription in group.subscriptions:
                if subscription.has_room:
                    by_stream.setdefault(subscription.stream, []).append(subscription)
        if all(group.predicate is None for group in self.groups):
            for subscriptions in by_stream.values():
                yield subscriptions[0], messages
            return
        seen = [(message, lookup(message)) for message in messages]
        for subscriptions in by_stream.values():
            yield from _shares(subscriptions, seen)


def _shares(
    subscriptions: list[Subscription], seen: list[tuple[Message, Lookup]]
) -> Iterator[tuple[Subscription, list[Message]]]:
    """Yield runs of messages for one stream, in their order."""
    run: list[Message] = []
    holder: Subscription | None = None
    for message, properties in seen:
        chosen = next((s for s in subscriptions if _wants(s, properties)), None)
        if chosen is None:
            continue
        if chosen is not holder and holder is not None:
            yield holder, run
            run = []
        holder = chosen
        run.append(message)
    if holder is not None:
        yield holder, run


def _wants(subscription: Subscription, properties: Lookup) -> bool:
    predicate = subscription.spec.predicate
    return predicate is None or predicate.matches(properties)
