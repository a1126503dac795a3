"""One session with very many streams on one queue: leaving costs each stream once."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.core.tests.pair import Wire, World
from reference_broker.core.tests.shapes import (
    MEM_URI,
    configure_request,
    guid,
    open_request,
    pushes,
    put,
)
from reference_broker.queue.ordinals import OrdinalSet
from reference_broker.wire import put_event
from reference_broker.wire.control import Disconnect

STREAMS = 300


class Counted(list[Any]):
    """A list that counts how often somebody goes through it."""

    def __init__(self, items: list[Any], looks: list[int]) -> None:
        super().__init__(items)
        self.looks = looks

    def __iter__(self) -> Any:
        self.looks[0] += 1
        return super().__iter__()


def crowded(world: World) -> tuple[Wire, list[int]]:
    """Return a client that reads one queue under many ids, each with a message in hand.

    Returns:
        The client, and the counter of looks at the streams' subscriptions.
    """
    wire = world.session()
    for q_id in range(STREAMS):
        wire.send(
            wire.request_event(open_request(MEM_URI, q_id, read=1, write=int(not q_id)))
            + wire.request_event(configure_request(q_id, messages=1))
        )
    wire.take()
    wire.send(put_event([put(n, flags=0) for n in range(STREAMS)]))
    assert len({push.queue_id for push in pushes(wire.events())}) == STREAMS
    (entry,) = world.broker._context.queues.values()
    count = [0]
    for stream in entry.queue.streams:
        stream.subscriptions = Counted(stream.subscriptions, count)
    return wire, count


@pytest.mark.parametrize("how", ["closed", "disconnect", "garbage"])
def test_leaving_looks_at_each_stream_a_few_times(how: str, monkeypatch: pytest.MonkeyPatch):
    world = World()
    wire, looks = crowded(world)
    added: list[int] = []
    add = OrdinalSet.add

    def counting(self: OrdinalSet, ordinal: int) -> None:
        added.append(ordinal)
        add(self, ordinal)

    monkeypatch.setattr(OrdinalSet, "add", counting)
    other = world.session()
    other.send(
        other.request_event(open_request(MEM_URI, read=1))
        + other.request_event(configure_request(priority=-1, messages=2 * STREAMS))
    )
    other.take()
    looks[0] = 0
    if how == "closed":
        wire.close()
    elif how == "disconnect":
        wire.send(wire.request_event(Disconnect()))
    else:
        wire.send(bytes(8))
    assert looks[0] <= 3 * STREAMS
    assert sorted(added) == list(range(STREAMS))  # each message came back once
    found = pushes(other.events())
    assert [push.guid for push in found] == [guid(n) for n in range(STREAMS)]
    assert {push.flags for push in found} == {4}
    (entry,) = world.broker._context.queues.values()
    assert len(entry.queue.streams) == 1


def test_configuring_many_streams_in_one_step_looks_at_each_a_few_times():
    world = World()
    wire, looks = crowded(world)
    requests = [wire.request_event(configure_request(n, messages=2)) for n in range(STREAMS)]
    looks[0] = 0
    wire.send(b"".join(requests))
    assert looks[0] <= 5 * STREAMS
