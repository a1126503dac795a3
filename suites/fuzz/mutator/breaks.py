"""Changes that break exactly one thing: one derived field, or the padding, lies; all else is right.

A length that lies is the only thing that does: what is inside and around it says what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from suites.fuzz.mutator import ber, json_text, tree
from suites.fuzz.mutator.edits import Work, copied
from suites.fuzz.mutator.parsing import open_node
from suites.fuzz.mutator.tree import Field, Kind, Node
from suites.fuzz.mutator.writing import derived_head, right_padding, write, written

#: What paddings are replaced by; each is wrong for most data.
_PADDINGS: Final = (
    b"", b"\0", b"\0\0\0\0", b"\5\5\5\5", b"\xff\xff\xff\xff", b"\1", b"\2\2", b"\3\3\3", b"\4\4\4\4",
    b"\4", b"\1\1\1\1", b"\4\4\4\3", b"\x08" * 8,
)  # fmt: skip
_BER_KINDS: Final = frozenset((tree.BER, tree.BER_TEXT))
_TEXT_KINDS: Final = frozenset((*_BER_KINDS, tree.JSON, tree.JSON_TEXT))
_ZLIB_KINDS: Final = frozenset((tree.ZLIB, tree.ZLIB_DATA))
_GROUP_ID: Final = 2
_STREAM_BYTES_MIN: Final = 8
#: Around these quotients of a field's largest value comparisons go wrong; so far around.
_QUOTIENTS: Final = (1, 2, 3, 4, 8, 16, 32)
_AROUND: Final = 10


def is_padded(node: Node) -> bool:
    """Tell whether padding ends a node."""
    return node.kind.is_padded or (
        node.kind is tree.OPTION and node.get("type") == _GROUP_ID and not node.get("packed")
    )


def break_one(node: Node, work: Work) -> str:
    """Break one thing in a node or below it; returns what, as a label, or nothing if there is none.

    Everything on the way there is repaired.
    """
    chance = work.chance
    parent: Node | None = None
    found: tuple[Node, Node | None] | None = None
    while True:
        open_node(node)
        node.repair()
        if node.kind in _TEXT_KINDS and chance.below(4):
            return _break_text(node, work)
        if node.kind in _ZLIB_KINDS and chance.below(2):
            return _break_zlib(node, work)
        if node.kind.derived or is_padded(node):
            found = node, parent
        below = [part for part in node.parts if isinstance(part, Node)]
        if not below or (found and found[0] is node and chance.below(3) == 0):
            break
        parent, node = node, chance.pick(below)
    if found is None:
        return ""
    node, parent = found
    own = len(node.kind.derived) + is_padded(node)
    index = chance.below(own)
    if index == len(node.kind.derived):
        return _break_padding(node, work)
    field = node.kind.derived[index]
    right = field.read(derived_head(node, parent))
    value = chance.boundary(right, field.bits)
    node.force(field.name, value)
    return label_of(node.kind, field, right, value)


def label_of(kind: Kind, field: Field, right: int, value: int) -> str:
    """Return what is broken: by how much if that is little, else what is there instead."""
    by = value - right
    how = f"{by:+d}" if -16 <= by <= 16 else f"= {value:#x}"
    return f"break {kind.name}.{field.name} {how}"


def _break_padding(node: Node, work: Work) -> str:
    node.padding = work.chance.pick(wrong_paddings(node))
    return f"break {node.kind.name}.padding {node.padding.hex() or 'none'}"


def wrong_paddings(node: Node) -> list[bytes]:
    """Return paddings that are wrong for an open node."""
    right = right_padding(node)
    return [padding for padding in _PADDINGS if padding != right]


def _break_text(node: Node, work: Work) -> str:
    text = written(node.parts[0])
    breaker = ber.broken if node.kind in _BER_KINDS else json_text.broken
    node.parts[0], label = breaker(text, work.chance)
    return label


def _break_zlib(node: Node, work: Work) -> str:
    stream = write(node)
    node.head = 0
    label, node.parts[0] = work.chance.pick(tuple(_broken_streams(stream)))
    return label


def _broken_streams(stream: bytes) -> Iterator[tuple[str, bytes]]:
    stream = stream.ljust(_STREAM_BYTES_MIN, b"\0")
    yield "break zlib.checksum", stream[:-1] + bytes((stream[-1] ^ 1,))
    yield "break zlib.end", stream[:-1]
    yield "break zlib.checksum missing", stream[:-4]
    yield "break zlib.surplus", stream + b"\0"
    yield "break zlib.header", bytes((stream[0] ^ 1,)) + stream[1:]
    yield "break zlib.window", b"\xf8" + stream[1:]
    yield "break zlib.dictionary", stream[:1] + bytes((stream[1] ^ 0x20,)) + stream[2:]
    yield "break zlib.middle", stream[: len(stream) // 2] + b"\xff" + stream[len(stream) // 2 + 1 :]


def values_for(field: Field, right: int, *, thorough: bool) -> list[int]:
    """Return values of a field to try once each, in order, without the one that is right.

    Args:
        field: the field.
        right: what it holds.
        thorough: whether to try everything around the usual quotients of its largest value, too;
            that is about 150 values for a field of 32 bits.
    """
    top = field.mask
    sign = 1 << field.bits - 1
    values = {0, 1, 2, top, top - 1, sign, sign - 1, right + 1, right - 1, right * 4, right // 4}
    values |= {right ^ sign, right + 4, right - 4}
    if thorough:
        values |= {
            top // quotient + by for quotient in _QUOTIENTS for by in range(-_AROUND, _AROUND + 1)
        }
        values |= set(range(_AROUND + 1))
    if field.bits <= 8 and thorough:
        values |= set(range(top + 1))
    return sorted(value for value in values if 0 <= value <= top and value != right)


def enumerate_node(
    root: Node, node: Node, parent: Node | None, place: str, *, thorough: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield the whole input with one thing in an open node other than it is, once each.

    Args:
        root: of the tree, open everywhere. It is as it was when the iterator ends or waits.
        node: in it; nodes below it are not touched.
        parent: of the node.
        place: the node's place, for labels.
        thorough: see `values_for`.
    """
    kind = node.kind
    right_head = derived_head(node, parent) if kind.size else 0
    for field in kind.fields:
        right = field.read(right_head)
        for value in values_for(field, right, thorough=thorough):
            if field.is_derived:
                label = label_of(kind, field, right, value)
            else:
                label = f"set {kind.name}.{field.name} = {value:#x}"
            yield f"{label}{place}", _with_field(root, node, field, value)
    if is_padded(node):
        for padding in wrong_paddings(node):
            label = f"break {kind.name}.padding {padding.hex() or 'none'}{place}"
            yield label, _with_padding(root, node, padding)
    if kind in _TEXT_KINDS:
        mutations = ber.mutations if kind in _BER_KINDS else json_text.mutations
        for label, text in mutations(written(node.parts[0])):
            yield f"{label}{place}", _with_parts(root, node, [text])
    elif kind in _ZLIB_KINDS:
        for label, stream in _broken_streams(write(node)):
            yield f"{label}{place}", _with_parts(root, node, [stream], head=0)
    else:
        yield from _enumerate_parts(root, node, place)


