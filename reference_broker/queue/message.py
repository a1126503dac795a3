"""A stored message: a plain tuple, because one is made for every message.

| index | name     | meaning                                                                    |
|-------|----------|----------------------------------------------------------------------------|
| 0     | guid     | 16 bytes                                                                   |
| 1     | flags    | PUSH flags of its next delivery                                            |
| 2     | coding   | compression and wire schema id, `compression << 16 | schema`               |
| 3     | data     | application data with its word padding                                     |
| 4     | size     | bytes of application data without the padding; what limits count           |
| 5     | ordinal  | place in the queue's order of posting; growing, not dense                  |
| 6     | location | where the log has it, `segment << 40 | offset` of the encoded PUT message; |
|       |          | 0 when nothing has it                                                      |
"""

from __future__ import annotations

from typing import TypeAlias

Message: TypeAlias = tuple[bytes, int, int, bytes, int, int, int]


def redelivered(message: Message, out_of_order: int) -> Message:
    """Return the message as it will be delivered again: OUT_OF_ORDER [PUSH-7, PUSH-8]."""
    guid, flags, coding, data, size, ordinal, location = message
    return guid, flags | out_of_order, coding, data, size, ordinal, location
