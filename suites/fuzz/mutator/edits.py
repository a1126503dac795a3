"""Changes of a tree that leave everything else right.

An edit goes down from the root, decides at every node whether to change it or to go on into one of
its parts, and repairs what it passes: after it, lengths, words, checksums and padding on its way are
right, and what it did not touch is as it was. Every edit returns a label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from reference_broker.wire import Compression, EventType
from suites.fuzz.mutator import ber, json_text, sets, tree
from suites.fuzz.mutator.chance import Chance
from suites.fuzz.mutator.conversion import other_encoding
from suites.fuzz.mutator.parsing import data_part, open_node
from suites.fuzz.mutator.tree import Kind, Node
from suites.fuzz.mutator.writing import GROUP_ID, write, written

#: Parts that a list may grow to.
_LIST_MAX: Final = 96
#: Parts above which a list rather loses some: long inputs are slow, and seldom tell more.
_LIST_LONG: Final = 4
#: Bytes that do not count as growth.
_SMALL: Final = 16
_REPEATS: Final = (1, 2, 2, 3, 3, 3, 8, 32)
#: Sizes at which data change their padding, their words or the form of a length.
_SIZES: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 32, 33, 127, 128, 255, 256, 1023, 1024)
_FLAG_PROPERTIES: Final = 2


class Work:
    """One mutation: where its choices come from, and what it works on.

    Attributes:
        chance: the choices.
        root: the tree.
        size_max: bytes that a part may grow to.
        may_grow: whether the input may get much longer than it is.
    """

    __slots__ = ("chance", "may_grow", "root", "size_max")

    def __init__(self, chance: Chance, root: Node, size_max: int, *, may_grow: bool = True) -> None:
        self.chance = chance
        self.root = root
        self.size_max = size_max
        self.may_grow = may_grow

    def known(self, name: str) -> int | None:
        """Return a field's value from anywhere in the input, None if it was not found."""
        node: Node = self.root
        for _ in range(4):
            open_node(node)
            if name in node.kind.by_name:
                return node.get(name)
            nodes = [part for part in node.parts if isinstance(part, Node)]
            if not nodes:
                return None
            node = self.chance.pick(nodes)
        return None


def edit(node: Node, work: Work) -> str:
    """Change something in a node or below it; returns what, as a label."""
    open_node(node)
    node.forced = None
    node.padding = None
    return _EDITS[node.kind](node, work)


def _edit_part(node: Node, index: int, work: Work) -> str:
    """Change something in one part of a node."""
    part = node.parts[index]
    if isinstance(part, Node):
        return edit(part, work)
    node.parts[index] = resized(part, work)
    return f"mutate {node.kind.name}.bytes"


