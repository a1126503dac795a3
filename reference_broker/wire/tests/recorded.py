"""Recorded PUT and PUSH messages with their headers taken off by hand, for tests of what is inside.

Deliberately without the codecs of the room: these tests must not pass or fail with those.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

VECTORS = Path(__file__).with_name("vectors")


class Message(NamedTuple):
    """What lies behind one PUT or PUSH header.

    Attributes:
        compression: the CAT field.
        schema: the wire schema id, 0 where the header has none.
        options: the options area.
        data: application data without padding.
    """

    compression: int
    schema: int
    options: bytes
    data: bytes


def names(pattern: str) -> list[str]:
    """Return the names of the vectors that match, without `.hex`; there is at least one."""
    found = sorted(path.stem for path in VECTORS.glob(f"{pattern}.hex"))
    assert found, pattern
    return found


def read(name: str) -> bytes:
    """Return the bytes of a vector."""
    lines = (VECTORS / f"{name}.hex").read_text("ascii").splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


def put(name: str) -> Message:
    """Return the first message of a PUT event."""
    return _message(read(name)[8:], schema_at=32)


def push(name: str) -> Message:
    """Return the first message of a PUSH event."""
    return _message(read(name)[8:], schema_at=28)


def _message(body: bytes, *, schema_at: int) -> Message:
    size = 4 * (int.from_bytes(body[:4], "big") & 0x0FFF_FFFF)
    header = 4 * (body[7] & 31)
    data = header + 4 * int.from_bytes(body[4:7], "big")
    has_schema = header >= schema_at + 4
    return Message(
        compression=body[7] >> 5,
        schema=int.from_bytes(body[schema_at : schema_at + 2], "big") if has_schema else 0,
        options=body[header:data],
        data=body[data : size - body[size - 1]],
    )
