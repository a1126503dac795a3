"""The model of a queue: who waits for what, in dictionaries and lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from reference_broker.queue import SubscriptionSpec


@dataclass(slots=True, eq=False)
class Post:
    """A stored message in the model."""

    n: int
    size: int
    second: int  # when it arrived
    place: int  # in the order of posting


@dataclass(slots=True, eq=False)
class Reader:
    """A subscription in the model."""

    stream: int
    spec: SubscriptionSpec
    held: dict[int, Post] = field(default_factory=dict)  # by number; some may be gone
    is_full: bool = False

    def look(self) -> None:
        count, size = len(self.held), sum(post.size for post in self.held.values())
        messages_max, bytes_max = self.spec.messages_max, self.spec.bytes_max
        if self.is_full and (count > ceil(messages_max * 0.8) or size > ceil(bytes_max * 0.8)):
            return
        self.is_full = count >= messages_max or size >= bytes_max

    def configure(self, spec: SubscriptionSpec) -> None:
        self.spec = spec
        self.is_full = False
        self.look()

    def adopt(self, posts: dict[int, Post]) -> None:
        for n, post in posts.items():
            if n not in self.held or self.held[n].place < post.place:
                self.held[n] = post
        self.look()

    def wants(self) -> str:
        return self.spec.predicate.text if self.spec.predicate else ""


@dataclass(slots=True, eq=False)
class Group:
    """Readers that take turns in the model."""

    wants: str
    readers: list[Reader]
    turn: int = 0
    left: int = 0

    def pass_turn(self) -> None:
        self.turn = (self.turn + 1) % len(self.readers)
        self.left = self.readers[self.turn].spec.weight


@dataclass(slots=True, eq=False)
class Application:
    """An application in the model."""

    wants: str = ""  # its filter
    is_registered: bool = False
    fresh: list[Post] = field(default_factory=list)
    aside: list[Post] = field(default_factory=list)
    back: list[Post] = field(default_factory=list)
    given: list[Post] = field(default_factory=list)  # delivered and not confirmed
    attempts: dict[Post, int] = field(default_factory=dict)
    streams: dict[int, list[Reader]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    is_stale: bool = False

    def pending(self) -> list[Post]:
        return [*self.fresh, *self.aside, *self.back, *self.given]

    def readers(self) -> list[Reader]:
        return [reader for readers in self.streams.values() for reader in readers]

    def drop(self, post: Post) -> bool:
        """Take a message away wherever it is; consumers go on holding it."""
        for place in (self.fresh, self.aside, self.back, self.given):
            if post in place:
                place.remove(post)
                self.attempts.pop(post, None)
                return True
        return False

    def rebuild(self) -> None:
        self.is_stale = False
        before = {group.wants: group for group in self.groups}
        self.groups = []
        able = [r for r in self.readers() if r.spec.messages_max and r.spec.bytes_max]
        for wants in dict.fromkeys(reader.wants() for reader in able):
            members = [reader for reader in able if reader.wants() == wants]
            highest = max(reader.spec.priority for reader in members)
            members = [reader for reader in members if reader.spec.priority == highest]
            group = Group(wants, members, 0, members[0].spec.weight)
            if wants in before:
                holder = before[wants].readers[before[wants].turn]
                if holder in members:
                    group.turn = members.index(holder)
                    group.left = min(before[wants].left, holder.spec.weight)
            self.groups.append(group)
        self.groups.sort(key=lambda group: -group.readers[0].spec.priority)
