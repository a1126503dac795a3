"""From bytes to a tree, for any bytes: what makes no sense is kept as bytes.

`write(parse(data)) == data` holds for all bytes, whichever nodes were opened in between: a derived
field that is wrong is insisted on, and what follows the last thing that can be read is a part of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from reference_broker.base import WireError
from reference_broker.wire import PADDING, Compression, EventType, compress, decompress
from suites.fuzz.mutator import tree
from suites.fuzz.mutator.areas import read_area
from suites.fuzz.mutator.tree import Kind, Node
from suites.fuzz.mutator.writing import GROUP_ID, adopt

#: Parts of one node; the rest is left as bytes, so that long lists cost no more than short ones.
PARTS_MAX: Final = 64
#: What a compressed part may inflate to if it is to be looked into.
INFLATED_BYTES_MAX: Final = 16 * 1024

_EVENT_BYTES: Final = 8
_ITEM_BYTES: Final = 24
_FLAG_PROPERTIES: Final = 2
_WORDS: Final = 0xFFF_FFFF
_PACKED: Final = 1 << 25


def open_node(node: Node) -> None:
    """Look into a node, if nobody has yet."""
    raw = node.raw
    if raw is not None:
        _OPEN[node.kind](node, raw)
        node.raw = None


def open_all(node: Node) -> None:
    """Look into a node and everything below it."""
    open_node(node)
    for part in node.parts:
        if isinstance(part, Node):
            open_all(part)


def _open_stream(node: Node, raw: bytes) -> None:
    position, size = 0, len(raw)
    while size - position >= _EVENT_BYTES and len(node.parts) < PARTS_MAX:
        length = int.from_bytes(raw[position : position + 4], "big")
        if not _EVENT_BYTES <= length <= size - position:
            length = size - position  # an event that insists on a wrong length, or was cut
        node.parts.append(Node(tree.EVENT, raw[position : position + length]))
        position += length
    if position < size:
        node.parts.append(raw[position:])


def _open_event(node: Node, raw: bytes) -> None:
    head = node.head = int.from_bytes(raw[:_EVENT_BYTES], "big")
    start = (head >> 16 & 0xFF) * 4
    if not _EVENT_BYTES <= start <= len(raw):
        start = _EVENT_BYTES
    node.extra = raw[_EVENT_BYTES:start]
    body = raw[start:]
    kind = body_kind(head >> 24 & 0x3F, head >> 8 & 0xFF)
    if kind is not None and body and len(body) >= kind.size:
        node.parts.append(Node(kind, body))
    else:
        node.parts.append(body)
    adopt(node)


def body_kind(event_type: int, specific: int) -> Kind | None:
    """Return what the body of an event is, None for bytes that have no structure here."""
    if event_type in _CONTROL_TYPES:
        return _ENCODINGS.get(specific >> 5)
    return _BODIES.get(event_type)


def _open_puts(node: Node, raw: bytes) -> None:
    _open_messages(node, raw, tree.PUT, tree.OLD_PUT)


def _open_pushes(node: Node, raw: bytes) -> None:
    _open_messages(node, raw, tree.PUSH, tree.OLD_PUSH)


def _open_messages(node: Node, raw: bytes, kind: Kind, old_kind: Kind) -> None:
    position, size = 0, len(raw)
    while size - position >= old_kind.size and len(node.parts) < PARTS_MAX:
        length = (int.from_bytes(raw[position : position + 4], "big") & _WORDS) * 4
        if not old_kind.size <= length <= size - position:
            length = size - position
        is_old = (raw[position + 7] & 31) * 4 == old_kind.size or length < kind.size
        node.parts.append(Node(old_kind if is_old else kind, raw[position : position + length]))
        position += length
    if position < size:
        node.parts.append(raw[position:])


def _open_message(node: Node, raw: bytes) -> None:
    size = node.kind.size
    head = node.head = int.from_bytes(raw[:size], "big")
    second = head >> size * 8 - 64 & 0xFFFF_FFFF
    start = (second & 31) * 4
    if not size <= start <= len(raw):
        start = size
    node.extra = raw[size:start]
    data_start = start + (second >> 8) * 4
    if data_start > len(raw):
        data_start = start
    options = raw[start:data_start]
    data = _take_padding(node, raw[data_start:])
    has_properties = head >> size * 8 - 4 & _FLAG_PROPERTIES
    schema = node.get("schema") if "schema" in node.kind.by_name else 0
    node.parts.append(Node(tree.OPTIONS, options) if options else b"")
    node.parts.append(data_part(data, second >> 5 & 7, schema, has_properties))
    adopt(node)


def data_part(data: bytes, compression: int, schema: int, has_properties: int) -> Node | bytes:
    """Return application data as a part of their message."""
    if not data:
        return data
    is_compressed = compression == Compression.ZLIB
    if has_properties and schema:
        return Node(tree.ZLIB_PAYLOAD_DATA if is_compressed else tree.NEW_DATA, data)
    if is_compressed:
        return Node(tree.ZLIB_DATA if has_properties else tree.ZLIB, data)
    return Node(tree.OLD_DATA, data) if has_properties else data


def _take_padding(node: Node, padded: bytes) -> bytes:
    """Return data without their padding, which the node keeps if it is wrong."""
    count = padded[-1] if padded else 0
    data = padded[: len(padded) - count] if 1 <= count <= min(4, len(padded)) else padded
    padding = padded[len(data) :]
    if padding != PADDING[len(data) & 3]:
        node.padding = padding
    return data


def _open_list(node: Node, raw: bytes) -> None:
    head = node.head = int.from_bytes(raw[:4], "big")
    start = (head >> 28) * 4
    if not 4 <= start <= len(raw):
        start = 4
    node.extra = raw[4:start]
    kind = _ITEMS[node.kind]
    step = max((head >> 24 & 15) * 4, _ITEM_BYTES)
    position = start
    while len(raw) - position >= step and len(node.parts) < PARTS_MAX:
        node.parts.append(Node(kind, raw[position : position + step]))
        open_node(node.parts[-1])  # type: ignore[arg-type]  # it was made a line above
        position += step
    if position < len(raw):
        node.parts.append(raw[position:])
    adopt(node)


def _open_item(node: Node, raw: bytes) -> None:
    node.head = int.from_bytes(raw[:_ITEM_BYTES], "big")
    node.extra = raw[_ITEM_BYTES:]


def _open_options(node: Node, raw: bytes) -> None:
    position, size = 0, len(raw)
    while size - position >= 4 and len(node.parts) < PARTS_MAX:
        head = int.from_bytes(raw[position : position + 4], "big")
        length = 4 if head & _PACKED else (head & 0x1F_FFFF) * 4
        if not 4 <= length <= size - position:
            length = size - position & ~3
        node.parts.append(Node(tree.OPTION, raw[position : position + length]))
        position += length
    if position < size:
        node.parts.append(raw[position:])


def _open_option(node: Node, raw: bytes) -> None:
    node.head = int.from_bytes(raw[:4], "big")
    body = raw[4:]
    is_group = node.head >> 26 == GROUP_ID
    node.parts.append(_take_padding(node, body) if is_group else body)
    adopt(node)


def _open_data(node: Node, raw: bytes) -> None:
    area = Node(tree.OLD_AREA if node.kind is tree.OLD_DATA else tree.NEW_AREA)
    size = read_area(area, raw)
    if size:
        node.parts.append(area)
        raw = raw[size:]
    if raw:
        is_compressed = node.kind is tree.ZLIB_PAYLOAD_DATA
        node.parts.append(Node(tree.ZLIB, raw) if is_compressed else raw)


def _open_area(node: Node, raw: bytes) -> None:
    """Open an area that is whole; there are no others in trees."""
    size = read_area(node, raw)
    assert size == len(raw), (size, raw)


def _open_zlib(node: Node, raw: bytes) -> None:
    """Open a stream if it would be written as it is."""
    try:
        content = decompress(raw, INFLATED_BYTES_MAX)
    except WireError:
        content = b""
    if not content or compress(content) != raw:
        node.parts.append(raw)
        return
    node.head = 1
    node.parts.append(Node(tree.OLD_DATA, content) if node.kind is tree.ZLIB_DATA else content)


def _open_padded(node: Node, raw: bytes) -> None:
    node.parts.append(_take_padding(node, raw))


def _open_text(node: Node, raw: bytes) -> None:
    node.parts.append(raw)


_CONTROL_TYPES: Final = frozenset((EventType.CONTROL, EventType.ELECTOR, EventType.AUTHENTICATION))
_ENCODINGS: Final[Mapping[int, Kind]] = {0: tree.BER, 1: tree.JSON}
_BODIES: Final[Mapping[int, Kind]] = {
    int(EventType.PUT): tree.PUTS,
    int(EventType.PUSH): tree.PUSHES,
    int(EventType.ACK): tree.ACKS,
    int(EventType.CONFIRM): tree.CONFIRMS,
    int(EventType.REJECT): tree.REJECTS,
}
_ITEMS: Final[Mapping[Kind, Kind]] = {
    tree.ACKS: tree.ACK,
    tree.CONFIRMS: tree.CONFIRM,
    tree.REJECTS: tree.REJECT,
}
_OPEN: Final[Mapping[Kind, Callable[[Node, bytes], None]]] = {
    tree.STREAM: _open_stream,
    tree.EVENT: _open_event,
    tree.PUTS: _open_puts,
    tree.PUT: _open_message,
    tree.OLD_PUT: _open_message,
    tree.PUSHES: _open_pushes,
    tree.PUSH: _open_message,
    tree.OLD_PUSH: _open_message,
    tree.ACKS: _open_list,
    tree.ACK: _open_item,
    tree.CONFIRMS: _open_list,
    tree.CONFIRM: _open_item,
    tree.REJECTS: _open_list,
    tree.REJECT: _open_item,
    tree.OPTIONS: _open_options,
    tree.OPTION: _open_option,
    tree.OLD_DATA: _open_data,
    tree.NEW_DATA: _open_data,
    tree.ZLIB_PAYLOAD_DATA: _open_data,
    tree.OLD_AREA: _open_area,
    tree.NEW_AREA: _open_area,
    tree.ZLIB: _open_zlib,
    tree.ZLIB_DATA: _open_zlib,
    tree.BER: _open_padded,
    tree.JSON: _open_padded,
    tree.BYTES: _open_text,
    tree.BER_TEXT: _open_text,
    tree.JSON_TEXT: _open_text,
}
