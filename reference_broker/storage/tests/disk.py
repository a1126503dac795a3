"""A disk in memory, with what is durable of it, and messages to store on it."""

from __future__ import annotations

from collections.abc import Sequence

from reference_broker.ports import CreateFile, Effect, RemoveFile, Sync, TruncateFile, Write
from reference_broker.storage import (
    FileReading,
    Ledger,
    LedgerRecovery,
    PartitionLog,
    RecoveredLedger,
    RecoveredPartition,
    Recovery,
    sort_files,
)
from reference_broker.wire import Put, put_message

WALL_NS = 1_700_000_000_000_000_000


class Disk:
    """The files of a broker."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.durable: dict[str, int] = {}

    def carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case CreateFile(name):
                    assert name not in self.files
                    self.sync_all()
                    self.files[name] = bytearray()
                    self.durable[name] = 0
                case Write(name, chunks):
                    self.files[name] += b"".join(chunks)
                case Sync(name):
                    self.durable[name] = len(self.files[name])
                case TruncateFile(name, size):
                    assert size <= len(self.files[name])
                    del self.files[name][size:]
                    self.durable[name] = size
                case RemoveFile(name):
                    self.sync_all()
                    del self.files[name], self.durable[name]
                case _:
                    raise AssertionError(effect)

    def sync_all(self) -> None:
        self.durable = {name: len(data) for name, data in self.files.items()}

    def read(self, reading: FileReading) -> list[str]:
        """Give a reading what it asks for; returns the files that it read."""
        names: list[str] = []
        while (request := reading.next_read()) is not None:
            name, ranges = request
            names.append(name)
            data = bytes(self.files[name])
            reading.feed(tuple(data[offset : offset + size] for offset, size in ranges))
        return names

    def found(self) -> list[tuple[str, int]]:
        return [(name, len(data)) for name, data in self.files.items()]

    def recover(
        self, segment_bytes_max: int = 1_000, *, carries_out: bool = True
    ) -> RecoveredPartition:
        """Recover partition 0."""
        self.sync_all()
        recovery = Recovery(0, sort_files(self.found(), 1).partitions[0], segment_bytes_max)
        self.read(recovery)
        recovered = recovery.finish(WALL_NS)
        if carries_out:
            self.carry_out(recovered.effects)
        return recovered

    def recover_ledger(self, bytes_max: int = 2_000) -> RecoveredLedger:
        self.sync_all()
        recovery = LedgerRecovery(sort_files(self.found(), 1).ledgers, bytes_max)
        self.read(recovery)
        recovered = recovery.finish(WALL_NS)
        self.carry_out(recovered.effects)
        return recovered

    def names(self, ending: str) -> list[str]:
        return sorted(name for name in self.files if name.endswith(ending))


def guid(number: int) -> bytes:
    return number.to_bytes(16, "big")


def message(number: int, data: bytes = b"data") -> bytes:
    """Return a message; flags, compression and schema go by the number."""
    schema = number % 3
    put = Put(7, guid(number), data, number & 3, compression=number % 2, schema=schema)
    return put_message(put)


def coding(number: int) -> int:
    """Return the coding word of the message with a number."""
    return (number >> 1 & 1) << 31 | number % 2 << 16 | number % 3


def append(
    disk: Disk, log: PartitionLog, queue: int, first: int, datas: Sequence[bytes]
) -> list[int]:
    """Store messages whose GUIDs are their ordinals; returns their locations."""
    location = log.next_location()
    messages = [message(first + i, data) for i, data in enumerate(datas)]
    disk.carry_out(log.append_puts(queue, WALL_NS + first, first, messages, len(messages)))
    locations: list[int] = []
    for each in messages:
        locations.append(location)
        location += len(each)
    return locations


def opened_ledger(disk: Disk, bytes_max: int = 2_000) -> Ledger:
    ledger = Ledger(bytes_max)
    disk.carry_out(ledger.roll_over(WALL_NS).effects)
    return ledger
