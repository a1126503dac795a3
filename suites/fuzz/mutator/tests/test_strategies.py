from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.base.limits import EVENT_BYTES_MAX
from reference_broker.wire import EventReader, EventType
from suites.fuzz.mutator.strategies import events, streams, target_of
from suites.fuzz.mutator.tests.examples import refusal
from suites.fuzz.oracles.bodies import check_event

PUT_TYPES = (EventType.PUT,)


@settings(max_examples=30)
@given(streams())
def test_streams_are_read_to_their_end(data):
    reader = EventReader(EVENT_BYTES_MAX)
    for event in reader.feed(data):
        check_event(event)
    assert not reader.buffered_bytes


@settings(max_examples=30)
@given(events())
def test_puts_are_not_refused(data):
    if data[4] & 0x3F == EventType.PUT:
        assert refusal(data) == ""


def test_a_test_of_hypothesis_is_a_target():
    seen = []

    @settings(database=None)
    @given(st.binary(max_size=8))
    def test_no_full_buffer(data):
        seen.append(data)
        assert len(data) < 8

    target = target_of(test_no_full_buffer)
    for number in range(256):
        with pytest.MonkeyPatch.context():
            try:
                target(bytes((number,)) * 64)
            except AssertionError:
                break
    assert seen


def test_a_failure_of_the_test_is_a_crash_of_the_target():
    @settings(database=None)
    @given(st.integers())
    def test_always_fails(number):
        raise KeyError(number)

    with pytest.raises(KeyError):
        target_of(test_always_fails)(bytes(64))
