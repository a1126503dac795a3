"""Records: their frame, their checksum, and what a torn one looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base.limits import LOG_RECORD_BYTES_MAX
from reference_broker.storage import (
    RECORD_HEADER_SIZE,
    SEGMENT_HEAD_SIZE,
    RecordError,
    RecordKind,
    SegmentHead,
    decode_segment_head,
    is_torn_tail,
    read_record,
)
from reference_broker.storage.records import (
    encode_record,
    encode_segment_head,
    is_record_cut,
)
from reference_broker.wire import checksum


def record(index: int, body: bytes) -> bytes:
    return b"".join(encode_record(RecordKind.PUTS, index, [body[:3], body[3:]]))


def test_a_record_has_the_documented_bytes():
    data = record(5, b"body")
    assert data[:4] == (4).to_bytes(4, "big")
    assert data[4:24] == b"\x03\0\0\0" + (1).to_bytes(8, "big") + (5).to_bytes(8, "big")
    assert data[24:28] == checksum(b"body").to_bytes(4, "big")
    assert data[28:32] == checksum(data[:28]).to_bytes(4, "big")
    assert data[32:] == b"body"


@given(st.binary(), st.binary(max_size=20))
def test_a_record_is_read_back_wherever_it_lies(body: bytes, before: bytes):
    data = before + record(9, body) + b"rest"
    found = read_record(data, len(before))
    assert bytes(found.body) == body
    assert (found.kind, found.term, found.log_index) == (RecordKind.PUTS, 1, 9)
    assert (found.start, found.end) == (len(before), len(data) - 4)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_change_is_noticed(body: bytes, data: st.DataObject):
    whole = bytearray(record(1, body))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(RecordError):
        read_record(bytes(whole), 0)


def test_a_record_cut_short_says_what_is_left():
    data = record(1, b"body")
    with pytest.raises(RecordError, match="10 bytes where a header of 32 should be"):
        read_record(data[:10], 0)
    with pytest.raises(RecordError, match="body of 4 bytes, but 3 are left"):
        read_record(data[:-1], 0)
    assert all(is_record_cut(data[:kept], 0) for kept in range(len(data)))
    assert not is_record_cut(data, 0)


def test_a_record_larger_than_any_is_refused_and_not_waited_for():
    data = (LOG_RECORD_BYTES_MAX + 1).to_bytes(4, "big") + record(1, b"")[4:28]
    data += checksum(data).to_bytes(4, "big")
    assert not is_record_cut(data, 0)
    with pytest.raises(RecordError, match="at most"):
        read_record(data, 0)


def test_a_segment_head_is_read_back_and_any_change_noticed():
    head = SegmentHead(3, 12, 1_000, 7)
    data = encode_segment_head(head)
    assert len(data) == SEGMENT_HEAD_SIZE
    assert decode_segment_head(data) == head
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 4
        with pytest.raises(RecordError):
            decode_segment_head(bytes(changed))
    with pytest.raises(RecordError, match="39 bytes where a head of 40 should be"):
        decode_segment_head(data[:-1])


def changed(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_a_wrong_length_is_not_waited_for():
    assert not is_record_cut(changed(record(1, b"body"), 0), 0)


# The end.

ONES = (1).to_bytes(16, "big")


def test_a_tail_is_torn_unless_a_whole_record_follows():
    first, second = record(1, b"one"), record(2, b"two")
    for place in (0, RECORD_HEADER_SIZE - 1, RECORD_HEADER_SIZE):  # length, checksum, body
        broken = changed(first + second, place)
        assert not is_torn_tail(broken, 0, 1)
        assert is_torn_tail(broken[:-1], 0, 1)
        assert is_torn_tail(broken[: len(first)], 0, 1)


def test_the_record_behind_may_have_been_damaged_too():
    data = record(1, b"one") + record(2, b"two") + record(3, b"three")
    broken = changed(changed(data, RECORD_HEADER_SIZE), RECORD_HEADER_SIZE + 3 + 4)
    assert not is_torn_tail(broken, 0, 1)


@pytest.mark.parametrize(
    "payload",
    [
        b"x" * 100 + record(2, b"what a peer sent") + b"y" * 1_000,
        b"".join(record(index, b"") for index in range(1_000)),
        ONES * 30_000,
    ],
)
def test_a_record_that_was_cut_short_is_torn_whatever_it_holds(payload: bytes):
    data = record(1, b"one") + record(2, payload)
    start = len(record(1, b"one"))
    for kept in (start, start + 10, start + RECORD_HEADER_SIZE, len(data) // 2, len(data) - 1):
        assert is_torn_tail(data[:kept], start, 2)


def test_a_record_with_an_index_that_cannot_be_there_proves_nothing():
    noise = b"\xff" * 50
    assert is_torn_tail(noise + record(9, b"from elsewhere"), 0, 9)
    assert is_torn_tail(noise + record(11, b"from elsewhere"), 0, 9)
    assert not is_torn_tail(noise + record(10, b"the next one"), 0, 9)
    assert not is_torn_tail(noise + record(700, b"any"), 0, None)


def test_content_that_imitates_headers_is_taken_for_damage():
    forged = record(2, b"forged")[:RECORD_HEADER_SIZE]
    assert is_torn_tail(bytes(40) + forged * 100, 0, 1)
    assert not is_torn_tail(bytes(40) + forged * 10_001, 0, 1)
    assert is_torn_tail(bytes(40) + ONES * 30_000, 0, 1)
