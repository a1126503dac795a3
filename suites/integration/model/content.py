"""The messages that are posted: few, small, and different in all that the protocol tells apart."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from reference_broker.wire import FLAG_MESSAGE_PROPERTIES, Compression, compress
from reference_broker.wire.properties import (
    Property,
    PropertyType,
    PropertyValue,
    encode_properties,
)

_NONE: Final[Mapping[str, PropertyValue | Property]] = MappingProxyType({})


class Form(NamedTuple):
    """A message as it is on the wire.

    Attributes:
        flags: FLAG_MESSAGE_PROPERTIES or 0.
        compression: a `Compression` value.
        is_new_style: how its properties are encoded; False without properties.
        data: application data.
    """

    flags: int
    compression: int
    is_new_style: bool
    data: bytes


class Content:
    """What a message says.

    Args:
        payload: behind the properties.
        properties: of the message.
        new_style: how they are encoded.
        compressed: by zlib: new style the payload, old style all of it.

    Attributes:
        sent: as the producer sends it.
        stored: as the broker keeps it, and delivers it to clients that know new-style properties.
        old: as the broker delivers it to clients that do not.
        values: the properties as expressions see them.
    """

    def __init__(
        self,
        payload: bytes,
        properties: Mapping[str, PropertyValue | Property] = _NONE,
        *,
        new_style: bool = True,
        compressed: bool = False,
    ) -> None:
        flags = FLAG_MESSAGE_PROPERTIES if properties else 0
        is_new = bool(properties) and new_style
        coding = Compression.ZLIB if compressed else Compression.NONE
        area = encode_properties(properties, new_style=new_style)
        plain = area + payload
        data = plain
        if compressed:
            data = area + compress(payload) if is_new else compress(plain)
        self.sent = Form(flags, coding, is_new, data)
        self.stored = self.sent
        if compressed and properties and not new_style:
            self.stored = Form(flags, Compression.NONE, is_new_style=False, data=plain)
        self.old = self.stored
        if is_new:
            old_area = encode_properties(properties, new_style=False)
            self.old = Form(flags, Compression.NONE, is_new_style=False, data=old_area + payload)
        self.values = {name: _plain(value) for name, value in properties.items()}

    @property
    def size(self) -> int:
        """Bytes of application data that it counts for."""
        return len(self.stored.data)


def _plain(value: PropertyValue | Property) -> PropertyValue:
    return value.value if isinstance(value, Property) else value


_LONG: Final = b"long " * 250

#: By index, which is how programs name them.
CONTENTS: Final = (
    Content(b"a"),
    Content(b"four"),
    Content(b"x is one", {"x": 1, "s": "red"}),
    Content(b"x is two", {"x": Property("x", PropertyType.INT32, 2), "s": "Red", "flag": True}),
    Content(b"old style", {"x": 1, "s": "blue"}, new_style=False),
    Content(b"ten", {"x": Property("x", PropertyType.SHORT, 10)}),
    Content(b"no x", {"s": "red", "flag": False}),
    Content(b"40 bytes of payload, neither more, nor l"),
    Content(_LONG, {"x": 2, "s": "red"}, compressed=True),
    Content(_LONG, {"x": 1, "s": "green"}, new_style=False, compressed=True),
    Content(_LONG, compressed=True),
    Content(b"wide", {"n": 2**32 + 1, "b": b"binary", "x": 0}),
    Content(b"100 bytes" + b"." * 91),
)
