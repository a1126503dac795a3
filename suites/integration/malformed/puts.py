"""PUT messages: sizes, padding, ids, compression, properties, options."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from reference_broker.base import UNSET_GUID
from reference_broker.wire import compress, crc32c
from reference_broker.wire.properties import encode_properties
from suites.integration.malformed.frames import PUT, event, option, put
from suites.integration.malformed.model import Malformed, Outcome, one

_IGNORED = Outcome.IGNORED
_NACKED = Outcome.NACKED
_STORED = Outcome.STORED

_PROPERTIES: Final = 2
_WITH_PROPERTIES: Final = 1 | _PROPERTIES
_ZLIB: Final = 1
_GIB: Final = 1024**3


def zlib_bomb(size: int) -> bytes:
    """Return a zlib stream of about a thousandth of `size` zero bytes, made in no time.

    Args:
        size: bytes it inflates to; whole mebibytes.
    """
    mebibyte = bytes(1024 * 1024)
    packer = zlib.compressobj(9)
    head = packer.compress(mebibyte) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(mebibyte) + packer.flush(zlib.Z_FULL_FLUSH)
    count = size // len(mebibyte)
    # After a full flush a block does not refer to what was before it, so it can be repeated. The
    # final block is an empty one; the Adler-32 of n zeros is n mod 65521 in its upper half.
    adler = struct.pack(">HH", size % 65521, 1)
    return head + block * (count - 1) + b"\x03\x00" + adler


_SIZES: Final = (
    Malformed(
        number=100, name="PUT of 0 words", build=one(put(message_words=0)), expected=_IGNORED
    ),
    Malformed(
        number=101,
        name="PUT of its header alone",
        build=one(put(b"", padding=b"")),
        expected=_IGNORED,
    ),
    Malformed(
        number=102,
        name="PUT of one word more than the event has",
        build=one(put(b"hostile", message_words=12)),
        expected=_IGNORED,
    ),
    Malformed(
        number=103,
        name="PUT of 2^28 - 1 words",
        build=one(put(message_words=(1 << 28) - 1)),
        expected=_IGNORED,
    ),
    Malformed(
        number=104,
        name="PUT that claims 68 MiB",
        build=one(put(message_words=17 * 1024 * 1024)),
        expected=_IGNORED,
    ),
    *(
        Malformed(
            number=number,
            name=f"PUT header of {words} words",
            build=one(put(header_words=words)),
            expected=_IGNORED,
            peer=peer,
        )
        for number, words, peer in ((105, 0, None), (106, 7, _STORED), (107, 31, None))
    ),
    Malformed(
        number=108,
        name="options area longer than the message",
        build=one(put(options_words=100)),
        expected=_IGNORED,
    ),
    Malformed(
        number=109,
        name="options area of 2^24 - 1 words",
        build=one(put(options_words=(1 << 24) - 1)),
        expected=_IGNORED,
    ),
    *(
        Malformed(
            number=number,
            name=f"padding byte {value}",
            build=one(put(b"hostile", padding=bytes((value,)))),
            expected=_IGNORED,
            is_open=True,
        )
        for number, value in ((110, 0), (111, 5), (112, 255))
    ),
    Malformed(
        number=113,
        name="empty application data",
        build=one(put(b"")),
        expected=_IGNORED,
    ),
    Malformed(
        number=114,
        name="PUT event without messages",
        build=one(event(PUT)),
        expected=_IGNORED,
        is_open=True,
    ),
    *(
        Malformed(
            number=number,
            name=f"PUT event of {size} bytes behind its header",
            build=one(event(PUT, b"\x10" * size)),
            expected=_IGNORED,
        )
        for number, size in ((115, 1), (116, 7), (117, 35))
    ),
)

_IDS: Final = (
    Malformed(number=118, name="unset GUID", build=one(put(guid=UNSET_GUID)), expected=_NACKED),
    *(
        Malformed(
            number=number,
            name=name,
            build=one(put(queue_id=queue_id)),
            expected=_NACKED,
        )
        for number, name, queue_id in (
            (119, "qId that is not open", 77),
            (120, "negative qId", -1),
            (121, "smallest qId", -(2**31)),
            (122, "queue open for reading alone", 1),
        )
    ),
    Malformed(
        number=123,
        name="CRC of other data",
        build=one(put(b"hostile", crc=crc32c(b"friendly"))),
        expected=_NACKED,
        peer=_STORED,
        note="BlazingMQ does not look at it",
    ),
    Malformed(
        number=124,
        name="all flags set, known and unknown",
        build=one(put(encode_properties({"n": 1}, new_style=True) + b"x", flags=15, schema=1)),
        expected=_STORED,
        is_open=True,
    ),
)

_COMPRESSION: Final = (
    *(
        Malformed(
            number=123 + cat,
            name=f"compression {cat}, which does not exist",
            build=one(put(cat=cat)),
            expected=_NACKED,
            is_open=True,
            note="consumers would drop the whole event",
        )
        for cat in range(2, 8)
    ),
    Malformed(
        number=131,
        name="old-style data that are no zlib stream",
        build=one(put(b"this is not zlib", flags=_WITH_PROPERTIES, cat=_ZLIB)),
        expected=_IGNORED,
    ),
    Malformed(
        number=132,
        name="old-style zlib stream without its end",
        build=one(put(compress(bytes(5000))[:-6], flags=_WITH_PROPERTIES, cat=_ZLIB)),
        expected=_IGNORED,
    ),
    Malformed(
        number=133,
        name="bytes behind an old-style zlib stream",
        build=one(put(compress(bytes(5000)) + b"more", flags=_WITH_PROPERTIES, cat=_ZLIB)),
        expected=_IGNORED,
        is_open=True,
    ),
    Malformed(
        number=134,
        name="old-style zlib bomb: 1 MiB that inflates to 1 GiB",
        build=lambda _scene: [put(zlib_bomb(_GIB), flags=_WITH_PROPERTIES, cat=_ZLIB)],
        expected=_NACKED,
        peer=_IGNORED,
        note="no message inflates to more than 512 MiB with BlazingMQ, 64 MiB with the reference",
    ),
    Malformed(
        number=135,
        name="new-style payload that is no zlib stream",
        build=one(
            put(
                encode_properties({"n": 1}, new_style=True) + b"this is not zlib",
                flags=_WITH_PROPERTIES,
                cat=_ZLIB,
                schema=1,
            )
        ),
        expected=_STORED,
        note="the broker does not look into it",
    ),
)

#: Properties areas that no reader can make sense of, by what is wrong with them.
BAD_AREAS: Final = (
    ("garbage", b"\xff" * 40),
    ("one byte", b"\x1b"),
    ("no properties", bytes.fromhex("1b0000020000") + b"\2\2"),
    ("area longer than the message", bytes.fromhex("1bffffff0001") + bytes(10)),
    ("name longer than the area", bytes.fromhex("1b0000040001 18000000 0fff") + b"abc\1"),
    ("headers of 0 bytes", bytes.fromhex("000000040001 18000000 0001") + b"abc\1"),
    ("type 31", bytes.fromhex("1b0000040001 7c000000 0001") + b"abc\1"),
)

#: Positions of those that BlazingMQ notices: it drops the message without a word.
_SEEN_BY_PEER: Final = frozenset({0, 1, 3})

_PROPERTY_AREAS: Final = tuple(
    Malformed(
        number=136 + index,
        name=f"message properties: {name}",
        build=one(put(area, flags=_WITH_PROPERTIES, schema=1)),
        expected=_STORED,
        peer=_IGNORED if index in _SEEN_BY_PEER else None,
        note="the reference does not look into them, BlazingMQ at their headers",
    )
    for index, (name, area) in enumerate(BAD_AREAS)
)

_GROUP: Final = option(2, b"abc\1")
_OPTIONS: Final = (
    *(
        Malformed(
            number=number,
            name=f"options: {name}",
            build=one(put(options=area)),
            expected=_NACKED,
            peer=_STORED,
            note="BlazingMQ does not look into them",
        )
        for number, name, area in (
            (145, "one of 0 words", option(2, b"abc\1", words=0)),
            (146, "one longer than the area", option(2, b"abc\1", words=9)),
            (147, "one of 2^21 - 1 words", option(2, b"abc\1", words=(1 << 21) - 1)),
            (148, "a type twice", _GROUP + _GROUP),
        )
    ),
    Malformed(
        number=149,
        name="options: an unknown type",
        build=one(put(options=option(63, b"abc\1"))),
        expected=_STORED,
        note="readers skip what they do not know by its size",
    ),
    *(
        Malformed(
            number=number,
            name=f"options: {name}",
            build=one(put(options=area)),
            expected=_NACKED,
            is_open=True,
        )
        for number, name, area in (
            (150, "a group id of 32 bytes", option(2, b"g" * 32 + b"\4" * 4)),
            (151, "a group id whose padding is 9", option(2, b"abc\x09")),
            (152, "half an item", option(3, bytes(4), specific=2)),
            (153, "items of 0 words", option(3, bytes(8), specific=0)),
        )
    ),
)

PUTS: Final = (*_SIZES, *_IDS, *_COMPRESSION, *_PROPERTY_AREAS, *_OPTIONS)