def resized(data: bytes, work: Work) -> bytes:
    """Return changed bytes: mutated, longer or shorter."""
    chance = work.chance
    roll = chance.below(8)
    if roll == 0:
        size = min(chance.pick(_SIZES), work.size_max)
        if work.may_grow or size < len(data) + _SMALL:
            return data[:size].ljust(size, b"x")
    if roll == 1:
        return data[: chance.below(len(data) + 1)]
    if roll == 2:
        return data[: len(data) // 2]
    return chance.mutated(data, work.size_max)


def set_field(node: Node, work: Work) -> str:
    """Change a field that is not derived: to a boundary, or to what it is elsewhere in the input."""
    chance = work.chance
    field = chance.pick(node.kind.plain)
    name = field.name
    if field.bits >= 24 and chance.below(2):
        known = work.known(name)
        if known is not None and known != field.read(node.head):
            node.head = field.put(node.head, known)
            return f"known {node.kind.name}.{name}"
    node.head = field.put(node.head, chance.boundary(field.read(node.head), field.bits))
    return f"set {node.kind.name}.{name}"


def edit_list(node: Node, work: Work, made: Sequence[bytes], kind: Kind) -> str:
    """Insert, delete, repeat or move parts of a list.

    Args:
        node: the list.
        work: of the mutation.
        made: parts that can be inserted.
        kind: what they are.
    """
    chance, parts = work.chance, node.parts
    name = kind.name
    count = len(parts)
    at = chance.below(count + 1)
    roll = chance.below(8)
    if not work.may_grow and count and roll >= 2:
        roll = 1 if count > _LIST_LONG else (4, 5, 8)[chance.below(3)]
    if roll < 2 and count > 1:
        del parts[at % count]
        return f"delete {name}"
    if roll < 4 or count == 0:
        parts.insert(at, Node(kind, chance.pick(made)))
        return f"insert {name}"
    at %= count
    if roll == 8:
        parts[at] = Node(kind, chance.pick(made))
        return f"replace {name}"
    if roll == 4 and count > 1:
        other = chance.below(count)
        parts[at], parts[other] = parts[other], parts[at]
        return f"swap {name}"
    if roll == 5 and count > 1:
        parts.append(parts.pop(at))
        return f"move {name}"
    if not work.may_grow:
        return _edit_part(node, at, work)
    copies = chance.pick(_REPEATS) if roll == 6 else 1
    for _ in range(min(copies, _LIST_MAX - count)):
        parts.insert(chance.below(count + 1) if roll == 7 else at, copied(parts[at]))
    return f"duplicate {name}"


def copied(part: Node | bytes) -> Node | bytes:
    """Return the same part as one of its own."""
    if isinstance(part, bytes):
        return part
    if part.kind is not tree.PROPERTY:
        return Node(part.kind, write(part))
    twin = Node(tree.PROPERTY)  # its header is written by its area, so it is never closed
    twin.head, twin.extra, twin.parts = part.head, part.extra, list(part.parts)
    return twin


def lengthen_header(node: Node, work: Work) -> str:
    """Make a header longer or shorter than it is, which readers step over."""
    words = work.chance.below(4)
    node.extra = work.chance.noise(words * 4) if len(node.extra) != words * 4 else b""
    return f"extend {node.kind.name}.header"


def _edit_stream(node: Node, work: Work) -> str:
    if not node.parts or work.chance.below(6) == 0:
        return edit_list(node, work, sets.events(), tree.EVENT)
    return _edit_part(node, work.chance.below(len(node.parts)), work)


def _edit_event(node: Node, work: Work) -> str:
    chance = work.chance
    roll = chance.below(32)
    body = node.parts[0]
    if roll < 2:
        return set_field(node, work)
    if roll == 2:
        return lengthen_header(node, work)
    if roll == 3:
        node.set("type", chance.below(16))
        return "set event.type"
    if roll == 4 and isinstance(body, Node):
        return _cut_event(node, body, work)
    if roll == 5 and isinstance(body, Node) and body.kind in _TEXT_KINDS:
        return _change_encoding(node, body)
    return _edit_part(node, 0, work)


def _cut_event(node: Node, body: Node, work: Work) -> str:
    """Take away the end of a body; the event's length agrees with what is left."""
    whole = write(body)
    node.parts[0] = whole[: work.chance.below(len(whole) + 1)]
    return "cut event.body"


def _change_encoding(node: Node, body: Node) -> str:
    """Say in JSON what was said in BER, or the reverse."""
    open_node(body)
    text = written(body.parts[0])
    is_json = body.kind is tree.JSON
    other = other_encoding(text, node.get("type"), is_json=is_json)
    if other is None:
        node.set("specific", node.get("specific") ^ 1 << 5)
        return "set event.encoding"
    new = Node(tree.BER if is_json else tree.JSON)
    new.parts.append(other)
    node.parts[0] = new
    node.set("specific", 0 if is_json else 1 << 5)
    return "change encoding"


def _edit_messages(node: Node, work: Work) -> str:
    if not node.parts or work.chance.below(6) == 0:
        is_put = node.kind is tree.PUTS
        made = sets.puts() if is_put else sets.pushes()
        return edit_list(node, work, made, tree.PUT if is_put else tree.PUSH)
    return _edit_part(node, work.chance.below(len(node.parts)), work)


def _edit_message(node: Node, work: Work) -> str:
    roll = work.chance.below(16)
    if roll < 4:
        return set_field(node, work)
    if roll < 6:
        return _reflag(node, work)
    if roll == 6:
        return lengthen_header(node, work)
    if roll == 7:
        return _recompress(node)
    if roll < 11:
        return _edit_options_of(node, work)
    if roll == 11:
        return _edit_properties_of(node, work)
    return _edit_part(node, 1, work)


def _reflag(node: Node, work: Work) -> str:
    """Change what readers decide by: a flag, the style of properties, the compression, a GUID."""
    chance = work.chance
    roll = chance.below(4)
    name = node.kind.name
    if roll == 0:
        node.set("flags", node.get("flags") ^ 1 << chance.below(4))
        return f"flip {name}.flags"
    if roll == 1 and "schema" in node.kind.by_name:
        node.set("schema", chance.pick((0, 1, 2, 3, 5)))
        return f"set {name}.schema"
    if roll == 2:
        node.set("compression", chance.pick((0, 1, 2, 7)))
        return f"set {name}.compression"
    guid = work.known("guid")
    node.set("guid", int.from_bytes(chance.pick(sets.GUIDS), "big") if guid is None else guid)
    return f"replay {name}.guid"


def _recompress(node: Node) -> str:
    """Compress what is plain, or inflate what is compressed; the header agrees with it."""
    data = node.parts[1]
    if isinstance(data, Node) and data.kind in _ZLIB_KINDS:
        open_node(data)
        if data.head:
            node.parts[1] = data.parts[0]
        node.set("compression", Compression.NONE)
        return f"decompress {node.kind.name}.data"
    stream = Node(tree.ZLIB)
    stream.head = 1
    stream.parts.append(written(data))
    node.parts[1] = stream
    node.set("compression", Compression.ZLIB)
    return f"compress {node.kind.name}.data"


def _edit_options_of(node: Node, work: Work) -> str:
    options = node.parts[0]
    if isinstance(options, Node):
        return edit(options, work)
    node.parts[0] = Node(tree.OPTIONS, work.chance.pick(sets.options()))
    return "insert options"


def _edit_properties_of(node: Node, work: Work) -> str:
    """Put properties in front of the payload, or take them away, or only say so."""
    chance = work.chance
    has_properties = node.get("flags") & _FLAG_PROPERTIES
    if has_properties or node.get("compression"):
        return _edit_part(node, 1, work)
    is_new = "schema" in node.kind.by_name and chance.below(2) == 1
    area = chance.pick(sets.areas(new_style=is_new))
    node.set("flags", node.get("flags") | _FLAG_PROPERTIES)
    if "schema" in node.kind.by_name:
        node.set("schema", 1 if is_new else 0)
    data = area + written(node.parts[1])
    node.parts[1] = data_part(data, 0, int(is_new), _FLAG_PROPERTIES)
    return "insert properties"


def _edit_items(node: Node, work: Work) -> str:
    chance = work.chance
    roll = chance.below(16)
    if roll == 0:
        return set_field(node, work)
    if roll == 1:
        return lengthen_header(node, work)
    if roll == 2:
        return _lengthen_items(node, work)
    if roll < 6 or not node.parts:
        made = sets.acks() if node.kind is tree.ACKS else sets.confirms()
        label = edit_list(node, work, made, _ITEMS[node.kind])
        _level_items(node)
        return label
    return _edit_part(node, chance.below(len(node.parts)), work)


def _lengthen_items(node: Node, work: Work) -> str:
    """Give all messages of a list the same bytes behind what is known of them."""
    extra = bytes(4 * work.chance.below(10))
    for part in node.parts:
        if isinstance(part, Node):
            open_node(part)
            part.extra = extra
    return f"extend {node.kind.name}.items"


def _level_items(node: Node) -> None:
    """Let all messages of a list be as long as the first one."""
    size: int | None = None
    for part in node.parts:
        if isinstance(part, Node):
            open_node(part)
            size = len(part.extra) if size is None else size
            part.extra = part.extra[:size].ljust(size, b"\0")


def _edit_options(node: Node, work: Work) -> str:
    if not node.parts or work.chance.below(3) == 0:
        return edit_list(node, work, sets.options(), tree.OPTION)
    return _edit_part(node, work.chance.below(len(node.parts)), work)


def _edit_option(node: Node, work: Work) -> str:
    chance = work.chance
    roll = chance.below(8)
    if roll < 2:
        return set_field(node, work)
    if roll == 2:
        node.set("type", chance.below(5))
        return "set option.type"
    if roll == 3:
        node.set("packed", 1 - node.get("packed"))
        return "flip option.packed"
    body = written(node.parts[0])
    if roll == 4:
        node.parts[0] = body[:-4] if chance.below(2) else body + chance.noise(4)
        return "resize option"
    if roll == 5 and node.get("type") != GROUP_ID and len(body) >= 4:
        at = 4 * chance.below(len(body) // 4)
        value = chance.boundary(int.from_bytes(body[at : at + 4], "big"), 32)
        node.parts[0] = body[:at] + value.to_bytes(4, "big") + body[at + 4 :]
        return "set option.id"
    return _edit_part(node, 0, work)


def _edit_parts(node: Node, work: Work) -> str:
    if not node.parts:
        node.parts.append(b"x")
        return f"insert {node.kind.name}"
    return _edit_part(node, work.chance.below(len(node.parts)), work)


def _edit_data(node: Node, work: Work) -> str:
    """Change properties more often than the payload behind them."""
    if node.parts and work.chance.below(4):
        return _edit_part(node, 0, work)
    return _edit_parts(node, work)


def _edit_area(node: Node, work: Work) -> str:
    chance = work.chance
    roll = chance.below(16)
    count = len(node.parts)
    if roll == 0:
        return set_field(node, work)
    if roll == 1:
        node.extra = b"" if node.extra else chance.noise(2 * chance.below(5))
        return "extend properties.header"
    if roll == 2:
        extra = bytes(2 * chance.below(5))
        for part in node.parts:
            assert isinstance(part, Node), part
            part.extra = extra
        return "extend property.headers"
    if count == 0 or roll < 7:
        return _edit_properties(node, work)
    return _edit_part(node, chance.below(count), work)


def _edit_properties(node: Node, work: Work) -> str:
    """Insert, delete, repeat or move properties; an area always has one."""
    chance, parts = work.chance, node.parts
    size = len(parts[0].extra) if parts and isinstance(parts[0], Node) else 0
    new: Node | bytes
    roll = chance.below(5)
    if roll == 0 and len(parts) > 1:
        del parts[chance.below(len(parts))]
        return "delete property"
    if roll == 1 and len(parts) > 1:
        parts.append(parts.pop(chance.below(len(parts) - 1)))
        return "move property"
    if roll == 2 and parts:
        new, label = copied(chance.pick(parts)), "duplicate property"
    else:
        head, name, value = chance.pick(_PROPERTIES)
        new, label = _property(head, name, value, size), "insert property"
    parts.insert(chance.below(len(parts) + 1), new)
    return label


def _property(head: int, name: bytes, value: bytes, extra_bytes: int) -> Node:
    node = tree.made(tree.PROPERTY, name, value)
    node.head, node.extra = head, bytes(extra_bytes)
    return node


def _edit_property(node: Node, work: Work) -> str:
    chance = work.chance
    roll = chance.below(8)
    if roll == 0:
        return set_field(node, work)
    if roll == 1:
        node.set("type", chance.below(9))
        return "set property.type"
    if roll == 2:
        size = chance.pick((0, 1, 2, 4, 8, 255, 256))
        node.parts[1] = written(node.parts[1])[:size].ljust(size, b"\0")
        return "resize property.value"
    if roll == 3:
        size = chance.pick((0, 1, 9, 63, 64, 255, 256))
        node.parts[0] = written(node.parts[0])[:size].ljust(size, b"n")
        return "resize property.name"
    _edit_part(node, 1 if roll < 7 else 0, work)
    return "mutate property.value" if roll < 7 else "mutate property.name"


def _edit_zlib(node: Node, work: Work) -> str:
    """Change what a stream holds; it is compressed anew."""
    label = _edit_part(node, 0, work)
    return f"{label} in zlib" if node.head else label


def _edit_item(node: Node, work: Work) -> str:
    return set_field(node, work)


def _edit_ber(node: Node, work: Work) -> str:
    chance = work.chance
    known = work.known("queue_id") if chance.below(16) == 0 else None
    octets = b"" if known is None else known.to_bytes(5, "big").lstrip(b"\0") or b"\0"
    text, label = ber.edit(written(node.parts[0]), chance, work.size_max, octets)
    node.parts[0] = text
    return label


def _edit_json(node: Node, work: Work) -> str:
    chance = work.chance
    known = work.known("queue_id") if chance.below(16) == 0 else None
    digits = b"" if known is None else b"%d" % known
    text, label = json_text.edit(written(node.parts[0]), chance, work.size_max, digits)
    node.parts[0] = text
    return label


_ZLIB_KINDS: Final = frozenset((tree.ZLIB, tree.ZLIB_DATA))
_TEXT_KINDS: Final = frozenset((tree.BER, tree.JSON))
_ITEMS: Final[Mapping[Kind, Kind]] = {
    tree.ACKS: tree.ACK,
    tree.CONFIRMS: tree.CONFIRM,
    tree.REJECTS: tree.REJECT,
}
#: Header, name and value of properties that are inserted; one has a name that others have.
_PROPERTIES: Final = (
    (1 << 42, b"flag", b"\1"),
    (2 << 42, b"char", b"c"),
    (3 << 42, b"short", b"\xff\xff"),
    (4 << 42, b"price", b"\0\0\0\7"),
    (5 << 42, b"long", b"\x80" + bytes(7)),
    (6 << 42, b"name", "päär".encode()),
    (7 << 42, b"blob", b"\0\xff"),
    (6 << 42, b"z" * 200, b""),
)
_EDITS: Final[Mapping[Kind, Callable[[Node, Work], str]]] = {
    tree.STREAM: _edit_stream,
    tree.EVENT: _edit_event,
    tree.PUTS: _edit_messages,
    tree.PUT: _edit_message,
    tree.OLD_PUT: _edit_message,
    tree.PUSHES: _edit_messages,
    tree.PUSH: _edit_message,
    tree.OLD_PUSH: _edit_message,
    tree.ACKS: _edit_items,
    tree.ACK: _edit_item,
    tree.CONFIRMS: _edit_items,
    tree.CONFIRM: _edit_item,
    tree.REJECTS: _edit_items,
    tree.REJECT: _edit_item,
    tree.OPTIONS: _edit_options,
    tree.OPTION: _edit_option,
    tree.OLD_DATA: _edit_data,
    tree.NEW_DATA: _edit_data,
    tree.ZLIB_PAYLOAD_DATA: _edit_data,
    tree.OLD_AREA: _edit_area,
    tree.NEW_AREA: _edit_area,
    tree.PROPERTY: _edit_property,
    tree.ZLIB: _edit_zlib,
    tree.ZLIB_DATA: _edit_zlib,
    tree.BER: _edit_ber,
    tree.JSON: _edit_json,
    tree.BYTES: _edit_parts,
    tree.BER_TEXT: _edit_ber,
    tree.JSON_TEXT: _edit_json,
}
assert int(EventType.AUTHENTICATION) < 16, "set event.type chooses among all that exist"
