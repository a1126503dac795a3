"""Control messages: BER and JSON that are wrong in every way."""

from __future__ import annotations

from typing import Final

from reference_broker.wire.control import StatusCategory
from suites.integration.malformed.frames import (
    CONTROL as CONTROL_TYPE,
)
from suites.integration.malformed.frames import (
    control,
    element,
    event,
    group,
    handle,
    json,
    nested,
    open_queue,
    request,
)
from suites.integration.malformed.model import Malformed, Outcome, one

_CLOSED = Outcome.CLOSED
_IGNORED = Outcome.IGNORED
_ANSWERED = Outcome.ANSWERED
_REFUSED = Outcome.REFUSED

_LEVELS: Final = 10_000
_R_ID: Final = element(0x80, b"\x03\xe8")
_GARBAGE: Final = bytes((number * 73 + 41) % 256 for number in range(256))
#: An unknown member: id 5 of ControlMessage, primitive or constructed.
_UNKNOWN: Final = 0x85
_UNKNOWN_GROUP: Final = 0xA5
_HANDLE: Final = handle(b"bmq://domain/queue")


def _open_with(member: bytes) -> bytes:
    """Return an openQueue request with anything as its handleParameters."""
    return request(group(0xAA, member))


def _open_definite(uri: bytes) -> bytes:
    """Return an openQueue request all of whose elements have definite lengths."""
    parameters = element(0xA0, b"".join(_members(uri)))
    choice = element(0xA1, element(0xAA, parameters))
    return control(element(0x30, _R_ID + choice))


def _open_backwards(uri: bytes) -> bytes:
    """Return an openQueue request whose members come from the last to the first."""
    parameters = group(0xA0, *reversed(_members(uri)))
    choice = group(0xA1, group(0xAA, parameters))
    return control(group(0x30, choice, _R_ID))


def _members(uri: bytes) -> list[bytes]:
    """Return the members of a reader's handleParameters."""
    numbers = ((0x81, 5), (0x83, 2), (0x84, 1), (0x85, 0), (0x86, 0))
    return [element(0x80, uri), *(element(tag, bytes((value,))) for tag, value in numbers)]


_UNDECODABLE: Final = tuple(
    Malformed(number=number, name=f"BER: {name}", build=one(data), expected=_CLOSED, is_open=True)
    for number, name, data in (
        (200, "nothing, not even padding", event(CONTROL_TYPE)),
        (201, "nothing but padding", control(b"")),
        (202, "another top-level tag", control(b"\x31\x80" + _R_ID + b"\0\0")),
        (203, "a primitive top level", control(b"\x10\x02\x80\x00")),
        (204, "no end", control(b"\x30\x80" + _R_ID + b"\xa1\x80")),
        (205, "a length of 5 octets", control(b"\x30\x85\0\0\0\0\x04" + _R_ID)),
        (206, "a length of 2^31", control(b"\x30\x84\x80\0\0\0" + _R_ID)),
        (207, "a length beyond the event", control(b"\x30\x84\x7f\xff\xff\xff" + _R_ID)),
        (208, "a member longer than its message", control(b"\x30\x04\x80\x7f\x01\x02")),
        (
            210,
            "10,000 levels of indefinite length",
            request(group(0xA1), before=b"\xa5\x80" * _LEVELS + b"\0\0" * _LEVELS),
        ),
        (211, "400,000 levels without an end", control(b"\x30\x80" + b"\xa5\x80" * 400_000)),
        (212, "a URI that is constructed", _open_with(group(0xA0, group(0xA0, b"\x80\x01x")))),
        (213, "handleParameters that are primitive", _open_with(element(0x80, b"text"))),
        (214, "a rId of 5 octets", request(group(0xA1), r_id=b"\1\2\3\4\5")),
        (
            215,
            "an expression version that does not exist",
            request(
                group(
                    0xB0,
                    element(0x80, b"\0"),
                    group(0xA1, group(0xA1, group(0x30, group(0xA1, element(0x80, b"\x09"))))),
                )
            ),
        ),
        (216, "a bool of 2 octets", request(group(0xAC, _HANDLE, element(0x81, b"\0\1")))),
        (
            217,
            "two alternatives in one choice",
            request(group(0xAA, _HANDLE) + group(0xB0, element(0x80, b"\0"))),
        ),
        (218, "256 bytes of nonsense", control(_GARBAGE)),
        (220, "a tag number without an end", control(b"\x30\x80" + b"\xbf" + b"\xff" * 40)),
        (
            221,
            "an array of primitive elements",
            request(group(0xB0, group(0xA1, group(0xA1, b"\x02\x01\x05")))),
        ),
    )
)

