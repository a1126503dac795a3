"""Event headers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire import HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE, EventType, event_header
from reference_broker.wire.header import encoding_bits, read_event, read_length


def refuse_length(data: bytes, limit: int = 1000) -> WireError:
    with pytest.raises(WireError) as caught:
        read_length(data, 0, limit)
    return caught.value


def refuse_event(data: bytes) -> WireError:
    with pytest.raises(WireError) as caught:
        read_event(data, 0, len(data))
    return caught.value


@pytest.mark.parametrize(
    ("event_type", "byte"),
    [
        (EventType.CONTROL, 0x41),
        (EventType.PUT, 0x42),
        (EventType.CONFIRM, 0x43),
        (EventType.PUSH, 0x44),
        (EventType.ACK, 0x45),
        (EventType.HEARTBEAT_REQ, 0x4B),
        (EventType.HEARTBEAT_RSP, 0x4C),
        (EventType.REJECT, 0x4D),
        (EventType.AUTHENTICATION, 0x4F),
    ],
)
def test_a_header_has_length_type_and_two_words(event_type: EventType, byte: int):
    assert event_header(event_type, 16) == bytes([0, 0, 0, 24, byte, 2, 0, 0])


def test_a_json_control_event_says_so():
    assert event_header(EventType.CONTROL, 16, encoding_bits(1)).hex() == "0000001841022000"


def test_heartbeats_are_bare_headers():
    assert HEARTBEAT_REQUEST.hex() == "000000084b020000"
    assert HEARTBEAT_RESPONSE.hex() == "000000084c020000"


def test_an_event_knows_its_parts():
    data = b"??" + event_header(EventType.CONTROL, 3, encoding_bits(1)) + b"abc!"
    event = read_event(data, 2, 11)
    assert (event.type, event.encoding, event.body) == (EventType.CONTROL, 1, b"abc")
    assert (event.start, event.end) == (10, 13)
    assert str(event) == "CONTROL [3 bytes]"


def test_a_longer_header_is_stepped_over():
    event = read_event(bytes.fromhex("0000000e 42030000 ffffffff 6162"), 0, 14)
    assert event.body == b"ab"


def test_a_body_may_be_empty():
    assert read_event(HEARTBEAT_REQUEST, 0, 8).body == b""


@pytest.mark.parametrize("length", [0, 4, 7])
def test_a_length_below_the_header_is_refused(length: int):
    error = refuse_length(length.to_bytes(4, "big"))
    assert str(error) == (
        f"eventHeader.length is {length} but an event has at least the 8 bytes of its header "
        "(at byte 0)"
    )


def test_the_limit_itself_is_accepted_and_one_byte_more_is_not():
    assert read_length((1000).to_bytes(4, "big"), 0, 1000) == 1000
    error = refuse_length((1001).to_bytes(4, "big"))
    assert (error.field, error.value) == ("eventHeader.length", 1001)
    assert "1000" in error.rule


def test_a_fragment_is_refused():
    assert refuse_length(bytes.fromhex("80000008")).field == "eventHeader.fragment"


@pytest.mark.parametrize(
    ("header", "field", "value", "offset"),
    [
        ("00000008 02020000", "eventHeader.protocolVersion", 0, 4),
        ("00000008 82020000", "eventHeader.protocolVersion", 2, 4),
        ("00000008 c2020000", "eventHeader.protocolVersion", 3, 4),
        ("00000008 40020000", "eventHeader.type", 0, 4),
        ("00000008 50020000", "eventHeader.type", 16, 4),
        ("00000008 7f020000", "eventHeader.type", 63, 4),
        ("00000008 41000000", "eventHeader.headerWords", 0, 5),
        ("00000008 41010000", "eventHeader.headerWords", 1, 5),
        ("00000008 41030000", "eventHeader.headerWords", 3, 5),
        ("00000008 41ff0000", "eventHeader.headerWords", 255, 5),
    ],
)
def test_a_malformed_header_is_refused(header: str, field: str, value: int, offset: int):
    error = refuse_event(bytes.fromhex(header))
    assert (error.field, error.value, error.offset) == (field, value, offset)


@given(st.sampled_from(EventType), st.integers(0, 2**31 - 9), st.integers(0, 7))
def test_what_is_written_is_read(event_type: EventType, size: int, encoding: int):
    header = event_header(event_type, size, encoding_bits(encoding))
    assert read_length(header, 0, 2**31) == size + 8
    event = read_event(header, 0, size + 8)
    assert (event.type, event.encoding) == (event_type, encoding)
    assert (event.start, event.end) == (8, 8 + size)


@given(st.binary(min_size=8, max_size=16))
def test_any_bytes_are_an_event_or_a_wire_error(data: bytes):
    with contextlib.suppress(WireError):
        length = read_length(data, 0, 1 << 20)
        event = read_event(data, 0, length)
        assert 8 <= event.start <= event.end == length
