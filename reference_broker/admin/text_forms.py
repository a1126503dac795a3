"""Pieces of the TEXT form: indentation, numbers, sizes, capacities and tables of queues."""

from __future__ import annotations

from typing import Final

from reference_broker.admin.parts import CapacityMeter, StorageContent

_UNITS: Final = (" B", "KB", "MB", "GB", "TB", "PB")
_RESERVED_IDS: Final = ((2**32 - 10, "RESERVED"), (2**32 - 2, "PRIMARY"), (2**32 - 1, "UNASSIGNED"))


def at(level: int, text: str) -> str:
    """Return a line at a level of indentation."""
    return "    " * level + text


def headed(level: int, title: str, underline: str) -> list[str]:
    """Return a title and the line under it."""
    return [at(level, title), at(level, underline)]


def size_text(size: int) -> str:
    """Return a number of bytes in the largest unit of which there is one: `60  B`, `1.00 KB`."""
    sign, size = ("-", -size) if size < 0 else ("", size)
    unit = min(max(size.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    if unit == 0:
        return f"{sign}{size} {_UNITS[0]}"
    # In thousandths, rounded to hundredths.
    hundredths = (size * 1000 // 1024**unit + 5) // 10
    return f"{sign}{hundredths // 100}.{hundredths % 100:02d} {_UNITS[unit]}"


def queue_id_text(queue_id: int) -> str:
    """Return a queue's id; some are names."""
    return next((name for value, name in _RESERVED_IDS if value == queue_id), str(queue_id))


def flag_text(flag: bool) -> str:  # noqa: FBT001
    """Return a bool as JSON has it."""
    return "true" if flag else "false"


def capacity_lines(meter: CapacityMeter, level: int) -> list[str]:
    """Return a meter and those above it, up to one that is off."""
    if meter.is_disabled:
        return [at(level, "[ ** DISABLED ** ]")]
    messages = f"current: {meter.num_messages:,}, limit: {meter.message_capacity:,}"
    if meter.num_messages_reserved:
        messages += f", reserved: {meter.num_messages_reserved:,}"
    size = f"current: {size_text(meter.num_bytes)}, limit: {size_text(meter.byte_capacity)}"
    if meter.num_bytes_reserved:
        size += f", reserved: {size_text(meter.num_bytes_reserved)}"
    lines = [
        at(level, f"{meter.name}:"),
        at(level + 1, f"Messages: [{messages}]"),
        at(level + 1, f"Bytes   : [{size}]"),
    ]
    return lines if meter.parent is None else lines + capacity_lines(meter.parent, level)


def queue_table(content: StorageContent, level: int) -> list[str]:
    """Return a table of what queues store; without queues there is not even a heading."""
    if not content.storages:
        return []
    heading = " QueueKey    Partition    NumMsgs    NumBytes                QueueUri"
    lines = [at(level, heading)]
    for queue in content.storages:
        row = (
            f"{queue.queue_key} {queue.partition_id:7d}      {queue.num_messages:>8,}"
            f"  {size_text(queue.num_bytes):>10}    {queue.queue_uri}"
        )
        lines.append(at(level, row if queue.is_persistent else f"{row}  (non-persistent)"))
    return lines
