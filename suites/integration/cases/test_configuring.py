"""BMQ-CFG, BMQ-CLOSE: configuring readers and closing queues."""

from __future__ import annotations

from collections.abc import Callable

from reference_broker.wire import AckStatus, put_event
from reference_broker.wire.control import (
    CONSUMER_PRIORITY_INVALID,
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStream,
    ConfigureQueueStreamResponse,
    ConfigureStream,
    ConfigureStreamResponse,
    QueueHandleParameters,
    QueueStreamParameters,
    Status,
    StatusCategory,
    StreamParameters,
    SubQueueIdInfo,
)
from reference_broker.wire.push import FLAG_OUT_OF_ORDER
from suites.harness.target import TargetSpec
from suites.harness.topology import MEM_DOMAIN
from suites.integration.actor import handle, stream
from suites.integration.case import case
from suites.integration.connections import Wire

_UNKNOWN = StatusCategory.E_UNKNOWN
_INVALID = StatusCategory.E_INVALID_ARGUMENT


def _check(
    status: Status, category: StatusCategory, code: int, text: str, spec: TargetSpec
) -> None:
    """Compare a status; texts only where they are known."""
    assert (status.category, status.code) == (category, code), status
    if spec.is_ours:
        assert status.message == text


@case(
    "BMQ-CFG-1",
    statement="configureStream is answered with the echo of the request.",
    expectation="configureStreamResponse holding the request as sent.",
    proves=("CFG-1",),
)
def test_configure_stream_echo(wire: Wire, queue_uri: str) -> None:
    actor = wire.actor()
    actor.open(queue_uri, 5, read=True)
    request = stream(5, 17, messages=3, size=4096, priority=-7, weight=2)
    answer = actor.request(request)
    assert answer == ConfigureStreamResponse(request=request)


@case(
    "BMQ-CFG-2",
    statement="configureQueueStream, the older form, is answered with its echo.",
    expectation="configureQueueStreamResponse holding the request as sent.",
    proves=("CFG-2",),
)
def test_configure_queue_stream_echo(wire: Wire, queue_uri: str) -> None:
    actor = wire.actor()
    actor.open(queue_uri, 5, read=True)
    parameters = QueueStreamParameters(
        max_unconfirmed_messages=3,
        max_unconfirmed_bytes=4096,
        consumer_priority=2,
        consumer_priority_count=1,
    )
    request = ConfigureQueueStream(q_id=5, stream_parameters=parameters)
    assert actor.request(request) == ConfigureQueueStreamResponse(request=request)


@case(
    "BMQ-CFG-3",
    statement="A configure request for a qId that is not open is refused.",
    expectation="E_UNKNOWN, code 0, `No queue with specified Id`, in both forms.",
    proves=("CFG-5",),
)
def test_configure_unknown_queue(wire: Wire, target_spec: TargetSpec) -> None:
    actor = wire.actor()
    old_style = ConfigureQueueStream(
        q_id=9,
        stream_parameters=QueueStreamParameters(consumer_priority=0, consumer_priority_count=1),
    )
    for request in (stream(9, 1), old_style):
        status = actor.refusal(request)
        _check(status, _UNKNOWN, 0, "No queue with specified Id", target_spec)


@case(
    "BMQ-CFG-4",
    statement="A configure request for an appId or subId that is not open is refused.",
    expectation="E_UNKNOWN, code 0, `No queue with specified appId`, in both forms.",
    proves=("CFG-6",),
)
def test_configure_unknown_app(wire: Wire, queue_uri: str, target_spec: TargetSpec) -> None:
    actor = wire.actor()
    actor.open(queue_uri, read=True)
    new_style = ConfigureStream(q_id=0, stream_parameters=StreamParameters(app_id="nobody"))
    old_style = ConfigureQueueStream(
        q_id=0,
        stream_parameters=QueueStreamParameters(
            sub_id_info=SubQueueIdInfo(sub_id=4, app_id="nobody"),
            consumer_priority=0,
            consumer_priority_count=1,
        ),
    )
    for request in (new_style, old_style):
        status = actor.refusal(request)
        _check(status, _UNKNOWN, 0, "No queue with specified appId", target_spec)


@case(
    "BMQ-CFG-5",
    statement="A valid priority goes with a count, and no priority with none.",
    expectation="E_UNKNOWN, code -1, for priority 0 with count 0 and for no priority with count 1; "
    "the stream keeps what it had.",
    proves=("CFG-7", "CFG-9"),
)
def test_configure_invalid_priority(wire: Wire, queue_uri: str, target_spec: TargetSpec) -> None:
    actor = wire.actor()
    actor.open(queue_uri, read=True, write=True)
    actor.configure()
    text = "Attempting to configure stream with invalid priority."
    for priority, weight in ((0, 0), (CONSUMER_PRIORITY_INVALID, 1)):
        status = actor.refusal(stream(0, 50, priority=priority, weight=weight))
        _check(status, _UNKNOWN, -1, text, target_spec)
    (guid,) = actor.post(b"delivered as before")
    (push,) = actor.take_pushes(1)
    assert (push.guid, push.ids) == (guid, (1,))
    actor.confirm(guid)


