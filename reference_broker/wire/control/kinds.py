"""The notation that control messages are declared in: value kinds and choice ids.

A message is a frozen dataclass. Its annotations say everything that a codec needs:

| annotation                         | on the wire                                             |
|------------------------------------|---------------------------------------------------------|
| `bool`, `str`, `bytes`             | as named                                                |
| `I32`, `U32`, `I64`, `U64`         | an integer of that width                                |
| an `IntEnum`                       | the number in BER, the enumerator's name in JSON        |
| another message                    | a sequence                                              |
| `tuple[Message, ...]`              | an array of sequences                                   |
| `X | None`                         | optional: left out when `None`                          |
| `Annotated[Message, Id(n)] | ...`  | an untagged choice; `None` when nothing known is chosen |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Annotated, Final, TypeAlias


class Kind(Enum):
    """How a member's value is written."""

    BOOL = "bool"
    I32 = "i32"
    U32 = "u32"
    I64 = "i64"
    U64 = "u64"
    ENUM = "enum"
    STRING = "string"
    BYTES = "bytes"
    MESSAGE = "message"
    ARRAY = "array"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Id:
    """The number of one alternative of a choice."""

    number: int


I32: TypeAlias = Annotated[int, Kind.I32]
U32: TypeAlias = Annotated[int, Kind.U32]
I64: TypeAlias = Annotated[int, Kind.I64]
U64: TypeAlias = Annotated[int, Kind.U64]

# Lowest and highest value of each integer kind [CTRL-12]; an enumerator travels as an i32.
INTEGER_BOUNDS: Final[Mapping[Kind, tuple[int, int]]] = MappingProxyType(
    {
        Kind.I32: (-(2**31), 2**31 - 1),
        Kind.ENUM: (-(2**31), 2**31 - 1),
        Kind.U32: (0, 2**32 - 1),
        Kind.I64: (-(2**63), 2**63 - 1),
        Kind.U64: (0, 2**64 - 1),
    }
)
