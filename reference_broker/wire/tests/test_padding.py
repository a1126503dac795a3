"""Word padding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire import PADDING, pad, padded_size
from reference_broker.wire.padding import unpadded_end


@pytest.mark.parametrize(
    ("data", "padded"),
    [
        (b"", "04040404"),
        (b"a", "61030303"),
        (b"ab", "61620202"),
        (b"abc", "61626301"),
        (b"abcd", "6162636404040404"),
    ],
)
def test_there_is_always_padding_and_each_byte_tells_its_length(data: bytes, padded: str):
    assert pad(data).hex() == padded
    assert padded_size(len(data)) == len(padded) // 2
    assert PADDING[len(data) % 4] == pad(data)[len(data) :]


@given(st.binary(max_size=40), st.binary(max_size=8), st.binary(max_size=8))
def test_padding_comes_off_again(data: bytes, before: bytes, after: bytes):
    buffer = before + pad(data) + after
    start, end = len(before), len(buffer) - len(after)
    assert unpadded_end(buffer, start, end, "x") == start + len(data)


@pytest.mark.parametrize("size", [0, 1, 3, 5, 7])
def test_an_area_is_whole_words(size: int):
    with pytest.raises(WireError) as caught:
        unpadded_end(b"\1" * 8, 0, size, "area")
    assert caught.value.field == "area.size"


@pytest.mark.parametrize("count", [0, 5, 255])
def test_padding_is_one_to_four_bytes(count: int):
    with pytest.raises(WireError) as caught:
        unpadded_end(bytes([1, 1, 1, count]), 0, 4, "area")
    assert (caught.value.field, caught.value.value, caught.value.offset) == (
        "area.padding",
        count,
        3,
    )
