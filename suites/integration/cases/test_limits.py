"""BMQ-LIMIT: how many consumers, producers, queues and messages a domain allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reference_broker.wire import AckStatus, put_event
from reference_broker.wire.control import OpenQueue, StatusCategory
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import CLIENTS_DOMAIN, LIMITS_DOMAIN, DomainShape
from suites.integration.actor import Actor
from suites.integration.admin import queue_words
from suites.integration.case import case
from suites.integration.connections import Wire

_CONFIGURED: Final = (Capability.CONFIGURED,)
_QUEUES_MAX: Final = 2


_MANY: Final = 1_000_000


def _refused(actor: Actor, uri: str, *, read: bool = False) -> tuple[StatusCategory, int, str]:
    request = OpenQueue(handle_parameters=actor.handle(uri, read=read, write=not read))
    status = actor.refusal(request)
    return StatusCategory(status.category), status.code, status.message


@case(
    "BMQ-LIMIT-1",
    statement="A queue has at most its domain's maxConsumers consumers.",
    expectation="Limit 1: the second is refused with E_UNKNOWN, code -1; the first one is served on; "
    "when it closes, or disconnects, another one is admitted.",
    needs=_CONFIGURED,
    proves=("OPEN-20", "OPEN-25"),
)
def test_consumers(wire: Wire, new_uri: Callable[[str], str], target_spec: TargetSpec) -> None:
    uri = new_uri(CLIENTS_DOMAIN)
    producer, first, second = wire.writer(uri), wire.reader(uri, "first"), wire.actor("second")
    category, code, text = _refused(second, uri, read=True)
    assert (category, code) == (StatusCategory.E_UNKNOWN, -1)
    if target_spec.is_ours:
        assert text == "Client would exceed the limit of 1 consumer(s)"
    guids = producer.post(b"for the first")
    assert [push.guid for push in first.take_pushes(1)] == guids
    first.shut(uri, read=True)
    second.open(uri, read=True)
    second.configure()
    assert [push.guid for push in second.take_pushes(1)] == guids
    second.confirm(*guids)
    second.settle()
    second.disconnect()
    wire.reader(uri, "third")


@case(
    "BMQ-LIMIT-2",
    statement="A queue has at most its domain's maxProducers producers.",
    expectation="Limit 1: the second is refused with E_UNKNOWN, code -1; another queue of the domain "
    "is not concerned; when the first one disconnects, another one is admitted.",
    needs=_CONFIGURED,
    proves=("OPEN-21", "OPEN-25"),
)
def test_producers(wire: Wire, new_uri: Callable[[str], str], target_spec: TargetSpec) -> None:
    uri = new_uri(CLIENTS_DOMAIN)
    first, second = wire.writer(uri, "first"), wire.actor("second")
    category, code, text = _refused(second, uri)
    assert (category, code) == (StatusCategory.E_UNKNOWN, -1)
    if target_spec.is_ours:
        assert text == "Client would exceed the limit of 1 producer(s)"
    wire.writer(new_uri(CLIENTS_DOMAIN), "of another queue").post(b"goes in")
    first.post(b"goes in")
    first.disconnect()
    second.open(uri, write=True)
    second.post(b"goes in too")


@case(
    "BMQ-LIMIT-3",
    statement="A domain has at most maxQueues queues.",
    expectation=f"Limit {_QUEUES_MAX}: one more is refused with E_REFUSED, code -205; those that "
    "exist may be opened by others; closing one frees no place, removing it does.",
    needs=_CONFIGURED,
    proves=("OPEN-22", "OPEN-26"),
)
def test_queues(
    wire: Wire, new_domain: Callable[[DomainShape], str], target_spec: TargetSpec
) -> None:
    domain = new_domain(DomainShape(changes={"maxQueues": _QUEUES_MAX}))
    uris = [f"bmq://{domain}/{number}" for number in range(_QUEUES_MAX + 1)]
    actor = wire.actor()
    for q_id, uri in enumerate(uris[:-1]):
        actor.open(uri, q_id, write=True)
    category, code, text = _refused(wire.actor("one more"), uris[-1])
    assert (category, code) == (StatusCategory.E_REFUSED, -205)
    if target_spec.is_ours:
        assert text == "maximum number of queues reached"
    wire.writer(uris[0], "another one").disconnect()
    actor.shut(uris[0], 0, write=True)
    assert _refused(actor, uris[-1])[:2] == (StatusCategory.E_REFUSED, -205)
    assert wire.admin().command("CLUSTERS CLUSTER local FORCE_GC_QUEUES") == "SUCCESS"
    actor.open(uris[-1], 0, write=True)
    actor.post(b"goes in")


@case(
    "BMQ-LIMIT-4",
    statement="The domain's limit counts the messages of all its queues.",
    expectation="Limit 3: four messages fit into two queues together, the fifth is refused with "
    "status 1 in either; after a CONFIRM one more fits.",
    needs=_CONFIGURED,
    proves=("LIMIT-3", "LIMIT-4"),
)
def test_messages_of_a_domain(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    domain = new_domain(DomainShape(domain_limits=(3, 1_000_000)))
    uris = [f"bmq://{domain}/{name}" for name in "ab"]
    producer = wire.actor("producer")
    for q_id, uri in enumerate(uris):
        producer.open(uri, q_id, write=True)
        producer.post(b"1", b"2", q_id=q_id)
    for q_id in range(2):
        producer.send(put_event(producer.puts([b"too much"], q_id)))
        assert producer.take_acks(1)[0][0] == AckStatus.LIMIT_MESSAGES
    consumer = wire.reader(uris[1], messages=1)
    (push,) = consumer.take_pushes(1)
    consumer.confirm(push.guid)
    consumer.settle()
    producer.post(b"fits now", q_id=0)


@case(
    "BMQ-LIMIT-5",
    statement="A purge makes room.",
    expectation="A queue that is full takes as many messages again after PURGE.",
    needs=_CONFIGURED,
    proves=("LIMIT-4",),
)
def test_purge_makes_room(wire: Wire, new_uri: Callable[[str], str]) -> None:
    uri = new_uri(LIMITS_DOMAIN)
    producer, admin = wire.writer(uri), wire.admin()
    for _ in range(2):
        producer.post(b"1", b"2", b"3", b"4")
        producer.send(put_event(producer.puts([b"too much"])))
        assert producer.take_acks(1)[0][0] == AckStatus.LIMIT_MESSAGES
        admin.command(f"{queue_words(uri)} PURGE *")
    producer.post(b"1")


@case(
    "BMQ-LIMIT-6",
    statement="RECONFIGURE changes limits for queues that are open.",
    expectation="A queue that is full at 3 messages takes more once the limit is 5; a second "
    "consumer is admitted once maxConsumers is 2; lowering a limit below what is there drops "
    "nothing.",
    needs=_CONFIGURED,
    proves=("LIMIT-5", "RECONF-1"),
)
def test_reconfigured_limits(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(DomainShape(queue_limits=(3, 1_000), changes={"maxConsumers": 1}))
    uri = f"bmq://{domain}/q"
    producer, admin = wire.writer(uri), wire.admin()
    guids = producer.post(b"1", b"2", b"3", b"4")
    producer.send(put_event(producer.puts([b"too much"])))
    assert producer.take_acks(1)[0][0] == AckStatus.LIMIT_MESSAGES
    consumer, other = wire.reader(uri, messages=0), wire.actor("other")
    assert _refused(other, uri, read=True)[1] == -1
    wider = DomainShape(queue_limits=(5, 1_000), changes={"maxConsumers": 2})
    target.write_domain(domain, wider)
    assert admin.command(f"DOMAINS RECONFIGURE {domain}") == "SUCCESS"
    guids += producer.post(b"5", b"6")
    other.open(uri, read=True)
    target.write_domain(domain, DomainShape(queue_limits=(1, 1_000), changes={"maxConsumers": 1}))
    assert admin.command(f"DOMAINS RECONFIGURE {domain}") == "SUCCESS"
    producer.send(put_event(producer.puts([b"too much"])))
    assert producer.take_acks(1)[0][0] == AckStatus.LIMIT_MESSAGES
    consumer.configure()
    assert [push.guid for push in consumer.take_pushes(6)] == guids
    consumer.confirm(*guids)


def _status_when_full(wire: Wire, uri: str) -> int:
    """Post messages of ten bytes until one is refused, which two are not, and return the status."""
    producer = wire.writer(uri)
    producer.post(bytes(10), bytes(10))
    producer.send(put_event(producer.puts([bytes(10)])))
    return producer.take_acks(1)[0][0]


@case(
    "BMQ-LIMIT-7",
    statement="Of one queue's limits, and of one domain's, that of messages is looked at first.",
    expectation="Two messages fill both limits, 1 message and 10 bytes: the third is refused with "
    "status 1, by a queue and by a domain. With room for messages it is refused with status 2, by "
    "either.",
    needs=_CONFIGURED,
    proves=("LIMIT-6", "ACK-9", "ACK-10"),
)
def test_messages_before_bytes(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    for limits, status in (
        ((1, 10), AckStatus.LIMIT_MESSAGES),
        ((_MANY, 10), AckStatus.LIMIT_BYTES),
    ):
        for shape in (DomainShape(queue_limits=limits), DomainShape(domain_limits=limits)):
            assert _status_when_full(wire, f"bmq://{new_domain(shape)}/q") == status, shape


@case(
    "BMQ-LIMIT-8",
    statement="A queue's limits are looked at before its domain's.",
    expectation="Two messages fill a queue's limit of messages and its domain's of bytes: the third is "
    "refused with status 1; the other way round with status 2. Then another queue of the domain "
    "refuses its first message with the domain's status.",
    needs=_CONFIGURED,
    proves=("LIMIT-3", "LIMIT-7"),
)
def test_queue_before_domain(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    messages, size = (1, _MANY), (_MANY, 10)
    by_messages, by_bytes = AckStatus.LIMIT_MESSAGES, AckStatus.LIMIT_BYTES
    for of_queue, of_domain, own, other in (
        (messages, size, by_messages, by_bytes),
        (size, messages, by_bytes, by_messages),
    ):
        domain = new_domain(DomainShape(queue_limits=of_queue, domain_limits=of_domain))
        assert _status_when_full(wire, f"bmq://{domain}/full") == own
        producer = wire.writer(f"bmq://{domain}/other")
        producer.send(put_event(producer.puts([b"the domain is full"])))
        assert producer.take_acks(1)[0][0] == other


@case(
    "BMQ-LIMIT-9",
    statement="A queue that is full keeps nothing from another one.",
    expectation="Of messages for two queues of a domain, by turns in one event, the full queue's are "
    "refused with status 1, and the other's are stored and delivered.",
    needs=_CONFIGURED,
    proves=("LIMIT-1", "ACK-9", "PUT-2"),
)
def test_full_queue_and_its_neighbour(wire: Wire, new_domain: Callable[[DomainShape], str]) -> None:
    domain = new_domain(DomainShape(queue_limits=(3, _MANY)))
    producer = wire.actor("producer")
    for q_id, name in enumerate(("full", "empty")):
        producer.open(f"bmq://{domain}/{name}", q_id, write=True)
    producer.post(b"1", b"2", b"3", b"4", q_id=0)
    refused, stored = producer.puts([b"5", b"6", b"7"], 0), producer.puts([b"1", b"2", b"3"], 1)
    producer.send(put_event(put for pair in zip(refused, stored, strict=True) for put in pair))
    statuses = {ack[2]: ack[0] for ack in producer.take_acks(6)}
    expected = {put.guid: AckStatus.LIMIT_MESSAGES for put in refused}
    assert statuses == expected | {put.guid: AckStatus.SUCCESS for put in stored}
    consumer = wire.reader(f"bmq://{domain}/empty")
    guids = [push.guid for push in consumer.take_pushes(3)]
    assert guids == [put.guid for put in stored]
    consumer.confirm(*guids)
