"""The tree of an input: its kinds of nodes, and the fields of their headers.

::

    STREAM ── EVENT ─┬─ PUTS ── PUT ──┬─ OPTIONS ── OPTION
                     ├─ PUSHES ─ PUSH ┤
                     │                └─ data: DATA ─┬─ AREA ── PROPERTY
                     │                   or ZLIB     └─ payload
                     ├─ ACKS, CONFIRMS, REJECTS ── ACK, CONFIRM, REJECT
                     └─ BER, JSON: a text with padding

A header is one big number with fields in it, whatever it is the header of. Some fields are derived:
lengths, counts and checksums follow from the rest of the tree. A node says nothing of them unless it
insists on something wrong (`Node.forced`), so whoever changes a tree need not care for them, and
whoever wants one of them broken says so.

A node is opened when somebody looks into it, and is its own bytes till then: of an input of many
events a mutation reads one or two.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Field(NamedTuple):
    """A field of a header.

    Attributes:
        name: in small letters.
        shift: bits to its right.
        bits: its width.
        is_derived: whether it follows from the rest of the tree.
    """

    name: str
    shift: int
    bits: int
    is_derived: bool

    @property
    def mask(self) -> int:
        """All ones, in its width."""
        return (1 << self.bits) - 1

    def read(self, head: int) -> int:
        """Return its value in a header."""
        return head >> self.shift & (1 << self.bits) - 1

    def put(self, head: int, value: int) -> int:
        """Return a header with another value in this field, cut to its width."""
        mask = (1 << self.bits) - 1
        return head & ~(mask << self.shift) | (value & mask) << self.shift


class Kind:
    """A kind of node.

    Args:
        name: of its nodes, in labels.
        layout: its header: `name:bits`, from left to right, with a `*` behind what is derived.
        is_padded: whether word padding ends it.
    """

    __slots__ = (
        "by_name", "derived", "fields", "is_padded", "name", "plain", "plain_mask", "size",
    )  # fmt: skip

    def __init__(self, name: str, layout: str = "", *, is_padded: bool = False) -> None:
        self.name = name
        self.is_padded = is_padded
        parts = [part.split(":") for part in layout.split()]
        widths = [int(bits.rstrip("*")) for _, bits in parts]
        total = sum(widths)
        assert total % 8 == 0, layout
        #: Bytes of the header.
        self.size: Final = total // 8
        self.fields: Final = tuple(
            Field(field, total - sum(widths[: index + 1]), widths[index], bits.endswith("*"))
            for index, (field, bits) in enumerate(parts)
        )
        self.by_name: Final = {field.name: field for field in self.fields}
        self.plain: Final = tuple(field for field in self.fields if not field.is_derived)
        self.derived: Final = tuple(field for field in self.fields if field.is_derived)
        #: Ones where no derived field is.
        self.plain_mask: Final = sum(field.mask << field.shift for field in self.plain)

    def __repr__(self) -> str:
        return f"Kind({self.name})"


STREAM: Final = Kind("stream")
EVENT: Final = Kind(
    "event",
    "fragment:1 length:31* version:2 type:6 header_words:8* specific:8 reserved:8",
)
PUTS: Final = Kind("puts")
PUT: Final = Kind(
    "put",
    "flags:4 message_words:28* option_words:24* compression:3 header_words:5* "
    "queue_id:32 guid:128 crc:32* schema:16 reserved:16",
    is_padded=True,
)
#: With the 8 header words of old clients.
OLD_PUT: Final = Kind(
    "put",
    "flags:4 message_words:28* option_words:24* compression:3 header_words:5* "
    "queue_id:32 guid:128 crc:32*",
    is_padded=True,
)
PUSHES: Final = Kind("pushes")
PUSH: Final = Kind(
    "push",
    "flags:4 message_words:28* option_words:24* compression:3 header_words:5* "
    "queue_id:32 guid:128 schema:16 reserved:16",
    is_padded=True,
)
#: With the 7 header words of old brokers.
OLD_PUSH: Final = Kind(
    "push",
    "flags:4 message_words:28* option_words:24* compression:3 header_words:5* queue_id:32 guid:128",
    is_padded=True,
)
_LIST: Final = "header_words:4* item_words:4* flags:8 reserved:16"
_CONFIRM: Final = "queue_id:32 guid:128 sub_id:32"
ACKS: Final = Kind("acks", _LIST)
ACK: Final = Kind("ack", "reserved:4 status:4 correlation:24 guid:128 queue_id:32")
CONFIRMS: Final = Kind("confirms", _LIST)
CONFIRM: Final = Kind("confirm", _CONFIRM)
REJECTS: Final = Kind("rejects", _LIST)
REJECT: Final = Kind("reject", _CONFIRM)
OPTIONS: Final = Kind("options")
OPTION: Final = Kind("option", "type:6 packed:1 specific:4 words:21*")
#: Application data that begin with properties, in the two styles.
OLD_DATA: Final = Kind("data")
NEW_DATA: Final = Kind("data")
_AREA: Final = "zero:2 property_header_size:3* header_size:3* words:24* reserved:8 count:8*"
OLD_AREA: Final = Kind("properties", _AREA, is_padded=True)
NEW_AREA: Final = Kind("properties", _AREA, is_padded=True)
PROPERTY: Final = Kind("property", "zero:1 type:5 number:26* reserved:4 name_length:12*")
#: The same with a payload that is compressed.
ZLIB_PAYLOAD_DATA: Final = Kind("data")
#: A zlib stream around bytes. The head is 1 if its part is what is in it, 0 if it is the stream.
ZLIB: Final = Kind("zlib")
#: A zlib stream around application data that begin with properties in the old style.
ZLIB_DATA: Final = Kind("zlib")
BER: Final = Kind("ber", is_padded=True)
JSON: Final = Kind("json", is_padded=True)
#: Without any structure.
BYTES: Final = Kind("bytes")
#: A control message by itself, without padding.
BER_TEXT: Final = Kind("ber")
JSON_TEXT: Final = Kind("json")


#: Whose parts are of one kind, so that there may be more or fewer of them.
LISTS: Final = frozenset(
    (STREAM, PUTS, PUSHES, ACKS, CONFIRMS, REJECTS, OPTIONS, OLD_AREA, NEW_AREA)
)


class Node:
    """A node of the tree.

    Attributes:
        kind: what it is.
        raw: its bytes, as long as nobody has opened it; None afterwards.
        head: its header; what it says of derived fields means nothing.
        extra: bytes by which its header is longer than known ones.
        parts: nodes and bytes behind the header, in order.
        forced: derived fields that are to hold something else than what is right, by name.
        padding: bytes in place of the right padding; None for that.
    """

    __slots__ = ("extra", "forced", "head", "kind", "padding", "parts", "raw")

    def __init__(self, kind: Kind, raw: bytes | None = None) -> None:
        self.kind = kind
        self.raw = raw
        self.head = 0
        self.extra = b""
        self.parts: list[Node | bytes] = []
        self.forced: dict[str, int] | None = None
        self.padding: bytes | None = None

    def repair(self) -> None:
        """Insist on nothing wrong any more."""
        self.forced = None
        self.padding = None

    def get(self, name: str) -> int:
        """Return the value of a field."""
        return self.kind.by_name[name].read(self.head)

    def set(self, name: str, value: int) -> None:
        """Change a field that is not derived."""
        self.head = self.kind.by_name[name].put(self.head, value)

    def force(self, name: str, value: int) -> None:
        """Insist on a value of a derived field."""
        if self.forced is None:
            self.forced = {}
        self.forced[name] = value

    def __repr__(self) -> str:
        """Return one line for those who look for mistakes in here."""
        content = self.parts if self.raw is None else self.raw.hex()
        return (
            f"Node({self.kind.name}, {self.head:#x}, {content!r}, {self.forced}, {self.padding!r})"
        )


def made(kind: Kind, *parts: Node | bytes, **fields: int) -> Node:
    """Return an open node with fields that are not derived and parts."""
    node = Node(kind)
    for name, value in fields.items():
        node.set(name, value)
    node.parts += parts
    return node
