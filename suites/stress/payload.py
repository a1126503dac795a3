"""The payload of a stress message: a stamp, and bytes that fill it up to its size.

::

    offset  size  field        big-endian
    0       4     magic        "gStr"
    4       4     crc32        of bytes 8 to 43
    8       8     run          drawn for each run, so that what an earlier one left is told apart
    16      4     producer     from 1
    20      8     sequence     of the message among its producer's, from 0
    28      8     intended_ns  when the schedule wanted it sent
    36      8     sent_ns      when it was sent
    44      ...   filling      the same bytes in every message of the run

Both times are of the monotonic clock of the process that posts and reads.
"""

from __future__ import annotations

import random
import struct
from enum import Enum, auto
from typing import Final, NamedTuple
from zlib import crc32

_MAGIC: Final = b"gStr"
_FRONT: Final = struct.Struct(">4sI")
_STAMP: Final = struct.Struct(">QIQQQ")
STAMP_BYTES: Final = _FRONT.size + _STAMP.size

assert STAMP_BYTES == 44


class Stamp(NamedTuple):
    """What a message says of itself; see the module."""

    run: int
    producer: int
    sequence: int
    intended_ns: int
    sent_ns: int


class Oddity(Enum):
    """Why a payload has no stamp for us."""

    FOREIGN = auto()  # of another run, or of no run at all
    DAMAGED = auto()  # of this run, but not as it was sent


class PayloadFormat:
    """Writes and reads the payloads of one run.

    Args:
        run: the run, 64 bits.
        size: bytes of every payload, at least `STAMP_BYTES`.
        seed: of the filling.
    """

    def __init__(self, run: int, size: int, seed: int) -> None:
        assert size >= STAMP_BYTES, size
        self._run = run
        self._filling = random.Random(seed).randbytes(size - STAMP_BYTES)

    def write(
        self, producer: int, first_sequence: int, count: int, intended_ns: int, sent_ns: int
    ) -> list[bytes]:
        """Return the payloads of `count` messages that are sent together."""
        run, filling, pack, front = self._run, self._filling, _STAMP.pack, _FRONT.pack
        payloads = []
        for sequence in range(first_sequence, first_sequence + count):
            stamp = pack(run, producer, sequence, intended_ns, sent_ns)
            payloads.append(front(_MAGIC, crc32(stamp)) + stamp + filling)
        return payloads

    def read(self, payload: bytes) -> Stamp | Oddity:
        """Return a payload's stamp, or why there is none."""
        if len(payload) < STAMP_BYTES or payload[:4] != _MAGIC:
            return Oddity.FOREIGN
        body = payload[_FRONT.size : STAMP_BYTES]
        if crc32(body) != int.from_bytes(payload[4:8]):
            return Oddity.DAMAGED
        stamp = Stamp(*_STAMP.unpack(body))
        if stamp.run != self._run:
            return Oddity.FOREIGN
        return stamp if payload[STAMP_BYTES:] == self._filling else Oddity.DAMAGED
