"""CONFIRM events, and the other lists of that form."""

from __future__ import annotations

from typing import Final

from suites.integration.malformed.frames import CONFIRM, GUID, confirm, event
from suites.integration.malformed.model import Malformed, Outcome, one

_CLOSED = Outcome.CLOSED
_IGNORED = Outcome.IGNORED
_MESSAGE: Final = (0, GUID, 0)

_SHAPES: Final = tuple(
    Malformed(number=number, name=name, build=one(data), expected=_CLOSED, is_open=True)
    for number, name, data in (
        (160, "CONFIRM of nothing", event(CONFIRM)),
        (161, "CONFIRM of half a list header", event(CONFIRM, b"\x16\0")),
        (162, "CONFIRM list header of 0 words", confirm(_MESSAGE, header=0x06)),
        (163, "CONFIRM list header of 15 words", confirm(_MESSAGE, header=0xF6)),
        (164, "CONFIRM messages of 0 words", confirm(_MESSAGE, header=0x10)),
        (165, "CONFIRM messages of 5 words", confirm(_MESSAGE, header=0x15)),
        (166, "CONFIRM messages of 15 words, but too few", confirm(_MESSAGE, header=0x1F)),
        (167, "CONFIRM with half a message at its end", confirm(_MESSAGE, tail=bytes(12))),
        (168, "CONFIRM with one byte too many", confirm(_MESSAGE, tail=b"\0")),
    )
)

_CONTENTS: Final = (
    Malformed(
        number=170,
        name="CONFIRM without messages",
        build=one(confirm()),
        expected=_IGNORED,
        is_open=True,
    ),
    Malformed(
        number=171,
        name="CONFIRM messages of 7 words, the last unknown",
        build=one(confirm(_MESSAGE, header=0x17, tail=bytes(4))),
        expected=_IGNORED,
        note="readers step by the size that the list gives",
    ),
    *(
        Malformed(number=number, name=f"CONFIRM {name}", build=one(data), expected=_IGNORED)
        for number, name, data in (
            (172, "of an unknown GUID", confirm(_MESSAGE)),
            (173, "of the unset GUID", confirm((0, bytes(16), 0))),
            (174, "for a queue that is not open", confirm((77, GUID, 0))),
            (175, "for qId -1", confirm((-1, GUID, 0))),
            (176, "for a subId that is not open", confirm((0, GUID, 9))),
            (177, "for subId -1", confirm((0, GUID, -1))),
            (178, "of 50,000 unknown GUIDs", confirm(*[_MESSAGE] * 50_000)),
        )
    ),
)

_OTHERS: Final = tuple(
    Malformed(number=number, name=name, build=one(data), expected=_CLOSED, is_open=True)
    for number, name, data in (
        (185, "REJECT of a message, from a client", confirm(_MESSAGE, event_type=13)),
        (186, "ACK of a message, from a client", confirm(_MESSAGE, event_type=5)),
        (187, "REJECT with an impossible list", confirm(header=0x00, event_type=13)),
    )
)

LISTS: Final = (*_SHAPES, *_CONTENTS, *_OTHERS)
