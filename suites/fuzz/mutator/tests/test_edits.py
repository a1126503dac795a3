from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.wire import Put, put_event
from reference_broker.wire.options import encode_message_group_id
from suites.fuzz.mutator import ber, describe, labelled, parse, tree, write
from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.edits import Work, copied, edit
from suites.fuzz.mutator.grammars import grammar_named
from suites.fuzz.mutator.strategies import streams
from suites.fuzz.mutator.tests.examples import AREA, GUID, PUT, SEEDS, TWO_PUTS
from suites.fuzz.mutator.tree import Kind, Node

OPTIONS = put_event([Put(0, GUID, b"x", 0, options=encode_message_group_id("g"))])
ACKS = SEEDS["b2c_ack_batch"]
PUSH = SEEDS["b2c_push_subqueueinfos_rda"]
OPEN = SEEDS["c2b_openQueue_readwrite_default"]
JSON = SEEDS["b2c_openQueueResponse_json"]
#: Edits that say of headers and lists what their readers step over or refuse, and of bytes anything.
FREE = (
    "bytes", "cut", "type", "specific", "flags", "schema", "compression", "encoding", "version",
    "extend", "fragment", "packed", "ber", "json", "known", "data", "zlib", "acks", "items", "event",
    "resize option", "size", "reject", "confirm",
)  # fmt: skip


def edited(data: bytes, seed: int) -> tuple[bytes, str]:
    root = grammar_named("stream").root(data)
    label = edit(root, Work(Chance(seed), root, 500))
    return write(root), label


def first(node: Node, kind: Kind) -> Node | None:
    """Return the first node of a kind in an open tree."""
    if node.kind is kind:
        return node
    below = (first(part, kind) for part in node.parts if isinstance(part, Node))
    return next((found for found in below if found), None)


def labels(data: bytes, kind: Kind) -> set[str]:
    """Return what edits of a node of one kind do."""
    found = set()
    for seed in range(250):
        root = parse(data)
        node = first(root, kind)
        assert node is not None, kind
        found.add(edit(node, Work(Chance(seed), root, 500)))
    return found


@settings(max_examples=30)
@given(st.sampled_from((PUT, TWO_PUTS, OPTIONS)) | streams(), st.integers())
def test_what_is_edited_has_nothing_wrong(data, seed):
    new, label = edited(data, seed)
    if not any(word in label for word in FREE):
        wrong = [line for line in describe(new) if "wrong" in line]
        assert not wrong, label


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (TWO_PUTS, tree.STREAM, {"insert event", "duplicate event"}),
        (PUT, tree.EVENT, {"set event.type", "cut event.body", "extend event.header"}),
        (OPEN, tree.EVENT, {"change encoding"}),
        (JSON, tree.EVENT, {"change encoding"}),
        (TWO_PUTS, tree.PUTS, {"duplicate put", "delete put", "swap put", "known put.queue_id"}),
        (TWO_PUTS, tree.PUT, {"replay put.guid", "insert options", "insert properties"}),
        (PUT, tree.PUT, {"extend put.header", "flip put.flags", "set put.schema"}),
        (PUT, tree.PUT, {"compress put.data", "set put.compression"}),
        (PUT, tree.NEW_AREA, {"delete property", "move property", "extend property.headers"}),
        (PUT, tree.PROPERTY, {"set property.type", "resize property.name"}),
        (PUT, tree.PROPERTY, {"mutate property.value", "resize property.value"}),
        (OPTIONS, tree.OPTIONS, {"insert option", "set option.type", "flip option.packed"}),
        (PUSH, tree.OPTION, {"set option.id", "resize option", "set option.specific"}),
        (PUSH, tree.PUSHES, {"set push.flags", "duplicate push"}),
        (ACKS, tree.ACKS, {"set ack.status", "delete ack", "extend acks.header"}),
        (ACKS, tree.ACKS, {"extend acks.items", "known ack.guid"}),
        (OPEN, tree.BER, {"set ber.integer", "step ber.integer", "delete ber.element"}),
        (OPEN, tree.BER, {"lengthen ber.length", "change form of ber.length", "set ber.tag"}),
        (JSON, tree.JSON, {"set json.value", "delete json.member", "duplicate json.member"}),
    ],
)
def test_each_kind_has_its_edits(data, kind, expected):
    found = labels(data, kind)
    assert expected <= found, sorted(expected - found)


def test_depths_of_nesting_reach_the_limit():
    text = b"\x30\x80\xa1\x80\0\0\0\0"
    found = {ber.edit(text, Chance(seed), 9)[1] for seed in range(2000)}
    assert {"nest ber.element 32", "nest ber.element 33"} <= found


def test_ids_are_taken_from_elsewhere_in_the_input():
    data = put_event([Put(0x1234_5678, GUID, b"a")]) + put_event([Put(0, bytes(16), b"b")])
    found = {edited(data, seed)[0] for seed in range(800)}
    assert any(new.count(b"\x12\x34\x56\x78") == 2 for new in found)
    assert any(new.count(GUID) == 2 and len(new) == len(data) for new in found)


def test_compression_and_its_field_agree():
    label, new = next(
        (change.label, change.data)
        for change in (labelled(PUT, seed) for seed in range(500))
        if change.label == "compress put.data"
    )
    assert new[15] >> 5 == 1, label
    assert AREA not in new
    assert b"fruit" not in new


def test_a_copy_is_another_node():
    root = grammar_named("stream").root(PUT)
    edit(root, Work(Chance(1), root, 100))
    twin = copied(root.parts[0])
    assert twin is not root.parts[0]
    assert copied(b"x") == b"x"
