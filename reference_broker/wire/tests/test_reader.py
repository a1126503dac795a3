"""The event reader: the same events however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire import Event, EventReader, EventType, event_header

_LIMIT = 1024


def event(body: bytes, event_type: EventType = EventType.PUT) -> bytes:
    return event_header(event_type, len(body)) + body


def feed_all(reader: EventReader, chunks: list[bytes]) -> tuple[list[bytes], WireError | None]:
    """Feed chunks until the first error; return the bodies and the error."""
    bodies: list[bytes] = []
    for chunk in chunks:
        try:
            bodies += (found.body for found in reader.feed(chunk))
        except WireError as error:
            return bodies, error
    return bodies, None


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


_streams = st.lists(st.binary(max_size=100).map(event), max_size=8).map(b"".join)
_broken = st.sampled_from(
    [
        "00000004 42020000",
        "80000010 42020000",
        "7fffffff 42020000",
        "00000008 02020000",
        "00000008 40020000",
        "00000008 42010000",
    ]
).map(bytes.fromhex)


@given(_streams, st.lists(st.integers(0, 2000), max_size=30))
def test_any_chunking_gives_the_same_events(stream: bytes, places: list[int]):
    whole, _ = feed_all(EventReader(_LIMIT), [stream])
    reader = EventReader(_LIMIT)
    assert feed_all(reader, cut(stream, places)) == (whole, None)
    assert reader.buffered_bytes == 0


@given(_streams, _broken, st.binary(max_size=20), st.lists(st.integers(0, 2000), max_size=30))
def test_an_error_comes_after_the_events_before_it(
    stream: bytes, broken: bytes, rest: bytes, places: list[int]
):
    expected, _ = feed_all(EventReader(_LIMIT), [stream])
    _, blame = feed_all(EventReader(_LIMIT), [broken])
    assert blame is not None
    bodies, error = feed_all(EventReader(_LIMIT), cut(stream + broken + rest, places))
    assert bodies == expected
    assert str(error) == str(blame)


@given(_streams, st.lists(st.integers(0, 2000), max_size=30))
def test_no_more_is_buffered_than_one_event_and_one_chunk(stream: bytes, places: list[int]):
    reader = EventReader(_LIMIT)
    chunks = cut(stream + event(bytes(900))[:-1], places)
    for chunk in chunks:
        list(reader.feed(chunk))
        assert reader.buffered_bytes <= _LIMIT
    assert reader.buffered_bytes == 907


@given(st.binary(max_size=200))
def test_any_bytes_give_events_or_a_wire_error(data: bytes):
    feed_all(EventReader(_LIMIT), [data])


def test_a_dead_reader_stays_dead():
    reader = EventReader(_LIMIT)
    _, error = feed_all(reader, [bytes(8)])
    assert error is not None
    assert reader.error is error
    _, again = feed_all(reader, [event(b"good")])
    assert again is error


def test_too_long_an_event_is_refused_with_its_first_four_bytes():
    reader = EventReader(_LIMIT)
    _, error = feed_all(reader, [(1025).to_bytes(4, "big")])
    assert error is not None
    assert error.value == 1025
    assert reader.buffered_bytes == 0


def test_the_longest_event_is_read():
    bodies, error = feed_all(EventReader(_LIMIT), [event(bytes(1016))])
    assert (len(bodies[0]), error) == (1016, None)


def test_the_limit_can_be_raised_between_two_events():
    reader = EventReader(64)
    stream = event(b"small") + event(bytes(500))
    bodies: list[bytes] = []
    for found in reader.feed(stream):
        bodies.append(found.body)
        reader.event_bytes_max = _LIMIT
    assert [len(body) for body in bodies] == [5, 500]


def test_a_limit_that_fits_no_header_is_our_mistake():
    with pytest.raises(AssertionError):
        EventReader(7)


def test_events_stay_valid_when_more_is_fed():
    reader = EventReader(_LIMIT)
    stream = event(b"first") + event(b"second")
    kept: list[Event] = []
    for byte in stream:
        kept += reader.feed(bytes([byte]))
    assert [found.body for found in kept] == [b"first", b"second"]


def test_a_large_event_in_many_chunks_is_joined_once():
    reader = EventReader(1 << 21)
    data = event(bytes(1 << 20))
    chunks = [data[i : i + 1000] for i in range(0, len(data), 1000)]
    for chunk in chunks[:-1]:
        assert list(reader.feed(chunk)) == []
    (found,) = reader.feed(chunks[-1])
    assert found.end - found.start == 1 << 20


def test_an_empty_chunk_means_nothing():
    reader = EventReader(_LIMIT)
    data = event(b"abc")
    assert list(reader.feed(b"")) == []
    assert list(reader.feed(data[:3])) == []
    assert list(reader.feed(b"")) == []
    (found,) = reader.feed(data[3:])
    assert found.body == b"abc"
