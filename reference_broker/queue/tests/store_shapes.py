"""GUIDs, messages and stores for the tests of what is stored."""

from __future__ import annotations

from collections.abc import Sequence

from reference_broker.base import Instant
from reference_broker.queue.history import History
from reference_broker.queue.message import Message
from reference_broker.queue.store import MessageStore
from reference_broker.queue.usage import Usage

CLIENT = b"client"
NOW = Instant(1_000)
ROOMY = 10**12


def made_guid(timer: int, client: bytes = CLIENT, counter: int = 0x400000) -> bytes:
    """Return a GUID as a client makes it."""
    return counter.to_bytes(3, "big") + timer.to_bytes(7, "big") + client


def located(ordinal: int) -> int:
    """Return a place in the log."""
    return 1 << 40 | ordinal * 64 + 40


def made_message(guid: bytes, ordinal: int, size: int = 10, location: int | None = None) -> Message:
    """Return a message of `size` bytes of application data; flags and coding go by the GUID."""
    at = located(ordinal) if location is None else location
    return (
        guid,
        guid[9] & 6,
        guid[9] % 3 << 16 | guid[9] % 5,
        bytes(size + 4 - size % 4),
        size,
        ordinal,
        at,
    )


def made_coding(guid: bytes) -> int:
    """Return how the data of a message with a GUID are to be read."""
    return (guid[9] & 2) << 30 | guid[9] % 3 << 16 | guid[9] % 5


def made_store(deduplication_ns: int = 100, *, is_pageable: bool = True) -> MessageStore:
    """Return an empty store without limits."""
    usage, domain = Usage(ROOMY, ROOMY), Usage(ROOMY, ROOMY)
    return MessageStore(usage, domain, History(deduplication_ns), is_pageable=is_pageable)


def fill(
    store: MessageStore, count: int, size: int = 10, references: int | Sequence[int] = 1
) -> list[Message]:
    """Append one batch, whose GUIDs have the ordinals as timers."""
    first = store.next_ordinal
    batch = [made_message(made_guid(first + i), first + i, size) for i in range(count)]
    store.append(batch, first, references)
    return batch
