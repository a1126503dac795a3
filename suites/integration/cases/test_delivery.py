"""BMQ-PUSH: which consumer gets what, when, and in which form."""

from __future__ import annotations

from typing import Final

from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    Compression,
    Put,
    compress,
    put_event,
)
from reference_broker.wire.properties import (
    PropertiesLike,
    decode_properties,
    encode_properties,
)
from reference_broker.wire.push import FLAG_OUT_OF_ORDER
from suites.harness.target import Capability
from suites.integration.actor import Actor, split_properties, stream
from suites.integration.case import case
from suites.integration.connections import Wire
from suites.integration.malformed.puts import BAD_AREAS
from suites.integration.raw import identity

_OLD_FEATURES: Final = "PROTOCOL_ENCODING:BER,JSON"


def _numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


@case(
    "BMQ-PUSH-1",
    statement="Messages are delivered in the order of posting.",
    expectation="Two hundred messages, posted in events of 1 to 20, come in order, each once.",
    proves=("PUSH-2", "GUID-1", "ROUTE-1"),
)
def test_order(wire: Wire, queue_uri: str) -> None:
    consumer, producer = wire.reader(queue_uri), wire.writer(queue_uri)
    guids: list[bytes] = []
    while len(guids) < 200:
        size = min(len(guids) % 20 + 1, 200 - len(guids))
        guids += producer.post(*_numbered(size))
    assert [push.guid for push in consumer.take_pushes(200)] == guids
    consumer.settle()
    assert not consumer.pushes
    consumer.confirm(*guids)


@case(
    "BMQ-PUSH-2",
    statement="A message goes to one consumer of the stream, once.",
    expectation="Of sixty messages, posted one by one, each comes to exactly one of two equal "
    "consumers, and only once.",
    proves=("ROUTE-2",),
)
def test_exactly_one_consumer(wire: Wire, queue_uri: str) -> None:
    consumers = [wire.reader(queue_uri, "first"), wire.reader(queue_uri, "second")]
    producer = wire.writer(queue_uri)
    guids = [producer.post(payload)[0] for payload in _numbered(60)]
    for consumer in consumers:
        consumer.settle()
    came = [push.guid for consumer in consumers for push in consumer.pushes]
    twice = len(came) - len(set(came))
    assert not twice, f"{twice} of {len(guids)} messages were delivered twice"
    assert set(came) == set(guids)
    for consumer in consumers:
        assert consumer.pushes, "one consumer got everything"
        consumer.confirm(*(push.guid for push in consumer.pushes))


@case(
    "BMQ-PUSH-3",
    statement="Equal consumers take turns, each for consumerPriorityCount messages.",
    expectation="Counts 2 and 1, nine messages: A gets 0 1 3 4 6 7 and B 2 5 8, or, since either may "
    "be the first, B 0 3 6; a third consumer of lower priority gets nothing.",
    proves=("ROUTE-3", "ROUTE-4"),
)
def test_round_robin(wire: Wire, queue_uri: str) -> None:
    shares = {"A": (0, 2), "B": (0, 1), "C": (-1, 1)}
    consumers: dict[str, Actor] = {}
    for name, (priority, weight) in shares.items():
        actor = consumers[name] = wire.actor(name)
        actor.open(queue_uri, read=True)
        actor.configure(priority=priority, weight=weight)
    wire.writer(queue_uri).post(*_numbered(9))
    for actor in consumers.values():
        actor.settle()
    got = {name: [push.data for push in actor.pushes] for name, actor in consumers.items()}
    assert got["B"] in ([b"2", b"5", b"8"], [b"0", b"3", b"6"])
    assert got["A"] == [data for data in _numbered(9) if data not in got["B"]]
    assert got["C"] == []
    for actor in consumers.values():
        if actor.pushes:
            actor.confirm(*(push.guid for push in actor.pushes))


@case(
    "BMQ-PUSH-4",
    statement="Only the highest priority is served; when its last consumer leaves, the next one "
    "takes over.",
    expectation="The higher consumer gets everything; after it has closed, the lower one gets what "
    "it had not confirmed, and everything newer.",
    proves=("ROUTE-4", "ROUTE-5", "BACK-1"),
)
def test_priority(wire: Wire, queue_uri: str) -> None:
    low, high = wire.actor("low"), wire.actor("high")
    for actor, priority in ((low, 1), (high, 2)):
        actor.open(queue_uri, read=True)
        actor.configure(priority=priority)
    producer = wire.writer(queue_uri)
    early = producer.post(*_numbered(4))
    assert [push.guid for push in high.take_pushes(4)] == early
    low.settle()
    assert not low.pushes
    high.confirm(early[0])
    high.settle()
    high.shut(queue_uri, read=True)
    late = producer.post(b"late")
    assert [push.guid for push in low.take_pushes(4)] == [*early[1:], *late]
    low.confirm(*early[1:], *late)


