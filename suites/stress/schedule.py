"""The open model: batches are due at times that nothing observed can move.

Batch k of a producer is due at `start + k * batch / rate`. A producer that falls behind sends what
is due at once and keeps the intended times, so a stall shows in the latencies of all the messages
that it delayed, and not only in the one that was under way.
"""

from __future__ import annotations

from typing import Final

NANOSECONDS: Final = 1_000_000_000


class Schedule:
    """When the batches of one producer are due.

    Args:
        start_ns: when the first is.
        rate: messages a second.
        batch: messages in a batch.
    """

    def __init__(self, start_ns: int, rate: int, batch: int) -> None:
        assert rate > 0, rate
        assert batch > 0, batch
        self._start_ns = start_ns
        self._rate = rate
        self._batch = batch
        self._taken = 0

    @property
    def next_ns(self) -> int:
        """When the next batch is due."""
        return self._start_ns + self._taken * self._batch * NANOSECONDS // self._rate

    def take(self, now_ns: int) -> int | None:
        """Return the intended time of the next batch if it is due, and go on to the one after."""
        due_ns = self.next_ns
        if due_ns > now_ns:
            return None
        self._taken += 1
        return due_ns
