"""Which messages of a log somebody still needs, as a broker that starts on it would find.

The broker's own recovery reads the files. Nothing is written: what it would mend stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from reference_broker.base import GUID_SIZE
from reference_broker.storage import SEGMENT_BYTES_DEFAULT, Recovery, StoredApp, StoredQueue
from tools.segdump.dump import Line, iso_time
from tools.segdump.folder import find_files


def outstanding(folder: Path, note: Callable[[str], object]) -> Iterator[Line]:
    """Yield a line for each message and each app that has not confirmed it.

    Args:
        folder: of the log.
        note: called with what the recovery has to say of the files, a sentence each.

    Raises:
        OperatorError: a broker could not start with these files, and why.
        OSError: one cannot be read.
    """
    for partition, files in enumerate(find_files(folder).partitions):
        if not files.segments and not files.snapshots:
            continue
        recovery = Recovery(partition, files, SEGMENT_BYTES_DEFAULT)
        while (request := recovery.next_read()) is not None:
            name, parts = request
            recovery.feed(_read(folder / name, parts))
        recovered = recovery.finish(0)
        for text in recovered.notes:
            note(text)
        for queue in recovered.queues.values():
            for app in queue.apps.values():
                yield from _needed(queue, app)


def _read(path: Path, parts: tuple[tuple[int, int], ...]) -> tuple[bytes, ...]:
    chunks = []
    with path.open("rb") as file:
        for offset, length in parts:
            file.seek(offset)
            chunks.append(file.read(length))
    return tuple(chunks)


def _needed(queue: StoredQueue, app: StoredApp) -> Iterator[Line]:
    done = set(app.done)
    columns = queue.columns
    for place, ordinal in enumerate(columns.ordinals):
        if ordinal < app.first_ordinal or ordinal in done:
            continue
        guid = columns.guids[place * GUID_SIZE : (place + 1) * GUID_SIZE]
        arrival_ns = columns.arrivals[place]
        yield {
            "uri": queue.uri.canonical,
            "app": app.app_id,
            "ordinal": ordinal,
            "guid": guid.hex().upper(),
            "size": columns.sizes[place],
            "arrival_ns": arrival_ns,
            "arrival": iso_time(arrival_ns),
        }
