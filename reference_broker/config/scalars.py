"""The number and text types of the peer's schemas, with their ranges."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

_I32_MIN: Final = -(2**31)
_I32_MAX: Final = 2**31 - 1
_U32_MAX: Final = 2**32 - 1
_I64_MIN: Final = -(2**63)
_I64_MAX: Final = 2**63 - 1
_FLOAT_MAX: Final = 1.7976931348623157e308

# The peer's `int`, `long` and `double`, where a negative value has a meaning or does no harm.
Int32: TypeAlias = Annotated[int, Meta(ge=_I32_MIN, le=_I32_MAX)]
Int64: TypeAlias = Annotated[int, Meta(ge=_I64_MIN, le=_I64_MAX)]
Double: TypeAlias = Annotated[float, Meta(ge=-_FLOAT_MAX, le=_FLOAT_MAX)]
# The peer's `int`, `unsignedInt` and `long`, where only counts, sizes and times make sense.
Count32: TypeAlias = Annotated[int, Meta(ge=0, le=_I32_MAX)]
CountU32: TypeAlias = Annotated[int, Meta(ge=0, le=_U32_MAX)]
Count64: TypeAlias = Annotated[int, Meta(ge=0, le=_I64_MAX)]
# The redelivery counter has six bits; 0 is "no limit".
Attempts: TypeAlias = Annotated[int, Meta(ge=0, le=63)]
Ratio: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
# The partition id has 16 bits in storage headers.
PartitionCount: TypeAlias = Annotated[int, Meta(ge=1, le=65_535)]
Port: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]
# -1 is how the peer's tooling writes "none, see listeners".
PortOrNone: TypeAlias = Annotated[int, Meta(ge=-1, le=65_535)]
Name: TypeAlias = Annotated[str, Meta(min_length=1)]
