"""The log that holds what must survive: records, segments, snapshots, ledger, recovery.

The engine turns "these messages were stored" into bytes to append and "these files" back into
what was stored. It opens no file; `core` passes its answers on as effects.
"""

from __future__ import annotations

from reference_broker.storage.bodies import ALL_APPS, Body, PurgeReason, decode_body
from reference_broker.storage.columns import (
    OFFSET_MASK,
    SEGMENT_SHIFT,
    STORED_HEADER_SIZE,
    Columns,
    location_of,
    no_columns,
    stored_size,
)
from reference_broker.storage.journal_budget import JournalBudget, JournalRoom
from reference_broker.storage.ledger import (
    Ledger,
    LedgerEntry,
    LedgerHead,
    LedgerRollover,
    decode_ledger_body,
)
from reference_broker.storage.ledger_recovery import LedgerRecovery, RecoveredLedger
from reference_broker.storage.log import (
    SEGMENT_BYTES_DEFAULT,
    LogUsage,
    PartitionLog,
    joined,
)
from reference_broker.storage.names import FoundFile, FoundFiles, PartitionFiles, sort_files
from reference_broker.storage.reading import FileReading, ReadRequest
from reference_broker.storage.records import (
    LEDGER_MAGIC,
    MAGIC_SIZE,
    RECORD_HEADER_SIZE,
    SEGMENT_HEAD_SIZE,
    SEGMENT_MAGIC,
    SNAPSHOT_MAGIC,
    LogRecord,
    RecordError,
    RecordKind,
    SegmentHead,
    StorageCorruptionError,
    decode_segment_head,
    is_torn_tail,
    read_record,
)
from reference_broker.storage.recovery import RecoveredPartition, Recovery
from reference_broker.storage.segments import Removed, SegmentFile
from reference_broker.storage.stored import StoredApp, StoredMessage, StoredQueue, decode_stored

__all__ = [
    "ALL_APPS",
    "LEDGER_MAGIC",
    "MAGIC_SIZE",
    "OFFSET_MASK",
    "RECORD_HEADER_SIZE",
    "SEGMENT_BYTES_DEFAULT",
    "SEGMENT_HEAD_SIZE",
    "SEGMENT_MAGIC",
    "SEGMENT_SHIFT",
    "SNAPSHOT_MAGIC",
    "STORED_HEADER_SIZE",
    "Body",
    "Columns",
    "FileReading",
    "FoundFile",
    "FoundFiles",
    "JournalBudget",
    "JournalRoom",
    "Ledger",
    "LedgerEntry",
    "LedgerHead",
    "LedgerRecovery",
    "LedgerRollover",
    "LogRecord",
    "LogUsage",
    "PartitionFiles",
    "PartitionLog",
    "PurgeReason",
    "ReadRequest",
    "RecordError",
    "RecordKind",
    "RecoveredLedger",
    "RecoveredPartition",
    "Recovery",
    "Removed",
    "SegmentFile",
    "SegmentHead",
    "StorageCorruptionError",
    "StoredApp",
    "StoredMessage",
    "StoredQueue",
    "decode_body",
    "decode_ledger_body",
    "decode_segment_head",
    "decode_stored",
    "is_torn_tail",
    "joined",
    "location_of",
    "no_columns",
    "read_record",
    "sort_files",
    "stored_size",
]
