"""What an expression sees of a message: a function from the name of a property to its value."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, TypeAlias


class Binary(Enum):
    """The type of the one value that stands for any property of type BINARY."""

    BINARY = "BINARY"


#: Stands for a BINARY property, whose bytes no expression can use.
BINARY: Final = Binary.BINARY

#: CHAR, SHORT, INT32 and INT64 are an int, BOOL is a bool, STRING is its bytes, BINARY is `BINARY`;
#: None is an absent property [EXPR-8]; a message without properties has only such [EXPR-22].
Value: TypeAlias = int | bool | bytes | Binary | None

#: Returns the value of the property with this name.
Lookup: TypeAlias = Callable[[str], Value]
