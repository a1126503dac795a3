"""The consumption monitor: which applications are stuck [ALARM-2].

An application is stuck while its oldest undelivered message is older than the limit; what is
delivered and not confirmed does not count. That it has become stuck is told once, and so is that it
no longer is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from reference_broker.base import Instant, seconds
from reference_broker.queue.app import App
from reference_broker.queue.outcomes import AppFacts
from reference_broker.queue.store import MessageStore

#: While an application is stuck it is looked at that often, if nothing happens before.
_AGAIN_NS: Final = seconds(30)


class IdleChange(NamedTuple):
    """An application has become stuck, or no longer is.

    Attributes:
        app_id: its id.
        is_stuck: which of the two.
        facts: what to tell of it.
    """

    app_id: str
    is_stuck: bool
    facts: AppFacts


class IdleMonitor:
    """Watches the applications of one queue.

    Attributes:
        deadline: when to look; None while there is nothing to look for.
    """

    def __init__(self, idle_ns_max: int) -> None:
        self.deadline: Instant | None = None
        self._idle_ns_max = idle_ns_max
        self._stuck: dict[str, None] = {}  # by app id

    def reconfigure(self, idle_ns_max: int, now: Instant) -> None:
        """Take a new limit; 0 forgets that anything was stuck, and tells nobody."""
        self._idle_ns_max = idle_ns_max
        self.deadline = None
        if idle_ns_max:
            self.deadline = now
        else:
            self._stuck.clear()

    def posted(self, now: Instant) -> None:
        """Note that messages came in."""
        if self.deadline is None and self._idle_ns_max:
            self.deadline = Instant(now + self._idle_ns_max)

    def moved(self, now: Instant) -> None:
        """Note that consumers did something: what was stuck may no longer be."""
        if self._stuck:
            self.deadline = now

    def came_back(self, now: Instant) -> None:
        """Note that messages are undelivered again; they may be old."""
        if self._idle_ns_max:
            self.deadline = now

    def look(
        self, apps: Iterable[App], store: MessageStore, now: Instant, wall_ns: int
    ) -> list[IdleChange]:
        """Return what has changed, and find the next deadline."""
        changes: list[IdleChange] = []
        waits: list[int] = []
        stuck: dict[str, None] = {}
        for app in apps:
            oldest = app.oldest()
            wait = None
            if oldest is not None:
                wait = store.arrival_ns(oldest) + self._idle_ns_max - wall_ns
                waits.append(wait if wait > 0 else min(self._idle_ns_max, _AGAIN_NS))
            is_stuck = wait is not None and wait <= 0
            if is_stuck:
                stuck[app.app_id] = None
            if is_stuck is not (app.app_id in self._stuck):
                changes.append(IdleChange(app.app_id, is_stuck, app.facts()))
        self._stuck = stuck
        self.deadline = Instant(now + min(waits)) if waits else None
        return changes
