"""Queues that nobody has any longer, although the broker has them open or may yet open them.

An open that is given up, by its caller or because it took too long, may still be carried out: then
the queue is to be closed, or the broker would deliver to nobody. Until that is done its ids are in
use at the broker, so the next open of the same queue is held back.

::

    add(queue, r_id) ──openQueueResponse──> add(queue), closeQueue ──closeQueueResponse──> remove
                     └───────status──────────────────────────────────────────────────────> remove
"""

from __future__ import annotations

from reference_broker.session.client_queue import ClientQueue


class UnwantedQueues:
    """The unwanted queues of one connection, and the opens that wait for them to go."""

    def __init__(self) -> None:
        self._queues: dict[tuple[int, int], ClientQueue] = {}
        self._opening: dict[int, ClientQueue] = {}
        self._waiting: dict[tuple[int, int], int] = {}

    def __contains__(self, queue: ClientQueue) -> bool:
        """Tell whether exactly this queue is unwanted."""
        return self._queues.get(queue.ids) is queue

    def clear(self) -> None:
        """Forget everything: the connection is gone, and at the broker nothing is open."""
        self._queues.clear()
        self._opening.clear()
        self._waiting.clear()

    def add(self, queue: ClientQueue, r_id: int | None = None) -> None:
        """Note a queue; `r_id` is that of its open, if the broker has not answered it yet."""
        self._queues[queue.ids] = queue
        if r_id is not None:
            self._opening[r_id] = queue

    def remove(self, queue: ClientQueue) -> int | None:
        """Note that it is not open any more; returns the rId of the open that waited for that."""
        del self._queues[queue.ids]
        return self._waiting.pop(queue.ids, None)

    def opened_late(self, r_id: int) -> ClientQueue | None:
        """Return the queue whose open has this rId and is answered only now."""
        return self._opening.pop(r_id, None)

    # Opens of the same queue.

    def must_wait(self, ids: tuple[int, int]) -> bool:
        """Tell whether an open with these ids has to wait."""
        return ids in self._queues

    def hold(self, ids: tuple[int, int], r_id: int) -> None:
        """Let an open wait until its ids are free at the broker."""
        assert ids not in self._waiting, "the session knows one open of a queue at a time"
        self._waiting[ids] = r_id

    def is_waiting(self, r_id: int) -> bool:
        """Tell whether an open waits."""
        return r_id in self._waiting.values()

    def waits_for(self, queue: ClientQueue) -> bool:
        """Tell whether a queue's own open waits, so that the broker does not know of it."""
        return queue.ids in self._waiting and queue not in self

    def stop_waiting(self, r_id: int) -> bool:
        """Let an open wait no longer; returns whether it did."""
        for ids, waiting in self._waiting.items():
            if waiting == r_id:
                del self._waiting[ids]
                return True
        return False

    # Ids in use.

    def sub_id_of(self, queue_id: int, app_id: str) -> int | None:
        """Return the subId in use for an app id of a queue."""
        for queue in self._queues.values():
            if queue.queue_id == queue_id and queue.uri.app_id == app_id:
                return queue.sub_id
        return None

    def sub_ids(self, queue_id: int) -> set[int]:
        """Return the subIds in use of a queue."""
        return {sub_id for known, sub_id in self._queues if known == queue_id}
