"""Log records: what is written is read, and what is damaged is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import QueueUri
from reference_broker.base.limits import LOG_RECORD_BYTES_MAX
from reference_broker.storage.records import (
    RECORD_HEADER_SIZE,
    ConfirmRecord,
    LogRecord,
    PutRecord,
    QueueRecord,
    RecordError,
    RecordKind,
    confirms_body,
    decode_body,
    encode_record,
    puts_body,
    queue_body,
    read_record,
)
from reference_broker.wire import checksum

URI = QueueUri.parse("bmq://test.file/q")
_numbers = st.integers(0, 2**32 - 1)
_wide = st.integers(0, 2**64 - 1)
_guids = st.lists(st.binary(min_size=16, max_size=16), max_size=5)


def record(kind: int, body: list[bytes], index: int = 1) -> bytes:
    return b"".join(encode_record(RecordKind(kind), 1, index, body))


def test_the_layout_of_a_record():
    data = record(RecordKind.CONFIRMS, confirms_body(7, [bytes(16)]), index=5)
    covered = bytes.fromhex("03 000000 0000000000000001 0000000000000005 00000007 00000000")
    covered += bytes(16)
    assert data.hex() == "00000018" + f"{checksum(covered):08x}" + covered.hex()
    assert len(data) == RECORD_HEADER_SIZE + 24


@given(_numbers, _wide, _wide)
def test_a_queue_record_comes_back(number: int, term: int, index: int):
    data = b"".join(encode_record(RecordKind.QUEUE, term, index, queue_body(number, URI)))
    found = read_record(data, 0)
    assert found == LogRecord(RecordKind.QUEUE, term, index, data[28:], len(data))
    assert decode_body(found) == QueueRecord(number, URI)


@given(_numbers, _wide, st.lists(st.binary(max_size=50), max_size=5))
def test_a_puts_record_comes_back(number: int, wall_ns: int, messages: list[bytes]):
    data = record(RecordKind.PUTS, puts_body(number, wall_ns, messages))
    expected = PutRecord(number, wall_ns, b"".join(messages))
    assert decode_body(read_record(data, 0)) == expected


@given(_numbers, _guids)
def test_a_confirms_record_comes_back(number: int, guids: list[bytes]):
    data = record(RecordKind.CONFIRMS, confirms_body(number, guids))
    assert decode_body(read_record(data, 0)) == ConfirmRecord(number, 0, guids)


def test_records_follow_one_another():
    data = b"SEGMENT!" + record(1, queue_body(1, URI), 1) + record(3, confirms_body(1, []), 2)
    first = read_record(data, 8)
    second = read_record(data, first.end)
    assert (first.log_index, second.log_index, second.end) == (1, 2, len(data))


@given(st.data())
def test_a_flipped_bit_is_noticed(data: st.DataObject):
    whole = record(RecordKind.PUTS, puts_body(1, 2, [b"some message"]))
    damaged = bytearray(whole)
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RecordError):
        read_record(bytes(damaged), 0)


@pytest.mark.parametrize("kept", range(60))
def test_a_record_that_is_cut_short_is_noticed(kept: int):
    whole = record(RecordKind.PUTS, puts_body(1, 2, [b"twenty bytes of data"]))
    assert len(whole) == 60
    with pytest.raises(RecordError):
        read_record(whole[:kept], 0)


def test_an_impossible_size_is_noticed_before_anything_is_read():
    header = (LOG_RECORD_BYTES_MAX + 1).to_bytes(4, "big") + bytes(24)
    with pytest.raises(RecordError, match="at most"):
        read_record(header, 0)


def test_too_large_a_record_is_not_written():
    with pytest.raises(AssertionError):
        encode_record(RecordKind.PUTS, 1, 1, [bytes(LOG_RECORD_BYTES_MAX), b"!"])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (0, b""),
        (4, b"later"),
        (255, b""),
        (RecordKind.QUEUE, b"\0\0\0"),
        (RecordKind.QUEUE, b"\0\0\0\1\xff\xff"),
        (RecordKind.QUEUE, b"\0\0\0\1http://x"),
        (RecordKind.PUTS, bytes(11)),
        (RecordKind.CONFIRMS, bytes(7)),
        (RecordKind.CONFIRMS, bytes(8 + 17)),
    ],
)
def test_a_body_that_says_nothing_is_refused(kind: int, body: bytes):
    with pytest.raises(RecordError, match=r"9|GUIDs"):
        decode_body(LogRecord(kind, 1, 9, body, 0))
