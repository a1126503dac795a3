"""Properties areas put together by hand, right or wrong, without the codec."""

from __future__ import annotations

import struct

import pytest

from reference_broker.base import WireError
from reference_broker.wire.properties import decode_properties


def area(
    *headers: tuple[int, int, int],
    values: bytes = b"",
    padding: bytes | None = None,
    count: int | None = None,
    words: int | None = None,
    sizes: int = 0x1B,
    gap: int = 0,
) -> bytes:
    """Build an area by hand: headers are (type, number, name length), each `gap` bytes too long."""
    body = b"".join(struct.pack(">IH", t << 26 | n, size) + bytes(gap) for t, n, size in headers)
    body += values
    if padding is None:
        count_of_padding = 4 - (6 + len(body)) % 4
        padding = bytes([count_of_padding]) * count_of_padding
    body += padding
    words = (6 + len(body)) // 4 if words is None else words
    count = len(headers) if count is None else count
    return struct.pack(">IBB", sizes << 24 | words, 0, count) + body


def refuse(data: bytes, *, new_style: bool, offset: int = 0) -> WireError:
    with pytest.raises(WireError) as caught:
        decode_properties(data, new_style=new_style, offset=offset)
    return caught.value
