"""PUT events."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError, limits
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    Compression,
    Put,
    correlation_guid,
    correlation_id_of,
    iter_puts,
    put_event,
    put_message,
)
from reference_broker.wire import put as put_module
from reference_broker.wire.tests.recorded import read

_GUID = bytes.fromhex("4000020000000f94e9102a3e1acc36dd")
_HELLO = "1000000b 00000009 00000000 4000020000000f94e9102a3e1acc36dd 9a71bb4c 00000000"
_DATA = "68656c6c6f030303"


def refuse(body: bytes, before: int = 0) -> WireError:
    """Return the error of a body whose first `before` messages are good."""
    puts = iter_puts(b"HEAD" + body + b"TAIL", 4, 4 + len(body))
    for _ in range(before):
        next(puts)
    with pytest.raises(WireError) as caught:
        next(puts)
    return caught.value


def message(word0: str = "1000000b", word1: str = "00000009", tail: str = _DATA) -> bytes:
    return bytes.fromhex(word0 + word1 + _HELLO[18:] + tail)


def test_the_layout_of_a_recorded_message():
    data = read("c2b_put_new_plain_hello_ack")
    put = Put(0, _GUID, b"hello", FLAG_ACK_REQUESTED)
    assert data.hex() == "0000003442020000" + _HELLO.replace(" ", "") + _DATA
    assert put_event([put]) == data
    assert put_message(put) == data[8:]
    ((flags, cat, queue, guid, crc, schema, options, start, end, message_end, at),) = iter_puts(
        data, 8, len(data)
    )
    assert (flags, cat, queue, guid, crc, schema) == (1, 0, 0, _GUID, 0x9A71BB4C, 0)
    assert (at, options, start, end, message_end) == (8, 44, 44, 49, 52)
    assert data[start:end] == b"hello"


def test_every_field_of_the_header_has_its_place():
    put = Put(7, _GUID, b"x", 3, Compression.ZLIB, 3, bytes(8))
    header = put_message(put, crc=0x9A71BB4C)[:36].hex(" ", 4)
    assert header.replace(" ", "") == (
        "3000000c" + "00000229" + "00000007" + _GUID.hex() + "9a71bb4c" + "00030000"
    )


def test_the_largest_queue_id_survives():
    ((_, _, queue, *_),) = iter_puts(put_message(Put(2**32 - 2, _GUID, b"x")), 0, 40)
    assert queue == 2**32 - 2


def test_a_header_of_eight_words_has_no_schema_id():
    # The two bytes where the schema id would be belong to the data.
    body = bytes.fromhex("1000000a 00000008" + _HELLO[18:-9] + _DATA)
    ((_, _, _, _, crc, schema, options, start, end, _, _),) = iter_puts(body, 0, len(body))
    assert (crc, schema, options) == (0x9A71BB4C, 0, 32)
    assert body[start:end] == b"hello"


def test_a_shortest_message_with_eight_header_words_is_read():
    body = bytes.fromhex("10000009 00000008" + _HELLO[18:-9] + "61030303")
    ((*_, start, end, message_end, _),) = iter_puts(body, 0, len(body))
    assert (body[start:end], message_end) == (b"a", 36)


def test_longer_headers_are_stepped_over():
    body = message("1000000c", "0000000a", "ffffffff" + _DATA)
    ((*_, start, end, _, _),) = iter_puts(body, 0, len(body))
    assert body[start:end] == b"hello"


@pytest.mark.parametrize(
    ("body", "field", "value", "offset"),
    [
        (bytes(31), "PUT[0].header", "31 bytes", 0),
        (message()[:3], "PUT[0].header", "3 bytes", 0),
        (message(word1="00000007"), "PUT[0].headerWords", 7, 7),
        (message(word1="00000000"), "PUT[0].headerWords", 0, 7),
        (message("1000000c"), "PUT[0].messageWords", 12, 0),
        (message("1fffffff"), "PUT[0].messageWords", 2**28 - 1, 0),
        (message("10000000"), "PUT[0].messageWords", 0, 0),
        (message("10000009"), "PUT[0].messageWords", 9, 0),  # no data at all
        (message("10000008"), "PUT[0].messageWords", 8, 0),
        (message(word1="00000209"), "PUT[0].messageWords", 11, 0),  # options take all
        (message(word1="ffffff09"), "PUT[0].messageWords", 11, 0),
        (message(tail="6868686868686800"), "PUT[0].padding", 0, 43),
        (message(tail="6868686868686805"), "PUT[0].padding", 5, 43),
        (message(tail="68686868686868ff"), "PUT[0].padding", 255, 43),
        (message("1000000a", tail="04040404"), "PUT[0].applicationData", "0 bytes", 40),
    ],
)
def test_a_malformed_message_is_refused(body: bytes, field: str, value: object, offset: int):
    error = refuse(body)
    assert (error.field, error.value, error.offset) == (field, value, offset)


def test_a_message_of_34_bytes_is_blamed_for_its_size():
    body = bytes.fromhex("10000009 00000008" + _HELLO[18:-9] + "6103")
    error = refuse(body)
    assert (error.field, error.value) == ("PUT[0].messageWords", 9)


def test_messages_before_a_bad_one_are_yielded_and_it_is_named():
    error = refuse(message() * 2 + message("1000000c"), before=2)
    assert (error.field, error.offset) == ("PUT[2].messageWords", 88)
    assert "only 11 words are left" in error.rule


def test_garbage_behind_the_last_message_is_refused():
    error = refuse(message() + b"\0\0\0\0", before=1)
    assert (error.field, error.value, error.offset) == ("PUT[1].header", "4 bytes", 44)


def test_too_much_application_data_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(put_module, "APPLICATION_DATA_BYTES_MAX", 5)
    assert len(list(iter_puts(message(), 0, 44))) == 1
    body = put_message(Put(0, _GUID, b"sixsix"))
    assert refuse(body).field == "PUT[0].applicationData"


def test_the_limit_is_64_mib():
    assert limits.APPLICATION_DATA_BYTES_MAX == 64 * 2**20


def test_an_empty_event_has_no_messages():
    assert list(iter_puts(b"", 0, 0)) == []
    assert put_event([]).hex() == "0000000842020000"


@pytest.mark.parametrize("number", [0, 1, 0xABCDEF, 0xFFFFFF])
def test_a_correlation_id_stands_in_the_guid_field(number: int):
    guid = correlation_guid(number)
    assert guid == b"\0" + number.to_bytes(3, "big") + bytes(12)
    assert correlation_id_of(guid) == number


_puts = st.builds(
    Put,
    queue_id=st.integers(0, 2**32 - 1),
    guid=st.binary(min_size=16, max_size=16),
    data=st.binary(min_size=1, max_size=40),
    flags=st.integers(0, 15),
    compression=st.integers(0, 7),
    schema=st.integers(0, 65535),
    options=st.binary(max_size=10).map(lambda data: data * 4),
)


@given(st.lists(_puts, max_size=5), st.binary(max_size=9))
def test_what_is_written_is_read(puts: list[Put], before: bytes):
    event = put_event(puts)
    assert event[8:] == b"".join(map(put_message, puts))
    buffer = before + event + b"behind"
    found = [
        Put(queue, guid, buffer[start:end], flags, cat, schema, buffer[options:start])
        for flags, cat, queue, guid, _, schema, options, start, end, _, _ in iter_puts(
            buffer, len(before) + 8, len(before) + len(event)
        )
    ]
    assert found == puts


@given(st.binary(max_size=120), st.integers(0, 20))
def test_any_bytes_are_messages_or_a_wire_error(data: bytes, start: int):
    start = min(start, len(data))
    with contextlib.suppress(WireError):
        for *_, begin, end, message_end, _ in iter_puts(data, start, len(data)):
            assert start < begin < end < message_end <= len(data)


@given(st.lists(_puts, min_size=1, max_size=3), st.data())
def test_a_changed_byte_is_a_message_or_a_wire_error(puts: list[Put], data: st.DataObject):
    body = bytearray(put_event(puts)[8:])
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(WireError):
        assert list(iter_puts(bytes(body), 0, len(body)))
