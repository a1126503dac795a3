"""What an input is, by name: where its tree begins.

The names are those of the registry's targets. A name with `+N` behind it stands for inputs with N
bytes in front that mean something else, say the stage of a session: `stream+1`; the registry's
`-prefixed` is the same as `+1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from reference_broker.base import OperatorError
from suites.fuzz.mutator import tree
from suites.fuzz.mutator.parsing import data_part
from suites.fuzz.mutator.tree import Kind, Node

#: A stream of events, the body of one, or what can be in a body; None: it takes a look to tell.
GRAMMARS: Final[Mapping[str, Kind | None]] = MappingProxyType(
    {
        "stream": tree.STREAM,
        "put-body": tree.PUTS,
        "push-body": tree.PUSHES,
        "ack-body": tree.ACKS,
        "confirm-body": tree.CONFIRMS,
        "options": tree.OPTIONS,
        "application-data": None,
        "properties-old": tree.OLD_DATA,
        "properties-new": tree.NEW_DATA,
        "zlib": tree.ZLIB,
        "ber": tree.BER_TEXT,
        "json": tree.JSON_TEXT,
        "ber-or-json": None,
    }
)
_PREFIXED: Final = "-prefixed"
_PREFIX_BYTES_MAX: Final = 64
_GRAMMARS_MADE_MAX: Final = 64


class Grammar(NamedTuple):
    """What inputs of a target are.

    Attributes:
        name: a key of `GRAMMARS`.
        prefix_bytes: in front of the root.
    """

    name: str
    prefix_bytes: int = 0

    def root(self, data: bytes) -> Node:
        """Return the root of an input, unopened; one without structure if the input is too short."""
        body = data[self.prefix_bytes :]
        kind = GRAMMARS[self.name]
        if kind is not None:
            return Node(kind if len(body) >= kind.size else tree.BYTES, body)
        if self.name == "application-data":
            said = data[0] if data and self.prefix_bytes else 0
            part = data_part(body, said & 1, said >> 2, said & 2)
            return part if isinstance(part, Node) else Node(tree.BYTES, part)
        return Node(tree.JSON_TEXT if body[:1] in {b"{", b"["} else tree.BER_TEXT, body)


def knows(name: str) -> bool:
    """Tell whether there is a grammar with this name, which may have `+N` or `-prefixed` behind it."""
    try:
        grammar_named(name)
    except OperatorError:
        return False
    return True


@lru_cache(_GRAMMARS_MADE_MAX)
def grammar_named(name: str) -> Grammar:
    """Return the grammar with a name of `GRAMMARS`, perhaps with `+N` or `-prefixed`.

    Raises:
        OperatorError: there is none.
    """
    base, plus, count = name.partition("+")
    if base.endswith(_PREFIXED) and not plus:
        base, plus, count = base.removesuffix(_PREFIXED), "+", "1"
    prefix_bytes = int(count) if count.isdecimal() else 0
    is_right = bool(plus) is count.isdecimal() and prefix_bytes <= _PREFIX_BYTES_MAX
    if base in GRAMMARS and is_right:
        return Grammar(base, prefix_bytes)
    raise OperatorError(
        f"{name!r} is no grammar; there are {', '.join(GRAMMARS)}, "
        f"each with +N for up to {_PREFIX_BYTES_MAX} bytes in front"
    )