@case(
    "BMQ-PUSH-5",
    statement="When all consumers of the highest priority are full, messages wait; they never go "
    "to a lower priority.",
    expectation="Limit 2: two messages to the higher consumer, none to the lower; after "
    "confirmations the higher one gets the rest.",
    proves=("ROUTE-6",),
)
def test_no_spill_to_lower_priority(wire: Wire, queue_uri: str) -> None:
    low, high = wire.reader(queue_uri, "low"), wire.actor("high")
    high.open(queue_uri, read=True)
    high.configure(messages=2, priority=5)
    guids = wire.writer(queue_uri).post(*_numbered(4))
    for actor in (high, low):
        actor.settle()
    assert [push.guid for push in high.take_pushes(2)] == guids[:2]
    assert not high.pushes
    assert not low.pushes
    high.confirm(*guids[:2])
    assert [push.guid for push in high.take_pushes(2)] == guids[2:]
    high.confirm(*guids[2:])
    low.settle()
    assert not low.pushes


def _flow(
    wire: Wire, uri: str, payloads: list[bytes], *, messages: int, size: int, confirms: int
) -> list[int]:
    """Return how many messages come at first, and after each of some single confirmations."""
    consumer = wire.actor("consumer")
    consumer.open(uri, read=True)
    consumer.configure(messages=messages, size=size)
    guids = wire.writer(uri).post(*payloads)
    consumer.settle()
    counts = [len(consumer.pushes)]
    for number in range(confirms):
        before = len(consumer.pushes)
        consumer.confirm(guids[number])
        consumer.settle()
        counts.append(len(consumer.pushes) - before)
    came = [push.guid for push in consumer.pushes]
    assert came == guids[: len(came)], "not in order"
    while len(consumer.pushes) < len(guids):
        consumer.confirm(*(push.guid for push in consumer.pushes))
        consumer.settle()
    consumer.confirm(*guids)
    return counts


@case(
    "BMQ-PUSH-6",
    statement="Delivery stops at maxUnconfirmedMessages and goes on at 80 % of it.",
    expectation="Limit 10: ten at first; then, confirmation by confirmation, 0, 2, 0, 2 more.",
    proves=("FLOW-1", "FLOW-3"),
)
def test_message_flow_control(wire: Wire, queue_uri: str) -> None:
    counts = _flow(wire, queue_uri, _numbered(20), messages=10, size=1_000_000, confirms=4)
    assert counts == [10, 0, 2, 0, 2]


@case(
    "BMQ-PUSH-7",
    statement="Delivery stops when maxUnconfirmedBytes are reached, tested before a message is "
    "sent, and goes on at 80 % of it.",
    expectation="Limit 100 bytes, messages of 40: three at first; then 1 more with each "
    "confirmation.",
    proves=("FLOW-2", "FLOW-3"),
)
def test_byte_flow_control(wire: Wire, queue_uri: str) -> None:
    payloads = [bytes([number]) * 40 for number in range(10)]
    counts = _flow(wire, queue_uri, payloads, messages=1000, size=100, confirms=4)
    assert counts == [3, 1, 1, 1, 1]


@case(
    "BMQ-PUSH-8",
    statement="A limit of 0 means that nothing is delivered.",
    expectation="Nothing with 0 messages, nothing with 0 bytes; all once both are positive.",
    proves=("FLOW-4",),
)
def test_limits_of_zero(wire: Wire, queue_uri: str) -> None:
    consumer = wire.actor("consumer")
    consumer.open(queue_uri, read=True)
    consumer.configure(messages=0)
    guids = wire.writer(queue_uri).post(*_numbered(3))
    consumer.settle()
    consumer.configure(size=0)
    consumer.settle()
    assert not consumer.pushes
    consumer.configure()
    assert [push.guid for push in consumer.take_pushes(3)] == guids
    consumer.confirm(*guids)


