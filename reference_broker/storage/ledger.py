"""The ledger: which queues there are, in which partition, with which apps.

::

    LEDGER FILE = magic "BMQGCSL3" | LEDGER | ASSIGN ... | LEDGER_READY | RECORD | RECORD | ...

    LEDGER        | log id, 5 bytes | serial, u64 |
    ASSIGN        | queue key, 5 bytes | partition, u32 | number, u32 | URI | zero | app id | zero ... |
    UPDATE        | URI | zero | app id | zero | app id | zero ... |
    UNASSIGN      | URI |
    LEDGER_READY  |

A file that has reached its size limit is replaced by a new one that begins with all there is. The
partitions' logs say the same of queues that are stored, so that neither is lost with the other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from reference_broker.base import PeerError, QueueUri
from reference_broker.ports import CreateFile, Effect, RemoveFile, Sync, Write
from reference_broker.storage.names import ledger_name
from reference_broker.storage.records import (
    LEDGER_MAGIC,
    MAGIC_SIZE,
    LogRecord,
    RecordError,
    RecordKind,
    encode_record,
)
from reference_broker.wire import checksum

_HEAD: Final = struct.Struct(">5sQ")
_ASSIGN: Final = struct.Struct(">5sII")
#: Room that a change takes at most, usually: the file is full when less is left.
_CHANGE_BYTES: Final = 256


class LedgerEntry(NamedTuple):
    """A queue.

    Attributes:
        uri: canonical.
        key: 5 bytes.
        partition: that stores it.
        number: in the partition's log.
        apps: app ids.
    """

    uri: QueueUri
    key: bytes
    partition: int
    number: int
    apps: tuple[str, ...]


class LedgerHead(NamedTuple):
    """What a ledger file says of itself."""

    log_id: bytes
    serial: int


class LedgerRollover(NamedTuple):
    """A new ledger file took the place of the old one.

    Attributes:
        effects: to carry out.
        old_id: log id of the old file, 10 hexadecimal digits; empty if there was none.
        new_id: of the new one.
    """

    effects: list[Effect]
    old_id: str
    new_id: str


class Ledger:
    """The queues of the broker.

    It is written only after `roll_over` has begun a file: a broker without a storage folder has
    one that is not.

    Args:
        bytes_max: `maxCSLFileSize`.

    Attributes:
        entries: by canonical URI.
        name: of the file; empty while there is none.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.entries: dict[str, LedgerEntry] = {}
        self.name = ""
        self.head = LedgerHead(bytes(5), 0)
        self.size = 0
        self.next_index = 1
        self._unsynced = False

    @property
    def is_full(self) -> bool:
        """Whether `roll_over` should come before the next change."""
        return bool(self.name) and self.size + _CHANGE_BYTES > self.bytes_max

    @property
    def sequence(self) -> int:
        """How many records the file holds."""
        return self.next_index - 1

    def assign(
        self, uri: QueueUri, key: bytes, partition: int, number: int, apps: Sequence[str] = ()
    ) -> list[Effect]:
        """Record that a queue exists."""
        entry = LedgerEntry(uri, key, partition, number, tuple(apps))
        if self.entries.get(uri.canonical) == entry:
            return []
        self.entries[uri.canonical] = entry
        return self._append(RecordKind.ASSIGN, _assign_body(entry))

    def update_apps(self, uri: QueueUri, apps: Sequence[str]) -> list[Effect]:
        """Record which apps a queue has now; nothing if it had them, or is unknown."""
        entry = self.entries.get(uri.canonical)
        if entry is None or entry.apps == tuple(apps):
            return []
        self.entries[uri.canonical] = entry._replace(apps=tuple(apps))
        return self._append(RecordKind.UPDATE, _texts(uri.canonical, apps))

    def unassign(self, uri: QueueUri) -> list[Effect]:
        """Record that a queue is gone; nothing if it is unknown."""
        if self.entries.pop(uri.canonical, None) is None:
            return []
        return self._append(RecordKind.UNASSIGN, uri.canonical.encode())

    def roll_over(self, wall_ns: int) -> LedgerRollover:
        """Begin a new file with all there is; the old one goes when the new one is durable.

        Args:
            wall_ns: for the file's name and id, nanoseconds since the epoch.
        """
        old_name, old_id = self.name, self.head.log_id
        serial = self.head.serial + 1
        log_id = checksum(b"%d %d" % (wall_ns, serial)).to_bytes(4, "big") + bytes([serial & 0xFF])
        self.head = LedgerHead(log_id, serial)
        self.name = ledger_name(wall_ns, log_id)
        self.next_index = 1
        self.size = 0
        chunks = [LEDGER_MAGIC, *self._record(RecordKind.LEDGER, _HEAD.pack(*self.head))]
        for entry in self.entries.values():
            chunks += self._record(RecordKind.ASSIGN, _assign_body(entry))
        chunks += self._record(RecordKind.LEDGER_READY, b"")
        self.size += MAGIC_SIZE
        self._unsynced = False
        effects: list[Effect] = [CreateFile(self.name), Write(self.name, chunks)]
        effects.append(Sync(self.name, 0))
        if not old_name:
            return LedgerRollover(effects, "", log_id.hex().upper())
        effects.append(RemoveFile(old_name))
        return LedgerRollover(effects, old_id.hex().upper(), log_id.hex().upper())

    def take_unsynced(self) -> list[str]:
        """Return the file if it was written to since this was last asked."""
        names = [self.name] if self._unsynced else []
        self._unsynced = False
        return names

    def apply(self, record: LogRecord) -> None:
        """Take a record that was found at the start.

        Raises:
            RecordError: it does not belong here, or is malformed.
        """
        if record.log_index != self.next_index:
            raise RecordError(f"record {record.log_index} where {self.next_index} should be")
        self.next_index += 1
        try:
            match decode_ledger_body(record):
                case LedgerHead() as head:
                    self.head = head
                case LedgerEntry() as entry:
                    self.entries[entry.uri.canonical] = entry
                case (uri, apps):
                    self.entries[uri] = self.entries[uri]._replace(apps=apps)
                case str(uri):
                    del self.entries[uri]
                case None:
                    pass
        except KeyError as error:
            raise RecordError(f"queue {error} was never assigned") from error

    def _append(self, kind: RecordKind, body: bytes) -> list[Effect]:
        if not self.name:
            return []
        self._unsynced = True
        return [Write(self.name, self._record(kind, body))]

    def _record(self, kind: RecordKind, body: bytes) -> list[bytes]:
        chunks = encode_record(kind, self.next_index, [body])
        self.next_index += 1
        self.size += sum([len(chunk) for chunk in chunks])
        return chunks


