"""Seeded defects: named changes of the reference broker's behaviour, to test the suites with.

A defect is applied to the broker's classes before it starts, in a process of its own
(`suites.harness.broken_broker`); the product knows nothing of it, so it costs nothing when off.
Each one replaces a documented door of a room. If a door is gone, applying the defect fails loudly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import reference_broker.core.publish as publish_module
from reference_broker.queue import Delivery, Queue
from reference_broker.storage import RecoveredPartition, Recovery, StoredQueue
from reference_broker.storage.columns import cut_columns


class Defect(NamedTuple):
    """One seeded defect.

    Attributes:
        name: for `--break`.
        room: the room whose behaviour changes.
        summary: what goes wrong, in a sentence.
        apply: makes it so in this process.
    """

    name: str
    room: str
    summary: str
    apply: Callable[[], None]


def _door(owner: object, name: str) -> Callable[..., Any]:
    """Return what a defect replaces; fails if the product has moved it."""
    found: Callable[..., Any] = getattr(owner, name)
    return found


def _lose_on_recovery() -> None:
    """Forget the last message of every recovered partition."""
    finish = _door(Recovery, "finish")

    def forgetful(recovery: Recovery, *arguments: object) -> RecoveredPartition:
        recovered: RecoveredPartition = finish(recovery, *arguments)
        holders = [queue for queue in recovered.queues.values() if len(queue)]
        if holders:
            _forget_last(max(holders, key=lambda queue: queue.columns.locations[-1]))
        return recovered

    setattr(Recovery, "finish", forgetful)


def _forget_last(queue: StoredQueue) -> None:
    last = queue.columns.ordinals[-1]
    queue.columns = cut_columns(queue.columns, 0, len(queue) - 1)
    for app in queue.apps.values():
        if app.done and app.done[-1] == last:
            app.done.pop()


def _push_twice() -> None:
    """Deliver the first message of every delivery twice."""
    deliver = _door(Queue, "deliver")

    def stuttering(queue: Queue, *arguments: object) -> list[Delivery]:
        return [
            Delivery(subscription, [messages[0], *messages])
            for subscription, messages in deliver(queue, *arguments)
        ]

    setattr(Queue, "deliver", stuttering)


def _skip_crc_check() -> None:
    """Believe every producer's checksum, as the peer does."""

    class AnyChecksum(int):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __ne__(self, other: object) -> bool:
            return False

        __hash__ = int.__hash__

    def believing(_data: object, _value: int = 0) -> int:
        return AnyChecksum()

    _door(publish_module, "crc32c")
    setattr(publish_module, "crc32c", believing)


DEFECTS: Final = {
    defect.name: defect
    for defect in (
        Defect(
            "lose-on-recovery",
            "storage",
            "the last message in the log is forgotten when the broker starts again",
            _lose_on_recovery,
        ),
        Defect(
            "push-twice",
            "queue",
            "the first message of every delivery is pushed twice",
            _push_twice,
        ),
        Defect(
            "skip-crc-check",
            "core",
            "messages whose checksum is wrong are stored and delivered",
            _skip_crc_check,
        ),
    )
}