@case(
    "BMQ-PUSH-9",
    statement="A PUSH names the subscription of the latest configureStream that was answered.",
    expectation="One id per message: the first sId before, the second after a reconfigure; what "
    "the consumer holds is not delivered again.",
    proves=("PUSH-3", "PUSH-4", "CFG-13"),
)
def test_latest_subscription_id(wire: Wire, queue_uri: str) -> None:
    consumer, producer = wire.actor("consumer"), wire.writer(queue_uri)
    consumer.open(queue_uri, read=True)
    consumer.request(stream(0, 41))
    producer.post(b"before")
    (before,) = consumer.take_pushes(1)
    consumer.request(stream(0, 97))
    producer.post(b"after")
    (after,) = consumer.take_pushes(1)
    assert (before.ids, before.data) == ((41,), b"before")
    assert (after.ids, after.data) == ((97,), b"after")
    consumer.settle()
    assert not consumer.pushes
    consumer.confirm(before.guid, after.guid)


@case(
    "BMQ-PUSH-10",
    statement="A reader configured with configureQueueStream gets the subId of its open request, "
    "0 without an appId.",
    expectation="Id 0.",
    proves=("PUSH-5",),
)
def test_old_style_reader_gets_sub_id(wire: Wire, queue_uri: str) -> None:
    consumer = wire.actor("consumer")
    consumer.open(queue_uri, read=True)
    consumer.configure_old_style()
    wire.writer(queue_uri).post(b"to nobody in particular")
    (push,) = consumer.take_pushes(1)
    assert push.ids in {(0,), ()}, push.ids
    consumer.confirm(push.guid)


@case(
    "BMQ-PUSH-11",
    statement="A message that was delivered before is flagged OUT_OF_ORDER.",
    expectation="Not set on first deliveries, set on redeliveries, not set on newer messages.",
    proves=("PUSH-7", "PUSH-8"),
)
def test_out_of_order_flag(wire: Wire, queue_uri: str) -> None:
    first, producer = wire.reader(queue_uri, "first"), wire.writer(queue_uri)
    guids = producer.post(*_numbered(2))
    assert [push.flags & FLAG_OUT_OF_ORDER for push in first.take_pushes(2)] == [0, 0]
    first.shut(queue_uri, read=True)
    second = wire.reader(queue_uri, "second")
    guids += producer.post(b"newer")
    pushes = second.take_pushes(3)
    assert [push.guid for push in pushes] == guids
    flags = [push.flags & FLAG_OUT_OF_ORDER for push in pushes]
    assert flags == [FLAG_OUT_OF_ORDER, FLAG_OUT_OF_ORDER, 0]
    second.confirm(*guids)


@case(
    "BMQ-PUSH-12",
    statement="A consumer that does not announce MESSAGE_PROPERTIES_EX gets new-style messages in "
    "old style.",
    expectation="Lengths in place of offsets, payload decompressed, CAT 0, schema id 0; a message "
    "without properties is decompressed too.",
    proves=("FEAT-5", "PROP-4", "PROP-5"),
)
def test_conversion_to_old_style(wire: Wire, queue_uri: str) -> None:
    consumer, producer = wire.peer("old consumer"), wire.writer(queue_uri)
    consumer.start(identity(features=_OLD_FEATURES))
    consumer.open(queue_uri, read=True)
    consumer.configure_old_style()
    values: PropertiesLike = {"b": b"\0\1", "i": 42, "s": "text", "t": True}
    area = encode_properties(values, new_style=True)
    payload = b"payload " * 500
    flags = FLAG_ACK_REQUESTED | FLAG_MESSAGE_PROPERTIES
    data = area + compress(payload)
    producer.send(put_event([Put(0, producer.new_guid(), data, flags, Compression.ZLIB, 1)]))
    (push,) = consumer.take_pushes(1)
    assert (push.compression, push.schema) == (Compression.NONE, 0)
    assert push.flags & FLAG_MESSAGE_PROPERTIES
    old_area, plain = split_properties(push)
    assert plain == payload
    assert old_area == encode_properties(values, new_style=False)
    assert decode_properties(old_area, new_style=False) == decode_properties(area, new_style=True)
    consumer.confirm(push.guid)


