"""Logs to dump."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reference_broker.base import QueueUri
from reference_broker.ports import CreateFile, Effect, Write
from reference_broker.storage import PartitionLog
from reference_broker.wire import Put, put_message

URI = QueueUri.parse("bmq://test.file/q")
GUIDS = [n.to_bytes(16, "big") for n in range(3)]


def write(folder: Path, effects: Sequence[Effect]) -> Path:
    """Carry out effects; returns the file written last."""
    path = folder
    for effect in effects:
        if isinstance(effect, CreateFile | Write):
            path = folder / effect.name
        if isinstance(effect, Write):
            with path.open("ab") as file:
                file.writelines(effect.chunks)
    return path


def segment(folder: Path) -> Path:
    """Write a log in which an app has confirmed all of three messages."""
    log = PartitionLog(0)
    messages = [put_message(Put(0, guid, b"data")) for guid in GUIDS]
    write(folder, log.append_queue(1, URI))
    write(folder, log.append_app(1, 0, "__default", 0, is_registered=True))
    write(folder, log.append_puts(1, 5, 7, messages, 3))
    write(folder, log.append_moved(1, [7], [5], messages[:1], [(0, 7)])[1])
    return write(folder, log.append_confirms(1, 0, [7, 8, 9]))


def fanout_log(folder: Path, partition: int = 0) -> None:
    """Write a log in which foo needs the last two of three messages, and bar the first and last."""
    log = PartitionLog(partition)
    write(folder, log.append_queue(1, URI))
    write(folder, log.append_app(1, 1, "foo", 0, is_registered=True))
    write(folder, log.append_app(1, 2, "bar", 0, is_registered=True))
    for number, guid in enumerate(GUIDS):
        message = put_message(Put(0, guid, b"x" * (number + 1)))
        write(folder, log.append_puts(1, 1_000_000_000 * number, number, [message], 1))
    write(folder, log.append_confirms(1, 1, [0]))
    write(folder, log.append_confirms(1, 2, [1]))
