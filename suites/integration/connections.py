"""The connections of one case: made in one place, closed when it ends, told of when it fails."""

from __future__ import annotations

import time
from typing import Final

from reference_broker.wire.control import Encoding
from reference_broker.wire.push import FLAG_OUT_OF_ORDER
from suites.harness.target import Target
from suites.integration.actor import MESSAGES_MAX, Actor, Want
from suites.integration.admin import AdminActor

#: How long nothing must come until a target is taken to have nothing to say, in seconds. Ours
#: answers in order, so the heartbeat that goes round before says as much already.
_QUIET_OURS_S: Final = 0.02
_QUIET_OTHERS_S: Final = 0.1
#: How long clearing a queue may take, in messages: more than any case leaves behind.
_DRAINED_MAX: Final = 5_000


class Wire:
    """Makes connections to a target.

    Args:
        target: where they go.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._peers: list[Actor] = []

    def peer(self, name: str = "peer", *, target: Target | None = None) -> Actor:
        """Return a peer that is not connected yet.

        Args:
            name: for the transcript.
            target: where to, if not to the usual one.
        """
        aim = target or self._target
        quiet_s = _QUIET_OURS_S if aim.spec.is_ours else _QUIET_OTHERS_S
        actor = Actor(aim.host, aim.port, name=name, quiet_s=quiet_s)
        self._peers.append(actor)
        return actor

    def actor(self, name: str = "peer", *, target: Target | None = None) -> Actor:
        """Return a peer with a session."""
        actor = self.peer(name, target=target)
        actor.start()
        return actor

    def reader(
        self,
        uri: str,
        name: str = "",
        *,
        app_id: str = "",
        messages: int = MESSAGES_MAX,
        priority: int = 0,
        target: Target | None = None,
    ) -> Actor:
        """Return a peer that reads a queue, with generous limits, as qId 0.

        Args:
            uri: of the queue.
            name: for the transcript.
            app_id: of a fanout queue.
            messages: maxUnconfirmedMessages.
            priority: of the consumer.
            target: where the queue is, if not at the usual one.
        """
        actor = self.actor(name or app_id or "consumer", target=target)
        actor.open(uri, read=True, app_id=app_id)
        actor.configure(app_id=app_id, messages=messages, priority=priority)
        return actor

    def writer(self, uri: str, name: str = "producer", *, target: Target | None = None) -> Actor:
        """Return a peer that may post to a queue, as qId 0."""
        actor = self.actor(name, target=target)
        actor.open(uri, write=True)
        return actor

    def subscriber(
        self, uri: str, *wants: Want, name: str = "subscriber", app_id: str = ""
    ) -> Actor:
        """Return a peer that reads with subscriptions, whose sIds are 1, 2, ... in their order."""
        actor = self.actor(name)
        actor.open(uri, read=True, app_id=app_id)
        actor.subscribe(*wants, app_id=app_id)
        return actor

    def admin(
        self, encoding: Encoding = Encoding.BER, *, target: Target | None = None
    ) -> AdminActor:
        """Return an admin session."""
        aim = target or self._target
        quiet_s = _QUIET_OURS_S if aim.spec.is_ours else _QUIET_OTHERS_S
        admin = AdminActor(aim.host, aim.port, name="admin", quiet_s=quiet_s)
        self._peers.append(admin)
        admin.start_admin(encoding)
        return admin

    def wait_until_empty(self, uri: str, *, app_id: str = "", target: Target | None = None) -> None:
        """Wait until nothing waits in a queue that nobody reads.

        What another process has confirmed may still be on its way, so that one look is not enough:
        each look takes what there is, and gives it back.

        Args:
            uri: of the queue.
            app_id: of a fanout queue.
            target: where the queue is, if not at the usual one.

        Raises:
            AssertionError: messages are left when everything has had its time.
        """
        give_up = 0.0
        while True:
            reader = self.reader(uri, "afterwards", app_id=app_id, target=target)
            give_up = give_up or time.monotonic() + reader.timeout_s
            reader.settle()
            left = list(reader.pushes)
            reader.disconnect()
            if not left:
                return
            again = sum(bool(push.flags & FLAG_OUT_OF_ORDER) for push in left)
            text = (
                f"{len(left)} confirmed messages are still there, {again} of them delivered before"
            )
            assert time.monotonic() < give_up, text

    def close(self) -> None:
        """Close all connections."""
        for peer in self._peers:
            peer.close()

    def __str__(self) -> str:
        """Return what went over all of them."""
        return "\n\n".join(str(peer.transcript) for peer in self._peers)


def drain(target: Target, uri: str, app_id: str = "") -> None:
    """Take everything out of a queue that outlives the case.

    Args:
        target: where it is.
        uri: of the queue.
        app_id: whose messages, if the queue has apps.

    Raises:
        AssertionError: the target does not do its part.
        OSError: it cannot be reached.
    """
    with Actor(target.host, target.port, name="drain") as actor:
        actor.introduce()
        if app_id:
            actor.open(uri, write=True)
        actor.open(uri, read=True, write=not app_id, app_id=app_id)
        actor.configure(app_id=app_id)
        (last,) = actor.post(b"the last one")
        for _ in range(_DRAINED_MAX):
            (push,) = actor.take_pushes(1)
            actor.confirm(push.guid, app_id=app_id)
            if push.guid == last:
                break
        actor.disconnect()
