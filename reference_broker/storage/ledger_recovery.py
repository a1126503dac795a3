"""Recovery of the ledger from the files found at the start.

The newest complete file counts; older ones, and one that a crash left unfinished, go. A torn end is
cut off as in the log. Damage anywhere else is named, and the broker refuses to start on it. Without
a file the ledger begins empty: the queues that the partitions know come back to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from reference_broker.ports import Effect, RemoveFile, TruncateFile
from reference_broker.storage.ledger import Ledger
from reference_broker.storage.names import FoundFile
from reference_broker.storage.reading import FileReading, ReadSteps
from reference_broker.storage.records import (
    LEDGER_MAGIC,
    MAGIC_SIZE,
    RecordError,
    RecordKind,
    StorageCorruptionError,
    is_torn_tail,
    read_record,
)


@dataclass(slots=True)
class RecoveredLedger:
    """What the files say.

    Attributes:
        ledger: ready for changes.
        effects: to carry out before any change.
        notes: what the operator should know, one sentence each.
    """

    ledger: Ledger
    effects: list[Effect]
    notes: list[str]


class LedgerRecovery(FileReading):
    """Read the ledger files.

    Give `feed` what `next_read` asks for until it asks for nothing, then call `finish`.

    Args:
        files: what was found.
        bytes_max: for the ledger that goes on.
    """

    def __init__(self, files: list[FoundFile], bytes_max: int) -> None:
        super().__init__(self._read_all())
        self._files = files
        self._bytes_max = bytes_max
        self._best: Ledger | None = None
        self._cuts: dict[str, TruncateFile] = {}
        self._notes: list[str] = []

    def _read_all(self) -> ReadSteps:
        for file in self._files:
            (data,) = yield file.name, ((0, file.size),)
            ledger = self._read_file(file, data)
            if ledger is None:
                self._notes.append(f"ledger {file.name} is unfinished and removed")
            elif self._best is None or ledger.head.serial > self._best.head.serial:
                self._best = ledger

    def _read_file(self, file: FoundFile, data: bytes) -> Ledger | None:
        """Return what a file says; None if it was never complete."""
        beginning = data[:MAGIC_SIZE]
        if any(beginning) and not LEDGER_MAGIC.startswith(beginning):
            raise StorageCorruptionError(
                f"{file.name} has {beginning!r} at byte 0: it is no ledger of this broker; "
                "move it away"
            )
        ledger = Ledger(self._bytes_max)
        ledger.name = file.name
        offset = MAGIC_SIZE
        is_complete = False
        while offset < len(data):
            try:
                record = read_record(data, offset)
            except RecordError as error:
                if not is_torn_tail(data, offset, ledger.next_index):
                    raise _damage(file.name, offset, error) from error
                self._cut(file, offset, error)
                break
            try:
                ledger.apply(record)
            except RecordError as error:
                raise _damage(file.name, offset, error) from error
            is_complete = is_complete or record.kind == RecordKind.LEDGER_READY
            offset = record.end
        ledger.size = offset
        return ledger if is_complete else None

    def _cut(self, file: FoundFile, offset: int, error: RecordError) -> None:
        self._cuts[file.name] = TruncateFile(file.name, offset)
        self._notes.append(
            f"ledger {file.name}: the unfinished end was cut off at byte {offset} of "
            f"{file.size}: {error}"
        )

    def finish(self, wall_ns: int) -> RecoveredLedger:
        """Return what was found; nothing is left to be read.

        Args:
            wall_ns: for a new file, if there is none; nanoseconds since the epoch.
        """
        ledger = self._best
        effects: list[Effect] = []
        if ledger is None:
            ledger = Ledger(self._bytes_max)
            effects += ledger.roll_over(wall_ns).effects
        elif ledger.name in self._cuts:
            effects.append(self._cuts[ledger.name])
        effects += [RemoveFile(file.name) for file in self._files if file.name != ledger.name]
        return RecoveredLedger(ledger, effects, self._notes)


def _damage(name: str, offset: int, what: object) -> StorageCorruptionError:
    return StorageCorruptionError(
        f"ledger {name} is damaged at byte {offset}: {what}; restore the file from a copy, or "
        "remove it: the queues that hold messages are known without it"
    )
