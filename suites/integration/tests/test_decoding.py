"""Decoding for people: fields by name, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire import (
    FLAG_MESSAGE_PROPERTIES,
    HEARTBEAT_REQUEST,
    Put,
    ack_event,
    confirm_event,
    event_header,
    put_event,
)
from reference_broker.wire.control import (
    ControlMessage,
    Disconnect,
    Encoding,
    NegotiationMessage,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.properties import encode_properties
from suites.harness.report import TalkEntry
from suites.integration.decoding import decode_bytes
from suites.integration.raw import identity

GUID = b"\x40" + bytes(15)


def entries(data: bytes, size: int | None = None) -> list[TalkEntry]:
    return list(decode_bytes(data, len(data) if size is None else size, 1.5, ">"))


def only(data: bytes, size: int | None = None) -> TalkEntry:
    (entry,) = entries(data, size)
    return entry


def test_header_fields_have_names():
    entry = only(HEARTBEAT_REQUEST)
    assert (entry.name, entry.size, entry.hex) == ("HEARTBEAT_REQ", 8, "000000084b020000")
    assert entry.header == {
        "fragment": "0",
        "length": "8",
        "protocolVersion": "1",
        "type": "11",
        "headerWords": "2",
        "typeSpecific": "0",
        "reserved": "0",
    }


def test_a_put_has_flags_and_payload():
    (message,) = only(put_event([Put(3, GUID, b"hello", 1)])).messages
    assert message["queueId"] == "3"
    assert message["guid"] == GUID.hex().upper()
    assert message["flags"] == "1 (ACK_REQUESTED)"
    assert message["compression"] == "0 (NONE)"
    assert message["payload"] == "5 bytes: b'hello'"


def test_a_put_has_its_properties_apart_from_the_payload():
    data = encode_properties({"n": 7, "s": "x"}, new_style=True) + b"payload"
    event = put_event([Put(0, GUID, data, FLAG_MESSAGE_PROPERTIES, 0, 1)])
    (message,) = only(event).messages
    assert message["properties"] == "n=7, s='x'"
    assert message["payload"] == "7 bytes: b'payload'"


def test_acks_and_confirms_have_names_for_their_numbers():
    (ack,) = only(ack_event([(1, 9, GUID, 3)])).messages
    assert (ack["status"], ack["correlationId"]) == ("1 (LIMIT_MESSAGES)", "9")
    (unknown,) = only(ack_event([(9, 0, GUID, 3)])).messages
    assert unknown["status"] == "9 (UNKNOWN)"
    (confirm,) = only(confirm_event([(3, GUID, 2)])).messages
    assert confirm["subQueueId"] == "2"


@pytest.mark.parametrize("encoding", list(Encoding))
def test_control_messages_are_told_as_json(encoding: Encoding):
    event = control_event(ControlMessage(r_id=7, choice=Disconnect()), encoding)
    (message,) = only(event).messages
    assert message["encoding"] == encoding.name
    assert (message["rId"], message["message"]) == ("7", '{"rId":7,"disconnect":{}}')
    event = control_event(NegotiationMessage(choice=identity(host_name="a/b")), encoding)
    assert '"hostName":"a/b"' in only(event).messages[0]["message"]


def test_many_messages_are_counted():
    entry = only(put_event(Put(0, GUID, b"x") for _ in range(100)))
    assert (len(entry.messages), entry.left_out) == (8, 92)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("80000008 4b020000", "the fragment bit is set"),
        ("00000008 8b020000", "protocolVersion is 2"),
        ("00000008 7f020000", "no type has the number 63"),
        ("00000008 4b030000", "headerWords is 3 in an event of 8 bytes"),
        ("00000009 4b020000", "length is 9, and 8 bytes went over at once"),
    ],
)
def test_a_header_that_makes_no_sense_is_told_with_the_reason(header: str, problem: str):
    entry = only(bytes.fromhex(header))
    assert entry.problem == problem
    assert entry.header["headerWords"] in {"2", "3"}


def test_of_a_long_event_what_was_kept_is_told():
    event = put_event(Put(0, GUID, b"x" * 100) for _ in range(3))
    entry = only(event[:200], len(event))
    assert entry.size == len(event)
    assert len(entry.messages) == 1
    assert entry.problem == f"only the first 200 of {len(event)} bytes were kept"


def test_messages_before_a_malformed_one_are_told():
    good = put_event([Put(0, GUID, b"x")])[8:]
    data = event_header(2, len(good) + 4) + good + b"\xff\xff\xff\xff"
    entry = only(data)
    assert len(entry.messages) == 1
    assert "PUT[1]" in entry.problem


@given(st.binary(max_size=200), st.integers(0, 63), st.integers(0, 255))
def test_any_bytes_can_be_told(body: bytes, event_type: int, specific: int):
    header = (8 + len(body)).to_bytes(4, "big") + bytes((0x40 | event_type, 2, specific, 0))
    assert sum(entry.size for entry in entries(body)) == len(body)
    assert sum(entry.size for entry in entries(header + body)) == len(header) + len(body)
