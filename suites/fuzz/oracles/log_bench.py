"""A disk in memory with logs on it, what is recovered from it, and checksums put right.

The disk does what the storage room asks for, as a driver would. `stored_log` fills one through the
room's own doors: queues and apps that come and go, messages in batches, confirmations, purges,
several segments, a snapshot, a ledger.

What a fuzzer makes of a file is damaged nearly always, and stops at its first checksum.
`with_right_records` makes the best of such bytes: a file in which every record is whole, with the
kinds, sizes and bodies that the bytes have.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reference_broker.base import QueueUri
from reference_broker.ports import CreateFile, Effect, RemoveFile, Sync, TruncateFile, Write
from reference_broker.storage import (
    MAGIC_SIZE,
    RECORD_HEADER_SIZE,
    SEGMENT_HEAD_SIZE,
    SEGMENT_MAGIC,
    FileReading,
    Ledger,
    LedgerRecovery,
    PartitionLog,
    PurgeReason,
    RecoveredLedger,
    RecoveredPartition,
    Recovery,
    sort_files,
)
from reference_broker.wire import FLAG_MESSAGE_PROPERTIES, Put, checksum, put_message

WALL_NS: Final = 1_700_000_000_000_000_000
#: Small, so that a handful of messages fills several segments.
SEGMENT_BYTES_MAX: Final = 400
LEDGER_BYTES_MAX: Final = 2_000

#: The application data of all messages that are ever stored.
MESSAGE_DATAS: Final = (
    *(b"one", b"three", b"seven", b"same", b"size"),
    *(b"x" * 150, b"y" * 150, b"z" * 20, b"last"),
)

_HEADER: Final = struct.Struct(">IB3xQQI")
_CRC: Final = struct.Struct(">I")
_TERM: Final = 1
_INDEX_OFFSET: Final = 20  # of the index of its first record, in a segment's head
_QUEUES: Final = (QueueUri("d", "", "q1", ""), QueueUri("d", "lcl", "q2", ""))


class Disk:
    """The files of a broker.

    Args:
        files: what there is to begin with, by name.
    """

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = {name: bytearray(content) for name, content in (files or {}).items()}

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Do what the storage room asks for."""
        for effect in effects:
            match effect:
                case CreateFile(name):
                    assert name not in self.files, f"{name} is there already"
                    self.files[name] = bytearray()
                case Write(name, chunks):
                    self.files[name] += b"".join(chunks)
                case TruncateFile(name, size):
                    assert size <= len(self.files[name]), f"{name} is shorter than {size} already"
                    del self.files[name][size:]
                case RemoveFile(name):
                    del self.files[name]
                case Sync(name):
                    assert name in self.files, f"{name} is synced, but not there"
                case _:
                    raise AssertionError(f"no effect of the storage: {effect!r:.200}")

    def recover(self) -> RecoveredPartition:
        """Recover partition 0; what the recovery asks for is done.

        Raises:
            OperatorError: the files cannot be used.
        """
        found = sort_files(self._found(), 1).partitions[0]
        recovery = Recovery(0, found, SEGMENT_BYTES_MAX)
        self._read(recovery)
        recovered = recovery.finish(WALL_NS)
        self.carry_out(recovered.effects)
        return recovered

    def recover_ledger(self) -> RecoveredLedger:
        """Recover the ledger; what the recovery asks for is done.

        Raises:
            OperatorError: the files cannot be used.
        """
        recovery = LedgerRecovery(sort_files(self._found(), 1).ledgers, LEDGER_BYTES_MAX)
        self._read(recovery)
        recovered = recovery.finish(WALL_NS)
        self.carry_out(recovered.effects)
        return recovered

    def _found(self) -> list[tuple[str, int]]:
        return [(name, len(content)) for name, content in self.files.items()]

    def _read(self, reading: FileReading) -> None:
        while (request := reading.next_read()) is not None:
            name, ranges = request
            content = bytes(self.files[name])
            reading.feed(tuple(content[start : start + size] for start, size in ranges))


def files_of(disk: Disk, ending: str) -> dict[str, bytes]:
    """Return the files whose names end so, in the order of the names."""
    return {name: bytes(disk.files[name]) for name in sorted(disk.files) if name.endswith(ending)}


def guid_of(number: int) -> bytes:
    """Return the GUID of a stored message."""
    return b"\x40" + number.to_bytes(15, "big")


