"""From any bytes in a segment of the log its messages are recovered, or the damage is named.

The first byte of an input says what the rest is, a file:

| part              | meaning                                                                      |
|-------------------|------------------------------------------------------------------------------|
| bit 0             | the file as it is; or with the bit, with every record's header put right     |
| the rest modulo 6 | 0: the only segment; 1 to 4: that segment of a log, beside the intact others; |
|                   | 5: the last of them, beside a snapshot                                       |

What must hold is written in `recovered`. A file as it is says nothing that was never written: every
message that is found is one that was stored and can be read. (What a snapshot knows of is not looked
at; such a message can be damaged, which whoever reads it is told.) With headers that are put right the
bodies are as wrong as they like; then what they say need not make sense.

Accepted rejections: `StorageCorruptionError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import GUID_SIZE, OperatorError
from reference_broker.storage import SEGMENT_MAGIC, RecoveredPartition, StoredMessage
from suites.fuzz.oracles.log_bench import (
    MESSAGE_DATAS,
    Disk,
    files_of,
    guid_of,
    stored_log,
    with_right_records,
)
from suites.fuzz.oracles.recovered import check_corruption, check_recovered, read_back

#: Bytes in front of the file.
PREFIX_BYTES: Final = 1
RIGHT_BIT: Final = 1
PLACE_SHIFT: Final = 1
PLACES: Final = 6

_ONLY: Final = 0
_WITH_SNAPSHOT: Final = 5


def _segments() -> dict[str, bytes]:
    return files_of(stored_log(), ".bmq_data")


def _snapshot() -> dict[str, bytes]:
    disk = stored_log()
    disk.recover()
    return files_of(disk, ".bmq_journal")


SEGMENTS: Final = _segments()
_NAMES: Final = tuple(SEGMENTS)
_SNAPSHOT: Final = _snapshot()


def test_one_input(data: bytes) -> None:
    """Recover a partition of which one segment is the input.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    content = data[PREFIX_BYTES:]
    is_right = bool(data[0] & RIGHT_BIT)
    if is_right:
        content = with_right_records(content, SEGMENT_MAGIC)
    place = (data[0] >> PLACE_SHIFT) % PLACES
    disk = _disk_with(content, place)
    try:
        recovered = disk.recover()
    except OperatorError as error:
        check_corruption(error)
        return
    if not is_right:
        _check_known(disk, recovered, can_be_damaged=place == _WITH_SNAPSHOT)
    check_recovered(disk, recovered, is_sensible=not is_right)


def _disk_with(content: bytes, place: int) -> Disk:
    if place == _ONLY:
        return Disk({_NAMES[0]: content})
    if place == _WITH_SNAPSHOT:
        return Disk({**SEGMENTS, **_SNAPSHOT, _NAMES[-1]: content})
    return Disk({**SEGMENTS, _NAMES[place - 1]: content})


def _check_known(disk: Disk, recovered: RecoveredPartition, *, can_be_damaged: bool) -> None:
    """Check that every message is one that was stored, or found out to be damaged."""
    for queue in recovered.queues.values():
        guids = queue.columns.guids
        for index, (ordinal, found) in enumerate(
            zip(queue.columns.ordinals, read_back(disk, queue), strict=True)
        ):
            guid = guids[index * GUID_SIZE : (index + 1) * GUID_SIZE]
            assert guid == guid_of(ordinal), f"message {ordinal} has the GUID {guid.hex()}"
            if not isinstance(found, StoredMessage) or found.guid != guid:
                assert can_be_damaged, f"message {ordinal} cannot be read: {found}"
                continue
            data = found.data[: found.size]
            assert data in MESSAGE_DATAS, f"message {ordinal} was never stored: {data!r}"