def _enumerate_parts(root: Node, node: Node, place: str) -> Iterator[tuple[str, bytes]]:
    parts = node.parts
    for index, part in enumerate(parts):
        before, after = parts[:index], parts[index + 1 :]
        if isinstance(part, bytes):
            name = f"{node.kind.name}.bytes {index}{place}"
            for label, new in _resized(part):
                yield f"{label} {name}", _with_parts(root, node, [*before, new, *after])
        elif node.kind in tree.LISTS:
            name = f"{part.kind.name} {index}{place}"
            yield f"delete {name}", _with_parts(root, node, [*before, *after])
            twice = [*before, part, copied(part), *after]
            yield f"duplicate {name}", _with_parts(root, node, twice)
            if after:
                swapped = [*before, after[0], part, *after[1:]]
                yield f"swap {name}", _with_parts(root, node, swapped)


def _resized(data: bytes) -> Iterator[tuple[str, bytes]]:
    size = len(data)
    if size:
        yield "empty", b""
        yield "shorten", data[:-1]
        yield "flip", bytes((data[0] ^ 0x80,)) + data[1:]
        yield "repeat 2", data * 2
    for longer in (1, 4, 255, 4096):
        yield f"lengthen {longer}", data + b"A" * longer
    yield "zero", bytes(size or 4)


def _with_field(root: Node, node: Node, field: Field, value: int) -> bytes:
    if not field.is_derived:
        head, node.head = node.head, field.put(node.head, value)
        data = write(root)
        node.head = head
        return data
    forced, node.forced = node.forced, {**(node.forced or {}), field.name: value}
    data = write(root)
    node.forced = forced
    return data


def _with_padding(root: Node, node: Node, padding: bytes) -> bytes:
    old, node.padding = node.padding, padding
    data = write(root)
    node.padding = old
    return data


def _with_parts(
    root: Node, node: Node, parts: list[Node | bytes], head: int | None = None
) -> bytes:
    old, node.parts = node.parts, parts
    old_head, node.head = node.head, node.head if head is None else head
    data = write(root)
    node.parts, node.head = old, old_head
    return data
