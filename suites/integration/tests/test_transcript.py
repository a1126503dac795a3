"""Transcripts: any bytes can be told, in bounded space."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire import HEARTBEAT_REQUEST, Put, ack_event, put_event
from reference_broker.wire.control import ControlMessage, Disconnect, NegotiationMessage
from reference_broker.wire.control_event import control_event
from suites.integration.raw import identity
from suites.integration.transcript import ENTRIES_MAX, Transcript


def told(data: bytes) -> str:
    transcript = Transcript("peer")
    transcript.sent(data)
    return str(transcript)


def test_messages_are_told_in_words():
    put = put_event([Put(3, b"\x40" + bytes(15), b"hello", 1)])
    assert "> PUT q3 40000000000000000000000000000000 flags=1" in told(put)
    assert "status=5" in told(ack_event([(5, 0, bytes(16), 3)]))
    assert "rId=7 Disconnect()" in told(control_event(ControlMessage(r_id=7, choice=Disconnect())))
    assert "ClientIdentity(" in told(control_event(NegotiationMessage(choice=identity())))
    assert "HEARTBEAT_REQ" in told(HEARTBEAT_REQUEST)


def test_events_that_share_a_packet_have_a_line_each():
    lines = told(HEARTBEAT_REQUEST + HEARTBEAT_REQUEST + b"\0\0").splitlines()
    assert len(lines) == 4
    assert lines[1] == "  > HEARTBEAT_REQ  000000084b020000"
    assert lines[3].startswith("  > 2 bytes")


def test_many_messages_are_counted():
    assert "and 96 more" in told(put_event(Put(0, bytes(16), b"x") for _ in range(100)))


def test_space_is_bounded():
    transcript = Transcript("peer")
    for number in range(ENTRIES_MAX + 5):
        transcript.sent(HEARTBEAT_REQUEST)
        transcript.received(b"\xff" * 100_000)
        transcript.note(f"note {number}")
    text = str(transcript)
    assert "earlier entries are not kept" in text
    assert f"note {ENTRIES_MAX + 4}" in text
    assert "note 0\n" not in text
    assert len(text) < 200 * 1024


@given(st.binary(max_size=200), st.integers(0, 63), st.integers(0, 255))
def test_any_bytes_can_be_told(body: bytes, event_type: int, specific: int):
    header = (8 + len(body)).to_bytes(4, "big") + bytes((0x40 | event_type, 2, specific, 0))
    told(body)
    assert told(header + body).count("\n") >= 1