@case(
    "BMQ-PUSH-13",
    statement="The answer to a configure request leaves before the first PUSH that depends on it.",
    expectation="With messages waiting, a configureStream is answered first and served then; and "
    "after a deconfigure is answered nothing comes.",
    proves=("CFG-4", "CFG-11", "CFG-14"),
)
def test_answer_before_deliveries(wire: Wire, queue_uri: str) -> None:
    producer, consumer = wire.writer(queue_uri), wire.actor("consumer")
    guids = producer.post(*_numbered(5))
    consumer.open(queue_uri, read=True)
    consumer.seen.clear()
    consumer.configure()
    consumer.take_pushes(5)
    assert consumer.seen[0] == "CONTROL", consumer.seen
    consumer.deconfigure()
    last = producer.post(b"last")
    consumer.settle()
    assert not consumer.pushes
    consumer.configure()
    assert [push.guid for push in consumer.take_pushes(1)] == last
    consumer.confirm(*guids, *last)


@case(
    "BMQ-PUSH-14",
    statement="What is posted before anybody reads waits.",
    expectation="A consumer that comes after the producer has gone gets everything, in order.",
    proves=("ROUTE-7",),
)
def test_late_consumer(wire: Wire, queue_uri: str) -> None:
    producer = wire.writer(queue_uri)
    guids = producer.post(*_numbered(30))
    producer.shut(queue_uri, write=True)
    producer.disconnect()
    consumer = wire.reader(queue_uri)
    assert [push.guid for push in consumer.take_pushes(30)] == guids
    consumer.confirm(*guids)


@case(
    "BMQ-PUSH-15",
    statement="Messages of one producer keep their order with each consumer, also when several "
    "share the queue.",
    expectation="Three consumers, ninety messages of two producers: with every consumer the "
    "numbers of each producer rise.",
    proves=("ROUTE-8",),
)
def test_order_per_producer(wire: Wire, queue_uri: str) -> None:
    consumers = [wire.reader(queue_uri, f"consumer {number}") for number in range(3)]
    producers = [wire.writer(queue_uri, f"producer {number}") for number in range(2)]
    for start in range(0, 45, 3):
        for number, producer in enumerate(producers):
            producer.post(*(b"%d %d" % (number, start + step) for step in range(3)))
    total = 0
    for consumer in consumers:
        consumer.settle()
        total += len(consumer.pushes)
        for number in range(2):
            prefix = b"%d " % number
            mine = [int(push.data[2:]) for push in consumer.pushes if push.data.startswith(prefix)]
            assert mine == sorted(set(mine))
        consumer.confirm(*(push.guid for push in consumer.pushes))
    assert total == 90


@case(
    "BMQ-PUSH-16",
    statement="A reader is served once it is configured, not when it is opened.",
    expectation="Nothing comes between openQueueResponse and configureStream.",
    proves=("CFG-3",),
)
def test_nothing_before_configure(wire: Wire, queue_uri: str) -> None:
    guids = wire.writer(queue_uri).post(*_numbered(2))
    consumer = wire.actor("consumer")
    consumer.open(queue_uri, read=True)
    consumer.settle()
    assert not consumer.pushes
    consumer.configure()
    assert [push.guid for push in consumer.take_pushes(2)] == guids
    consumer.confirm(*guids)


@case(
    "BMQ-PUSH-17",
    statement="The reference broker does not look into message properties, and delivers malformed "
    "ones as well.",
    expectation="A consumer of old-style properties gets messages whose new-style properties are "
    "nonsense, in whatever form; then it gets a good one, converted. (BlazingMQ drops messages that "
    "it cannot convert.)",
    needs=(Capability.REFERENCE,),
    proves=("PROP-6", "PROP-7"),
)
def test_nonsense_to_old_style_consumers(wire: Wire, queue_uri: str) -> None:
    consumer, producer = wire.peer("old consumer"), wire.writer(queue_uri)
    consumer.start(identity(features=_OLD_FEATURES))
    consumer.open(queue_uri, read=True)
    consumer.configure_old_style()
    flags = FLAG_ACK_REQUESTED | FLAG_MESSAGE_PROPERTIES
    bad = [
        Put(0, producer.new_guid(), area, flags, compression, 1)
        for _, area in BAD_AREAS
        for compression in (Compression.NONE, Compression.ZLIB)
    ]
    area = encode_properties({"good": 1}, new_style=True)
    good = Put(0, producer.new_guid(), area + b"payload", flags, Compression.NONE, 1)
    producer.send(put_event([*bad, good]))
    pushes = consumer.take_pushes(len(bad) + 1)
    assert [push.guid for push in pushes] == [put.guid for put in (*bad, good)]
    old_area = encode_properties({"good": 1}, new_style=False)
    assert split_properties(pushes[-1]) == (old_area, b"payload")
    consumer.confirm(*(push.guid for push in pushes))
