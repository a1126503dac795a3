"""What a file of the log says, record by record, and where it is damaged.

Every line is a dictionary: the offset of the record in the file, its kind, its index, and what it
says. A queue's number is followed by its URI, once a record has named it. The last line of a damaged
file says where and what; nothing behind it is shown.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, TypeAlias

from reference_broker.base import GUID_SIZE, QueueUri, WireError
from reference_broker.storage import (
    LEDGER_MAGIC,
    MAGIC_SIZE,
    SEGMENT_HEAD_SIZE,
    SEGMENT_MAGIC,
    SNAPSHOT_MAGIC,
    Columns,
    LedgerEntry,
    LedgerHead,
    LogRecord,
    RecordError,
    RecordKind,
    decode_body,
    decode_ledger_body,
    decode_segment_head,
    is_torn_tail,
    read_record,
)
from reference_broker.wire import iter_puts

#: What one record or one piece of damage says.
Line: TypeAlias = dict[str, "str | int | bool | list[str] | list[int]"]
_ENDS: Final = 2  # of a long column, from its beginning


def dump(data: bytes) -> Iterator[Line]:
    """Yield what a segment, a snapshot or a ledger says.

    Args:
        data: content of the file.
    """
    magic = data[:MAGIC_SIZE]
    if magic not in (SEGMENT_MAGIC, SNAPSHOT_MAGIC, LEDGER_MAGIC):
        yield {"offset": 0, "damage": f"it starts with {magic!r}, which no log file does"}
        return
    offset = MAGIC_SIZE
    index = 1
    uris: dict[int, str] = {}
    if magic == SEGMENT_MAGIC:
        try:
            head = decode_segment_head(data)
        except RecordError as error:
            yield _damage(data, 0, None, error)
            return
        yield {"offset": 0, "kind": "HEAD", **head._asdict()}
        offset = SEGMENT_HEAD_SIZE
        index = head.first_index
    while offset < len(data):
        try:
            record = read_record(data, offset)
            said = _ledger(record) if magic == LEDGER_MAGIC else _body(record, uris)
        except RecordError as error:
            yield _damage(data, offset, index, error)
            return
        kind = RecordKind(record.kind).name
        yield {"offset": offset, "kind": kind, "index": record.log_index, **said}
        offset = record.end
        index = record.log_index + 1


def _damage(data: bytes, offset: int, index: int | None, error: RecordError) -> Line:
    is_torn = is_torn_tail(data, offset, index)
    after = "nothing whole follows: an unfinished end" if is_torn else "whole records follow"
    return {"offset": offset, "damage": str(error), "after": after}


def iso_time(wall_ns: int) -> str:
    """Return a time in nanoseconds since the epoch as ISO 8601, in UTC."""
    second, fraction = divmod(wall_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(second, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def _body(record: LogRecord, uris: dict[int, str]) -> Line:
    """Return what a record of a partition says; the URI of a queue is taken to `uris`."""
    line: Line = {}
    fields = decode_body(record)._asdict()
    if isinstance(uri := fields.pop("uri", None), QueueUri):
        uris[fields["queue"]] = uri.canonical
    for name, value in fields.items():
        if name == "queue":
            line[name] = value
            if value in uris:
                line["uri"] = uris[value]
        elif name == "offset":  # not the record's own: where a snapshot leaves the log
            line["segment_offset"] = value
        elif name == "wall_ns":
            line |= {name: value, "time": iso_time(value)}
        elif isinstance(value, memoryview):
            line |= _messages(bytes(value))
        elif isinstance(value, Columns):
            line |= {f"{part}_{key}": each for part, column in value._asdict().items()
                     for key, each in _column(column).items()}  # fmt: skip
        elif isinstance(value, array | bytes | list):
            line |= {f"{name}_{key}": each for key, each in _column(value).items()}
        else:
            line[name] = value
    return line


def _column(column: array[int] | bytes | list[tuple[int, int]]) -> Line:
    """Return how many entries a column has, and its ends."""
    if isinstance(column, bytes):
        guids = [column[i : i + GUID_SIZE].hex().upper() for i in (0, len(column) - GUID_SIZE)]
        return {"count": len(column) // GUID_SIZE, "ends": guids if column else []}
    if len(column) <= _ENDS:
        return {"count": len(column), "ends": [str(each) for each in column]}
    return {"count": len(column), "ends": [str(column[0]), str(column[-1])]}


def _messages(data: bytes) -> Line:
    try:
        puts = list(iter_puts(data, 0, len(data)))
    except WireError as error:
        raise RecordError(f"a message is malformed: {error}") from error
    guids = b"".join([put[3] for put in puts])
    line = {f"guids_{key}": value for key, value in _column(guids).items()}
    return {"messages": len(puts), "bytes": sum(put[8] - put[7] for put in puts), **line}


def _ledger(record: LogRecord) -> Line:
    match decode_ledger_body(record):
        case LedgerHead(log_id, serial):
            return {"log_id": log_id.hex().upper(), "serial": serial}
        case LedgerEntry(uri, key, partition, number, apps):
            return {
                "uri": uri.canonical,
                "key": key.hex().upper(),
                "partition": partition,
                "number": number,
                "apps": list(apps),
            }
        case (uri, apps):
            return {"uri": uri, "apps": list(apps)}
        case str(uri):
            return {"uri": uri}
        case None:
            return {}
