"""Whatever bytes are in a snapshot, the partition holds what its log says, or the damage is named.

The lowest bit of the first byte of an input says what the rest is: a snapshot's file as it is, or
with the bit, with every record's header put right. It lies beside the whole log that it is about.

What must hold is written in `recovered`. A file as it is changes nothing: either it says what the
log says, or it is not used, and the operator is told so. With headers that are put right the bodies
are as wrong as they like; then what they say need not make sense.

Accepted rejections: `StorageCorruptionError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import OperatorError
from reference_broker.storage import SNAPSHOT_MAGIC
from suites.fuzz.oracles.log_bench import Disk, files_of, stored_log, with_right_records
from suites.fuzz.oracles.recovered import check_corruption, check_recovered, said_by

#: Bytes in front of the file.
PREFIX_BYTES: Final = 1
RIGHT_BIT: Final = 1
_NAME: Final = "bmq_0.20231114_221320.7.bmq_journal"

#: The beginning of a log, which is a log; short, because all of it is read several times.
SEGMENTS: Final = dict(list(files_of(stored_log(), ".bmq_data").items())[:2])
_STATE: Final = said_by(Disk(SEGMENTS).recover(), with_history=False)


def test_one_input(data: bytes) -> None:
    """Recover a partition whose snapshot is the input.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    content = data[PREFIX_BYTES:]
    is_right = bool(data[0] & RIGHT_BIT)
    if is_right:
        content = with_right_records(content, SNAPSHOT_MAGIC)
    disk = Disk({**SEGMENTS, _NAME: content})
    try:
        recovered = disk.recover()
    except OperatorError as error:
        check_corruption(error)
        return
    if not is_right:
        state = said_by(recovered, with_history=False)
        assert state == _STATE, f"with this snapshot {state}, but the log says {_STATE}"
        is_used = _NAME in disk.files
        assert is_used == (not recovered.notes), f"used: {is_used}, notes: {recovered.notes}"
    check_recovered(disk, recovered, is_sensible=not is_right)
