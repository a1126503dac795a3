"""Inputs that tests of the mutator begin with."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.base.limits import EVENT_BYTES_MAX
from reference_broker.wire import EventReader, Put, iter_puts, put_event
from reference_broker.wire.properties import encode_properties
from suites.fuzz.mutator import GRAMMARS
from suites.fuzz.mutator.strategies import streams
from suites.fuzz.mutator.tree import Node
from suites.fuzz.registry import TARGETS
from suites.fuzz.seeds.recorded import event_reader_seeds

SEEDS = event_reader_seeds()
GUID = bytes.fromhex("400001000000000000000000b15a0001")
AREA = encode_properties({"price": 7, "name": "pear"}, new_style=True)
PUT = put_event([Put(0, GUID, AREA + b"fruit", 2, schema=1)])
PLAIN_PUT = put_event([Put(0, GUID, b"hello", 1)])
TWO_PUTS = put_event([Put(0, GUID, b"hello", 1), Put(5, b"\1" * 16, b"x", 0)])


def corpora() -> Iterator[tuple[str, str, bytes]]:
    """Yield every seed of every target that the mutator knows: its name, its grammar, its bytes."""
    for target in TARGETS.values():
        if target.grammar.removesuffix("-prefixed") in GRAMMARS:
            for name, data in target.seeds().items():
                yield f"{target.id} {name}", target.grammar, data


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Return streams that are recorded, made or noise, cut anywhere, with bytes changed."""
    data = bytearray(
        draw(st.one_of(st.sampled_from(sorted(SEEDS.values())), streams(), st.binary(max_size=64)))
    )
    for at, value in draw(
        st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=4)
    ):
        if at < len(data):
            data[at] = value
    return bytes(data[: draw(st.one_of(st.none(), st.integers(0, 100)))])


def below(node: Node, *path: int) -> Node:
    """Return the node at a path of an open tree."""
    for index in path:
        part = node.parts[index]
        assert isinstance(part, Node), part
        node = part
    return node


def refusal(data: bytes) -> str:
    """Return why the reader or the reader of PUTs refuses a stream; nothing if they do not."""
    reader = EventReader(EVENT_BYTES_MAX)
    try:
        for event in reader.feed(data):
            list(iter_puts(event.buffer, event.start, event.end))
    except WireError as error:
        return str(error)
    return f"{reader.buffered_bytes} bytes are left" if reader.buffered_bytes else ""