@case(
    "BMQ-CFG-6",
    statement="The broker does not check that a priority lies in the documented range.",
    expectation="Priority 2,000,000,000 is accepted and outranks 1,073,741,823.",
    proves=("CFG-8", "ROUTE-4"),
)
def test_configure_priority_out_of_range(wire: Wire, queue_uri: str) -> None:
    low, high = wire.actor("low"), wire.actor("high")
    for actor, priority in ((low, 1_073_741_823), (high, 2_000_000_000)):
        actor.open(queue_uri, read=True)
        actor.configure(priority=priority)
    (guid,) = wire.writer(queue_uri).post(b"for the higher")
    (push,) = high.take_pushes(1)
    assert push.guid == guid
    low.settle()
    assert not low.pushes
    high.confirm(guid)


@case(
    "BMQ-CFG-7",
    statement="A queue that was closed cannot be configured.",
    expectation="E_UNKNOWN, code 0, also when the request comes right behind the closeQueue.",
    proves=("CFG-10",),
)
def test_configure_after_close(wire: Wire, queue_uri: str) -> None:
    actor = wire.actor()
    actor.open(queue_uri, read=True)
    parameters = handle(queue_uri, 0, read=True, write=False)
    closing = actor.send_request(CloseQueue(handle_parameters=parameters, is_final=True))
    late = actor.send_request(stream(0, 1))
    assert isinstance(actor.answer(closing), CloseQueueResponse)
    later = actor.send_request(stream(0, 1))
    for r_id in (late, later):
        status = actor.answer(r_id)
        assert isinstance(status, Status), status
        assert (status.category, status.code) == (_UNKNOWN, 0), status


@case(
    "BMQ-CFG-8",
    statement="Deconfiguring moves nothing: the consumer keeps what it holds and may confirm it; "
    "nobody else gets it.",
    expectation="After the deconfigure a second consumer gets only what is posted later; the "
    "first one's confirmations count, also when it has configured anew; what it has not confirmed "
    "comes to the second one when it closes, and not before.",
    proves=("CFG-12", "CFG-13", "BACK-1"),
)
def test_deconfigure_keeps_messages(wire: Wire, queue_uri: str) -> None:
    first, producer = wire.reader(queue_uri, "first"), wire.writer(queue_uri)
    held = producer.post(b"0", b"1", b"2", b"3")
    assert [push.guid for push in first.take_pushes(4)] == held
    first.deconfigure()
    second = wire.reader(queue_uri, "second")
    later = producer.post(b"4")
    assert [push.guid for push in second.take_pushes(1)] == later
    first.confirm(held[0])
    first.settle()
    first.configure(priority=-1)
    first.confirm(held[2])
    for actor in (first, second):
        actor.settle()
        assert not actor.pushes, "what is held is delivered again"
    first.shut(queue_uri, read=True)
    back = second.take_pushes(2)
    assert [push.guid for push in back] == held[1::2], "not just what was not confirmed comes back"
    assert all(push.flags & FLAG_OUT_OF_ORDER for push in back)
    second.settle()
    assert not second.pushes, "confirmed messages came back"
    second.confirm(*later, *held[1::2])


@case(
    "BMQ-CLOSE-1",
    statement="closeQueue is answered, and the qId means nothing afterwards.",
    expectation="closeQueueResponse; right behind the request a PUT to the qId is refused with status "
    "5 and not stored, and a CONFIRM is in vain: what was held goes to another consumer, flagged "
    "OUT_OF_ORDER; the qId can be given to another queue, and then means that one alone.",
    proves=("CLOSE-1", "PUT-16", "CONFIRM-7", "BACK-1", "PUSH-7"),
)
def test_close(wire: Wire, queue_uri: str, new_uri: Callable[[str], str]) -> None:
    actor, other_uri = wire.reader(queue_uri, "closes", priority=1), new_uri(MEM_DOMAIN)
    actor.open(queue_uri, write=True)
    held = actor.post(b"confirmed", b"held", b"held too")
    assert [push.guid for push in actor.take_pushes(3)] == held
    actor.confirm(held[0])
    heir = wire.reader(queue_uri, "heir")
    late = actor.puts([b"too late"])
    parameters = handle(queue_uri, 0, read=True, write=True)
    closing = actor.send_request(CloseQueue(handle_parameters=parameters, is_final=True))
    actor.send(put_event(late))
    actor.confirm(held[1])
    assert actor.answer(closing) == CloseQueueResponse()
    assert [ack[:3] for ack in actor.take_acks(1)] == [(AckStatus.UNKNOWN, 0, late[0].guid)]
    back = heir.take_pushes(2)
    assert [push.guid for push in back] == held[1:], "not just what was not confirmed comes back"
    assert all(push.flags & FLAG_OUT_OF_ORDER for push in back)
    actor.open(other_uri, write=True)
    elsewhere = actor.post(b"elsewhere")
    actor.confirm(*held)
    for peer in (actor, heir):
        peer.settle()
        assert not peer.pushes, "something comes that was refused, or for a qId that is closed"
    heir.shut(queue_uri, read=True)
    for uri, due in ((queue_uri, held[1:]), (other_uri, elsewhere)):
        last = wire.reader(uri, "last")
        assert [push.guid for push in last.take_pushes(len(due))] == due
        last.settle()
        assert not last.pushes
        last.confirm(*due)


