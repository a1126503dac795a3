"""The names of the log's files.

::

    bmq_<partition>.<segment, 12 digits>.bmq_data                  a segment of the log
    bmq_<partition>.<YYYYMMDD_hhmmss>.<serial>.bmq_journal         a snapshot
    bmq_csl_<YYYYMMDD_hhmmss>_<log id, 10 hex digits>.bmq_csl      the ledger

Times are UTC. A name is never given twice: the file of that name may not be gone yet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from reference_broker.base import OperatorError

_SEGMENT: Final = re.compile(r"bmq_(\d{1,9})\.(\d{12})\.bmq_data")
_SNAPSHOT: Final = re.compile(r"bmq_(\d{1,9})\.\d{8}_\d{6}(?:\.(\d{1,9}))?\.bmq_journal")
_LEDGER: Final = re.compile(r"bmq_csl_\d{8}_\d{6}_[0-9A-F]{10}\.bmq_csl")
#: What a name has room for; no broker writes so many.
SNAPSHOT_SERIAL_MAX: Final = 999_999_999
_DAYS_TO_1970: Final = 719_468  # from 0000-03-01, where the calendar's cycles begin


class FoundFile(NamedTuple):
    """A file at the start: its name, and its size in bytes."""

    name: str
    size: int


@dataclass(slots=True)
class PartitionFiles:
    """The files of one partition.

    Attributes:
        segments: by number, which grow.
        snapshots: in the order of their names.
    """

    segments: dict[int, FoundFile] = field(default_factory=dict)
    snapshots: list[FoundFile] = field(default_factory=list)


@dataclass(slots=True)
class FoundFiles:
    """All files, sorted out.

    Attributes:
        partitions: one for each partition of the broker.
        ledgers: one; two if the broker ended while the second took the place of the first.
    """

    partitions: list[PartitionFiles]
    ledgers: list[FoundFile] = field(default_factory=list)


def sort_files(files: Sequence[tuple[str, int]], partition_count: int) -> FoundFiles:
    """Sort out the files that were found at the start.

    Args:
        files: (name, size) of each.
        partition_count: how many partitions the broker has.

    Raises:
        OperatorError: a file is of another broker's making, or of a partition there is not.
    """
    found = FoundFiles([PartitionFiles() for _ in range(partition_count)])
    for name, size in sorted(files):
        segment = _SEGMENT.fullmatch(name)
        snapshot = _SNAPSHOT.fullmatch(name)
        if segment is not None:
            partition = _partition(name, segment, partition_count)
            found.partitions[partition].segments[int(segment[2])] = FoundFile(name, size)
        elif snapshot is not None:
            partition = _partition(name, snapshot, partition_count)
            found.partitions[partition].snapshots.append(FoundFile(name, size))
        elif _LEDGER.fullmatch(name):
            found.ledgers.append(FoundFile(name, size))
        else:
            raise OperatorError(
                f"{name} in the storage folder is not a file of this broker; move it away"
            )
    for files_of_partition in found.partitions:
        files_of_partition.segments = dict(sorted(files_of_partition.segments.items()))
    return found


def _partition(name: str, match: re.Match[str], partition_count: int) -> int:
    partition = int(match[1])
    if partition >= partition_count:
        raise OperatorError(
            f"{name} in the storage folder belongs to partition {partition}, but numPartitions is "
            f"{partition_count}; set it to {partition + 1} or more, or move the file away"
        )
    return partition


def segment_name(partition: int, number: int) -> str:
    """Return the file name of a segment; names sort by age within a partition."""
    return f"bmq_{partition}.{number:012d}.bmq_data"


def snapshot_name(partition: int, wall_ns: int, serial: int) -> str:
    """Return the file name of a snapshot; no other snapshot of its partition has this serial."""
    return f"bmq_{partition}.{file_stamp(wall_ns)}.{serial}.bmq_journal"


def snapshot_serial_of(name: str) -> int:
    """Return the serial in the file name of a snapshot; 0 for a name without."""
    match = _SNAPSHOT.fullmatch(name)
    return int(match[2]) if match and match[2] else 0


def ledger_name(wall_ns: int, log_id: bytes) -> str:
    """Return the file name of a ledger with a 5-byte log id."""
    return f"bmq_csl_{file_stamp(wall_ns)}_{log_id.hex().upper()}.bmq_csl"


def file_stamp(wall_ns: int) -> str:
    """Return `YYYYMMDD_hhmmss` of a time in nanoseconds since the epoch."""
    days, second = divmod(wall_ns // 1_000_000_000, 86_400)
    era, day_of_era = divmod(days + _DAYS_TO_1970, 146_097)
    leap_days = day_of_era // 1_460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leap_days) // 365
    day_of_year = day_of_era - 365 * year_of_era - year_of_era // 4 + year_of_era // 100
    from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * from_march + 2) // 5 + 1
    month = (from_march + 2) % 12 + 1
    year = era * 400 + year_of_era + (month <= 2)
    clock = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
    return f"{year:04d}{month:02d}{day:02d}_{clock}"
