"""Bodies: what each record says comes back; what is malformed is refused."""

from __future__ import annotations

from array import array

import pytest

from reference_broker.base import QueueUri
from reference_broker.storage import (
    Body,
    Columns,
    LogRecord,
    PurgeReason,
    RecordError,
    RecordKind,
    decode_body,
)
from reference_broker.storage import bodies as b

URI = QueueUri.parse("bmq://test.file/q")
COLUMNS = Columns(
    array("Q", [1, 3]),
    bytes(range(32)),
    array("Q", [9, 10]),
    array("I", [5, 6]),
    array("Q", [7, 8]),
    array("I", [1 << 31 | 7, 1 << 16]),
)
POSITION = b.SnapshotRecord(0, 1, 2, 3, 4, 5)


def decoded(kind: int, chunks: list[bytes]) -> Body:
    body = b"".join(chunks)
    return decode_body(LogRecord(kind, 1, 77, memoryview(body), 0, len(body)))


@pytest.mark.parametrize(
    ("kind", "chunks", "expected"),
    [
        (RecordKind.QUEUE, b.queue_body(1, 9, URI), b.QueueRecord(1, 9, URI)),
        (
            RecordKind.APP,
            b.app_body(1, 2, "foo", 512, is_registered=True),
            b.AppRecord(1, 2, is_registered=True, first_ordinal=512, app_id="foo"),
        ),
        (
            RecordKind.PUTS,
            b.puts_body(1, 5, 6, [b"one", b"two"]),
            b.PutsRecord(1, 5, 6, memoryview(b"onetwo")),
        ),
        (
            RecordKind.CONFIRMS,
            b.confirms_body(1, 2, [3, 2**40]),
            b.ConfirmsRecord(1, 2, array("Q", [3, 2**40])),
        ),
        (
            RecordKind.MOVED,
            b.moved_body(1, [3, 4], [5, 6], [(0, 3)], [b"one", b"two"]),
            b.MovedRecord(
                1, array("Q", [3, 4]), array("Q", [5, 6]), [(0, 3)], memoryview(b"onetwo"), 56
            ),
        ),
        (
            RecordKind.PURGE,
            b.purge_body(1, b.ALL_APPS, 8, PurgeReason.EXPIRY),
            b.PurgeRecord(1, 0xFFFF_FFFF, 8, 2),
        ),
        (RecordKind.REMOVED, b.removed_body(4), b.RemovedRecord(4)),
        (RecordKind.TRIMMED, b.trimmed_body(2**33), b.TrimmedRecord(2**33)),
        (RecordKind.SNAPSHOT, b.snapshot_body(POSITION), POSITION),
        (RecordKind.SEALED, b.sealed_body(4, [5, 6]), b.SealedRecord(4, array("Q", [5, 6]))),
        (RecordKind.MESSAGES, b.messages_body(1, COLUMNS), b.MessagesRecord(1, COLUMNS)),
        (RecordKind.HISTORY, b.history_body(1, bytes(32)), b.HistoryRecord(1, bytes(32))),
        (RecordKind.SNAPSHOT_END, [], b.SnapshotEndRecord()),
    ],
)
def test_what_is_written_comes_back(kind: int, chunks: list[bytes], expected: Body):
    assert decoded(kind, chunks) == expected


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        (99, b"", "record 77 has the unknown kind 99"),
        (RecordKind.QUEUE, bytes(11), "record 77 of kind 1"),
        (RecordKind.QUEUE, bytes(12) + b"http://x", "unexpected scheme|scheme"),
        (RecordKind.QUEUE, bytes(12) + b"\xff", "utf-8"),
        (RecordKind.CONFIRMS, bytes(8) + bytes(7), "multiple"),
        (
            RecordKind.MOVED,
            bytes(4) + b"\0\0\0\1" + bytes(4),
            "12 bytes for 1 messages and 0 marks",
        ),
        (RecordKind.MESSAGES, bytes(4) + b"\0\0\0\1" + bytes(47), "55 bytes for 1 messages"),
        (RecordKind.HISTORY, bytes(4) + bytes(15), "15 bytes of GUIDs"),
        (RecordKind.PURGE, bytes(18), "kind 6"),
        (RecordKind.TRIMMED, bytes(7), "kind 8"),
    ],
)
def test_what_is_malformed_is_refused(kind: int, body: bytes, what: str):
    with pytest.raises(RecordError, match=what):
        decoded(kind, [body])