def decode_ledger_body(
    record: LogRecord,
) -> LedgerHead | LedgerEntry | tuple[str, tuple[str, ...]] | str | None:
    """Return what a record of the ledger says.

    Returns:
        The file's head; a queue; a URI and its apps now; the URI of a queue that is gone; or None
        when the file says of itself that it is complete.

    Raises:
        RecordError: the kind is unknown or the body malformed.
    """
    body = bytes(record.body)
    try:
        match record.kind:
            case RecordKind.LEDGER:
                return LedgerHead(*_HEAD.unpack(body))
            case RecordKind.ASSIGN:
                key, partition, number = _ASSIGN.unpack_from(body)
                uri, *apps = _split(body[_ASSIGN.size :])
                return LedgerEntry(QueueUri.parse(uri), key, partition, number, tuple(apps))
            case RecordKind.UPDATE:
                uri, *apps = _split(body)
                return uri, tuple(apps)
            case RecordKind.UNASSIGN:
                return body.decode()
            case RecordKind.LEDGER_READY:
                return None
            case _:
                raise RecordError(f"record {record.log_index} has the unknown kind {record.kind}")
    except (struct.error, ValueError, PeerError) as error:
        raise RecordError(f"record {record.log_index} of kind {record.kind}: {error}") from error


def _assign_body(entry: LedgerEntry) -> bytes:
    head = _ASSIGN.pack(entry.key, entry.partition, entry.number)
    return head + _texts(entry.uri.canonical, entry.apps)


def _texts(uri: str, apps: Sequence[str]) -> bytes:
    return b"".join([text.encode() + b"\0" for text in (uri, *apps)])


def _split(data: bytes) -> list[str]:
    *texts, rest = data.decode().split("\0")
    if rest or not texts:
        raise ValueError("texts do not end with a zero byte")
    return texts