_DECODABLE: Final = (
    Malformed(
        number=219,
        name="BER: openQueue with definite lengths everywhere",
        build=lambda scene: [_open_definite(scene.free_uri.encode())],
        expected=_ANSWERED,
        note="both forms of a length are right",
    ),
    Malformed(
        number=222,
        name="BER: openQueue with its members in reverse order",
        build=lambda scene: [_open_backwards(scene.free_uri.encode())],
        expected=_ANSWERED,
        note="tags tell members apart, not places",
    ),
    Malformed(
        number=230,
        name="BER: 900 KB in a member that is unknown",
        build=lambda scene: [open_queue(scene.free_uri, before=element(_UNKNOWN, bytes(900_000)))],
        expected=_ANSWERED,
        note="unknown members are skipped",
    ),
    Malformed(
        number=209,
        name="BER: 10,000 levels of definite length in a member that is unknown",
        build=lambda scene: [
            open_queue(scene.free_uri, before=nested(_LEVELS, _UNKNOWN_GROUP)),
        ],
        expected=_ANSWERED,
        is_open=True,
        note="what is skipped by its length need not be looked into",
    ),
    Malformed(
        number=231,
        name="BER: 300,000 unknown members",
        build=lambda scene: [open_queue(scene.free_uri, before=b"\x85\x01\x00" * 300_000)],
        expected=_CLOSED,
        peer=_ANSWERED,
        note="unknown members are skipped, but not for ever",
    ),
    *(
        Malformed(number=number, name=f"BER: {name}", build=one(data), expected=_IGNORED)
        for number, name, data in (
            (232, "an alternative that does not exist", request(b"\xbf\x63\x80\0\0")),
            (233, "a retired alternative", request(group(0xA3))),
            (234, "no alternative", request(b"")),
            (235, "an empty message", control(group(0x30))),
        )
    ),
    *(
        Malformed(
            number=number,
            name=f"BER: {name}, from a client",
            build=one(data),
            expected=_IGNORED,
            is_open=True,
        )
        for number, name, data in (
            (236, "openQueueResponse", request(group(0xAB))),
            (237, "status", request(group(0xA0))),
            (238, "disconnectResponse", request(group(0xA2))),
            (239, "clusterMessage", request(group(0xA9, group(0xA0, group(0xA6))))),
        )
    ),
    *(
        Malformed(
            number=number,
            name=f"openQueue: {name}",
            build=one(_open_with(handle(uri))),
            expected=_REFUSED,
            category=category,
        )
        for number, name, uri, category in (
            (240, "a URI of 900 KB", b"bmq://d/" + b"q" * 900_000, StatusCategory.E_REFUSED),
            (241, "a URI that is no UTF-8", b"bmq://d/\xff\xfe", StatusCategory.E_REFUSED),
            (242, "a URI with a zero byte", b"bmq://d/q\0", StatusCategory.E_REFUSED),
            (243, "an empty URI", b"", StatusCategory.E_REFUSED),
            (244, "a path instead of a queue", b"bmq://d/../../q", StatusCategory.E_REFUSED),
            (245, "the domain ..", b"bmq://../q", StatusCategory.E_UNKNOWN),
            (
                246,
                "a domain of 300 characters",
                b"bmq://" + b"d" * 300 + b"/q",
                StatusCategory.E_UNKNOWN,
            ),
        )
    ),
    *(
        Malformed(
            number=245 + bits,
            name=f"control event in encoding {bits}, which does not exist",
            build=one(control(group(0x30, _R_ID), specific=bits << 5)),
            expected=_CLOSED,
            is_open=True,
        )
        for bits in range(2, 8)
    ),
)

_JSON: Final = (
    *(
        Malformed(
            number=number, name=f"JSON: {name}", build=one(data), expected=_CLOSED, is_open=True
        )
        for number, name, data in (
            (260, "nothing but padding", json("")),
            (261, "not UTF-8", json(b'{"rId":1000,"\xff\xfe":0}')),
            (262, "100,000 open brackets", json("[" * 100_000)),
            (263, "10,000 levels", json('{"x":' * _LEVELS + "0" + "}" * _LEVELS)),
            (264, "a rId of 1e400", json('{"rId":1e400,"disconnect":{}}')),
            (265, "a rId of 100,000 digits", json('{"rId":' + "9" * 100_000 + "}")),
            (266, "a rId of 2^31", json('{"rId":2147483648,"disconnect":{}}')),
            (267, "a rId that is text", json('{"rId":"one","disconnect":{}}')),
            (
                268,
                "a URI that is a number",
                json('{"rId":1000,"openQueue":{"handleParameters":{"uri":7}}}'),
            ),
            (269, "openQueue that is a list", json('{"rId":1000,"openQueue":[]}')),
            (270, "a list", json("[]")),
            (271, "null", json("null")),
            (272, "text without an end", json('{"rId":1000,"openQueue')),
            (273, "not a number", json('{"rId":NaN,"disconnect":{}}')),
            (
                274,
                "half a surrogate pair",
                json('{"rId":1000,"openQueue":{"handleParameters":{"uri":"\\ud800"}}}'),
            ),
            (275, "BER that is announced as JSON", json(group(0x30, _R_ID))),
            (276, "JSON that is announced as BER", control(b'{"rId":1000,"disconnect":{}}')),
            (
                277,
                "an enumerator that does not exist",
                json('{"rId":1000,"status":{"category":"E_NOTHING"}}'),
            ),
        )
    ),
    *(
        Malformed(number=number, name=f"JSON: {name}", build=one(data), expected=_IGNORED)
        for number, name, data in (
            (285, "an empty object", json("{}")),
            (286, "unknown members alone", json('{"rId":1000,"unknown":{"deep":[1,2,{}]}}')),
            (287, "a negative rId", json('{"rId":-1,"disconnect":{}}')),
        )
    ),
)

CONTROL: Final = (*_UNDECODABLE, *_DECODABLE, *_JSON)
