"""Columns: numbers on disk, and what is live where."""

from __future__ import annotations

from array import array
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.storage import Columns, location_of, stored_size
from reference_broker.storage import columns as module
from reference_broker.storage.columns import (
    OFFSET_MASK,
    SEGMENT_SHIFT,
    coding_word,
    cut_columns,
    live_by_segment,
    numbers_from_bytes,
    numbers_to_bytes,
    stored_sizes,
)
from reference_broker.storage.tests.disk import message
from reference_broker.wire import FLAG_ACK_REQUESTED, FLAG_MESSAGE_PROPERTIES

PLACES = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 10_000), st.integers(1, 50)),
    unique_by=lambda place: place[:2],
)


@pytest.mark.parametrize("size", range(1, 10))
def test_stored_size_is_that_of_the_encoded_message(size: int):
    assert stored_size(size) == len(message(1, b"x" * size))


@given(st.lists(st.integers(1, 10_000)))
def test_stored_sizes_is_the_sum(sizes: list[int]):
    assert stored_sizes(array("I", sizes)) == sum(map(stored_size, sizes))


def test_a_location_is_a_segment_and_an_offset():
    location = location_of(7, 1_234)
    assert (location >> SEGMENT_SHIFT, location & OFFSET_MASK) == (7, 1_234)


def test_a_coding_word_says_what_no_checksum_of_the_message_covers():
    assert coding_word(FLAG_ACK_REQUESTED, 0, 0) == 0
    assert coding_word(FLAG_MESSAGE_PROPERTIES, 0, 0) == 1 << 31
    assert coding_word(0, 7, 0) == 7 << 16
    assert coding_word(0, 0, 0xFFFF) == 0xFFFF


@pytest.mark.parametrize("is_little", [True, False])
def test_numbers_are_little_endian_on_disk(is_little: bool, monkeypatch: pytest.MonkeyPatch):
    numbers = array("Q", [1, 2**63])
    monkeypatch.setattr(module, "_IS_LITTLE_ENDIAN", is_little)
    data = numbers_to_bytes(numbers)
    assert numbers_from_bytes("Q", data) == numbers
    expected = b"".join(n.to_bytes(8, "little" if is_little else "big") for n in numbers)
    assert data == expected  # of a machine that is little-endian
    assert numbers == array("Q", [1, 2**63])


@given(PLACES)
def test_live_messages_are_counted_by_segment(places: list[tuple[int, int, int]]):
    locations = array("Q", [location_of(segment, offset) for segment, offset, _ in places])
    counts = Counter(segment for segment, _, _ in places)
    live = live_by_segment(locations, array("I", [size for _, _, size in places]))
    assert {segment: count for segment, (count, _) in live.items()} == counts
    for segment, (_, total) in live.items():
        assert total == sum(stored_size(size) for each, _, size in places if each == segment)


def test_columns_are_cut_in_all_their_parts():
    def numbers(code: str) -> array[int]:
        return array(code, range(5))

    whole = Columns(numbers("Q"), bytes(range(80)), numbers("Q"), *map(numbers, "IQI"))
    part = cut_columns(whole, 1, 3)
    assert part.guids == bytes(range(16, 48))
    for column in (part.ordinals, part.locations, part.sizes, part.arrivals, part.codings):
        assert list(column) == [1, 2]
