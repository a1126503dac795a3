"""PUSH events."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire import pad
from reference_broker.wire import push as push_module
from reference_broker.wire.options import encode_sub_queue_ids_old
from reference_broker.wire.push import (
    FLAG_IMPLICIT_PAYLOAD,
    ONE_ID_OPTION,
    PUSH_WITH_ID,
    PUSH_WITH_ID_WORD1,
    PUSH_WITH_ID_WORDS,
    iter_pushes,
    push_message,
)
from reference_broker.wire.tests.recorded import read

_GUID = bytes.fromhex("40000000000000000000000000000001")
_ONE = (
    "0000000b 00000208 00000000 40000000000000000000000000000001 0000000004000002 00000001 6f6e6501"
)
_REST = "00000000 40000000000000000000000000000001 00000000 04000002 00000001"


def message(word0: str = "0000000b", word1: str = "00000208", tail: str = "6f6e6501") -> bytes:
    return bytes.fromhex(word0 + word1 + _REST + tail)


def refuse(body: bytes, before: int = 0) -> WireError:
    pushes = iter_pushes(b"HEAD" + body + b"TAIL", 4, 4 + len(body))
    for _ in range(before):
        next(pushes)
    with pytest.raises(WireError) as caught:
        next(pushes)
    return caught.value


def test_the_layout_of_a_recorded_message():
    data = read("b2c_push_oldopt_one")
    assert data == bytes.fromhex("00000034 44020000" + _ONE)
    ((flags, cat, queue, guid, schema, options, start, end, message_end),) = iter_pushes(
        data, 8, len(data)
    )
    assert (flags, cat, queue, guid, schema) == (0, 0, 0, _GUID, 0)
    assert (options, start, end, message_end) == (40, 48, 51, 52)
    assert data[start:end] == b"one"
    option = encode_sub_queue_ids_old([1])
    assert push_message(0, _GUID, pad(b"one"), options=option) == data[8:]


def test_the_busy_paths_struct_writes_the_same():
    words = PUSH_WITH_ID_WORDS + 1
    header = PUSH_WITH_ID.pack(words, PUSH_WITH_ID_WORD1, 0, _GUID, 0, 0, ONE_ID_OPTION, 1)
    assert header + pad(b"one") == bytes.fromhex(_ONE)


def test_every_field_of_the_header_has_its_place():
    text = push_message(
        2**32 - 2, _GUID, pad(b"abc"), options=bytes(4), flags=4, compression=1, schema=0x102
    ).hex()
    assert text == "4000000a" + "00000128" + "fffffffe" + _GUID.hex() + "01020000" + (
        "00000000" + "61626301"
    )


def test_a_header_of_seven_words_has_no_schema_id():
    body = push_message(3, _GUID, pad(b"x"), header_words=7, schema=9)
    assert body[28:] == pad(b"x")
    ((_, _, queue, _, schema, options, start, end, _),) = iter_pushes(body, 0, len(body))
    assert (queue, schema, options, body[start:end]) == (3, 0, 28, b"x")


def test_an_implicit_payload_is_nothing_at_all():
    body = push_message(0, _GUID, b"", flags=FLAG_IMPLICIT_PAYLOAD)
    ((_, _, _, _, _, _, start, end, message_end),) = iter_pushes(body, 0, len(body))
    assert start == end == message_end == 32


def test_empty_data_in_its_padding_is_read():
    body = push_message(0, _GUID, pad(b""))
    ((*_, start, end, message_end),) = iter_pushes(body, 0, len(body))
    assert (start, end, message_end) == (32, 32, 36)


@pytest.mark.parametrize(
    ("body", "field", "value", "offset"),
    [
        (bytes(27), "PUSH[0].header", "27 bytes", 0),
        (message(word1="00000206"), "PUSH[0].headerWords", 6, 7),
        (message("0000000c"), "PUSH[0].messageWords", 12, 0),
        (message("00000009"), "PUSH[0].messageWords", 9, 0),
        (message("00000000"), "PUSH[0].messageWords", 0, 0),
        (message(word1="ffffff08"), "PUSH[0].messageWords", 11, 0),
        (message(tail="6f6e6500"), "PUSH[0].padding", 0, 43),
        (message(tail="6f6e6505"), "PUSH[0].padding", 5, 43),
        # Without data only IMPLICIT_PAYLOAD is right: the last byte belongs to the options.
        (message(word1="00000308"), "PUSH[0].applicationData", "-1 bytes", 44),
    ],
)
def test_a_malformed_message_is_refused(body: bytes, field: str, value: object, offset: int):
    error = refuse(body)
    assert (error.field, error.value, error.offset) == (field, value, offset)


def test_messages_before_a_bad_one_are_yielded_and_it_is_named():
    assert refuse(message() * 2 + b"\0" * 4, before=2).field == "PUSH[2].header"


def test_too_much_application_data_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(push_module, "APPLICATION_DATA_BYTES_MAX", 2)
    assert refuse(message()).field == "PUSH[0].applicationData"


class Push(NamedTuple):
    queue_id: int
    guid: bytes
    data: bytes
    options: bytes
    flags: int
    compression: int
    schema: int
    header_words: int


_pushes = st.builds(
    Push,
    queue_id=st.integers(0, 2**32 - 1),
    guid=st.binary(min_size=16, max_size=16),
    data=st.binary(max_size=40),
    options=st.binary(max_size=10).map(lambda data: data * 4),
    flags=st.integers(0, 15),
    compression=st.integers(0, 7),
    schema=st.integers(0, 65535),
    header_words=st.integers(7, 31),
)


@given(st.lists(_pushes, max_size=5), st.binary(max_size=9))
def test_what_is_written_is_read(pushes: list[Push], before: bytes):
    body = b"".join(
        push_message(
            push.queue_id,
            push.guid,
            pad(push.data),
            options=push.options,
            flags=push.flags,
            compression=push.compression,
            schema=push.schema,
            header_words=push.header_words,
        )
        for push in pushes
    )
    buffer = before + body + b"behind"
    found = []
    position = len(before)
    for flags, cat, queue, guid, schema, options, start, end, message_end in iter_pushes(
        buffer, position, position + len(body)
    ):
        words = (options - position) // 4
        data, area = buffer[start:end], buffer[options:start]
        found.append(Push(queue, guid, data, area, flags, cat, schema, words))
        position = message_end
    expected = [p if p.header_words > 7 else p._replace(schema=0) for p in pushes]
    assert found == expected


@given(st.binary(max_size=120), st.integers(0, 20))
def test_any_bytes_are_messages_or_a_wire_error(data: bytes, start: int):
    start = min(start, len(data))
    with contextlib.suppress(WireError):
        for *_, options, begin, end, message_end in iter_pushes(data, start, len(data)):
            assert start < options <= begin <= end <= message_end <= len(data)
