"""Message GUIDs [GUID-5]: 16 opaque bytes, printed as 32 upper-case hex digits.

::

    | 0 1 2                       | 3 .. 9              | 10 .. 15        |
    | 0x400000 + counter mod 2^22 | timer, 56 bits of ns| 6-byte client id|

Only the maker of a GUID looks inside it; everyone else compares bytes.
"""

from __future__ import annotations

from typing import Final

GUID_SIZE: Final = 16
UNSET_GUID: Final = bytes(GUID_SIZE)

_VERSION_1: Final = 0x400000
_COUNTER_MASK: Final = 0x3FFFFF
_TIMER_MASK: Final = (1 << 56) - 1


class GuidGenerator:
    """Make GUIDs for one client.

    Args:
        client_id: 6 bytes, unique among all producers of a queue.
    """

    __slots__ = ("_counter", "client_id")

    def __init__(self, client_id: bytes) -> None:
        assert len(client_id) == 6, client_id
        self.client_id = client_id
        self._counter = 0

    def next(self, timer_ns: int) -> bytes:
        """Return a fresh GUID.

        Args:
            timer_ns: nanoseconds since this generator was created. GUIDs stay unique when it
                stands still, until the counter has gone round (4,194,304 GUIDs).
        """
        counter = self._counter
        self._counter = (counter + 1) & _COUNTER_MASK
        return b"%b%b%b" % (
            (_VERSION_1 + counter).to_bytes(3, "big"),
            (timer_ns & _TIMER_MASK).to_bytes(7, "big"),
            self.client_id,
        )

    def next_many(self, timer_ns: int, count: int) -> list[bytes]:
        """Return `count` fresh GUIDs of one instant; at most 4,194,304."""
        assert 0 <= count <= _COUNTER_MASK + 1, count
        tail = (timer_ns & _TIMER_MASK).to_bytes(7, "big") + self.client_id
        first = self._counter
        self._counter = (first + count) & _COUNTER_MASK
        return [
            (_VERSION_1 + (number & _COUNTER_MASK)).to_bytes(3, "big") + tail
            for number in range(first, first + count)
        ]


def format_guid(guid: bytes) -> str:
    """Return the printed form: 32 upper-case hex digits."""
    return guid.hex().upper()


def parse_guid(text: str) -> bytes:
    """Return the 16 bytes of a printed GUID.

    Raises:
        ValueError: the text is not 32 hex digits.
    """
    guid = bytes.fromhex(text)
    if len(guid) != GUID_SIZE:
        raise ValueError(f"a GUID has {GUID_SIZE * 2} hex digits, not {len(text)}: {text!r}")
    return guid
