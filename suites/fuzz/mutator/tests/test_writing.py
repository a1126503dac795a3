from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire import (
    Put,
    crc32c,
    event_header,
    iter_puts,
    pad,
    put_event,
)
from reference_broker.wire.options import encode_message_group_id
from reference_broker.wire.properties import decode_properties, encode_properties
from reference_broker.wire.push import push_message
from suites.fuzz.mutator import parse, tree, write
from suites.fuzz.mutator.parsing import open_all
from suites.fuzz.mutator.tests.examples import GUID, PLAIN_PUT, PUT, below
from suites.fuzz.mutator.tree import Node, made


def put_of(root: Node) -> Node:
    """Return the first PUT of a stream."""
    return below(root, 0, 0, 0)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 15), st.integers(0, 2**32 - 1))
def test_a_put_is_written_as_the_product_writes_it(data, flags, queue_id):
    put = made(
        tree.PUT, b"", data, flags=flags, queue_id=queue_id, guid=int.from_bytes(GUID, "big")
    )
    event = made(tree.EVENT, made(tree.PUTS, put), version=1, type=2)
    assert write(event) == put_event([Put(queue_id, GUID, data, flags)])


def test_a_push_is_written_as_the_product_writes_it():
    push = made(tree.PUSH, b"", b"data", guid=int.from_bytes(GUID, "big"), schema=3)
    assert write(push) == push_message(0, GUID, pad(b"data"), schema=3)


def test_lengths_words_and_checksum_follow_a_changed_payload():
    root = parse(PLAIN_PUT)
    put_of(root).parts[1] = b"something longer"
    data = write(root)
    assert int.from_bytes(data[:4], "big") == len(data)
    (put,) = iter_puts(data, 8, len(data))
    assert data[put[7] : put[8]] == b"something longer"
    assert put[4] == crc32c(b"something longer")


def test_options_are_whole_words():
    root = parse(PLAIN_PUT)
    put_of(root).parts[0] = encode_message_group_id("group") + b"x"
    (put,) = iter_puts(write(root), 8, len(write(root)))
    assert put[7] - put[6] == 16


@given(
    st.dictionaries(st.from_regex(r"\A[a-z]{1,5}\Z"), st.binary(max_size=9), min_size=1),
    st.booleans(),
)
def test_property_headers_follow_names_and_values(properties, is_new):
    name = next(iter(properties))
    area = encode_properties(properties, new_style=is_new)
    kind = tree.NEW_DATA if is_new else tree.OLD_DATA
    data = Node(kind, area + b"payload")
    open_all(data)
    for index in range(len(properties)):
        part = below(data, 0, index)
        if part.parts[0] == name.encode():
            part.parts[1] = b"another value"
    expected = {**properties, name: b"another value"}
    decoded = decode_properties(write(data), new_style=is_new)
    assert {name: item.value for name, item in decoded.items()} == expected
    assert write(data).endswith(b"payload")


def test_what_a_node_insists_on_is_written_and_all_else_is_right():
    root = parse(PUT)
    put_of(root).force("option_words", 7)
    data = write(root)
    assert len(data) == len(PUT)
    assert [at for at in range(len(data)) if data[at] != PUT[at]] == [8 + 6]


def test_a_field_is_cut_to_its_width():
    event = made(tree.EVENT, b"", version=1, type=11)
    event.force("header_words", 0x102)
    assert write(event)[5] == 2


def test_longer_headers_count():
    event = made(tree.EVENT, b"body", version=1, type=11)
    event.extra = b"more"
    assert write(event) == b"\0\0\0\x10\x4b\3\0\0morebody"
    assert write(made(tree.EVENT, b"", version=1, type=11)) == event_header(11, 0)
