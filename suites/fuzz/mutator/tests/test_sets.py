from __future__ import annotations

import pytest

from reference_broker.base.limits import EVENT_BYTES_MAX
from reference_broker.config import SampleConfig
from reference_broker.wire import Event, EventReader, EventType, iter_puts
from reference_broker.wire.push import iter_pushes
from suites.fuzz.mutator import describe, sets
from suites.fuzz.mutator.texts import TEXTS
from suites.fuzz.oracles.bodies import check_event


@pytest.mark.parametrize("number", range(len(sets.events())))
def test_events_are_whole_and_have_nothing_wrong(number):
    data = sets.events()[number]
    (event,) = EventReader(EVENT_BYTES_MAX).feed(data)
    check_event(event)
    assert not [line for line in describe(data) if "wrong" in line]


def test_there_is_an_event_of_each_type_that_a_client_sends():
    readers = [next(iter(EventReader(EVENT_BYTES_MAX).feed(data))) for data in sets.events()]
    assert {event.type for event in readers} >= {
        EventType.CONTROL,
        EventType.PUT,
        EventType.CONFIRM,
        EventType.PUSH,
        EventType.ACK,
        EventType.REJECT,
        EventType.HEARTBEAT_REQ,
        EventType.HEARTBEAT_RSP,
        EventType.AUTHENTICATION,
    }


def test_messages_are_read():
    for data in sets.puts():
        assert len(list(iter_puts(data, 0, len(data)))) == 1
        check_event(Event(EventType.PUT, 0, data, 0, len(data)))
    for data in sets.pushes():
        assert len(list(iter_pushes(data, 0, len(data)))) == 1
    assert {len(data) for data in (*sets.confirms(), *sets.acks())} == {24}


def test_the_queues_are_those_of_the_sample_domains():
    text = b"".join(sets.events())
    for domain in ("bmq.test.mem.priority", "bmq.test.mem.fanout"):
        assert domain in SampleConfig().domain_names
        assert domain.encode() in text
    assert len(set(TEXTS)) == len(TEXTS)
