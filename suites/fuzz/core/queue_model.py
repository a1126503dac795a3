"""What a queue must do, in the simplest form in which it can be said.

A message is, for each app: fresh (not delivered yet), returned (delivered before), held by a reader,
or done. Everything that the broker pushes, acknowledges and counts is compared with that. Where the
rules leave it open what happens, the model says so instead of guessing:

- a message may be uncertain: it was not durable when power failed, or its time to live is about over;
- an app may be selective: its consumers have expressions, so order and completeness are theirs;
- a queue may be vague: a GUID came again of which nobody can tell whether the broker remembers it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from reference_broker.config import Mode
from suites.fuzz.core.app_model import App, Message, Reader
from suites.fuzz.core.words import SUB_APPS, QueueSpec

OUT_OF_ORDER: Final = 4
_NS_PER_S: Final = 1_000_000_000
#: How long GUIDs are surely remembered, and after how long a message is surely looked at for its age.
_REMEMBERED_NS: Final = 290 * _NS_PER_S
_LOOKED_AT_NS: Final = 6 * _NS_PER_S


class Posted(Enum):
    """What becomes of a message that is posted."""

    STORED = auto()
    DUPLICATE = auto()
    FULL = auto()
    UNSURE = auto()


@dataclass(slots=True, eq=False)
class DomainModel:
    """What the queues of a domain share."""

    limit: int
    stored: int = 0
    is_vague: bool = False


@dataclass(slots=True, eq=False)
class QueueModel:
    """A queue.

    Attributes:
        spec: what it is.
        domain: what it shares.
        messages: stored, in order of posting.
        apps: by name.
        producers: how many have it open for writing.
        is_vague: whether it is not known any more what exactly is stored.
        is_slow: whether it may keep readers waiting for messages: they must be read, or may be poison.
        forgets: whether it may have forgotten GUIDs of messages that are gone.
    """

    spec: QueueSpec
    domain: DomainModel
    messages: dict[Message, None] = field(default_factory=dict)
    apps: dict[str, App] = field(default_factory=dict)
    producers: int = 0
    is_vague: bool = False
    is_slow: bool = False
    forgets: bool = False
    _by_guid: dict[bytes, Message] = field(default_factory=dict)
    _known: dict[bytes, Message] = field(default_factory=dict)
    _unnamed: dict[bytes, Message] = field(default_factory=dict)
    _gone: dict[bytes, int] = field(default_factory=dict)
    _ghosts: list[Message] = field(default_factory=list)
    _on_air: dict[Message, set[Reader]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.spec.apps:
            self.apps.setdefault(name, App(name))

    # Readers.

    @property
    def consumers(self) -> int:
        """How many read it."""
        return sum([len(app.readers) for app in self.apps.values()])

    def attach(self, connection: int, sub_id: int, *, is_old: bool, is_paused: bool) -> Reader:
        """Add a reader."""
        name = SUB_APPS[sub_id]
        app = self.apps.get(name)
        if app is None:
            app = self.apps[name] = App(name, is_registered=False)
        reader = Reader(connection, sub_id, app, is_old=is_old, is_paused=is_paused)
        app.readers.append(reader)
        return reader

    def detach(self, reader: Reader, *, is_lost: bool, now: int) -> None:
        """Remove a reader; what it held goes back, or is given up after too many losses."""
        app = reader.app
        app.readers.remove(reader)
        for message in list(reader.held.values()):
            if app.held.pop(message, None) is None:
                continue  # it was gone already
            if is_lost and self.spec.attempts:
                self.is_slow = True
                left = app.attempts.get(message, self.spec.attempts) - 1
                if not left:
                    app.attempts.pop(message, None)
                    self._done(message, now)
                    continue
                app.attempts[message] = left
            app.returned[message] = None
        reader.held.clear()

    # Posting.

    def post(self, message: Message, now: int) -> Posted:
        """Take a message; returns what the broker must make of it."""
        known = self._remembers(message.guid, now)
        if known is Posted.DUPLICATE:
            return known
        if known is Posted.UNSURE:
            self.is_vague = self.domain.is_vague = True
        outcome = self._room()
        if outcome is Posted.FULL:
            return outcome
        self.is_vague |= outcome is Posted.UNSURE
        message.is_certain = not self.is_vague
        self._add(message)
        return Posted.UNSURE if self.is_vague else outcome

    def _remembers(self, guid: bytes | None, now: int) -> Posted:
        if guid is None:
            return Posted.STORED
        stored = self._by_guid.get(guid)
        if stored is not None:
            return Posted.DUPLICATE if stored.is_certain else Posted.UNSURE
        gone_at = self._gone.get(guid)
        if gone_at is None:
            return Posted.UNSURE if guid in self._known else Posted.STORED
        is_sure = not self.forgets and now - gone_at < _REMEMBERED_NS
        return Posted.DUPLICATE if is_sure else Posted.UNSURE

    def _room(self) -> Posted:
        """Return whether one more fits: exactly one more than the limit does [LIMIT-1]."""
        if self.spec.mode is Mode.BROADCAST:
            return Posted.STORED
        if self.is_vague or self.domain.is_vague:
            return Posted.UNSURE
        if len(self.messages) <= self.spec.limit and self.domain.stored <= self.domain.limit:
            return Posted.STORED
        return Posted.FULL

    def _add(self, message: Message) -> None:
        if message.guid is None:
            self._unnamed[message.data] = message
        else:
            self._known[message.guid] = message
        if self.spec.mode is Mode.BROADCAST:
            self._on_air[message] = set()
            if message.guid is not None:
                self._gone[message.guid] = message.posted_ns
            return
        self.messages[message] = None
        self.domain.stored += 1
        message.needs = len(self.spec.apps)
        for name in self.spec.apps:
            self.apps[name].fresh[message] = None
        if message.guid is not None:
            self._by_guid[message.guid] = message

    def name(self, message: Message, guid: bytes) -> None:
        """Note the GUID that the broker has made for a message."""
        assert message.guid in (None, guid), f"{message} is called {guid.hex()} as well"
        if message.guid is None:
            assert guid not in self._known, f"GUID {guid.hex()} is given to two messages"
            message.guid = guid
            self._unnamed.pop(message.data, None)
            self._known[guid] = message
            if message in self.messages:
                self._by_guid[guid] = message

    def _done(self, message: Message, now: int) -> None:
        """Note that one more app is done with a message."""
        message.needs -= 1
        if message.needs <= 0:
            self._remove(message, now)

    def _remove(self, message: Message, now: int) -> None:
        if message not in self.messages:
            return
        del self.messages[message]
        self.domain.stored -= 1
        if message.guid is not None:
            self._by_guid.pop(message.guid, None)
            self._gone[message.guid] = now
        if self.spec.is_logged:
            self._ghosts.append(message)

    # Delivering.

    def pushed(
        self, reader: Reader, guid: bytes, flags: int, coding: tuple[int, bool], data: bytes
    ) -> None:
        """Take note of a message that the broker delivers.

        Args:
            reader: to whom.
            guid: of the message.
            flags: of its header.
            coding: its compression, and whether its properties are said to be of the new style.
            data: its application data.

        Raises:
            AssertionError: it must not.
        """
        message = self._find(guid, data)
        where = f"{message} of {self.spec.uri}, delivered to connection {reader.connection}"
        assert reader.is_old or data == message.data, f"{where}: other data than were posted"
        expected = message.flags | flags & OUT_OF_ORDER
        assert reader.is_old or flags == expected, f"{where}: flags {flags}, not {expected}"
        assert reader.is_old or coding == message.coding, f"{where}: coded as {coding}"
        assert not reader.is_paused, f"{where}: it does not read"
        if self.spec.mode is Mode.BROADCAST:
            self._broadcast(message, reader, where)
            return
        self._check_room(reader, where)
        self._give(message, reader, where, is_again=bool(flags & OUT_OF_ORDER))

    def _find(self, guid: bytes, data: bytes) -> Message:
        message = self._by_guid.get(guid) or self._known.get(guid)
        if message is None:
            message = self._unnamed.get(data)
            assert message is not None, f"{guid.hex()} was never posted to {self.spec.uri}"
            self.name(message, guid)
        return message

    def _broadcast(self, message: Message, reader: Reader, where: str) -> None:
        assert reader.window != 0, f"{where}: it wants nothing"
        got = self._on_air.get(message)
        assert got is not None, f"{where}: it was posted before"
        assert reader not in got, f"{where}: a second time"
        got.add(reader)
        assert message.order > reader.last_fresh, f"{where}: out of order"
        reader.last_fresh = message.order

    def _check_room(self, reader: Reader, where: str) -> None:
        if reader.window is not None:
            assert not reader.is_full, f"{where}: it may hold {reader.window} and has enough"
            assert reader.window > 0, f"{where}: it wants nothing"
        top = reader.app.top_priority()
        is_top = reader.app.is_selective or reader.priority == top
        assert is_top, f"{where}: its priority is {reader.priority}, and there is {top}"

    def _give(self, message: Message, reader: Reader, where: str, *, is_again: bool) -> None:
        app = reader.app
        assert app.is_registered, f"{where}: app {app.name} is unknown"
        holder = app.held.get(message)
        if holder is not None:
            raise AssertionError(f"{where}: connection {holder.connection} holds it")
        if message in app.fresh:
            del app.fresh[message]
            self._check_fresh(message, reader, where, is_again=is_again)
        elif message in app.returned:
            del app.returned[message]
            assert is_again, f"{where}: again, and not flagged so"
            is_in_order = app.is_selective or message.order > reader.last_returned
            assert is_in_order, f"{where}: behind message {reader.last_returned}"
            reader.last_returned = message.order
        elif message in app.maybe:
            del app.maybe[message]
        else:
            assert self.is_vague, f"{where}: app {app.name} is done with it"
        message.is_certain = True
        assert message.guid is not None
        reader.held[message.guid] = message
        app.held[message] = reader
        reader.update_fullness()

    def _check_fresh(self, message: Message, reader: Reader, where: str, *, is_again: bool) -> None:
        app = reader.app
        app.got_fresh = True
        app.last_fresh = max(app.last_fresh, message.order)
        if app.is_selective or self.is_vague:
            return
        assert not is_again, f"{where}: flagged as if it had been delivered before"
        assert message.order > reader.last_fresh, f"{where}: behind message {reader.last_fresh}"
        reader.last_fresh = message.order

    # Confirming.

    def confirm(self, reader: Reader, guid: bytes, now: int) -> None:
        """Take a reader's confirmation: its app is done with the message, whoever holds it."""
        if self.spec.mode is Mode.BROADCAST:
            return
        app = reader.app
        held = reader.held.pop(guid, None)
        if held is not None:
            reader.update_fullness()
            if app.held.pop(held, None) is not None:
                self._settled(app, held, now)
                return
        message = self._by_guid.get(guid)
        if message is not None and app.is_registered and app.take(message):
            self._settled(app, message, now)

    def _settled(self, app: App, message: Message, now: int) -> None:
        app.attempts.pop(message, None)
        self._done(message, now)

    # Taking away.

    def purge(self, name: str, now: int) -> None:
        """Take away everything, or with the name of an app what that one needs."""
        for message in list(self.messages):
            if name == "*":
                for app in self.apps.values():
                    app.forget(message)
                self._remove(message, now)
            elif self.apps[name].needs(message):
                self.apps[name].forget(message)
                self._done(message, now)

    def age(self, wall_ns: int, now: int) -> None:
        """Let messages grow old."""
        limit = (self.spec.ttl_s + 1) * _NS_PER_S
        for message in list(self.messages):
            age = wall_ns - message.posted_ns
            if age < limit:
                return
            message.is_certain = False
            if age >= limit + _LOOKED_AT_NS:
                for app in self.apps.values():
                    app.forget(message)
                self._remove(message, now)

    def restart(self, *, is_power_lost: bool) -> QueueModel:
        """Return the queue as it must be after a restart of the broker."""
        after = QueueModel(self.spec, self.domain, is_slow=self.is_slow, forgets=True)
        after._known = dict(self._known)
        after._unnamed = dict(self._unnamed)
        if not self.spec.is_logged:
            self.domain.stored -= len(self.messages)
            after._known, after._unnamed = {}, {}
            return after
        after._gone = dict(self._gone)
        after.is_vague = self.is_vague or (is_power_lost and self._loses())
        for message in self.messages:
            is_safe = message.is_promised and self.spec.is_synced
            message.is_certain &= is_safe or not is_power_lost
            after.messages[message] = None
            if message.guid is not None:
                after._by_guid[message.guid] = message
        for name in self.spec.apps:
            self._restart_app(self.apps[name], after.apps[name], is_power_lost=is_power_lost)
        if is_power_lost:
            self._raise_ghosts(after)
        return after

    def _loses(self) -> bool:
        """Return whether it is not told by message what a loss of power takes."""
        return len(self.spec.apps) > 1

    def _restart_app(self, old: App, new: App, *, is_power_lost: bool) -> None:
        needed = {*old.fresh, *old.returned, *old.held}
        new.is_selective = old.is_selective or is_power_lost
        for message in self.messages:
            if message in needed:
                new.fresh[message] = None
            elif message in old.maybe or is_power_lost:
                new.maybe[message] = None

    def _raise_ghosts(self, after: QueueModel) -> None:
        """Let what was confirmed be there again: nothing says that it is gone for good."""
        for ghost in self._ghosts:
            if ghost.guid is None or ghost in after.messages:
                continue
            ghost.is_certain = False
            after.messages[ghost] = None
            self.domain.stored += 1
            after._by_guid[ghost.guid] = ghost
            for app in after.apps.values():
                app.maybe[ghost] = None

    # Checking.

    def step_done(self) -> None:
        """Check what must hold when one step of the broker is over.

        Raises:
            AssertionError: messages were passed over.
        """
        for app in self.apps.values():
            if app.got_fresh:
                app.got_fresh = False
                if not (app.is_selective or self.is_vague):
                    self._check_passed_over(app)
            for reader in app.readers:
                reader.last_returned = -1

    def _check_passed_over(self, app: App) -> None:
        where = f"app {app.name} of {self.spec.uri} got message {app.last_fresh}"
        for message in app.returned:
            assert not message.is_certain, f"{where} while {message} waits to be delivered again"
        for message in app.fresh:
            if message.order > app.last_fresh:
                break
            assert not message.is_certain, f"{where} and not {message}, which is older"

    def settled(self) -> None:
        """Check what must hold when the broker has nothing more to do.

        Raises:
            AssertionError: messages wait although a reader has room.
        """
        if self.spec.mode is Mode.BROADCAST:
            self._check_all_heard()
            return
        if self.is_slow or self.is_vague:
            return
        for app in self.apps.values():
            if app.is_selective or not (app.fresh or app.returned):
                continue
            top = app.top_priority()
            idle = [r for r in app.readers if r.has_room and r.priority == top and r.window]
            waiting = [m for m in (*app.returned, *app.fresh) if m.is_certain]
            assert not (idle and waiting), (
                f"{waiting[0]} waits in app {app.name} of {self.spec.uri}, "
                f"and connection {idle[0].connection} has room"
            )

    def _check_all_heard(self) -> None:
        (app,) = self.apps.values()
        wanting = [reader for reader in app.readers if reader.window != 0]
        is_simple = not app.is_selective and len({r.priority for r in wanting}) == 1
        if is_simple and not self.is_vague:
            for message, got in self._on_air.items():
                for reader in wanting:
                    assert reader in got or reader.is_paused, (
                        f"connection {reader.connection} missed {message} of {self.spec.uri}"
                    )
        self._on_air.clear()

    def counts(self) -> tuple[int, int, bool]:
        """Return the least and the most that may be stored, and whether that is known at all."""
        certain = sum([message.is_certain for message in self.messages])
        return certain, len(self.messages), not self.is_vague

    def held(self) -> int:
        """Return how many messages its readers hold."""
        return sum([len(reader.held) for app in self.apps.values() for reader in app.readers])
