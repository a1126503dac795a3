"""Event headers, types and sizes; and connections that end in the middle."""

from __future__ import annotations

from typing import Final

from suites.integration.malformed.frames import (
    CONFIRM,
    CONTROL,
    GUID,
    PUT,
    confirm,
    control,
    element,
    event,
    group,
    open_queue,
    put,
)
from suites.integration.malformed.model import Malformed, Outcome, Phase, one

_CLOSED = Outcome.CLOSED
_HANDSHAKE = Phase.HANDSHAKE
_MIB: Final = 1024 * 1024
_TEXT: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_TLS_HELLO: Final = bytes.fromhex("1603010200010001fc0303") + bytes(500)
_LARGE_IDENTITY: Final = control(
    group(
        0x30,
        group(
            0xA0,
            group(0xA0, element(0x80, b"\1"), element(0x82, b"\1"), element(0x83, b"x" * _MIB)),
        ),
    )
)
_WAITS: Final = "the peer waits for the event to become whole"

_LENGTHS: Final = (
    Malformed(
        number=1,
        name="event length 0",
        build=one(event(CONTROL, length=0)),
        expected=_CLOSED,
        note="4 or less cannot be recovered from",
    ),
    Malformed(
        number=2, name="event length 4", build=one(event(CONTROL, length=4)), expected=_CLOSED
    ),
    Malformed(
        number=3,
        name="event length 7: less than its header",
        build=one(event(CONTROL, length=7)),
        expected=_CLOSED,
        is_open=True,
    ),
    Malformed(
        number=4,
        name="event length 2^31 - 1",
        build=one(event(PUT, bytes(64), length=2**31 - 1)),
        expected=_CLOSED,
        peer=Outcome.SILENT,
        note=_WAITS,
    ),
    Malformed(
        number=5,
        name="event length of 66 MiB and one byte",
        build=one(event(PUT, bytes(64), length=66 * _MIB + 1)),
        expected=_CLOSED,
        peer=Outcome.SILENT,
        note=_WAITS,
    ),
    Malformed(
        number=6,
        name="fragment bit set",
        build=one(event(PUT, bytes(64), length=1 << 31 | 72)),
        expected=_CLOSED,
        is_open=True,
        note="fragmentation does not exist",
    ),
)

_HEADERS: Final = (
    *(
        Malformed(
            number=number,
            name=f"protocol version {version}",
            build=one(event(CONTROL, bytes(8), version=version)),
            expected=_CLOSED,
            is_open=True,
        )
        for number, version in ((7, 0), (8, 2), (9, 3))
    ),
    *(
        Malformed(
            number=number,
            name=f"event header of {words} words in an event of 16 bytes",
            build=one(event(CONTROL, bytes(8), words=words)),
            expected=_CLOSED,
            is_open=True,
        )
        for number, words in ((10, 0), (11, 1), (12, 255))
    ),
    *(
        Malformed(
            number=number,
            name=f"event type {event_type}, which does not exist",
            build=one(event(event_type, bytes(8))),
            expected=_CLOSED,
            is_open=True,
        )
        for number, event_type in ((13, 0), (14, 16), (15, 63))
    ),
    *(
        Malformed(
            number=number,
            name=f"{name}, which only brokers send",
            build=one(event(event_type, bytes(24))),
            expected=_CLOSED,
            is_open=True,
        )
        for number, event_type, name in (
            (16, 4, "PUSH"),
            (17, 5, "ACK"),
            (18, 6, "CLUSTER_STATE"),
            (19, 7, "ELECTOR"),
            (20, 8, "STORAGE"),
            (21, 9, "RECOVERY"),
            (22, 10, "PARTITION_SYNC"),
            (23, 13, "REJECT"),
            (24, 14, "REPLICATION_RECEIPT"),
        )
    ),
)

_STRANGE: Final = (
    Malformed(
        number=25,
        name="control event of 2 MiB",
        build=lambda scene: [
            open_queue(scene.free_uri, before=element(0x85, bytes(2 * _MIB))),
        ],
        expected=_CLOSED,
        peer=Outcome.ANSWERED,
        note="unknown members are skipped, but a request has no use for 2 MiB",
    ),
    Malformed(
        number=26,
        name="an HTTP request in a session",
        build=one(_TEXT),
        expected=_CLOSED,
        peer=Outcome.SILENT,
        note="its first four bytes are a length of 1.1 GiB; " + _WAITS,
    ),
    Malformed(
        number=27,
        name="an HTTP request",
        build=one(_TEXT),
        phase=_HANDSHAKE,
        expected=_CLOSED,
        peer=Outcome.SILENT,
        note="its first four bytes are a length of 1.1 GiB; " + _WAITS,
    ),
    Malformed(
        number=28,
        name="a TLS handshake",
        build=one(_TLS_HELLO),
        phase=_HANDSHAKE,
        expected=_CLOSED,
        peer=Outcome.SILENT,
        note="its first four bytes are a length of 352 MiB; " + _WAITS,
    ),
    Malformed(
        number=29,
        name="64 zero bytes",
        build=one(bytes(64)),
        phase=_HANDSHAKE,
        expected=_CLOSED,
    ),
    Malformed(
        number=30,
        name="an identity of 1 MiB",
        build=one(_LARGE_IDENTITY),
        phase=_HANDSHAKE,
        expected=_CLOSED,
        peer=Outcome.ANSWERED,
        note="before a session there is nothing large to say",
    ),
)


def _truncated(
    number: int, name: str, data: bytes, size: int, phase: Phase = Phase.SESSION
) -> Malformed:
    return Malformed(
        number=number,
        name=f"{name} cut off after {size} of {len(data)} bytes",
        build=one(data[:size]),
        phase=phase,
        expected=Outcome.LEFT,
    )


_PUT: Final = put(b"a message that never becomes whole")
_CONFIRM: Final = confirm((0, GUID, 0), (0, GUID, 0))
_OPEN: Final = open_queue("bmq://domain/queue")

_TRUNCATIONS: Final = (
    *(
        _truncated(40 + index, "event header", _OPEN, size, _HANDSHAKE)
        for index, size in enumerate((1, 3, 4, 5, 6, 7))
    ),
    *(
        _truncated(50 + index, "PUT", _PUT, size)
        for index, size in enumerate((8, 12, 16, 20, 36, 40, 42, 44, 60, len(_PUT) - 1))
    ),
    *(
        _truncated(65 + index, "CONFIRM", _CONFIRM, size)
        for index, size in enumerate((8, 12, 16, 32, 36, len(_CONFIRM) - 1))
    ),
    *(
        _truncated(75 + index, "openQueue", _OPEN, size)
        for index, size in enumerate((8, 10, 13, len(_OPEN) // 2, len(_OPEN) - 1))
    ),
    Malformed(
        number=85,
        name="an event that announces more than it has, and then nothing",
        build=one(event(CONFIRM, bytes(4), length=4096)),
        expected=Outcome.SILENT,
        note="there is no resynchronisation: what follows is taken for the rest",
    ),
)

FRAMING: Final = (*_LENGTHS, *_HEADERS, *_STRANGE, *_TRUNCATIONS)
