from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire import compress
from suites.fuzz.mutator import describe, tree, write
from suites.fuzz.mutator.breaks import break_one, values_for, wrong_paddings
from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.edits import Work
from suites.fuzz.mutator.grammars import grammar_named
from suites.fuzz.mutator.tests.examples import PLAIN_PUT, PUT, SEEDS, TWO_PUTS, refusal
from suites.fuzz.mutator.tree import made


def broken(data: bytes, seed: int) -> tuple[bytes, str]:
    root = grammar_named("stream").root(data)
    label = break_one(root, Work(Chance(seed), root, 500))
    return write(root), label


@given(st.integers())
def test_exactly_one_thing_is_wrong(seed):
    new, label = broken(PLAIN_PUT, seed)
    assert label.startswith("break ")
    assert new != PLAIN_PUT
    if "padding" not in label:
        differing = [at for at in range(len(new)) if new[at] != PLAIN_PUT[at]]
        assert len(new) == len(PLAIN_PUT)
        # A field of a header: at most 4 bytes, side by side.
        assert differing[-1] - differing[0] < 4, (label, differing)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("event.length", "eventHeader.length|bytes are left|PUT"),
        ("event.header_words", "headerWords|PUT"),
        ("put.message_words", "PUT"),
        ("put.header_words", "PUT|^$"),
        ("put.option_words", "PUT|^$"),
        ("put.padding", "PUT|^$"),
        ("put.crc", "^$"),
    ],
)
def test_each_derived_field_is_broken(field, said):
    found = [broken(TWO_PUTS, seed) for seed in range(400)]
    refusals = {refusal(new) for new, label in found if label.startswith(f"break {field} ")}
    assert refusals
    assert all(re.search(said, text) for text in refusals), refusals


def test_properties_options_lists_and_texts_are_broken_as_well():
    seeds = (
        PUT,
        SEEDS["b2c_push_subqueueinfos_rda"],
        SEEDS["b2c_ack_batch"],
        SEEDS["c2b_openQueue_readwrite_default"],
        SEEDS["b2c_openQueueResponse_json"],
        SEEDS["b2c_push_zlib"],
    )
    found = {broken(data, seed)[1].split(" ")[1] for data in seeds for seed in range(300)}
    expected = {
        "properties.words", "properties.count", "properties.header_size", "properties.padding",
        "property.number", "property.name_length", "option.words", "acks.item_words",
        "acks.header_words", "ber.length", "ber.end", "ber.padding", "ber.tag", "json.value",
        "json.comma", "zlib.checksum", "zlib.end",
    }  # fmt: skip
    assert expected <= found, sorted(expected - found)


def test_there_is_nothing_to_break_in_nothing():
    assert broken(b"", 1) == (b"", "")


def test_values_are_other_values_at_the_edges():
    words = tree.PUT.by_name["message_words"]
    values = values_for(words, 12, thorough=False)
    assert {0, 1, 11, 13, 3, 48, words.mask, words.mask - 1, 1 << 27} <= set(values)
    assert 12 not in values
    assert len(values_for(words, 12, thorough=True)) > 120
    assert len(values_for(tree.EVENT.by_name["specific"], 0, thorough=True)) == 255


def test_a_right_padding_is_no_wrong_one():
    node = made(tree.BER, b"abc")
    assert b"\1" not in wrong_paddings(node)
    assert b"\4\4\4\4" in wrong_paddings(node)


def test_a_broken_stream_is_no_stream():
    data = SEEDS["b2c_push_zlib"]
    found = {label: new for new, label in (broken(data, seed) for seed in range(300))}
    stream = next(new for label, new in found.items() if label == "break zlib.checksum")
    assert len(stream) == len(data)
    assert compress(b"")[:2] in stream
    assert not [line for line in describe(stream) if "wrong" in line]
