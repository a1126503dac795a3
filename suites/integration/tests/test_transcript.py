"""Transcripts: kept cheaply, told in bounded space, in the order of time."""

from __future__ import annotations

from reference_broker.wire import HEARTBEAT_REQUEST, Put, put_event
from suites.integration.transcript import (
    HEAD_ENTRIES_MAX,
    TAIL_ENTRIES_MAX,
    Transcript,
    begin_case,
    decode_talks,
    transcripts,
)

ENTRIES_MAX = HEAD_ENTRIES_MAX + TAIL_ENTRIES_MAX


def told(data: bytes) -> str:
    transcript = Transcript("peer")
    transcript.sent(data)
    return str(transcript)


def test_a_line_is_time_direction_event_and_hex():
    line = told(put_event([Put(3, b"\x40" + bytes(15), b"hello", 1)])).splitlines()[1]
    assert line.startswith("        0.0 ms > PUT queueId=3 guid=40000000000000000000000000000000")
    assert "payload=5 bytes: b'hello'" in line
    assert "  000000" in line


def test_events_that_share_a_packet_have_a_line_each():
    lines = told(HEARTBEAT_REQUEST + HEARTBEAT_REQUEST + b"\0\0").splitlines()
    assert len(lines) == 4
    assert lines[1].endswith("> HEARTBEAT_REQ 8 bytes  000000084b020000")
    assert "> bytes 2 bytes  0000" in lines[3]


def test_space_is_bounded_and_the_beginning_stays():
    transcript = Transcript("peer")
    for number in range(ENTRIES_MAX + 5):
        transcript.note(f"note {number}.")
        transcript.received(b"\xff" * 100_000)
    text = str(transcript)
    assert f"{ENTRIES_MAX + 10} entries are not kept" in text
    assert "note 0." in text
    assert f"note {ENTRIES_MAX + 4}." in text
    assert text.index("note 0.") < text.index("are not kept") < text.index("note 204.")
    assert len(text) < 200 * 1024


def test_a_talk_has_its_gap_where_entries_are_missing():
    transcript = Transcript("peer")
    for number in range(ENTRIES_MAX + 3):
        transcript.note(str(number))
    talk = transcript.talk(transcript.began_at or 0.0)
    assert (talk.gap, talk.left_out, len(talk.entries)) == (HEAD_ENTRIES_MAX, 3, ENTRIES_MAX)
    assert talk.entries[talk.gap].name == str(HEAD_ENTRIES_MAX + 3)
    times = [entry.at_ms for entry in talk.entries]
    assert times == sorted(times)
    short = transcript.talk(transcript.began_at or 0.0, 50)
    assert (short.gap, short.left_out, len(short.entries)) == (40, ENTRIES_MAX - 47, 50)
    assert short.entries[-1].name == str(ENTRIES_MAX + 2)


def test_the_talks_of_a_case_are_bounded_and_ordered_by_their_beginning():
    later, first = Transcript("later"), Transcript("first")
    first.sent(HEARTBEAT_REQUEST)
    later.sent(HEARTBEAT_REQUEST)
    talks = decode_talks([later, first, Transcript("never connected")])
    assert [talk.name for talk in talks] == ["first", "later"]
    assert talks[0].began_ms == 0.0 <= talks[1].began_ms
    many = [Transcript(f"peer {number}") for number in range(100)]
    for transcript in many:
        for _ in range(100):
            transcript.note("x")
    talks = decode_talks(many)
    assert sum(len(talk.entries) for talk in talks) <= 400
    assert talks[-1].name == "76 more connections, which are not shown"


def test_a_process_knows_the_transcripts_of_the_case_at_hand():
    Transcript("of an earlier case")
    begin_case()
    peers = (Transcript("one"), Transcript("two"))
    assert transcripts() == peers
    begin_case()
    assert transcripts() == ()
