"""Who may get a message, who must, and in which turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from suites.integration.model.flow import Room, Subscription

if TYPE_CHECKING:
    from suites.integration.model.content import Content
    from suites.integration.model.flow import Stream


class Choice(NamedTuple):
    """Who may get a message now.

    Attributes:
        allowed: any one of these.
        is_due: whether one of them must.
    """

    allowed: tuple[Subscription, ...]
    is_due: bool


class Turn:
    """Whose turn it is among subscriptions with one expression.

    Attributes:
        holder: who got the last message.
        count: how many in a row, at least.
        is_exact: whether it is exactly that many.
    """

    def __init__(self, holder: Subscription, *, is_exact: bool) -> None:
        self.holder = holder
        self.count = 1
        self.is_exact = is_exact


class Turns:
    """The turns of an app, by expression."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    def forget(self) -> None:
        """Know nothing: consumers have come, gone or changed."""
        self._turns.clear()

    def blur(self) -> None:
        """Know no more how long a row is: messages came out of order."""
        for turn in self._turns.values():
            turn.count, turn.is_exact = 0, False

    def give(self, members: Sequence[Subscription], chosen: Subscription) -> str:
        """Take note that one of several got a message, and return what is wrong with that, if any.

        Args:
            members: who takes turns, as they were before.
            chosen: one of them.
        """
        text = chosen.meaning.text
        turn = self._turns.get(text)
        others = [each for each in members if each is not chosen]
        if not others:
            self._turns.pop(text, None)
            return ""
        if turn is None:
            self._turns[text] = Turn(chosen, is_exact=False)
            return ""
        holder = turn.holder
        if holder is chosen:
            is_over = turn.count >= chosen.sub.weight
            if is_over and any(each.room() is Room.YES for each in others):
                return f"{chosen} got {turn.count + 1} messages in a row and others have room"
            turn.count = 1 if is_over else turn.count + 1
            turn.is_exact = turn.is_exact and not is_over
            return ""
        is_early = turn.is_exact and turn.count < holder.sub.weight
        if is_early and holder in members and holder.room() is Room.YES:
            return f"the turn passes to {chosen} after {turn.count} messages to {holder}"
        self._turns[text] = Turn(chosen, is_exact=True)
        return ""

    def note_full(self, chosen: Subscription) -> None:
        """Take note that who got a message may have no room any more: its turn is over."""
        turn = self._turns.get(chosen.meaning.text)
        if turn is not None and chosen.room() is not Room.YES:
            turn.count, turn.is_exact = 0, False


def served(streams: Iterable[Stream]) -> dict[str, list[Subscription]]:
    """Return who is served, by expression: in each group those of its highest priority."""
    groups: dict[str, list[Subscription]] = {}
    for stream in streams:
        for each in stream.subscriptions:
            if not each.is_nobody:
                groups.setdefault(each.meaning.text, []).append(each)
    for text, members in groups.items():
        highest = max(each.sub.priority for each in members)
        groups[text] = [each for each in members if each.sub.priority == highest]
    return groups


def choose(streams: Sequence[Stream], content: Content) -> Choice:
    """Return who may get a message in priority or fanout mode.

    A consumer that asks for nothing is nobody in our reading; that it keeps others from being
    served is not excluded anywhere, so with one around nothing is due.
    """
    groups = served(streams)
    is_plain = not any(each.is_nobody for stream in streams for each in stream.subscriptions)
    for priority in sorted({members[0].sub.priority for members in groups.values()}, reverse=True):
        wanting = [
            each
            for members in groups.values()
            if members[0].sub.priority == priority and members[0].meaning.matches(content.values)
            for each in members
        ]
        if not wanting:
            continue
        rooms = [(each, each.room()) for each in wanting]
        allowed = tuple(each for each, room in rooms if room is not Room.NO)
        return Choice(allowed, is_plain and any(room is Room.YES for _, room in rooms))
    return Choice((), is_due=False)


def choose_all(
    streams: Sequence[Stream], content: Content
) -> tuple[list[Subscription], set[Stream]]:
    """Return who may get a message in broadcast mode, and which streams must.

    Every consumer of the highest priority gets it; where consumers have different expressions, the
    highest priority of each group is allowed.
    """
    groups = served(streams)
    members = [each for group in groups.values() for each in group]
    highest = max((each.sub.priority for each in members), default=0)
    wanting = [each for each in members if each.meaning.matches(content.values)]
    is_plain = not any(each.is_nobody for stream in streams for each in stream.subscriptions)
    due = {each.stream for each in wanting if is_plain and each.sub.priority == highest}
    return wanting, due
