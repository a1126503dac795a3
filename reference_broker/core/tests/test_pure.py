"""The broker is a function of its inputs, and of nothing else.

The same inputs give the same effects: twice in one process, and in processes that hash strings
differently. Where the bytes of a connection are cut makes no difference to what is sent.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.base import PeerError
from reference_broker.core.tests.pair import World, control_event, identity_of
from reference_broker.core.tests.shapes import (
    FILE_URI,
    STRONG_URI,
    close_request,
    configure_request,
    guid,
    open_request,
    put,
    puts,
)
from reference_broker.ports import Congested, Drained, Effect, Stop
from reference_broker.wire import HEARTBEAT_REQUEST, EventReader, confirm_event, put_event
from reference_broker.wire.control import ControlMessage, Disconnect, NegotiationMessage
from reference_broker.wire.control.tests import recordings
from reference_broker.wire.properties import encode_properties

_ROOT = Path(__file__).parents[3]


def request(r_id: int, choice: object) -> bytes:
    return control_event(ControlMessage(r_id=r_id, choice=choice))  # type: ignore[arg-type]


def conversation(uri: str = "bmq://test.mem/q") -> list[bytes]:
    """Return what a busy client sends, event by event."""
    area = encode_properties({"b": 1, "a": "x"}, new_style=True)
    return [
        control_event(NegotiationMessage(choice=identity_of())),
        request(1, open_request(uri, read=1, write=1)),
        request(2, configure_request(messages=10)),
        puts(1, 2, 3),
        HEARTBEAT_REQUEST,
        put_event([put(4, area + b"payload", flags=3, schema=3), put(5, b"x" * 3_000)]),
        confirm_event([(0, guid(2), 0), (0, guid(77), 0)]),
        request(3, open_request("bmq://nowhere/q", 1, write=1)),
        puts(6, q_id=1),
        request(4, configure_request(s_id=2, messages=2)),
        puts(1, 7, 8, 9),
        confirm_event([(0, guid(n), 0) for n in (1, 3, 4, 5)]),
        request(5, configure_request(s_id=None)),
        puts(10),
        request(6, close_request(uri, read=1, write=1)),
        puts(11),
        request(7, Disconnect()),
        puts(12),
    ]


def run() -> list[Effect]:
    """Run three clients, a stop of reading and a graceful stop; return all effects."""
    world = World(segment_bytes_max=1_000)
    for uri in ("bmq://test.mem/q", FILE_URI, STRONG_URI):
        reader = world.session()
        reader.send(request(1, open_request(uri, read=1)) + request(2, configure_request()))
        wire = world.connect()
        for event in conversation(uri):
            wire.send(event)
        world.step(Congested(reader.number))
        other = world.session()
        other.send(request(1, open_request(uri, write=1)) + puts(*range(50, 60)))
        world.step(Drained(reader.number))
        reader.close()
    world.advance(3)
    world.step(Stop())
    assert world.has_stopped()
    return world.journal


def digest(effects: list[Effect]) -> str:
    """Return a digest of effects; it tells any difference."""
    return hashlib.sha256(repr(effects).encode()).hexdigest()


def test_the_same_inputs_give_the_same_effects():
    assert run() == run()


@pytest.mark.slow
def test_the_hash_seed_makes_no_difference():
    command = f"from {__name__} import digest, run; print(digest(run()))"
    digests = {
        subprocess.run(
            [sys.executable, "-c", command],
            cwd=_ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(_ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {digest(run())}


# Chunking.


def sent(uri: str, chunks: list[bytes], *, per_step: int = 1) -> tuple[bytes, bytes]:
    """Return what the client that sends `chunks` is sent, and what a bystander is sent."""
    world = World()
    bystander = world.session()
    bystander.send(request(1, open_request(uri, read=1)))
    bystander.send(request(2, configure_request(priority=-1)))
    wire = world.connect()
    for start in range(0, len(chunks), per_step):
        wire.send(*chunks[start : start + per_step])
    return bytes(wire.received), bytes(bystander.received)


def events(data: bytes) -> list[tuple[int, bytes]]:
    return [(event.type, event.body) for event in EventReader(2**20).feed(data)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


_STREAM = b"".join(conversation())


@given(st.lists(st.integers(0, len(_STREAM)), max_size=40))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_cutting_the_bytes_anywhere_changes_no_byte_that_is_sent(places: list[int]):
    # Each event's last byte ends a chunk, so that the steps see the same events; what a step
    # that sees several does differently is the next test's business.
    ends = [sum(map(len, conversation()[:n])) for n in range(1, len(conversation()))]
    chunks = cut(_STREAM, [*places, *ends])
    assert sent("bmq://test.mem/q", chunks) == sent("bmq://test.mem/q", conversation())


@given(st.lists(st.integers(0, len(_STREAM)), max_size=20))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_how_much_comes_at_once_changes_no_answer(places: list[int]):
    """Deliveries are made once per step, so PUSHes may move between answers; the rest may not."""
    mine, _ = sent("bmq://test.mem/q", cut(_STREAM, places))
    expected, _ = sent("bmq://test.mem/q", conversation())
    assert not_pushes(mine) == not_pushes(expected)


def not_pushes(data: bytes) -> list[tuple[int, bytes]]:
    return [event for event in events(data) if event[0] != 4]


@pytest.mark.parametrize("uri", [FILE_URI, "bmq://test.mem/q"])
def test_byte_by_byte(uri: str):
    stream = b"".join(conversation(uri))
    single = [stream[i : i + 1] for i in range(len(stream))]
    assert sent(uri, single) == sent(uri, conversation(uri))


# Whatever comes.


_RECORDED = [event.data for event in recordings.ALL if len(event.data) < 2_000]
_HELLO = conversation()[0]


@given(
    st.lists(st.sampled_from([*conversation()[1:], *_RECORDED]), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 255)), max_size=4),
)
@settings(deadline=None, max_examples=300)
@pytest.mark.slow
def test_whatever_a_peer_sends_the_broker_goes_on(
    sequence: list[bytes], changes: list[tuple[int, int]]
):
    data = bytearray(b"".join(sequence))
    for place, value in changes:
        data[place % len(data)] = value
    world = World()
    bystander, wire = world.session(), world.session()
    wire.send(conversation()[1] + conversation()[2], bytes(data))
    bystander.send(HEARTBEAT_REQUEST)
    assert [event.type for event in bystander.events()] == [12]


@given(st.binary(max_size=400))
@settings(deadline=None)
@pytest.mark.slow
def test_whatever_comes_first_the_broker_goes_on(data: bytes):
    world = World()
    bystander, wire = world.session(), world.connect()
    wire.send(_HELLO[:4] + data)
    bystander.send(HEARTBEAT_REQUEST)
    assert [event.type for event in bystander.events()] == [12]


def test_an_error_of_ours_is_not_taken_for_the_peers():
    assert not issubclass(AssertionError, PeerError)