def message(number: int, data: bytes = b"data") -> bytes:
    """Return a message as it is stored; flags, compression and schema go by the number."""
    flags = FLAG_MESSAGE_PROPERTIES if number % 2 else 0
    return put_message(Put(7, guid_of(number), data, flags, number % 2, number % 3))


def append(disk: Disk, log: PartitionLog, queue: int, first: int, datas: Sequence[bytes]) -> None:
    """Store messages whose numbers are their ordinals."""
    messages = [message(first + number, data) for number, data in enumerate(datas)]
    disk.carry_out(log.append_puts(queue, WALL_NS + first, first, messages, len(messages)))


def stored_log() -> Disk:
    """Return the files of a log of some segments, without a snapshot."""
    disk = Disk()
    log = PartitionLog(0, SEGMENT_BYTES_MAX)
    one, three, seven, same, size, long, longer, short, last = MESSAGE_DATAS
    for number, uri in enumerate(_QUEUES, start=1):
        disk.carry_out(log.append_queue(number, uri))
        disk.carry_out(log.append_app(number, 0, "__default", 0, is_registered=True))
    disk.carry_out(log.append_app(2, 1, "foo", 0, is_registered=True))
    append(disk, log, 1, 0, [one, three, seven])
    append(disk, log, 2, 0, [same, size])
    disk.carry_out(log.append_confirms(1, 0, [0]))
    disk.carry_out(log.append_confirms(2, 1, [0, 1]))
    append(disk, log, 1, 3, [long])
    disk.carry_out(log.append_purge(1, None, 2, PurgeReason.EXPIRY))
    _, effects = log.append_moved(2, [0], [WALL_NS], [message(0, same)], [(1, 0)])
    disk.carry_out(effects)
    append(disk, log, 1, 4, [longer, short])
    disk.carry_out(log.append_app(2, 1, "foo", 0, is_registered=False))
    disk.carry_out(log.append_queue(3, QueueUri("e", "", "gone", "")))
    disk.carry_out(log.append_removed(3))
    append(disk, log, 2, 2, [last])
    return disk


def stored_ledger() -> Disk:
    """Return the files of a ledger: one, of which some queues are gone."""
    disk = Disk()
    ledger = Ledger(LEDGER_BYTES_MAX)
    disk.carry_out(ledger.roll_over(WALL_NS).effects)
    for number, uri in enumerate(_QUEUES, start=1):
        disk.carry_out(ledger.assign(uri, bytes([number]) * 5, 0, number, ("foo", "bar")))
    disk.carry_out(ledger.update_apps(_QUEUES[0], ("foo",)))
    disk.carry_out(ledger.unassign(_QUEUES[1]))
    disk.carry_out(ledger.roll_over(WALL_NS + 10**9).effects)
    disk.carry_out(ledger.assign(_QUEUES[1], b"\2" * 5, 0, 2))
    return disk


# Checksums.


def with_right_records(data: bytes, magic: bytes) -> bytes:
    """Return a file whose magic, checksums, terms and record indices are right.

    Args:
        data: a file; of its records the sizes, kinds and bodies count. The size of one that is cut
            short becomes that of the rest.
        magic: of the file; that of a segment says that it begins with a head.
    """
    if magic == SEGMENT_MAGIC:
        head = magic + data[MAGIC_SIZE : SEGMENT_HEAD_SIZE - _CRC.size].ljust(
            SEGMENT_HEAD_SIZE - _CRC.size - MAGIC_SIZE, b"\0"
        )
        index = int.from_bytes(head[_INDEX_OFFSET : _INDEX_OFFSET + 8], "big")
        chunks = [head, _CRC.pack(checksum(head))]
        position = SEGMENT_HEAD_SIZE
    else:
        chunks, position, index = [magic], MAGIC_SIZE, 1
    while len(data) - position >= RECORD_HEADER_SIZE:
        size, kind = struct.unpack_from(">IB", data, position)
        position += RECORD_HEADER_SIZE
        body = data[position : position + size]
        chunks += record(kind, index, body)
        index = index + 1 & 0xFFFF_FFFF_FFFF_FFFF
        position += len(body)
    return b"".join(chunks)


def record(kind: int, index: int, body: bytes) -> list[bytes]:
    """Return the chunks of a record, by the layout that the storage room describes."""
    header = _HEADER.pack(len(body), kind, _TERM, index, checksum(body))
    return [header, _CRC.pack(checksum(header)), body]
