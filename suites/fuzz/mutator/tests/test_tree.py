from __future__ import annotations

from suites.fuzz.mutator import tree
from suites.fuzz.mutator.tree import Kind, Node, made


def test_a_layout_goes_from_left_to_right():
    kind = Kind("k", "a:4 b:12* c:16")
    assert kind.size == 4
    assert [(field.name, field.shift, field.bits) for field in kind.fields] == [
        ("a", 28, 4),
        ("b", 16, 12),
        ("c", 0, 16),
    ]
    assert [field.name for field in kind.derived] == ["b"]
    assert kind.plain_mask == 0xF000_FFFF


def test_headers_have_the_sizes_of_the_protocol():
    kinds = (tree.EVENT, tree.PUT, tree.OLD_PUT, tree.PUSH, tree.OLD_PUSH, tree.ACK, tree.CONFIRM)
    assert [kind.size for kind in kinds] == [8, 36, 32, 32, 28, 24, 24]


def test_a_field_is_cut_to_its_width_and_leaves_the_others():
    node = made(tree.EVENT, type=2, specific=1)
    node.set("type", 0x1FF)
    assert (node.get("type"), node.get("specific"), node.get("version")) == (0x3F, 1, 0)


def test_a_repaired_node_insists_on_nothing():
    node = Node(tree.PUT)
    node.force("crc", 1)
    node.padding = b""
    assert "'crc': 1" in repr(node)
    node.repair()
    assert "crc" not in repr(node)
    assert not node.forced
