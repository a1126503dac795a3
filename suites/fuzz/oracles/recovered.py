"""What must hold for whatever a partition's files say, once they are recovered.

- messages are as many as would fit into the files, each with all that is known of it;
- a second recovery finds the same and has nothing to mend;
- the log goes on: what is appended then is found with the rest;
- if the files were written by the storage room, ordinals grow and stay below the next one, and apps
  have done only with what is there.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

from reference_broker.base import GUID_SIZE, OperatorError, QueueUri
from reference_broker.storage import (
    OFFSET_MASK,
    SEGMENT_SHIFT,
    STORED_HEADER_SIZE,
    PartitionLog,
    RecoveredPartition,
    StorageCorruptionError,
    StoredMessage,
    StoredQueue,
    decode_stored,
    stored_size,
)
from suites.fuzz.oracles.log_bench import Disk, append

_NEW_QUEUE: Final = QueueUri("new", "", "queue", "")
_NEW_DATA: Final = (b"new", b"newer")
_NUMBER_MAX: Final = 0xFFFF_FFFF
_COMPLAINT_CHARS_MAX: Final = 2_000


def check_corruption(error: OperatorError) -> None:
    """Check that the operator is told which file is damaged, and what to do, in a few words."""
    text = str(error)
    assert isinstance(error, StorageCorruptionError), f"{error!r} is no word on damage"
    assert "bmq_" in text, f"no file is named: {text}"
    assert len(text) <= _COMPLAINT_CHARS_MAX, f"{len(text)} characters: {text:.200}"


def check_recovered(disk: Disk, recovered: RecoveredPartition, *, is_sensible: bool) -> None:
    """Check what was recovered, recover it again, and go on with the log.

    Args:
        disk: the files.
        recovered: what they say.
        is_sensible: whether the bodies of their records were written by the storage room.

    Raises:
        AssertionError: a statement of this module does not hold.
        Exception: what the storage room must not raise.
    """
    size = sum(map(len, disk.files.values()))
    for number, queue in recovered.queues.items():
        assert queue.number == number <= recovered.highest_queue, f"{number}: {queue}"
        _check_sizes(queue, size)
        if is_sensible:
            _check_sense(queue)
    state = said_by(recovered)
    can_go_on = recovered.highest_queue < _NUMBER_MAX
    if can_go_on:
        _go_on(disk, recovered.log, recovered.highest_queue + 1)
    again = disk.recover()
    assert not again.notes, f"something was left to mend: {again.notes}"
    found = said_by(again)
    if can_go_on:
        _check_new(disk, found.pop())
    assert found == state, f"first {state}, the second time {found}"


def said_by(recovered: RecoveredPartition, *, with_history: bool = True) -> list[StoredQueue]:
    """Return what was recovered, to be compared: with the GUIDs of messages that are gone, or not."""
    queues = [recovered.queues[number] for number in sorted(recovered.queues)]
    return queues if with_history else [replace(queue, history=b"") for queue in queues]


def read_back(disk: Disk, queue: StoredQueue) -> list[StoredMessage | StorageCorruptionError]:
    """Return the messages of a queue as the files have them, or why one cannot be read."""
    found: list[StoredMessage | StorageCorruptionError] = []
    for location, size in zip(queue.columns.locations, queue.columns.sizes, strict=True):
        name = f"bmq_0.{location >> SEGMENT_SHIFT:012d}.bmq_data"
        offset = location & OFFSET_MASK
        content = bytes(disk.files[name][offset : offset + stored_size(size)])
        try:
            found.append(decode_stored(content, name, offset))
        except StorageCorruptionError as error:
            found.append(error)
    return found


def _check_sizes(queue: StoredQueue, size: int) -> None:
    columns = queue.columns
    count = len(queue)
    assert count * STORED_HEADER_SIZE <= size, f"{count} messages in {size} bytes"
    lengths = {len(each) for each in columns if not isinstance(each, bytes)}
    assert lengths == {count}, f"columns of {lengths} messages"
    assert len(columns.guids) == count * GUID_SIZE, f"{len(columns.guids)} bytes of GUIDs"
    assert len(queue.history) % GUID_SIZE == 0, f"{len(queue.history)} bytes of history"


def _check_sense(queue: StoredQueue) -> None:
    ordinals = queue.columns.ordinals
    assert all(one < other for one, other in pairwise(ordinals)), f"out of order: {ordinals}"
    assert not ordinals or ordinals[-1] < queue.next_ordinal, (
        f"{ordinals} up to {queue.next_ordinal}"
    )
    known = set(ordinals)
    for number, app in queue.apps.items():
        assert app.number == number, f"app {number} is {app}"
        assert known.issuperset(app.done), f"{app} has done with what is not in {ordinals}"


def _go_on(disk: Disk, log: PartitionLog, number: int) -> None:
    """Store messages in a new queue, and confirm the first of them."""
    disk.carry_out(log.append_queue(number, _NEW_QUEUE))
    disk.carry_out(log.append_app(number, 0, "__default", 0, is_registered=True))
    append(disk, log, number, 0, _NEW_DATA)
    disk.carry_out(log.append_confirms(number, 0, [0]))


def _check_new(disk: Disk, new: StoredQueue) -> None:
    assert new.uri == _NEW_QUEUE, f"the new queue is {new}"
    (found,) = read_back(disk, new)
    assert isinstance(found, StoredMessage), f"the new queue's message cannot be read: {found}"
    assert found.data[: found.size] == _NEW_DATA[1], f"the new queue holds {found}"
