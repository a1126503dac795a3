"""Snapshots of partitions, and the operator's rollover, which is one."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import takewhile

from reference_broker.core.context import Context
from reference_broker.core.state import QueueEntry
from reference_broker.ports import Severity
from reference_broker.queue import App
from reference_broker.storage import Columns, StoredApp, StoredQueue


def roll_over(context: Context, partition: int) -> None:
    """Begin new files for a partition, as the operator has asked [CLUSTER-9]."""
    log = context.logs[partition]
    prefix = f"Partition [{partition}] (cluster: {context.cluster.name}): "
    text = f"{prefix}Initiating rollover for journal file [{log.snapshot}]"
    context.note(Severity.INFO, text)
    write_snapshot(context, partition)
    text = f"{prefix}'ROLLOVER COMPLETE' (Total elapsed: 0 ns) new journal file [{log.snapshot}]"
    context.note(Severity.INFO, text)


def write_snapshot(context: Context, partition: int) -> None:
    """Write down what a partition holds."""
    queues = [
        stored_queue(entry)
        for entry in context.queues.values()
        if entry.partition == partition and entry.is_logged
    ]
    queues += [stored for where, stored in context.unclaimed.values() if where == partition]
    context.add(*context.logs[partition].write_snapshot(queues, context.wall_ns))
    context.want_sync()


def stored_queue(entry: QueueEntry) -> StoredQueue:
    """Return what a snapshot says of a queue."""
    queue = entry.queue
    columns = queue.store.export()
    apps = [app for app in queue.apps.values() if app.is_registered]
    return StoredQueue(
        number=entry.number,
        uri=queue.uri,
        next_ordinal=queue.next_ordinal,
        apps={
            app.number: StoredApp(app.number, app.app_id, app.first_ordinal, done_of(entry, app))
            for app in apps
        },
        columns=Columns(*columns[:6]),
        history=b"".join(queue.store.history.guids()),
    )


def done_among(entry: QueueEntry, app: App, ordinals: Sequence[int]) -> list[int]:
    """Return those of some stored messages that an app does not need any more although others do.

    Args:
        entry: the queue.
        app: one of its apps.
        ordinals: of the messages, growing.
    """
    if len(entry.queue.apps) == 1:
        return []
    passed = [o for o in ordinals if app.first_ordinal <= o < app.cursor]
    if passed:
        held = set(app.held())
        waiting = (app.redelivery, app.put_aside)
        passed = [o for o in passed if o not in held and not any(o in each for each in waiting)]
    return passed + [o for o in ordinals if o >= app.cursor and o in app.skipped]


def done_of(entry: QueueEntry, app: App) -> array[int]:
    """Return the ordinals that an app does not need any more although others do."""
    if len(entry.queue.apps) == 1:
        return array("Q")
    waiting = {*app.held(), *app.redelivery.all(), *app.put_aside.all()}
    passed = takewhile(lambda o: o < app.cursor, entry.queue.store.ordinals(app.first_ordinal))
    done = array("Q", [ordinal for ordinal in passed if ordinal not in waiting])
    done.extend(app.skipped.all())
    return done
