"""From a tree to bytes: lengths, words, counts, checksums and padding come out right.

Only what a node insists on (`Node.forced`, `Node.padding`) is written as it says. It has a writer of
its own beside the encoders of the product, because those refuse to write what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from crc32c import crc32c

from reference_broker.wire import PADDING, compress
from suites.fuzz.mutator import tree
from suites.fuzz.mutator.tree import Kind, Node

GROUP_ID: Final = 2
_PACKED: Final = 1 << 25
_AREA_BYTES: Final = 6
_PROPERTY_NUMBER_MASK: Final = 0x3FF_FFFF
_NAME_LENGTH_MASK: Final = 0xFFF
_WORDS_MASK: Final = 0xFFF_FFFF
_OPTION_WORDS_MASK: Final = 0xFF_FFFF
_AREA_WORDS_MASK: Final = 0xFF_FFFF


def write(node: Node) -> bytes:
    """Return the bytes of a node with everything in it."""
    raw = node.raw
    if raw is not None:
        return raw
    kind = node.kind
    head, tail = _DERIVE[kind](node)
    if node.forced:
        head = insisted(node, head)
    size = kind.size
    return head.to_bytes(size, "big") + node.extra + tail if size else tail


def derived_head(node: Node, parent: Node | None = None) -> int:
    """Return the header of an open node with everything right; that of a property needs its area."""
    if node.kind is tree.PROPERTY:
        assert parent is not None, node
        return next(head for part, head in property_heads(parent) if part is node)
    head, _ = _DERIVE[node.kind](node)
    return head


def right_padding(node: Node) -> bytes:
    """Return the padding that belongs to an open node of a padded kind."""
    kind = node.kind
    if kind in _AREAS:
        return PADDING[(len(b"".join(_area_body(node))) + len(node.extra) + _AREA_BYTES) & 3]
    return PADDING[len(written(node.parts[-1])) & 3]


def written(part: Node | bytes) -> bytes:
    """Return the bytes of a part of a node."""
    return part if isinstance(part, bytes) else write(part)


def insisted(node: Node, head: int) -> int:
    """Return a header with the wrong values that a node insists on."""
    for name, value in (node.forced or {}).items():
        head = node.kind.by_name[name].put(head, value)
    return head


def adopt(node: Node) -> None:
    """Let a node that was just read insist on whatever is wrong in its header."""
    right, _ = _DERIVE[node.kind](node)
    if right != node.head:
        for field in node.kind.derived:
            value = field.read(node.head)
            if value != field.read(right):
                node.force(field.name, value)


def _parts(node: Node) -> tuple[int, bytes]:
    parts = node.parts
    return 0, written(parts[0]) if len(parts) == 1 else b"".join(map(written, parts))


def _event(node: Node) -> tuple[int, bytes]:
    _, body = _parts(node)
    extra = len(node.extra)
    head = node.head & tree.EVENT.plain_mask
    length = (8 + extra + len(body)) & 0x7FFF_FFFF
    return head | length << 32 | (2 + (extra >> 2) & 0xFF) << 16, body


def _message(node: Node) -> tuple[int, bytes]:
    """Return PUT and PUSH: header words, options, data, padding, and the checksum of a PUT."""
    options, content = node.parts
    options = written(options)
    options += bytes(-len(options) & 3)
    data = written(content)
    padding = PADDING[len(data) & 3] if node.padding is None else node.padding
    kind = node.kind
    header_words = (kind.size + len(node.extra)) >> 2
    words = header_words + (len(options) + len(data) + len(padding) >> 2)
    second = (len(options) >> 2 & _OPTION_WORDS_MASK) << 8 | header_words & 31
    base = kind.size * 8 - 64
    head = node.head & kind.plain_mask | ((words & _WORDS_MASK) << 32 | second) << base
    if kind not in _PUSHES:
        head |= crc32c(data) << base - 192
    return head, options + data + padding


def _list(node: Node) -> tuple[int, bytes]:
    _, body = _parts(node)
    first = node.parts[0] if node.parts else b""
    item_words = 6 + (len(first.extra) >> 2) if isinstance(first, Node) else node.get("item_words")
    header_words = 1 + (len(node.extra) >> 2)
    head = node.head & node.kind.plain_mask
    return head | (header_words & 15) << 28 | (item_words & 15) << 24, body


def _item(node: Node) -> tuple[int, bytes]:
    return node.head, b""


def _option(node: Node) -> tuple[int, bytes]:
    _, body = _parts(node)
    head = node.head
    if head >> 26 == GROUP_ID:
        body += PADDING[len(body) & 3] if node.padding is None else node.padding
    if head & _PACKED:
        return head, body
    body += bytes(-len(body) & 3)
    return head & tree.OPTION.plain_mask | (1 + (len(body) >> 2) & 0x1F_FFFF), body


def _area(node: Node) -> tuple[int, bytes]:
    """Return a properties area: all headers come in front of all names and values."""
    body = b"".join(_area_body(node))
    count = len(node.parts)
    last = node.parts[-1] if count else b""
    step = 3 + (len(last.extra) >> 1) if isinstance(last, Node) else 3
    size = _AREA_BYTES + len(node.extra) + len(body)
    padding = PADDING[size & 3] if node.padding is None else node.padding
    words = size + len(padding) >> 2 & _AREA_WORDS_MASK
    sizes = (step & 7) << 27 | (3 + (len(node.extra) >> 1) & 7) << 24
    head = node.head & node.kind.plain_mask
    return head | (sizes | words) << 16 | count & 0xFF, body + padding


def _area_body(node: Node) -> list[bytes]:
    """Return what is between the header of an area and its padding."""
    heads: list[bytes] = []
    texts: list[bytes] = []
    for part, head in property_heads(node):
        heads += (insisted(part, head).to_bytes(_AREA_BYTES, "big"), part.extra)
        texts += (written(part.parts[0]), written(part.parts[1]))
    return heads + texts


def property_heads(area: Node) -> list[tuple[Node, int]]:
    """Return the properties of an area, each with its right header."""
    is_new = area.kind is tree.NEW_AREA
    offset = 0
    found: list[tuple[Node, int]] = []
    for part in area.parts:
        assert isinstance(part, Node), part
        name, value = written(part.parts[0]), written(part.parts[1])
        number = offset if is_new else len(value)
        head = part.head & tree.PROPERTY.plain_mask | len(name) & _NAME_LENGTH_MASK
        found.append((part, head | (number & _PROPERTY_NUMBER_MASK) << 16))
        offset += len(name) + len(value)
    return found


def _padded(node: Node) -> tuple[int, bytes]:
    _, text = _parts(node)
    return 0, text + (PADDING[len(text) & 3] if node.padding is None else node.padding)


def _zlib(node: Node) -> tuple[int, bytes]:
    """Return a stream; a head that is not 0 says that its parts are what is in it."""
    _, content = _parts(node)
    return node.head, compress(content) if node.head else content


_PUSHES: Final = frozenset((tree.PUSH, tree.OLD_PUSH))
_AREAS: Final = frozenset((tree.OLD_AREA, tree.NEW_AREA))
_DERIVE: Final[Mapping[Kind, Callable[[Node], tuple[int, bytes]]]] = {
    tree.STREAM: _parts,
    tree.EVENT: _event,
    tree.PUTS: _parts,
    tree.PUT: _message,
    tree.OLD_PUT: _message,
    tree.PUSHES: _parts,
    tree.PUSH: _message,
    tree.OLD_PUSH: _message,
    tree.ACKS: _list,
    tree.ACK: _item,
    tree.CONFIRMS: _list,
    tree.CONFIRM: _item,
    tree.REJECTS: _list,
    tree.REJECT: _item,
    tree.OPTIONS: _parts,
    tree.OPTION: _option,
    tree.OLD_DATA: _parts,
    tree.NEW_DATA: _parts,
    tree.OLD_AREA: _area,
    tree.NEW_AREA: _area,
    tree.ZLIB_PAYLOAD_DATA: _parts,
    tree.ZLIB: _zlib,
    tree.ZLIB_DATA: _zlib,
    tree.BER: _padded,
    tree.JSON: _padded,
    tree.BYTES: _parts,
    tree.BER_TEXT: _parts,
    tree.JSON_TEXT: _parts,
}