@case(
    "BMQ-CLOSE-2",
    statement="closeQueue for a qId that is not open is refused.",
    expectation="E_UNKNOWN, code 0, `No queue with specified Id`.",
    proves=("CLOSE-2",),
)
def test_close_unknown_queue(wire: Wire, queue_uri: str, target_spec: TargetSpec) -> None:
    parameters = handle(queue_uri, 9, read=True, write=False)
    status = wire.actor().refusal(CloseQueue(handle_parameters=parameters, is_final=True))
    _check(status, _UNKNOWN, 0, "No queue with specified Id", target_spec)


@case(
    "BMQ-CLOSE-3",
    statement="A queue is closed for good once.",
    expectation="The second closeQueue is refused with E_UNKNOWN, code 0.",
    proves=("CLOSE-2",),
)
def test_close_twice(wire: Wire, queue_uri: str) -> None:
    actor = wire.actor()
    actor.open(queue_uri, write=True)
    actor.shut(queue_uri, write=True)
    parameters = handle(queue_uri, 0, read=False, write=True)
    status = actor.refusal(CloseQueue(handle_parameters=parameters, is_final=True))
    assert (status.category, status.code) == (_UNKNOWN, 0), status


@case(
    "BMQ-CLOSE-4",
    statement="closeQueue for a subId that is not open is refused.",
    expectation="E_UNKNOWN, code 0, and the queue stays open.",
    proves=("CLOSE-3",),
)
def test_close_unknown_sub_id(wire: Wire, queue_uri: str, target_spec: TargetSpec) -> None:
    actor = wire.reader(queue_uri)
    parameters = QueueHandleParameters(
        uri=queue_uri,
        q_id=0,
        sub_id_info=SubQueueIdInfo(sub_id=4, app_id="nobody"),
        flags=2,
        read_count=1,
    )
    status = actor.refusal(CloseQueue(handle_parameters=parameters))
    text = "No subStream of the queue with specified subId"
    _check(status, _UNKNOWN, 0, text, target_spec)
    guids = wire.writer(queue_uri).post(b"still delivered")
    assert [push.guid for push in actor.take_pushes(1)] == guids
    actor.confirm(*guids)


@case(
    "BMQ-CLOSE-5",
    statement="closeQueue says what is given back.",
    expectation="A request without counts is refused with E_INVALID_ARGUMENT.",
    proves=("CLOSE-4",),
)
def test_close_without_counts(wire: Wire, queue_uri: str) -> None:
    actor = wire.actor()
    actor.open(queue_uri, write=True)
    parameters = QueueHandleParameters(uri=queue_uri, q_id=0)
    status = actor.refusal(CloseQueue(handle_parameters=parameters))
    assert status.category == _INVALID, status


@case(
    "BMQ-CLOSE-6",
    statement="What a consumer has not confirmed goes to others when it closes, in order.",
    expectation="Of five messages the first is confirmed; the other four come to the second "
    "consumer, in the order of posting, before anything newer.",
    proves=("BACK-1", "BACK-2"),
)
def test_close_returns_messages(wire: Wire, queue_uri: str) -> None:
    first, producer = wire.reader(queue_uri, "first"), wire.writer(queue_uri)
    guids = producer.post(*(b"%d" % number for number in range(5)))
    assert [push.guid for push in first.take_pushes(5)] == guids
    first.confirm(guids[0])
    first.settle()
    second = wire.actor("second")
    second.open(queue_uri, read=True)
    first.shut(queue_uri, read=True)
    newer = producer.post(b"newer")
    second.configure()
    assert [push.guid for push in second.take_pushes(5)] == [*guids[1:], *newer]
    second.settle()
    assert not second.pushes
    second.confirm(*guids, *newer)
