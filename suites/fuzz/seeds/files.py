"""Seeds that are files of the log: whole ones, torn ones, and one of single records.

An input begins with a byte that says what is done with the file; see `fuzz_log_segment`,
`fuzz_log_snapshot` and `fuzz_ledger`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reference_broker.storage import (
    LEDGER_MAGIC,
    MAGIC_SIZE,
    RECORD_HEADER_SIZE,
    SEGMENT_MAGIC,
    SNAPSHOT_MAGIC,
    RecordKind,
)
from suites.fuzz.oracles.log_bench import (
    Disk,
    files_of,
    record,
    stored_ledger,
    stored_log,
    with_right_records,
)
from suites.fuzz.targets.fuzz_ledger import SECOND_BIT
from suites.fuzz.targets.fuzz_log_segment import PLACE_SHIFT, PLACES, RIGHT_BIT
from suites.fuzz.targets.fuzz_log_snapshot import SEGMENTS as SNAPSHOT_SEGMENTS

_TORN_BYTES: Final = 5
#: Bodies that no log of `stored_log` has: numbers at the ends of their ranges.
_ODD_RECORDS: Final[tuple[tuple[RecordKind, str], ...]] = (
    (RecordKind.QUEUE, "ffffffff ffffffffffffffff" + b"bmq://d/q".hex()),
    (RecordKind.APP, "ffffffff ffffffff 01 ffffffffffffffff 666f6f"),
    (RecordKind.CONFIRMS, "00000001 00000000 ffffffffffffffff"),
    (RecordKind.PURGE, "00000001 ffffffff ffffffffffffffff 02"),
    (RecordKind.PUTS, "00000001 ffffffffffffffff ffffffffffffffff"),
    (RecordKind.MOVED, "00000001 00000000 00000001 00000000 ffffffffffffffff"),
    (RecordKind.HISTORY, "00000001" + "40" * 16),
    (RecordKind.REMOVED, "00000002"),
    (RecordKind.TRIMMED, "0000000000000002"),
)


def log_segment_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_log_segment`: each segment in its place, alone, torn, and put right."""
    segments = list(files_of(stored_log(), ".bmq_data").values())
    found: dict[str, bytes] = {}
    for number, content in enumerate(segments, start=1):
        places = (0, number, PLACES - 1) if number == len(segments) else (0, number)
        for place in places:
            for bit in (0, RIGHT_BIT):
                prefix = bytes([place << PLACE_SHIFT | bit])
                found[f"segment{number}_place{place}_mode{bit}"] = prefix + content
    last = len(segments)
    found["torn"] = bytes([last << PLACE_SHIFT]) + segments[-1][:-_TORN_BYTES]
    found["torn_head"] = bytes([last << PLACE_SHIFT]) + segments[-1][: 2 * _TORN_BYTES]
    odd = segments[0] + _records(_ODD_RECORDS)
    found["odd"] = bytes([RIGHT_BIT]) + with_right_records(odd, SEGMENT_MAGIC)
    return found


def log_snapshot_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_log_snapshot`: what a log of each length says, torn, and put right."""
    names = list(SNAPSHOT_SEGMENTS)
    contents: list[bytes] = []
    for count in range(len(names) + 1):
        disk = Disk({name: SNAPSHOT_SEGMENTS[name] for name in names[:count]})
        disk.recover()
        contents += files_of(disk, ".bmq_journal").values()
    found = _with_bits(contents, (0, RIGHT_BIT))
    found["torn"] = b"\0" + contents[-1][:-_TORN_BYTES]
    found["empty"] = b"\0"
    odd = contents[-1][: MAGIC_SIZE + _size_of_first(contents[-1])] + _records(_ODD_RECORDS)
    found["odd"] = bytes([RIGHT_BIT]) + with_right_records(odd, SNAPSHOT_MAGIC)
    return found


def ledger_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_ledger`: a whole one, alone and beside another, torn, and put right."""
    contents = list(files_of(stored_ledger(), ".bmq_csl").values())
    found = _with_bits(contents, (0, RIGHT_BIT, SECOND_BIT, RIGHT_BIT | SECOND_BIT))
    found["torn"] = bytes([SECOND_BIT]) + contents[-1][:-_TORN_BYTES]
    changes = (
        (RecordKind.UPDATE, b"bmq://d/q1\0bar\0".hex()),
        (RecordKind.UNASSIGN, b"bmq://d/q1".hex()),
        (RecordKind.UNASSIGN, b"bmq://d/none".hex()),
    )
    changed = with_right_records(contents[-1] + _records(changes), LEDGER_MAGIC)
    found["changes"] = bytes([RIGHT_BIT]) + changed
    return found


def _with_bits(contents: Iterable[bytes], bits: tuple[int, ...]) -> dict[str, bytes]:
    return {
        f"file{number}_mode{bit}": bytes([bit]) + content
        for number, content in enumerate(contents)
        for bit in bits
    }


def _records(records: Iterable[tuple[RecordKind, str]]) -> bytes:
    return b"".join(b"".join(record(kind, 1, bytes.fromhex(body))) for kind, body in records)


def _size_of_first(content: bytes) -> int:
    return RECORD_HEADER_SIZE + int.from_bytes(content[MAGIC_SIZE : MAGIC_SIZE + 4], "big")
