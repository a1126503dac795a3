"""From bytes to the tree of a properties area.

Its headers stand in front of all names and values, and say in two styles how long those are; so an
area is read as a whole or not at all.
"""

from __future__ import annotations

from typing import Final

from reference_broker.wire import PADDING
from suites.fuzz.mutator import tree
from suites.fuzz.mutator.tree import Node
from suites.fuzz.mutator.writing import adopt, property_heads

_HEADER_BYTES: Final = 6
_NUMBER: Final = 0x3FF_FFFF
_NAME_LENGTH: Final = 0xFFF


def read_area(area: Node, data: bytes) -> int:
    """Read the properties at the start of application data into a node.

    Args:
        area: empty, of the kind whose style is to be read.
        data: with a payload behind the area, or without.

    Returns:
        The size of the area; 0 if its sizes do not agree, and then `area` is empty.
    """
    if len(data) < _HEADER_BYTES:
        return 0
    head = int.from_bytes(data[:_HEADER_BYTES], "big")
    header, step = (head >> 40 & 7) * 2, (head >> 43 & 7) * 2
    size = (head >> 16 & 0xFF_FFFF) * 4
    first = header + step * (head & 0xFF)
    if header < _HEADER_BYTES or step < _HEADER_BYTES or not first < size <= len(data):
        return 0
    padding = data[size - 1]
    end = size - padding
    if not (1 <= padding <= 4 and first <= end):
        return 0
    parts = _properties(
        data, range(header, first, step), (first, end), is_new=area.kind is tree.NEW_AREA
    )
    if parts is None:
        return 0
    area.head = head
    area.extra = data[_HEADER_BYTES:header]
    area.parts += parts
    if data[end:size] != PADDING[end & 3]:
        area.padding = data[end:size]
    _adopt(area)
    return size


def _properties(
    data: bytes, headers: range, bounds: tuple[int, int], *, is_new: bool
) -> list[Node] | None:
    """Return the properties, None if they do not fill their bounds."""
    first, end = bounds
    position = first
    parts: list[Node] = []
    for at in headers:
        part = Node(tree.PROPERTY)
        part.head = head = int.from_bytes(data[at : at + _HEADER_BYTES], "big")
        part.extra = data[at + _HEADER_BYTES : at + headers.step]
        name_end = position + (head & _NAME_LENGTH)
        value_end = name_end + (head >> 16 & _NUMBER)
        if is_new:
            following = at + headers.step
            number = int.from_bytes(data[following : following + 4], "big") & _NUMBER
            value_end = first + number if following < headers.stop else end
        if not position <= name_end <= value_end <= end:
            return None
        part.parts += (data[position:name_end], data[name_end:value_end])
        parts.append(part)
        position = value_end
    return parts if position == end else None


def _adopt(area: Node) -> None:
    """Let the nodes insist on what is wrong in their headers."""
    for part, right in property_heads(area):
        for field in tree.PROPERTY.derived:
            value = field.read(part.head)
            if value != field.read(right):
                part.force(field.name, value)
    adopt(area)
