"""Messages that would be right at another time."""

from __future__ import annotations

from typing import Final

from reference_broker.wire.control import StatusCategory
from suites.integration.malformed.frames import (
    AUTHENTICATION,
    GUID,
    close_queue,
    confirm,
    control,
    element,
    event,
    group,
    handle,
    json,
    nested,
    open_queue,
    put,
    request,
)
from suites.integration.malformed.model import Malformed, Outcome, Phase, one

_CLOSED = Outcome.CLOSED
_IGNORED = Outcome.IGNORED
_REFUSED = Outcome.REFUSED
_ANSWERED = Outcome.ANSWERED
_INVALID = StatusCategory.E_INVALID_ARGUMENT
_UNKNOWN = StatusCategory.E_UNKNOWN

_DISCONNECT: Final = request(group(0xA1))


def _negotiation(*members: bytes, alternative: int = 0xA0) -> bytes:
    return control(group(0x30, group(0xA0, group(alternative, *members))))


def _authentication(mechanism: bytes, alternative: int = 0xA0) -> bytes:
    payload = group(0x30, group(0xA0, group(alternative, element(0x80, mechanism))))
    return control(payload, event_type=AUTHENTICATION)


_VERSION: Final = element(0x80, b"\1")
_CLIENT: Final = element(0x82, b"\1")
_IDENTITY: Final = _negotiation(_VERSION, _CLIENT)

_BEFORE: Final = (
    *(
        Malformed(
            number=number,
            name=f"before negotiation: {name}",
            build=one(data),
            phase=Phase.HANDSHAKE,
            expected=_CLOSED,
        )
        for number, name, data in (
            (300, "openQueue", open_queue("bmq://domain/queue")),
            (301, "disconnect", _DISCONNECT),
            (302, "PUT", put()),
            (303, "CONFIRM", confirm((0, GUID, 0))),
            (304, "HEARTBEAT_REQ", event(11)),
            (305, "HEARTBEAT_RSP", event(12)),
            (306, "PUSH", event(4, bytes(48))),
            (307, "a brokerResponse", _negotiation(group(0xA0), alternative=0xA1)),
            (308, "a message that chooses nothing", control(group(0x30, group(0xA0)))),
            (309, "BER without an end", control(b"\x30\x80\xa0\x80\xa0\x80")),
            (310, "JSON without an end", json('{"clientIdentity":{')),
            (
                311,
                "a clientType that does not exist",
                _negotiation(_VERSION, element(0x82, b"\x09")),
            ),
            (312, "a protocolVersion of 9 octets", _negotiation(element(0x80, bytes(9)), _CLIENT)),
            (313, "10,000 levels", control(group(0x30, nested(10_000, 0xA5)))),
            (314, "encoding 7", control(group(0x30), specific=0xE0)),
            (315, "an authenticationResponse", _authentication(b"", alternative=0xA1)),
        )
    ),
    *(
        Malformed(
            number=number,
            name=f"before negotiation: {name}",
            build=one(data),
            phase=Phase.HANDSHAKE,
            expected=_CLOSED,
            is_open=True,
        )
        for number, name, data in (
            (316, "AUTHENTICATION of nothing", event(AUTHENTICATION)),
            (317, "AUTHENTICATION of nonsense", control(b"nonsense", event_type=AUTHENTICATION)),
        )
    ),
    Malformed(
        number=318,
        name="before negotiation: authentication twice",
        build=one(_authentication(b"ANONYMOUS") * 2),
        phase=Phase.HANDSHAKE,
        lead=1,
        expected=_CLOSED,
        peer=Outcome.SILENT,
        note="an authentication request is accepted only as the very first packet; BlazingMQ waits "
        "for another one",
    ),
)

_AFTER: Final = (
    Malformed(
        number=330,
        name="a second clientIdentity",
        build=one(_IDENTITY),
        expected=_CLOSED,
        is_open=True,
    ),
    Malformed(
        number=331,
        name="authentication by another mechanism in a session",
        build=one(_authentication(b"BASIC")),
        expected=_IGNORED,
        is_open=True,
        note="a client that was let in without credentials has none to renew",
    ),
    Malformed(
        number=332,
        name="authentication by the same mechanism in a session",
        build=one(_authentication(b"ANONYMOUS")),
        expected=_IGNORED,
        is_open=True,
    ),
    Malformed(
        number=333,
        name="a request with rId -1",
        build=lambda scene: [
            request(group(0xAA, handle(scene.free_uri.encode())), r_id=b"\xff"),
        ],
        expected=_IGNORED,
    ),
    Malformed(
        number=334,
        name="a request without a rId",
        build=lambda scene: [request(group(0xAA, handle(scene.free_uri.encode())), r_id=b"")],
        expected=_IGNORED,
    ),
    Malformed(
        number=335,
        name="a qId that belongs to another queue",
        build=lambda scene: [open_queue(scene.free_uri, 0)],
        expected=_REFUSED,
        category=_INVALID,
    ),
    Malformed(
        number=336,
        name="a queue closed twice",
        build=lambda scene: [
            open_queue(scene.free_uri),
            close_queue(scene.free_uri),
            close_queue(scene.free_uri, r_id=b"\x03\xea"),
        ],
        lead=2,
        expected=_REFUSED,
        category=_UNKNOWN,
    ),
    Malformed(
        number=337,
        name="a queue configured after it was closed",
        build=lambda scene: [
            open_queue(scene.free_uri),
            close_queue(scene.free_uri),
            request(group(0xB0, element(0x80, b"\5")), r_id=b"\x03\xea"),
        ],
        lead=2,
        expected=_REFUSED,
        category=_UNKNOWN,
    ),
    Malformed(
        number=338,
        name="a PUT after its queue was closed",
        build=lambda scene: [
            open_queue(scene.free_uri, writer=True),
            request(
                group(
                    0xAC,
                    handle(scene.free_uri.encode(), flags=4, reads=0, writes=1),
                    element(0x81, b"\1"),
                ),
                r_id=b"\x03\xe9",
            ),
            put(queue_id=5),
        ],
        lead=2,
        expected=Outcome.NACKED,
    ),
    Malformed(
        number=339,
        name="configure for a queue that is not open",
        build=one(request(group(0xB0, element(0x80, b"\x4d")))),
        expected=_REFUSED,
        category=_UNKNOWN,
    ),
    Malformed(
        number=340,
        name="a readCount of -1",
        build=lambda scene: [request(group(0xAA, handle(scene.free_uri.encode(), reads=-1)))],
        expected=_REFUSED,
        category=_INVALID,
    ),
    Malformed(
        number=341,
        name="a readCount of 2^31 - 1",
        build=lambda scene: [
            request(group(0xAA, handle(scene.free_uri.encode(), reads=2**31 - 1))),
        ],
        expected=_ANSWERED,
        is_open=True,
    ),
    Malformed(
        number=342,
        name="10,000 heartbeats at once",
        build=one(event(11) * 10_000),
        expected=_IGNORED,
        note="each is answered; nothing else happens",
    ),
    Malformed(
        number=343,
        name="a heartbeat of 1 MB",
        build=one(event(11, bytes(1_000_000))),
        expected=_IGNORED,
        is_open=True,
    ),
    Malformed(
        number=344,
        name="everything after disconnect",
        build=lambda scene: [
            _DISCONNECT,
            open_queue(scene.free_uri),
            put(),
            event(11),
            bytes(64),
        ],
        lead=1,
        expected=Outcome.SILENT,
        peer=_CLOSED,
        note="whatever comes after disconnect is ignored; BlazingMQ still looks at event headers",
    ),
)

STATE: Final = (*_BEFORE, *_AFTER)
