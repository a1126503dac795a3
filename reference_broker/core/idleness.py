"""The consumption monitor: alarms for queues whose consumers do not get on.

The engine says when an app has waited too long and when it has caught up; here that becomes log
records, and the instant at which to look again.
"""

from __future__ import annotations

from reference_broker.core.alarms import app_uri, stuck_text
from reference_broker.core.context import Context
from reference_broker.core.state import QueueEntry
from reference_broker.ports import Severity


class IdleWatch:
    """Look at queues with a `maxIdleTime`.

    Args:
        context: of the core.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def look(self, entry: QueueEntry) -> None:
        """Tell what has changed with a queue's apps [ALARM-2], and ask to look again in time."""
        context = self._context
        queue = entry.queue
        due = queue.idle.deadline
        if due is None:
            return
        if due > context.now:
            context.wake(entry, due)
            return
        for change in queue.look(context.now, context.wall_ns):
            app = queue.apps[change.app_id]
            if change.is_stuck:
                context.alarm("QUEUE_STUCK", stuck_text(context, entry, app))
            else:
                text = f"Queue '{app_uri(entry, app)}' no longer appears to be stuck."
                context.note(Severity.INFO, text)
        if queue.idle.deadline is not None:
            context.wake(entry, queue.idle.deadline)
