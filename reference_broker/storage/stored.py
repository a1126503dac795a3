"""What a partition holds, as plain data: the content of a snapshot, and what a recovery finds.

Also how one message is read back: from the bytes at its location.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple

from reference_broker.base import GUID_SIZE, QueueUri, WireError
from reference_broker.storage.columns import Columns, coding_word, no_columns, stored_size
from reference_broker.storage.records import StorageCorruptionError
from reference_broker.wire import FLAG_MESSAGE_PROPERTIES, PutTuple, checksum, iter_puts


@dataclass(slots=True)
class StoredApp:
    """A registered app of a queue.

    Attributes:
        number: in its queue, as in the log.
        app_id: its name.
        first_ordinal: it needs no message below.
        done: ordinals from there on that it does not need any more although others do; growing.
    """

    number: int
    app_id: str
    first_ordinal: int
    done: array[int] = field(default_factory=lambda: array("Q"))


@dataclass(slots=True)
class StoredQueue:
    """A queue.

    Attributes:
        number: in the log.
        uri: canonical.
        next_ordinal: all ordinals below are used.
        apps: by number, the registered ones.
        columns: the messages that somebody still needs.
        history: GUIDs of messages that are gone, joined, the newest last.
    """

    number: int
    uri: QueueUri
    next_ordinal: int
    apps: dict[int, StoredApp] = field(default_factory=dict)
    columns: Columns = field(default_factory=no_columns)
    history: bytes = b""

    def __len__(self) -> int:
        """Return how many messages it holds."""
        return len(self.columns.ordinals)

    @property
    def history_count(self) -> int:
        """How many GUIDs are remembered."""
        return len(self.history) // GUID_SIZE


class StoredMessage(NamedTuple):
    """A message read back from the log, in the parts that a queue wants.

    Attributes:
        flags: what of the PUT flags concerns the consumer.
        coding: compression in the upper bits, schema id in the lower 16.
        guid: 16 bytes.
        data: application data with its padding.
        size: bytes of it without.
        coding_word: properties flag and coding, to compare with what is remembered.
    """

    flags: int
    coding: int
    guid: bytes
    data: bytes
    size: int
    coding_word: int


def decode_stored(data: bytes, name: str = "", offset: int = 0) -> StoredMessage:
    """Return the message that is stored as `data`, after a look at its checksum.

    Its GUID and its coding word are for the caller to compare with what is remembered of it.

    Args:
        data: `stored_size` bytes from the message's location on.
        name: of the file, for the error.
        offset: in the file, for the error.

    Raises:
        StorageCorruptionError: this is not what was written there.
    """
    try:
        put = next(iter_puts(data, 0, len(data)), None)
    except WireError as error:
        raise _damage(name, offset, str(error)) from error
    if put is None or stored_size(put[8] - put[7]) != len(data):
        raise _damage(name, offset, f"no message of {len(data)} bytes")
    flags, compression, _, guid, crc, schema, _, start, end, message_end, _ = put
    if checksum(memoryview(data)[start:end]) != crc:
        raise _damage(name, offset, f"CRC-32C of the application data is not {crc:08x}")
    return StoredMessage(
        flags & FLAG_MESSAGE_PROPERTIES,
        compression << 16 | schema,
        guid,
        data[start:message_end],
        end - start,
        coding_word(flags, compression, schema),
    )


def has_no_options(put: PutTuple) -> bool:
    """Return whether a message has the form in which it is stored: 36 bytes of header, then data."""
    return stored_size(put[8] - put[7]) == put[9] - put[10]


def _damage(name: str, offset: int, what: str) -> StorageCorruptionError:
    return StorageCorruptionError(f"log file {name} is damaged at byte {offset}: {what}")
