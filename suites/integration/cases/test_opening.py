"""BMQ-OPEN: opening queues, and everything for which that is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from reference_broker.wire import AckStatus, put_event
from reference_broker.wire.control import (
    ConfigureStreamResponse,
    ControlChoice,
    ControlMessage,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    StatusCategory,
    SubQueueIdInfo,
)
from reference_broker.wire.control_event import control_event
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import MEM_DOMAIN, DomainShape
from suites.integration.actor import READ, WRITE, handle, stream
from suites.integration.case import CaseInfo, case, case_family, non_strict
from suites.integration.connections import Wire

_Category = StatusCategory
#: Ids of statements, by the number of the case. That the qId stays free is proved by each.
_PROVES: Final = {
    2: ("URI-2", "URI-5"),
    3: ("URI-1", "URI-5"),
    4: ("URI-3", "URI-5"),
    5: ("OPEN-9",),
    6: ("OPEN-10",),
    7: ("OPEN-11",),
    8: ("OPEN-11",),
    9: ("OPEN-12",),
    10: ("OPEN-12",),
    11: ("OPEN-13",),
    12: ("OPEN-13",),
    13: ("OPEN-14",),
    14: ("OPEN-15",),
    15: ("OPEN-19",),
    16: ("OPEN-23",),
}
_QID_IS_FREE: Final = "OPEN-24"


class Refusal(NamedTuple):
    """A request that must be refused.

    Attributes:
        parameters: of the request, for a URI of the case's own.
        category: of the status.
        code: of the status.
        text: what the message contains where texts are known.
    """

    parameters: Callable[[str], QueueHandleParameters]
    category: StatusCategory
    code: int
    text: str


def _refusal(
    number: int,
    title: str,
    parameters: Callable[[str], QueueHandleParameters],
    outcome: tuple[StatusCategory, int, str],
    needs: tuple[Capability, ...] = (),
) -> tuple[CaseInfo, Refusal]:
    category, code, text = outcome
    info = CaseInfo(
        id=f"BMQ-OPEN-{number}",
        title=f"refused: {title}",
        statement=f"openQueue is refused: {title}.",
        expectation=f"{category.name} with code {code}; from the reference broker with the text "
        f"{text!r}. The qId stays free.",
        needs=needs,
        proves=(*_PROVES[number], _QID_IS_FREE),
    )
    return info, Refusal(parameters, category, code, text)


def _asked(
    flags: int = 0, reads: int = 0, writes: int = 0, admins: int = 0, q_id: int = 0
) -> Callable[[str], QueueHandleParameters]:
    return lambda uri: QueueHandleParameters(
        uri=uri,
        q_id=q_id,
        flags=flags,
        read_count=reads,
        write_count=writes,
        admin_count=admins,
    )


def _at(uri: str) -> Callable[[str], QueueHandleParameters]:
    return lambda _uri: handle(uri, 0, read=True, write=False)


def _with_app(uri: str, *, read: bool) -> QueueHandleParameters:
    parameters = handle(f"{uri}?id=app" if read else uri, 0, read=read, write=not read)
    return QueueHandleParameters(
        uri=parameters.uri,
        q_id=0,
        sub_id_info=SubQueueIdInfo(sub_id=1, app_id="app"),
        flags=parameters.flags,
        read_count=parameters.read_count,
        write_count=parameters.write_count,
    )


_READ_TEXT = "Read flag and readCount must both be set accordingly"
_WRITE_TEXT = "Write flag and writeCount must both be set accordingly"
_RESERVED_TEXT = "qId must not be set from the reserved queue ids range"
_COUNT_TEXT = "At least one of ([read|write]) Count must be >0"

_REFUSALS = [
    _refusal(
        2, "the URI has no queue", _at("bmq://domain"), (_Category.E_REFUSED, 0, "Missing queue")
    ),
    _refusal(
        3,
        "the URI has another scheme",
        _at("amqp://domain/queue"),
        (_Category.E_REFUSED, 0, 'Invalid scheme: uri must start with "bmq://"'),
    ),
    _refusal(
        4,
        "the queue's name has more than 64 characters",
        _at(f"bmq://domain/{'q' * 65}"),
        (_Category.E_REFUSED, 0, "Queue name exceeds 64 characters"),
    ),
    _refusal(5, "no count is set", _asked(), (_Category.E_INVALID_ARGUMENT, 0, _COUNT_TEXT)),
    _refusal(
        6,
        "adminCount is not 0",
        _asked(READ, reads=1, admins=1),
        (_Category.E_INVALID_ARGUMENT, 0, "adminCount must be 0"),
    ),
    _refusal(
        7,
        "the READ flag comes without a readCount",
        _asked(READ | WRITE, writes=1),
        (_Category.E_INVALID_ARGUMENT, 0, _READ_TEXT),
    ),
    _refusal(
        8,
        "a readCount comes without the READ flag",
        _asked(WRITE, reads=1, writes=1),
        (_Category.E_INVALID_ARGUMENT, 0, _READ_TEXT),
    ),
    _refusal(
        9,
        "the WRITE flag comes without a writeCount",
        _asked(READ | WRITE, reads=1),
        (_Category.E_INVALID_ARGUMENT, 0, _WRITE_TEXT),
    ),
    _refusal(
        10,
        "a writeCount comes without the WRITE flag",
        _asked(READ, reads=1, writes=1),
        (_Category.E_INVALID_ARGUMENT, 0, _WRITE_TEXT),
    ),
    _refusal(
        11,
        "the qId is the lowest of the reserved ones",
        _asked(READ, reads=1, q_id=0xFFFF_FFF6),
        (_Category.E_INVALID_ARGUMENT, 0, _RESERVED_TEXT),
    ),
    _refusal(
        12,
        "the qId is -1",
        _asked(READ, reads=1, q_id=0xFFFF_FFFF),
        (_Category.E_INVALID_ARGUMENT, 0, _RESERVED_TEXT),
    ),
    _refusal(
        13,
        "a writer names an appId",
        lambda uri: _with_app(uri, read=False),
        (
            _Category.E_INVALID_ARGUMENT,
            0,
            "AppId should not be specified in the URI if queue is opened in write mode",
        ),
    ),
    _refusal(
        14,
        "there is no such domain",
        _at("bmq://gauntlet.no.such.domain/q"),
        (_Category.E_UNKNOWN, -1, "gauntlet.no.such.domain.json' doesn't exist"),
    ),
    _refusal(
        15,
        "a reader of a queue that is not fanout names an appId",
        lambda uri: _with_app(uri, read=True),
        (
            _Category.E_UNKNOWN,
            -1,
            "AppId should not be specified when opening a non-fanout queue",
        ),
    ),
    _refusal(
        16,
        "URI and counts are both wrong, and the URI is checked first",
        lambda _uri: QueueHandleParameters(uri="bmq://domain", flags=READ),
        (_Category.E_REFUSED, 0, "Missing queue"),
    ),
]


@case(
    "BMQ-OPEN-1",
    statement="openQueue is answered with the request's echo, the routing of the domain's mode and "
    "the deduplication time.",
    expectation="openQueueResponse: the request as sent, routing flags 2 (priority), and the "
    "domain's 300,000 ms.",
    needs=(Capability.CONFIGURED,),
    proves=("OPEN-1", "OPEN-2", "OPEN-3", "OPEN-5"),
)
def test_open(wire: Wire, queue_uri: str) -> None:
    actor = wire.actor()
    request = OpenQueue(handle_parameters=handle(queue_uri, 7, read=True, write=True))
    answer = actor.request(request)
    assert isinstance(answer, OpenQueueResponse), answer
    assert answer.original_request == request
    assert answer.routing_configuration.flags == 2
    assert answer.deduplication_time_ms == 300_000


@case_family("refusal", _REFUSALS)
def test_open_refused(
    wire: Wire, queue_uri: str, target_spec: TargetSpec, refusal: Refusal
) -> None:
    actor = wire.actor()
    status = actor.refusal(OpenQueue(handle_parameters=refusal.parameters(queue_uri)))
    assert (status.category, status.code) == (refusal.category, refusal.code), status
    if target_spec.is_ours:
        assert refusal.text in status.message
    actor.open(queue_uri, write=True)
    actor.post(b"after the refusal")


@case(
    "BMQ-OPEN-17",
    statement="A qId that is in use cannot be given to another queue.",
    expectation="E_INVALID_ARGUMENT with code -1; the queue that has the qId works on.",
    proves=("CTRL-5", "OPEN-17"),
)
def test_queue_id_in_use(wire: Wire, queue_uri: str, target_spec: TargetSpec) -> None:
    actor = wire.actor()
    actor.open(queue_uri, 3, write=True)
    other = f"{queue_uri}.other"
    status = actor.refusal(OpenQueue(handle_parameters=handle(other, 3, read=False, write=True)))
    assert (status.category, status.code) == (_Category.E_INVALID_ARGUMENT, -1), status
    if target_spec.is_ours:
        assert status.message == "queueId is already in use for a different queue"
    actor.post(b"still here", q_id=3)


@case(
    "BMQ-OPEN-18",
    statement="A queue may be opened for reading and for writing by one request.",
    expectation="What is posted to it comes back by it.",
    proves=("OPEN-4",),
)
def test_read_and_write(wire: Wire, queue_uri: str) -> None:
    actor = wire.actor()
    actor.open(queue_uri, read=True, write=True)
    actor.configure()
    (guid,) = actor.post(b"to myself")
    (push,) = actor.take_pushes(1)
    assert (push.guid, push.data) == (guid, b"to myself")
    actor.confirm(guid)


@case(
    "BMQ-OPEN-19",
    statement="Requests may be sent without waiting for answers.",
    expectation="Opens, a configure and a post sent in one piece all succeed, each answered under "
    "its own rId.",
    proves=("CTRL-1", "CTRL-2", "CTRL-4", "OPEN-1", "CFG-4"),
)
def test_pipelined(
    wire: Wire,
    target: Target,
    new_uri: Callable[[str], str],
    new_domain: Callable[[DomainShape], str],
) -> None:
    uri, other_uri = _unknown_uris(target, new_uri, new_domain)
    actor = wire.actor()
    opens = {
        70: OpenQueue(handle_parameters=handle(uri, 0, read=True, write=True)),
        7: OpenQueue(handle_parameters=handle(other_uri, 1, read=False, write=True)),
    }
    configure = stream(0, 17)
    requests: dict[int, ControlChoice] = {**opens, 700: configure}
    here, there = actor.puts([b"to myself"]), actor.puts([b"elsewhere"], 1)
    actor.send(
        b"".join(control_event(ControlMessage(r_id, each)) for r_id, each in requests.items())
        + put_event([*here, *there])
    )
    for r_id, request in opens.items():
        opened = actor.answer(r_id)
        assert isinstance(opened, OpenQueueResponse), opened
        assert opened.original_request == request, f"{r_id} gets the answer to another request"
    configured, acks = actor.answer(700), actor.take_acks(2)
    if not target.spec.is_ours and AckStatus.UNKNOWN in {ack[0] for ack in acks}:
        non_strict("what follows an openQueue is refused until that is answered")
    assert configured == ConfigureStreamResponse(request=configure)
    assert [ack[:3] for ack in acks] == [(0, 0, put.guid) for put in (*here, *there)]
    (push,) = actor.take_pushes(1)
    assert (push.guid, push.ids, push.data) == (here[0].guid, (17,), b"to myself")
    actor.settle()
    assert [actor.answers, *actor.acks, *actor.pushes] == [{}], "something comes a second time"
    reader = wire.reader(other_uri)
    assert [each.data for each in reader.take_pushes(1)] == [b"elsewhere"]
    reader.confirm(there[0].guid)
    actor.confirm(here[0].guid)


def _unknown_uris(
    target: Target, new_uri: Callable[[str], str], new_domain: Callable[[DomainShape], str]
) -> tuple[str, str]:
    """Return URIs that nobody has used, of a domain that nobody has used if there can be one."""
    if Capability.CONFIGURED not in target.capabilities:
        return new_uri(MEM_DOMAIN), new_uri(MEM_DOMAIN)
    domain = new_domain(DomainShape())
    return f"bmq://{domain}/one", f"bmq://{domain}/other"
