from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.wire import Compression, Put, compress, event_header, put_event
from reference_broker.wire.properties import encode_properties
from suites.fuzz.mutator import GRAMMARS, describe, parse, write
from suites.fuzz.mutator.grammars import grammar_named
from suites.fuzz.mutator.parsing import PARTS_MAX, open_node
from suites.fuzz.mutator.strategies import streams
from suites.fuzz.mutator.tests.examples import PUT, SEEDS, TWO_PUTS, corpora, inputs

#: Recorded events are right, but for those that are there because they are not.
WELL_FORMED = sorted(
    name for name in SEEDS if name.startswith(("b2c_", "c2b_", "ref_event", "real_b"))
)


def test_every_seed_of_every_target_is_written_as_it_was_read():
    count = 0
    for name, grammar, data in corpora():
        prefix = data[: grammar_named(grammar).prefix_bytes]
        assert prefix + write(parse(data, grammar)) == data, name
        count += 1
    assert count > 1000, count


@settings(max_examples=30)
@given(inputs())
def test_any_stream_is_written_as_it_was_read(data):
    assert write(parse(data)) == data


@given(st.sampled_from(sorted(GRAMMARS)), st.binary(max_size=100))
def test_any_bytes_of_any_grammar_are_written_as_they_were_read(grammar, data):
    assert write(parse(data, grammar)) == data


@settings(max_examples=30)
@given(inputs(), st.integers(0, 3))
def test_what_is_opened_makes_no_difference(data, index):
    root = grammar_named("stream").root(data)
    node = root
    while True:
        open_node(node)
        nodes = [part for part in node.parts if not isinstance(part, bytes)]
        if not nodes:
            break
        node = nodes[index % len(nodes)]
    assert write(root) == data


@pytest.mark.parametrize("name", WELL_FORMED)
def test_nothing_is_wrong_in_recorded_events(name):
    assert not [line for line in describe(SEEDS[name]) if "wrong" in line]


@settings(max_examples=30)
@given(streams())
def test_nothing_is_wrong_in_what_the_strategy_makes(data):
    assert not [line for line in describe(data) if "wrong" in line]


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (3, 0x31, "length = 0x31"),
        (5, 1, "header_words = 0x1"),
        (11, 0x0B, "message_words = 0xb"),
        (13, 1, "option_words = 0x100"),
        (36, 0, "crc = 0x"),
        (-1, 0, "padding none"),
        (-2, 9, "padding 0902"),
    ],
)
def test_what_is_wrong_is_insisted_on_and_said(at, value, said):
    data = bytearray(put_event([Put(0, bytes(16), b"ab")]))
    data[at] = value
    assert said in " ".join(describe(bytes(data)))
    assert write(parse(bytes(data))) == data


def test_a_tree_has_all_that_is_in_an_input():
    lines = describe(PUT + TWO_PUTS)
    assert lines[0] == "stream"
    kinds = [line.split(" @ ")[0] for line in lines]
    for kind, count in {"event": 2, "put": 3, "data": 1, "properties": 1, "property": 2}.items():
        assert kinds.count(kind) == count, lines


def test_compressed_properties_are_in_the_tree():
    old = encode_properties({"a": 1}, new_style=False) + b"x"
    new = encode_properties({"a": 1}, new_style=True) + compress(b"x")
    zlib = Compression.ZLIB
    data = put_event(
        [Put(0, bytes(16), compress(old), 2, zlib), Put(0, bytes(16), new, 2, zlib, 3)]
    )
    kinds = [line.split(" @ ")[0] for line in describe(data)]
    assert kinds.count("property") == kinds.count("zlib") == 2
    assert write(parse(data)) == data


def test_long_lists_are_read_up_to_a_bound():
    data = event_header(11, 0) * 1000
    root = parse(data)
    assert len(root.parts) == PARTS_MAX + 1
    assert write(root) == data
