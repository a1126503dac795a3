"""The log that holds what must survive: records, segments, recovery.

The engine turns "these messages were stored" into bytes to append and "these files" back into
what was stored. It opens no file; `core` passes its answers on as effects.
"""

from __future__ import annotations

from reference_broker.storage.log import PartitionLog, SegmentFile
from reference_broker.storage.records import (
    RECORD_HEADER_SIZE,
    ConfirmRecord,
    LogRecord,
    PutRecord,
    QueueRecord,
    RecordKind,
    decode_body,
)
from reference_broker.storage.recovery import RecoveredLog, StorageCorruptionError, recover_log

__all__ = [
    "RECORD_HEADER_SIZE",
    "ConfirmRecord",
    "LogRecord",
    "PartitionLog",
    "PutRecord",
    "QueueRecord",
    "RecordKind",
    "RecoveredLog",
    "SegmentFile",
    "StorageCorruptionError",
    "decode_body",
    "recover_log",
]
