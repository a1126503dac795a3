"""BMQ-CTRL: requests in both encodings, numbers at their bounds, what decoders forgive."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Final

from reference_broker.wire import HEARTBEAT_REQUEST, EventType
from reference_broker.wire.control import (
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStream,
    ConfigureQueueStreamResponse,
    ConfigureStream,
    ConfigureStreamResponse,
    ConsumerInfo,
    ControlChoice,
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    Encoding,
    Expression,
    ExpressionVersion,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    QueueStreamParameters,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.features import CLIENT_FEATURES
from suites.harness.target import OUR_TARGETS, TargetSpec
from suites.harness.topology import FANOUT_DOMAIN
from suites.integration.actor import READ, WRITE, Actor, handle, stream
from suites.integration.case import CaseInfo, case, case_family, non_strict
from suites.integration.connections import Wire
from suites.integration.malformed import frames
from suites.integration.raw import ClosedError, identity

_INT32_MAX: Final = 2**31 - 1
_INT64_MAX: Final = 2**63 - 1
_UINT32_MAX: Final = 2**32 - 1
#: The last qId that is not reserved.
_Q_ID_MAX: Final = 0xFFFF_FFF5
#: BlazingMQ has a list as long as the greatest subId, and ends for want of memory.
_SUB_ID_OTHERS: Final = 2**16
_JSON_ONLY: Final = CLIENT_FEATURES.replace("BER,JSON", "JSON")


def _start(wire: Wire, encoding: Encoding, name: str = "peer") -> Actor:
    """Return a client whose session is in one encoding."""
    actor = wire.peer(name)
    features = _JSON_ONLY if encoding is Encoding.JSON else CLIENT_FEATURES
    actor.connect()
    actor.introduce(identity(features=features), encoding)
    return actor


def _answer(actor: Actor) -> tuple[Encoding, ControlMessage]:
    """Return the encoding of the control message that comes next, and the message."""
    event = actor.read_event()
    assert event.type == EventType.CONTROL, event
    encoding = Encoding(event.encoding)
    return encoding, decode_message(ControlMessage, encoding, event.body)


def _ask(actor: Actor, choice: ControlChoice, encoding: Encoding) -> ControlChoice | None:
    """Send a request; return what it is answered with, in the same encoding and by its rId."""
    r_id = actor.send_request(choice, encoding)
    found, message = _answer(actor)
    assert found is encoding, f"a request in {encoding.name} is answered in {found.name}"
    assert message.r_id == r_id, f"request {r_id} is answered by {message!r}"
    return message.choice


def _trip(number: int, encoding: Encoding) -> tuple[CaseInfo, Encoding]:
    info = CaseInfo(
        id=f"BMQ-CTRL-{number}",
        title=f"every request in {encoding.name}",
        statement=f"A client may speak {encoding.name}: every request is understood in it, and "
        "answered in it.",
        expectation="Open for writing and for two apps, configureStream and configureQueueStream, "
        "closeQueue and disconnect: the answers hold the requests as they were sent; messages come "
        "in between.",
        proves=("CTRL-1", "OPEN-1", "OPEN-6", "CFG-1", "CFG-2", "CLOSE-1", "END-1")
        + (("JSON-1", "NEG-3") if encoding is Encoding.JSON else ()),
    )
    return info, encoding


@case_family("encoding", [_trip(1, Encoding.BER), _trip(2, Encoding.JSON)])
def test_every_request(wire: Wire, new_uri: Callable[[str], str], encoding: Encoding) -> None:
    uri = new_uri(FANOUT_DOMAIN)
    actor = _start(wire, encoding)
    opens = (
        handle(uri, 3, read=False, write=True),
        actor.handle(uri, 3, read=True, app_id="foo"),
        actor.handle(uri, 3, read=True, app_id="bar"),
    )
    for parameters in opens:
        opened = _ask(actor, OpenQueue(handle_parameters=parameters), encoding)
        assert isinstance(opened, OpenQueueResponse), opened
        assert opened.original_request == OpenQueue(handle_parameters=parameters)
    expression = Expression(ExpressionVersion.E_VERSION_1, 'x < 5 || s == "a/\\"é"')
    new_style = ConfigureStream(
        q_id=3,
        stream_parameters=StreamParameters(
            "foo",
            (
                Subscription(
                    7, expression, (ConsumerInfo(9, 900, 2, 1), ConsumerInfo(8, 800, 1, 2))
                ),
                Subscription(8, Expression(), (ConsumerInfo(7, 700, -5, 3),)),
            ),
        ),
    )
    assert _ask(actor, new_style, encoding) == ConfigureStreamResponse(request=new_style)
    old_style = ConfigureQueueStream(
        q_id=3,
        stream_parameters=QueueStreamParameters(opens[2].sub_id_info, 6, 600, -1, 2),
    )
    assert _ask(actor, old_style, encoding) == ConfigureQueueStreamResponse(request=old_style)
    (guid,) = actor.post_with({"x": 1}, q_id=3)
    actor.settle()
    # The apps may share a PUSH; the older form has no sIds, and goes by its subId.
    came = sorted((push.guid, id_) for push in actor.pushes for id_ in push.ids)
    assert came == [(guid, actor.sub_id("bar")), (guid, 7)]
    for app_id in ("foo", "bar"):
        actor.confirm(guid, q_id=3, app_id=app_id)
    actor.settle()
    for parameters in reversed(opens):
        request = CloseQueue(handle_parameters=parameters, is_final=parameters is opens[0])
        assert _ask(actor, request, encoding) == CloseQueueResponse()
    assert _ask(actor, Disconnect(), encoding) == DisconnectResponse()


@case(
    "BMQ-CTRL-3",
    statement="A number may be any of its type: 32 or 64 bits, signed or not.",
    expectation="In both encodings: the greatest qId, subId, sId, priority and limits, and the least "
    "priority, come back as they were sent, and a message comes under the greatest sId.",
    proves=("CTRL-1", "CTRL-12", "CFG-8"),
)
def test_numbers_at_their_bounds(
    wire: Wire, new_uri: Callable[[str], str], target_spec: TargetSpec
) -> None:
    uri = new_uri(FANOUT_DOMAIN)
    app = SubQueueIdInfo(_UINT32_MAX if target_spec.is_ours else _SUB_ID_OTHERS, "foo")
    guids = []
    for encoding in Encoding:
        actor = _start(wire, encoding, encoding.name)
        for parameters in (
            handle(uri, _Q_ID_MAX, read=False, write=True),
            QueueHandleParameters(f"{uri}?id=foo", _Q_ID_MAX, app, READ, 1),
        ):
            opened = _ask(actor, OpenQueue(handle_parameters=parameters), encoding)
            assert isinstance(opened, OpenQueueResponse), opened
            assert opened.original_request == OpenQueue(handle_parameters=parameters)
        subscriptions = tuple(
            Subscription(s_id, Expression(), (ConsumerInfo(_INT64_MAX, _INT64_MAX, priority, 1),))
            for s_id, priority in ((_UINT32_MAX, _INT32_MAX), (0, 1 - 2**31))
        )
        request = ConfigureStream(_Q_ID_MAX, StreamParameters("foo", subscriptions))
        assert _ask(actor, request, encoding) == ConfigureStreamResponse(request=request)
        guids += actor.post(b"payload", q_id=_Q_ID_MAX)
        (push,) = actor.take_pushes(1)
        assert (push.guid, push.ids) == (guids[-1], (_UINT32_MAX,))
        actor.confirm(guids[-1], q_id=_Q_ID_MAX, sub_id=app.sub_id)
        actor.settle()
        assert _ask(actor, Disconnect(), encoding) == DisconnectResponse()
    for app_id in ("foo", "bar", "baz"):
        reader = wire.reader(uri, app_id=app_id)
        due = [] if app_id == "foo" else guids
        reader.settle()
        assert [push.guid for push in reader.pushes] == due, app_id
        reader.confirm(*guids, app_id=app_id)
        reader.settle()


_BEYOND: Final = {
    "qId": ("configureStream", {"qId": 2**32}),
    "a negative qId": ("configureStream", {"qId": -1}),
    "readCount": ("openQueue", {"handleParameters": {"readCount": 2**31}}),
    "flags": ("openQueue", {"handleParameters": {"flags": 2**64}}),
    "negative flags": ("openQueue", {"handleParameters": {"flags": -1}}),
    "consumerPriority": (
        "configureQueueStream",
        {"streamParameters": {"consumerPriority": -(2**31) - 1}},
    ),
    "maxUnconfirmedBytes": (
        "configureQueueStream",
        {"streamParameters": {"maxUnconfirmedBytes": 2**63}},
    ),
    "a fraction": ("configureStream", {"qId": 0.5}),
}


@case(
    "BMQ-CTRL-4",
    statement="A number beyond its type is no number: the message that has it cannot be decoded.",
    expectation="In JSON, one beyond each bound of 32 and 64 bits, and a fraction: each ends the "
    "connection, and none is answered.",
    grade="should",
    expects_strict_from=OUR_TARGETS,
    proves=("JSON-8", "CTRL-11"),
)
def test_numbers_beyond_their_bounds(wire: Wire) -> None:
    ignored = []
    for name, (member, value) in _BEYOND.items():
        actor = _start(wire, Encoding.JSON, name)
        actor.send(frames.json(json.dumps({"rId": 1, member: value})) + HEARTBEAT_REQUEST)
        with contextlib.suppress(ClosedError):
            event = actor.read_event()
            assert event.type == EventType.HEARTBEAT_RSP, f"{name}: {value} is answered: {event}"
            ignored.append(name)
    if ignored:
        non_strict(f"beyond their bounds these are ignored: {', '.join(ignored)}")


def _open_answer(actor: Actor) -> QueueHandleParameters:
    """Return what the broker has understood of the openQueue that was sent last."""
    _, message = _answer(actor)
    assert message.r_id == 1, message
    assert isinstance(message.choice, OpenQueueResponse), message
    return message.choice.original_request.handle_parameters


def _configure_answer(actor: Actor) -> ConfigureStream:
    """Return what the broker has understood of the configureStream that was sent last."""
    _, message = _answer(actor)
    assert message.r_id == 2, message
    assert isinstance(message.choice, ConfigureStreamResponse), message
    return message.choice.request


@case(
    "BMQ-CTRL-5",
    statement="JSON may be written in more than one way.",
    expectation="Enumerators by their numbers, 64-bit integers in quotes, null for what is optional, "
    "escapes, white space, any order, members that are missing, come twice or do not exist, at "
    "every level: the requests are understood, and the messages come.",
    proves=("JSON-4", "JSON-12", "JSON-13", "JSON-14", "JSON-15"),
)
def test_liberties_of_json(wire: Wire, queue_uri: str) -> None:
    actor = _start(wire, Encoding.JSON)
    uri = queue_uri.replace("/", "\\/").replace("q", "\\u0071")
    actor.send(
        frames.json(
            f"""
            {{ "unknown": {{ "deep": [1, {{ "rId": 9 }}] }},
               "openQueue": {{ "x": null, "handleParameters": {{
                   "flags": "6", "subIdInfo": null, "writeCount": 7, "writeCount": 1,
                   "qId": 4, "readCount": 1, "uri": "{uri}", "y": 1.5e300 }} }},
               "rId": 1 }}
            """
        )
    )
    assert _open_answer(actor) == QueueHandleParameters(queue_uri, 4, None, READ | WRITE, 1, 1)
    subscription = """
        { "sId": 3, "z": [[]], "expression": { "version": 1, "text": "x == 1", "w": "" },
          "consumers": [ { "maxUnconfirmedMessages": "9", "maxUnconfirmedBytes": 900, "v": {},
                           "consumerPriority": 0, "consumerPriorityCount": 1 } ] }
        """
    actor.send(
        frames.json(
            '{"rId":2,"configureStream":{"streamParameters":{"u":{},"subscriptions":'
            f'[{subscription}]}},"qId":4}}}}'
        )
    )
    expression = Expression(ExpressionVersion.E_VERSION_1, "x == 1")
    due = Subscription(3, expression, (ConsumerInfo(9, 900, 0, 1),))
    assert _configure_answer(actor) == ConfigureStream(4, StreamParameters(subscriptions=(due,)))
    guids = actor.post_with({"x": 1}, q_id=4)
    assert [(push.guid, push.ids) for push in actor.take_pushes(1)] == [(guids[0], (3,))]
    actor.confirm(*guids, q_id=4)
    actor.settle()


@case(
    "BMQ-CTRL-6",
    statement="BER may be written in more than one way.",
    expectation="Lengths of both kinds, long ones too, any order, zeros in front of integers, an "
    "unsigned integer without its zero, members that are missing, come twice or do not exist, at "
    "every level: the requests are understood, and the messages come.",
    proves=("BER-1", "BER-2", "BER-3", "BER-4", "BER-20", "BER-21"),
)
def test_liberties_of_ber(wire: Wire, queue_uri: str) -> None:
    actor = _start(wire, Encoding.BER)
    element, group = frames.element, frames.group
    unknown = (
        b"\x9f\x84\x00\x03abc"  # number 512, primitive
        b"\xbf\x1f\x80"  # number 31, constructed and open
        + element(0x8A, bytes(300))
        + group(0xAB, element(0x80, b"\1"))
        + b"\0\0"
    )
    parameters = (
        element(0x85, b"\7")
        + unknown
        + b"\x80\x83\x00\x00"  # a length of three octets, where one would do
        + bytes((len(queue_uri),))
        + queue_uri.encode()
        + element(0x83, b"\0" * 8 + b"\6")
        + element(0x84, b"\0\0\0\1")
        + element(0x85, b"\1")
        + element(0x81, b"\xf0\0\0\0")
    )
    opened = element(0xAA, unknown + group(0xA0, parameters))
    actor.send(frames.request(opened, r_id=b"\0\0\1", before=unknown))
    q_id = 0xF000_0000
    assert _open_answer(actor) == QueueHandleParameters(queue_uri, q_id, None, READ | WRITE, 1, 1)
    consumer = group(0x30, unknown, element(0x83, b"\1"), element(0x82, b"\0"))
    consumer = consumer[:-2] + element(0x81, b"\x03\x84") + element(0x80, b"\0\x09") + b"\0\0"
    subscription = element(0x30, unknown + element(0x80, b"\3") + group(0xA2, consumer))
    stream_parameters = element(0xA1, group(0xA1, subscription) + unknown)
    configured = group(0xB0, stream_parameters, element(0x80, q_id.to_bytes(5, "big")))
    actor.send(frames.request(configured, r_id=b"\2"))
    due = Subscription(3, Expression(), (ConsumerInfo(9, 900, 0, 1),))
    assert _configure_answer(actor) == ConfigureStream(q_id, StreamParameters(subscriptions=(due,)))
    guids = actor.post(b"payload", q_id=q_id)
    assert [(push.guid, push.ids) for push in actor.take_pushes(1)] == [(guids[0], (3,))]
    actor.confirm(*guids, q_id=q_id)
    actor.settle()


@case(
    "BMQ-CTRL-7",
    statement="rIds are the client's business: they need not rise, nor be different.",
    expectation="In both encodings six configure requests at once, with the rIds 7, 7, 3, 0, the "
    "greatest and 7: as many answers, in their order, each with its own rId and the request as it was sent.",
    proves=("CTRL-1", "CTRL-2", "CTRL-4"),
)
def test_request_ids(wire: Wire, queue_uri: str) -> None:
    r_ids = (7, 7, 3, 0, _INT32_MAX, 7)
    requests = [stream(0, number, priority=number) for number in range(len(r_ids))]
    opening = OpenQueue(handle_parameters=handle(queue_uri, 0, read=True, write=False))
    for encoding in Encoding:
        actor = _start(wire, encoding, encoding.name)
        assert isinstance(_ask(actor, opening, encoding), OpenQueueResponse)
        pairs = list(zip(r_ids, requests, strict=True))
        messages = [ControlMessage(r_id=r_id, choice=request) for r_id, request in pairs]
        actor.send(b"".join(control_event(message, encoding) for message in messages))
        for r_id, request in pairs:
            _, message = _answer(actor)
            due = ControlMessage(r_id=r_id, choice=ConfigureStreamResponse(request=request))
            assert message == due


@case(
    "BMQ-CTRL-8",
    statement="A request is read in the encoding that its event names, and answered in the one of "
    "the session.",
    expectation="Clients of both encodings send the same requests in the other one, and by turns: "
    "every answer is in the session's encoding.",
    proves=("NEG-3", "CTRL-13"),
)
def test_mixed_encodings(wire: Wire, queue_uri: str) -> None:
    for own in Encoding:
        actor = _start(wire, own, own.name)
        for number, encoding in enumerate((*Encoding, *Encoding)):
            request = OpenQueue(handle_parameters=handle(queue_uri, number, read=True, write=False))
            r_id = actor.send_request(request, encoding)
            found, message = _answer(actor)
            assert (found, message.r_id) == (own, r_id)
            assert isinstance(message.choice, OpenQueueResponse), message
