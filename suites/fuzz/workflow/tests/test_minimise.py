from __future__ import annotations

from reference_broker.base import WireError
from reference_broker.wire import EventReader, PutTuple, iter_puts, put_event
from suites.fuzz.mutator import parse
from suites.fuzz.workflow.minimise import minimised


def puts_of(data: bytes) -> list[PutTuple]:
    try:
        (event,) = EventReader(1 << 20).feed(data)
        return list(iter_puts(event.buffer, event.start, event.end))
    except (WireError, ValueError):
        return []


def test_bytes_go_and_the_rest_becomes_zero():
    data = b"some\xffthing BMQ and\x80 more"
    smallest, executions = minimised(data, lambda data: b"\xff" in data and len(data) > 5)
    assert sorted(smallest) == sorted(b"\xff\0\0\0\0\0")
    assert 5 < executions < 200


def test_a_text_stays_one():
    smallest, _ = minimised(b"key = 'value'", lambda data: len(data) > 3 and b"=" in data)
    assert sorted(smallest) == sorted(b"000=")


def test_a_message_is_left_in_an_event_that_is_still_whole():
    puts = [(n, bytes(16), bytes(40 + n), 0, 0, 0, b"") for n in range(9)]
    data = put_event(puts)

    def fails(data):
        return any(put[2] == 7 for put in puts_of(data))

    smallest, executions = minimised(data, fails, grammar="stream")
    (only,) = puts_of(smallest)
    assert only[2] == 7
    assert len(smallest) <= 8 + 36 + 4
    assert executions < 500


def test_what_is_wrong_by_the_way_is_put_right():
    puts = [(n, bytes(16), b"abc", 0, 0, 0, b"") for n in range(3)]
    data = bytearray(put_event(puts))
    data[8 + 28 + 3] ^= 0xFF  # a checksum
    smallest, _ = minimised(bytes(data), lambda data: len(puts_of(data)) == 3, grammar="stream")
    nodes = [parse(smallest)]
    while nodes:
        node = nodes.pop()
        assert set((node.forced or {}).values()) <= {0}  # as the rest of the bytes
        nodes += [part for part in node.parts if not isinstance(part, bytes)]


def test_it_ends_when_its_executions_are_spent():
    asked = []

    def fails(data):
        asked.append(data)
        return False

    data = bytes(range(200))
    assert minimised(data, fails, executions_max=10) == (data, 10)
    assert len(asked) == 10
    assert minimised(data, fails, seconds_max=0.0) == (data, 0)


def test_a_prefix_stays():
    data = b"\x05" + put_event([(1, bytes(16), b"abc" * 9, 0, 0, 0, b"")])
    smallest, _ = minimised(
        data, lambda data: data[:1] == b"\x05" and bool(puts_of(data[1:])), grammar="stream+1"
    )
    assert smallest[:1] == b"\x05"
    assert len(puts_of(smallest[1:])) == 1


def test_the_empty_input_is_the_smallest():
    assert minimised(b"abc", lambda _: True)[0] == b""
    assert minimised(b"", lambda _: True) == (b"", 0)
